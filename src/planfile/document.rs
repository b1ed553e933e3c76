//! What a saved plan looks like on disk, and what its JSON Schema says. Knows nothing of where it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sets of tasks by user.
pub(super) type TasksByUser = BTreeMap<String, Vec<String>>;

/// A saved plan: all that it takes to show it anywhere and to apply it later.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SavedPlan {
    /// The version of this format.
    pub(super) format_version: String,
    /// The version of the program that wrote this.
    pub(super) version: String,
    /// When this was made, in UTC.
    pub(super) created_at: String,
    /// The day for which the plan was made, in UTC.
    pub(super) day: String,
    /// The id of the business portfolio.
    pub(super) business: String,
    /// The system user whose token was used, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acting_user: Option<String>,
    /// Its name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acting_user_name: Option<String>,
    /// The digest of what the manifests mean.
    pub(super) manifest_digest: String,
    /// The paths of the manifests, by which the places below count from 0.
    pub(super) sources: Vec<String>,
    /// Whether `--waba` narrowed the plan to some WABAs.
    pub(super) partial: bool,
    /// The changes, in the order in which they are applied.
    pub(super) changes: Vec<SavedChange>,
    /// Live rows in scope that are left alone.
    pub(super) unmanaged: Vec<SavedUnmanaged>,
    /// WABAs that could not be read, with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    /// What the reader should know besides.
    pub(super) notices: Vec<SavedNotice>,
    /// Live assignments in scope that stay as they are.
    pub(super) unchanged: usize,
    /// Live assignments in scope that hold anything.
    pub(super) live_in_scope: usize,
    /// Everybody who holds something on the WABAs that a change touches.
    pub(super) holders: BTreeMap<String, TasksByUser>,
    /// The names of WABAs.
    pub(super) waba_names: BTreeMap<String, String>,
    /// The names of users.
    pub(super) user_names: BTreeMap<String, String>,
    /// What Meta is seen to store beside or instead of what was asked.
    pub(super) implied: BTreeMap<String, Vec<String>>,
    /// Who holds what in scope.
    pub(super) access: SavedAccess,
    /// What the guards go by.
    pub(super) policy: SavedPolicy,
}

/// A change of one assignment.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedChange {
    /// The WABA.
    pub(super) waba: String,
    /// The user.
    pub(super) user: String,
    /// The tasks that were live.
    pub(super) before: Vec<String>,
    /// The tasks that shall be: the whole new set.
    pub(super) after: Vec<String>,
    /// What is implied by a task that is held before and after.
    pub(super) implied: Vec<String>,
    /// The grants that ask for what shall be.
    pub(super) because: Vec<SavedGrant>,
    /// Why something goes, where something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gone: Option<SavedGone>,
    /// Whether it would raise the acting user's own tasks.
    pub(super) self_raise: bool,
    /// Whether the user is an admin of the business.
    pub(super) admin: bool,
}

/// A grant.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedGrant {
    /// Its path in its document: `grants[1]`.
    pub(super) grant: String,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Its reason, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The last day it holds, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    /// Where it stands.
    pub(super) at: Place,
}

/// A place in a manifest: the number of the source, the line and the column, both from 1.
pub(super) type Place = (u32, u32, u32);

/// Why something goes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedGone {
    /// The prune rule by which it goes.
    pub(super) prune: SavedPrune,
    /// The lines that no longer give it.
    pub(super) lines: Vec<SavedLine>,
}

/// What may be taken away.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SavedPrune {
    None,
    Declared,
    All,
}

/// A line that no longer gives something.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SavedLine {
    /// A grant that has expired.
    Expired(SavedGrant),
    /// The user is declared there.
    Declared(Place),
    /// The user is declared nowhere, and the WABA is declared there.
    Undeclared(Place),
}

/// A live row that is left alone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedUnmanaged {
    pub(super) waba: String,
    pub(super) user: String,
    pub(super) name: String,
    pub(super) tasks: Vec<String>,
    pub(super) why: SavedWhy,
}

/// Why a row is left alone.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SavedWhy {
    Person,
    OtherBusiness,
    Undeclared,
    Unknown,
}

/// Something that the reader should know, about a WABA or a user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SavedNotice {
    Unconfirmed(String),
    AssignsToAdmin(String),
}

/// Who holds what in scope.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedAccess {
    /// The WABAs in scope, with their names.
    pub(super) wabas: BTreeMap<String, String>,
    /// The system users, with their names.
    pub(super) users: BTreeMap<String, String>,
    /// What they hold, by WABA.
    pub(super) live: BTreeMap<String, TasksByUser>,
}

/// What the guards go by.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct SavedPolicy {
    pub(super) max_removals_percent: f64,
    pub(super) max_removals: u64,
    pub(super) min_holders: BTreeMap<String, u64>,
    pub(super) protected_users: Vec<String>,
    /// The tasks that can be assigned on a WABA, where the API told.
    pub(super) permitted: BTreeMap<String, Vec<String>>,
    /// The declared WABAs by name.
    pub(super) wabas: BTreeMap<String, String>,
    /// The declared system users by name.
    pub(super) users: BTreeMap<String, String>,
}
