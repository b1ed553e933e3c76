//! The world that the emulator plays: who exists, which WABAs there are, and who holds what on them.
//!
//! A plain value. It must not know HTTP, and of YAML only that `super::yaml` reads and writes it.

use super::list::Span;
use crate::model::{AppId, AssignmentKey, BusinessId, SolutionId, State, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The scopes of a token that does not say otherwise.
pub(super) const SCOPES: [&str; 2] = ["business_management", "whatsapp_business_management"];

/// What kind of user somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UserKind {
    /// A system user, with its role and whether lists show it.
    System { role: String, listed: bool },
    /// Anybody else, by the `user_type` that rows give.
    Person { user_type: String },
}

/// A user and the business that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) business: BusinessId,
    pub(super) kind: UserKind,
}

impl User {
    /// Returns whether this is a system user with the ADMIN role.
    pub(super) fn is_admin(&self) -> bool {
        matches!(&self.kind, UserKind::System { role, .. } if role == "ADMIN")
    }

    /// Returns whether lists of assignments show this user.
    pub(super) fn is_listed(&self) -> bool {
        !matches!(self.kind, UserKind::System { listed: false, .. })
    }

    /// Returns the `user_type` of its rows.
    pub(super) fn user_type(&self) -> &str {
        match &self.kind {
            UserKind::System { .. } => "SYSTEM_USER",
            UserKind::Person { user_type } => user_type,
        }
    }
}

/// A WhatsApp Business Account: who owns it, and with whom it is shared on which terms.
#[derive(Debug, Clone)]
pub(super) struct Waba {
    pub(super) name: String,
    pub(super) owner: BusinessId,
    /// The businesses that it is shared with, and the tasks that each may assign, where that is limited.
    pub(super) clients: BTreeMap<BusinessId, Option<TaskSet>>,
    pub(super) solution: Option<SolutionId>,
}

impl Waba {
    /// Returns whether a business owns this WABA or has it shared.
    pub(super) fn involves(&self, business: BusinessId) -> bool {
        self.owner == business || self.clients.contains_key(&business)
    }
}

/// The status of a solution that is in force.
pub(super) const ACTIVE: &str = "ACTIVE";

/// A Multi-Partner Solution: its apps and what each was granted.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    pub(super) name: String,
    /// [`ACTIVE`], or whatever else the API may say.
    pub(super) status: String,
    pub(super) owner_app: AppId,
    pub(super) owner_permissions: TaskSet,
    pub(super) partners: BTreeMap<AppId, TaskSet>,
}

impl Solution {
    /// Returns what an app was granted, as owner or as partner.
    pub(super) fn permissions(&self, app: AppId) -> Option<&TaskSet> {
        if app == self.owner_app { Some(&self.owner_permissions) } else { self.partners.get(&app) }
    }
}

/// What a token stands for.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) user: UserId,
    pub(super) app: Option<AppId>,
    /// When it ends, in seconds since 1970; 0 for never.
    pub(super) expires_at: u64,
    pub(super) scopes: BTreeSet<String>,
    /// Whether the emulator made it up for this run, so that no file keeps it.
    pub(super) issued: bool,
}

/// Everything that the emulator knows: the state that requests read and change.
///
/// Read it from YAML with [`World::from_yaml`]. The assignments are also filed by user and the WABAs by
/// business, so that no side of them needs a search.
#[derive(Clone, Default)]
pub struct World {
    pub(super) app: Option<AppId>,
    pub(super) app_secret: Option<String>,
    pub(super) businesses: BTreeMap<BusinessId, String>,
    /// The business that the world is about: the one that its file names first.
    pub(super) first: Option<BusinessId>,
    pub(super) users: BTreeMap<UserId, User>,
    wabas: BTreeMap<WabaId, Waba>,
    pub(super) solutions: BTreeMap<SolutionId, Solution>,
    pub(super) tokens: BTreeMap<String, Token>,
    assignments: State,
    held_by: BTreeMap<UserId, BTreeSet<WabaId>>,
    owned_by: BTreeMap<BusinessId, BTreeSet<WabaId>>,
    shared_with: BTreeMap<BusinessId, BTreeSet<WabaId>>,
}

/// Shows how much there is and nothing of what it is: a world holds tokens.
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
    /// Returns who holds what, users that no list shows included.
    pub fn assignments(&self) -> &State {
        &self.assignments
    }

    /// Returns the business that the world is about: the one that its file names first.
    pub fn business(&self) -> Option<BusinessId> {
        self.first
    }

    /// Returns the first ADMIN system user of the first business, by id.
    pub fn admin(&self) -> Option<UserId> {
        let business = self.business()?;
        let mut users = self.users.iter();
        users.find(|(_, user)| user.business == business && user.is_admin()).map(|(id, _)| *id)
    }

    /// Puts what a user holds on a WABA in the place of what it held, and gives that; nothing is checked.
    pub fn assign(&mut self, key: AssignmentKey, tasks: TaskSet) -> TaskSet {
        let before = self.assignments.get(key).cloned().unwrap_or_default();
        let held = self.held_by.entry(key.user).or_default();
        if tasks.is_empty() {
            held.remove(&key.waba);
        } else {
            held.insert(key.waba);
        }
        self.assignments.set(key, tasks);
        before
    }

    /// Draws a WABA, and a system user of the first business who is no ADMIN and not spared.
    pub(super) fn pair(&self, rng: &mut fastrand::Rng, spared: &BTreeSet<UserId>) -> Option<AssignmentKey> {
        let is_fit = |(id, user): &(&UserId, &User)| {
            let is_system_user = matches!(user.kind, UserKind::System { .. });
            is_system_user && !user.is_admin() && Some(user.business) == self.first && !spared.contains(id)
        };
        let users: Vec<UserId> = self.users.iter().filter(is_fit).map(|(id, _)| *id).collect();
        if users.is_empty() || self.wabas.is_empty() {
            return None;
        }
        let user = users[rng.usize(..users.len())];
        let waba = *self.wabas.keys().nth(rng.usize(..self.wabas.len()))?;
        Some(AssignmentKey { waba, user })
    }

    /// Returns the WABAs by id.
    pub(super) fn wabas(&self) -> &BTreeMap<WabaId, Waba> {
        &self.wabas
    }

    /// Puts a WABA into the world whose id is not in use.
    pub(super) fn add_waba(&mut self, id: WabaId, waba: Waba) {
        self.owned_by.entry(waba.owner).or_default().insert(id);
        for client in waba.clients.keys() {
            self.shared_with.entry(*client).or_default().insert(id);
        }
        self.wabas.insert(id, waba);
    }

    /// Returns the WABAs that a business owns, by id, within a part of the list.
    pub(super) fn owned_by(
        &self,
        owner: BusinessId,
        span: Span<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.owned_by.get(&owner), span)
    }

    /// Returns the WABAs that are shared with a business, by id, within a part of the list.
    pub(super) fn shared_with(
        &self,
        client: BusinessId,
        span: Span<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.shared_with.get(&client), span)
    }

    /// Returns the WABAs on which a user holds something, by id, within a part of the list.
    pub(super) fn held_by(
        &self,
        user: UserId,
        span: Span<WabaId>,
    ) -> impl DoubleEndedIterator<Item = WabaId> {
        within(self.held_by.get(&user), span)
    }
}

fn within(ids: Option<&BTreeSet<WabaId>>, span: Span<WabaId>) -> impl DoubleEndedIterator<Item = WabaId> {
    ids.into_iter().flat_map(move |ids| ids.range(span)).copied()
}
