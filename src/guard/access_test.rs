//! The guard `test`: an access test that holds live does not fail after the plan.

use super::{Guard, Violation};
use crate::access_test;
use crate::model::{AccessTest, Breached, Position};
use crate::proposal::Proposal;
use crate::text::escape;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let plan = &proposal.plan;
    let place =
        |at: Position| escape(&format!("{}:{}", proposal.sources.path(at.source), at.line)).into_owned();
    let violation = |(test, found): (&AccessTest, Breached)| {
        let what = access_test::describe(&found.breach, test, true, &place);
        let user = found.user.map(|user| format!("`{}` ", plan.user_name(user))).unwrap_or_default();
        let (name, at, waba) = (&test.name, place(test.at), plan.waba_name(found.waba));
        Violation {
            guard: Guard::Test,
            waba: Some(found.waba),
            user: found.user,
            message: format!("the test `{name}` at {at} would fail on `{waba}`: {user}{what}"),
            test: Some(name.clone()),
            counted: None,
        }
    };
    access_test::worsened(&proposal.policy.tests, plan).map(violation).collect()
}
