//! Reports: the results of tests with names, and what failed in words.

use super::describe;
use crate::diagnostic::{self, Diagnostic};
use crate::model::{
    Desired, Name, Observed, OnlyLive, Position, Sources, TestReport, TestResult, TestedState, UserId,
    Verdict, WabaId,
};
use crate::text::{count, escape};
use std::collections::{BTreeMap, BTreeSet};

/// The number of WABAs that are named for one breach. A guess: what fits a line or two.
const NAMED: usize = 5;

/// Makes a report with the names of the WABAs and users in its results.
pub fn report(
    state: TestedState,
    results: Vec<TestResult>,
    desired: &Desired,
    observed: Option<&Observed>,
) -> TestReport {
    let breached = || results.iter().flat_map(|result| &result.breaches);
    let unreadable = results.iter().flat_map(|result| result.unreadable.iter().copied());
    let wabas: BTreeSet<WabaId> = breached().map(|found| found.waba).chain(unreadable).collect();
    let users: BTreeSet<UserId> = breached().filter_map(|found| found.user).collect();
    let others = observed.into_iter().flat_map(|observed| &observed.others);
    let mut names: BTreeMap<UserId, Name> = others
        .filter(|(key, _)| users.contains(&key.user))
        .map(|(key, one)| (key.user, one.name.clone()))
        .collect();
    if let Some(observed) = observed {
        names.extend(observed.unlisted.iter().map(|(id, name)| (*id, name.clone())));
    }
    names.extend(desired.own_users.iter().map(|(id, user)| (*id, user.name.clone())));
    names.extend(desired.scope.users.iter().map(|(id, user)| (*id, user.name.clone())));
    names.retain(|id, _| users.contains(id));
    let of_scope = desired.scope.wabas.iter().filter(|(id, _)| wabas.contains(id));
    let wabas = of_scope.map(|(id, waba)| (*id, waba.name.clone())).collect();
    TestReport { state, results, wabas, users: names }
}

/// Returns why a test did not pass, a sentence for each reason. Breaches of one user that differ only in their WABA are one.
/// Names are escaped.
pub fn explain(result: &TestResult, report: &TestReport, sources: &Sources) -> Vec<String> {
    let mut all = Vec::new();
    for idle in &result.test.idle {
        all.push(format!("{} selects nothing", idle.part));
    }
    for name in &result.test.not_found {
        all.push(format!("the system user `{name}` was not found"));
    }
    if let (Verdict::Fail | Verdict::Notice | Verdict::Undecided, false) =
        (result.verdict, result.breaches.is_empty())
    {
        all.extend(breaches(result, report, sources));
    }
    if !result.unreadable.is_empty() {
        let names = wabas(result.unreadable.iter().copied(), report);
        all.push(format!("could not be read: {names}"));
    }
    match result.left_out {
        Some(OnlyLive::Others) if result.verdict == Verdict::Skipped => {
            all.push(String::from("people and users of other businesses are only known live"));
        }
        Some(OnlyLive::Undeclared) => {
            all.push(String::from("system users that no manifest declares are only known live"));
        }
        Some(OnlyLive::Discovered) => all.push(String::from("WABAs that rules discover are only known live")),
        Some(OnlyLive::Others) | None => {}
    }
    all
}

fn breaches(result: &TestResult, report: &TestReport, sources: &Sources) -> Vec<String> {
    let would = report.state == TestedState::After;
    let place = |at: Position| escape(&format!("{}:{}", sources.path(at.source), at.line)).into_owned();
    let mut same: BTreeMap<(Option<UserId>, String), Vec<WabaId>> = BTreeMap::new();
    for found in &result.breaches {
        let what = describe(&found.breach, &result.test, would, &place);
        same.entry((found.user, what)).or_default().push(found.waba);
    }
    let sentence = |((user, what), on): ((Option<UserId>, String), Vec<WabaId>)| {
        let user = user.map(|user| format!("{} ", user_name(user, report))).unwrap_or_default();
        format!("{user}{what}, on {}", wabas(on.into_iter(), report))
    };
    same.into_iter().map(sentence).collect()
}

fn user_name(user: UserId, report: &TestReport) -> String {
    match report.users.get(&user).filter(|name| !name.as_str().trim().is_empty()) {
        // Offline, ids are not known.
        Some(name) if report.state == TestedState::Desired => format!("`{name}`"),
        Some(name) => format!("`{name}` ({user})"),
        None => format!("the user {user}"),
    }
}

/// Names WABAs, the first of many.
fn wabas(all: impl ExactSizeIterator<Item = WabaId>, report: &TestReport) -> String {
    let number = all.len();
    let shown = if number > NAMED + 1 { NAMED } else { number };
    let name = |waba: WabaId| {
        let name = report.wabas.get(&waba).filter(|name| !name.as_str().trim().is_empty());
        name.map_or_else(|| waba.to_string(), |name| format!("`{name}`"))
    };
    let mut names: Vec<String> = all.take(shown).map(name).collect();
    if shown < number {
        names.push(format!("and {} more", number - shown));
    }
    let names = names.join(", ");
    if number == 1 { names } else { format!("{}: {names}", count(number, "WABA", "WABAs")) }
}

/// Returns the tests that failed as errors, and those that are undecided as warnings, each at its line.
pub fn diagnostics(report: &TestReport, sources: &Sources) -> Vec<Diagnostic> {
    let diagnostic = |result: &TestResult| {
        let (at, name) = (result.test.at, &result.test.name);
        let why = explain(result, report, sources).join("; ");
        match result.verdict {
            Verdict::Fail => Some(diagnostic::failed_test(at, name, &why)),
            Verdict::Undecided => Some(diagnostic::undecided_test(at, name, &why)),
            Verdict::Notice | Verdict::Skipped | Verdict::Pass => None,
        }
    };
    report.results.iter().filter_map(diagnostic).collect()
}
