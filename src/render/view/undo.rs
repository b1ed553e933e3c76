//! Findings about a plan that takes a run back.

use super::entries::{together, wabas};
use super::{Finding, FindingKind, NamedObject};
use crate::model::{AssignmentKey, At, Change, LeftAlone, Plan, Sources, Undo, WhyGone, WhyLeftAlone};
use crate::render::sentence::Sentence;
use crate::render::wording;
use crate::text::count;

/// Describes the run that is taken back.
pub(super) fn run(undo: &Undo) -> Finding {
    let at = format!("of {}", undo.at.strftime("%Y-%m-%d %H:%M UTC"));
    let mut text = Sentence::default().own("takes back run").fixed(undo.run.as_str()).own(at);
    if let Some(origin) = wording::origin("from", &undo.origin) {
        text = text.then(origin);
    }
    if !undo.has_ended {
        text = text.own("(it has no end on record: it crashed, was killed, or is still running)");
    }
    if undo.manifests.is_none() {
        text = text.own("(without manifests: only the default guards hold)");
    }
    if undo.unread_lines > 0 {
        let lines = count(undo.unread_lines, "line", "lines");
        text = text.own(format!("({lines} of the journal could not be read: it may have written more)"));
    }
    Finding::new(FindingKind::Undo, text)
}

/// Returns the assignments that are left alone; those of a user with the same reason are one finding.
pub(super) fn left_alone(plan: &Plan, undo: &Undo, sources: &Sources, verbose: bool) -> Vec<Finding> {
    let all = undo.left_alone.iter().collect();
    let same = together(all, |left: &&LeftAlone| (left.key.user, left.left.clone(), left.why.clone()));
    same.iter().map(|same| left(plan, same, sources, verbose)).collect()
}

fn left(plan: &Plan, same: &[&LeftAlone], sources: &Sources, verbose: bool) -> Finding {
    let text = pairs(plan, same.iter().map(|left| left.key), verbose);
    let (text, at) = match &same[0].why {
        WhyLeftAlone::LaterRun { run, at } => {
            let at = at.strftime("%Y-%m-%d %H:%M UTC");
            (text.own("was written again by run").fixed(run.as_str()).own(format!("at {at}")), None)
        }
        WhyLeftAlone::Moved { live } => {
            let text = text.own("holds").tasks(live).own("now, and the run left").tasks(&same[0].left);
            (text, None)
        }
        WhyLeftAlone::NoSuchUser => (text.own("is no system user of the business any more"), None),
        WhyLeftAlone::NotListed => {
            (text.own("is an admin that the API does not list, so nobody can see what it holds"), None)
        }
        WhyLeftAlone::Suspended(At { value: reason, at }) => {
            let text = text.own("gets nothing back: it is suspended at");
            let text = text.place(sources.path(at.source), at.line).foreign(&format!("({reason})"));
            (text, Some(*at))
        }
    };
    Finding { at, ..Finding::new(FindingKind::LeftAlone, text) }
}

/// Returns what the manifests ask for again after the undo; the changes of a user for the same reasons are one finding.
pub(super) fn asked_again(plan: &Plan, undo: &Undo, sources: &Sources, verbose: bool) -> Vec<Finding> {
    let reasons = |change: &Change| wording::reasons(&change.because, sources, verbose, 1);
    let key = |change: &&Change| {
        let reasons: Vec<String> = reasons(change).iter().map(ToString::to_string).collect();
        (change.key.user, reasons)
    };
    let same = together(undo.asked_again.iter().collect(), key);
    let finding = |same: &Vec<&Change>| {
        let text = pairs(plan, same.iter().map(|change| change.key), verbose);
        let lead = text.own("is changed again by the next apply:");
        let text = reasons(same[0])
            .into_iter()
            .enumerate()
            .fold(lead, |text, (index, reason)| text.own(if index > 0 { "and" } else { "" }).then(reason));
        let advice = "revert the commit that asks for this, too";
        Finding {
            advice: Some(Sentence::default().own(advice)),
            at: line_of(same[0]),
            ..Finding::new(FindingKind::AskedAgain, text)
        }
    };
    same.iter().map(finding).collect()
}

/// Returns the line of the manifests that asks for a change.
fn line_of(change: &Change) -> Option<crate::model::Position> {
    let grant = change.because.grants.first().map(|grant| grant.at);
    grant.or_else(|| {
        let (_, lines) = change.because.gone.as_ref()?;
        lines.first().map(|line| match line {
            WhyGone::Expired(source) | WhyGone::NotYet(source) | WhyGone::Excepted(source) => source.at,
            WhyGone::Suspended(reason) => reason.at,
            WhyGone::Declared(at) | WhyGone::Released(at) | WhyGone::Undeclared(at) => *at,
        })
    })
}

/// Names the user and the WABAs of assignments of one user.
fn pairs(plan: &Plan, keys: impl Iterator<Item = AssignmentKey>, verbose: bool) -> Sentence {
    let keys: Vec<AssignmentKey> = keys.collect();
    let objects = keys.iter().map(|key| NamedObject::waba(plan, key.waba));
    let user = NamedObject::user(plan, keys[0].user);
    Sentence::default().user(&user).own("on").then(wabas(objects, keys.len(), "", verbose))
}
