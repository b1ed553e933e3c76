//! The words of all documents: an enum for each, and its conversion from and to the type that it stands for.

use crate::{diagnostic, model, query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name { $($(#[$word_doc])* $word,)* }
    )*};
}

/// Defines words that stand for the variants of an enum.
macro_rules! words_of {
    ($($(#[$doc:meta])* $name:ident for $module:ident::$of:ident {
        $($(#[$word_doc:meta])* $word:ident,)*
    })*) => {$(
        words! { $(#[$doc])* $name { $($(#[$word_doc])* $word,)* } }

        impl From<$module::$of> for $name {
            fn from(of: $module::$of) -> Self {
                match of { $($module::$of::$word => Self::$word,)* }
            }
        }

        impl From<$name> for $module::$of {
            fn from(word: $name) -> Self {
                match word { $($name::$word => Self::$word,)* }
            }
        }
    )*};
}

words! {
    /// Where live access was read.
    LiveSourceWord {
        /// From Meta's API.
        Api,
        /// From an emulator.
        Emulator,
        /// From a snapshot of the API.
        Snapshot,
    }
}

impl LiveSourceWord {
    /// Returns the word, if the source was recorded.
    pub(super) fn of(live_source: &model::LiveSource) -> Option<Self> {
        match live_source {
            model::LiveSource::Unrecorded => None,
            model::LiveSource::Api => Some(Self::Api),
            model::LiveSource::Emulator => Some(Self::Emulator),
            model::LiveSource::Snapshot(_) => Some(Self::Snapshot),
        }
    }

    /// Returns the source. A snapshot without a description is an emulator's state too.
    pub(super) fn read(self, snapshot: Option<model::SnapshotMark>) -> model::LiveSource {
        match (self, snapshot) {
            (Self::Api, _) => model::LiveSource::Api,
            (Self::Snapshot, Some(mark)) => model::LiveSource::Snapshot(mark),
            (Self::Emulator | Self::Snapshot, _) => model::LiveSource::Emulator,
        }
    }
}

words! {
    /// Why an assignment that a run wrote is not taken back.
    LeftAloneWord {
        /// A later run wrote it.
        LaterRun,
        /// It is not as the run left it, and no later run wrote it.
        Moved,
        /// The user is no system user of the business any more.
        NoSuchUser,
        /// The API does not list the user, because it is an admin.
        NotListed,
        /// The manifests suspend the user.
        Suspended,
    }
}

words! {
    /// What a reviewer decided.
    DecisionWord {
        /// The access stays.
        Keep,
        /// The access ends.
        End,
    }
    /// What became of a row since it was reviewed.
    ReviewedWord {
        /// It is as it was.
        Same,
        /// It holds something else.
        Changed,
        /// It holds nothing.
        Gone,
        /// The WABA could not be read.
        Unknown,
        /// The WABA is no more in scope.
        OutOfScope,
    }
}

words_of! {
    /// What the last review decided about a holder, if it was as it is now.
    ReviewStateWord for model::ReviewState {
        /// The access stays.
        Keep,
        /// The access was to end.
        End,
        /// It holds something else than what was reviewed.
        ChangedSince,
    }
    /// Whose assignment it is.
    HolderWord for model::HolderOf {
        /// A system user of the business.
        SystemUser,
        /// A person of the business, or one whose business is not known.
        Person,
        /// A user of another business.
        OtherBusiness,
    }
}

words_of! {
    /// What a change does.
    ActionWord for model::Action {
        /// The user holds nothing before and something after.
        Assign,
        /// The user holds something before and something else after.
        Change,
        /// The user holds something before and nothing after.
        Revoke,
    }
    /// Why a change is not attempted.
    BlockedWord for model::Blocked {
        /// The change would raise the acting user's own tasks.
        SelfRaise,
        /// The change would delete the assignment of a user that is or may be an admin. Without one, an admin has the full
        /// access of its role.
        AdminRow,
        /// The change removes a task that only a blocked change would give to another user.
        NeedsBlockedGain,
    }
    /// Whose access a test judges.
    WhoWord for model::Who {
        /// System users and people of the business itself.
        Business,
        /// Everybody.
        Everybody,
    }
    /// What a grant in force must have.
    RequiredWord for model::RequiredKey {
        /// A reason.
        Reason,
        /// An end.
        Until,
        /// A name.
        Name,
    }
    /// The state on which tests were judged.
    TestedWord for model::TestedState {
        /// What the manifests ask for.
        Desired,
        /// After the plan.
        After,
        /// Live.
        Live,
    }
    /// What a test has shown.
    VerdictWord for model::Verdict {
        /// The assertion does not hold, or the test selects nothing.
        Fail,
        /// Something could not be read.
        Undecided,
        /// It failed live already, and the plan does not make it worse.
        Notice,
        /// It needs what is only known live.
        Skipped,
        /// The assertion holds.
        Pass,
    }
    /// What a test left out, because it is only known live.
    LeftOutWord for model::OnlyLive {
        /// People and users of other businesses.
        Others,
        /// WABAs that rules discover.
        Discovered,
        /// System users that no manifest declares.
        Undeclared,
    }
    /// What may be removed on a WABA.
    PruneWord for model::Prune {
        /// Nothing.
        None,
        /// Tasks of declared users that no grant gives.
        Declared,
        /// Tasks of all system users of the business that no grant gives.
        All,
    }
    /// Why an assignment is not managed.
    UnmanagedWord for model::UnmanagedReason {
        /// The user is a person.
        Person,
        /// The user is a system user or a person of another business.
        OtherBusiness,
        /// The user is a system user of this business that no manifest declares.
        Undeclared,
        /// The user is a system user of this business that the manifests ignore.
        Ignored,
        /// The user is a system user of this business that the manifests of another set declare.
        OtherSet,
        /// The kind of the user is not known to this version.
        Unknown,
    }
    /// Which side changed.
    MovedWord for model::Moved {
        /// Live access changed: drift.
        Live,
        /// The manifests changed, or a grant expired: work in progress.
        Manifests,
        /// Both changed.
        Both,
        /// Live access is as it was before the plan that `--since` names: the plan was not applied, or was undone.
        Undone,
        /// Not known.
        Unknown,
    }
    /// What access of undeclared system users counts as.
    UndeclaredWord for model::Undeclared {
        /// Drift.
        Drift,
        /// Accepted.
        Allow,
    }
    /// Who counts as a holder.
    HoldersWord for model::Holders {
        /// System users and people of the business itself.
        Business,
        /// Everybody.
        Anyone,
    }
    /// What a later read found about a write that was in flight.
    SettledWord for model::Settlement {
        /// The write took effect.
        TookEffect,
        /// The write had no effect.
        NoEffect,
        /// The user holds neither the tasks before the write nor those after it.
        Different,
    }
    /// The state that a question is about.
    WhenWord for query::When {
        /// The live state.
        Live,
        /// What the manifests ask for.
        Desired,
        /// The state after the plan.
        After,
    }
    /// How the manifests see a user.
    StandingWord for query::Standing {
        /// A declared system user.
        Declared,
        /// A system user of this business that was declared earlier, and is declared no more.
        Released,
        /// A system user of this business that no manifest declares.
        Undeclared,
        /// A system user of this business that the manifests ignore.
        Ignored,
        /// A system user of this business that the manifests of another set declare.
        OtherSet,
        /// A person.
        Person,
        /// A system user or a person of another business.
        OtherBusiness,
        /// A user of a kind that this version does not know.
        Unknown,
    }
    /// Why a WABA is not compared with a snapshot.
    NotComparedWord for query::NotCompared {
        /// Its access could not be read now.
        UnreadableNow,
        /// Its access is not known in the snapshot.
        UnreadableThen,
    }
    /// Whether a grant is in force.
    PhaseWord for model::Phase {
        /// It has not begun.
        Coming,
        /// It is in force.
        InForce,
        /// It has ended.
        Ended,
    }
    /// Whether a diagnostic is an error.
    SeverityWord for diagnostic::Severity {
        /// The manifests cannot be used.
        Error,
        /// The manifests can be used.
        Warning,
    }
}

words! {
    /// Since when a task is live, or is not.
    SinceWord {
        /// Since the write.
        Written,
        /// Since before the write, the first on record.
        Before,
        /// Since some time after the write, which left it otherwise: it was changed outside.
        Outside,
        /// The journal has no write of the assignment that took effect.
        Unrecorded,
    }
    /// The kind of a holder.
    HolderKindWord {
        /// A system user of the business.
        SystemUser,
        /// A person.
        Person,
        /// A system user or a person of another business.
        OtherBusiness,
        /// A user of a kind that this version does not know.
        Unknown,
    }
    /// What the journal knows of the effect of a write.
    ProofWord {
        /// A read right after the write shows it.
        ReadBack,
        /// The read of a later run shows it.
        LaterRead,
        /// A read right before the write showed that it was so already. Nothing was sent.
        AlreadySo,
        /// The API accepted it, and its lists do not show the user, who is an admin.
        AcceptedNotListed,
        /// A read shows other tasks than were written.
        Otherwise,
        /// Only the first of its two writes was made.
        InPart,
        /// It was refused, or a read shows that it had no effect.
        NoEffect,
        /// It was not sent.
        NotSent,
        /// It was announced, and what became of it is not known.
        Unknown,
    }
    /// What would end a task.
    EndsWord {
        /// The next apply.
        NextApply,
        /// The end of every grant that gives it.
        Grants,
        /// Nothing that can be applied: the change is not attempted.
        Blocked,
        /// Another prune rule: `prune: none` keeps it.
        Kept,
        /// Nothing in these manifests, because they do not manage the user.
        NotManaged,
        /// Not known, because the WABA could not be read.
        Unknown,
        /// Nothing: it differs from the manifests only by an implied task.
        Implied,
    }
    /// What the plan does with an assignment.
    OutlookWord {
        /// It changes.
        Changes,
        /// It is as the manifests ask for.
        AsDesired,
        /// It has tasks that no grant gives and that `prune: none` keeps.
        Kept,
        /// The manifests do not manage the user.
        NotManaged,
        /// The system user was not found, so it can gain nothing.
        UserNotFound,
        /// The WABA could not be read.
        Unknown,
    }
    /// Why no grant gives what is removed.
    GoneWord {
        /// The grant has expired.
        Expired,
        /// The grant has not begun.
        NotYet,
        /// An exception, which is in `grant`, does not give them.
        Excepted,
        /// The user is declared here, and no grant gives it these tasks.
        Declared,
        /// The user is suspended here.
        Suspended,
        /// The user was declared here earlier, and is declared no more.
        Released,
        /// No manifest declares the user. The WABA is declared here.
        Undeclared,
    }
    /// The changes that a plan was limited to.
    OnlyWord {
        /// Those that take away what has expired.
        Expired,
    }
    /// What a notice is about.
    NoticeWord {
        /// The list of the WABA is empty, and nothing could confirm that.
        Unconfirmed,
        /// The plan writes to an admin of the business, who may not be listed even after the write.
        AssignsToAdmin,
        /// A declared user was not found, so users that no manifest declares lose nothing.
        KeepsUndeclared,
        /// A user that is declared by its name has another id than when the manifests were last applied.
        OtherId,
        /// The manifests of `--previous` cannot be used.
        PreviousUnusable,
    }
    /// The outcome of a change.
    OutcomeWord {
        /// Written, read back, and stored as planned.
        Applied,
        /// Not written: it was already as planned.
        AlreadySo,
        /// Accepted, but the user is an admin and is not listed.
        AcceptedNotListed,
        /// Accepted, but other tasks are stored than those written.
        StoredDifferently,
        /// Only the first of two writes is done: the user has what it gains, and still what it loses.
        InPart,
        /// Not written: live access was no longer as the plan saw it.
        Moved,
        /// Refused, or without effect.
        Failed,
        /// Sent, but whether it took effect is not known.
        Unknown,
        /// Not sent.
        NotAttempted,
    }
}

impl From<&model::Outcome> for OutcomeWord {
    fn from(outcome: &model::Outcome) -> Self {
        use model::Outcome;
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::AlreadySo => Self::AlreadySo,
            Outcome::AcceptedNotListed => Self::AcceptedNotListed,
            Outcome::StoredDifferently { .. } => Self::StoredDifferently,
            Outcome::InPart { .. } => Self::InPart,
            Outcome::Moved { .. } => Self::Moved,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::Unknown { .. } => Self::Unknown,
            Outcome::NotAttempted { .. } => Self::NotAttempted,
        }
    }
}

impl HolderKindWord {
    /// Returns the kind of a user.
    pub(crate) fn of(standing: query::Standing) -> Self {
        use query::Standing;
        match standing {
            Standing::Declared
            | Standing::Released
            | Standing::Undeclared
            | Standing::Ignored
            | Standing::OtherSet => Self::SystemUser,
            Standing::Person => Self::Person,
            Standing::OtherBusiness => Self::OtherBusiness,
            Standing::Unknown => Self::Unknown,
        }
    }
}

impl From<query::Proof<'_>> for ProofWord {
    fn from(proof: query::Proof<'_>) -> Self {
        use query::Proof;
        match proof {
            Proof::ReadBack(_) => Self::ReadBack,
            Proof::LaterRead(..) => Self::LaterRead,
            Proof::AlreadySo(_) => Self::AlreadySo,
            Proof::AcceptedNotListed => Self::AcceptedNotListed,
            Proof::Otherwise(_) => Self::Otherwise,
            Proof::InPart => Self::InPart,
            Proof::NoEffect => Self::NoEffect,
            Proof::NotSent => Self::NotSent,
            Proof::Unknown => Self::Unknown,
        }
    }
}

impl From<query::Since<'_>> for SinceWord {
    fn from(since: query::Since<'_>) -> Self {
        use query::Since;
        match since {
            Since::Written(..) => Self::Written,
            Since::Before(..) => Self::Before,
            Since::Outside(..) => Self::Outside,
            Since::Unrecorded => Self::Unrecorded,
        }
    }
}

impl From<query::Ends> for EndsWord {
    fn from(ends: query::Ends) -> Self {
        use query::Ends;
        match ends {
            Ends::NextApply => Self::NextApply,
            Ends::Entries(_) => Self::Grants,
            Ends::Blocked(_) => Self::Blocked,
            Ends::Kept => Self::Kept,
            Ends::NotManaged => Self::NotManaged,
            Ends::Unknown => Self::Unknown,
            Ends::Implied => Self::Implied,
        }
    }
}

impl From<query::Outlook<'_>> for OutlookWord {
    fn from(outlook: query::Outlook<'_>) -> Self {
        use query::Outlook;
        match outlook {
            Outlook::Changes(_) => Self::Changes,
            Outlook::AsDesired => Self::AsDesired,
            Outlook::Kept => Self::Kept,
            Outlook::NotManaged => Self::NotManaged,
            Outlook::UserNotFound => Self::UserNotFound,
            Outlook::Unknown => Self::Unknown,
        }
    }
}
