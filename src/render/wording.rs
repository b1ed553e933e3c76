//! Sentences that several formats share.

use super::sentence::Sentence;
use super::view::{NamedObject, folded};
use crate::model::{
    At, Because, GrantSource, LastWrite, Moved, Name, Origin, OriginLabel, Outcome, Plan, Position, Prune,
    Sources, TimeLimit, UnmanagedReason, Waiver, WhyGone,
};
use crate::query::Standing;
use crate::text::count;
use std::collections::BTreeMap;

/// The number of grants that are listed for a change before the others are only counted. A guess: more than these
/// hardly ever explain more.
const GRANTS: usize = 3;

/// Returns a place as `file:line`.
fn place(at: Position, sources: &Sources) -> Sentence {
    Sentence::default().place(sources.path(at.source), at.line)
}

/// Returns the reasons of a change on a number of WABAs, or of a recorded write. Unless `verbose`, only the first grants
/// are listed.
pub(super) fn reasons(because: &Because, sources: &Sources, verbose: bool, wabas: usize) -> Vec<Sentence> {
    let grants = &because.grants;
    let shown = folded(grants.len(), GRANTS, verbose);
    let mut all: Vec<Sentence> = grants[..shown].iter().map(|source| grant("by", source, sources)).collect();
    if shown < grants.len() {
        all.push(
            Sentence::default()
                .own(format!("and {}", count(grants.len() - shown, "more grant", "more grants"))),
        );
    }
    if let Some((prune, lines)) = &because.gone {
        all.extend(lines.iter().map(|line| loss(*prune, line, sources, wabas)));
    }
    all
}

/// Returns a grant with its place, its beginning and end, and its reason.
pub(super) fn grant(lead: &'static str, grant: &GrantSource, sources: &Sources) -> Sentence {
    let name = grant.name.as_ref().map(|name| format!("\"{name}\"")).unwrap_or_default();
    let limit = |word: &str, limit: Option<TimeLimit>| limit.map(|limit| format!("{word} {limit}"));
    let (from, until) = (limit("from", grant.from), limit("until", grant.until));
    let reason = grant.reason.as_ref().map(|reason| format!("({reason})")).unwrap_or_default();
    let place = place(grant.at, sources);
    let text = Sentence::default().own(lead).fixed(&grant.path).foreign(&name).own("at").then(place);
    text.own(from.unwrap_or_default()).own(until.unwrap_or_default()).foreign(&reason)
}

/// Returns a waiver with its place, its end and its reason, or that it is for one run.
pub(super) fn waiver(waiver: &Waiver, sources: &Sources) -> Sentence {
    let Some(terms) = &waiver.terms else {
        return Sentence::default().own("for this run, by").literal(&format!("--waive {waiver}"));
    };
    let limit = terms.limit.map(|limit| format!("up to {limit}")).unwrap_or_default();
    let text = Sentence::default().own(limit).own("by").fixed(&terms.path).own("at");
    let text = text.then(place(terms.at, sources)).own(format!("until {}", terms.until));
    text.foreign(&format!("({})", terms.reason))
}

/// Returns the reason of a loss with the rule that prunes it.
fn loss(prune: Prune, line: &WhyGone, sources: &Sources, wabas: usize) -> Sentence {
    let text = match line {
        WhyGone::Expired(source) => grant("expired:", source, sources),
        WhyGone::NotYet(source) => grant("not yet in force:", source, sources),
        WhyGone::Excepted(source) => grant("except:", source, sources),
        WhyGone::Declared(at) => {
            Sentence::default().own("not granted to the user declared at").then(place(*at, sources))
        }
        WhyGone::Suspended(At { value: reason, at }) => {
            let text = Sentence::default().own("suspended at").then(place(*at, sources));
            return text.foreign(&format!("({reason})"));
        }
        WhyGone::Released(at) => Sentence::default()
            .own("the user is declared no more; it was declared at")
            // That line may be of another commit, so it is not linked.
            .fixed(&place(*at, sources).to_string()),
        WhyGone::Undeclared(at) => Sentence::default()
            .own(if wabas > 1 {
                "the user is not declared; the first of the WABAs is declared at"
            } else {
                "the user is not declared; the WABA is declared at"
            })
            .then(place(*at, sources)),
    };
    text.own(match prune {
        Prune::None => "(prune: none)",
        Prune::Declared => "(prune: declared)",
        Prune::All => "(prune: all)",
    })
}

/// Returns the noun for users whose assignments are not managed, for one and for many.
pub(super) fn unmanaged_noun(reason: UnmanagedReason) -> (&'static str, &'static str) {
    match reason {
        UnmanagedReason::Person => ("person", "people"),
        UnmanagedReason::OtherBusiness => ("holder of another business", "holders of other businesses"),
        UnmanagedReason::Undeclared => ("undeclared system user", "undeclared system users"),
        UnmanagedReason::Ignored => ("ignored system user", "ignored system users"),
        UnmanagedReason::OtherSet => ("system user of another set", "system users of other sets"),
        UnmanagedReason::Unknown => ("user of an unknown kind", "users of an unknown kind"),
    }
}

/// Returns what a user is to the manifests.
pub(super) fn standing_noun(standing: Standing) -> &'static str {
    let reason = match standing {
        Standing::Declared => return "declared system user",
        Standing::Released => return "system user that is declared no more",
        Standing::Undeclared => UnmanagedReason::Undeclared,
        Standing::Ignored => UnmanagedReason::Ignored,
        Standing::OtherSet => UnmanagedReason::OtherSet,
        Standing::Person => UnmanagedReason::Person,
        Standing::OtherBusiness => UnmanagedReason::OtherBusiness,
        Standing::Unknown => UnmanagedReason::Unknown,
    };
    unmanaged_noun(reason).0
}

/// Counts unmanaged assignments: `Not managed: 8 assignments (5 people, 2 undeclared system users).`
pub(super) fn unmanaged(plan: &Plan) -> String {
    let mut counts: BTreeMap<UnmanagedReason, usize> = BTreeMap::new();
    for row in &plan.unmanaged {
        *counts.entry(row.why).or_default() += 1;
    }
    let part = |(reason, number): (&UnmanagedReason, &usize)| {
        let (one, many) = unmanaged_noun(*reason);
        count(*number, one, many)
    };
    let parts: Vec<String> = counts.iter().map(part).collect();
    format!(
        "Not managed: {} ({}).",
        count(plan.unmanaged.len(), "assignment", "assignments"),
        parts.join(", ")
    )
}

/// Returns the words for tasks that a user holds beyond the manifests, and for those that it lacks, in drift.
pub(super) fn drift_leads(moved: Option<Moved>) -> (&'static str, &'static str) {
    match moved {
        Some(Moved::Live | Moved::Both) => ("gained outside the manifests:", "lost outside the manifests:"),
        Some(Moved::Manifests) => ("the manifests give it no more:", "the manifests newly give it:"),
        Some(Moved::Undone | Moved::Unknown) | None => {
            ("holds beyond the manifests:", "lacks what the manifests give:")
        }
    }
}

/// Returns which side changed.
pub(super) fn cause(moved: Moved) -> &'static str {
    match moved {
        Moved::Live => "drift: live access changed",
        Moved::Manifests => "in progress: the manifests changed, or a grant expired",
        Moved::Both => "both live access and the manifests changed",
        Moved::Undone => "as before the plan: never applied here, or undone",
        Moved::Unknown => "unknown which side changed",
    }
}

/// Returns the last write that the journal has for an assignment: when, by which user, and what was written. `others` is
/// the number of further writes of the same run that are shown with it.
pub(super) fn last_write(write: &LastWrite, others: usize) -> Sentence {
    written("last written", write, others)
}

/// Returns a write after some words, as [`last_write`].
pub(super) fn written(lead: &str, write: &LastWrite, others: usize) -> Sentence {
    let at = format!("{lead} {}", write.at.strftime("%Y-%m-%d %H:%M UTC"));
    let user =
        write.acting_user.as_ref().map(|(id, name)| NamedObject::new(name.as_str(), id.to_string()).name);
    let raw = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned());
    let mut text = Sentence::default().own(at);
    for (lead, name) in [("as", user), ("by", raw(&write.by.user)), ("on", raw(&write.by.host))] {
        if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
            text = text.own(lead).foreign(&name);
        }
    }
    text = text.own("to").tasks(&write.after);
    if let Some(failure) = write.outcome.as_ref().filter(|outcome| !outcome.is_done()) {
        text = text.then(outcome(failure));
    }
    let run = format!("{},", write.run.as_str());
    let number = match others {
        0 => format!("write {})", write.number),
        others => format!("write {} and {others} more)", write.number),
    };
    text.own("(run").fixed(&run).own(number)
}

/// Returns what a run comes from, after some words; nothing if that is not known.
pub(super) fn origin(lead: &'static str, origin: &Origin) -> Option<Sentence> {
    let entries: Vec<_> = origin.labelled().collect();
    let text =
        entries.iter().enumerate().fold(Sentence::default().own(lead), |text, (index, (label, value))| {
            text.then(origin_entry(*label, value, if index + 1 < entries.len() { "," } else { "" }))
        });
    (!entries.is_empty()).then_some(text)
}

/// Returns an entry of an origin with punctuation behind it.
pub(super) fn origin_entry(label: OriginLabel<'_>, value: &Name, end: &'static str) -> Sentence {
    let text = match label {
        OriginLabel::Known(label) => Sentence::default().own(label),
        OriginLabel::Other(key) => Sentence::default().fixed(key.as_str()),
    };
    text.linked(value.as_str(), end)
}

/// Returns the result of a write.
pub(super) fn outcome(outcome: &Outcome) -> Sentence {
    let lead = |words: &'static str| Sentence::default().strong(words);
    match outcome {
        Outcome::Applied => lead("applied"),
        Outcome::AlreadySo => lead("already as planned"),
        Outcome::AcceptedNotListed => lead("accepted, not listed: the user is an admin"),
        Outcome::StoredDifferently { stored } => lead("stored differently:").tasks(stored),
        Outcome::InPart { why } => {
            lead("in part: gained what it should, and still holds what it should lose:").foreign(why)
        }
        Outcome::Moved { found } => lead("changed meanwhile, not written: found").tasks(found),
        Outcome::Failed { error } => lead("failed:").foreign(error),
        Outcome::Unknown { error } => lead("unknown:").foreign(error),
        Outcome::NotAttempted { why } => lead("not attempted:").foreign(why),
    }
}
