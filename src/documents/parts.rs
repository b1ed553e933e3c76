//! The parts that several documents and the journal's lines share: WABAs, users, grants, changes and outcomes.

use super::values::{AsText, Tasks};
use super::words::{ActionWord, BlockedWord, GoneWord, MovedWord, OutcomeWord, PruneWord};
use crate::model::{
    Action, Because, Change, Explanation, GrantSource, LastWrite, Name, Origin, Outcome, Plan, Prune,
    RecordedRun, RecordedWrite, Runner, Sources, TaskSet, TimeLimit, UserId, WabaId, WhyGone,
};
use crate::proposal::Proposal;
use crate::query::Named;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Defines structs that are read and written as JSON objects. Unknown fields are an error: in a saved plan they are a
/// sign that it was altered.
macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident$(<$life:lifetime>)? {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name$(<$life>)? { $($(#[$field_doc])* pub(crate) $field: $type,)* }
    )*};
}
pub(super) use documents;

/// Defines a struct with the fields of an outcome, between fields of its own. See [`OutcomeParts`].
macro_rules! with_outcome {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$before_doc:meta])* $before:ident: $before_type:ty,)*
        ..outcome,
        $($(#[$after_doc:meta])* $after:ident: $after_type:ty,)*
    }) => {
        $(#[$doc])*
        pub(crate) struct $name<'a> {
            $($(#[$before_doc])* pub(crate) $before: $before_type,)*
            /// The outcome.
            pub(crate) outcome: $crate::documents::words::OutcomeWord,
            /// The tasks that are stored, if they are not those that were written.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub(crate) stored: Option<$crate::documents::values::Tasks>,
            /// The tasks that were found, if live access was not as the plan saw it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub(crate) found: Option<$crate::documents::values::Tasks>,
            /// Why the change failed, was not attempted, or has an unknown outcome.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub(crate) error: Option<std::borrow::Cow<'a, str>>,
            $($(#[$after_doc])* pub(crate) $after: $after_type,)*
        }
    };
}
pub(crate) use with_outcome;

documents! {
    /// The program that wrote the document.
    Tool<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// The version.
        version: Cow<'a, str>,
    }
    /// A WABA.
    WabaEntry<'a> {
        /// The id.
        id: AsText<WabaId>,
        /// The name; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
        /// The live name, if it differs from the name in the manifests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live_name: Option<Cow<'a, str>>,
    }
    /// A user.
    UserEntry<'a> {
        /// The id.
        id: AsText<UserId>,
        /// The name; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
        /// The live name, if it differs from the name in the manifests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live_name: Option<Cow<'a, str>>,
    }
    /// A user whose id can be unknown.
    UserName<'a> {
        /// The id; absent if it is not known without the API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<AsText<UserId>>,
        /// The name; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
        /// The live name, if it differs from the name in the manifests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live_name: Option<Cow<'a, str>>,
    }
    /// The process that ran the program.
    RunnerEntry<'a> {
        /// The user of the operating system; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Cow<'a, str>>,
        /// The host name; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Cow<'a, str>>,
        /// The process id.
        pid: u32,
    }
    /// A change of one assignment.
    ChangeEntry<'a> {
        /// What the change does.
        action: ActionWord,
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The tasks before the change.
        before: Tasks,
        /// The tasks after the change. A write replaces the whole set.
        after: Tasks,
        /// The grants that ask for the tasks after the change.
        because: Vec<GrantEntry<'a>>,
        /// Why tasks are removed; absent if none are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<GoneEntry<'a>>,
        /// Why the change is not attempted; absent if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocked: Option<BlockedWord>,
        /// Whether the user is an admin of the business, who may not be listed even after the write. Without an assignment
        /// on a WABA it has full access there.
        admin: bool,
        /// The writes of a change that takes two; absent if it takes one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        steps: Vec<StepEntry>,
        /// How live access came to differ. Only `drift` knows this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drift: Option<Box<DriftEntry<'a>>>,
    }
    /// A write of a change that takes two.
    StepEntry {
        /// The position of the write among all writes of the plan, from 1.
        position: usize,
        /// The tasks that are written.
        tasks: Tasks,
    }
    /// A grant.
    GrantEntry<'a> {
        /// The path in the manifest: `grants[1]`, or `exceptions[0]`.
        grant: Cow<'a, str>,
        /// The name; absent if the grant has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1; absent if it is not known.
        #[serde(default, skip_serializing_if = "is_unknown")]
        column: u32,
        /// The reason; absent if the grant has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
        /// The first day on which the grant holds, or the instant at which it begins; absent if it held from the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<AsText<TimeLimit>>,
        /// The last day on which the grant holds, or the instant at which it ends; absent if it does not end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<AsText<TimeLimit>>,
    }
    /// Why tasks are removed.
    GoneEntry<'a> {
        /// The prune rule that allows it.
        prune: PruneWord,
        /// The places in the manifests that explain it.
        lines: Vec<GoneLine<'a>>,
    }
    /// A place that explains why tasks are removed.
    GoneLine<'a> {
        /// Why no grant gives the tasks.
        why: GoneWord,
        /// The file of the grant that is not in force, or of the declaration of the user or the WABA.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1; absent if it is not known.
        #[serde(default, skip_serializing_if = "is_unknown")]
        column: u32,
        /// The grant that is not in force, or the exception, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantEntry<'a>>,
        /// Why the user is suspended, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
    }
    /// How live access came to differ from the manifests.
    DriftEntry<'a> {
        /// Which side changed since the plan that `--since` names, or since the last write.
        moved: MovedWord,
        /// The last write of the assignment in the journal; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_write: Option<LastWriteEntry<'a>>,
    }
    /// A write in the journal.
    LastWriteEntry<'a> {
        /// The id of the run.
        run: Cow<'a, str>,
        /// The number of the write in the run, from 1.
        write: u64,
        /// When it was about to be sent, in UTC.
        at: AsText<Timestamp>,
        /// The system user whose token was used; absent if it was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The user of the operating system; absent if it was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Cow<'a, str>>,
        /// The host name; absent if it was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<Cow<'a, str>>,
        /// What the run comes from; absent if nothing is known.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        /// The tasks that were written.
        after: Tasks,
        /// The outcome; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<OutcomeWord>,
    }
}

/// Returns whether a line or a column is not known: an older journal has no columns.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_unknown(column: &u32) -> bool {
    *column == 0
}

impl Tool<'_> {
    /// Returns a version of this program; empty if it is not known.
    pub(super) fn of(version: &str) -> Tool<'_> {
        Tool { version: version.into(), ..Tool::this() }
    }

    /// Returns this program.
    pub(super) fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// Returns a name; `None` if it is empty.
fn known(name: &Name) -> Option<Cow<'_, str>> {
    (!name.as_str().is_empty()).then(|| name.as_str().into())
}

/// Returns the text of a name.
pub(crate) fn text(name: &Name) -> Cow<'_, str> {
    name.as_str().into()
}

impl<'a> WabaEntry<'a> {
    pub(crate) fn new(id: WabaId, name: &'a Name) -> Self {
        Self { id: AsText(id), name: known(name), live_name: None }
    }

    pub(crate) fn of(plan: &'a Plan, id: WabaId) -> Self {
        let live_name = plan.live_waba_names.get(&id).map(text);
        Self { id: AsText(id), name: plan.waba_names.get(&id).and_then(known), live_name }
    }

    /// Returns a WABA with its names.
    pub(crate) fn named(id: WabaId, named: Named<'a>) -> Self {
        Self { id: AsText(id), name: named.name.and_then(known), live_name: named.live_name.map(text) }
    }

    /// Returns the name; empty if it is not known.
    pub(crate) fn into_name(self) -> Name {
        self.name.map(Name::new).unwrap_or_default()
    }
}

impl<'a> UserName<'a> {
    pub(crate) fn of(id: Option<UserId>, named: Named<'a>) -> Self {
        Self { id: id.map(AsText), name: named.name.and_then(known), live_name: named.live_name.map(text) }
    }
}

impl<'a> UserEntry<'a> {
    pub(crate) fn new(id: UserId, name: &'a Name) -> Self {
        Self { id: AsText(id), name: known(name), live_name: None }
    }

    pub(crate) fn of(plan: &'a Plan, id: UserId) -> Self {
        let live_name = plan.live_user_names.get(&id).map(text);
        Self { id: AsText(id), name: plan.user_names.get(&id).and_then(known), live_name }
    }

    pub(crate) fn named(id: UserId, named: Named<'a>) -> Self {
        Self { id: AsText(id), name: named.name.and_then(known), live_name: named.live_name.map(text) }
    }

    /// Returns the acting user with its live name, or else with the one that the plan uses.
    pub(crate) fn acting(proposal: &'a Proposal) -> Option<Self> {
        let id = proposal.plan.acting_user?;
        let live = proposal.acting_user_name.as_ref();
        Some(live.map_or_else(|| Self::of(&proposal.plan, id), |name| Self::new(id, name)))
    }

    /// Returns the name; empty if it is not known.
    pub(crate) fn into_name(self) -> Name {
        self.name.map(Name::new).unwrap_or_default()
    }
}

impl<'a> RunnerEntry<'a> {
    pub(crate) fn of(runner: &'a Runner) -> Self {
        Self { user: runner.user.as_ref().map(text), host: runner.host.as_ref().map(text), pid: runner.pid }
    }

    pub(crate) fn read(self) -> Runner {
        Runner { user: self.user.map(Name::new), host: self.host.map(Name::new), pid: self.pid }
    }
}

impl<'a> ChangeEntry<'a> {
    pub(crate) fn of(plan: &'a Plan, change: &'a Change, sources: &'a Sources) -> Self {
        let (waba, user) = (WabaEntry::of(plan, change.key.waba), UserEntry::of(plan, change.key.user));
        Self {
            blocked: change.blocked.map(Into::into),
            admin: change.admin,
            ..Self::new(waba, user, [&change.before, &change.after], &change.because, sources)
        }
    }

    /// Returns a change from one set to another.
    pub(crate) fn new(
        waba: WabaEntry<'a>,
        user: UserEntry<'a>,
        [before, after]: [&TaskSet; 2],
        because: &'a Because,
        sources: &'a Sources,
    ) -> Self {
        Self {
            action: Action::between(before, after).into(),
            waba,
            user,
            before: Tasks(before.clone()),
            after: Tasks(after.clone()),
            because: because.grants.iter().map(|grant| GrantEntry::of(grant, sources)).collect(),
            gone: because.gone.as_ref().map(|(prune, lines)| GoneEntry::of(*prune, lines, sources)),
            blocked: None,
            admin: false,
            steps: Vec::new(),
            drift: None,
        }
    }
}

impl<'a> GrantEntry<'a> {
    pub(crate) fn of(grant: &'a GrantSource, sources: &'a Sources) -> Self {
        Self {
            grant: grant.path.as_str().into(),
            name: grant.name.as_ref().map(text),
            file: sources.path(grant.at.source).into(),
            line: grant.at.line,
            column: grant.at.column,
            reason: grant.reason.as_ref().map(text),
            from: grant.from.map(AsText),
            until: grant.until.map(AsText),
        }
    }
}

impl<'a> GoneEntry<'a> {
    pub(crate) fn of(prune: Prune, lines: &'a [WhyGone], sources: &'a Sources) -> Self {
        Self { prune: prune.into(), lines: lines.iter().map(|line| GoneLine::of(line, sources)).collect() }
    }
}

impl<'a> GoneLine<'a> {
    fn of(line: &'a WhyGone, sources: &'a Sources) -> Self {
        let (why, at, grant) = match line {
            WhyGone::Expired(grant) => (GoneWord::Expired, grant.at, Some(GrantEntry::of(grant, sources))),
            WhyGone::NotYet(grant) => (GoneWord::NotYet, grant.at, Some(GrantEntry::of(grant, sources))),
            WhyGone::Excepted(grant) => (GoneWord::Excepted, grant.at, Some(GrantEntry::of(grant, sources))),
            WhyGone::Declared(at) => (GoneWord::Declared, *at, None),
            WhyGone::Suspended(reason) => (GoneWord::Suspended, reason.at, None),
            WhyGone::Released(at) => (GoneWord::Released, *at, None),
            WhyGone::Undeclared(at) => (GoneWord::Undeclared, *at, None),
        };
        let reason = match line {
            WhyGone::Suspended(reason) => Some(text(&reason.value)),
            WhyGone::Expired(_)
            | WhyGone::NotYet(_)
            | WhyGone::Excepted(_)
            | WhyGone::Declared(_)
            | WhyGone::Released(_)
            | WhyGone::Undeclared(_) => None,
        };
        Self { why, file: sources.path(at.source).into(), line: at.line, column: at.column, grant, reason }
    }
}

impl<'a> DriftEntry<'a> {
    pub(super) fn of(explanation: &'a Explanation) -> Self {
        Self {
            moved: explanation.moved.into(),
            last_write: explanation.last_write.as_ref().map(LastWriteEntry::of),
        }
    }
}

impl<'a> LastWriteEntry<'a> {
    /// Returns an entry of a run.
    pub(super) fn recorded(run: &'a RecordedRun, write: &'a RecordedWrite) -> Self {
        Self {
            run: text(&run.id),
            write: write.number,
            at: AsText(write.at),
            acting_user: run.acting_user.as_ref().map(|(id, name)| UserEntry::new(*id, name)),
            by: run.by.user.as_ref().map(text),
            host: run.by.host.as_ref().map(text),
            origin: OriginEntries::of(&run.origin),
            after: Tasks(write.after.clone()),
            outcome: write.outcome.as_ref().map(|known| (&known.outcome).into()),
        }
    }

    fn of(write: &'a LastWrite) -> Self {
        Self {
            run: text(&write.run),
            write: write.number,
            at: AsText(write.at),
            acting_user: write.acting_user.as_ref().map(|(id, name)| UserEntry::new(*id, name)),
            by: write.by.user.as_ref().map(text),
            host: write.by.host.as_ref().map(text),
            origin: OriginEntries::of(&write.origin),
            after: Tasks(write.after.clone()),
            outcome: write.outcome.as_ref().map(Into::into),
        }
    }
}

/// What a run comes from, by key: `commit`, `pull_request`, `run_url`, `actor`, `approver`, and keys of the user's own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct OriginEntries<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> OriginEntries<'a> {
    pub(crate) fn of(origin: &'a Origin) -> Self {
        Self(origin.entries().map(|(key, value)| (text(key), text(value))).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn read(self) -> Origin {
        Origin::recorded(self.0.into_iter().map(|(key, value)| (Name::new(key), Name::new(value))))
    }
}

/// The fields of an outcome.
pub(crate) struct OutcomeParts<'a> {
    pub(crate) outcome: OutcomeWord,
    pub(crate) stored: Option<Tasks>,
    pub(crate) found: Option<Tasks>,
    pub(crate) error: Option<Cow<'a, str>>,
}

impl<'a> OutcomeParts<'a> {
    pub(crate) fn of(outcome: &'a Outcome) -> Self {
        let mut parts = Self { outcome: outcome.into(), stored: None, found: None, error: None };
        match outcome {
            Outcome::Applied | Outcome::AlreadySo | Outcome::AcceptedNotListed => {}
            Outcome::StoredDifferently { stored } => parts.stored = Some(Tasks(stored.clone())),
            Outcome::Moved { found } => parts.found = Some(Tasks(found.clone())),
            Outcome::Failed { error }
            | Outcome::Unknown { error }
            | Outcome::InPart { why: error }
            | Outcome::NotAttempted { why: error } => {
                parts.error = Some(error.as_str().into());
            }
        }
        parts
    }

    /// Returns the outcome. What is missing is empty.
    pub(crate) fn read(self) -> Outcome {
        let tasks = |tasks: Option<Tasks>| tasks.unwrap_or_default().0;
        let error = self.error.unwrap_or_default().into_owned();
        match self.outcome {
            OutcomeWord::Applied => Outcome::Applied,
            OutcomeWord::AlreadySo => Outcome::AlreadySo,
            OutcomeWord::AcceptedNotListed => Outcome::AcceptedNotListed,
            OutcomeWord::StoredDifferently => Outcome::StoredDifferently { stored: tasks(self.stored) },
            OutcomeWord::InPart => Outcome::InPart { why: error },
            OutcomeWord::Moved => Outcome::Moved { found: tasks(self.found) },
            OutcomeWord::Failed => Outcome::Failed { error },
            OutcomeWord::Unknown => Outcome::Unknown { error },
            OutcomeWord::NotAttempted => Outcome::NotAttempted { why: error },
        }
    }
}
