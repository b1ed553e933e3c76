//! Warnings about roles and grants that give nothing.

use super::*;

const HEAD: &str = "version: 1
business: 1
system_users: { a: { id: 1 }, b: { id: 2 } }
roles: { reader: [VIEW_COST, VIEW_INSIGHTS] }
wabas: { acme-eu: { id: 1 }, acme-us: { id: 2 }, globex: { id: 3 } }
grants:
  - { users: [a, b], tasks: [reader, DEVELOP], wabas: ['acme-*', globex], from: 2026-12-01, until: 2027-03-31 }
";

/// Returns the warnings about a grant behind the one of [`HEAD`].
fn beside(grant: &str) -> String {
    diagnostics_of(&[&format!("{HEAD}  - {{ {grant} }}\n")])
}

#[test]
fn a_role_that_no_grant_gives_is_a_warning() {
    let text = HEAD.replace("roles: {", "roles: { idle: [DEVELOP],");
    assert_snapshot!(diagnostics_of(&[&text]), @"4:10 unused-role: no grant gives the role `idle` | use it in a grant, or delete it");
}

#[test]
fn a_grant_that_is_inside_another_one_is_a_warning() {
    let dated = "from: 2026-12-01, until: 2027-03-31";
    for inside in [
        "users: [a], tasks: [VIEW_COST], wabas: [globex]",
        "users: [b, a], tasks: [reader], wabas: [globex, acme-us]",
        "users: [a], tasks: [DEVELOP], wabas: ['acme-e*', 'acme-??']",
        "users: [a], tasks: [DEVELOP], wabas: ['acme-*'], labels: { tier: gold }",
        "users: [a], tasks: [DEVELOP], wabas: ['acme-*'], except: { wabas: [acme-us] }",
    ] {
        let found = beside(&format!("{inside}, {dated}"));
        assert!(
            found.starts_with("8:5 covered-grant: grants[0] at 1.yaml:7:5 gives all that"),
            "{inside}: {found}"
        );
    }
    for beyond in [
        "users: [a], tasks: [VIEW_COST, MANAGE], wabas: [globex]",
        "users: [a], tasks: [VIEW_COST], wabas: [globex, '*-us']",
        "users: [a], tasks: [VIEW_COST], wabas: ['acme*']",
        "users: [a], tasks: [VIEW_COST], labels: { tier: gold }",
    ] {
        assert_eq!(beside(&format!("{beyond}, {dated}")), "", "{beyond}");
    }
    let narrow = "users: [a], tasks: [VIEW_COST], wabas: [globex]";
    for longer in [
        "from: 2026-12-01",
        "until: 2027-03-31",
        "from: 2026-11-30, until: 2027-03-31",
        "from: 2026-12-01, until: 2027-04-01",
    ] {
        assert_eq!(beside(&format!("{narrow}, {longer}")), "", "{longer}");
    }
    assert!(
        beside(&format!("{narrow}, from: 2026-12-02, until: 2027-03-31T23:00:00Z")).contains("covered-grant")
    );
}

#[test]
fn labels_and_exceptions_decide_whether_a_grant_is_inside() {
    let pair = |wide: &str, narrow: &str| {
        let grants = format!(
            "  - {{ users: [a], tasks: [DEVELOP], {wide} }}\n  - {{ users: [a], tasks: [DEVELOP], {narrow} }}\n"
        );
        let head =
            HEAD.split_once("  - ").unwrap().0.replace("roles: { reader: [VIEW_COST, VIEW_INSIGHTS] }\n", "");
        diagnostics_of(&[&format!("{head}{grants}")])
    };
    for (wide, narrow) in [
        ("wabas: ['*']", "labels: { tier: gold }"),
        ("labels: { tier: [gold, silver] }", "labels: { tier: gold, region: eu }"),
        ("wabas: ['*'], except: { wabas: [globex] }", "wabas: ['acme-*'], except: { wabas: ['g*'] }"),
        ("wabas: ['*'], except: { labels: { a: x } }", "wabas: ['*'], except: { labels: { a: [x, y] } }"),
    ] {
        assert!(
            pair(wide, narrow).starts_with("7:5 covered-grant"),
            "{wide} {narrow}: {}",
            pair(wide, narrow)
        );
        assert!(pair(narrow, wide).starts_with("6:5 covered-grant"), "{wide} {narrow}");
    }
    for (one, other) in [
        ("labels: { tier: gold }", "labels: { region: eu }"),
        ("wabas: ['?cme-eu']", "wabas: ['*cme-eu'], labels: { tier: gold }"),
        ("wabas: ['*'], except: { wabas: [globex] }", "wabas: ['acme-*']"),
    ] {
        assert_eq!(pair(one, other), "", "{one} {other}");
    }
    assert_snapshot!(pair("labels: { tier: [gold, silver] }", "labels: { tier: [silver, gold] }"), @"7:5 duplicate-grant: this grant gives the same as grants[0] at 1.yaml:6:5 | delete one of them");
}

#[test]
fn many_grants_are_compared_in_time() {
    let mut text = HEAD.to_owned();
    for number in 0..20_000 {
        writeln!(text, "  - {{ users: [a], tasks: [DEVELOP], wabas: ['x{number}-*'] }}").unwrap();
    }
    assert_eq!(diagnostics_of(&[&text]), "");
}
