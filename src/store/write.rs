//! From the core's types to lines. Knows no file and no clock.

use super::line::{
    By, EndLine, Gone, GoneLine, GoneWord, Grant, IntentLine, Line, Named, OutcomeLine, OutcomeWord,
    PruneWord, RunLine, SettledLine, SettledWord, VERSION,
};
use crate::model::{
    Action, BusinessId, Change, GrantSource, Outcome, Plan, Position, Prune, Report, Settlement, TaskSet,
    WhyGone,
};
use crate::proposal::Proposal;
use crate::text::escape;
use jiff::Timestamp;

/// A text longer than this is cut, in characters: an entry is no place for a novel.
const LONGEST_TEXT: usize = 500;

/// More grants than this, or lines, are counted and not named.
const MOST_GRANTS: usize = 20;

/// Makes a foreign text harmless, and cuts it.
pub(super) fn shortened(text: &str) -> String {
    let shown = escape(text);
    match shown.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
}

/// Writes a moment in UTC, with milliseconds.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The paths of the manifests, by the number of the text.
pub(super) struct Paths(pub(super) Vec<String>);

impl Paths {
    fn get(&self, at: Position) -> String {
        self.0.get(at.source.0 as usize).cloned().unwrap_or_else(|| String::from("?"))
    }
}

pub(super) fn run(
    run: &str,
    at: Timestamp,
    business: BusinessId,
    proposal: &Proposal,
    waivers: &[String],
    by: By,
) -> Line {
    Line::Run(RunLine {
        v: VERSION,
        at: moment(at),
        run: run.to_owned(),
        business: business.to_string(),
        acting_user: proposal
            .acting_user()
            .map(|(id, name)| Named { id: id.to_string(), name: shortened(name.as_str()) }),
        by,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        plan_digest: proposal.plan_digest(),
        manifest_digest: proposal.manifest_digest.clone(),
        waivers: waivers.iter().map(|waiver| shortened(waiver)).collect(),
    })
}

pub(super) fn intent(
    run: &str,
    write: u64,
    at: Timestamp,
    plan: &Plan,
    change: &Change,
    paths: &Paths,
) -> Line {
    let grants = &change.because.grants;
    let gone = change.because.gone.as_ref();
    let left_out = |list: usize| list.saturating_sub(MOST_GRANTS);
    let more = left_out(grants.len()) + gone.map_or(0, |(_, lines)| left_out(lines.len()));
    let action = match change.action() {
        Action::Assign => "assign",
        Action::Change => "change",
        Action::Revoke => "revoke",
    };
    Line::Intent(IntentLine {
        v: VERSION,
        at: moment(at),
        run: run.to_owned(),
        write,
        waba: Named {
            id: change.key.waba.to_string(),
            name: shortened(plan.waba_name(change.key.waba).as_str()),
        },
        user: Named {
            id: change.key.user.to_string(),
            name: shortened(plan.user_name(change.key.user).as_str()),
        },
        action: action.to_owned(),
        before: tasks(&change.before),
        after: tasks(&change.after),
        why: grants.iter().take(MOST_GRANTS).map(|source| grant(source, paths)).collect(),
        gone: gone.map(|(prune, lines)| Gone {
            prune: match prune {
                Prune::None => PruneWord::None,
                Prune::Declared => PruneWord::Declared,
                Prune::All => PruneWord::All,
            },
            lines: lines.iter().take(MOST_GRANTS).map(|line| gone_line(line, paths)).collect(),
        }),
        more: more as u64,
    })
}

/// Returns the names of tasks to the letter: they are compared with what a later read finds.
fn tasks(set: &TaskSet) -> Vec<String> {
    set.names().map(str::to_owned).collect()
}

fn grant(source: &GrantSource, paths: &Paths) -> Grant {
    Grant {
        path: shortened(&source.path),
        name: source.name.as_ref().map(|name| shortened(name.as_str())),
        file: paths.get(source.at),
        line: source.at.line,
        reason: source.reason.as_ref().map(|reason| shortened(reason.as_str())),
    }
}

fn gone_line(line: &WhyGone, paths: &Paths) -> GoneLine {
    let (why, at, expired) = match line {
        WhyGone::Expired(source) => (GoneWord::Expired, source.at, Some(grant(source, paths))),
        WhyGone::Declared(at) => (GoneWord::Declared, *at, None),
        WhyGone::Undeclared(at) => (GoneWord::Undeclared, *at, None),
    };
    GoneLine { why, file: paths.get(at), line: at.line, grant: expired }
}

pub(super) fn outcome(run: &str, write: u64, at: Timestamp, outcome: &Outcome, traces: &[String]) -> Line {
    let (word, stored, found, error) = match outcome {
        Outcome::Applied => (OutcomeWord::Applied, None, None, None),
        Outcome::AlreadySo => (OutcomeWord::AlreadySo, None, None, None),
        Outcome::AcceptedNotListed => (OutcomeWord::AcceptedNotListed, None, None, None),
        Outcome::StoredDifferently { stored } => (OutcomeWord::StoredDifferently, Some(stored), None, None),
        Outcome::Moved { found } => (OutcomeWord::Moved, None, Some(found), None),
        Outcome::Failed { error } => (OutcomeWord::Failed, None, None, Some(error)),
        Outcome::Unknown { error } => (OutcomeWord::Unknown, None, None, Some(error)),
        Outcome::NotAttempted { why } => (OutcomeWord::NotAttempted, None, None, Some(why)),
    };
    Line::Outcome(OutcomeLine {
        v: VERSION,
        at: moment(at),
        run: run.to_owned(),
        write,
        outcome: word,
        stored: stored.map(tasks),
        found: found.map(tasks),
        error: error.map(|error| shortened(error)),
        traces: traces.iter().take(MOST_GRANTS).map(|trace| shortened(trace)).collect(),
    })
}

pub(super) fn settled(
    run: &str,
    (of, write): (&str, u64),
    at: Timestamp,
    found: &TaskSet,
    how: Settlement,
) -> Line {
    Line::Settled(SettledLine {
        v: VERSION,
        at: moment(at),
        run: run.to_owned(),
        of: of.to_owned(),
        write,
        found: tasks(found),
        how: match how {
            Settlement::TookEffect => SettledWord::TookEffect,
            Settlement::NoEffect => SettledWord::NoEffect,
            Settlement::Different => SettledWord::Different,
        },
    })
}

pub(super) fn end(run: &str, at: Timestamp, report: &Report, writes: u64, in_flight: u64) -> Line {
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    Line::End(EndLine {
        v: VERSION,
        at: moment(at),
        run: run.to_owned(),
        stopped: report.stopped.as_deref().map(shortened),
        writes,
        done: done as u64,
        not_done: (report.changes.len() - done) as u64,
        in_flight,
    })
}
