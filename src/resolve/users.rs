//! Finds the system users of the business that manifests declare, ignore, or declared earlier.

use super::candidates::Candidates;
use super::diagnostic::{self, Diagnostic};
use crate::manifest::{Manifest, SystemUserDeclaration};
use crate::model::{At, Directory, Earlier, Name, ReleasedUser, Unresolved, UserId};
use crate::text::code_points;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The declared system users.
pub(super) struct Users<'a> {
    /// The ids of those that are found. One that is declared by an id is found even if the directory lacks it: it may
    /// still be on WABAs.
    pub(super) found: BTreeMap<&'a Name, UserId>,
    /// Those that are not found by their name, with no assignments counted yet.
    pub(super) unresolved: BTreeMap<&'a Name, Unresolved>,
}

/// Finds the declared system users. One that is not found is a warning, and its assignments are not planned.
pub(super) fn look_up<'a>(
    manifest: &'a Manifest,
    directory: &Directory,
    diagnostics: &mut Vec<Diagnostic>,
) -> Users<'a> {
    let mut by_name: BTreeMap<&str, Vec<UserId>> = BTreeMap::new();
    for (id, user) in &directory.system_users {
        by_name.entry(user.name.as_str()).or_default().push(*id);
    }
    let mut users = Users { found: BTreeMap::new(), unresolved: BTreeMap::new() };
    let mut names: BTreeMap<UserId, &Name> = BTreeMap::new();
    for (name, entry) in &manifest.system_users {
        match look_up_one(name, entry, directory, &by_name, diagnostics) {
            Err(diagnostic) => {
                let why = diagnostic.message.clone();
                let unresolved =
                    Unresolved { name: name.clone(), id: None, why, at: entry.at, assignments: 0 };
                users.unresolved.insert(name, unresolved);
                diagnostics.push(diagnostic);
            }
            Ok(id) => {
                if let Some(other) = names.insert(id, name) {
                    // Report the later declaration.
                    let other_at = manifest.system_users.get(other).map_or(entry.at, |other| other.at);
                    let at = entry.at.max(other_at);
                    diagnostics.push(diagnostic::same_live_user(at, name, other, id));
                }
                users.found.insert(name, id);
            }
        }
    }
    users
}

fn look_up_one(
    name: &Name,
    entry: &SystemUserDeclaration,
    directory: &Directory,
    by_name: &BTreeMap<&str, Vec<UserId>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<UserId, Diagnostic> {
    let wanted = entry.name.as_ref().map_or(name, |given| &given.value);
    let at = entry.name.as_ref().map_or(entry.at, |given| given.at);
    let same_name = by_name.get(wanted.as_str()).map(Vec::as_slice).unwrap_or_default();
    let id = match (entry.id, same_name) {
        (Some(id), _) => id.value,
        (None, [one]) => *one,
        (None, []) => return Err(diagnostic::unknown_user_name(at, wanted, &similar_names(wanted, by_name))),
        (None, several) => return Err(diagnostic::ambiguous_user_name(at, wanted, several)),
    };
    let Some(user) = directory.system_users.get(&id) else {
        let at = entry.id.map_or(entry.at, |id| id.at);
        diagnostics.push(diagnostic::unknown_user_id(at, name, id, same_name.first().copied()));
        return Ok(id);
    };
    if let Some(given) = entry.name.as_ref().filter(|given| given.value != user.name) {
        diagnostics.push(diagnostic::user_name_differs(given.at, &given.value, &user.name));
    }
    if entry.by_role {
        diagnostics.extend(diagnostic::by_role_without_role(entry.at, name, user));
    }
    Ok(id)
}

/// Counts the assignments that the grants and exceptions in force give to a user.
pub(super) fn assignments(
    name: &Name,
    manifest: &Manifest,
    candidates: &Candidates<'_>,
    selections: &[Vec<u32>],
    now: Timestamp,
) -> usize {
    let wabas = super::exceptions::desired_by(name, manifest, now, selections);
    wabas.iter().filter(|waba| !candidates.get(**waba).gone).count()
}

/// Returns the ids of the ignored users.
pub(super) fn ignored(
    manifest: &Manifest,
    directory: &Directory,
    declared: &BTreeMap<&Name, UserId>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeSet<UserId> {
    let mut ignored = BTreeSet::new();
    for At { value: given, at } in &manifest.ignored_users {
        let mut ids = named(given, directory);
        // An id may also be one that the list of system users lacks.
        ids.extend(given.as_str().parse::<UserId>());
        if !ids.iter().any(|id| directory.system_users.contains_key(id)) {
            diagnostics.push(diagnostic::ignores_nobody(*at, given));
        }
        let both = declared.iter().find(|(_, id)| ids.contains(id));
        diagnostics.extend(both.map(|(name, _)| diagnostic::declared_and_ignored(*at, name)));
        ignored.extend(ids);
    }
    ignored
}

/// Returns the system users of the business that have a live name.
fn named(name: &Name, directory: &Directory) -> BTreeSet<UserId> {
    directory.system_users.iter().filter(|(_, user)| user.name == *name).map(|(id, _)| *id).collect()
}

/// Returns the users that were declared earlier, and are neither declared nor ignored now, by id: a renamed key releases
/// nobody.
pub fn released(
    earlier: &Earlier,
    declared: &BTreeSet<UserId>,
    ignored: &BTreeSet<UserId>,
    directory: &Directory,
) -> BTreeMap<UserId, ReleasedUser> {
    let mut released = earlier.inventory.clone();
    for user in &earlier.previous {
        let mut found = user.id.into_iter().chain(named(&user.live_name, directory));
        // Without an id, the name must fit exactly one user.
        let (first, second) = (found.next(), found.next());
        if let Some(id) = first.filter(|_| user.id.is_some() || second.is_none()) {
            released.entry(id).or_insert_with(|| user.released.clone());
        }
    }
    released
        .retain(|id, _| !declared.contains(id) && !ignored.contains(id) && !earlier.other_sets.contains(id));
    released
}

/// Returns the users that are declared by their name and had another id when the manifests were last applied.
pub(super) fn other_ids(
    manifest: &Manifest,
    earlier: &Earlier,
    users: &BTreeMap<&Name, UserId>,
) -> BTreeMap<UserId, UserId> {
    let before: BTreeMap<&Name, UserId> =
        earlier.inventory.iter().map(|(id, user)| (&user.name, *id)).collect();
    let by_name = |name: &Name| manifest.system_users.get(name).is_some_and(|declared| declared.id.is_none());
    let now = users.iter().filter(|(name, _)| by_name(name));
    now.filter_map(|(name, id)| Some((*id, *before.get(name)?)))
        .filter(|(now, before)| now != before)
        .collect()
}

/// Returns the users whose last assignment on a WABA may be deleted although they are admins.
pub fn admin_rows(
    targets: &[Option<String>],
    declared: &BTreeMap<Name, UserId>,
    directory: &Directory,
) -> BTreeSet<UserId> {
    let all = || directory.system_users.keys().copied().collect();
    let of = |target: &Option<String>| match target {
        None => all(),
        Some(target) => match (declared.get(target.as_str()), target.parse::<UserId>()) {
            (Some(id), _) => BTreeSet::from([*id]),
            (None, Ok(id)) => BTreeSet::from([id]),
            (None, Err(_)) => named(&Name::from(target.as_str()), directory),
        },
    };
    targets.iter().flat_map(of).collect()
}

fn similar_names(wanted: &Name, by_name: &BTreeMap<&str, Vec<UserId>>) -> Vec<String> {
    let names = crate::text::suggest(wanted.as_str(), by_name.keys().copied());
    let points = |name: &str| code_points(name).map(|points| format!(" ({points})")).unwrap_or_default();
    names.into_iter().map(|name| format!("`{}`{}", Name::from(name), points(name))).collect()
}
