//! Manifests resolved against a directory: the desired state and the diagnostics.

mod exceptions;
mod suspended;
mod times;

use super::*;
use crate::digest::manifest_digest;
use crate::manifest;
use crate::model::{
    AdminRole, DirectoryWaba, EarlierWaba, Edge, Glob, RecentRemoval, RecentRemovals, Selection, Sources,
    SystemUser,
};
use insta::assert_snapshot;
use std::fmt::Write as _;

/// The start of 2027-03-31.
const NOW: Timestamp = Timestamp::constant(1_806_451_200, 0);

/// The start of every manifest here.
const DECLARED: &str = "version: 1
business: 1
system_users: { bot: { id: 11 }, ops: { name: Ops Admin } }
roles: { editor: [MANAGE_TEMPLATES, VIEW_TEMPLATES] }
wabas:
  acme-eu: { id: 101, labels: { region: eu, tier: gold } }
  acme-us: { id: 102, labels: { region: us, tier: gold } }
  lent: { id: 201, shared: admin, labels: { region: eu } }
";

/// A business with four system users, the declared WABAs, and three undeclared ones.
fn directory() -> Directory {
    let user = |name: &str, role| SystemUser { name: Name::from(name), role };
    let waba = |name: &str, edge| DirectoryWaba {
        name: Name::from(name),
        edge,
        permitted_tasks: None,
        solution_messaging: None,
    };
    Directory {
        business: "1".parse().unwrap(),
        system_users: BTreeMap::from([
            (id("10"), user("Ops Admin", AdminRole::Admin)),
            (id("11"), user("bot", AdminRole::Employee)),
            (id("12"), user("Twin", AdminRole::Employee)),
            (id("13"), user("Twin", AdminRole::Employee)),
        ]),
        wabas: BTreeMap::from([
            (number("101"), waba("Acme (EU)", Edge::Owned)),
            (number("102"), waba("Acme (US)", Edge::Owned)),
            (number("201"), waba("Lent", Edge::Client)),
            (number("202"), waba("Initech One", Edge::Client)),
            (number("203"), waba("Initech Two", Edge::Client)),
            (number("103"), waba("Unnamed", Edge::Owned)),
        ]),
    }
}

/// Resolves for [`NOW`], with a token of the system user 10.
fn as_admin(earlier: &Earlier) -> Circumstances<'_> {
    Circumstances { now: NOW, acting_user: Some(id("10")), earlier, admin_rows: &[] }
}

fn id(digits: &str) -> UserId {
    digits.parse().unwrap()
}

fn number(digits: &str) -> WabaId {
    digits.parse().unwrap()
}

/// Parses texts as one manifest, which must be valid.
fn manifest(texts: &[&str]) -> Manifest {
    let mut sources = Sources::default();
    for text in texts {
        sources.add("access.yaml", *text);
    }
    let (manifest, diagnostics) = manifest::parse(&sources);
    manifest.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

/// Formats diagnostics as text.
fn lines(diagnostics: &[Diagnostic]) -> String {
    let mut lines = String::new();
    for Diagnostic { severity, code, message, at, help, .. } in diagnostics {
        let at = at.expect("it has a position");
        writeln!(lines, "{severity:?} {}:{} {code}: {message}", at.line, at.column).unwrap();
        writeln!(lines, "  {}", help.as_deref().unwrap_or("-")).unwrap();
    }
    lines
}

/// Resolves a manifest, and returns the diagnostics and the desired state as text.
fn resolved(text: &str, directory: &Directory) -> String {
    let (resolved, diagnostics) = resolve(&manifest(&[text]), directory, as_admin(&Earlier::default()));
    let mut shown = lines(&diagnostics);
    assert_eq!(resolved.is_none(), diagnostics.iter().any(Diagnostic::is_error));
    for (key, tasks) in resolved.iter().flat_map(|resolved| resolved.desired.state.iter()) {
        writeln!(shown, "{} {} {tasks}", key.waba, key.user).unwrap();
    }
    shown
}

/// Resolves [`DECLARED`] with more sections.
fn with(more: &str) -> String {
    resolved(&format!("{DECLARED}{more}"), &directory())
}

/// Resolves [`DECLARED`] with one grant.
fn granted(grant: &str) -> String {
    with(&format!("grants: [{{ {grant} }}]\n"))
}

/// Resolves a manifest with one WABA and one grant on it.
fn shared(waba: &str, tasks: &str) -> String {
    let text = format!(
        "version: 1\nbusiness: 1\nsystem_users: {{ bot: {{}} }}\nwabas:\n  lent: {{ id: 201, {waba} }}\n\
         grants:\n  - users: [bot]\n    tasks: {tasks}\n    wabas: [lent]\n"
    );
    resolved(&text, &directory())
}

#[test]
fn globs_that_take_too_many_steps_are_one_error_and_select_nothing() {
    let mut text = String::from("version: 1\nbusiness: 1\nsystem_users: { bot: { id: 11 } }\nwabas:\n");
    for number in 1_000..1_100 {
        writeln!(text, "  {}{number}: {{ id: {number} }}", "a".repeat(100)).unwrap();
    }
    text += "grants:\n";
    for number in 0..1_000 {
        let glob = "*a".repeat(50);
        writeln!(text, "  - {{ users: [bot], tasks: [DEVELOP], wabas: [\"{glob}{number}b\"] }}").unwrap();
    }
    let found = check_offline(&manifest(&[&text]), NOW);
    let errors: Vec<_> = found.iter().filter(|found| found.is_error()).map(|error| error.code).collect();
    assert_eq!(errors, ["glob-limit"]);
    let warnings = found.len() - 1;
    assert!(warnings < 200, "{warnings} warnings about globs that were not tried");
}

#[test]
fn grants_select_by_name_glob_and_label() {
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], wabas: [lent]"), @"201 11 DEVELOP");
    assert_snapshot!(granted("users: [bot, ops], tasks: [editor, DEVELOP], wabas: ['acme-*']"), @r"
    101 10 DEVELOP, MANAGE_TEMPLATES, VIEW_TEMPLATES
    101 11 DEVELOP, MANAGE_TEMPLATES, VIEW_TEMPLATES
    102 10 DEVELOP, MANAGE_TEMPLATES, VIEW_TEMPLATES
    102 11 DEVELOP, MANAGE_TEMPLATES, VIEW_TEMPLATES
    ");
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], labels: { region: eu }"), @r"
    101 11 DEVELOP
    201 11 DEVELOP
    ");
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], labels: { region: eu, tier: gold }"), @"101 11 DEVELOP");
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], wabas: ['*', lent], labels: { tier: gold }"), @r"
    101 11 DEVELOP
    102 11 DEVELOP
    ");
}

#[test]
fn grants_for_the_same_user_and_waba_add_up() {
    let grants = "grants:
  - { users: [bot], tasks: [DEVELOP], wabas: [lent, lent, 'l*'] }
  - { users: [bot, bot], tasks: [VIEW_COST, editor], labels: { region: eu } }
";
    assert_snapshot!(with(grants), @r"
    101 11 MANAGE_TEMPLATES, VIEW_COST, VIEW_TEMPLATES
    201 11 DEVELOP, MANAGE_TEMPLATES, VIEW_COST, VIEW_TEMPLATES
    ");
    let (resolved, _) =
        resolve(&manifest(&[&format!("{DECLARED}{grants}")]), &directory(), as_admin(&Earlier::default()));
    let desired = resolved.unwrap().desired;
    let key = AssignmentKey { waba: number("201"), user: id("11") };
    let paths: Vec<&str> = desired.claims_on(key).map(|grant| grant.source.path.as_str()).collect();
    assert_eq!(paths, ["grants[0]", "grants[1]"]);
}

#[test]
fn a_selection_that_matches_nothing_is_a_warning() {
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], wabas: ['Acme-*', lent]"), @r"
    Warning 9:52 selects-nothing: `Acme-*` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    201 11 DEVELOP
    ");
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], wabas: [lent], labels: { tier: gold }"), @r"
    Warning 9:10 selects-nothing: the combination of `wabas` and `labels` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    ");
}

#[test]
fn a_list_of_label_values_selects_any_of_them() {
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], labels: { region: [us, eu] }"), @r"
    101 11 DEVELOP
    102 11 DEVELOP
    201 11 DEVELOP
    ");
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], labels: { region: [us, eu], tier: [gold] }"), @r"
    101 11 DEVELOP
    102 11 DEVELOP
    ");
}

#[test]
fn except_leaves_out_each_name_and_each_waba_with_all_of_its_labels() {
    let on = |except: &str| {
        granted(&format!("users: [bot], tasks: [DEVELOP], wabas: ['*'], except: {{ {except} }}"))
    };
    assert_snapshot!(on("wabas: ['acme-*']"), @"201 11 DEVELOP");
    assert_snapshot!(on("wabas: [acme-eu], labels: { region: us }"), @"201 11 DEVELOP");
    assert_snapshot!(on("labels: { region: eu, tier: gold }"), @r"
    102 11 DEVELOP
    201 11 DEVELOP
    ");
    assert_snapshot!(on("wabas: ['*']"), @r"
    Warning 9:10 selects-nothing: the combination of `wabas` and `except` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    ");
    assert_snapshot!(on("wabas: ['x*']"), @r"
    Warning 9:76 selects-nothing: `x*` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    101 11 DEVELOP
    102 11 DEVELOP
    201 11 DEVELOP
    ");
}

#[test]
fn a_label_that_no_waba_and_no_rule_has_is_an_error() {
    assert_snapshot!(granted("users: [bot], tasks: [DEVELOP], labels: { regoin: eu, tier: [gold, gould, silver] }"), @r"
    Error 9:54 unknown-label-key: no WABA and no discover rule has the label `regoin`
      did you mean `region`?
    Error 9:79 unknown-label-value: no WABA and no discover rule has the label `tier: gould`
      did you mean `gold`?
    Error 9:86 unknown-label-value: no WABA and no discover rule has the label `tier: silver`
      known values: `gold`
    ");
    let except = "users: [bot], tasks: [DEVELOP], wabas: ['*'], except: { labels: { tier: golden } }";
    assert_snapshot!(granted(except), @r"
    Error 9:84 unknown-label-value: no WABA and no discover rule has the label `tier: golden`
      did you mean `gold`?
    ");
    let offline =
        check_labels(&manifest(&[&format!("{DECLARED}grants: [{{ {except} }}]\n")]), &Earlier::default());
    assert_eq!(offline.len(), 1);
    let rule = "discover: [{ from: client, labels: { tier: golden } }]\n";
    let with_rule = manifest(&[&format!("{DECLARED}{rule}grants: [{{ {except} }}]\n")]);
    assert_eq!(check_labels(&with_rule, &Earlier::default()), []);
}

/// What was declared earlier: WABAs with an id, a name and the label `tier`.
fn earlier(wabas: &[(&str, &str, &str)]) -> Earlier {
    let waba = |(id, name, tier): &(&str, &str, &str)| {
        let labels = BTreeMap::from([(String::from("tier"), (*tier).to_owned())]);
        (number(id), EarlierWaba { name: Name::from(*name), labels })
    };
    Earlier { wabas: wabas.iter().map(waba).collect(), ..Earlier::default() }
}

#[test]
fn a_label_whose_last_waba_left_the_scope_is_a_warning() {
    let text = format!(
        "{DECLARED}grants: [{{ users: [bot], tasks: [DEVELOP], labels: {{ tier: [gold, silver] }} }}]\n"
    );
    let found = |earlier: &Earlier| {
        let offline = check_labels(&manifest(&[&text]), earlier);
        let (_, all) = resolve(&manifest(&[&text]), &directory(), as_admin(earlier));
        assert_eq!(lines(&offline), lines(&all));
        lines(&all)
    };
    assert_snapshot!(found(&earlier(&[("900", "old", "silver")])), @r"
    Warning 9:67 label-left: no WABA has the label `tier: silver` any more: `old` left the scope
      remove the label from the selector
    ");
    assert_snapshot!(found(&earlier(&[("900", "old", "silver"), ("201", "lent", "silver")])), @r"
    Error 9:67 unknown-label-value: no WABA and no discover rule has the label `tier: silver`
      known values: `gold`
    ");
}

#[test]
fn a_selection_that_fitted_a_waba_in_scope_when_last_applied_is_an_error() {
    let rule = "discover: [{ from: client, name: 'Initech *' }]\n";
    let text = |selection: &str| {
        format!("{DECLARED}{rule}grants: [{{ users: [bot], tasks: [DEVELOP], {selection} }}]\n")
    };
    let found = |selection: &str, before: &[(&str, &str, &str)]| {
        lines(&resolve(&manifest(&[&text(selection)]), &directory(), as_admin(&earlier(before))).1)
    };
    assert_snapshot!(found("wabas: ['One*']", &[("202", "One of Initech", "gold")]), @r"
    Error 10:52 selects-no-more: `One*` matches no WABA, but fitted `One of Initech` (202) when the manifests were last applied
      this WABA is still in scope, so access would be lost: it may have been renamed or lost a label; correct the selection, or delete it
    ");
    assert_snapshot!(found("wabas: ['One*']", &[("900", "One of Initech", "gold")]), @r"
    Warning 10:52 selects-nothing: `One*` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    ");
    assert_snapshot!(found("wabas: ['Initech *'], labels: { tier: gold }", &[("202", "Initech 1", "gold")]), @r"
    Error 10:10 selects-no-more: the combination of `wabas` and `labels` matches no WABA, but fitted `Initech 1` (202) when the manifests were last applied
      this WABA is still in scope, so access would be lost: it may have been renamed or lost a label; correct the selection, or delete it
    ");
    assert_snapshot!(found("wabas: ['*'], except: { wabas: ['One*'] }", &[("202", "One of Initech", "gold")]), @r"
    Error 10:76 selects-no-more: `One*` matches no WABA, but fitted `One of Initech` (202) when the manifests were last applied
      this WABA is still in scope, so access would be lost: it may have been renamed or lost a label; correct the selection, or delete it
    ");
}

#[test]
fn an_expired_grant_gives_no_access_but_keeps_its_claims() {
    let grant = |day: &str| format!("users: [bot], tasks: [DEVELOP], wabas: [lent], until: {day}");
    assert_snapshot!(granted(&grant("2027-03-31")), @"201 11 DEVELOP");
    assert_snapshot!(granted(&grant("2027-03-30")), @r"
    Warning 9:66 expired-grant: this grant ended on 2027-03-30 and grants no access on 2027-03-31
      delete the grant, or set a later `until`
    ");
    let text = format!("{DECLARED}grants: [{{ {} }}]\n", grant("2027-03-30"));
    let desired =
        resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap().desired;
    assert_eq!((desired.claims.len(), desired.grants[0].phase), (1, Phase::Ended));
}

#[test]
fn an_until_with_prune_none_is_a_warning() {
    let grant = "grants: [{ users: [bot], tasks: [DEVELOP], wabas: ['*'], until: 2027-12-31 }]\n";
    assert_snapshot!(with(&format!("prune: none\n{grant}")), @r"
    Warning 10:65 until-without-prune: this `until` does not end the access on `acme-eu` and 2 more: `prune: none` removes nothing
      set `prune: declared` there, or remove the access by hand after this time
    101 11 DEVELOP
    102 11 DEVELOP
    201 11 DEVELOP
    ");
    let own = DECLARED.replace("shared: admin", "shared: admin, prune: none");
    assert_snapshot!(resolved(&format!("{own}{grant}"), &directory()), @r"
    Warning 9:65 until-without-prune: this `until` does not end the access on `lent`: `prune: none` removes nothing
      set `prune: declared` there, or remove the access by hand after this time
    101 11 DEVELOP
    102 11 DEVELOP
    201 11 DEVELOP
    ");
}

#[test]
fn discovered_wabas_get_the_values_of_their_rules_and_declared_wabas_do_not() {
    let grant = "grants: [{ users: [bot], tasks: [DEVELOP], labels: { origin: found } }]\n";
    let rule = "discover:\n  - { from: client, labels: { origin: found } }\n";
    assert_snapshot!(with(&format!("{rule}{grant}")), @r"
    202 11 DEVELOP
    203 11 DEVELOP
    ");
    let rules = "discover:
  - { from: client, name: 'Initech *', labels: { origin: found } }
  - { from: client, name: '* Two', labels: { two: yes, origin: found }, shared: admin }
  - { from: owned, prune: all }
";
    let by_both = "grants: [{ users: [bot], tasks: [DEVELOP], labels: { origin: found, two: yes } }]\n";
    assert_snapshot!(with(&format!("{rules}{by_both}")), @"203 11 DEVELOP");
    let by_name = "grants: [{ users: [bot], tasks: [DEVELOP], wabas: ['Initech*', 'Lent', 'Unnamed*'] }]\n";
    let by_name = by_name.replace("'Lent'", "'Len?'");
    assert_snapshot!(with(&format!("{rules}{by_name}")), @r"
    Warning 13:64 selects-nothing: `Len?` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    103 11 DEVELOP
    202 11 DEVELOP
    203 11 DEVELOP
    ");
    let text = format!("{DECLARED}{rules}");
    let scope =
        resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap().desired.scope;
    let shown: Vec<String> = scope
        .wabas
        .iter()
        .map(|(id, waba)| format!("{id} {} {:?} {:?}", waba.name, waba.prune, waba.shared))
        .collect();
    assert_snapshot!(shown.join("\n"), @r"
    101 acme-eu Declared Some(Owned)
    102 acme-us Declared Some(Owned)
    103 Unnamed All Some(Owned)
    201 lent Declared Some(Admin)
    202 Initech One Declared None
    203 Initech Two Declared Some(Admin)
    ");
}

#[test]
fn discover_rules_that_disagree_are_errors() {
    assert_snapshot!(with("discover:
  - { from: client, labels: { a: '1' }, prune: none, shared: admin }
  - { from: client, name: 'Initech O*', labels: { a: '1.0' }, prune: all, shared: standard }
"), @"
    Error 11:5 discover-disagrees: this rule and an earlier one both discover `Initech One` but disagree on `prune`
      narrow one of the rules with `name`, or set the same value in both
    Error 11:5 discover-disagrees: this rule and an earlier one both discover `Initech One` but disagree on `shared`
      narrow one of the rules with `name`, or set the same value in both
    Error 11:5 discover-disagrees: this rule and an earlier one both discover `Initech One` but disagree on the label `a`
      narrow one of the rules with `name`, or set the same value in both
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    ");
    assert_snapshot!(with("discover: [{ from: owned, shared: admin }, { from: client, shared: owned }]\n"), @"
    Error 9:35 discover-contradicts-itself: a WABA on this rule's list cannot have `shared: admin`
      use `shared: owned` with `from: owned`, and the other values with `from: client`
    Error 9:68 discover-contradicts-itself: a WABA on this rule's list cannot have `shared: owned`
      use `shared: owned` with `from: owned`, and the other values with `from: client`
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    ");
}

#[test]
fn metas_rules_for_shared_wabas() {
    assert_snapshot!(shared("shared: standard", "[MANAGE]"), @r"
    Error 8:13 manage-not-possible: MANAGE does not work on `lent`, which has `shared: standard`
      grant DEVELOP instead, or have the WABA shared with Admin permissions
    ");
    assert_snapshot!(shared("shared: standard", "[DEVELOP, VIEW_COST]"), @r"
    Warning 8:22 task-on-standard: Meta may refuse VIEW_COST on `lent`, which has `shared: standard`
      Meta's guide names only DEVELOP for WABAs that are shared with Standard permissions; if Meta takes it, write `accept: [task-on-standard]` on the WABA
    201 11 DEVELOP, VIEW_COST
    ");
    assert_snapshot!(shared("shared: solution_without_messaging", "[MANAGE]"), @r"
    Error 8:13 manage-not-possible: MANAGE does not work on `lent`, which has `shared: solution_without_messaging`
      grant granular tasks instead: DEVELOP, MANAGE_BILLING, MANAGE_EXTENSIONS, MANAGE_PHONE, MANAGE_PHONE_ASSETS, MANAGE_TEMPLATES, MANAGE_USERS, VIEW_COST, VIEW_INSIGHTS, VIEW_PHONE_ASSETS, VIEW_TEMPLATES
    ");
    assert_snapshot!(shared("shared: solution_without_messaging", "[VIEW_COST, MESSAGING]"), @r"
    Error 8:24 task-not-granular: MESSAGING cannot be assigned on `lent`, which has `shared: solution_without_messaging`
      tasks that can be assigned there: DEVELOP, MANAGE_BILLING, MANAGE_EXTENSIONS, MANAGE_PHONE, MANAGE_PHONE_ASSETS, MANAGE_TEMPLATES, MANAGE_USERS, VIEW_COST, VIEW_INSIGHTS, VIEW_PHONE_ASSETS, VIEW_TEMPLATES
    ");
    assert_snapshot!(shared("shared: solution_without_messaging, line_of_credit: true", "[VIEW_COST]"), @r"
    Error 5:72 credit-without-billing: no grant gives MANAGE_BILLING on `lent`, but sharing a line of credit there requires it
      grant MANAGE_BILLING there, or remove `line_of_credit`
    ");
    assert_snapshot!(shared("shared: solution_without_messaging, line_of_credit: true", "[MANAGE_BILLING]"), @"201 11 MANAGE_BILLING");
    assert_snapshot!(shared("shared: admin", "[MANAGE, MESSAGING]"), @"201 11 MANAGE, MESSAGING");
}

#[test]
fn metas_rules_are_checked_offline_for_grants_that_apply_today() {
    let text = |until: &str| {
        format!(
            "version: 1\nbusiness: 1\nsystem_users: {{ bot: {{}} }}\nroles: {{ all: [MANAGE, MESSAGING] }}\n\
             wabas: {{ lent: {{ id: 201, shared: solution_without_messaging }} }}\n\
             grants:\n  - {{ users: [bot], tasks: [VIEW_COST, all], wabas: ['*'], until: {until} }}\n"
        )
    };
    assert_snapshot!(lines(&check_offline(&manifest(&[&text("2027-03-31")]), NOW)), @r"
    Error 7:40 manage-not-possible: MANAGE does not work on `lent`, which has `shared: solution_without_messaging`
      grant granular tasks instead: DEVELOP, MANAGE_BILLING, MANAGE_EXTENSIONS, MANAGE_PHONE, MANAGE_PHONE_ASSETS, MANAGE_TEMPLATES, MANAGE_USERS, VIEW_COST, VIEW_INSIGHTS, VIEW_PHONE_ASSETS, VIEW_TEMPLATES
    Error 7:40 task-not-granular: MESSAGING cannot be assigned on `lent`, which has `shared: solution_without_messaging`
      tasks that can be assigned there: DEVELOP, MANAGE_BILLING, MANAGE_EXTENSIONS, MANAGE_PHONE, MANAGE_PHONE_ASSETS, MANAGE_TEMPLATES, MANAGE_USERS, VIEW_COST, VIEW_INSIGHTS, VIEW_PHONE_ASSETS, VIEW_TEMPLATES
    ");
    assert_snapshot!(lines(&check_offline(&manifest(&[&text("2027-03-30")]), NOW)), @r"
    Warning 7:67 expired-grant: this grant ended on 2027-03-30 and grants no access on 2027-03-31
      delete the grant, or set a later `until`
    ");
    let discovering = format!(
        "{DECLARED}discover: [{{ from: client }}]\ngrants: [{{ users: [bot], tasks: [DEVELOP], wabas: ['X*'] }}]\n"
    );
    assert_eq!(check_offline(&manifest(&[&discovering]), NOW), [], "discovered WABAs are unknown offline");
}

#[test]
fn system_users_are_found_by_id_or_name() {
    let users =
        |users: &str| resolved(&format!("version: 1\nbusiness: 1\nsystem_users:\n  {users}\n"), &directory());
    assert_snapshot!(users("bot: { id: 99 }"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:14 unknown-user-id: `bot`: no system user of this business has the id 99; the business has a system user of this name with id 11
      ids are app-scoped: Business Settings can show another number than the API returns for this app's token; remove `id` to find the user by name
    ");
    assert_snapshot!(users("missing: { id: 99 }"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:18 unknown-user-id: `missing`: no system user of this business has the id 99
      ids are app-scoped: Business Settings can show another number than the API returns for this app's token; remove `id` to find the user by name
    ");
    assert_snapshot!(users("ops admin: {}"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:3 unknown-user-name: no system user of this business is named `ops admin`
      did you mean `Ops Admin`? names must match exactly
    ");
    assert_snapshot!(users("nobody-near: {}"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:3 unknown-user-name: no system user of this business is named `nobody-near`
      names must match exactly; set `name` to the exact name, or `id` to the id that the API returns
    ");
    assert_snapshot!(users("Twin: {}"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:3 ambiguous-user-name: 2 system users of this business are named `Twin`
      set `id` to one of: 12, 13
    ");
    assert_snapshot!(users("one: { id: 11 }\n  bot: {}"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Error 5:3 same-live-user: `one` and `bot` are the same system user, 11
      declare each system user once
    ");
    assert_snapshot!(users("bot: { id: 11, name: Bot }"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Warning 4:24 user-name-differs: the system user with this id is named `bot`, not `Bot`
      check the id, and correct or remove `name`
    ");
    assert_snapshot!(users("bot: { id: 11, by_role: true }"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    Error 4:3 by-role-without-role: `bot` has `by_role: true`, but is not an admin of the business
      remove `by_role`: a regular system user has only the tasks that are assigned to it
    ");
    assert_snapshot!(users("root: { name: Ops Admin, by_role: true }"), @"
    Warning 2:11 no-grants: the manifest has no grants, so declared users hold nothing
      check that all files of the manifest were given
    ");
}

#[test]
fn a_shared_value_that_contradicts_the_api_is_an_error() {
    let waba = |waba: &str, directory: &Directory| {
        resolved(&format!("version: 1\nbusiness: 1\nwabas:\n  it: {{ {waba} }}\n"), directory)
    };
    assert_snapshot!(waba("id: 201", &directory()), @r"
    Error 4:3 shared-contradicted: `it` (201) has `shared: owned`, but it is shared with the business
      set `shared` to admin, standard, solution_with_messaging or solution_without_messaging
    ");
    assert_snapshot!(waba("id: 101, shared: admin", &directory()), @r"
    Error 4:26 shared-contradicted: `it` (101) has `shared: admin`, but the business owns it
      remove `shared`, or write `shared: owned`
    ");
    let solution = |messaging| {
        let mut directory = directory();
        directory.wabas.get_mut(&number("201")).unwrap().solution_messaging = messaging;
        directory
    };
    assert_snapshot!(waba("id: 201, shared: solution_with_messaging", &solution(Some(false))), @r"
    Error 4:26 solution-contradicted: `it` has `shared: solution_with_messaging`, but this token's app does not hold MESSAGING on its solution
      write `shared: solution_without_messaging`
    ");
    assert_snapshot!(waba("id: 201, shared: solution_without_messaging", &solution(Some(true))), @r"
    Error 4:26 solution-contradicted: `it` has `shared: solution_without_messaging`, but this token's app holds MESSAGING on its solution
      write `shared: solution_with_messaging`
    ");
    assert_eq!(waba("id: 201, shared: solution_with_messaging", &solution(Some(true))), "");
    assert_eq!(waba("id: 201, shared: solution_with_messaging", &solution(None)), "");
    assert_eq!(
        waba("id: 999, shared: standard", &directory()),
        "",
        "a WABA on no list is reported when its assignments are read"
    );
}

/// Narrows a manifest that gives `bot` something on each WABA, and returns the WABAs and users, or what selects nothing.
fn narrowed(wabas: &[&str], users: &[&str], recent: &RecentRemovals) -> Result<Desired, NothingSelected> {
    let text = format!("{DECLARED}grants: [{{ users: [bot], tasks: [DEVELOP], wabas: ['*'] }}]\n");
    let resolved = resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap();
    let Resolved { mut desired, policy } = resolved;
    let selection = Selection {
        wabas: wabas.iter().map(|glob| Glob::new(*glob)).collect(),
        users: users.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    };
    let selected = select(&selection, &desired, &policy.names)?;
    narrow(&mut desired, selection, selected, 0, recent);
    Ok(desired)
}

#[test]
fn narrowing_keeps_the_wabas_that_match_a_glob_and_counts_the_others_as_the_manifests_ask_for_them() {
    let everything = narrowed(&["*"], &[], &RecentRemovals::new()).unwrap();
    let all = everything.state.len();
    let acme = narrowed(&["acme-*"], &[], &RecentRemovals::new()).unwrap();
    assert_eq!((acme.scope.wabas.len(), acme.state.len()), (2, 2));
    assert_eq!(acme.narrowing.unwrap().unread, all - 2);
    // What has ended in the last hours, by the journal, does not count as live.
    let ended = everything.state.iter().map(|(key, _)| (key, RecentRemoval::default())).collect();
    assert_eq!(narrowed(&["acme-*"], &[], &ended).unwrap().narrowing.unwrap().unread, 0);
}

#[test]
fn users_are_selected_by_their_names_in_the_manifests_and_by_live_names_and_ids() {
    let users = |names: &[&str]| {
        let desired = narrowed(&[], names, &RecentRemovals::new()).unwrap();
        let users = desired.narrowing.unwrap().users.unwrap();
        users.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(users(&["bot"]), "11");
    assert_eq!(users(&["11", "bot"]), "11", "the same user");
    assert_eq!(users(&["Ops Admin"]), "10", "a live name");
    assert_eq!(users(&["Twin"]), "12 13", "all of that live name");
}

#[test]
fn a_selection_that_selects_nothing_is_an_error_with_suggestions() {
    let error = |wabas: &[&str], users: &[&str]| {
        let NothingSelected { option, value, similar } =
            narrowed(wabas, users, &RecentRemovals::new()).unwrap_err();
        let similar: Vec<_> = similar.iter().map(Name::as_str).collect();
        format!("{option} {value}: {}", similar.join(", "))
    };
    assert_eq!(error(&["acme-*", "acme-ue"], &[]), "--waba acme-ue: acme-eu, acme-us");
    assert_eq!(error(&["acm-*"], &[]), "--waba acm-*: acme-eu, acme-us");
    assert_eq!(error(&[], &["bot", "Ops-Admin"]), "--user Ops-Admin: Ops Admin");
    assert_eq!(error(&[], &["999"]), "--user 999: ");
}

#[test]
fn order_and_formatting_of_files_change_neither_the_state_nor_the_digest() {
    let pieces = [
        "version: 1\nbusiness: 1\nguards: { max_removals: 3, protected_users: [ops] }\n",
        "version: 1\nsystem_users: { bot: { id: 11 }, ops: { name: Ops Admin } }\n",
        "version: 1\nwabas:\n  a: { id: 101, labels: { x: y } }\n  b: { id: 201, shared: admin, prune: none }\n",
        "version: 1\ngrants:\n  - { users: [ops], tasks: [MANAGE], labels: { x: y } }\n",
        "version: 1\ngrants:\n  - { users: [bot, ops], tasks: [VIEW_COST, DEVELOP], wabas: ['?'] }\n",
    ];
    let meaning = |texts: &[&str]| {
        let Resolved { desired, policy } =
            resolve(&manifest(texts), &directory(), as_admin(&Earlier::default())).0.unwrap();
        (manifest_digest(&desired, &policy), desired.state)
    };
    let as_given = meaning(&pieces);
    let mut turned = pieces;
    for _ in 0..pieces.len() {
        turned.rotate_left(1);
        assert_eq!(meaning(&turned), as_given);
    }
    turned.reverse();
    assert_eq!(meaning(&turned), as_given);
    assert_eq!(meaning(&[&pieces.join("---\n")]), as_given);
    let written_out = pieces
        .map(|piece| piece.replace("labels: { x: y } }\n  b", "labels: { x: \"y\" } } # the same\n  b"));
    assert_eq!(meaning(&written_out.each_ref().map(String::as_str)), as_given);
    for (from, to) in [
        ("max_removals: 3", "max_removals: 4"),
        ("protected_users: [ops]", "protected_users: [bot]"),
        ("prune: none", "prune: all"),
        ("tasks: [MANAGE]", "tasks: [FULL_CONTROL]"),
    ] {
        let other = pieces.map(|piece| piece.replace(from, to));
        assert_ne!(meaning(&other.each_ref().map(String::as_str)).0, as_given.0, "{to}");
    }
}
