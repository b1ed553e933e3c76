//! Exceptions, and when grants begin and end, as settings that can be compared with those of a previous manifest.
//!
//! An exception takes precedence over every grant, and a later end of a grant changes nothing today: neither need be in the
//! changes of a plan.

use crate::manifest::{Grant, Manifest, WabaSelection, WabaSelector};
use crate::model::{At, Name, TimeLimit};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Returns the exceptions by their users and WABAs, with what they give instead of the grants.
pub(super) fn exceptions(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for exception in &manifest.exceptions {
        let key = format!("exceptions.{}", who_and_where(exception));
        let same = settings.entry(key).or_default();
        if !same.is_empty() {
            same.push_str("; ");
        }
        same.push_str(&terms(exception));
    }
    settings
}

/// Describes what an exception gives, how long, and why.
fn terms(exception: &Grant) -> String {
    let tasks: Vec<&str> = exception.tasks.names().collect();
    let mut terms = if tasks.is_empty() { String::from("nothing") } else { tasks.join(" ") };
    for (word, limit) in [("from", exception.from), ("until", exception.until)] {
        if let Some(limit) = limit {
            // Writing into a string cannot fail.
            let _ = write!(terms, " {word} {}", limit.value);
        }
    }
    exception.reason.iter().fold(terms, |terms, reason| format!("{terms}: {}", reason.as_str()))
}

/// Returns the beginning and the end of each grant that is in both manifests.
///
/// A grant is the same if its name is, or without a name, its users, its tasks and its WABAs. What there is more than once is
/// left out.
pub(super) fn times<'m>(now: &'m Manifest, before: &'m Manifest) -> [BTreeMap<String, String>; 2] {
    let (now, before) = (by_identity(now), by_identity(before));
    let of = |grants: &BTreeMap<String, Option<&Grant>>, others: &BTreeMap<String, Option<&Grant>>| {
        let in_both = grants.iter().filter(|(key, _)| others.get(*key).is_some_and(Option::is_some));
        let limits =
            in_both.filter_map(|(key, grant)| grant.map(|grant| (key, grant))).flat_map(|(key, grant)| {
                [("from", grant.from), ("until", grant.until)]
                    .map(|(word, limit)| (format!("{key}.{word}"), limit))
            });
        limits
            .filter_map(|(key, limit)| {
                Some((key, limit.map(|At { value, .. }: At<TimeLimit>| value.to_string())?))
            })
            .collect()
    };
    [of(&now, &before), of(&before, &now)]
}

/// Returns the grants by what identifies them; `None` for several with the same.
fn by_identity(manifest: &Manifest) -> BTreeMap<String, Option<&Grant>> {
    let mut grants: BTreeMap<String, Option<&Grant>> = BTreeMap::new();
    for grant in &manifest.grants {
        let identity = match &grant.name {
            Some(name) => format!("grants.{}", name.as_str()),
            None => format!("grants.{}: {}", who_and_where(grant), grant.tasks),
        };
        grants.entry(identity).and_modify(|same| *same = None).or_insert(Some(grant));
    }
    grants
}

/// Describes the users and the WABAs of an entry.
fn who_and_where(entry: &Grant) -> String {
    let users: Vec<&str> = entry.users.iter().map(|user| user.value.as_str()).collect();
    format!("{} on {}", users.join(", "), wabas(&entry.selection))
}

fn wabas(selection: &WabaSelection) -> String {
    let names =
        |wabas: &[At<WabaSelector>]| wabas.iter().map(|waba| raw(&waba.value)).collect::<Vec<_>>().join(", ");
    let mut parts: Vec<String> = selection.wabas.iter().map(|wabas| names(wabas)).collect();
    parts.extend(selection.labels.as_ref().map(ToString::to_string));
    if let Some(except) = &selection.except {
        parts.push(String::from("except"));
        parts.push(names(&except.wabas));
        parts.extend(except.labels.as_ref().map(ToString::to_string));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn raw(selector: &WabaSelector) -> String {
    match selector {
        WabaSelector::Name(name) => name.as_str().to_owned(),
        WabaSelector::Glob(glob) => glob.as_str().to_owned(),
        WabaSelector::Id(id) => id.to_string(),
    }
}

/// Returns the WABAs that only a previous manifest declares, by their names there.
pub(super) fn no_longer_declared<'m>(
    now: &'m Manifest,
    before: &'m Manifest,
) -> impl Iterator<Item = &'m Name> {
    let ids: std::collections::BTreeSet<_> = now.wabas.values().map(|waba| waba.id.value).collect();
    before.wabas.iter().filter(move |(_, waba)| !ids.contains(&waba.id.value)).map(|(name, _)| name)
}
