//! Reads a [`World`] from its YAML form, with the checks that a schema cannot express.

use super::file::{
    FileBusiness, FileId, FilePerson, FilePosition, FileRefusal, FileSnapshot, FileSolution, FileTasks,
    FileWaba, WorldFile, WorldUpdate,
};
use super::{DEFAULT_SCOPES, PartnerSolution, PhoneNumber, Token, User, UserKind, Waba, WabaDetails, World};
use crate::model::{AssignmentKey, BusinessId, Refusal, SnapshotMark, UserId};
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
        // Changes of the world are rare, so it is read again as a whole, with all checks.
        let mut file: WorldFile = serde_saphyr::from_str_with_options(&self.to_yaml(), options())
            .map_err(|error| yaml_error(&error))?;
        apply_update(&mut file, update);
        let issued = self.tokens.iter().filter(|(_, token)| token.issued);
        let issued: Vec<(String, Token)> =
            issued.map(|(text, token)| (text.clone(), token.clone())).collect();
        let mut world = world_from_file(file)?;
        world.tokens.extend(issued);
        world.note_change();
        *self = world;
        Ok(())
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
    replace_all(&mut file.users, update.users, |user| user.id.value);
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
    for user in file.users {
        add_person(&mut world, user, None)?;
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
    world.snapshot = file.snapshot.map(|snapshot| mark(&world, &snapshot)).transpose()?;
    Ok(world)
}

fn mark(world: &World, file: &FileSnapshot) -> Result<SnapshotMark, WorldError> {
    let acting_user = file.acting_user.as_ref();
    Ok(SnapshotMark {
        taken: file.taken.0,
        business: declared_id(&file.business, &world.businesses, "business")?,
        acting_user: acting_user.map(|user| declared_id(user, &world.users, "user")).transpose()?,
        without_names: file.without_names,
        changed: file.changed,
        left_out: file.left_out.iter().map(|id| id.value).collect(),
    })
}

fn refusal(file: FileRefusal) -> Refusal {
    let FileRefusal { status, code, subcode, message } = file;
    Refusal { status, code, subcode, message }
}

fn add_business(world: &mut World, entry: FileBusiness) -> Result<(), WorldError> {
    let business = new_id(&entry.id, &world.businesses, "business")?;
    world.businesses.insert(business, entry.name);
    world.first.get_or_insert(business);
    for user in entry.system_users {
        let id = new_id(&user.id, &world.users, "user")?;
        let kind = UserKind::System { role: user.role, listed: user.listed, in_directory: user.in_directory };
        let wabas_unreadable = user.wabas_unreadable.map(refusal).map(Box::new);
        world.users.insert(id, User { name: user.name, business: Some(business), kind, wabas_unreadable });
    }
    for person in entry.people {
        add_person(world, person, Some(business))?;
    }
    Ok(())
}

fn add_person(
    world: &mut World,
    person: FilePerson,
    business: Option<BusinessId>,
) -> Result<UserId, WorldError> {
    let id = new_id(&person.id, &world.users, "user")?;
    let kind = UserKind::Person { user_type: person.user_type };
    world.users.insert(id, User { name: person.name, business, kind, wabas_unreadable: None });
    Ok(id)
}

fn add_solution(world: &mut World, entry: FileSolution) -> Result<(), WorldError> {
    let id = new_id(&entry.id, &world.solutions, "solution")?;
    let partners = entry
        .partners
        .into_iter()
        .map(|partner| (partner.app.value, partner.permissions.map(|FileTasks(tasks)| tasks)));
    let solution = PartnerSolution {
        name: entry.name,
        status: entry.status,
        owner_app: entry.owner_app.map(|app| app.value),
        owner_permissions: entry.owner_permissions.map(|FileTasks(tasks)| tasks),
        partners: partners.collect(),
    };
    world.solutions.insert(id, solution);
    Ok(())
}

fn add_waba(world: &mut World, entry: FileWaba) -> Result<(), WorldError> {
    let waba = new_id(&entry.id, world.wabas(), "WABA")?;
    let owner =
        entry.owned_by.as_ref().map(|id| declared_id(id, &world.businesses, "business")).transpose()?;
    let mut clients = BTreeMap::new();
    for share in entry.shared_with {
        let business = declared_id(&share.business, &world.businesses, "business")?;
        clients.insert(business, share.permitted_tasks.map(|FileTasks(tasks)| tasks));
    }
    let solutions = entry.solution.iter().chain(&entry.solutions);
    let solutions =
        solutions.map(|id| declared_id(id, &world.solutions, "solution")).collect::<Result<_, _>>()?;
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
    let entry_waba = Waba {
        name: entry.name,
        owner,
        clients,
        solutions,
        unreadable: entry.unreadable.map(refusal).map(Box::new),
        solutions_unreadable: entry.solutions_unreadable.map(refusal).map(Box::new),
        about,
        phone_numbers,
        subscribed_apps,
    };
    world.add_waba(waba, entry_waba);
    for row in entry.assigned {
        let user = declared_id(&row.user, &world.users, "user")?;
        let FileTasks(tasks) = row.tasks;
        let before = world.assign(AssignmentKey { waba, user }, tasks);
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
