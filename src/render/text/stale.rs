//! The changes that make a saved plan stale, as text.

use crate::model::{CurrentAccess, Plan, StaleChange, TaskSet, TimeLimit};
use crate::render::view::NamedObject;
use crate::render::{Style, harmless};
use std::fmt::Write as _;

/// Shows how live access or the manifests changed since a plan was saved: before, planned and now.
pub fn stale(found: &[StaleChange], plan: &Plan, _: &Style) -> String {
    let mut text = String::new();
    for StaleChange { key, planned, now } in found {
        let (user, waba) = (NamedObject::user(plan, key.user).name, NamedObject::waba(plan, key.waba).name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "! {user} ({}) on {waba} ({}):", key.user, key.waba);
        if let Some((before, after)) = planned {
            let _ = writeln!(text, "    before:  {}", set(before));
            let _ = writeln!(text, "    planned: {}", set(after));
        } else {
            let _ = writeln!(text, "    planned: nothing");
        }
        let now = match now {
            CurrentAccess::Holds(tasks) => set(tasks),
            CurrentAccess::Unreadable(why) => format!("unknown: {}", harmless(why)),
            CurrentAccess::NoSuchUser => String::from("not a system user of the business"),
            CurrentAccess::Expired(grant) => {
                format!("{} has expired{}", harmless(&grant.path), on_or_at(grant.until))
            }
            CurrentAccess::Begun(grant) => {
                format!("{} has begun{}", harmless(&grant.path), on_or_at(grant.from))
            }
            CurrentAccess::NotReleased => {
                String::from("the user was not released: the inventory of this set does not have it")
            }
            CurrentAccess::NotAsked => String::from("the manifests ask for no change"),
            CurrentAccess::Asked(before, after) => {
                format!("the manifests ask for {}, live access is {}", set(after), set(before))
            }
        };
        let _ = writeln!(text, "    now:     {now}");
    }
    text
}

fn on_or_at(limit: Option<TimeLimit>) -> String {
    match limit {
        Some(TimeLimit::Day(day)) => format!(" on {day}"),
        Some(TimeLimit::Moment(instant)) => format!(" at {instant}"),
        None => String::new(),
    }
}

fn set(tasks: &TaskSet) -> String {
    if tasks.is_empty() { String::from("nothing") } else { tasks.to_string() }
}
