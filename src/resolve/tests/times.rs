//! Grants that begin and end: days and instants.

use super::*;

#[test]
fn a_grant_gives_access_from_its_beginning_to_its_end() {
    // It is the start of 2027-03-31, UTC.
    let grant = |period: &str| granted(&format!("users: [bot], tasks: [DEVELOP], wabas: [lent], {period}"));
    for in_force in [
        "from: 2027-03-31",
        "from: 2027-03-31T02:00:00+02:00",
        "until: 2027-03-31",
        "until: 2027-03-31T00:00:01Z",
        "from: 2027-03-31, until: 2027-03-31",
        "from: 2027-03-30T23:00:00Z, until: 2027-03-31T01:00:00Z",
    ] {
        assert_eq!(grant(in_force), "201 11 DEVELOP\n", "{in_force}");
    }
    for coming in ["from: 2027-04-01", "from: 2027-03-31T00:00:01Z", "from: 2027-03-31T00:00:00-01:00"] {
        assert_eq!(grant(coming), "", "{coming}");
    }
    assert_snapshot!(grant("until: 2027-03-31T01:00:00+01:00"), @r"
    Warning 9:66 expired-grant: this grant ended at 2027-03-31T00:00:00Z and grants no access at 2027-03-31T00:00:00Z
      delete the grant, or set a later `until`
    ");
}

#[test]
fn a_grant_that_has_not_begun_keeps_its_claims_and_adds_nothing_to_others() {
    let grants = "grants:
  - { users: [bot], tasks: [DEVELOP], wabas: [lent] }
  - { users: [bot], tasks: [VIEW_COST], wabas: [lent], from: 2027-04-01 }
";
    assert_snapshot!(with(grants), @"201 11 DEVELOP");
    let text = format!("{DECLARED}{grants}");
    let desired =
        resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap().desired;
    let phases: Vec<Phase> =
        desired.claims.iter().map(|claim| desired.grants[claim.grant as usize].phase).collect();
    assert_eq!(phases, [Phase::InForce, Phase::Coming]);
}

#[test]
fn what_breaks_a_rule_of_meta_is_a_warning_until_it_is_in_force() {
    let grant = |from: &str| {
        let text = format!(
            "version: 1\nbusiness: 1\nsystem_users: {{ bot: {{}} }}\nwabas:\n  lent: {{ id: 201, shared: standard }}\n\
             grants: [{{ users: [bot], tasks: [MANAGE], wabas: [lent], from: {from} }}]\n"
        );
        resolved(&text, &directory())
    };
    assert_snapshot!(grant("2027-03-31"), @r"
    Error 6:34 manage-not-possible: MANAGE does not work on `lent`, which has `shared: standard`
      grant DEVELOP instead, or have the WABA shared with Admin permissions
    ");
    assert_snapshot!(grant("2027-04-01"), @r"
    Warning 6:34 manage-not-possible: MANAGE does not work on `lent`, which has `shared: standard`
      grant DEVELOP instead, or have the WABA shared with Admin permissions
    ");
    // Billing that has not begun does not pay for the line of credit.
    let credit = |from: &str| {
        shared(
            "shared: solution_without_messaging, line_of_credit: true",
            &format!("[MANAGE_BILLING]\n    from: {from}"),
        )
    };
    assert!(credit("2027-04-01").contains("credit-without-billing"));
    assert!(!credit("2027-03-31").contains("credit-without-billing"));
}
