//! The answer of `explain`: one assignment with its tasks, their lines, since when, what the plan does, what would end it.

use super::parts::{
    ChangeEntry, GoneEntry, GrantEntry, LastWriteEntry, Tool, UserEntry, WabaEntry, documents, text,
};
use super::values::{AsText, Tasks};
use super::words::{BlockedWord, EndsWord, OutlookWord, PhaseWord, PruneWord, SinceWord, StandingWord};
use super::{FORMAT_VERSION, json};
use crate::model::{At, BusinessId, Name, Position, Sources, TimeLimit};
use crate::query::{Ends, ExplainedAssignment, ExplainedEntry, ExplainedTask, Outlook, Since};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// One assignment, explained.
    ExplainDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The instant for which grants are in force, in UTC.
        now: AsText<Timestamp>,
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// How the manifests see the user.
        standing: StandingWord,
        /// Whether it is a system user or a person of the business itself.
        own: bool,
        /// Where the user is declared, or was; absent if it never was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        declared: Option<LineEntry<'a>>,
        /// Where the user is suspended, with the reason; absent if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suspended: Option<LineEntry<'a>>,
        /// Whether the user is an admin of the business, who holds everything on a WABA without an assignment.
        admin: bool,
        /// Whether it holds everything by its role.
        by_role: bool,
        /// What may be removed on the WABA.
        prune: PruneWord,
        /// The tasks of the assignment; absent if they could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<Tasks>,
        /// Why the assignment could not be read; absent if it could.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Cow<'a, str>>,
        /// The tasks that the manifests ask for.
        desired: Tasks,
        /// Each task that is live or desired, by name.
        tasks: Vec<TaskEntry<'a>>,
        /// What the plan does.
        outlook: OutlookWord,
        /// The change that the plan makes; absent if it makes none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<ChangeEntry<'a>>,
        /// The grants and exceptions about the assignment, also those that are not in force.
        grants: Vec<ExplainedGrantEntry<'a>>,
    }
    /// A line of a manifest.
    LineEntry<'a> {
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// The reason, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
    }
    /// A task of the assignment.
    TaskEntry<'a> {
        /// The name that the API uses.
        task: Cow<'a, str>,
        /// Whether it is live; absent if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<bool>,
        /// Whether the manifests ask for it.
        desired: bool,
        /// Whether it is live after the plan; absent if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<bool>,
        /// The grants that give it: positions in `grants` of the document, from 0.
        granted_by: Vec<usize>,
        /// Since when it is live, or is not.
        since: SinceEntry<'a>,
        /// What would end it.
        ends: EndsEntry,
    }
    /// Since when a task is live, or is not, by the journal.
    SinceEntry<'a> {
        /// What is known.
        what: SinceWord,
        /// The write that it refers to; absent if the journal has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        write: Option<LastWriteEntry<'a>>,
        /// The grants that asked for that write.
        because: Vec<GrantEntry<'a>>,
        /// Why that write removed tasks; absent if it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<GoneEntry<'a>>,
    }
    /// What would end a task.
    EndsEntry {
        /// What.
        how: EndsWord,
        /// When the last of the grants ends by itself; absent if one does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<AsText<TimeLimit>>,
        /// Why the change is not attempted, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocked: Option<BlockedWord>,
    }
    /// A grant or an exception about the assignment, with what else it gives.
    ExplainedGrantEntry<'a> {
        /// The grant or the exception.
        grant: GrantEntry<'a>,
        /// Whether it is an exception.
        exception: bool,
        /// Whether it is in force.
        phase: PhaseWord,
        /// Whether it is in force, and no exception stands in its place here.
        counts: bool,
        /// The tasks that it gives.
        tasks: Tasks,
        /// The number of users that it is about.
        users: usize,
        /// The number of WABAs that it is about.
        wabas: usize,
        /// The number of assignments for which the manifests would ask for fewer tasks without it.
        takes: usize,
        /// The number of assignments for which the manifests would ask for more tasks without it.
        gives_back: usize,
    }
}

/// Writes an explained assignment as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn explain(explained: &ExplainedAssignment<'_>, to: impl io::Write) -> io::Result<()> {
    json::write_document(&ExplainDocument::of(explained), to)
}

impl<'a> ExplainDocument<'a> {
    fn of(shown: &ExplainedAssignment<'a>) -> Self {
        let ExplainedAssignment { evidence, sources, explained, .. } = *shown;
        let key = explained.key;
        let change = match explained.outlook {
            Outlook::Changes(change) => Some(ChangeEntry::of(evidence.plan, change, sources)),
            Outlook::AsDesired
            | Outlook::Kept
            | Outlook::NotManaged
            | Outlook::UserNotFound
            | Outlook::Unknown => None,
        };
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            business: AsText(evidence.desired.business),
            now: AsText(evidence.desired.now),
            waba: WabaEntry::named(key.waba, evidence.waba_name(key.waba)),
            user: UserEntry::named(key.user, evidence.user_name(key)),
            standing: explained.standing.into(),
            own: explained.own,
            declared: explained.declared_at.map(|at| LineEntry::of(at, None, sources)),
            suspended: explained
                .suspended
                .map(|At { value, at }: &'a At<Name>| LineEntry::of(*at, Some(value), sources)),
            admin: explained.admin,
            by_role: explained.holds_by_role(),
            prune: explained.prune.0.into(),
            live: explained.live.cloned().map(Tasks),
            error: explained.unreadable.map(Cow::Borrowed),
            desired: Tasks(explained.desired.clone()),
            tasks: explained.tasks.iter().map(|task| TaskEntry::of(task, &shown.history.sources)).collect(),
            outlook: explained.outlook.into(),
            change,
            grants: explained.entries.iter().map(|entry| ExplainedGrantEntry::of(entry, sources)).collect(),
        }
    }
}

impl<'a> LineEntry<'a> {
    fn of(at: Position, reason: Option<&'a Name>, sources: &'a Sources) -> Self {
        Self { file: sources.path(at.source).into(), line: at.line, reason: reason.map(text) }
    }
}

impl<'a> TaskEntry<'a> {
    fn of(task: &ExplainedTask<'a>, journal: &'a Sources) -> Self {
        Self {
            task: Cow::Owned(task.name().to_owned()),
            live: task.is_live,
            desired: task.is_desired,
            after: task.is_after,
            granted_by: task.given_by.clone(),
            since: SinceEntry::of(task.since, journal),
            ends: EndsEntry::of(task.ends),
        }
    }
}

impl<'a> SinceEntry<'a> {
    fn of(since: Since<'a>, journal: &'a Sources) -> Self {
        let write = since.write();
        let because = write.map(|(_, write)| &write.because);
        let grants = because.iter().flat_map(|because| &because.grants);
        let gone = because.and_then(|because| because.gone.as_ref());
        Self {
            what: since.into(),
            write: write.map(|(run, write)| LastWriteEntry::recorded(run, write)),
            because: grants.map(|grant| GrantEntry::of(grant, journal)).collect(),
            gone: gone.map(|(prune, lines)| GoneEntry::of(*prune, lines, journal)),
        }
    }
}

impl EndsEntry {
    fn of(ends: Ends) -> Self {
        let mut entry = Self { how: ends.into(), until: None, blocked: None };
        match ends {
            Ends::Entries(until) => entry.until = until.map(AsText),
            Ends::Blocked(blocked) => entry.blocked = Some(blocked.into()),
            Ends::NextApply | Ends::Kept | Ends::NotManaged | Ends::Unknown | Ends::Implied => {}
        }
        entry
    }
}

impl<'a> ExplainedGrantEntry<'a> {
    fn of(explained: &ExplainedEntry<'a>, sources: &'a Sources) -> Self {
        let ExplainedEntry { entry, counts, users, wabas, takes, gives_back } = *explained;
        Self {
            grant: GrantEntry::of(&entry.source, sources),
            exception: entry.is_exception,
            phase: entry.phase.into(),
            counts,
            tasks: Tasks(entry.tasks.clone()),
            users,
            wabas,
            takes,
            gives_back,
        }
    }
}
