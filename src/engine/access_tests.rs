//! Judges access tests: offline, live, and after a plan.

use super::{CheckedManifests, EngineError, Events, Session};
use crate::access_test;
use crate::manifest::Manifest;
use crate::model::{Desired, Observed, Plan, Policy, Sources, TestReport, TestedState};
use crate::proposal::PlanTests;
use crate::resolve::{self, Resolved};
use jiff::Timestamp;

/// Judges the tests of a manifest on what it asks for. Returns `None` without tests, and for a manifest with errors.
pub(super) fn judge_offline(manifest: &Manifest, now: Timestamp) -> Option<TestReport> {
    if manifest.tests.is_empty() {
        return None;
    }
    Some(judge_resolved(&resolve::resolve_offline(manifest, now)?))
}

/// Judges the tests of a manifest on what it asks for, once it is resolved.
pub(super) fn judge_resolved(resolved: &Resolved) -> TestReport {
    let results = access_test::judge_desired(&resolved.policy.tests, &resolved.desired);
    access_test::report(TestedState::Desired, results, &resolved.desired, None)
}

/// Judges the tests of a plan, if there are any.
pub(super) fn judged(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    policy: &Policy,
) -> Option<PlanTests> {
    let tests = &policy.tests;
    (!tests.is_empty()).then(|| {
        let live = access_test::judge(tests, desired, observed);
        let after = access_test::judge_after(tests, desired, observed, plan, &live);
        let report = |state, results| access_test::report(state, results, desired, Some(observed));
        PlanTests { live: report(TestedState::Live, live), after: report(TestedState::After, after) }
    })
}

impl Session {
    /// Reads the live state and judges the tests on it, or on the state after the plan.
    ///
    /// # Errors
    ///
    /// As for [`Session::propose`].
    pub async fn test(
        &self,
        checked: CheckedManifests,
        state: TestedState,
        events: Events<'_>,
    ) -> Result<(TestReport, Sources), EngineError> {
        let survey = self.survey(checked, events).await?;
        let (tests, desired, observed) = (&survey.policy.tests, &survey.desired, &survey.observed);
        let results = match state {
            TestedState::Desired => access_test::judge_desired(tests, desired),
            TestedState::Live => access_test::judge(tests, desired, observed),
            TestedState::After => {
                let live = access_test::judge(tests, desired, observed);
                access_test::judge_after(tests, desired, observed, &survey.plan, &live)
            }
        };
        Ok((access_test::report(state, results, desired, Some(observed)), survey.sources))
    }
}
