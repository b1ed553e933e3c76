//! `wabacl import --update`: manifests that people wrote, brought up to date with what is live.

use super::Place;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

/// A WABA by its id and name, and what users hold on it.
type Waba = (u64, &'static str, Vec<(u64, &'static str)>);

/// Returns a world: system users by their ids, and WABAs with a name and what users hold.
fn world(users: &[(u64, &str)], wabas: &[Waba]) -> String {
    let users: Vec<String> =
        users.iter().map(|(id, name)| format!("{{ id: {id}, name: \"{name}\" }}")).collect();
    let mut text = format!(
        "businesses:\n  - id: 1\n    name: Us\n    system_users: [{{ id: 10, name: admin, role: ADMIN, listed: false }}, {}]\nwabas:\n",
        users.join(", ")
    );
    for (id, name, held) in wabas {
        let held: Vec<String> =
            held.iter().map(|(user, tasks)| format!("{{ user: {user}, tasks: [{tasks}] }}")).collect();
        let held = held.join(", ");
        writeln!(text, "  - {{ id: {id}, name: \"{name}\", owned_by: 1, assigned: [{held}] }}").unwrap();
    }
    text
}

const USERS: [(u64, &str); 3] = [(11, "ops"), (12, "bot"), (13, "reader")];

/// What people wrote: comments, reasons, names of their own, a table.
const ACCESS: &str = "\
# Our access. Ask Ana before you change it.
version: 1
business: 1
prune: declared

system_users:
  Ops Team: { id: 11 }   # on call
  bot: { id: 12 }
  reader: {}
  # more to come

wabas_from: [shops.csv]

discover:
  - from: owned

grants:
  - name: reader everywhere
    users: [reader]
    tasks: [analyst]
    wabas: [\"*\"]
    reason: OPS-1

  - { users: [\"Ops Team\"], tasks: [MANAGE], labels: { tier: gold } }
# The end.

roles:
  analyst: [VIEW_COST, VIEW_INSIGHTS]
";

const TABLE: &str = "id,name,label:tier,label:note\n501,shop-one,gold,first\n502,shop-two,gold,\n";

const ANALYST: &str = "VIEW_COST, VIEW_INSIGHTS";

/// Returns what the manifests give: shops, of which the first two are gold.
fn held() -> Vec<Waba> {
    let shop = |id, name, is_gold| {
        let manages = if is_gold { vec![(11, "MANAGE")] } else { Vec::new() };
        (id, name, [manages, vec![(13, ANALYST)]].concat())
    };
    vec![shop(501, "shop-one", true), shop(502, "shop-two", true), shop(503, "shop-three", false)]
}

fn place(users: &[(u64, &str)], wabas: &[Waba]) -> Place {
    let place = Place::new();
    place.remove("access/users.yaml");
    place.write("access/access.yaml", ACCESS);
    place.write("access/shops.csv", TABLE);
    live(&place, users, wabas);
    place
}

/// Makes this the live state.
fn live(place: &Place, users: &[(u64, &str)], wabas: &[Waba]) {
    place.write("live.yaml", &world(users, wabas));
}

/// Returns the texts of the files of the folder, by name.
fn files(place: &Place) -> BTreeMap<String, String> {
    let entries = fs::read_dir(place.folder.path().join("access")).unwrap();
    let text = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| text(entry.unwrap())).collect()
}

/// Returns the lines that files have and had not. Every line that they had is still there, in order.
fn added(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let mut added = Vec::new();
    for (name, after) in after {
        let mut old =
            before.get(name).map(String::as_str).unwrap_or_default().split_inclusive('\n').peekable();
        for line in after.split_inclusive('\n') {
            if old.peek() == Some(&line) {
                old.next();
            } else {
                added.push(format!("{name}: {}", line.trim_end()));
            }
        }
        assert_eq!(old.next(), None, "a line of {name} is gone: {after}");
    }
    added
}

fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

#[test]
fn what_fits_changes_no_byte() {
    let mut wabas = held();
    wabas.push((504, "shop-four", vec![(13, ANALYST)]));
    let place = place(&USERS, &wabas);
    let before = files(&place);
    let ran = place.on("import --update access", "").ends(0);
    ran.says("There is nothing to add to access.").says("Their plan is empty");
    assert_eq!(files(&place), before);
}

#[test]
fn only_what_is_new_is_added_and_the_plan_is_empty() {
    let mut wabas = held();
    // A misfit, a WABA that is as the gold ones are, and a new user on all WABAs.
    wabas[2].2.push((12, "MESSAGING"));
    wabas.push((504, "shop-four", vec![(11, "MANAGE"), (13, ANALYST)]));
    for waba in &mut wabas {
        waba.2.push((14, "VIEW_TEMPLATES"));
    }
    // Another one on the gold ones.
    for waba in [0, 1, 3] {
        wabas[waba].2.push((15, "DEVELOP"));
    }
    let place = place(&[USERS.as_slice(), &[(14, "=evil\\u202E # bot"), (15, "gold-bot")]].concat(), &wabas);
    let before = files(&place);
    place
        .on("import --update access", "")
        .ends(0)
        .says("Added 2 system users, 1 WABA, 3 grants to access.")
        .says("Their plan is empty");
    let today = today();
    let expected = [
        "access.yaml:   evil-bot: { id: 14, name: \"=evil\\U0000202e # bot\" }".to_owned(),
        "access.yaml:   gold-bot: { id: 15 }".to_owned(),
        format!(
            "access.yaml:   - {{ users: [evil-bot], tasks: [VIEW_TEMPLATES], wabas: [\"*\"], reason: \"imported {today}\" }}"
        ),
        format!(
            "access.yaml:   - {{ users: [gold-bot], tasks: [DEVELOP], labels: {{ tier: gold }}, reason: \"imported {today}\" }}"
        ),
        format!(
            "access.yaml:   - {{ users: [bot], tasks: [MESSAGING], wabas: [503], reason: \"imported {today}\" }} # shop-three"
        ),
        "shops.csv: 504,shop-four,gold,".to_owned(),
    ];
    let after = files(&place);
    assert_eq!(added(&before, &after), expected);
    // The list of grants ends before the comment of the file.
    let grants = after["access.yaml"].split_once("# The end.").unwrap().0;
    assert!(grants.ends_with("# shop-three\n"), "{grants}");
    assert!(after["access.yaml"].contains("  # more to come\n  evil-bot"), "{}", after["access.yaml"]);
    place.trial("plan --detailed-exitcode").ends(0);
    place.on("import --update access", "").ends(0).says("There is nothing to add");
    assert_eq!(files(&place), after);
}

#[test]
fn a_single_difference_becomes_an_exception_to_review() {
    let mut wabas = held();
    wabas[2].2[0].1 = "VIEW_COST, VIEW_INSIGHTS, MESSAGING";
    let place = place(&USERS, &wabas);
    let before = files(&place);
    place.on("import --update access", "").ends(0).says("4 lines in the new file access/exceptions.yaml");
    let lines = added(&before, &files(&place));
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(
        lines[3],
        format!(
            "exceptions.yaml:   - {{ users: [reader], tasks: [MESSAGING, VIEW_COST, VIEW_INSIGHTS], wabas: [503], reason: \"imported {}\" }} # shop-three",
            today()
        )
    );
    place.trial("plan --detailed-exitcode").ends(0);
    // The next one stands below it.
    wabas[1].2[1].1 = "VIEW_COST, VIEW_INSIGHTS, DEVELOP";
    live(&place, &USERS, &wabas);
    let before = files(&place);
    place
        .on("import --update access --emulate-fresh", "")
        .ends(0)
        .says("1 line added to access/exceptions.yaml");
    assert_eq!(added(&before, &files(&place)).len(), 1);
    place.trial("plan --detailed-exitcode --emulate-fresh").ends(0);
}

#[test]
fn what_the_manifests_ask_for_is_never_taken_back() {
    let mut wabas = held();
    // Lost outside; and one who lost a task and got another.
    wabas[0].2.remove(0);
    wabas[2].2[0].1 = "VIEW_COST, MESSAGING";
    let place = place(&USERS, &wabas);
    let before = files(&place);
    let ran = place.on("import --update access", "").ends(0);
    ran.says("The manifests ask for more than is live, which `apply` would give (2 assignments):")
        .says("+ WABA shop-one (501), user Ops Team (11): MANAGE\n    by grants[1] at access/access.yaml:24")
        .says("+ WABA shop-three (503), user reader (13): VIEW_INSIGHTS\n    by grants[0] \"reader everywhere\" at access/access.yaml:18");
    let lines = added(&before, &files(&place));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("access.yaml:   - { users: [reader], tasks: [MESSAGING], wabas: [503]"),
        "{lines:?}"
    );
    place.trial("plan").ends(0).says("Plan: 1 to assign, 1 to change, 0 to revoke");
}

#[test]
fn what_an_exception_or_a_suspension_decides_is_named_and_left() {
    let mut wabas = held();
    wabas[2].2.push((12, "MESSAGING"));
    let place = place(&USERS, &wabas);
    place.edit("access/access.yaml", "  reader: {}", "  reader: { suspended: left us }");
    let exception = "\nexceptions: [{ users: [bot], tasks: [VIEW_COST], wabas: [503], reason: agreed }]\n";
    place.write("access/more.yaml", &format!("version: 1{exception}"));
    let before = files(&place);
    let ran = place.on("import --update access", "").ends(4);
    ran.says("There is nothing to add to access.")
        .says("+ WABA shop-three (503), user bot (12): VIEW_COST")
        .says("Live and not added; `apply` would take it away, unless `prune: none` keeps it (4 assignments):")
        .says("- WABA shop-three (503), user bot (12): MESSAGING\n    except: exceptions[0] at access/more.yaml:2 (agreed)")
        .says("suspended at access/access.yaml:9 (left us)");
    assert_eq!(files(&place), before);
}

#[test]
fn lists_in_flow_style_are_continued_in_a_new_file() {
    let mut wabas = held();
    for waba in &mut wabas {
        waba.2.push((14, "NEW_TASK"));
    }
    let place = place(&[USERS.as_slice(), &[(14, "crm")]].concat(), &wabas);
    place.write(
        "access/access.yaml",
        "version: 1\nbusiness: 1\nsystem_users: { ops: { id: 11 }, reader: { id: 13 } }\nwabas_from: [shops.csv]\n\
         discover: [{ from: owned }]\ngrants: [{ users: [reader], tasks: [VIEW_COST, VIEW_INSIGHTS], wabas: [\"*\"] },\n\
         { users: [ops], tasks: [MANAGE], labels: { tier: gold } }]\n",
    );
    let before = files(&place);
    place.on("import --update access", "").ends(0).says("Added 1 system user, 1 grant, 1 unknown task");
    let today = today();
    let name = format!("imported-{today}.yaml");
    let mut after = files(&place);
    assert_eq!(
        after.remove(&name).unwrap(),
        format!(
            "# Added by `wabacl import --update`. Move the entries to where they belong.\nversion: 1\nextra_tasks: [NEW_TASK]\n\n\
             system_users:\n  crm: {{ id: 14 }}\n\n\
             grants:\n  - {{ users: [crm], tasks: [NEW_TASK], wabas: [\"*\"], reason: \"imported {today}\" }}\n"
        )
    );
    assert_eq!(after, before);
    place.trial("plan --detailed-exitcode").ends(0);
}

#[test]
fn without_rules_each_waba_in_use_is_declared() {
    let mut wabas = held();
    wabas.push((504, "Twin", vec![(13, ANALYST), (11, "DEVELOP")]));
    wabas.push((505, "Twin", vec![]));
    let place = place(&USERS, &wabas);
    place.edit("access/access.yaml", "discover:\n  - from: owned\n", "");
    place.edit("access/access.yaml", "wabas: [\"*\"]", "wabas: [\"shop-*\", \"Twin*\"]");
    // No line break at the end, and those of Windows.
    let table = "id,name,label:tier\r\n501,shop-one,gold\r\n502,shop-two,gold\r\n503,shop-three,";
    place.write("access/shops.csv", table);
    place.edit("access/access.yaml", "\"Twin*\"]", "\"shop-o*\"]");
    place.on("import --update access", "").ends(0).says("Added 1 WABA, 2 exceptions to access.");
    assert_eq!(place.read("access/shops.csv"), format!("{table}\r\n504,Twin #504,\r\n"));
    place.trial("plan --detailed-exitcode").ends(0);
}

#[test]
fn errors_are_reported_and_nothing_is_written() {
    let place = place(&USERS, &held());
    place.edit("access/access.yaml", "tasks: [MANAGE]", "tasks: [MANGE]");
    let before = files(&place);
    let ran = place.on("import --update access", "").ends(1);
    ran.says("`MANGE`")
        .says("access/access.yaml:24")
        .says("the manifests have an error; nothing was written");
    assert_eq!(files(&place), before);
    place.run("import --update access --out new --emulate live.yaml").ends(64).says("cannot be used with");
    place.run("import --emulate live.yaml").ends(64).says("--out <DIR>|--update <DIR>");
    place.on("import --update access --normalize", "").ends(64).says("--normalize leaves exceptions out");
    place.on("import --update nowhere", "").ends(1).says("nowhere is not a folder");
    place.edit("access/access.yaml", "tasks: [MANGE]", "tasks: [MANAGE]");
    let ran = place.on("import --update access --business 2", "").ends(1);
    ran.says("the manifests are for the business 1, and --business is 2");
}

#[test]
fn a_waba_that_is_not_readable_is_named_and_left_out() {
    let place = place(&USERS, &held());
    let closed = "unreadable: { status: 403, code: 200, message: (#200) no access }, assigned";
    let text = place.read("live.yaml");
    let (rest, last) = text.rsplit_once("assigned").unwrap();
    place.write("live.yaml", &format!("{rest}{closed}{last}"));
    let ran = place.on("import --update access", "").ends(4);
    ran.says("warning: the access on shop-three (503) is not known and was left out: ")
        .says("(#200) no access");
}

#[test]
#[cfg(unix)]
fn modes_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mut wabas = held();
    wabas[2].2.push((12, "MESSAGING"));
    let place = place(&USERS, &wabas);
    let path = |name: &str| place.folder.path().join(name);
    fs::create_dir(path("access/parts")).unwrap();
    fs::rename(path("access/access.yaml"), path("access/parts/real")).unwrap();
    fs::rename(path("access/shops.csv"), path("access/parts/shops.csv")).unwrap();
    symlink("parts/real", path("access/access.yaml")).unwrap();
    fs::set_permissions(path("access/parts/real"), fs::Permissions::from_mode(0o644)).unwrap();
    place.on("import --update access", "").ends(0).says("1 line added to access/access.yaml");
    assert!(path("access/access.yaml").symlink_metadata().unwrap().is_symlink());
    assert!(place.read("access/parts/real").contains("[503]"));
    assert_eq!(path("access/parts/real").metadata().unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn users_of_another_set_are_not_added() {
    let mut wabas = held();
    wabas[2].2.push((12, "MESSAGING"));
    let place = place(&USERS, &wabas);
    place.edit("access/access.yaml", "  bot: { id: 12 }\n", "");
    place.write(
        "other.yaml",
        "version: 1\nset: other\nbusiness: 1\nsystem_users: { bot: { id: 12 } }\n\
         wabas: { three: { id: 503 } }\ngrants: [{ users: [bot], tasks: [MESSAGING], wabas: [three] }]\n",
    );
    place.on("apply other.yaml --auto-approve", "").ends(0);
    place.on("import --update access", "").ends(0).says("There is nothing to add to access.");
}
