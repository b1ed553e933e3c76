//! Tests of text: the layout, and the parts that no other format has.

use super::*;
use crate::diagnostic::{Diagnostic, Severity};
use crate::guard::{UnusedReason, UnusedWaiver};
use crate::model::*;
use crate::render::Style;
use crate::render::tests::{Fixture, HOSTILE, PLAIN, everything, sources};
use crate::text::escape;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

fn report_of(plan: &Plan) -> Report {
    let outcomes = [
        Outcome::AcceptedNotListed,
        Outcome::StoredDifferently { stored: [Task::ViewCost, Task::FullControl, Task::Develop].into() },
        Outcome::StoredDifferently { stored: [Task::Manage].into() },
        Outcome::Moved { found: TaskSet::EMPTY },
        Outcome::Failed { error: "(#200) no permission".to_owned() },
    ];
    let changes = plan.changes.iter().cloned().zip(outcomes);
    let changes = changes.map(|(change, outcome)| ReportedChange { change, outcome }).collect();
    Report {
        changes,
        stopped: Some("the token is no longer valid".to_owned()),
        wrote: true,
        ..Report::default()
    }
}

#[test]
fn a_report_says_what_the_run_comes_from() {
    let fixture = everything(str::to_owned);
    let run = Some("run-1".into());
    let origin =
        crate::render::tests::origin(
            |name| if name == "ann" { String::from("::error::") } else { name.to_owned() },
        );
    let of_run = Report { run, origin, ..Report::default() };
    insta::assert_snapshot!(report(&of_run, fixture.plan(), &PLAIN), @r#"
    Origin: actor ::error::, commit 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567, pull
        request https://example.com/o/r/pull/12, pipeline run
        https://example.com/o/r/actions/runs/34, ticket OPS-1

    Applied: nothing; there was nothing to do.
    "#);
    let nothing_recorded = Report { run: None, ..of_run };
    assert_eq!(
        report(&nothing_recorded, fixture.plan(), &PLAIN),
        "Applied: nothing; there was nothing to do.\n"
    );
}

#[test]
fn a_report_says_what_to_do() {
    let fixture = everything(|name| format!("Ops {name}"));
    insta::assert_snapshot!(report(&report_of(fixture.plan()), fixture.plan(), &PLAIN), @r#"
    ~ Ops CI Admin VIEW_COST +FULL_CONTROL
        on Ops acme-eu = Ops Acme Europe (500)
        stored differently: DEVELOP FULL_CONTROL VIEW_COST
        if Meta always stores these tasks too, declare that:
          implied:
            FULL_CONTROL: [DEVELOP]
    ~ Ops reporting MANAGE +VIEW_INSIGHTS -DEVELOP -Ops NEW_TASK
        on Ops acme-eu = Ops Acme Europe (500)
        stored differently: MANAGE
        no `implied` line explains this; check which tasks this WABA permits, then
          create a new plan
    - Ops campaign -MESSAGING
        on Ops Initech Shop (501)
        changed meanwhile, not written: found nothing
        someone else changed this WABA; create a new plan
    - Ops old-bot -MESSAGING
        on Ops Initech Shop (501)
        failed: (#200) no permission
    + Ops deploy-bot +MANAGE +MANAGE_TEMPLATES
        on Ops acme-eu = Ops Acme Europe (500)
        accepted, not listed: the user is an admin
        if its role gives it access, declare that, or drift shows it again:
          system_users: { "Ops deploy-bot": { id: 11, by_role: true } }

    Stopped: the token is no longer valid

    Applied: 0 of 5 changes, 1 accepted but not listed (declare `by_role` as shown),
      2 stored differently, 1 changed meanwhile, 1 failed.
    "#);
}

/// Changes a plan.
type Edit = fn(&mut Plan);

#[test]
fn a_match_is_claimed_only_if_nothing_differs_is_undeclared_kept_missing_or_unread() {
    let mut fixture = everything(str::to_owned);
    fixture.proposal.plan.changes.clear();
    fixture.proposal.tests = None;
    fixture.drift.explanations.clear();
    let ends =
        |fixture: &Fixture| [false, true].map(|is_drift| fixture.view(is_drift).closing().swap_remove(0));
    let kept = "1 difference left to a full apply; 1 kept by prune: none; 1 declared user was not found; 1 WABA could not be read; 1 WABA left the scope; 1 suspended user holds access out of scope.";
    let drift = "Drift: 0 missing, 0 different, 0 too many, 118 as declared; 1 undeclared";
    assert_eq!(ends(&fixture), [format!("No changes; 1 undeclared; {kept}"), format!("{drift}; {kept}")]);
    fixture.proposal.plan.undeclared = Undeclared::Allow;
    let edits: [(Edit, &str); 5] = [
        (|plan| plan.deferred.clear(), "1 difference left to a full apply; "),
        (|plan| plan.out_of_scope.clear(), "; 1 suspended user holds access out of scope"),
        (|plan| plan.left.clear(), "; 1 WABA left the scope"),
        (|plan| plan.unreadable.clear(), "; 1 WABA could not be read"),
        (|plan| plan.unresolved.clear(), "; 1 declared user was not found"),
    ];
    let mut kept = kept.to_owned();
    for (edit, note) in edits {
        assert_eq!(ends(&fixture), [format!("No changes; {kept}"), format!("Nothing to change; {kept}")]);
        edit(&mut fixture.proposal.plan);
        kept = kept.replace(note, "");
    }
    fixture.proposal.plan.kept.clear();
    let on_these = "The selected access matches the manifests.";
    assert_eq!(ends(&fixture), [format!("No changes. {on_these}"), format!("No drift. {on_these}")]);
    fixture.proposal.plan.selection = Selection::default();
    let matches = "Live access matches the manifests.";
    assert_eq!(ends(&fixture), [format!("No changes. {matches}"), format!("No drift. {matches}")]);
    fixture.proposal.plan.undeclared = Undeclared::Drift;
    assert_eq!(ends(&fixture), ["No changes; 1 undeclared.".to_owned(), format!("{drift}.")]);
}

#[test]
fn the_cost_counts_only_what_is_written() {
    let mut fixture = everything(str::to_owned);
    let last = |fixture: &Fixture| plan(&fixture.view(false), &PLAIN).lines().last().map(str::to_owned);
    assert_eq!(
        last(&fixture).as_deref(),
        Some("Applying it takes 22 API calls: 9 writes, and 13 reads of 6 WABAs.")
    );
    assert_eq!(fixture.plan().apply_cost(), ApplyCost { wabas: 6, reads: 13, writes: 9 });
    fixture.proposal.plan.changes.truncate(2);
    assert_eq!(
        last(&fixture).as_deref(),
        Some("Applying it takes 3 API calls: 1 write, and 2 reads of 1 WABA.")
    );
    fixture.proposal.plan.changes.remove(0);
    assert!(last(&fixture).is_some_and(|line| line.ends_with("1 suspended user holds access out of scope.")));
    assert_eq!(fixture.plan().apply_cost(), ApplyCost::default());
}

#[test]
fn an_unused_waiver_is_a_warning() {
    let unused = |waiver: &str, why| UnusedWaiver { waiver: waiver.parse().unwrap(), why };
    let near = |names: &[&str]| UnusedReason::UnknownTarget {
        similar: names.iter().copied().map(Name::from).collect(),
    };
    let shown = unused_waivers(
        &[
            unused("max-removals", UnusedReason::NoViolation),
            unused("self=acme-eu", UnusedReason::NoViolation),
            unused("self=\u{1b}##[error]", near(&[])),
            unused("min-holders=acme-ue", near(&["acme-eu"])),
            unused("min-holders=acme", near(&["Acme", "acme-eu"])),
        ],
        &Sources::default(),
        &PLAIN,
    );
    insta::assert_snapshot!(shown, @r"
    warning: the waiver `max-removals` covers nothing: the plan does not violate
        this guard
    warning: the waiver `self=acme-eu` covers nothing: the plan does not violate
        this guard there
    warning: the waiver `self=\u{1b}#\u{23}[error]` covers nothing: nothing in the
        manifests or the plan has this name
    warning: the waiver `min-holders=acme-ue` covers nothing: nothing in the
        manifests or the plan has this name; did you mean `acme-eu`?
    warning: the waiver `min-holders=acme` covers nothing: nothing in the manifests
        or the plan has this name; did you mean `Acme` or `acme-eu`?
    ");
}

#[test]
fn a_diagnostic_shows_its_position_and_help() {
    let found = Diagnostic {
        severity: Severity::Error,
        code: "unknown-user",
        message: "no system user is declared as `nobody`".to_owned(),
        at: Some(Position { source: SourceId(0), line: 2, column: 13 }),
        help: Some("declare it under system_users".to_owned()),
        count: 1,
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
fn a_diagnostic_in_a_long_hostile_line_is_short_and_escaped() {
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
    Diagnostic { severity: Severity::Warning, code: "c", message: "m".to_owned(), at, help: None, count: 1 }
}

/// Shows diagnostics at positions in a text, and returns for each the shown line from the mark on.
fn marked_at(text: &str, places: &[(u32, u32)]) -> Vec<String> {
    let mut sources = Sources::default();
    sources.add("access.yaml", text);
    let found: Vec<_> = places.iter().map(|&(line, column)| found_at(line, column)).collect();
    let shown = diagnostics(&found, &sources, &Style { width: Some(300), ..PLAIN });
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
fn many_positions_on_one_long_line_are_each_marked() {
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
fn a_position_without_a_line_shows_no_source() {
    let text = diagnostics(&[found_at(9, 2), found_at(0, 0)], &sources(), &PLAIN);
    assert!(text.contains("access.yaml:9:2") && !text.contains("users"), "{text}");
}

#[test]
fn a_command_that_spans_a_mark_is_broken_up() {
    let mut sources = Sources::default();
    sources.add("access.yaml", "x: ##[error]y\n");
    let text = diagnostics(&[found_at(1, 5)], &sources, &PLAIN);
    assert!(!text.contains("##"), "{text}");
}

/// Checks that every line begins, behind its spaces, with a word or sign of this program.
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
        let fixture = everything(|_| name.to_owned());
        for width in [40, 80, 200] {
            let style = Style { width: Some(width), verbose: true, ..PLAIN };
            for is_drift in [false, true] {
                let text = plan(&fixture.view(is_drift), &style);
                assert_harmless(&text, &[name]);
                assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            }
            assert_harmless(&report(&report_of(fixture.plan()), fixture.plan(), &style), &[name]);
        }
    }
}

#[test]
fn colour_is_used_only_if_asked_for() {
    let fixture = everything(str::to_owned);
    assert!(!plan(&fixture.view(false), &PLAIN).contains('\u{1b}'));
    assert!(plan(&fixture.view(false), &Style { colour: true, ..PLAIN }).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn no_line_exceeds_the_width(name in ".{0,300}", width in 40_usize..200, is_drift: bool) {
        let text = plan(&everything(|_| name.clone()).view(is_drift), &Style { width: Some(width), ..PLAIN });
        for line in text.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
            prop_assert!(escape(line).len() == line.len());
        }
    }
}
