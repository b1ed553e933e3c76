//! Tells drift from work in progress: what moved since a plan was applied, live access or the manifests.

use crate::model::{Access, AssignmentKey, History, LastWrite, Origin, Plan, TaskSet};
use std::collections::BTreeMap;

/// What an earlier plan left behind, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Since<'a> {
    /// The plan itself: it knows all that it left as it was.
    Plan(&'a Plan, &'a Access),
    /// The same manifests: whatever differs has moved.
    SameManifests,
    /// What the journal has of the run that applied it: what it wrote, and nothing else.
    Writes(&'a BTreeMap<AssignmentKey, TaskSet>),
}

/// Tells of each assignment that differs what has moved since.
pub fn origins(since: Since<'_>, plan: &Plan) -> BTreeMap<AssignmentKey, Origin> {
    let before: BTreeMap<AssignmentKey, &TaskSet> = match since {
        Since::Plan(earlier, _) => earlier.changes.iter().map(|change| (change.key, &change.after)).collect(),
        Since::SameManifests => BTreeMap::new(),
        Since::Writes(written) => written.iter().map(|(key, after)| (*key, after)).collect(),
    };
    let wanted = |key: AssignmentKey| -> Option<TaskSet> {
        match (before.get(&key), since) {
            (Some(after), _) => Some((*after).clone()),
            (None, Since::Plan(_, access)) => Some(access.live.get(key).cloned().unwrap_or_default()),
            (None, Since::SameManifests | Since::Writes(_)) => None,
        }
    };
    let origin = |key: AssignmentKey, live: &TaskSet, desired: &TaskSet| match (since, wanted(key)) {
        (Since::SameManifests, _) => Origin::Live,
        // The manifests did not speak of this WABA then.
        (Since::Plan(_, access), _) if !access.wabas.contains_key(&key.waba) => Origin::Manifests,
        (_, None) => Origin::Unknown,
        (_, Some(then)) => match (then != *live, then != *desired) {
            (true, true) => Origin::Both,
            (true, false) => Origin::Live,
            (false, _) => Origin::Manifests,
        },
    };
    plan.changes
        .iter()
        .map(|change| (change.key, origin(change.key, &change.before, &change.after)))
        .collect()
}

/// Gives the last write to each assignment that differs that a journal knows of and that may have taken effect.
pub fn last_writes(history: &History, plan: &Plan) -> BTreeMap<AssignmentKey, LastWrite> {
    let mut last = BTreeMap::new();
    for run in &history.runs {
        for write in run.writes.iter().filter(|write| is_in(plan, write.key)) {
            let (at, after) = (write.at, write.after.clone());
            last.insert(write.key, LastWrite { at, run: run.id.clone(), by: run.by.clone(), after });
        }
    }
    last
}

fn is_in(plan: &Plan, key: AssignmentKey) -> bool {
    plan.changes.iter().any(|change| change.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Because, Change, State, Task};

    fn key(user: u64) -> AssignmentKey {
        AssignmentKey { waba: "500".parse().unwrap(), user: user.to_string().parse().unwrap() }
    }

    fn plan(changes: &[(u64, TaskSet, TaskSet)]) -> Plan {
        let change = |(user, before, after): &(u64, TaskSet, TaskSet)| Change {
            key: key(*user),
            before: before.clone(),
            after: after.clone(),
            implied: TaskSet::EMPTY,
            because: Because::default(),
            blocked: None,
            admin: false,
        };
        let empty = Plan::empty("10".parse().unwrap(), jiff::civil::date(2026, 11, 23));
        Plan { changes: changes.iter().map(change).collect(), ..empty }
    }

    #[test]
    fn what_moved_is_told_by_what_an_earlier_plan_left_behind() {
        let (none, develop, cost) =
            (TaskSet::EMPTY, TaskSet::from([Task::Develop]), TaskSet::from([Task::ViewCost]));
        // Then, 1 was given DEVELOP, 2 had it, and 3 had nothing.
        let earlier = plan(&[(1, none.clone(), develop.clone())]);
        let access = Access {
            wabas: [("500".parse().unwrap(), "a".into())].into(),
            live: State::from_iter([(key(2), develop.clone())]),
            ..Access::default()
        };
        for (user, live, desired, expected) in [
            (1, &none, &develop, Origin::Live),
            (1, &develop, &cost, Origin::Manifests),
            (1, &none, &cost, Origin::Both),
            (2, &cost, &develop, Origin::Live),
            (2, &develop, &none, Origin::Manifests),
            (3, &none, &cost, Origin::Manifests),
            (3, &cost, &none, Origin::Live),
        ] {
            let now = plan(&[(user, live.clone(), desired.clone())]);
            let origin = |since| origins(since, &now)[&key(user)];
            assert_eq!(origin(Since::Plan(&earlier, &access)), expected, "{user} {live} {desired}");
            assert_eq!(origin(Since::SameManifests), Origin::Live);
            let written = BTreeMap::from([(key(1), develop.clone())]);
            let by_journal = if user == 1 { expected } else { Origin::Unknown };
            assert_eq!(origin(Since::Writes(&written)), by_journal);
        }
        let elsewhere = Access::default();
        let now = plan(&[(1, none.clone(), develop.clone())]);
        assert_eq!(origins(Since::Plan(&plan(&[]), &elsewhere), &now)[&key(1)], Origin::Manifests);
    }
}
