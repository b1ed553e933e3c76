//! Names that people accept: of system users, WABAs, roles and labels.

use crate::mining::MinedGrant;
use crate::model::{Name, Task, TaskSet, UserId, WabaId};
use crate::text::{csv_text, escape};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name that is made. A guess: longer ones fill a line.
const LONGEST: usize = 60;

/// Sets of tasks that people know by a name.
const ROLES: [(&str, &[Task]); 8] = [
    ("template-editor", &[Task::ManageTemplates, Task::ViewTemplates]),
    ("analyst", &[Task::ViewCost, Task::ViewInsights]),
    ("phone-manager", &[Task::ManagePhone, Task::ManagePhoneAssets, Task::ViewPhoneAssets]),
    ("phone-manager", &[Task::ManagePhone, Task::ViewPhoneAssets]),
    ("messenger", &[Task::Messaging, Task::ViewPhoneAssets]),
    ("messenger", &[Task::Messaging, Task::ReceiveIncomingMessages]),
    ("developer", &[Task::Develop, Task::ManageExtensions]),
    ("billing", &[Task::ManageBilling, Task::ViewCost]),
];

/// The parts of tasks that roles are named after.
const NOUNS: [(&str, &str); 11] = [
    ("DEVELOP", "developer"),
    ("FULL_CONTROL", "full-control"),
    ("BILLING", "billing"),
    ("EXTENSIONS", "extensions"),
    ("TEMPLATES", "templates"),
    ("USERS", "users"),
    ("MESSAG", "messages"),
    ("COST", "cost"),
    ("INSIGHTS", "insights"),
    ("PHONE", "phones"),
    ("MANAGE", "admin"),
];

/// Returns a name for each user in manifests: the live name with small letters, digits and dashes, followed by the id where
/// several are the same.
pub(super) fn aliases(users: &BTreeMap<UserId, Name>) -> BTreeMap<UserId, String> {
    let slugs: BTreeMap<UserId, String> =
        users.iter().map(|(id, name)| (*id, alias(name.as_str()))).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for slug in slugs.values() {
        *counts.entry(slug).or_default() += 1;
    }
    let unique = |(id, slug): (&UserId, &String)| {
        let is_unique = counts.get(slug.as_str()) == Some(&1);
        (*id, if is_unique { slug.clone() } else { format!("{slug}-{id}") })
    };
    slugs.iter().map(unique).collect()
}

fn alias(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(is_plain)
    {
        return name.to_owned();
    }
    let slug = slug(name);
    match slug.chars().next() {
        None => String::from("user"),
        Some(first) if first.is_ascii_digit() => format!("user-{slug}"),
        Some(_) => slug,
    }
}

/// Returns a text with small letters and digits, and one dash for anything between.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(LONGEST).collect();
    slug.trim_end_matches('-').to_owned()
}

/// Returns the name of a WABA in manifests: the live name, if a manifest can hold it and no other WABA has it, or else one
/// with the id.
pub(super) fn waba_name(id: WabaId, live: &Name, is_unique: bool) -> String {
    let name = live.as_str();
    let is_plain = escape(name) == name
        && name.trim() == name
        && !name.is_empty()
        && name.chars().count() <= 2 * LONGEST
        && !name.contains(['*', '?', '"', '\u{7f}'])
        && csv_text(name) == name
        && !name.starts_with(['!', '#'])
        && !name.chars().all(|c| c.is_ascii_digit());
    if is_plain && is_unique {
        return name.to_owned();
    }
    let kept = |c: char| c.is_alphanumeric() || " _.,()&'/-".contains(c);
    let safe: String = name.chars().filter(|c| kept(*c)).take(LONGEST).collect();
    let safe = safe.trim_matches(|c: char| !c.is_alphanumeric() && !"()".contains(c));
    if safe.is_empty() { format!("waba {id}") } else { format!("{safe} #{id}") }
}

/// Returns a name for a role with these tasks that is not taken.
pub(super) fn role(tasks: &TaskSet, taken: &BTreeSet<String>) -> String {
    let known = ROLES.iter().find(|(_, known)| *tasks == known.iter().copied().collect::<TaskSet>());
    let name = known.map_or_else(|| role_of_nouns(tasks), |(name, _)| (*name).to_owned());
    free(&name, taken)
}

fn role_of_nouns(tasks: &TaskSet) -> String {
    let names: Vec<&str> = tasks.names().collect();
    let mut nouns: Vec<&str> = Vec::new();
    for name in &names {
        let noun = NOUNS.iter().find(|(part, _)| name.contains(part)).map(|(_, noun)| *noun);
        nouns.extend(noun.filter(|noun| !nouns.contains(noun)));
    }
    match nouns.as_slice() {
        [] => String::from("role"),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first}-and-{second}"),
        [first, second, ..] => format!("{first}-{second}-and-more"),
    }
}

/// Returns a name, with a number where it is taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
}

/// Returns a value for each label: the word that most users have in their names who hold something by it.
pub(super) fn labels(grants: &[MinedGrant], labels: usize, aliases: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    (0..labels)
        .map(|label| {
            let number = u32::try_from(label).ok();
            let uses = |grant: &&MinedGrant| {
                grant.selector.label == number || grant.except.iter().any(|except| except.label == number)
            };
            let name = label_of(grants.iter().filter(uses), aliases);
            let name = free(&name, &taken);
            taken.insert(name.clone());
            name
        })
        .collect()
}

fn label_of<'g>(grants: impl Iterator<Item = &'g MinedGrant>, aliases: &[String]) -> String {
    let (mut users, mut tasks) = (BTreeSet::new(), TaskSet::EMPTY);
    for grant in grants {
        users.extend(grant.users.iter().copied());
        tasks.extend(&grant.tasks);
    }
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for alias in users.iter().filter_map(|user| aliases.get(*user as usize)) {
        let of_user: BTreeSet<&str> = alias.split(['-', '_']).collect();
        for word in of_user.into_iter().filter(|word| word.chars().any(char::is_alphabetic)) {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let best = words.iter().max_by_key(|(word, count)| (**count, std::cmp::Reverse(*word)));
    match best {
        Some((word, count)) if 2 * count > users.len() => word.clone(),
        _ => role_of_nouns(&tasks),
    }
}
