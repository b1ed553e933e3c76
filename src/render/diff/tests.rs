//! Tests that the diff makes the desired text of the live one, with our own reader and with `patch`.

use super::*;
use crate::model::*;
use crate::proposal::Proposal;
use crate::render::tests::PLAIN;
use proptest::prelude::*;

/// What one user holds: before, and after.
type Pair = (TaskSet, TaskSet);

/// A plan of some WABAs with their users, and who holds what there.
fn world(wabas: &[Vec<Pair>], name: &str) -> (Plan, LiveAccess) {
    let mut access = LiveAccess::default();
    let mut changes = Vec::new();
    for (waba, users) in (1_u64..).zip(wabas) {
        for (user, (before, after)) in (1_u64..).zip(users) {
            let key = AssignmentKey {
                waba: waba.to_string().parse().unwrap(),
                user: user.to_string().parse().unwrap(),
            };
            access.wabas.insert(key.waba, Name::from(name));
            access.users.insert(key.user, Name::from(name));
            access.live.set(key, before.clone());
            if before != after {
                changes.push(Change::new(key, before.clone(), after.clone()));
            }
        }
    }
    let plan = Plan {
        changes,
        waba_names: access.wabas.clone(),
        user_names: access.users.clone(),
        ..Plan::empty("98".parse().unwrap(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
    };
    (plan, access)
}

fn shown(plan: &Plan, access: &LiveAccess, colour: bool) -> String {
    let proposal = Proposal { access: access.clone(), ..Proposal::without_evidence(plan.clone()) };
    let view = View { proposal: &proposal, violations: &[], waived: &[], drift: None, evidence: None };
    super::plan(&view, &Style { colour, ..PLAIN })
}

/// Returns the live or the desired access to the WABAs that change.
fn yaml(plan: &Plan, access: &LiveAccess, is_after: bool) -> String {
    let mut text = String::new();
    for changes in plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        let waba = changes[0].key.waba;
        let mut state = access.live.clone();
        if is_after {
            for change in changes {
                state.set(change.key, change.after.clone());
            }
        }
        let line = |name: &Name, id: &dyn std::fmt::Display| {
            yaml::scalar(&format!("{} ({id})", crate::render::harmless(name.as_str())))
        };
        let _ = writeln!(text, "{}:", line(&access.wabas[&waba], &waba));
        for (user, tasks) in state.on(waba) {
            let _ = writeln!(text, "  {}: [{tasks}]", line(&access.users[&user], &user));
        }
    }
    text
}

/// Applies a unified diff strictly: each hunk must match at its line number.
fn patched(text: &str, diff: &str) -> String {
    let (lines, mut at): (Vec<&str>, usize) = (text.lines().collect(), 0);
    let mut made: Vec<&str> = Vec::new();
    let (mut left, mut right) = (0, 0);
    for line in diff.lines().skip_while(|line| line.starts_with('#')).skip(2) {
        if let Some(head) = line.strip_prefix("@@ -") {
            assert_eq!((left, right), (0, 0), "the last hunk is as long as it said:\n{diff}");
            let (old, new) = head.trim_end_matches(" @@").split_once(" +").unwrap();
            let numbers = |range: &str| -> (usize, usize) {
                let (start, length) = range.split_once(',').unwrap_or((range, "1"));
                (start.parse().unwrap(), length.parse().unwrap())
            };
            let ((start, old), (to, new)) = (numbers(old), numbers(new));
            made.extend(&lines[at..start - 1]);
            at = start - 1;
            assert_eq!(made.len(), to - 1, "{diff}");
            (left, right) = (old, new);
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(lines[at], rest);
            (at, left) = (at + 1, left - 1);
        }
        if sign != "-" {
            made.push(rest);
            right -= 1;
        }
    }
    made.extend(&lines[at..]);
    made.push("");
    made.join("\n")
}

fn set() -> impl Strategy<Value = TaskSet> {
    (0_u8..16).prop_map(|bits| {
        let all = [Task::Develop, Task::Manage, Task::Messaging, Task::ViewCost];
        (0..4).filter(|bit| bits >> bit & 1 == 1).map(|bit| all[bit]).collect()
    })
}

fn pairs() -> impl Strategy<Value = Vec<Vec<Pair>>> {
    let pair = (set(), set(), 0..4).prop_map(|(before, after, same)| match same {
        0 => (before, after),
        _ => (before.clone(), before),
    });
    prop::collection::vec(prop::collection::vec(pair, 1..12), 0..12)
}

/// Applies a diff with `patch`, without fuzz; `None` if `patch` is not installed.
fn by_patch(live: &str, diff: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file);
    std::fs::write(at("live.yaml"), live).unwrap();
    std::fs::write(at("plan.diff"), diff).unwrap();
    let mut patch = std::process::Command::new("patch");
    patch.args(["--fuzz=0", "--batch", "--input=plan.diff", "live.yaml"]).current_dir(folder.path());
    let ran = patch.output().ok()?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}\n{diff}");
    // `patch` reports hunks that did not match at their line numbers.
    assert!(!said.contains("offset") && !said.contains("fuzz"), "{said}\n{diff}");
    Some(std::fs::read_to_string(at("live.yaml")).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_diff_makes_the_desired_text_of_the_live_one(wabas in pairs(), name in "[a-z<:\"\\\\\u{1b}\u{202e}\n #-]{1,12}") {
        let (plan, access) = world(&wabas, &format!("x{name}"));
        let diff = shown(&plan, &access, false);
        let (live, desired) = (yaml(&plan, &access, false), yaml(&plan, &access, true));
        prop_assert_eq!(diff.is_empty(), live == desired);
        if !diff.is_empty() {
            prop_assert_eq!(&patched(&live, &diff), &desired);
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour(wabas in pairs()) {
        let (plan, access) = world(&wabas, "a b");
        let painted = shown(&plan, &access, true);
        prop_assert_eq!(anstream::adapter::strip_str(&painted).to_string(), shown(&plan, &access, false));
    }
}

#[test]
fn patch_applies_the_diff() {
    // Changes at the first, the middle and the last user of WABAs of every size up to eight.
    let (one, other) = (TaskSet::from([Task::Messaging]), TaskSet::from([Task::Messaging, Task::ViewCost]));
    for after in [TaskSet::EMPTY, other] {
        let wabas: Vec<Vec<Pair>> = (1..8_usize)
            .flat_map(|size| (0..size).map(move |changed| (size, changed)))
            .map(|(size, changed)| {
                let pair = |user| (one.clone(), if user == changed { after.clone() } else { one.clone() });
                (0..size).map(pair).collect()
            })
            .collect();
        let (plan, access) = world(&wabas, "Acme");
        let (live, desired) = (yaml(&plan, &access, false), yaml(&plan, &access, true));
        if let Some(made) = by_patch(&live, &shown(&plan, &access, false)) {
            assert_eq!(made, desired);
        }
    }
}

#[test]
fn a_change_is_two_lines_with_the_words_marked() {
    let pair = |before: &str, after: &str| {
        let set = |names: &str| TaskSet::from_names(names.split_whitespace());
        (set(before), set(after))
    };
    let wabas = [vec![
        pair("MANAGE", "MANAGE"),
        pair("DEVELOP VIEW_COST", "DEVELOP MESSAGING"),
        pair("", "new task"),
    ]];
    let (mut plan, access) = world(&wabas, "Acme");
    plan.unreadable.insert("7".parse().unwrap(), "timed\nout".to_owned());
    insta::assert_snapshot!(shown(&plan, &access, false), @r#"
    # Could not be read, and not planned: 7: timed\nout
    # Highlights: Acme loses tasks on 1 WABA
    --- live.yaml
    +++ desired.yaml
    @@ -1,3 +1,4 @@
     "Acme (1)":
       "Acme (1)": [MANAGE]
    -  "Acme (2)": [DEVELOP, VIEW_COST]
    +  "Acme (2)": [DEVELOP, MESSAGING]
    +  "Acme (3)": [new, task]
    "#);
    let marked = "\u{1b}[1m\u{1b}[4m\u{1b}[31mVIEW_COST\u{1b}[0m";
    let painted = shown(&plan, &access, true);
    assert!(painted.contains(marked), "{painted:?}");
}
