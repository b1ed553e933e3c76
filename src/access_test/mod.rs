//! Judges access tests: assertions about who holds what.
//!
//! [`judge`] judges the live state, [`judge_after`] the state after a plan, and [`judge_desired`] what manifests ask for.
//! [`worsened`] returns what a plan would break. All are pure. This module does not know how a test is written.

mod breach;
mod held;
mod report;
#[cfg(test)]
mod tests;

pub use breach::{breaches, describe};
pub use held::{Admins, after, desired, live};
pub use report::{diagnostics, explain, report};

use crate::model::{
    AccessTest, Assertion, Breached, Change, Desired, HeldOnWaba, Observed, OnlyLive, Plan, TestResult,
    UserId, Verdict, WabaId, Who,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Judges tests on the live state of the WABAs in scope.
pub fn judge(tests: &[Arc<AccessTest>], desired: &Desired, observed: &Observed) -> Vec<TestResult> {
    let admins = Admins::of(desired);
    let mut results = judge_all(tests, desired, |waba| live(&admins, observed, waba));
    for result in &mut results {
        result.verdict = of_live(result);
    }
    results
}

/// Judges tests on the state after a complete apply of a plan. `before` are their results on the live state: what fails there
/// already, and is not worse after the plan, is a notice.
pub fn judge_after(
    tests: &[Arc<AccessTest>],
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    before: &[TestResult],
) -> Vec<TestResult> {
    let admins = Admins::of(desired);
    let changes: BTreeMap<WabaId, &[Change]> =
        plan.by_waba().map(|changes| (changes[0].key.waba, changes)).collect();
    let on = |waba| {
        let changes = changes.get(&waba).copied().unwrap_or_default();
        Some(after(live(&admins, observed, waba)?, changes, &plan.by_role))
    };
    let mut results = judge_all(tests, desired, on);
    for (result, before) in results.iter_mut().zip(before) {
        result.verdict = of_after(result, before);
    }
    results
}

/// Judges tests on what the manifests ask for. What is only known live is left out.
pub fn judge_desired(tests: &[Arc<AccessTest>], state: &Desired) -> Vec<TestResult> {
    let mut results = judge_all(tests, state, |waba| Some(desired(state, waba)));
    for result in &mut results {
        (result.verdict, result.left_out) = of_desired(result);
    }
    results
}

/// Returns the breaches that a plan would make or make worse, each with its test. Only WABAs with a change can have one.
pub fn worsened<'a>(
    tests: &'a [Arc<AccessTest>],
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a AccessTest, Breached)> {
    plan.by_waba().flat_map(move |changes| {
        let waba = changes[0].key.waba;
        let before = held::planned(plan, changes);
        let after = after(before.clone(), changes, &plan.by_role);
        let selecting = tests.iter().filter(move |test| test.wabas.contains(&waba));
        selecting.flat_map(move |test| {
            let live = breaches(test, waba, &before);
            let worse = breaches(test, waba, &after).into_iter().filter(|found| is_worse(found, &live));
            worse.map(|found| (test.as_ref(), found)).collect::<Vec<_>>()
        })
    })
}

/// Judges tests on every WABA that they select, without a verdict. `None` is a WABA that could not be read.
fn judge_all(
    tests: &[Arc<AccessTest>],
    desired: &Desired,
    held: impl Fn(WabaId) -> Option<HeldOnWaba>,
) -> Vec<TestResult> {
    let result = |test: &Arc<AccessTest>| TestResult {
        test: Arc::clone(test),
        verdict: Verdict::Pass,
        breaches: Vec::new(),
        wabas: 0,
        unreadable: Vec::new(),
        left_out: None,
    };
    let mut results: Vec<TestResult> = tests.iter().map(result).collect();
    for waba in desired.scope.wabas.keys().copied() {
        if !tests.iter().any(|test| test.wabas.contains(&waba)) {
            continue;
        }
        let held = held(waba);
        for result in results.iter_mut().filter(|result| result.test.wabas.contains(&waba)) {
            let Some(held) = &held else {
                result.unreadable.push(waba);
                continue;
            };
            result.wabas += 1;
            let found = breaches(&result.test, waba, held).into_iter();
            // A narrowed run judges only the users that it selects.
            let is_selected = |user: Option<UserId>| user.is_none_or(|user| desired.plans_user(user));
            result.breaches.extend(found.filter(|found| is_selected(found.user)));
        }
    }
    results
}

fn of_live(result: &TestResult) -> Verdict {
    let is_unsure = !result.test.not_found.is_empty();
    if !result.test.idle.is_empty() {
        Verdict::Fail
    } else if is_unsure || (result.breaches.is_empty() && !result.unreadable.is_empty()) {
        Verdict::Undecided
    } else if result.breaches.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    }
}

fn of_after(result: &TestResult, before: &TestResult) -> Verdict {
    let is_worse = |found: &Breached| is_worse(found, &before.breaches);
    if result.breaches.iter().any(is_worse) {
        return Verdict::Fail;
    }
    match of_live(result) {
        Verdict::Fail => Verdict::Notice,
        other @ (Verdict::Undecided | Verdict::Notice | Verdict::Skipped | Verdict::Pass) => other,
    }
}

fn of_desired(result: &TestResult) -> (Verdict, Option<OnlyLive>) {
    let test = &result.test;
    let is_too_few = matches!(test.claim, Assertion::AtLeast { .. });
    let is_about_others = match test.claim {
        Assertion::Only { .. } | Assertion::NeverTogether(_) => test.who == Who::Everybody,
        Assertion::Require(_) | Assertion::AtLeast { .. } | Assertion::Holds(_) => false,
    };
    let discovered = test.can_discover.then_some(OnlyLive::Discovered);
    if !result.breaches.is_empty() {
        // People, who also count, may hold the tasks.
        return if is_too_few {
            (Verdict::Skipped, Some(OnlyLive::Others))
        } else {
            (Verdict::Fail, discovered)
        };
    }
    if let Some(idle) = test.idle.iter().find(|idle| !idle.is_unread).or_else(|| test.idle.first()) {
        let left_out = if test.can_discover { OnlyLive::Discovered } else { OnlyLive::Undeclared };
        return if idle.is_unread { (Verdict::Skipped, Some(left_out)) } else { (Verdict::Fail, None) };
    }
    if is_about_others {
        return (Verdict::Skipped, Some(OnlyLive::Others));
    }
    (Verdict::Pass, discovered)
}

/// Returns whether a breach is new, or worse than the one of the same user on the same WABA.
fn is_worse(found: &Breached, before: &[Breached]) -> bool {
    let same = before.iter().find(|one| (one.waba, one.user) == (found.waba, found.user));
    same.is_none_or(|before| breach::is_worse(&found.breach, &before.breach))
}
