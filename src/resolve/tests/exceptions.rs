//! Exceptions: exactly their tasks, whatever the grants give.

use super::*;

/// Two grants, and the exceptions.
fn except(exceptions: &str) -> String {
    with(&format!(
        "grants:
  - {{ users: [bot, ops], tasks: [DEVELOP, VIEW_COST], labels: {{ region: eu }} }}
  - {{ users: [bot], tasks: [MESSAGING], wabas: [lent] }}
exceptions:\n{exceptions}"
    ))
}

#[test]
fn an_exception_replaces_what_the_grants_give() {
    assert_snapshot!(except("  - { users: [bot], tasks: [VIEW_COST], wabas: [lent], reason: OPS-77 }\n"), @r"
    101 10 DEVELOP, VIEW_COST
    101 11 DEVELOP, VIEW_COST
    201 10 DEVELOP, VIEW_COST
    201 11 VIEW_COST
    ");
    assert_snapshot!(except("  - { users: [bot, ops], tasks: [], wabas: ['*'], labels: { region: eu }, reason: OPS-77 }\n"), @"");
    // It also gives what no grant gives, on pairs that no grant selects.
    assert_snapshot!(except("  - { users: [ops], tasks: [editor], wabas: [acme-us], reason: OPS-77, until: 2027-03-31 }\n"), @r"
    101 10 DEVELOP, VIEW_COST
    101 11 DEVELOP, VIEW_COST
    102 10 MANAGE_TEMPLATES, VIEW_TEMPLATES
    201 10 DEVELOP, VIEW_COST
    201 11 DEVELOP, MESSAGING, VIEW_COST
    ");
}

#[test]
fn an_exception_that_has_ended_or_changes_nothing_is_a_warning() {
    assert_snapshot!(except("  - { users: [bot], tasks: [], wabas: [lent], reason: OPS-77, until: 2027-03-30 }\n"), @r"
    Warning 13:70 expired-exception: this exception ended with `until: 2027-03-30`; the grants count again
      delete the exception, or set a later `until`
    101 10 DEVELOP, VIEW_COST
    101 11 DEVELOP, VIEW_COST
    201 10 DEVELOP, VIEW_COST
    201 11 DEVELOP, MESSAGING, VIEW_COST
    ");
    let without_effect =
        "exception-without-effect: this exception changes nothing: the grants give exactly these tasks";
    let same =
        "  - { users: [bot], tasks: [VIEW_COST, MESSAGING, DEVELOP], wabas: [lent], reason: OPS-77 }\n";
    assert!(except(same).contains(without_effect));
    let never_granted = "  - { users: [ops], tasks: [], wabas: [acme-us], reason: OPS-77 }\n";
    assert!(except(never_granted).contains(without_effect));
    let one_of_two = "  - { users: [ops, bot], tasks: [], wabas: [acme-us, lent], reason: OPS-77 }\n";
    assert!(!except(one_of_two).contains(without_effect));
}

#[test]
fn two_exceptions_in_force_on_one_pair_are_an_error() {
    let first = "  - { users: [bot], tasks: [], wabas: ['*'], reason: OPS-77 }\n";
    let second = |more: &str| {
        format!(
            "{first}  - {{ users: [ops, bot], tasks: [DEVELOP], labels: {{ region: eu }}, reason: OPS-78{more} }}\n"
        )
    };
    assert_snapshot!(except(&second("")), @r"
    Error 14:5 exceptions-collide: another exception is also about `bot` on `acme-eu`; it begins in line 13
      join the two, or narrow one of them
    ");
    assert!(!except(&second(", until: 2027-03-30")).contains("collide"), "only those in force collide");
    // Offline as well.
    let text = format!("{DECLARED}exceptions:\n{}", second(""));
    assert!(lines(&check_offline(&manifest(&[&text]), NOW)).contains("exceptions-collide"));
}

#[test]
fn an_exception_for_a_suspended_user_gives_nothing() {
    let declared = DECLARED.replace("{ id: 11 }", "{ id: 11, suspended: leaked }");
    let text = format!(
        "{declared}exceptions: [{{ users: [bot], tasks: [DEVELOP], wabas: [lent], reason: OPS-77 }}]\n"
    );
    assert_snapshot!(resolved(&text, &directory()), @"");
}

#[test]
fn metas_rules_hold_for_exceptions() {
    let text = |exception: &str| {
        format!(
            "version: 1\nbusiness: 1\nsystem_users: {{ bot: {{}} }}\nwabas:\n  \
             lent: {{ id: 201, shared: solution_without_messaging, line_of_credit: true }}\n\
             grants: [{{ users: [bot], tasks: [MANAGE_BILLING], wabas: [lent] }}]\n\
             exceptions: [{{ users: [bot], tasks: [{exception}], wabas: [lent], reason: OPS-77 }}]\n"
        )
    };
    let found = |exception: &str| resolved(&text(exception), &directory());
    assert!(found("").contains("credit-without-billing"), "the exception takes the billing away");
    assert!(!found("MANAGE_BILLING, DEVELOP").contains("credit-without-billing"));
    assert!(found("MANAGE_BILLING, MANAGE").contains("manage-not-possible"));
}

#[test]
fn an_exception_under_prune_none_is_a_warning() {
    let text = format!(
        "{DECLARED}prune: none\ngrants: [{{ users: [bot], tasks: [DEVELOP], wabas: [lent] }}]\n\
         exceptions: [{{ users: [bot], tasks: [], wabas: [lent], reason: OPS-77 }}]\n"
    );
    assert_snapshot!(resolved(&text, &directory()), @r"
    Warning 11:14 exception-without-prune: this exception takes nothing away on `lent`: `prune: none` removes nothing
      set `prune: declared` there, or remove the access by hand
    ");
}

#[test]
fn assignments_of_a_user_that_is_not_found_are_counted_with_its_exceptions() {
    let count = |exceptions: &str| {
        let text = format!(
            "version: 1\nbusiness: 1\nsystem_users: {{ lost: {{}} }}\nwabas: {{ a: {{ id: 101 }}, b: {{ id: 102 }} }}\n\
             grants: [{{ users: [lost], tasks: [DEVELOP], wabas: ['*'] }}]\n{exceptions}"
        );
        let resolved = resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap();
        resolved.desired.unresolved[0].assignments
    };
    assert_eq!(count(""), 2);
    assert_eq!(count("exceptions: [{ users: [lost], tasks: [], wabas: [a], reason: OPS-77 }]\n"), 1);
}

#[test]
fn an_id_selects_a_declared_and_a_discovered_waba() {
    let by_id = |id: &str| {
        with(&format!(
            "discover: [{{ from: client, name: 'Initech *' }}]
grants: [{{ users: [bot], tasks: [DEVELOP], wabas: ['*'] }}]
exceptions: [{{ users: [bot], tasks: [], wabas: [101, {id}], reason: OPS-77 }}]"
        ))
    };
    assert_snapshot!(by_id("202"), @r"
    102 11 DEVELOP
    201 11 DEVELOP
    203 11 DEVELOP
    ");
    assert_snapshot!(by_id("103"), @r"
    Warning 11:54 selects-nothing: `103` matches no WABA
      globs match the names of declared WABAs and the live names of discovered ones, and are case-sensitive
    102 11 DEVELOP
    201 11 DEVELOP
    202 11 DEVELOP
    203 11 DEVELOP
    ");
    let undeclared = "grants: [{ users: [bot], tasks: [DEVELOP], wabas: [103] }]";
    let (manifest, found) = manifest::parse(&{
        let mut sources = Sources::default();
        sources.add("access.yaml", format!("{DECLARED}{undeclared}"));
        sources
    });
    assert!(manifest.is_none());
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["`103` is not declared in `wabas`"], "nothing discovers it");
}
