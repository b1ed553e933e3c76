//! The YAML form of a world: how it is written down, and how a text that is none is refused.

use super::world::{ACTIVE, SCOPES, Solution, Token, User, UserKind, Waba, World};
use crate::model::{AppId, AssignmentKey, BusinessId, IdError, SolutionId, TaskSet, UserId, WabaId};
use crate::text::escape;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

/// Why a text describes no world, with the place of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct WorldError {
    /// The line, from 1; 0 where no place is known.
    pub line: u64,
    /// The column in characters, from 1; 0 where no place is known.
    pub column: u64,
    /// What is wrong there; foreign text in it is already harmless.
    pub message: String,
}

impl World {
    /// Reads a world from YAML.
    ///
    /// Ids are read as they are written, with or without quotes.
    ///
    /// # Errors
    ///
    /// Where the text is no YAML, has another structure, or speaks of something that it does not declare.
    pub fn from_yaml(text: &str) -> Result<Self, WorldError> {
        let options = serde_saphyr::options! { budget: None, with_snippet: false };
        let file = serde_saphyr::from_str_with_options(text, options).map_err(|error| refused(&error))?;
        join(file)
    }

    /// Writes the world as YAML that [`World::from_yaml`] reads, without tokens that were made up for a run.
    ///
    /// # Panics
    ///
    /// Never: a world is made of texts, numbers, lists and maps.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&split(self)).expect("a world can be written as YAML")
    }
}

/// Tells what the YAML library did not like.
fn refused(error: &serde_saphyr::Error) -> WorldError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    WorldError { line, column, message: escape(message).into_owned() }
}

/// An id as a file writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id<T>(T);

impl<'de, T: FromStr<Err = IdError>> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = text.parse().map_err(|why| D::Error::custom(format!("`{text}` is no id: {why}")))?;
        Ok(Self(id))
    }
}

/// Written as the bare number, which is read back to the digit.
impl<T: Display> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: u64 = self.0.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_u64(number)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WorldFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<AppEntry>,
    businesses: Vec<BusinessEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    solutions: Vec<SolutionEntry>,
    #[serde(default)]
    wabas: Vec<WabaEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<TokenEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AppEntry {
    id: Id<AppId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BusinessEntry {
    id: Spanned<Id<BusinessId>>,
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    system_users: Vec<SystemUserEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    people: Vec<PersonEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SystemUserEntry {
    id: Spanned<Id<UserId>>,
    name: String,
    #[serde(default = "employee")]
    role: String,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    listed: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    id: Spanned<Id<UserId>>,
    name: String,
    #[serde(default = "business_user")]
    user_type: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SolutionEntry {
    id: Spanned<Id<SolutionId>>,
    name: String,
    #[serde(default = "active", skip_serializing_if = "is_active")]
    status: String,
    owner_app: Id<AppId>,
    #[serde(default)]
    owner_permissions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    partners: Vec<PartnerEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PartnerEntry {
    app: Id<AppId>,
    #[serde(default)]
    permissions: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WabaEntry {
    id: Spanned<Id<WabaId>>,
    name: String,
    owned_by: Spanned<Id<BusinessId>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared_with: Vec<ShareEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    solution: Option<Spanned<Id<SolutionId>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    assigned: Vec<AssignedEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ShareEntry {
    business: Spanned<Id<BusinessId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permitted_tasks: Option<Vec<String>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AssignedEntry {
    user: Spanned<Id<UserId>>,
    tasks: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    token: String,
    user: Spanned<Id<UserId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<Id<AppId>>,
    #[serde(default)]
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<BTreeSet<String>>,
}

fn employee() -> String {
    "EMPLOYEE".to_owned()
}

fn active() -> String {
    ACTIVE.to_owned()
}

fn is_active(status: &str) -> bool {
    status == ACTIVE
}

fn business_user() -> String {
    "BUSINESS_USER".to_owned()
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

/// Makes the world of a file: every id once, every reference to something declared.
fn join(file: WorldFile) -> Result<World, WorldError> {
    let mut world = World::default();
    for business in file.businesses {
        add_business(&mut world, business)?;
    }
    for solution in file.solutions {
        add_solution(&mut world, solution)?;
    }
    for waba in file.wabas {
        add_waba(&mut world, waba)?;
    }
    if let Some(app) = file.app {
        world.app = Some(app.id.0);
        world.app_secret = app.secret;
    }
    for token in file.tokens {
        let user = declared(&token.user, &world.users, "user")?;
        let scopes = token.scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).into());
        let app = token.app.map(|id| id.0).or(world.app);
        let entry = Token { user, app, expires_at: token.expires_at, scopes, issued: false };
        world.tokens.insert(token.token, entry);
    }
    Ok(world)
}

fn add_business(world: &mut World, entry: BusinessEntry) -> Result<(), WorldError> {
    let business = fresh(&entry.id, &world.businesses, "business")?;
    world.businesses.insert(business, entry.name);
    world.first.get_or_insert(business);
    for user in entry.system_users {
        let id = fresh(&user.id, &world.users, "user")?;
        let kind = UserKind::System { role: user.role, listed: user.listed };
        world.users.insert(id, User { name: user.name, business, kind });
    }
    for person in entry.people {
        let id = fresh(&person.id, &world.users, "user")?;
        let kind = UserKind::Person { user_type: person.user_type };
        world.users.insert(id, User { name: person.name, business, kind });
    }
    Ok(())
}

fn add_solution(world: &mut World, entry: SolutionEntry) -> Result<(), WorldError> {
    let id = fresh(&entry.id, &world.solutions, "solution")?;
    let partners = entry.partners.iter().map(|partner| (partner.app.0, set(&partner.permissions)));
    let solution = Solution {
        name: entry.name,
        status: entry.status,
        owner_app: entry.owner_app.0,
        owner_permissions: set(&entry.owner_permissions),
        partners: partners.collect(),
    };
    world.solutions.insert(id, solution);
    Ok(())
}

fn add_waba(world: &mut World, entry: WabaEntry) -> Result<(), WorldError> {
    let waba = fresh(&entry.id, world.wabas(), "WABA")?;
    let owner = declared(&entry.owned_by, &world.businesses, "business")?;
    let mut clients = BTreeMap::new();
    for share in entry.shared_with {
        let business = declared(&share.business, &world.businesses, "business")?;
        clients.insert(business, share.permitted_tasks.as_deref().map(set));
    }
    let solution =
        entry.solution.as_ref().map(|id| declared(id, &world.solutions, "solution")).transpose()?;
    world.add_waba(waba, Waba { name: entry.name, owner, clients, solution });
    for row in entry.assigned {
        let user = declared(&row.user, &world.users, "user")?;
        let before = world.assign(AssignmentKey { waba, user }, set(&row.tasks));
        if !before.is_empty() {
            return Err(at(&row.user, format!("the user {user} stands twice on the WABA {waba}")));
        }
    }
    Ok(())
}

/// Returns an id that must not be in use yet.
fn fresh<K: Ord + Copy + Display, V>(
    id: &Spanned<Id<K>>,
    known: &BTreeMap<K, V>,
    kind: &str,
) -> Result<K, WorldError> {
    let key = id.value.0;
    if known.contains_key(&key) {
        return Err(at(id, format!("the {kind} {key} is declared twice")));
    }
    Ok(key)
}

/// Returns an id that must have been declared.
fn declared<K: Ord + Copy + Display, V>(
    id: &Spanned<Id<K>>,
    known: &BTreeMap<K, V>,
    kind: &str,
) -> Result<K, WorldError> {
    let key = id.value.0;
    if !known.contains_key(&key) {
        return Err(at(id, format!("no {kind} with the id {key} is declared")));
    }
    Ok(key)
}

fn at<T>(place: &Spanned<T>, message: String) -> WorldError {
    WorldError { line: place.referenced.line(), column: place.referenced.column(), message }
}

fn set(names: &[String]) -> TaskSet {
    let mut tasks = TaskSet::EMPTY;
    for name in names {
        tasks.insert_name(name);
    }
    tasks
}

/// Returns the file of a world, everything by id but the first business.
fn split(world: &World) -> WorldFile {
    WorldFile {
        app: world.app.map(|id| AppEntry { id: Id(id), secret: world.app_secret.clone() }),
        businesses: businesses(world),
        solutions: world.solutions.iter().map(|(id, solution)| solution_entry(*id, solution)).collect(),
        wabas: world.wabas().iter().map(|(id, waba)| waba_entry(world, *id, waba)).collect(),
        tokens: tokens(world),
    }
}

/// Returns the businesses with their users, in one pass over the users.
fn businesses(world: &World) -> Vec<BusinessEntry> {
    let mut entries: BTreeMap<BusinessId, BusinessEntry> = BTreeMap::new();
    for (id, name) in &world.businesses {
        let entry = BusinessEntry { id: here(*id), name: name.clone(), system_users: vec![], people: vec![] };
        entries.insert(*id, entry);
    }
    for (id, user) in &world.users {
        let Some(entry) = entries.get_mut(&user.business) else { continue };
        let (id, name) = (here(*id), user.name.clone());
        match &user.kind {
            UserKind::System { role, listed } => {
                entry.system_users.push(SystemUserEntry { id, name, role: role.clone(), listed: *listed });
            }
            UserKind::Person { user_type } => {
                entry.people.push(PersonEntry { id, name, user_type: user_type.clone() });
            }
        }
    }
    let first = world.first.and_then(|id| entries.remove(&id));
    first.into_iter().chain(entries.into_values()).collect()
}

fn solution_entry(id: SolutionId, solution: &Solution) -> SolutionEntry {
    let partners = solution.partners.iter();
    SolutionEntry {
        id: here(id),
        name: solution.name.clone(),
        status: solution.status.clone(),
        owner_app: Id(solution.owner_app),
        owner_permissions: list(&solution.owner_permissions),
        partners: partners
            .map(|(app, tasks)| PartnerEntry { app: Id(*app), permissions: list(tasks) })
            .collect(),
    }
}

fn waba_entry(world: &World, id: WabaId, waba: &Waba) -> WabaEntry {
    let shares = waba.clients.iter();
    let rows = world.assignments().on(id);
    WabaEntry {
        id: here(id),
        name: waba.name.clone(),
        owned_by: here(waba.owner),
        shared_with: shares
            .map(|(id, tasks)| ShareEntry { business: here(*id), permitted_tasks: tasks.as_ref().map(list) })
            .collect(),
        solution: waba.solution.map(here),
        assigned: rows.map(|(user, tasks)| AssignedEntry { user: here(user), tasks: list(tasks) }).collect(),
    }
}

fn tokens(world: &World) -> Vec<TokenEntry> {
    let kept = world.tokens.iter().filter(|(_, token)| !token.issued);
    kept.map(|(text, token)| TokenEntry {
        token: text.clone(),
        user: here(token.user),
        app: token.app.map(Id),
        expires_at: token.expires_at,
        scopes: Some(token.scopes.clone()),
    })
    .collect()
}

/// Wraps an id that is only to be written.
fn here<T>(id: T) -> Spanned<Id<T>> {
    let nowhere = serde_saphyr::Location::UNKNOWN;
    Spanned::new(Id(id), nowhere, nowhere)
}

fn list(tasks: &TaskSet) -> Vec<String> {
    tasks.names().map(str::to_owned).collect()
}
