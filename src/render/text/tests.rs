//! What people see, and what nobody may make them see.

use super::*;
use crate::diagnostic::{Diagnostic, Severity};
use crate::guard::{Guard, UnusedReason, UnusedWaiver, Violation};
use crate::model::*;
use crate::proposal::Proposal;
use crate::render::{Style, View};
use crate::text::escape;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use unicode_width::UnicodeWidthStr;

const PLAIN: Style = Style { colour: false, width: 80, verbose: false };

const HOSTILE: &[&str] = &[
    "\u{1b}[31mred",
    "a\n::error::x",
    "::error::x",
    "##[error]x",
    "##vso[task.x]",
    "\u{202e}live",
    "<script>",
    "| a |",
    "",
];

fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: waba.parse().unwrap(), user: user.parse().unwrap() }
}

fn at(line: u32) -> Position {
    Position { source: SourceId(0), line, column: 5 }
}

fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("access.yaml", "grants:\n  - users: [nobody]\n");
    sources
}

fn grant(name: Option<&str>, reason: &str) -> Arc<GrantSource> {
    Arc::new(GrantSource {
        path: "grants[2]".to_owned(),
        name: name.map(Name::from),
        reason: Some(Name::from(reason)),
        until: None,
        at: at(31),
    })
}

/// A plan with one change of each kind, in which every foreign text is `name`.
fn example(user: &str, waba: &str) -> Plan {
    let change = |key, before: TaskSet, after: TaskSet, because| Change {
        key,
        before,
        after,
        implied: TaskSet::EMPTY,
        because,
        blocked: None,
        admin: false,
    };
    let gone = |why| Because { grants: vec![], gone: Some((Prune::Declared, vec![why])) };
    let asked = Because { grants: vec![grant(None, "OPS-1234")], gone: None };
    let mut mixed = asked.clone();
    mixed.gone = Some((Prune::Declared, vec![WhyGone::Declared(at(7))]));
    let mut live = TaskSet::from([Task::Manage, Task::Develop]);
    live.insert_name(if user.is_empty() { "NEW" } else { user });
    let key_of = |user| key("102290129340398", user);
    Plan {
        acting_user: Some("12".parse().unwrap()),
        changes: vec![
            change(key_of("11"), TaskSet::EMPTY, [Task::ManageTemplates, Task::Manage].into(), asked),
            change(key_of("12"), live, [Task::Manage, Task::ViewCost].into(), mixed),
            change(
                key_of("13"),
                [Task::Develop].into(),
                TaskSet::EMPTY,
                gone(WhyGone::Expired(grant(Some(user), user))),
            ),
        ],
        unmanaged: vec![Unmanaged {
            key: key_of("14"),
            name: user.into(),
            tasks: [Task::Manage].into(),
            why: UnmanagedReason::Undeclared,
        }],
        unreadable: BTreeMap::from([("7".parse().unwrap(), format!("{user} refused"))]),
        notices: vec![Notice::AssignsToAdmin("11".parse().unwrap())],
        unchanged: 118,
        live_in_scope: 120,
        waba_names: BTreeMap::from([("102290129340398".parse().unwrap(), waba.into())]),
        user_names: ["11", "12", "13"]
            .into_iter()
            .map(|id| (id.parse().unwrap(), Name::from(user)))
            .collect(),
        partial: true,
        ..Plan::empty("98".parse().unwrap(), jiff::civil::date(2026, 11, 23))
    }
}

fn violation(message: &str) -> Violation {
    let waba = "102290129340398".parse().ok();
    Violation { guard: Guard::MinHolders, waba, user: None, message: escape(message).into_owned() }
}

fn proposal(plan: &Plan) -> Proposal {
    Proposal { sources: sources(), ..Proposal::without_evidence(plan.clone()) }
}

fn shown(of: &Plan, style: &Style) -> String {
    let violations = [violation("nobody would hold MANAGE on it")];
    let proposal = proposal(of);
    plan(&View { proposal: &proposal, violations: &violations, waived: &[], drift: None }, style)
}

fn report_of(plan: &Plan) -> Report {
    let outcomes = [
        Outcome::AcceptedNotListed,
        Outcome::StoredDifferently { stored: [Task::Manage, Task::ViewCost, Task::ViewTemplates].into() },
        Outcome::Failed { error: "(#200) no permission".to_owned() },
    ];
    let changes = plan.changes.iter().cloned().zip(outcomes);
    let changes = changes.map(|(change, outcome)| ReportedChange { change, outcome }).collect();
    Report { changes, stopped: None, wrote: true }
}

#[test]
fn a_plan_reads_from_the_first_change_to_the_last_line() {
    insta::assert_snapshot!(shown(&example("deploy-bot", "acme-eu"), &PLAIN), @r#"
    WABA acme-eu (102290129340398)
      + deploy-bot +MANAGE +MANAGE_TEMPLATES
          by grants[2] at access.yaml:31 (OPS-1234)
      ~ deploy-bot MANAGE +VIEW_COST -DEVELOP -deploy-bot
          by grants[2] at access.yaml:31 (OPS-1234)
          no grant gives it to the user declared at access.yaml:7 (prune: declared)
      - deploy-bot -DEVELOP
          expired: grants[2] "deploy-bot" at access.yaml:31 (deploy-bot) (prune:
            declared)

    Left alone: 1 assignment (1 undeclared system user).
      . undeclared system user deploy-bot (14) on acme-eu holds MANAGE

    Could not be read, and not planned: 1 WABA.
      ? 7 (7): deploy-bot refused

    Note: deploy-bot is an admin of the business, who may not be listed even after
          the write

    ! deploy-bot loses everything on 1 WABA where its grants have expired
    ! deploy-bot loses tasks on 1 WABA
    ! deploy-bot newly gets MANAGE on 1 WABA

    Refused: min-holders: nobody would hold MANAGE on it
        to waive it for one run: --waive min-holders or --waive min-holders=acme-eu

    Partial: narrowed by --waba; other WABAs were not looked at.
    Plan: 1 to assign, 1 to change, 1 to revoke, 118 unchanged; 1 WABA could not be
      read.
    Applying it takes 5 API calls: 3 writes, and 1 WABA read before and after.
    "#);
}

#[test]
fn a_report_says_what_ends_what_is_left() {
    let plan = example("Ops Admin", "acme-eu");
    insta::assert_snapshot!(report(&report_of(&plan), &plan, &PLAIN), @r#"
    WABA acme-eu (102290129340398)
      + Ops Admin +MANAGE +MANAGE_TEMPLATES
          accepted, not listed: the user is an admin
          if its role is what gives it access, say so:
            system_users: { "Ops Admin": { id: 11, by_role: true } }
      ~ Ops Admin MANAGE +VIEW_COST -DEVELOP -Ops Admin
          stored differently: MANAGE VIEW_COST VIEW_TEMPLATES
          if Meta always stores it so, this line ends it:
            implied:
              MANAGE: [VIEW_TEMPLATES]
      - Ops Admin -DEVELOP
          failed: (#200) no permission

    Applied: 0 of 3 changes, 1 accepted but not listed, 1 stored differently, 1
      failed.
    "#);
}

#[test]
fn no_changes_is_claimed_only_for_what_was_read() {
    let mut plan = example("a", "b");
    plan.changes.clear();
    plan.partial = false;
    let text = shown(&plan, &PLAIN);
    assert!(
        text.ends_with("No changes on the WABAs that could be read; 1 WABA could not be read.\n"),
        "{text}"
    );
    plan.unreadable.clear();
    assert!(shown(&plan, &PLAIN).ends_with("No changes. Live access matches the manifests.\n"));
}

#[test]
fn what_applying_costs_is_told_beforehand_and_only_where_something_is_written() {
    let mut plan = example("deploy-bot", "acme-eu");
    plan.changes[1].blocked = Some(Blocked::SelfRaise);
    plan.changes[2].key.waba = "7".parse().unwrap();
    let last = |plan: &Plan| shown(plan, &PLAIN).lines().last().map(str::to_owned);
    assert_eq!(
        last(&plan).as_deref(),
        Some("Applying it takes 6 API calls: 2 writes, and 2 WABAs read before and after.")
    );
    assert_eq!(plan.apply_cost(), ApplyCost { reads: 4, writes: 2 });
    plan.changes.truncate(1);
    assert_eq!(
        last(&plan).as_deref(),
        Some("Applying it takes 3 API calls: 1 write, and 1 WABA read before and after.")
    );
    plan.changes[0].blocked = Some(Blocked::SelfRaise);
    assert!(!shown(&plan, &PLAIN).contains("API call"));
    assert_eq!(plan.apply_cost(), ApplyCost::default());
}

#[test]
fn drift_tells_no_cost() {
    let (of, drift) = (proposal(&example("deploy-bot", "acme-eu")), Drift::default());
    let view = View::of_drift(&of, &drift);
    assert!(!plan(&view, &PLAIN).contains("API call"));
}

#[test]
fn a_waiver_that_covers_nothing_earns_a_warning() {
    let idle = |waiver: &str, why| UnusedWaiver { waiver: waiver.parse().unwrap(), why };
    let near = |names: &[&str]| UnusedReason::UnknownTarget {
        similar: names.iter().copied().map(Name::from).collect(),
    };
    let shown = unused_waivers(
        &[
            idle("max-removals", UnusedReason::NoViolation),
            idle("self=acme-eu", UnusedReason::NoViolation),
            idle("self=\u{1b}##[error]", near(&[])),
            idle("min-holders=acme-ue", near(&["acme-eu"])),
            idle("min-holders=acme", near(&["Acme", "acme-eu"])),
        ],
        &PLAIN,
    );
    insta::assert_snapshot!(shown, @r"
    warning: the waiver `max-removals` covers nothing: the plan keeps this guard
    warning: the waiver `self=acme-eu` covers nothing: the plan keeps this guard
        there
    warning: the waiver `self=\u{1b}#\u{23}[error]` covers nothing: nothing in the
        manifests or in this plan is called so
    warning: the waiver `min-holders=acme-ue` covers nothing: nothing in the
        manifests or in this plan is called so; did you mean `acme-eu`?
    warning: the waiver `min-holders=acme` covers nothing: nothing in the manifests
        or in this plan is called so; did you mean `Acme` or `acme-eu`?
    ");
}

#[test]
fn a_diagnostic_shows_its_place_and_what_to_do() {
    let found = Diagnostic {
        severity: Severity::Error,
        code: "unknown-user",
        message: "no system user is declared as `nobody`".to_owned(),
        at: Some(Position { source: SourceId(0), line: 2, column: 13 }),
        help: Some("declare it under system_users".to_owned()),
    };
    insta::assert_snapshot!(diagnostics(&[found], &sources(), &PLAIN), @r#"
    error[unknown-user]: no system user is declared as `nobody`
     --> access.yaml:2:13
      |
    2 |   - users: [nobody]
      |             ^^^^^^
      |
      = help: declare it under system_users

    1 error, 0 warnings
    "#);
}

#[test]
fn a_diagnostic_in_a_huge_hostile_line_is_short_and_harmless() {
    let mut sources = Sources::default();
    let line = format!("{}\u{1b}[31m\u{202e}x{}", "a".repeat(500_000), "b".repeat(500_000));
    sources.add("a\u{1b}.yaml", line);
    let text = diagnostics(&[found_at(1, 500_007)], &sources, &PLAIN);
    assert!(text.len() < 1000 && text.contains(":1:500007"), "{text}");
    assert!(
        text.chars().all(|c| c == '\n' || escape(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()),
        "{text:?}"
    );
}

fn found_at(line: u32, column: u32) -> Diagnostic {
    let at = Some(Position { source: SourceId(0), line, column });
    Diagnostic { severity: Severity::Warning, code: "c", message: "m".to_owned(), at, help: None }
}

/// Shows diagnostics about a text at these places, and gives for each the shown line from the mark on.
fn marked_at(text: &str, places: &[(u32, u32)]) -> Vec<String> {
    let mut sources = Sources::default();
    sources.add("access.yaml", text);
    let found: Vec<_> = places.iter().map(|&(line, column)| found_at(line, column)).collect();
    let shown = diagnostics(&found, &sources, &Style { width: 300, ..PLAIN });
    let mark = |text: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains(" | "));
        let (line, marks) = (lines.next()?, lines.next()?);
        let at = marks.chars().position(|c| c == '^')?;
        let place = text.lines().find_map(|line| line.split_once("--> access.yaml:"))?.1;
        Some(format!("{place} {}", line.chars().skip(at).take(5).collect::<String>()))
    };
    shown.split("\n\n").filter_map(mark).collect()
}

#[test]
fn many_places_on_one_long_line_are_each_shown_where_they_are() {
    // Ten columns each, some of more than one byte; the line is cut on both sides of most places.
    let line: String = (1000..2000).fold(String::new(), |line, number| line + &format!("é{number} ##, "));
    let text = format!("first\n{line}\r\nlast: [x]\n");
    let places: Vec<(u32, u32)> = (0..1000).map(|index| (2, index * 10 + 1)).rev().collect();
    let mut expected: Vec<String> =
        (0..1000).map(|index| format!("2:{} é{}", index * 10 + 1, index + 1000)).collect();
    assert_eq!(marked_at(&text, &places), expected);
    expected.truncate(1);
    expected.push("2:1 é1000".to_owned());
    expected.push("3:8 x]".to_owned());
    assert_eq!(marked_at(&text, &[(3, 8), (2, 1), (2, 1)]), expected);
}

#[test]
fn a_place_that_is_not_there_is_told_without_a_line() {
    let text = diagnostics(&[found_at(9, 2), found_at(0, 0)], &sources(), &PLAIN);
    assert!(text.contains("access.yaml:9:2") && !text.contains("users"), "{text}");
}

#[test]
fn what_joins_to_a_command_at_a_mark_is_broken_up() {
    let mut sources = Sources::default();
    sources.add("access.yaml", "x: ##[error]y\n");
    let text = diagnostics(&[found_at(1, 5)], &sources, &PLAIN);
    assert!(!text.contains("##"), "{text}");
}

/// Every line begins, behind its spaces, with one of our own words or signs.
fn assert_harmless(text: &str, names: &[&str]) {
    for line in text.lines() {
        let start = line.trim_start();
        assert!(!start.starts_with("::") && !line.contains("##"), "{line:?} in\n{text}");
        for name in names.iter().filter(|name| name.len() > 3 && !name.starts_with("| ")) {
            assert!(!start.starts_with(&*escape(name)), "{line:?} in\n{text}");
        }
        assert!(escape(line).len() == line.len(), "{line:?}");
    }
}

#[test]
fn hostile_names_stay_names() {
    let long = "x".repeat(300);
    for name in HOSTILE.iter().copied().chain([long.as_str()]) {
        for width in [40, 80, 200] {
            let style = Style { width, verbose: true, ..PLAIN };
            let plan = example(name, name);
            let text = shown(&plan, &style);
            assert_harmless(&text, &[name]);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert_harmless(&report(&report_of(&plan), &plan, &style), &[name]);
        }
    }
}

#[test]
fn colour_is_there_only_when_asked_for() {
    let plan = example("deploy-bot", "acme-eu");
    assert!(!shown(&plan, &PLAIN).contains('\u{1b}'));
    assert!(shown(&plan, &Style { colour: true, ..PLAIN }).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_page(user in ".{0,60}", waba in ".{0,300}", width in 40_usize..200) {
        let text = shown(&example(&user, &waba), &Style { width, ..PLAIN });
        for line in text.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
            prop_assert!(escape(line).len() == line.len());
        }
    }
}
