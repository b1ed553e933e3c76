//! Manifests that parse, and the diagnostics of those that do not.

use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::fmt::Write as _;

mod coverage;
mod tables;

/// A manifest with every section.
const GOOD: &str = r#"version: 1
business: 9876543210987654
system_users:
  deploy-bot: { id: 1972385232742147 }
  "Ops Admin": {}
  reporting: { name: "Reporting (prod)" }
  root-admin: { id: 1972385232742150, by_role: true }
roles:
  template-editor: [MANAGE_TEMPLATES, VIEW_TEMPLATES]
wabas:
  acme-eu:
    id: 102290129340398
    shared: admin
    labels: { region: eu, tier: gold }
  globex: { id: 104996122399160, line_of_credit: true, prune: all }
discover:
  - from: client
    name: "Acme *"
    labels: { origin: discovered }
grants:
  - name: ops on gold
    users: ["Ops Admin"]
    tasks: [MANAGE]
    labels: { tier: gold }
  - users: [deploy-bot]
    tasks: [template-editor, VIEW_COST]
    wabas: ["acme-*", globex]
    until: 2027-03-31
    reason: OPS-1234
prune: declared
guards:
  max_removals_percent: 12.5
  max_removals: 7
  min_holders: { MANAGE: 2 }
  protected_users: ["Ops Admin"]
implied:
  MANAGE: [VIEW_COST]
"#;

fn sources(texts: &[&str]) -> Sources {
    let mut sources = Sources::default();
    for (number, text) in (1..).zip(texts) {
        sources.add(format!("{number}.yaml"), *text);
    }
    sources
}

/// Parses texts as one manifest and returns a line for each diagnostic: position, code, message, help.
fn diagnostics_of(texts: &[&str]) -> String {
    let sources = sources(texts);
    let (manifest, diagnostics) = parse(&sources);
    let has_errors = diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(manifest.is_none(), has_errors, "parse returns a manifest exactly if there is no error");
    let mut lines = String::new();
    for Diagnostic { code, message, at, help, .. } in &diagnostics {
        let at = at.unwrap_or_default();
        if texts.len() > 1 {
            write!(lines, "{}:", sources.path(at.source)).unwrap();
        }
        write!(lines, "{}:{} {code}: {message}", at.line, at.column).unwrap();
        if let Some(help) = help {
            write!(lines, " | {help}").unwrap();
        }
        lines.push('\n');
    }
    lines
}

/// Returns the diagnostics of [`GOOD`] after one replacement.
fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    diagnostics_of(&[&GOOD.replacen(from, to, 1)])
}

fn good(text: &str) -> Manifest {
    let (manifest, diagnostics) = parse(&sources(&[text]));
    manifest.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

#[test]
fn a_good_manifest_parses_completely() {
    let manifest = good(GOOD);
    assert_eq!(diagnostics_of(&[GOOD]), "");
    assert_eq!(manifest.business.value.to_string(), "9876543210987654");
    assert_eq!(manifest.system_users.len(), 4);
    assert!(manifest.system_users["root-admin"].by_role);
    let reporting = &manifest.system_users["reporting"];
    assert_eq!((reporting.id, reporting.name.as_ref().unwrap().value.as_str()), (None, "Reporting (prod)"));
    let (acme, globex) = (&manifest.wabas["acme-eu"], &manifest.wabas["globex"]);
    assert_eq!((acme.shared.value, acme.line_of_credit, acme.prune), (Shared::Admin, None, None));
    assert_eq!((globex.shared.value, globex.prune), (Shared::Owned, Some(Prune::All)));
    assert!(globex.line_of_credit.is_some());
    let [rule] = &*manifest.discover else { panic!("one rule") };
    assert_eq!((rule.from, rule.name.as_ref().unwrap().as_str()), (DiscoverFrom::Client, "Acme *"));
    let [ops, deploy] = &*manifest.grants else { panic!("two grants") };
    assert_eq!((ops.path.as_str(), deploy.path.as_str()), ("grants[0]", "grants[1]"));
    assert_eq!((ops.at.line, ops.at.column, deploy.at.line), (21, 5, 25));
    assert_eq!(deploy.tasks, TaskSet::from([Task::ManageTemplates, Task::ViewTemplates, Task::ViewCost]));
    assert_eq!(deploy.until.unwrap().value.to_string(), "2027-03-31");
    assert_eq!(manifest.guards.min_holders, BTreeMap::from([(Task::Manage, 2), (Task::Messaging, 1)]));
    assert_eq!((manifest.guards.max_removals, manifest.guards.max_removals_percent), (7, 12.5));
    assert_eq!(manifest.implied, BTreeMap::from([(Task::Manage, TaskSet::from([Task::ViewCost]))]));
}

#[test]
fn any_document_can_hold_any_section_and_empty_documents_are_ignored() {
    let pieces: Vec<&str> = GOOD.split("wabas:\n  acme-eu").collect();
    let [first, second] = &*pieces else { panic!("two pieces") };
    let second = format!("version: 1\nwabas:\n  acme-eu{second}");
    let joined = format!("---\n# nothing\n---\n{second}---\n{first}---\n");
    let (of_one, of_two) = (good(GOOD), good(&joined));
    assert_eq!(of_one.wabas.keys().collect::<Vec<_>>(), of_two.wabas.keys().collect::<Vec<_>>());
    assert_eq!(of_one.grants.len(), of_two.grants.len());
    assert_eq!(of_one.guards, of_two.guards);
    assert_eq!(diagnostics_of(&[first, &second]), "");
    assert_eq!(diagnostics_of(&[&GOOD.replace('\n', "\r\n")]), "", "Windows line endings are accepted");
    assert_eq!(diagnostics_of(&[&format!("\u{feff}{GOOD}")]), "", "a byte order mark is skipped");
}

#[test]
fn missing_values_have_defaults() {
    let manifest = good("version: 1\nbusiness: 1\n");
    assert_eq!((manifest.prune, manifest.guards), (Prune::Declared, Guards::default()));
}

#[test]
fn every_task_is_known() {
    for task in Task::ALL {
        assert_eq!(changed("[MANAGE]", &format!("[{task}]")), "");
    }
}

#[test]
fn invalid_keys() {
    assert_snapshot!(changed("shared: admin", "shard: admin"), @"13:5 unknown-key: unknown key `shard` | did you mean `shared`?");
    assert_snapshot!(changed("prune: declared", "zzz: declared"), @"30:1 unknown-key: unknown key `zzz` | known keys here: version, business, set, system_users, ignored_users, roles, wabas, wabas_from, discover, grants, exceptions, prune, undeclared, extra_tasks, guards, waivers, tests, implied");
    let several =
        GOOD.replace("reason:", "raeson:").replace("name: ops", "nam: ops").replace("by_role", "by_rule");
    assert_snapshot!(diagnostics_of(&[&several]), @r"
    7:39 unknown-key: unknown key `by_rule` | did you mean `by_role`?
    21:5 unknown-key: unknown key `nam` | did you mean `name`?
    29:5 unknown-key: unknown key `raeson` | did you mean `reason`?
    ");
    assert_snapshot!(changed("    shared: admin\n", "    shared: admin\n    shared: owned\n"), @"14:5 duplicate-key: duplicate key `shared` | remove one of them");
    assert_snapshot!(changed("region: eu,", "region: eu, region: us,"), @"14:27 duplicate-key: duplicate key `region` | remove one of them");
    assert_snapshot!(changed("prune: declared\n", "prune: declared\ngrants: []\n"), @"31:1 duplicate-key: duplicate key `grants` | remove one of them");
    assert_snapshot!(changed("    shared: admin\n", "    <<: { shared: admin }\n"), @"13:5 merge-key: merge keys (`<<`) are not supported | write the keys out, or use a role or labels instead");
    assert_snapshot!(changed("  deploy-bot:", "  <<: { a: {} }\n  deploy-bot:"), @"4:3 merge-key: merge keys (`<<`) are not supported | write the keys out, or use a role or labels instead");
    assert_snapshot!(changed("  acme-eu:", "  <<: { a: { id: 5 } }\n  acme-eu:"), @"11:3 merge-key: merge keys (`<<`) are not supported | write the keys out, or use a role or labels instead");
    assert_snapshot!(changed("{ region: eu,", "{ <<: { a: b }, region: eu,"), @"14:15 merge-key: merge keys (`<<`) are not supported | write the keys out, or use a role or labels instead");
    assert_snapshot!(changed("{ MANAGE: 2 }", "{ MANAGE: 2, MANAGE: 3 }"), @"34:29 duplicate-key: duplicate key `MANAGE` | remove one of them");
}

#[test]
fn missing_and_unsupported_versions() {
    assert_snapshot!(changed("version: 1\n", ""), @"1:1 wrong-version: this document has no `version` | write `version: 1` in every document");
    assert_snapshot!(changed("version: 1\n", "version: 2\n"), @"1:10 wrong-version: unsupported version `2` | write `version: 1` in every document");
    assert_snapshot!(changed("version: 1\n", "version: 1.0\n"), @"1:10 wrong-version: unsupported version `1.0` | write `version: 1` in every document");
    assert_snapshot!(changed("grants:", "---\ngrants:"), @"21:1 wrong-version: this document has no `version` | write `version: 1` in every document");
    assert_snapshot!(diagnostics_of(&["# nothing\n"]), @"1:1 empty-manifest: the files contain no document | start with `version: 1`");
    assert_snapshot!(diagnostics_of(&["version: 1\n"]), @"1:1 no-business: no document sets `business` | write `business:` and the id of the business portfolio, in exactly one document");
}

#[test]
fn min_holders_are_merged_with_the_default() {
    let holders =
        |given: &str| good(&GOOD.replacen("  min_holders: { MANAGE: 2 }\n", given, 1)).guards.min_holders;
    let default = || BTreeMap::from([(Task::Manage, 1), (Task::Messaging, 1)]);
    let with = |task, least| default().into_iter().chain([(task, least)]).collect::<BTreeMap<_, _>>();
    assert_eq!(holders(""), default());
    assert_eq!(holders("  min_holders: { DEVELOP: 3 }\n"), with(Task::Develop, 3));
    assert_eq!(holders("  min_holders: { MANAGE: 0 }\n"), with(Task::Manage, 0));
    assert_eq!(holders("  min_holders: {}\n"), default());
    let other = "version: 1\nguards: { min_holders: { MESSAGING: 1 } }\n";
    assert_snapshot!(diagnostics_of(&[GOOD, other]), @"2.yaml:2:24 given-twice: `guards.min_holders` is set more than once | set it once across all files; first set at 1.yaml:34:16");
}

#[test]
fn values_and_names_that_are_set_twice() {
    let other =
        "version: 1\nbusiness: 5\nprune: all\nguards: { max_removals: 1, protected_users: [reporting] }\n";
    assert_snapshot!(diagnostics_of(&[GOOD, other]), @r"
    2.yaml:2:11 given-twice: `business` is set more than once | set it once across all files; first set at 1.yaml:2:11
    2.yaml:3:8 given-twice: `prune` is set more than once | set it once across all files; first set at 1.yaml:30:8
    2.yaml:4:25 given-twice: `guards.max_removals` is set more than once | set it once across all files; first set at 1.yaml:33:17
    2.yaml:4:46 given-twice: `guards.protected_users` is set more than once | set it once across all files; first set at 1.yaml:35:21
    ");
    let names = "version: 1\nsystem_users: { deploy-bot: {} }\nroles: { template-editor: [] }\nwabas: { globex: { id: 7 } }\n";
    assert_snapshot!(diagnostics_of(&[GOOD, names]), @r"
    2.yaml:2:17 duplicate-name: duplicate system user `deploy-bot` | names must be unique across all files; first declared at 1.yaml:4:3
    2.yaml:3:10 duplicate-name: duplicate role `template-editor` | names must be unique across all files; first declared at 1.yaml:9:3
    2.yaml:4:10 duplicate-name: duplicate WABA `globex` | names must be unique across all files; first declared at 1.yaml:15:3
    ");
    assert_snapshot!(changed("  globex:", "  acme-eu: { id: 4 }\n  globex:"), @"15:3 duplicate-name: duplicate WABA `acme-eu` | names must be unique across all files; first declared at 1.yaml:11:3");
}

#[test]
fn one_user_or_waba_under_two_names() {
    assert_snapshot!(changed("104996122399160", "102290129340398"), @"15:17 same-thing-twice: WABA 102290129340398 is declared under two names | first declared as `acme-eu` at 1.yaml:12:9");
    let before = "  zeta: { id: 104996122399160 }\n  acme-eu:";
    assert_snapshot!(changed("  acme-eu:", before), @"16:17 same-thing-twice: WABA 104996122399160 is declared under two names | first declared as `zeta` at 1.yaml:11:15");
    assert_snapshot!(changed("1972385232742150", "1972385232742147"), @"7:21 same-thing-twice: system user 1972385232742147 is declared under two names | first declared as `deploy-bot` at 1.yaml:4:21");
    assert_snapshot!(changed("Reporting (prod)", "Ops Admin"), @"6:22 same-thing-twice: system user `Ops Admin` is declared under two names | first declared as `Ops Admin` at 1.yaml:5:3");
}

#[test]
fn invalid_ids() {
    for (id, expected) in [
        ("0102", "12:9 bad-id: `0102` is not a valid id: it begins with a zero"),
        ("1.10", "12:9 bad-id: `1.10` is not a valid id: it contains a character that is not a digit"),
        ("0x10", "12:9 bad-id: `0x10` is not a valid id: it contains a character that is not a digit"),
        ("1_000", "12:9 bad-id: `1_000` is not a valid id: it contains a character that is not a digit"),
        ("-5", "12:9 bad-id: `-5` is not a valid id: it contains a character that is not a digit"),
        ("\"\"", "12:9 bad-id: `` is not a valid id: it is empty"),
        ("18446744073709551616", "12:9 bad-id: `18446744073709551616` is not a valid id: it exceeds 64 bits"),
        (
            "123456789012345678901",
            "12:9 bad-id: `123456789012345678901` is not a valid id: it exceeds 64 bits",
        ),
    ] {
        let found = changed("102290129340398", id);
        assert_eq!(
            changed("104996122399160", id).lines().count(),
            1,
            "a grant that names the WABA is no further error"
        );
        assert!(found.starts_with(expected) && found.lines().count() == 1, "{found}");
    }
    for id in ["18446744073709551615", "'102290129340398'"] {
        let manifest = good(&GOOD.replace("102290129340398", id));
        assert_eq!(manifest.wabas["acme-eu"].id.value.to_string(), id.trim_matches('\''));
    }
}

#[test]
fn labels_keep_the_text_of_the_file() {
    let text = GOOD.replace(
        "{ region: eu, tier: gold }",
        "{ a: 0102, b: 1.10, c: true, d: '102', e: 1e3, f: ~x, 7: no }",
    );
    let selector = "{ a: 0102, b: [1.10, '1.1'], c: true, d: \"102\", e: 1e3, f: ~x, 7: no }";
    let manifest = good(&text.replace("{ tier: gold }", selector));
    let labels = &manifest.wabas["acme-eu"].labels;
    let shown: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(shown.join(" "), "7=no a=0102 b=1.10 c=true d=102 e=1e3 f=~x");
    let selector = manifest.grants[0].selection.labels.as_ref().unwrap();
    assert_eq!(selector.to_string(), "{ a: 0102, b: [1.10, 1.1], c: true, d: 102, e: 1e3, f: ~x, 7: no }");
    assert!(selector.matches(labels));
}

#[test]
fn a_grant_leaves_out_what_its_except_matches() {
    let except = |except: &str| {
        let text = GOOD.replace("    until:", &format!("    except: {except}\n    until:"));
        diagnostics_of(&[&text])
    };
    assert_eq!(except("{ wabas: ['acme-u*', globex], labels: { tier: [gold, 1] } }"), "");
    assert_snapshot!(except("{}"), @"28:13 selects-by-nothing: `except` is empty | fill it, or remove the key");
    assert_snapshot!(except("{ wabas: [] }"), @"28:13 selects-by-nothing: `wabas` is empty | fill it, or remove the key");
    assert_snapshot!(except("{ wabas: [globe], lables: {} }"), @r"
    28:31 unknown-key: unknown key `lables` | did you mean `labels`?
    28:23 undeclared: `globe` is not declared in `wabas` | did you mean `globex`?
    ");
}

#[test]
fn a_glob_that_begins_with_an_exclamation_mark_points_to_except() {
    assert_snapshot!(changed("\"acme-*\", globex", "\"*\", \"!koeln-*\", \"!globex\""), @r#"
    27:18 negated-glob: `!koeln-*` begins with `!`, which leaves nothing out | to leave WABAs out of a grant, write `except: { wabas: ["koeln-*"] }` beside `wabas`
    27:30 negated-glob: `!globex` begins with `!`, which leaves nothing out | to leave WABAs out of a grant, write `except: { wabas: ["globex"] }` beside `wabas`
    "#);
    assert_snapshot!(changed("name: \"Acme *\"", "name: \"!Acme *\""), @r#"18:11 negated-glob: `!Acme *` begins with `!`, which leaves nothing out | to leave WABAs out of a grant, write `except: { wabas: ["Acme *"] }` beside `wabas`"#);
    for first in ['!', '-', '=', '+', '@'] {
        let found = changed("  globex:", &format!("  \"{first}a\":"));
        assert!(
            found.starts_with(&format!("15:3 reserved-name: the name `{first}a` begins with")),
            "{found}"
        );
    }
}

#[test]
fn undeclared_names() {
    assert_snapshot!(changed("[deploy-bot]", "[deploy-bott, \"ops admin\", nobody]"), @r"
    25:13 undeclared: `deploy-bott` is not declared in `system_users` | did you mean `deploy-bot`?
    25:26 undeclared: `ops admin` is not declared in `system_users` | did you mean `Ops Admin`?
    25:39 undeclared: `nobody` is not declared in `system_users` | declare it in `system_users`
    ");
    assert_snapshot!(changed("[template-editor,", "[template-editr, VIEW_COSTS, view_cost, xyz,"), @r"
    26:13 unknown-role: `template-editr` is neither a task nor a declared role | did you mean `template-editor`?
    26:29 unknown-role: `VIEW_COSTS` is neither a task nor a declared role | did you mean `VIEW_COST` or `VIEW_INSIGHTS` or `VIEW_PHONE_ASSETS`?
    26:41 unknown-role: `view_cost` is neither a task nor a declared role | did you mean `VIEW_COST`?
    26:52 unknown-role: `xyz` is neither a task nor a declared role | declare it in `roles`
    ");
    assert_snapshot!(changed("[MANAGE_TEMPLATES,", "[MANAGE_TEMPLATE,"), @"9:21 unknown-task: unknown task `MANAGE_TEMPLATE` | did you mean `MANAGE_TEMPLATES` or `VIEW_TEMPLATES` or `MANAGE_PHONE`?");
    assert_snapshot!(changed(", globex]", ", globx, nowhere]"), @r"
    27:23 undeclared: `globx` is not declared in `wabas` | did you mean `globex`?
    27:30 undeclared: `nowhere` is not declared in `wabas` | declare it in `wabas`
    ");
    assert_snapshot!(changed("protected_users: [\"Ops Admin\"]", "protected_users: [Ops Admim]"), @"35:21 undeclared: `Ops Admim` is not declared in `system_users` | did you mean `Ops Admin`?");
    assert_snapshot!(changed("{ MANAGE: 2 }", "{ MANGE: 2, template-editor: 1 }"), @r"
    34:18 unknown-task: unknown task `MANGE` | did you mean `MANAGE`?
    34:28 unknown-task: unknown task `template-editor` | use the task names of the Graph API, such as MANAGE
    ");
    assert_snapshot!(changed("MANAGE: [VIEW_COST]", "MANGE: [VIEW_COST]"), @"37:3 unknown-task: unknown task `MANGE` | did you mean `MANAGE`?");
    assert_eq!(changed("MANAGE: [VIEW_COST]", "MANAGE: [BRAND_NEW]"), "", "Meta may store unknown tasks");
}

#[test]
fn invalid_roles() {
    assert_snapshot!(changed("  template-editor:", "  both: [template-editor]\n  template-editor:"), @"9:10 role-in-role: `template-editor` is a role, but a role can only contain tasks | list the tasks of `template-editor` instead");
    assert_snapshot!(changed("  template-editor:", "  DEVELOP: [MANAGE]\n  template-editor:"), @"9:3 role-like-task: role `DEVELOP` has the name of a task | choose another name for the role");
    assert_snapshot!(changed("  template-editor:", "  nothing: []\n  template-editor:"), @"9:3 role-of-nothing: role `nothing` has no tasks | list at least one task; to revoke access, delete the grant and keep the user in `system_users`");
}

#[test]
fn empty_texts() {
    let text = "version: 1\nbusiness: 1\nsystem_users: { bot: { name: '' } }\nwabas: { a: { id: 5 } }\n\
        discover: [{ from: owned, name: '' }]\n\
        grants: [{ users: [bot], tasks: [DEVELOP], wabas: [a], name: '', reason: '' }]\n";
    assert_snapshot!(diagnostics_of(&[text]), @r"
    3:30 missing-value: `name` has no value | set a value, or remove the key
    5:33 missing-value: `name` has no value | set a value, or remove the key
    6:62 missing-value: `name` has no value | set a value, or remove the key
    6:74 missing-value: `reason` has no value | set a value, or remove the key
    ");
}

#[test]
fn invalid_words_numbers_and_dates() {
    assert_snapshot!(changed("shared: admin", "shared: admn"), @"13:13 bad-word: unknown value `admn` | did you mean `admin`?");
    assert_snapshot!(changed("prune: declared", "prune: everything"), @"30:8 bad-word: unknown value `everything` | expected one of: none, declared, all");
    assert_snapshot!(changed("from: client", "from: clients"), @"17:11 bad-word: unknown value `clients` | did you mean `client`?");
    assert_snapshot!(changed("by_role: true", "by_role: yes"), @"7:48 bad-word: unknown value `yes` | expected one of: true, false");
    assert_snapshot!(changed("percent: 12.5", "percent: 101"), @"32:25 bad-number: `101` is not a percentage from 0 to 100 | write it in decimal digits, for example `25`");
    assert_snapshot!(changed("percent: 12.5", "percent: NaN"), @"32:25 bad-number: `NaN` is not a percentage from 0 to 100 | write it in decimal digits, for example `25`");
    assert_snapshot!(changed("max_removals: 7", "max_removals: -1"), @"33:17 bad-number: `-1` is not a whole number of 0 or more | write it in decimal digits, for example `25`");
    assert_snapshot!(changed("{ MANAGE: 2 }", "{ MANAGE: two }"), @"34:26 bad-number: `two` is not a whole number of 0 or more | write it in decimal digits, for example `25`");
    for day in [
        "2027-02-29",
        "2027-3-31",
        "20270331",
        "tomorrow",
        "2027-03-31T00:00:00",
        "31.03.2027",
        "'2027-03-31 '",
    ] {
        let found = changed("2027-03-31", day);
        assert!(found.starts_with("28:12 bad-date: ") && found.lines().count() == 1, "{found}");
    }
    assert_eq!(changed("2027-03-31", "'2028-02-29'"), "");
    assert_eq!(changed("2027-03-31", "2027-03-31T18:00:00+02:00"), "");
}

#[test]
fn empty_lists_and_missing_keys() {
    assert_snapshot!(changed("users: [deploy-bot]", "users: []"), @"25:5 grant-of-nothing: `users` of this grant is empty | to revoke access, delete the grant and keep the user in `system_users`");
    assert_snapshot!(changed("[template-editor, VIEW_COST]", "[]"), @"25:5 grant-of-nothing: `tasks` of this grant is empty | to revoke access, delete the grant and keep the user in `system_users`");
    assert_snapshot!(changed("[\"acme-*\", globex]", "[]"), @"25:5 selects-by-nothing: `wabas` is empty | fill it, or remove the key");
    assert_snapshot!(changed("    labels: { tier: gold }\n  -", "    labels: {}\n  -"), @"24:13 selects-by-nothing: `labels` is empty | fill it, or remove the key");
    assert_snapshot!(changed("labels: { tier: gold }\n  -", "labels: { tier: [], region: ~ }\n  -"), @r"
    24:21 selects-by-nothing: `tier` is empty | fill it, or remove the key
    24:33 missing-value: `region` has no value | set a value, or remove the key
    ");
    assert_snapshot!(changed("labels: { tier: gold }\n  -", "labels: { tier: gold, tier: silver }\n  -"), @"24:27 duplicate-key: duplicate key `tier` | remove one of them");
    assert_snapshot!(changed("    labels: { tier: gold }\n  -", "  -"), @r#"21:5 grant-of-nowhere: this grant has neither `wabas` nor `labels` | select WABAs with `wabas` (names or globs), `labels`, or both; `wabas: ["*"]` selects all"#);
    assert_snapshot!(changed("    users: [\"Ops Admin\"]\n    tasks: [MANAGE]\n", ""), @r"
    21:5 missing-key: a grant requires `users` | add `users: …`
    21:5 missing-key: a grant requires `tasks` | add `tasks: …`
    ");
    assert_snapshot!(changed("    id: 102290129340398\n", ""), @"11:3 missing-key: a WABA requires `id` | add `id: …`");
    assert_snapshot!(changed("from: client\n    name", "name"), @"17:5 missing-key: a discover rule requires `from` | add `from: …`");
    assert_snapshot!(changed("business: 9876543210987654\n", ""), @"1:1 no-business: no document sets `business` | write `business:` and the id of the business portfolio, in exactly one document");
    assert_snapshot!(changed("  globex:", "  \"gl*\":"), @r"
    15:3 name-is-a-glob: the name `gl*` contains a wildcard | `*` and `?` are wildcards in a grant's `wabas`; choose a name without them
    27:23 undeclared: `globex` is not declared in `wabas` | declare it in `wabas`
    ");
    assert_snapshot!(changed("  reporting:", "  \"\":"), @"6:3 empty-name: a name must not be empty | write a name before the colon");
}

#[test]
fn missing_values() {
    assert_snapshot!(changed("until: 2027-03-31", "until:"), @"28:5 missing-value: `until` has no value | set a value, or remove the key");
    assert_snapshot!(changed("version: 1", "version:"), @"1:1 missing-value: `version` has no value | set a value, or remove the key");
    assert_snapshot!(changed("business: 9876543210987654", "business:"), @"2:1 missing-value: `business` has no value | set a value, or remove the key");
    assert_snapshot!(changed("id: 104996122399160", "id: "), @"15:13 missing-value: `id` has no value | set a value, or remove the key");
    assert_snapshot!(changed("{ id: 1972385232742147 }", "{ id: }"), @"4:17 missing-value: `id` has no value | set a value, or remove the key");
    assert_snapshot!(changed("shared: admin", "shared: null\n    shared: admin"), @r"
    13:5 missing-value: `shared` has no value | set a value, or remove the key
    14:5 duplicate-key: duplicate key `shared` | remove one of them
    ");
    assert_snapshot!(changed("{ id: 1972385232742147 }", ""), @"4:13 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(changed("tier: gold }", "tier: }"), @r#"14:31 wrong-structure: missing value (to write the text null, quote it: "null") | the rest of this document was not checked"#);
    assert_snapshot!(changed("[deploy-bot]", "[deploy-bot, ]"), @"");
    assert_snapshot!(changed("[deploy-bot]", "[deploy-bot, ~]"), @r#"25:25 wrong-structure: missing value (to write the text null, quote it: "null") | the rest of this document was not checked"#);
    assert_snapshot!(changed("prune: declared", "prune:"), @"30:1 missing-value: `prune` has no value | set a value, or remove the key");
}

#[test]
fn a_wrong_structure_stops_only_its_own_document() {
    let wrong = "version: 1\nwabas: [globex]\nprune: nonsense\n";
    assert_snapshot!(diagnostics_of(&[&format!("{wrong}---\nversion: 3\n"), "version: 1\nbusiness: 0\n"]), @r"
    1.yaml:2:8 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked
    1.yaml:5:10 wrong-version: unsupported version `3` | write `version: 1` in every document
    2.yaml:2:11 bad-id: `0` is not a valid id: it begins with a zero | an id has only digits, no leading zero, and fits 64 bits
    ");
    let users = "version: 1\nsystem_users: [bot]\n";
    let grant = "version: 1\ngrants: [{ users: [bot], tasks: [reader], wabas: ['*'] }]\n";
    assert_snapshot!(diagnostics_of(&[users, grant]), @r"
    1.yaml:2:15 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked
    2.yaml:2:20 undeclared: `bot` is not declared in `system_users` | it may be declared in a document that could not be parsed
    2.yaml:2:34 unknown-role: `reader` is neither a task nor a declared role | it may be declared in a document that could not be parsed
    ");
    assert_snapshot!(changed("[deploy-bot]", "deploy-bot"), @"25:12 wrong-structure: expected a list (`[…]`, or lines that start with `- `) | the rest of this document was not checked");
    assert_snapshot!(changed("{ id: 1972385232742147 }", "1972385232742147"), @"4:15 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(changed("{ tier: gold }", "[tier]"), @"24:13 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(changed("id: 102290129340398", "id: [102290129340398]"), @"12:9 wrong-structure: expected a string | the rest of this document was not checked");
    assert_snapshot!(changed("  - name: ops", "  -\n  - name: ops"), @"21:4 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(diagnostics_of(&["just a text\n"]), @"1:1 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(diagnostics_of(&["- version: 1\n"]), @"1:1 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
}

#[test]
fn invalid_yaml() {
    assert_snapshot!(changed("[deploy-bot]", "[deploy-bot"), @"26:10 yaml-syntax: invalid YAML: illegal placement of ':' indicator | check the indentation, quotes and brackets on this line and the lines above it");
    assert_snapshot!(changed("prune: declared", "\tprune: declared"), @"29:13 yaml-syntax: invalid YAML: while scanning a plain scalar, found a tab | check the indentation, quotes and brackets on this line and the lines above it");
    assert_snapshot!(changed("{ tier: gold }", "*nowhere"), @"24:13 yaml-syntax: invalid YAML: alias references unknown anchor | check the indentation, quotes and brackets on this line and the lines above it");
    assert_snapshot!(changed("\"Reporting (prod)\"", "\"Reporting"), @"18:12 yaml-syntax: invalid YAML: invalid trailing content after double-quoted scalar | check the indentation, quotes and brackets on this line and the lines above it");
    assert_snapshot!(changed("reason: OPS-1234", "reason: OPS-\0 1234"), @"29:17 nul-character: found a NUL character | remove it; if the file has many, it may be binary, or UTF-16 instead of UTF-8");
    assert_snapshot!(changed("reason: OPS-1234", "reason: \"a\\0b\\u202e\""), @"");
}

#[test]
fn aliases_expand_to_their_anchors() {
    let text = GOOD
        .replace("labels: { region: eu, tier: gold }", "labels: &gold { region: eu, tier: 0102 }")
        .replace("    labels: { tier: gold }", "    # é\n    labels: *gold")
        .replace("[deploy-bot]", "&bots [deploy-bot, \"Ops Admin\"]")
        .replace("protected_users: [\"Ops Admin\"]", "protected_users: *bots");
    let manifest = good(&text);
    let labels = manifest.grants[0].selection.labels.as_ref().unwrap();
    assert_eq!(labels.to_string(), "{ region: eu, tier: 0102 }");
    assert!(labels.matches(&manifest.wabas["acme-eu"].labels));
    assert_eq!(manifest.guards.protected_users.len(), 2);
}

#[test]
fn an_error_in_an_alias_is_reported_where_the_alias_is_used() {
    let text = GOOD.replace("[template-editor, VIEW_COST]", "&tasks [template-editor, VIEW_COTS]").replace(
        "  - name: ops",
        "  - { users: [reporting], tasks: *tasks, wabas: [globex] }\n  - name: ops",
    );
    let later = GOOD
        .replace("[MANAGE_TEMPLATES, VIEW_TEMPLATES]", "&list [MANAGE_TEMPLATES, VIEW_TEMPLATES, VIEW_COTS]")
        .replace("tasks: [MANAGE]", "tasks: *list");
    assert_snapshot!(diagnostics_of(&[&text]), @"21:34 yaml-syntax: invalid YAML: alias references unknown anchor | check the indentation, quotes and brackets on this line and the lines above it");
    assert_snapshot!(diagnostics_of(&[&later]), @r"
    9:61 unknown-task: unknown task `VIEW_COTS` | did you mean `VIEW_COST` or `VIEW_INSIGHTS` or `VIEW_PHONE_ASSETS`?
    23:12 unknown-role: `VIEW_COTS` is neither a task nor a declared role | did you mean `VIEW_COST` or `VIEW_INSIGHTS` or `VIEW_PHONE_ASSETS`?
    ");
}

#[test]
fn one_anchor_can_have_thousands_of_aliases() {
    let mut text =
        String::from("version: 1\nbusiness: 1\nwabas:\n  first: { id: 1, labels: &same { a: b, c: d } }\n");
    for id in 2..=2_000 {
        writeln!(text, "  waba-{id}: {{ id: {id}, labels: *same }}").unwrap();
    }
    let manifest = good(&text);
    assert_eq!(manifest.wabas["waba-2000"].labels, manifest.wabas["first"].labels);
}

#[test]
fn a_list_of_users_that_all_grants_share_is_accepted() {
    let users: Vec<String> = (1..=100).map(|id| format!("u{id}")).collect();
    let mut text = String::from("version: 1\nbusiness: 1\nwabas: { a: { id: 5 } }\nsystem_users:\n");
    for user in &users {
        writeln!(text, "  {user}: {{}}").unwrap();
    }
    writeln!(text, "grants:\n  - {{ users: &u [{}], tasks: [DEVELOP], wabas: [a] }}", users.join(", "))
        .unwrap();
    // More alias values than the library allows by default.
    text += &"  - { users: *u, tasks: [DEVELOP], wabas: [a] }\n".repeat(10_000);
    assert_eq!(good(&text).grants[10_000].users.len(), 100);
}

#[test]
fn an_alias_bomb_is_rejected() {
    let mut text = String::from("version: 1\nbusiness: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", [alias.as_str(); 10].join(", ")).unwrap();
    }
    text += "system_users: *a11\n";
    assert_snapshot!(diagnostics_of(&[&text]), @"7:10 yaml-limit: the file exceeds a limit: aliases expand to too many values | reduce nesting and aliases, or split the file");
}

#[test]
fn deep_nesting_is_rejected() {
    let nest = |open: &str, close: &str| {
        format!("version: 1\nwabas: {}{}\n", open.repeat(1_000), close.repeat(1_000))
    };
    assert_snapshot!(diagnostics_of(&[&nest("[", "]")]), @"2:8 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    assert_snapshot!(diagnostics_of(&[&nest("{a: ", "}")]), @"2:132 yaml-limit: the file exceeds a limit: nesting is deeper than 32 levels | reduce nesting and aliases, or split the file");
    assert_snapshot!(diagnostics_of(&[&nest("[", "")]), @"2:8 wrong-structure: expected a mapping (`key: value`) | the rest of this document was not checked");
    let mut block = String::from("version: 1\nwabas:\n");
    for depth in 1..1_000 {
        writeln!(block, "{}a:", " ".repeat(depth)).unwrap();
    }
    assert_snapshot!(diagnostics_of(&[&block]), @"34:33 yaml-limit: the file exceeds a limit: nesting is deeper than 32 levels | reduce nesting and aliases, or split the file");
    assert_snapshot!(diagnostics_of(&[&format!("version: 1\nwabas: {}\n", "- ".repeat(100_000))]), @"2:8 yaml-syntax: invalid YAML: block sequence entries are not allowed in this context | check the indentation, quotes and brackets on this line and the lines above it");
}

#[test]
fn a_manifest_of_a_million_lines_is_accepted() {
    let mut text = String::from("version: 1\nbusiness: 1\nwabas:\n");
    for id in 1..=10_000 {
        writeln!(text, "  waba-{id}: {{ id: {id} }}").unwrap();
    }
    text += "system_users: { bot: {} }\ngrants:\n  - tasks: [DEVELOP]\n    wabas: ['*']\n    users:\n";
    // More values than the library allows by default, but few enough for a debug build.
    let users = 240_000;
    text += &"      - bot\n".repeat(users);
    text += &"      # nobody\n".repeat(1_000_000 - text.matches('\n').count());
    let manifest = good(&text);
    assert_eq!((manifest.wabas.len(), manifest.grants[0].users.len()), (10_000, users));
}

#[test]
fn many_undeclared_names_are_reported_in_time() {
    let mut text = String::from("version: 1\nbusiness: 1\nsystem_users: { bot: {} }\nwabas:\n");
    for id in 1..=10_000 {
        writeln!(text, "  waba-{id}: {{ id: {id} }}").unwrap();
    }
    text += "grants:\n  - users: [bot]\n    tasks: [DEVELOP]\n    wabas:\n";
    for id in 1..=10_000 {
        writeln!(text, "      - weba-{id}").unwrap();
    }
    let diagnostics = diagnostics_of(&[&text]);
    assert_eq!(diagnostics.lines().count(), 1_001, "the others are counted");
    let with_suggestions = diagnostics.lines().filter(|line| line.contains("| did you mean `waba-")).count();
    assert_eq!(with_suggestions, 10, "only the first names are compared with all others");
}

#[test]
fn many_unknown_roles_are_reported_in_time() {
    let mut text = String::from("version: 1\nbusiness: 1\nsystem_users: { bot: {} }\nroles:\n");
    for role in 1..=5_000 {
        writeln!(text, "  role-{role}: [DEVELOP]").unwrap();
    }
    text += "grants:\n  - users: [bot]\n    wabas: ['*']\n    tasks:\n";
    for role in 1..=5_000 {
        writeln!(text, "      - rule-{role}").unwrap();
    }
    let diagnostics = diagnostics_of(&[&text]);
    assert_eq!(diagnostics.lines().count(), 1_001, "the others are counted");
    let with_suggestions = diagnostics.lines().filter(|line| line.contains("| did you mean `role-")).count();
    assert_eq!(with_suggestions, 20, "only the first names are compared with all others");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text results in a manifest or an error, and each diagnostic has a position inside the text.
    #[test]
    fn any_text_results_in_a_manifest_or_an_error(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, "[-a-z0-9:{}\\[\\]&*!|>'\"#%@,? \\n\\t<~\u{1}é]{0,6}"), 1..8)
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for (at, length, put) in cuts {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        let (manifest, diagnostics) = parse(&sources(&[&text]));
        prop_assert_eq!(manifest.is_none(), diagnostics.iter().any(Diagnostic::is_error));
        for diagnostic in diagnostics {
            let at = diagnostic.at.unwrap();
            prop_assert!(at.line >= 1 && at.column >= 1 && at.line as usize <= text.split('\n').count() + 1, "{:?}", at);
        }
    }
}
