//! Conversion between a [`World`] and its YAML form, with the checks that a schema cannot express.

use super::file::{
    FileApp, FileAssignment, FileBusiness, FileId, FilePartner, FilePerson, FilePhoneNumber, FilePosition,
    FileShare, FileSolution, FileSystemUser, FileToken, FileWaba, WorldFile, WorldUpdate,
};
use super::{DEFAULT_SCOPES, PartnerSolution, PhoneNumber, Token, User, UserKind, Waba, WabaDetails, World};
use crate::model::{AssignmentKey, BusinessId, SolutionId, TaskSet, WabaId};
use crate::text::{MAX_QUOTE, escape, shorten};
use serde_saphyr::options::Options;
use std::collections::BTreeMap;
use std::fmt::Display;

/// An error in the YAML form of a world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct WorldError {
    /// The line, from 1; 0 if unknown.
    pub line: u64,
    /// The column in characters, from 1; 0 if unknown.
    pub column: u64,
    /// The problem. Text from the file is already escaped.
    pub message: String,
}

/// The maximum nesting depth. A world nests six deep; the limit of 32 is a guess that protects the stack.
const DEPTH: usize = 32;

/// Returns the parser's options. Only the depth is limited: a world may be as large as the memory.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_total_scalar_bytes: usize::MAX,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_aliases: usize::MAX,
            max_anchors: usize::MAX,
            enforce_alias_anchor_ratio: false,
        },
        with_snippet: false,
    }
}

impl World {
    /// Parses a world from YAML.
    ///
    /// Ids are parsed as text, with or without quotes.
    ///
    /// # Errors
    ///
    /// If the text is not YAML, does not follow the schema, declares an id twice, or refers to an undeclared id.
    pub fn from_yaml(text: &str) -> Result<Self, WorldError> {
        let file =
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| yaml_error(&error))?;
        world_from_file(file)
    }

    /// Replaces the entries with the ids in a YAML or JSON text, or adds them. A business keeps the users that the text
    /// does not name.
    ///
    /// # Errors
    ///
    /// As for [`World::from_yaml`]. Then the world is as before.
    pub(in crate::emulator) fn update(&mut self, text: &str) -> Result<(), WorldError> {
        let update =
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| yaml_error(&error))?;
        let mut file = file_from_world(self);
        apply_update(&mut file, update);
        let issued = self.tokens.iter().filter(|(_, token)| token.issued);
        let issued: Vec<(String, Token)> =
            issued.map(|(text, token)| (text.clone(), token.clone())).collect();
        let mut world = world_from_file(file)?;
        world.tokens.extend(issued);
        *self = world;
        Ok(())
    }

    /// Returns the world as YAML that [`World::from_yaml`] parses, without the tokens that the emulator issued.
    ///
    /// # Panics
    ///
    /// Never: a world consists of strings, numbers, lists and maps.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&file_from_world(self)).expect("a world can be written as YAML")
    }
}

fn apply_update(file: &mut WorldFile, update: WorldUpdate) {
    for business in update.businesses {
        match file.businesses.iter_mut().find(|known| known.id.value == business.id.value) {
            Some(known) => {
                known.name = business.name;
                replace_all(&mut known.system_users, business.system_users, |user| user.id.value);
                replace_all(&mut known.people, business.people, |person| person.id.value);
            }
            None => file.businesses.push(business),
        }
    }
    replace_all(&mut file.solutions, update.solutions, |solution| solution.id.value);
    replace_all(&mut file.wabas, update.wabas, |waba| waba.id.value);
    replace_all(&mut file.tokens, update.tokens, |token| token.token.clone());
}

/// Replaces the entries with the same key, or adds them.
fn replace_all<T, K: PartialEq>(entries: &mut Vec<T>, new: Vec<T>, key: impl Fn(&T) -> K) {
    for entry in new {
        let known = entries.iter().position(|known| key(known) == key(&entry));
        match known.and_then(|index| entries.get_mut(index)) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
}

fn yaml_error(error: &serde_saphyr::Error) -> WorldError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let text = error.to_string();
    // The library appends the position, which `WorldError` shows itself.
    let message = text.split(" at line ").next().unwrap_or(&text);
    let message = shorten(&escape(message), MAX_QUOTE).into_owned();
    WorldError { line, column, message }
}

/// Makes a world of a file: each id is declared once, each reference names a declared id.
fn world_from_file(file: WorldFile) -> Result<World, WorldError> {
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
        world.app = Some(app.id.value);
        world.app_secret = app.secret;
    }
    for token in file.tokens {
        let user = declared_id(&token.user, &world.users, "user")?;
        let scopes = token.scopes.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).into());
        let app = token.app.map(|id| id.value).or(world.app);
        let entry = Token { user, app, expires_at: token.expires_at, scopes, issued: false };
        world.tokens.insert(token.token, entry);
    }
    Ok(world)
}

fn add_business(world: &mut World, entry: FileBusiness) -> Result<(), WorldError> {
    let business = new_id(&entry.id, &world.businesses, "business")?;
    world.businesses.insert(business, entry.name);
    world.first.get_or_insert(business);
    for user in entry.system_users {
        let id = new_id(&user.id, &world.users, "user")?;
        let kind = UserKind::System { role: user.role, listed: user.listed };
        world.users.insert(id, User { name: user.name, business, kind });
    }
    for person in entry.people {
        let id = new_id(&person.id, &world.users, "user")?;
        let kind = UserKind::Person { user_type: person.user_type };
        world.users.insert(id, User { name: person.name, business, kind });
    }
    Ok(())
}

fn add_solution(world: &mut World, entry: FileSolution) -> Result<(), WorldError> {
    let id = new_id(&entry.id, &world.solutions, "solution")?;
    let partners =
        entry.partners.iter().map(|partner| (partner.app.value, TaskSet::from_names(&partner.permissions)));
    let solution = PartnerSolution {
        name: entry.name,
        status: entry.status,
        owner_app: entry.owner_app.value,
        owner_permissions: TaskSet::from_names(&entry.owner_permissions),
        partners: partners.collect(),
    };
    world.solutions.insert(id, solution);
    Ok(())
}

fn add_waba(world: &mut World, entry: FileWaba) -> Result<(), WorldError> {
    let waba = new_id(&entry.id, world.wabas(), "WABA")?;
    let owner = declared_id(&entry.owned_by, &world.businesses, "business")?;
    let mut clients = BTreeMap::new();
    for share in entry.shared_with {
        let business = declared_id(&share.business, &world.businesses, "business")?;
        clients.insert(business, share.permitted_tasks.as_deref().map(TaskSet::from_names));
    }
    let solution =
        entry.solution.as_ref().map(|id| declared_id(id, &world.solutions, "solution")).transpose()?;
    let mut phone_numbers = BTreeMap::new();
    for number in entry.phone_numbers {
        let id = new_id(&number.id, &phone_numbers, "phone number")?;
        let (display, verified_name) = (number.display_phone_number, number.verified_name);
        phone_numbers.insert(id, PhoneNumber { display, verified_name });
    }
    let about = WabaDetails {
        status: entry.status,
        account_review_status: entry.account_review_status,
        business_verification_status: entry.business_verification_status,
        currency: entry.currency,
        country: entry.country,
        timezone_id: entry.timezone_id,
    };
    let subscribed_apps = entry.subscribed_apps.iter().map(|app| app.value).collect();
    let entry_waba =
        Waba { name: entry.name, owner, clients, solution, about, phone_numbers, subscribed_apps };
    world.add_waba(waba, entry_waba);
    for row in entry.assigned {
        let user = declared_id(&row.user, &world.users, "user")?;
        let before = world.assign(AssignmentKey { waba, user }, TaskSet::from_names(&row.tasks));
        if !before.is_empty() {
            return Err(error_at(&row.user, format!("the user {user} has two entries on the WABA {waba}")));
        }
    }
    Ok(())
}

/// Returns an id, or an error if it is already in use.
fn new_id<K: Ord + Copy + Display, V>(
    id: &FileId<K>,
    known: &BTreeMap<K, V>,
    kind: &str,
) -> Result<K, WorldError> {
    let key = id.value;
    if known.contains_key(&key) {
        return Err(error_at(id, format!("the {kind} {key} is declared twice")));
    }
    Ok(key)
}

/// Returns an id, or an error if it has not been declared.
fn declared_id<K: Ord + Copy + Display, V>(
    id: &FileId<K>,
    known: &BTreeMap<K, V>,
    kind: &str,
) -> Result<K, WorldError> {
    let key = id.value;
    if !known.contains_key(&key) {
        return Err(error_at(id, format!("no {kind} with the id {key} is declared")));
    }
    Ok(key)
}

fn error_at<T>(id: &FileId<T>, message: String) -> WorldError {
    let FilePosition { line, column } = id.position;
    WorldError { line, column, message }
}

/// Makes a file of a world. Entries are sorted by id, except that the first business stays first.
fn file_from_world(world: &World) -> WorldFile {
    WorldFile {
        app: world.app.map(|id| FileApp { id: id.into(), secret: world.app_secret.clone() }),
        businesses: file_businesses(world),
        solutions: world.solutions.iter().map(|(id, solution)| file_solution(*id, solution)).collect(),
        wabas: world.wabas().iter().map(|(id, waba)| file_waba(world, *id, waba)).collect(),
        tokens: file_tokens(world),
    }
}

/// Returns the businesses with their users. Passes over the users once.
fn file_businesses(world: &World) -> Vec<FileBusiness> {
    let mut entries: BTreeMap<BusinessId, FileBusiness> = BTreeMap::new();
    for (id, name) in &world.businesses {
        let entry =
            FileBusiness { id: (*id).into(), name: name.clone(), system_users: vec![], people: vec![] };
        entries.insert(*id, entry);
    }
    for (id, user) in &world.users {
        let Some(entry) = entries.get_mut(&user.business) else { continue };
        let (id, name) = ((*id).into(), user.name.clone());
        match &user.kind {
            UserKind::System { role, listed } => {
                entry.system_users.push(FileSystemUser { id, name, role: role.clone(), listed: *listed });
            }
            UserKind::Person { user_type } => {
                entry.people.push(FilePerson { id, name, user_type: user_type.clone() });
            }
        }
    }
    let first = world.first.and_then(|id| entries.remove(&id));
    first.into_iter().chain(entries.into_values()).collect()
}

fn file_solution(id: SolutionId, solution: &PartnerSolution) -> FileSolution {
    let partners = solution.partners.iter();
    FileSolution {
        id: id.into(),
        name: solution.name.clone(),
        status: solution.status.clone(),
        owner_app: solution.owner_app.into(),
        owner_permissions: task_names(&solution.owner_permissions),
        partners: partners
            .map(|(app, tasks)| FilePartner { app: (*app).into(), permissions: task_names(tasks) })
            .collect(),
    }
}

fn file_waba(world: &World, id: WabaId, waba: &Waba) -> FileWaba {
    let shares = waba.clients.iter();
    let rows = world.assignments().on(id);
    FileWaba {
        id: id.into(),
        name: waba.name.clone(),
        owned_by: waba.owner.into(),
        shared_with: shares
            .map(|(id, tasks)| FileShare {
                business: (*id).into(),
                permitted_tasks: tasks.as_ref().map(task_names),
            })
            .collect(),
        solution: waba.solution.map(FileId::from),
        status: waba.about.status.clone(),
        account_review_status: waba.about.account_review_status.clone(),
        business_verification_status: waba.about.business_verification_status.clone(),
        currency: waba.about.currency.clone(),
        country: waba.about.country.clone(),
        timezone_id: waba.about.timezone_id.clone(),
        phone_numbers: waba
            .phone_numbers
            .iter()
            .map(|(id, number)| FilePhoneNumber {
                id: (*id).into(),
                display_phone_number: number.display.clone(),
                verified_name: number.verified_name.clone(),
            })
            .collect(),
        subscribed_apps: waba.subscribed_apps.iter().map(|app| (*app).into()).collect(),
        assigned: rows
            .map(|(user, tasks)| FileAssignment { user: user.into(), tasks: task_names(tasks) })
            .collect(),
    }
}

fn file_tokens(world: &World) -> Vec<FileToken> {
    let kept = world.tokens.iter().filter(|(_, token)| !token.issued);
    kept.map(|(text, token)| FileToken {
        token: text.clone(),
        user: token.user.into(),
        app: token.app.map(FileId::from),
        expires_at: token.expires_at,
        scopes: Some(token.scopes.clone()),
    })
    .collect()
}

fn task_names(tasks: &TaskSet) -> Vec<String> {
    tasks.names().map(str::to_owned).collect()
}
