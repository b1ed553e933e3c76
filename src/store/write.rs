//! Makes the lines of a journal from the types of the core. This module does not know files and has no clock.

use super::line::{EndLine, IntentLine, Line, OutcomeLine, RunLine, SettledLine, VERSION};
use crate::documents::parts::{
    ChangeEntry, GrantEntry, OriginEntries, OutcomeParts, RunnerEntry, UserEntry, WabaEntry,
};
use crate::documents::values::{AsText, Tasks};
use crate::model::{BusinessId, Change, Origin, Outcome, Plan, Report, Settlement, Sources, TaskSet};
use crate::proposal::Proposal;
use crate::text;
use jiff::Timestamp;
use std::borrow::Cow;

/// Longer texts are cut, in characters. With the most grants, each with the longest texts, and all characters as JSON
/// escapes of 12 bytes, a line keeps below [`LINE_LIMIT`](super::line::LINE_LIMIT).
const LONGEST_TEXT: usize = 400;

/// More grants, lines or trace ids than this are left out of a line. A guess: an assignment has seldom more than three.
const MOST_GRANTS: usize = 20;

/// Returns a text that is no longer than a line allows.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    text::shorten(text, LONGEST_TEXT)
}

fn shorten(text: &mut Cow<'_, str>) {
    if let Cow::Owned(short) = shortened(text) {
        *text = short.into();
    }
}

/// Returns a moment in milliseconds.
pub(super) fn moment(at: Timestamp) -> AsText<Timestamp> {
    AsText(Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at))
}

pub(super) fn run<'a>(
    run: &'a str,
    at: Timestamp,
    business: BusinessId,
    proposal: &'a Proposal,
    waivers: &'a [String],
    origin: &'a Origin,
    by: RunnerEntry<'a>,
) -> Line<'a> {
    Line::Run(RunLine {
        v: VERSION,
        at: moment(at),
        run: run.into(),
        business: AsText(business),
        acting_user: UserEntry::acting(proposal).map(|mut user| {
            user.name.iter_mut().for_each(shorten);
            user
        }),
        by,
        origin: OriginEntries::of(origin),
        version: env!("CARGO_PKG_VERSION").into(),
        plan_digest: proposal.plan_digest().into(),
        manifest_digest: proposal.manifest_digest.as_str().into(),
        waivers: waivers.iter().map(|waiver| shortened(waiver)).collect(),
    })
}

pub(super) fn intent<'a>(
    run: &'a str,
    write: u64,
    at: Timestamp,
    plan: &'a Plan,
    change: &'a Change,
    sources: &'a Sources,
) -> Line<'a> {
    let mut change = ChangeEntry::of(plan, change, sources);
    let more = cut(&mut change);
    Line::Intent(IntentLine { v: VERSION, at: moment(at), run: run.into(), write, change, more })
}

/// Cuts the texts and lists of a change. Returns the number of grants and lines that are left out.
fn cut(change: &mut ChangeEntry<'_>) -> u64 {
    let ChangeEntry { waba, user, steps, .. } = change;
    // A line records one write; the live names of today say nothing about it.
    (waba.live_name, user.live_name) = (None, None);
    steps.clear();
    let (WabaEntry { name: waba, .. }, UserEntry { name: user, .. }) = (waba, user);
    waba.iter_mut().chain(user).for_each(shorten);
    let mut more = left_out(&mut change.because);
    change.because.iter_mut().for_each(cut_grant);
    if let Some(gone) = &mut change.gone {
        more += left_out(&mut gone.lines);
        for line in &mut gone.lines {
            shorten(&mut line.file);
            line.grant.iter_mut().for_each(cut_grant);
        }
    }
    more as u64
}

/// Limits a list. Returns the number of elements that are left out.
fn left_out<T>(list: &mut Vec<T>) -> usize {
    let more = list.len().saturating_sub(MOST_GRANTS);
    list.truncate(MOST_GRANTS);
    more
}

fn cut_grant(grant: &mut GrantEntry<'_>) {
    let GrantEntry { grant: path, file, name, reason, .. } = grant;
    [path, file].into_iter().chain(name).chain(reason).for_each(shorten);
}

pub(super) fn outcome<'a>(
    run: &'a str,
    write: u64,
    at: Timestamp,
    outcome: &'a Outcome,
    traces: &'a [String],
) -> Line<'a> {
    let OutcomeParts { outcome, stored, found, mut error } = OutcomeParts::of(outcome);
    error.iter_mut().for_each(shorten);
    Line::Outcome(OutcomeLine {
        v: VERSION,
        at: moment(at),
        run: run.into(),
        write,
        outcome,
        stored,
        found,
        error,
        traces: traces.iter().take(MOST_GRANTS).map(|trace| shortened(trace)).collect(),
    })
}

pub(super) fn settled<'a>(
    run: &'a str,
    (of, write): (&'a str, u64),
    at: Timestamp,
    found: &TaskSet,
    how: Settlement,
) -> Line<'a> {
    Line::Settled(SettledLine {
        v: VERSION,
        at: moment(at),
        run: run.into(),
        of: of.into(),
        write,
        found: Tasks(found.clone()),
        how: how.into(),
    })
}

pub(super) fn end<'a>(
    run: &'a str,
    at: Timestamp,
    report: &'a Report,
    writes: u64,
    in_flight: u64,
) -> Line<'a> {
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    Line::End(EndLine {
        v: VERSION,
        at: moment(at),
        run: run.into(),
        stopped: report.stopped.as_deref().map(shortened),
        writes,
        done: done as u64,
        not_done: (report.changes.len() - done) as u64,
        in_flight,
    })
}
