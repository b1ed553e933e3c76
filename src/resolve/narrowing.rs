//! Narrows the desired state to what a run selects.

use crate::model::{
    DeclaredNames, Desired, Name, Narrowing, RecentRemovals, Selected, Selection, UserId, WabaId,
};
use crate::text::suggest;
use std::collections::BTreeSet;

/// A value of a selection that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NothingSelected {
    /// The option.
    pub option: &'static str,
    /// Its value.
    pub value: Name,
    /// Similar names, the most similar first.
    pub similar: Vec<Name>,
}

/// Looks up what a selection names.
///
/// A user is looked up among the names of the manifests, then among those that were declared earlier, then among the ids and
/// at last the live names of the business's system users. All with the same live name are selected.
///
/// # Errors
///
/// If a value selects nothing.
pub fn select(
    selection: &Selection,
    desired: &Desired,
    names: &DeclaredNames,
) -> Result<Selected, NothingSelected> {
    let in_scope = || desired.scope.wabas.values().map(|waba| &waba.name);
    let idle = |glob: &&crate::model::Glob| !in_scope().any(|name| glob.matches(name.as_str()));
    if let Some(glob) = selection.wabas.iter().find(idle) {
        return Err(NothingSelected::new("--waba", glob.as_str(), in_scope()));
    }
    let wabas = desired.scope.wabas.iter().filter(|(id, waba)| selection.includes_waba(**id, &waba.name));
    let mut wabas: BTreeSet<WabaId> = wabas.map(|(id, _)| *id).collect();
    if selection.only_expired {
        let ended = desired.wabas_with_ended();
        wabas.retain(|waba| ended.contains(waba));
    }
    if selection.users.is_empty() {
        return Ok(Selected { wabas, users: None });
    }
    let mut users = BTreeSet::new();
    for name in &selection.users {
        let Some(found) = users_named(name, desired, names) else {
            return Err(NothingSelected::new("--user", name.as_str(), known_users(desired, names)));
        };
        users.extend(found);
    }
    Ok(Selected { wabas, users: Some(users) })
}

/// Narrows the desired state to what was selected. `unchanged` is the number of selected assignments on other WABAs that are
/// known to be as desired.
///
/// `selected` has the WABAs that are read. Desired assignments on others count as live, except those that hold nothing by
/// `recent`.
pub fn narrow(
    desired: &mut Desired,
    selection: Selection,
    selected: Selected,
    unchanged: usize,
    recent: &RecentRemovals,
) {
    let Selected { wabas, users } = selected;
    let left_out = desired.scope.wabas.keys().filter(|waba| !wabas.contains(waba)).copied().collect();
    desired.scope.wabas.retain(|waba, _| wabas.contains(waba));
    desired.left.clear();
    let state = std::mem::take(&mut desired.state);
    let has_ended = |key| recent.get(&key).is_some_and(|removal| removal.left.is_empty());
    let unread = state.iter().filter(|(key, _)| !wabas.contains(&key.waba) && !has_ended(*key)).count();
    desired.state = state.retain_wabas(|waba| wabas.contains(&waba));
    if let Some(users) = &users {
        desired.other_ids.retain(|user, _| users.contains(user));
    }
    desired.narrowing = Some(Narrowing { selection, users, left_out, unread, unchanged });
}

impl NothingSelected {
    /// Makes it with the known names that are similar to the value.
    pub fn new<'a>(option: &'static str, value: &str, known: impl Iterator<Item = &'a Name>) -> Self {
        let known: BTreeSet<&str> = known.map(Name::as_str).collect();
        let similar = suggest(value, known).into_iter().map(Name::from).collect();
        Self { option, value: Name::from(value), similar }
    }
}

/// Returns the users that a name means; `None` if nobody is named so. A declared user that was not found has no id.
fn users_named(name: &Name, desired: &Desired, names: &DeclaredNames) -> Option<BTreeSet<UserId>> {
    if let Some(id) = names.users.get(name) {
        return Some(BTreeSet::from([*id]));
    }
    if desired.unresolved.iter().any(|unresolved| unresolved.name == *name) {
        return Some(BTreeSet::new());
    }
    let released = desired.released.iter().filter(|(_, user)| user.name == *name).map(|(id, _)| *id);
    let is_known = |id: &UserId| {
        let Desired { own_users, scope, released, .. } = desired;
        own_users.contains_key(id) || scope.users.contains_key(id) || released.contains_key(id)
    };
    let by_id = || name.as_str().parse().ok().filter(is_known).into_iter().collect::<BTreeSet<UserId>>();
    let by_live_name = || {
        let live = desired.own_users.iter().filter(|(_, user)| user.name == *name);
        live.map(|(id, _)| *id).collect::<BTreeSet<UserId>>()
    };
    let found = [released.collect(), by_id(), by_live_name()];
    found.into_iter().find(|users: &BTreeSet<UserId>| !users.is_empty())
}

/// Returns the names by which users can be selected.
fn known_users<'a>(desired: &'a Desired, names: &'a DeclaredNames) -> impl Iterator<Item = &'a Name> {
    let unresolved = desired.unresolved.iter().map(|unresolved| &unresolved.name);
    let released = desired.released.values().map(|user| &user.name);
    let live = desired.own_users.values().map(|user| &user.name);
    names.users.keys().chain(unresolved).chain(released).chain(live)
}
