//! Names that people accept: of system users, WABAs, roles and labels.

use crate::mining::MinedGrant;
use crate::model::{Name, Task, TaskSet, UserId, WabaId};
use crate::text::{csv_text, escape};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name that is made. A guess: longer ones fill a line.
const LONGEST: usize = 60;

/// What a user with a task that changes something is called, and what it works with.
const WORK: [(&[Task], &str, &str); 7] = [
    (&[Task::Develop], "developer", "apps"),
    (&[Task::Messaging, Task::ReceiveIncomingMessages], "messenger", "messages"),
    (&[Task::ManageTemplates], "template-editor", "templates"),
    (&[Task::ManagePhone, Task::ManagePhoneAssets], "phone-manager", "phones"),
    (&[Task::ManageBilling], "billing", "billing"),
    (&[Task::ManageUsers], "user-manager", "users"),
    (&[Task::ManageExtensions], "flow-builder", "flows"),
];

/// What a user that only sees something is called, and what it sees.
const VIEWS: [(&[Task], &str, &str); 4] = [
    (&[Task::ViewInsights], "insights-viewer", "insights"),
    (&[Task::ViewCost], "cost-viewer", "cost"),
    (&[Task::ViewTemplates], "template-viewer", "templates"),
    (&[Task::ViewPhoneAssets], "phone-viewer", "phones"),
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

/// Returns a name for a role with these tasks that is not taken: what its users do, or else the word that their names share.
pub(super) fn role(tasks: &TaskSet, users: &BTreeSet<&str>, taken: &BTreeMap<String, TaskSet>) -> String {
    let name = what_users_do(tasks).or_else(|| shared_word(users)).unwrap_or_else(|| work(tasks));
    let Some(other) = taken.get(&name) else { return name };
    // What the other role lacks tells them apart.
    let more = things(&tasks.difference(other)).into_iter().next();
    let more = more.map_or_else(|| name.clone(), |thing| format!("{name}-with-{thing}"));
    free(&more, &taken.keys().cloned().collect())
}

/// Returns what users with these tasks are called; `None` if they do several things.
fn what_users_do(tasks: &TaskSet) -> Option<String> {
    if tasks.is_full() {
        return Some(String::from("admin"));
    }
    let called = |known: &[(&[Task], &'static str, &'static str)]| -> Vec<&'static str> {
        known
            .iter()
            .filter(|(of, ..)| of.iter().any(|task| tasks.contains(*task)))
            .map(|(_, name, _)| *name)
            .collect()
    };
    match (called(&WORK).as_slice(), called(&VIEWS).as_slice()) {
        ([one], _) | ([], [one]) => Some((*one).to_owned()),
        // Who develops builds flows as well.
        (["developer", "flow-builder"], _) => Some(String::from("developer")),
        ([], ["insights-viewer", "cost-viewer"]) => Some(String::from("analyst")),
        ([], [_, _, ..]) => Some(String::from("viewer")),
        ([], []) | ([_, _, ..], _) => None,
    }
}

/// Returns what these tasks are about.
fn things(tasks: &TaskSet) -> Vec<&'static str> {
    let mut things: Vec<&'static str> = Vec::new();
    if tasks.is_full() {
        things.push("admin");
    }
    for (of, _, thing) in WORK.iter().chain(&VIEWS) {
        if of.iter().any(|task| tasks.contains(*task)) && !things.contains(thing) {
            things.push(*thing);
        }
    }
    things
}

/// Names tasks by the work that they are for.
fn work(tasks: &TaskSet) -> String {
    match things(tasks).as_slice() {
        [] => String::from("role"),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first}-and-{second}"),
        [_, _, _, ..] => String::from("operator"),
    }
}

/// Returns the word that most of several names hold.
fn shared_word(names: &BTreeSet<&str>) -> Option<String> {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let of_name: BTreeSet<&str> = name.split(['-', '_']).collect();
        for word in of_name.into_iter().filter(|word| word.chars().any(char::is_alphabetic)) {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let best = words.into_iter().max_by_key(|(word, count)| (*count, std::cmp::Reverse(word.clone())));
    best.filter(|(_, count)| names.len() > 1 && 2 * count > names.len()).map(|(word, _)| word)
}

/// Returns a name, with a number where it is taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
}

/// Returns a value for each label: the word in the globs by which the same users hold the same, the word that most users have in
/// their names who hold something by it, or what they do.
pub(super) fn labels(grants: &[MinedGrant], labels: usize, aliases: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    (0..labels)
        .map(|label| {
            let name = free(&label_of(u32::try_from(label).ok(), grants, aliases), &taken);
            taken.insert(name.clone());
            name
        })
        .collect()
}

fn label_of(label: Option<u32>, grants: &[MinedGrant], aliases: &[String]) -> String {
    let by_label = |grant: &&MinedGrant| {
        grant.selector.label == label || grant.except.iter().any(|except| except.label == label)
    };
    let (mut users, mut tasks, mut words) = (BTreeSet::new(), TaskSet::EMPTY, BTreeSet::new());
    for grant in grants.iter().filter(by_label) {
        users.extend(grant.users.iter().filter_map(|user| aliases.get(*user as usize)).map(String::as_str));
        tasks.extend(&grant.tasks);
        // The label stands for what the names of these WABAs do not tell.
        let by_name = grants.iter().filter(|other| {
            other.selector.label.is_none() && other.tasks == grant.tasks && other.users == grant.users
        });
        words.extend(by_name.flat_map(|other| &other.selector.globs).map(|glob| slug(glob)));
    }
    let one = (words.len() == 1).then(|| words.pop_first()).flatten().filter(|word| !word.is_empty());
    let only = (users.len() == 1).then(|| users.first().map(|user| slug(user))).flatten();
    one.or_else(|| shared_word(&users)).or(only).unwrap_or_else(|| work(&tasks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::Selector;

    #[test]
    fn roles_are_called_by_what_their_users_do() {
        let mut taken = BTreeMap::new();
        for (tasks, users, expected) in [
            ("MESSAGING VIEW_PHONE_ASSETS", "sender", "messenger"),
            ("MESSAGING VIEW_TEMPLATES", "night-shift", "messenger-with-templates"),
            ("MANAGE_TEMPLATES VIEW_INSIGHTS VIEW_TEMPLATES", "sync", "template-editor"),
            ("VIEW_COST VIEW_INSIGHTS", "report", "analyst"),
            ("VIEW_PHONE_ASSETS VIEW_TEMPLATES", "audit", "viewer"),
            ("MANAGE VIEW_COST", "lead", "admin"),
            ("MANAGE_TEMPLATES MESSAGING", "acme-bot globex-bot", "bot"),
            ("MANAGE_BILLING MESSAGING", "shop", "messages-and-billing"),
            ("MANAGE_PHONE MANAGE_TEMPLATES MESSAGING", "shop", "operator"),
            ("NEW_TASK OTHER_TASK", "shop", "role"),
        ] {
            let tasks = TaskSet::from_names(tasks.split(' '));
            let name = role(&tasks, &users.split(' ').collect(), &taken);
            assert_eq!(name, expected, "{tasks}");
            taken.insert(name, tasks);
        }
    }

    #[test]
    fn a_label_is_called_by_what_the_names_of_its_wabas_do_not_tell() {
        let grant = |user: u32, label: Option<u32>, globs: &[&str]| MinedGrant {
            users: vec![user],
            tasks: TaskSet::from_names(["MESSAGING"]),
            selector: Selector {
                label,
                globs: globs.iter().map(|glob| (*glob).to_owned()).collect(),
                list: None,
            },
            except: Vec::new(),
        };
        // The first stands for a region that other names tell, the second for what its users have in common.
        let grants = [
            grant(0, Some(0), &[]),
            grant(0, None, &["*-us-*", "*_us_*"]),
            grant(1, Some(1), &[]),
            grant(2, Some(1), &[]),
            grant(3, Some(2), &[]),
        ];
        let aliases = ["sender", "gold-bot", "gold-desk", "night-shift"].map(String::from);
        assert_eq!(labels(&grants, 3, &aliases), ["us", "gold", "night-shift"]);
    }
}
