//! Digests: of what a manifest means (desired state, scope, prune and guards, not how they are written), of what a plan
//! does, of what an inventory names, and of the rows of a review.

use crate::model::{AssignmentKey, BusinessId, Desired, Name, Plan, Policy, TaskSet, UserId, WabaId};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Returns `sha256:` and 64 hexadecimal digits over the canonical form of what is desired.
///
/// Two manifests that mean the same in the same business have the same digest.
pub fn manifest_digest(desired: &Desired, policy: &Policy) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    lines.add(&format_args!("business {}", desired.business));
    for (waba, scoped) in &desired.scope.wabas {
        lines.add(&format_args!("waba {waba} {:?}", scoped.prune));
    }
    for (user, declared) in &desired.scope.users {
        let suspended = if declared.suspended.is_some() { " suspended" } else { "" };
        lines.add(&format_args!("user {user} {}{suspended}", declared.by_role));
    }
    for (key, tasks) in desired.state.iter() {
        lines.add(&format_args!("assignment {} {} {tasks}", key.waba, key.user));
    }
    for (task, beside) in desired.implied.iter() {
        lines.add(&format_args!("implied {task} {beside}"));
    }
    lines.add(&format_args!("max_removals {} {}", policy.max_removals, policy.max_removals_percent));
    lines.add(&format_args!("holders {:?}", policy.holders));
    lines.add(&format_args!("undeclared {:?}", desired.undeclared));
    for user in &desired.ignored {
        lines.add(&format_args!("ignored {user}"));
    }
    for (task, min) in &policy.min_holders {
        lines.add(&format_args!("min_holders {task} {min}"));
    }
    for user in &policy.protected_users {
        lines.add(&format_args!("protected {user}"));
    }
    lines.finish()
}

/// Returns `sha256:` and 64 hexadecimal digits over the canonical form of what a plan does: the business, the day,
/// and each change with what is before and after it, in order.
///
/// Names and reasons are no part of it.
pub fn plan_digest(plan: &Plan) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    lines.add(&format_args!("plan of {} for {}", plan.business, plan.day()));
    for change in &plan.changes {
        let (key, before, after) = (change.key, &change.before, &change.after);
        // Quoted, as a foreign task's name may hold anything.
        lines.add(&format_args!("change {} {} {before:?} {after:?}", key.waba, key.user));
    }
    lines.finish()
}

/// Returns `sha256:` and 64 hexadecimal digits over the users and WABAs that an inventory names.
pub fn inventory_digest<'a>(
    users: impl Iterator<Item = (UserId, &'a Name)>,
    wabas: impl Iterator<Item = (WabaId, &'a Name)>,
) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    for (id, name) in users {
        lines.add(&format_args!("user {id} {:?}", name.as_str()));
    }
    for (id, name) in wabas {
        lines.add(&format_args!("waba {id} {:?}", name.as_str()));
    }
    lines.finish()
}

/// The hexadecimal digits of a digest in a table: enough to find what was changed by mistake, and short enough for a cell.
const SHORT: usize = 16;

/// Returns the digest of a row of a review: `row-` and 16 hexadecimal digits over the assignment and what it holds.
///
/// It begins with letters, so that no spreadsheet takes it for a number.
pub fn review_row(key: AssignmentKey, tasks: &TaskSet, by_role: bool) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    lines.add(&format_args!("row {} {} {tasks:?} {by_role}", key.waba, key.user));
    format!("row-{}", short(&lines.finish()))
}

/// Returns the mark of a report that is reviewed: `report-`, the number of its rows, and 16 hexadecimal digits over their
/// digests, which are in the order of the report.
pub fn review_mark(business: BusinessId, rows: &[String]) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    lines.add(&format_args!("report of {business}"));
    for row in rows {
        lines.add(&format_args!("{row}"));
    }
    format!("report-{}-{}", rows.len(), short(&lines.finish()))
}

/// Returns the first digits of a digest.
fn short(digest: &str) -> &str {
    digest.strip_prefix("sha256:").and_then(|digits| digits.get(..SHORT)).unwrap_or(digest)
}

/// Text lines on their way into a hash, through one buffer.
struct Lines {
    hasher: Sha256,
    line: String,
}

impl Lines {
    fn add(&mut self, line: &std::fmt::Arguments<'_>) {
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = writeln!(self.line, "{line}");
        self.hasher.update(self.line.as_bytes());
    }

    fn finish(self) -> String {
        self.hasher.finalize().iter().fold(String::from("sha256:"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Task};
    use std::collections::BTreeSet;

    fn change(waba: &str, user: &str, before: TaskSet, after: TaskSet) -> Change {
        let key = AssignmentKey { waba: waba.parse().expect("an id"), user: user.parse().expect("an id") };
        Change::new(key, before, after)
    }

    fn plan() -> Plan {
        Plan {
            changes: vec![
                change("500", "1", TaskSet::EMPTY, [Task::Manage].into()),
                change("500", "2", [Task::Develop, Task::ViewCost].into(), [Task::Develop].into()),
            ],
            ..Plan::empty(
                "98".parse().expect("an id"),
                crate::model::start_of_day(jiff::civil::date(2026, 11, 23)),
            )
        }
    }

    #[test]
    fn a_plans_digest_covers_all_that_it_does() {
        let edits: [fn(&mut Plan); 10] = [
            |_| {},
            |plan| plan.business = "99".parse().expect("an id"),
            |plan| plan.now = crate::model::start_of_day(jiff::civil::date(2026, 11, 24)),
            |plan| plan.changes.swap(0, 1),
            |plan| _ = plan.changes.pop(),
            |plan| plan.changes[0].key.waba = "501".parse().expect("an id"),
            |plan| plan.changes[0].key.user = "3".parse().expect("an id"),
            |plan| plan.changes[1].before = [Task::Develop, Task::ViewInsights].into(),
            |plan| plan.changes[1].after = TaskSet::EMPTY,
            // One foreign task that reads like two.
            |plan| plan.changes[1].before = TaskSet::from_names(["DEVELOP\", \"VIEW_COST"]),
        ];
        let digests: BTreeSet<String> = edits
            .iter()
            .map(|edit| {
                let mut plan = plan();
                edit(&mut plan);
                plan_digest(&plan)
            })
            .collect();
        assert_eq!(digests.len(), edits.len());
        assert!(digests.iter().all(|digest| digest.len() == "sha256:".len() + 64), "{digests:?}");
    }

    #[test]
    fn a_plans_digest_minds_no_names_and_no_reasons() {
        let mut named = plan();
        named.waba_names.insert("500".parse().expect("an id"), "acme-eu".into());
        named.user_names.insert("1".parse().expect("an id"), "deploy-bot".into());
        named.acting_user = "7".parse().ok();
        named.changes[0].admin = true;
        named.unchanged = 118;
        assert_eq!(plan_digest(&named), plan_digest(&plan()));
    }
}
