//! The documents: what each format holds, and what its JSON Schema says. Knows nothing of where it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

documents! {
    /// The program that wrote a document.
    Tool {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    }
    /// A WABA or a user.
    Named {
        /// Its id.
        id: String,
        /// Its name, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    }
    /// A plan: every change, in the order in which they are applied.
    PlanDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// When this was made, in UTC.
        created_at: String,
        /// The day for which the plan was made, in UTC: `2026-11-23`.
        day: String,
        /// The id of the business portfolio.
        business: String,
        /// The system user whose token is used, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// The digest of what the manifests mean.
        manifest_digest: String,
        /// Whether `--waba` narrowed the plan to some WABAs.
        partial: bool,
        /// The changes, in the order in which they are applied.
        changes: Vec<ChangeEntry>,
        /// Live rows in scope that are left alone.
        unmanaged: Vec<UnmanagedEntry>,
        /// WABAs that could not be read and are not planned.
        unreadable: Vec<UnreadableEntry>,
        /// The guards that the plan breaks.
        violations: Vec<ViolationEntry>,
        /// The guards that the plan breaks and that were waived for this run.
        waived: Vec<ViolationEntry>,
        /// What the reader should know besides.
        notices: Vec<NoticeEntry>,
        /// The grants that end soon, where `drift --expiring` asked for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiring: Option<Vec<ExpiringEntry>>,
        /// The numbers.
        summary: PlanSummary,
        /// What applying it costs.
        apply_cost: ApplyCostEntry,
    }
    /// A change of one assignment.
    ChangeEntry {
        /// What it does.
        action: ActionWord,
        /// The WABA.
        waba: Named,
        /// The user.
        user: Named,
        /// The tasks that are live, by name.
        before: Vec<String>,
        /// The tasks that shall be, by name: the whole new set.
        after: Vec<String>,
        /// The grants that ask for what shall be.
        because: Vec<GrantEntry>,
        /// Why something goes, where something does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<GoneEntry>,
        /// Set where the acting user cannot make this change itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocked: Option<BlockedWord>,
        /// Whether the user is an admin of the business, who may not be listed even after the write.
        admin: bool,
        /// What `drift` knows of how live access came to differ.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drift: Option<DriftEntry>,
    }
    /// How live access came to differ.
    DriftEntry {
        /// Which side moved: since the plan that `--since` named, or else since the last write.
        moved: MovedWord,
        /// The last entry of the journal that wrote this assignment, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_write: Option<LastWriteEntry>,
    }
    /// An entry of the journal.
    LastWriteEntry {
        /// The run that wrote.
        run: String,
        /// The write's number within the run.
        write: u64,
        /// When it was about to be sent, in UTC.
        at: String,
        /// The system user whose token was used, where that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// The user of the operating system, where it told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The machine, where it told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// What it wrote, by name: the whole set.
        after: Vec<String>,
        /// What became of it, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<OutcomeWord>,
    }
    /// A grant that ends soon.
    ExpiringEntry {
        /// The grant.
        grant: GrantEntry,
        /// What it gives, by name.
        tasks: Vec<String>,
        /// How many users hold something by it.
        users: usize,
        /// On how many WABAs.
        wabas: usize,
    }
    /// A grant.
    GrantEntry {
        /// Its path in its document: `grants[1]`.
        grant: String,
        /// Its name, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The file in which it stands.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// Its reason, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The last day it holds, where it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    }
    /// Why something goes.
    GoneEntry {
        /// The prune rule by which it goes.
        prune: PruneWord,
        /// The lines that no longer give it.
        lines: Vec<GoneLine>,
    }
    /// A line that no longer gives something.
    GoneLine {
        /// In which way.
        why: GoneWord,
        /// The file: of the expired grant, of the user's declaration, or of the WABA's.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// The expired grant, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantEntry>,
    }
    /// A live row that is left alone.
    UnmanagedEntry {
        /// The WABA.
        waba: Named,
        /// The user.
        user: Named,
        /// What it holds, by name.
        tasks: Vec<String>,
        /// Why it is left alone.
        why: UnmanagedWord,
    }
    /// A WABA that could not be read.
    UnreadableEntry {
        /// The WABA.
        waba: Named,
        /// Why.
        error: String,
    }
    /// A breach of a guard.
    ViolationEntry {
        /// The guard.
        code: String,
        /// What would happen.
        message: String,
        /// The WABA, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<Named>,
        /// The user, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Named>,
    }
    /// Something to know that stops nothing.
    NoticeEntry {
        /// What it is.
        code: NoticeWord,
        /// The WABA, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waba: Option<Named>,
        /// The user, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Named>,
    }
    /// The numbers of a plan.
    PlanSummary {
        /// Changes from nothing to something.
        assign: usize,
        /// Changes from one set to another.
        change: usize,
        /// Changes from something to nothing.
        revoke: usize,
        /// Live assignments in scope that stay.
        unchanged: usize,
    }
    /// What applying a plan costs in calls to the API, where nothing has to be tried again.
    ApplyCostEntry {
        /// Reads: each WABA that is written is read again before, and read back after.
        reads: usize,
        /// Writes: one for each change that is attempted.
        writes: usize,
    }
    /// A report: what became of every change.
    ReportDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// When this was made, in UTC.
        created_at: String,
        /// The id of the business portfolio.
        business: String,
        /// The system user whose token is used, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// The digest of what the manifests mean.
        manifest_digest: String,
        /// Whether any write was sent.
        wrote: bool,
        /// Why the run ended before its end, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
        /// The changes with their outcomes, in the plan's order.
        changes: Vec<OutcomeEntry>,
        /// WABAs that could not be read and were not planned.
        unreadable: Vec<UnreadableEntry>,
        /// The guards that were waived for this run.
        waived: Vec<ViolationEntry>,
        /// How many changes are now as planned, and how many are not.
        summary: ReportSummary,
    }
    /// A change with its outcome.
    OutcomeEntry {
        /// The change, as planned.
        change: ChangeEntry,
        /// What became of it.
        outcome: OutcomeWord,
        /// What is stored, where it is not what was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Vec<String>>,
        /// What was found, where the WABA had moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Vec<String>>,
        /// Why, where it failed, is unknown or was not attempted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }
    /// The numbers of a report.
    ReportSummary {
        /// Changes that are now as planned.
        done: usize,
        /// Changes that are not, or of which that is not known.
        not_done: usize,
    }
    /// What is wrong, or doubtful, about the manifests.
    DiagnosticsDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// The diagnostics, by file, line and column.
        diagnostics: Vec<DiagnosticEntry>,
        /// The numbers.
        summary: DiagnosticsSummary,
    }
    /// Something about the manifests.
    DiagnosticEntry {
        /// Whether it stops the run.
        severity: SeverityWord,
        /// A stable code.
        code: String,
        /// What is wrong.
        message: String,
        /// The file, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// The line, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        /// The column in characters, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<u32>,
        /// What to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    }
    /// The numbers of diagnostics.
    DiagnosticsSummary {
        /// Diagnostics that stop the run.
        errors: usize,
        /// Diagnostics that do not.
        warnings: usize,
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$word_doc])* $word,)* }
    )*};
}

words! {
    /// What a change does.
    ActionWord {
        /// From nothing to something.
        Assign,
        /// From one set to another.
        Change,
        /// From something to nothing.
        Revoke,
    }
    /// Why the acting user cannot make a change itself.
    BlockedWord {
        /// It would raise its own tasks.
        SelfRaise,
    }
    /// What may be taken away.
    PruneWord {
        /// Nothing.
        None,
        /// Declared users hold exactly what the grants give.
        Declared,
        /// The business's other system users lose theirs too.
        All,
    }
    /// In which way a line no longer gives something.
    GoneWord {
        /// The grant has expired.
        Expired,
        /// The user is declared here, and no grant gives it this.
        Declared,
        /// The user is declared nowhere, and the WABA, declared here, is pruned of all such.
        Undeclared,
    }
    /// Why a row is left alone.
    UnmanagedWord {
        /// A person.
        Person,
        /// A system user of another business.
        OtherBusiness,
        /// A system user that no manifest declares.
        Undeclared,
        /// A kind of user that this program does not know.
        Unknown,
    }
    /// Something to know.
    NoticeWord {
        /// The WABA's list came back empty, and nothing could confirm that.
        Unconfirmed,
        /// The plan writes to an admin, who may not be listed even after the write.
        AssignsToAdmin,
    }
    /// Which side moved.
    MovedWord {
        /// Live access: drift.
        Live,
        /// The manifests, or a grant expired: work in progress.
        Manifests,
        /// Both.
        Both,
        /// Live access is as before the plan that `--since` named: it was never applied here, or was undone.
        Undone,
        /// That cannot be told.
        Unknown,
    }
    /// What became of a change.
    OutcomeWord {
        /// Written, read back, and stored as planned.
        Applied,
        /// It was already as planned.
        AlreadySo,
        /// Accepted, but the user is an admin and is not listed.
        AcceptedNotListed,
        /// Accepted, but what is stored is not what was asked.
        StoredDifferently,
        /// Not written: live state was no longer what the plan saw.
        Moved,
        /// Refused, or without effect.
        Failed,
        /// Sent, and whether it took effect could not be found out.
        Unknown,
        /// Never sent.
        NotAttempted,
    }
    /// Whether a diagnostic stops the run.
    SeverityWord {
        /// It does.
        Error,
        /// It does not.
        Warning,
    }
}
