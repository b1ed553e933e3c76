//! Checks grants against the rules of Meta's guide "Manage System Users" (updated 2025-11-14).

use super::candidates::{Candidate, Candidates};
use super::diagnostic::{self, Diagnostic, Severity};
use super::exceptions::{self, Excepted};
use super::{effective_prune, is_suspended};
use crate::manifest::{Acceptable, DiscoverFrom, Grant, Manifest};
use crate::model::{At, Name, Phase, Position, Prune, Shared, Task, TaskSet};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Checks that `from` and `shared` of each discover rule agree.
pub(super) fn check_discover(manifest: &Manifest) -> Vec<Diagnostic> {
    let contradicts =
        |from: DiscoverFrom, shared: Shared| (from == DiscoverFrom::Owned) != (shared == Shared::Owned);
    manifest
        .discover
        .iter()
        .filter_map(|rule| rule.shared.filter(|shared| contradicts(rule.from, shared.value)))
        .map(|shared| diagnostic::discover_contradicts_itself(shared.at, shared.value))
        .collect()
}

/// Reports the waivers that have ended, and those that are for a longer time than a waiver may be.
fn check_waivers(manifest: &Manifest, now: Timestamp, diagnostics: &mut Vec<Diagnostic>) {
    for terms in manifest.waivers.iter().filter_map(|waiver| waiver.terms.as_ref()) {
        if terms.has_ended(now) {
            diagnostics.push(diagnostic::ended_waiver(terms.at, terms.until));
        } else if terms.is_too_long(now) {
            diagnostics.push(diagnostic::long_waiver(terms.at, terms.until, now));
        }
    }
}

/// Checks the tasks of each grant, on the WABAs that it selects. What breaks a rule is an error once it is in force, and
/// a warning before. `is_complete` says that all WABAs in scope are among the candidates.
pub(super) fn check(
    manifest: &Manifest,
    now: Timestamp,
    candidates: &Candidates<'_>,
    selections: &[Vec<u32>],
    is_complete: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if manifest.entries().next().is_none() && !manifest.system_users.is_empty() {
        diagnostics.push(diagnostic::no_grants(manifest.business.at));
    }
    check_accepted(manifest, diagnostics);
    check_waivers(manifest, now, diagnostics);
    let excepted = Excepted::collect(manifest, now, candidates, selections, diagnostics);
    let mut billed: BTreeSet<u32> = BTreeSet::new();
    for (grant, selected) in manifest.grants.iter().zip(selections) {
        let phase = grant.phase(now);
        if let (Phase::Ended, Some(until)) = (phase, grant.until) {
            diagnostics.push(diagnostic::expired_grant(until.at, until.value, now));
            continue;
        }
        check_until(manifest, grant, candidates, selected, diagnostics);
        let mut broken = check_tasks(grant, candidates, selected);
        if phase == Phase::Coming {
            for broken in &mut broken {
                broken.severity = Severity::Warning;
            }
        }
        diagnostics.append(&mut broken);
        if phase == Phase::InForce && grant.tasks.contains(Task::ManageBilling) {
            let is_paid = |waba: &&u32| {
                let pays = |user: &Name| !is_suspended(manifest, user) && !excepted.covers(**waba, user);
                grant.users.iter().any(|user| pays(&user.value))
            };
            billed.extend(selected.iter().filter(is_paid));
        }
    }
    let mut without_prune: Option<(Position, Vec<&Name>)> = None;
    let mut others = 0;
    for (exception, selected) in exceptions::in_force(manifest, now, selections) {
        let kept = names(candidates, selected, |waba| effective_prune(manifest, waba.prune) == Prune::None);
        match &without_prune {
            Some(_) => others += usize::from(!kept.is_empty()),
            None => without_prune = (!kept.is_empty()).then_some((exception.at, kept)),
        }
        diagnostics.append(&mut check_tasks(exception, candidates, selected));
        let pays = |user: &At<Name>| !is_suspended(manifest, &user.value);
        if exception.tasks.contains(Task::ManageBilling) && exception.users.iter().any(pays) {
            billed.extend(selected);
        }
    }
    if let Some((at, kept)) = without_prune {
        diagnostics.push(diagnostic::exception_without_prune(at, &kept, others));
    }
    excepted.check(manifest, now, selections, is_complete, diagnostics);
    for (index, waba) in (0..).zip(candidates.iter()) {
        if let Some(at) = waba.line_of_credit
            && waba.shared == Some(Shared::SolutionWithoutMessaging)
            && !billed.contains(&index)
        {
            diagnostics.push(diagnostic::credit_without_billing(at, waba.name));
        }
    }
}

/// Reports accepted warnings that cannot arise on their WABA.
fn check_accepted(manifest: &Manifest, diagnostics: &mut Vec<Diagnostic>) {
    for (name, waba) in &manifest.wabas {
        for (warning, at) in &waba.accept {
            let can_arise = match warning {
                Acceptable::TaskOnStandard => waba.shared.value == Shared::Standard,
                Acceptable::UntilWithoutPrune => effective_prune(manifest, waba.prune) == Prune::None,
            };
            if !can_arise {
                diagnostics.push(diagnostic::accepts_nothing(*at, name, warning.code()));
            }
        }
    }
}

/// Returns the names of the selected WABAs that match a predicate.
fn names<'c>(
    candidates: &'c Candidates<'_>,
    selected: &[u32],
    matches: impl Fn(&Candidate<'_>) -> bool,
) -> Vec<&'c Name> {
    selected
        .iter()
        .map(|&index| candidates.get(index))
        .filter(|waba| matches(waba))
        .map(|waba| waba.name)
        .collect()
}

fn check_until(
    manifest: &Manifest,
    grant: &Grant,
    candidates: &Candidates<'_>,
    selected: &[u32],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(until) = grant.until else { return };
    let kept = names(candidates, selected, |waba| {
        effective_prune(manifest, waba.prune) == Prune::None
            && !waba.accept.contains(&Acceptable::UntilWithoutPrune)
    });
    if !kept.is_empty() {
        diagnostics.push(diagnostic::until_without_prune(until.at, &kept));
    }
}

fn check_tasks(grant: &Grant, candidates: &Candidates<'_>, selected: &[u32]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let granular = TaskSet::from(Task::GRANULAR);
    let manage = TaskSet::from([Task::Manage]);
    let standard = names(candidates, selected, |waba| waba.shared == Some(Shared::Standard));
    let doubtful = names(candidates, selected, |waba| {
        waba.shared == Some(Shared::Standard) && !waba.accept.contains(&Acceptable::TaskOnStandard)
    });
    let without = names(candidates, selected, |waba| waba.shared == Some(Shared::SolutionWithoutMessaging));
    for (tasks, at) in &grant.task_places {
        let at: Position = *at;
        if tasks.contains(Task::Manage) {
            for (shared, wabas) in
                [(Shared::Standard, &standard), (Shared::SolutionWithoutMessaging, &without)]
            {
                if !wabas.is_empty() {
                    diagnostics.push(diagnostic::manage_not_possible(at, shared, wabas, &granular));
                }
            }
        }
        let beside_manage = tasks.difference(&manage);
        let not_granular = beside_manage.difference(&granular);
        if !without.is_empty() && !not_granular.is_empty() {
            diagnostics.push(diagnostic::task_not_granular(at, &not_granular, &without, &granular));
        }
        let not_develop = beside_manage.difference(&TaskSet::from([Task::Develop]));
        if !doubtful.is_empty() && !not_develop.is_empty() {
            diagnostics.push(diagnostic::task_on_standard(at, &not_develop, &doubtful));
        }
    }
    diagnostics
}
