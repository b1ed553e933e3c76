//! Suspended users: they desire nothing.

use super::*;

/// Resolves two grants for a bot that may be suspended.
fn bot(suspended: &str) -> (String, Resolved) {
    let declared = DECLARED.replace("{ id: 11 }", &format!("{{ id: 11{suspended} }}"));
    let text = format!("{declared}grants:\n  - {{ users: [bot, ops], tasks: [DEVELOP], wabas: [lent] }}\n");
    let resolved = resolve(&manifest(&[&text]), &directory(), as_admin(&Earlier::default())).0.unwrap();
    let state = &resolved.desired.state;
    let lines: Vec<String> =
        state.iter().map(|(key, tasks)| format!("{} {} {tasks}", key.waba, key.user)).collect();
    (lines.join(", "), resolved)
}

#[test]
fn a_suspended_user_desires_nothing_and_no_grant_covers_it() {
    assert_eq!(bot("").0, "201 10 DEVELOP, 201 11 DEVELOP");
    let (state, resolved) = bot(", suspended: \"SEC-991: token leaked\"");
    assert_eq!(state, "201 10 DEVELOP");
    let desired = resolved.desired;
    assert_eq!(desired.claims.iter().map(|claim| claim.key.user).collect::<Vec<_>>(), [id("10")]);
    let suspended = desired.scope.users[&id("11")].suspended.as_ref().map(|reason| reason.value.as_str());
    assert_eq!(suspended, Some("SEC-991: token leaked"));
}

#[test]
fn the_digest_of_a_manifest_says_who_is_suspended() {
    let digest = |suspended: &str| {
        let resolved = bot(suspended).1;
        manifest_digest(&resolved.desired, &resolved.policy)
    };
    assert_ne!(digest(", suspended: leaked"), digest(""));
    assert_eq!(digest(", suspended: leaked"), digest(", suspended: again"));
}

#[test]
fn a_suspended_user_does_not_pay_for_a_line_of_credit() {
    let text = |suspended: &str| {
        format!(
            "version: 1\nbusiness: 1\nsystem_users: {{ bot: {{ id: 11{suspended} }} }}\nwabas:\n  \
             lent: {{ id: 201, shared: solution_without_messaging, line_of_credit: true }}\n\
             grants: [{{ users: [bot], tasks: [MANAGE_BILLING], wabas: [lent] }}]\n"
        )
    };
    assert!(!resolved(&text(""), &directory()).contains("credit-without-billing"));
    assert!(resolved(&text(", suspended: leaked"), &directory()).contains("credit-without-billing"));
}
