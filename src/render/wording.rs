//! What several formats say in the same words: reasons, losses, and the last line. Plain text, in which foreign text is
//! already harmless; how it is marked up is each format's own.

use super::{View, harmless, named};
use crate::model::{
    Action, Change, EndingGrant, GrantSource, LastWrite, Moved, Name, Notice, Plan, Position, Prune, Sources,
    Task, UnmanagedReason, UserId, WhyGone,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Returns a number with its noun.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns a place as `file:line`.
pub(super) fn place(at: Position, sources: &Sources) -> String {
    harmless(&format!("{}:{}", sources.path(at.source), at.line))
}

/// Returns the reasons of a change, a line each.
pub(super) fn reasons(change: &Change, sources: &Sources) -> Vec<String> {
    let by = |source: &std::sync::Arc<GrantSource>| format!("by {}", grant(source, sources));
    let mut all: Vec<String> = change.because.grants.iter().map(by).collect();
    if let Some((rule, lines)) = &change.because.gone {
        all.extend(lines.iter().map(|line| gone(*rule, line, sources)));
    }
    all
}

/// Returns a grant with its place, its last day and its reason.
pub(super) fn grant(source: &GrantSource, sources: &Sources) -> String {
    let mut text = harmless(&source.path);
    if let Some(name) = &source.name {
        let _ = write!(text, " \"{name}\"");
    }
    let _ = write!(text, " at {}", place(source.at, sources));
    if let Some(until) = source.until {
        let _ = write!(text, " until {until}");
    }
    if let Some(reason) = &source.reason {
        let _ = write!(text, " ({reason})");
    }
    text
}

fn gone(rule: Prune, line: &WhyGone, sources: &Sources) -> String {
    let rule = match rule {
        Prune::None => "prune: none",
        Prune::Declared => "prune: declared",
        Prune::All => "prune: all",
    };
    match line {
        WhyGone::Expired(source) => format!("expired: {} ({rule})", grant(source, sources)),
        WhyGone::Declared(at) => {
            format!("no grant gives it to the user declared at {} ({rule})", place(*at, sources))
        }
        WhyGone::Undeclared(at) => {
            format!("declared in no manifest, on a WABA of {} ({rule})", place(*at, sources))
        }
    }
}

/// What is worth a second look, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    RevokedUngranted,
    RevokedExpired,
    Reduced,
    Gains(Task),
}

impl Kind {
    /// Returns what happens, and on which WABAs.
    pub(super) fn phrase(self) -> (String, &'static str) {
        match self {
            Self::RevokedUngranted => ("loses everything".to_owned(), "where no grant names it"),
            Self::RevokedExpired => ("loses everything".to_owned(), "where its grants have expired"),
            Self::Reduced => ("loses tasks".to_owned(), ""),
            Self::Gains(task) => (format!("newly gets {task}"), ""),
        }
    }

    pub(super) fn is_loss(self) -> bool {
        !matches!(self, Self::Gains(_))
    }
}

/// Returns who loses something or newly gets `MANAGE` or `FULL_CONTROL`, with the number of WABAs, most first.
pub(super) fn highlights(plan: &Plan) -> BTreeMap<Kind, Vec<(UserId, usize)>> {
    let mut kinds: BTreeMap<Kind, BTreeMap<UserId, usize>> = BTreeMap::new();
    for change in &plan.changes {
        let mut add = |kind| *kinds.entry(kind).or_default().entry(change.key.user).or_default() += 1;
        let gone = change.because.gone.as_ref();
        let expired =
            gone.is_some_and(|(_, lines)| lines.iter().any(|line| matches!(line, WhyGone::Expired(_))));
        if change.action() == Action::Revoke {
            add(if expired { Kind::RevokedExpired } else { Kind::RevokedUngranted });
        } else if !change.lost().is_empty() {
            add(Kind::Reduced);
        }
        for task in [Task::FullControl, Task::Manage] {
            if change.gained().contains(task) {
                add(Kind::Gains(task));
            }
        }
    }
    let by_number = |users: BTreeMap<UserId, usize>| {
        let mut users: Vec<_> = users.into_iter().collect();
        users.sort_by_key(|&(user, wabas)| (std::cmp::Reverse(wabas), user));
        users
    };
    kinds.into_iter().map(|(kind, users)| (kind, by_number(users))).collect()
}

/// Returns what a notice is about, and what it says of it.
pub(super) fn notice(plan: &Plan, notice: &Notice) -> (String, &'static str) {
    match *notice {
        Notice::Unconfirmed(waba) => (
            named(&plan.waba_name(waba), waba),
            "its list came back empty and nothing could confirm that; it is planned as empty",
        ),
        Notice::AssignsToAdmin(user) => (
            named(&plan.user_name(user), user),
            "is an admin of the business, who may not be listed even after the write",
        ),
    }
}

/// Returns the noun for users who are left alone, for one and for many.
pub(super) fn left_alone(reason: UnmanagedReason) -> (&'static str, &'static str) {
    match reason {
        UnmanagedReason::Person => ("person", "people"),
        UnmanagedReason::OtherBusiness => {
            ("system user of another business", "system users of other businesses")
        }
        UnmanagedReason::Undeclared => ("undeclared system user", "undeclared system users"),
        UnmanagedReason::Unknown => ("user of an unknown kind", "users of an unknown kind"),
    }
}

/// Counts the rows that are left alone: `8 assignments (5 people, 2 undeclared system users)`.
pub(super) fn unmanaged(plan: &Plan) -> String {
    let mut counts: BTreeMap<UnmanagedReason, usize> = BTreeMap::new();
    for row in &plan.unmanaged {
        *counts.entry(row.why).or_default() += 1;
    }
    let part = |(reason, number): (&UnmanagedReason, &usize)| {
        let (one, many) = left_alone(*reason);
        count(*number, one, many)
    };
    let parts: Vec<String> = counts.iter().map(part).collect();
    let rows = count(plan.unmanaged.len(), "assignment", "assignments");
    format!("{rows} ({})", parts.join(", "))
}

/// Says what applying a plan costs; nothing for drift, and where nothing is written.
pub(super) fn cost(view: &View<'_>) -> Option<String> {
    let cost = view.plan().apply_cost();
    (!view.is_drift() && cost.writes > 0).then(|| {
        let (writes, wabas) = (count(cost.writes, "write", "writes"), count(cost.wabas(), "WABA", "WABAs"));
        format!("Applying it takes {} API calls: {writes}, and {wabas} read before and after.", cost.calls())
    })
}

/// Says it in one line, and never claims a match for what could not be read.
pub(super) fn last_line(view: &View<'_>) -> String {
    let summary = view.plan().summary();
    let unreadable = view.plan().unreadable.len();
    let drift = view.is_drift();
    let unread = count(unreadable, "WABA could not be read", "WABAs could not be read");
    if view.plan().changes.is_empty() {
        let none = if drift { "No drift" } else { "No changes" };
        return match (unreadable, view.plan().partial) {
            (0, false) => format!("{none}. Live access matches the manifests."),
            (0, true) => format!("{none}. Live access on these WABAs matches the manifests."),
            (_, _) => format!("{none} on the WABAs that could be read; {unread}."),
        };
    }
    let (assign, change, revoke) = (summary.assign, summary.change, summary.revoke);
    let unchanged = summary.unchanged;
    let mut line = if drift {
        format!("Drift: {assign} missing, {change} different, {revoke} too many, {unchanged} as declared")
    } else {
        format!("Plan: {assign} to assign, {change} to change, {revoke} to revoke, {unchanged} unchanged")
    };
    let blocked = view.plan().changes.iter().filter(|change| change.blocked.is_some()).count();
    if blocked > 0 {
        let _ = write!(line, "; {blocked} of them not attempted");
    }
    if unreadable > 0 {
        line.push_str("; ");
        line.push_str(&unread);
    }
    line.push('.');
    line
}

/// Says which side moved.
pub(super) fn side(moved: Moved) -> &'static str {
    match moved {
        Moved::Live => "drift: live access moved since",
        Moved::Manifests => "in progress: the manifests moved since, or a grant has expired",
        Moved::Both => "both live access and the manifests moved since",
        Moved::Undone => "as before that plan: it was never applied here, or was undone",
        Moved::Unknown => "which side moved since cannot be told",
    }
}

/// Counts the differences by the side that moved; nothing where there are none, or where nothing can be told of any.
pub(super) fn moved(view: &View<'_>) -> Option<String> {
    let drift = view.drift?;
    if !drift.tells() {
        return None;
    }
    let what = |moved| match moved {
        Moved::Live => "where live access moved",
        Moved::Manifests => "where the manifests moved",
        Moved::Both => "where both did",
        Moved::Undone => "where the plan was not applied or was undone",
        Moved::Unknown => "where that cannot be told",
    };
    let numbers = Moved::ALL.map(|moved| (drift.count(moved), moved));
    let parts: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(n, moved)| format!("{n} {}", what(*moved)))
        .collect();
    Some(format!("Of them: {}.", parts.join(", ")))
}

/// Returns a moment to the minute, in UTC: `2026-11-23 10:00 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns who wrote, each with the word that leads to them: the system user, the user of the machine, and the machine.
pub(super) fn writers(write: &LastWrite) -> Vec<(&'static str, String)> {
    let user = write.acting_user.as_ref().map(|(id, name)| ("as", named(name, id)));
    let shown = |name: &Option<Name>| {
        name.as_ref().map(|name| harmless(name.as_str())).filter(|name| !name.trim().is_empty())
    };
    let by = shown(&write.by.user).map(|name| ("by", name));
    let on = shown(&write.by.host).map(|name| ("on", name));
    [user, by, on].into_iter().flatten().collect()
}

/// Says what the journal tells of an assignment: when it was last written, and by whom.
pub(super) fn last_write(write: &LastWrite) -> String {
    let mut text = format!("last written {}", minute(write.at));
    for (lead, name) in writers(write) {
        let _ = write!(text, " {lead} {name}");
    }
    let _ = write!(text, " (run {}, write {})", write.run, write.number);
    text
}

/// Says whom a grant reaches, and where.
pub(super) fn reach(grant: &EndingGrant) -> String {
    format!("for {} on {}", count(grant.users, "user", "users"), count(grant.wabas, "WABA", "WABAs"))
}
