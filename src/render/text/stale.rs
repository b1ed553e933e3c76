//! Why a saved plan is not applied.

use super::super::{Style, harmless, named};
use crate::model::{CurrentAccess, Plan, StaleChange, TaskSet};
use std::fmt::Write as _;

/// Shows what moved since a plan was saved, or how it differs from what the manifests ask for: before, planned and
/// now.
pub fn stale(found: &[StaleChange], plan: &Plan, _: &Style) -> String {
    let mut text = String::new();
    for StaleChange { key, planned, now } in found {
        let (user, waba) =
            (named(&plan.user_name(key.user), key.user), named(&plan.waba_name(key.waba), key.waba));
        let _ = writeln!(text, "! {user} ({}) on {waba} ({}):", key.user, key.waba);
        if let Some((before, after)) = planned {
            let _ = writeln!(text, "    before:  {}", set(before));
            let _ = writeln!(text, "    planned: {}", set(after));
        } else {
            let _ = writeln!(text, "    planned: nothing");
        }
        let now = match now {
            CurrentAccess::Holds(tasks) => set(tasks),
            CurrentAccess::Unreadable(why) => format!("not known: {}", harmless(why)),
            CurrentAccess::NoSuchUser => String::from("no system user of the business"),
            CurrentAccess::Expired(grant) => {
                let until = grant.until.map_or_else(String::new, |day| format!(" on {day}"));
                format!("{} has expired{until}", harmless(&grant.path))
            }
            CurrentAccess::NotAsked => String::from("the manifests ask for no change"),
            CurrentAccess::Asked(before, after) => {
                format!("the manifests ask for {} where it holds {}", set(after), set(before))
            }
        };
        let _ = writeln!(text, "    now:     {now}");
    }
    text
}

fn set(tasks: &TaskSet) -> String {
    if tasks.is_empty() { String::from("nothing") } else { tasks.to_string() }
}
