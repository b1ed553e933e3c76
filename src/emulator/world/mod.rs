//! The state that the emulator serves: apps, businesses, users, WABAs, solutions, tokens and assignments.
//!
//! [`World`] is a plain value that knows nothing of HTTP. `file` declares its YAML format, `yaml` reads it, `writer` writes
//! it, `schema` generates its JSON Schema, `state_file` writes it to disk, `copy` makes a world of an estate, `diff`
//! compares two, `earlier` returns what a business saw.

mod copy;
mod diff;
mod earlier;
mod file;
pub(super) mod schema;
pub(super) mod state_file;
mod writer;
pub(super) mod yaml;

use crate::model::{
    AppId, AssignmentKey, BusinessId, Refusal, SnapshotMark, SolutionId, State, TaskSet, UserId, WabaId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

/// The scopes of a token that declares none.
pub(super) const DEFAULT_SCOPES: [&str; 2] = ["business_management", "whatsapp_business_management"];
/// The status of a solution that is in force.
pub(super) const ACTIVE: &str = "ACTIVE";
/// The role of system users that can write.
const ADMIN: &str = "ADMIN";

/// A range of ids.
pub(super) type IdRange<K> = (Bound<K>, Bound<K>);

/// The kind of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UserKind {
    /// A system user with its role, if that is known.
    System {
        role: Option<String>,
        /// Whether lists of assignments contain it.
        listed: bool,
        /// Whether the business's list of system users contains it.
        in_directory: bool,
    },
    /// Another user, with the `user_type` of its rows.
    Person { user_type: Option<String> },
}

/// A user of a business.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    /// The business of the user, if it is known.
    pub(super) business: Option<BusinessId>,
    pub(super) kind: UserKind,
    /// The error with which the API refuses the list of the user's WABAs.
    pub(super) wabas_unreadable: Option<Box<Refusal>>,
}

impl User {
    /// Returns whether this is a system user with the ADMIN role.
    pub(super) fn is_admin(&self) -> bool {
        matches!(&self.kind, UserKind::System { role, .. } if role.as_deref() == Some(ADMIN))
    }

    /// Returns whether lists of assignments contain this user.
    pub(super) fn is_listed(&self) -> bool {
        !matches!(self.kind, UserKind::System { listed: false, .. })
    }

    /// Returns whether the business's list of system users contains this user.
    pub(super) fn is_in_directory(&self) -> bool {
        matches!(self.kind, UserKind::System { in_directory: true, .. })
    }

    /// Returns the `user_type` of the user's rows, if they have one.
    pub(super) fn user_type(&self) -> Option<&str> {
        match &self.kind {
            UserKind::System { .. } => Some("SYSTEM_USER"),
            UserKind::Person { user_type } => user_type.as_deref(),
        }
    }
}

/// A WhatsApp Business Account.
#[derive(Debug, Clone)]
pub(super) struct Waba {
    pub(super) name: String,
    /// The owner, if it is known.
    pub(super) owner: Option<BusinessId>,
    /// The businesses that the WABA is shared with, each with the tasks that it can assign; `None` for all tasks.
    pub(super) clients: BTreeMap<BusinessId, Option<TaskSet>>,
    pub(super) solutions: BTreeSet<SolutionId>,
    /// The error with which the API refuses the list of assignments.
    pub(super) unreadable: Option<Box<Refusal>>,
    /// The error with which the API refuses the list of solutions.
    pub(super) solutions_unreadable: Option<Box<Refusal>>,
    pub(super) about: WabaDetails,
    pub(super) phone_numbers: BTreeMap<PhoneNumberId, PhoneNumber>,
    /// The apps that are subscribed to the WABA's webhooks.
    pub(super) subscribed_apps: BTreeSet<AppId>,
}

/// What the API reports of a WABA and nothing here depends on.
#[derive(Debug, Clone)]
pub(super) struct WabaDetails {
    pub(super) status: String,
    pub(super) account_review_status: String,
    pub(super) business_verification_status: String,
    pub(super) currency: String,
    pub(super) country: Option<String>,
    pub(super) timezone_id: String,
}

/// The defaults of the file.
impl Default for WabaDetails {
    fn default() -> Self {
        Self {
            status: ACTIVE.to_owned(),
            account_review_status: "APPROVED".to_owned(),
            business_verification_status: "verified".to_owned(),
            currency: "USD".to_owned(),
            country: None,
            timezone_id: "1".to_owned(),
        }
    }
}

/// The id of a phone number. The API uses ids of WABAs and of phone numbers alike.
pub(super) type PhoneNumberId = WabaId;

/// A phone number of a WABA.
#[derive(Debug, Clone)]
pub(super) struct PhoneNumber {
    pub(super) display: String,
    pub(super) verified_name: String,
}

impl Waba {
    /// Returns whether a business owns this WABA or has it shared.
    pub(super) fn involves(&self, business: BusinessId) -> bool {
        self.owner == Some(business) || self.clients.contains_key(&business)
    }
}

/// A Multi-Partner Solution: its apps and the permissions of each.
#[derive(Debug, Clone)]
pub(super) struct PartnerSolution {
    pub(super) name: String,
    /// [`ACTIVE`], or any other status of the API, if it is known.
    pub(super) status: Option<String>,
    pub(super) owner_app: Option<AppId>,
    /// The permissions of that app, if they are known.
    pub(super) owner_permissions: Option<TaskSet>,
    pub(super) partners: BTreeMap<AppId, Option<TaskSet>>,
}

impl PartnerSolution {
    /// Returns whether an app is the owner's or a partner's.
    pub(super) fn involves(&self, app: AppId) -> bool {
        self.owner_app == Some(app) || self.partners.contains_key(&app)
    }

    /// Returns the permissions of an app, as owner or partner; `None` if it is neither, or they are not known.
    pub(super) fn permissions(&self, app: AppId) -> Option<&TaskSet> {
        if self.owner_app == Some(app) {
            return self.owner_permissions.as_ref();
        }
        self.partners.get(&app)?.as_ref()
    }
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) user: UserId,
    pub(super) app: Option<AppId>,
    /// When the token expires, in seconds since 1970; 0 for never.
    pub(super) expires_at: u64,
    pub(super) scopes: BTreeSet<String>,
    /// Whether the emulator issued the token for this run. The YAML form leaves such tokens out.
    pub(super) issued: bool,
}

/// The state that requests read and change.
///
/// Read it from YAML with [`World::from_yaml`]. Indexes by user and by business answer every list without a scan.
#[derive(Clone, Default)]
pub struct World {
    /// What a snapshot says of itself, if this is one.
    snapshot: Option<SnapshotMark>,
    pub(super) app: Option<AppId>,
    pub(super) app_secret: Option<String>,
    pub(super) businesses: BTreeMap<BusinessId, String>,
    /// The business that the file declares first.
    first: Option<BusinessId>,
    pub(super) users: BTreeMap<UserId, User>,
    wabas: BTreeMap<WabaId, Waba>,
    pub(super) solutions: BTreeMap<SolutionId, PartnerSolution>,
    pub(super) tokens: BTreeMap<String, Token>,
    assignments: State,
    held_by: BTreeMap<UserId, BTreeSet<WabaId>>,
    owned_by: BTreeMap<BusinessId, BTreeSet<WabaId>>,
    shared_with: BTreeMap<BusinessId, BTreeSet<WabaId>>,
}

/// Shows counts only, because a world contains tokens.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("businesses", &self.businesses.len())
            .field("users", &self.users.len())
            .field("wabas", &self.wabas.len())
            .field("assignments", &self.assignments.len())
            .finish_non_exhaustive()
    }
}

impl World {
    /// Returns all assignments, including those of users that lists leave out.
    pub fn assignments(&self) -> &State {
        &self.assignments
    }

    /// Returns what a snapshot says of itself, if this is one.
    pub fn snapshot(&self) -> Option<&SnapshotMark> {
        self.snapshot.as_ref()
    }

    /// Returns whether the world has a business.
    pub fn has_business(&self, business: BusinessId) -> bool {
        self.businesses.contains_key(&business)
    }

    /// Notes that a snapshot is no longer as it was taken.
    fn note_change(&mut self) {
        if let Some(mark) = &mut self.snapshot {
            mark.changed = true;
        }
    }

    /// Returns the user that gets a token: of a snapshot, the one whose token read it, or another system user; of
    /// another world, an admin.
    pub(super) fn acting_user(&self) -> Option<UserId> {
        let Some(mark) = &self.snapshot else { return self.admin() };
        let business = self.business();
        let own = |id: &UserId| self.users.get(id).is_some_and(|user| user.business == business);
        let mut others = self.users.iter().filter(|(_, user)| user.business == business);
        let any = || others.find(|(_, user)| user.is_in_directory()).map(|(id, _)| *id);
        mark.acting_user.filter(own).or_else(|| self.admin()).or_else(any)
    }

    /// Returns the business that the file declares first.
    pub fn business(&self) -> Option<BusinessId> {
        self.first
    }

    /// Returns the ADMIN system user of the first business that has the lowest id.
    pub fn admin(&self) -> Option<UserId> {
        let business = self.business()?;
        let mut users = self.users.iter();
        users.find(|(_, user)| user.business == Some(business) && user.is_admin()).map(|(id, _)| *id)
    }

    /// Replaces a user's tasks on a WABA and returns the previous ones. Nothing is checked.
    pub fn assign(&mut self, key: AssignmentKey, tasks: TaskSet) -> TaskSet {
        self.note_change();
        let before = self.tasks(key);
        let held = self.held_by.entry(key.user).or_default();
        if tasks.is_empty() {
            held.remove(&key.waba);
        } else {
            held.insert(key.waba);
        }
        self.assignments.set(key, tasks);
        before
    }

    /// Returns a user's tasks on a WABA; empty if there are none.
    pub(super) fn tasks(&self, key: AssignmentKey) -> TaskSet {
        self.assignments.get(key).cloned().unwrap_or_default()
    }

    /// Returns the WABAs by id.
    pub(super) fn wabas(&self) -> &BTreeMap<WabaId, Waba> {
        &self.wabas
    }

    /// Adds a system user to a business, and returns its id: the lowest one above all ids of users.
    pub(super) fn add_system_user(
        &mut self,
        business: BusinessId,
        name: String,
        role: String,
    ) -> Option<UserId> {
        let last = self.users.keys().next_back().map_or(0, |id| id.number());
        let id = last.checked_add(1)?.to_string().parse().ok()?;
        let kind = UserKind::System { role: Some(role), listed: true, in_directory: true };
        self.users.insert(id, User { name, business: Some(business), kind, wabas_unreadable: None });
        self.note_change();
        Some(id)
    }

    /// Subscribes an app to a WABA's webhooks, or ends that.
    pub(super) fn subscribe(&mut self, waba: WabaId, app: AppId, subscribed: bool) {
        self.note_change();
        let Some(waba) = self.wabas.get_mut(&waba) else { return };
        if subscribed {
            waba.subscribed_apps.insert(app);
        } else {
            waba.subscribed_apps.remove(&app);
        }
    }

    /// Adds a WABA whose id is not in use.
    pub(super) fn add_waba(&mut self, id: WabaId, waba: Waba) {
        if let Some(owner) = waba.owner {
            self.owned_by.entry(owner).or_default().insert(id);
        }
        for client in waba.clients.keys() {
            self.shared_with.entry(*client).or_default().insert(id);
        }
        self.wabas.insert(id, waba);
    }

    /// Returns the WABAs in the range that a business owns, by id.
    pub(super) fn owned_by(
        &self,
        owner: BusinessId,
        range: IdRange<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.owned_by.get(&owner), range)
    }

    /// Returns the WABAs in the range that are shared with a business, by id.
    pub(super) fn shared_with(
        &self,
        client: BusinessId,
        range: IdRange<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.shared_with.get(&client), range)
    }

    /// Returns the WABAs in the range on which a user has tasks, by id.
    pub(super) fn held_by(
        &self,
        user: UserId,
        range: IdRange<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.held_by.get(&user), range)
    }
}

fn within(ids: Option<&BTreeSet<WabaId>>, range: IdRange<WabaId>) -> impl DoubleEndedIterator<Item = WabaId> {
    ids.into_iter().flat_map(move |ids| ids.range(range)).copied()
}
