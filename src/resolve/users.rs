//! Finds the declared system users in the business.

use super::diagnostic::{self, Diagnostic};
use crate::manifest::{Manifest, SystemUserDeclaration};
use crate::model::{Directory, Name, UserId};
use std::collections::BTreeMap;

/// Returns the id of each declared system user that is found exactly once in the business.
pub(super) fn look_up<'a>(
    manifest: &'a Manifest,
    directory: &Directory,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<&'a Name, UserId> {
    let mut by_name: BTreeMap<&str, Vec<UserId>> = BTreeMap::new();
    for (id, user) in &directory.system_users {
        by_name.entry(user.name.as_str()).or_default().push(*id);
    }
    let mut found = BTreeMap::new();
    let mut names: BTreeMap<UserId, &Name> = BTreeMap::new();
    for (name, entry) in &manifest.system_users {
        match look_up_one(name, entry, directory, &by_name, diagnostics) {
            Err(diagnostic) => diagnostics.push(diagnostic),
            Ok(id) => {
                if let Some(other) = names.insert(id, name) {
                    // Report the later declaration.
                    let other_at = manifest.system_users.get(other).map_or(entry.at, |other| other.at);
                    let at = entry.at.max(other_at);
                    diagnostics.push(diagnostic::same_live_user(at, name, other, id));
                }
                found.insert(name, id);
            }
        }
    }
    found
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
        return Err(diagnostic::unknown_user_id(at, name, id, same_name.first().copied()));
    };
    if let Some(given) = entry.name.as_ref().filter(|given| given.value != user.name) {
        diagnostics.push(diagnostic::user_name_differs(given.at, &given.value, &user.name));
    }
    if entry.by_role {
        diagnostics.extend(diagnostic::by_role_without_role(entry.at, name, user));
    }
    Ok(id)
}

fn similar_names(wanted: &Name, by_name: &BTreeMap<&str, Vec<UserId>>) -> Vec<String> {
    let names = crate::text::suggest(wanted.as_str(), by_name.keys().copied());
    names.into_iter().map(|name| format!("`{}`", Name::from(name))).collect()
}
