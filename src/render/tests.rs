//! Tests that every format shows the same, and that foreign text stays text in each of them.

mod fixture;

use super::view::{Entry, FindingKind, NoteKind, ShownChange, TaskMark};
use super::*;
use crate::model::*;
pub(super) use fixture::{Fixture, HOSTILE, everything, origin, sources};
use std::collections::BTreeSet;

pub(super) const PLAIN: Style = Style { colour: false, width: Some(80), verbose: false, group_by: None };

/// A terminal that is so wide that nothing is wrapped.
const WIDE: Style = Style { width: Some(1_000), ..PLAIN };

/// What is not a terminal.
const PIPE: Style = Style { width: None, ..PLAIN };

/// Shows the plan, or the drift, that has one of everything.
fn shown(format: Format, style: Style, is_drift: bool) -> String {
    let fixture = everything(str::to_owned);
    let (prefix, now) = (PathPrefix("infra/".to_owned()), Timestamp::UNIX_EPOCH);
    let settings = Settings { style, path_prefix: &prefix, links: None, now, previous: None };
    let mut out = Vec::new();
    write(&fixture.view(is_drift), format, &settings, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Removes the markup of a format.
fn plain(format: Format, text: &str) -> String {
    match format {
        Format::Html => {
            let (_, body) = text.split_once("<body>").unwrap();
            let parts = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
            let text: String = parts.collect();
            let text = text.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<");
            text.replace('\u{2212}', "-").replace("&#96;", "`").replace("&gt;", ">").replace("&amp;", "&")
        }
        Format::Markdown => {
            let text = ["<code>", "</code>", "<b>", "</b>", "**", "~~", "`", "\\"]
                .iter()
                .fold(text.to_owned(), |text, markup| text.replace(markup, ""));
            without_brackets(&text).replace('\u{2212}', "-").replace("&quot;", "\"")
        }
        Format::Github => text.replace("%0A", "\n").replace("%25", "%"),
        Format::Text | Format::Json | Format::Diff | Format::Prometheus => text.to_owned(),
    }
}

/// Removes the angle brackets around addresses.
fn without_brackets(text: &str) -> String {
    let mut parts = text.split("<https://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| format!("{text}https://{}", part.replacen('>', "", 1)))
}

/// Returns the findings as a format shows them.
fn findings(view: &View<'_>, is_complete: bool) -> Vec<String> {
    let findings = view.findings(is_complete).into_iter().flatten();
    findings
        .flat_map(|finding| [Some(finding.text), finding.advice])
        .flatten()
        .map(|text| text.to_string())
        .collect()
}

/// Returns the totals and the unmanaged assignments as every format shows them.
fn totals(view: &View<'_>) -> Vec<String> {
    let rows = view.unmanaged_rows(false, true).into_iter().map(|row| row.to_string());
    view.closing().into_iter().chain(view.unmanaged()).chain(rows).collect()
}

/// Returns the texts of an entry as a format with space for reasons shows them.
fn texts(entry: &Entry<'_>, format: Format, is_complete: bool, is_drift: bool) -> Vec<String> {
    let says_difference = is_drift && format == Format::Text;
    let change = entry.shown(is_complete);
    let moved = change.moved();
    let notes = change.notes.iter().map(|note| &note.text);
    let texts = change.reasons.iter().chain(notes).map(ToString::to_string);
    // A page lists every WABA, with its name and id apart.
    let on = if format == Format::Html {
        entry.wabas().flat_map(|waba| [Some(waba.name), waba.id]).flatten().collect()
    } else {
        vec![entry.wabas_text(is_complete).to_string()]
    };
    let mut items: Vec<String> = texts.chain([change.user.name]).chain(on).collect();
    let (more, fewer) = wording::drift_leads(moved);
    let sets = [
        (TaskMark::Kept, "", "holds as declared:"),
        (TaskMark::Gained, "+", more),
        (TaskMark::Lost, "-", fewer),
    ];
    for (mark, sign, lead) in sets {
        let sign = if says_difference { "" } else { sign };
        let of_mark = change.tasks.marked().filter(|(of, _)| *of == mark);
        let names: Vec<String> = of_mark.map(|(_, name)| format!("{sign}{name}")).collect();
        let lead = if says_difference && !names.is_empty() { format!("{lead} ") } else { String::new() };
        items.push(lead + &names.join(" "));
    }
    items
}

/// Returns the changes as a format with space for reasons shows them. A pipe folds nothing.
fn changes(view: &View<'_>, format: Format, is_complete: bool) -> Vec<String> {
    let entries = view.entries(!is_complete || format == Format::Html);
    entries.iter().flat_map(|entry| texts(entry, format, is_complete, view.is_drift())).collect()
}

#[test]
fn the_fixture_has_one_of_everything() {
    let fixture = everything(str::to_owned);
    let (plan, drift) = (fixture.view(false), fixture.view(true));
    let kinds = |view: &View<'_>| view.findings(false).into_iter().map(|found| found[0].kind).collect();
    let all: BTreeSet<FindingKind> = BTreeSet::from_iter::<Vec<_>>(kinds(&plan))
        .union(&BTreeSet::from_iter::<Vec<_>>(kinds(&drift)))
        .copied()
        .collect();
    assert_eq!(all.len(), 14);
    let entries: Vec<Entry<'_>> = drift.entries(true).into_iter().chain(plan.entries(true)).collect();
    assert!(entries.iter().any(|entry| entry.len() == 5), "changes that differ only in their WABA");
    let shown: Vec<ShownChange> = entries.iter().map(|entry| entry.shown(false)).collect();
    let notes: Vec<NoteKind> =
        shown.iter().flat_map(|change| change.notes.iter().map(|note| note.kind)).collect();
    for kind in
        [NoteKind::Refused, NoteKind::Blocked, NoteKind::Admin, NoteKind::AdminAccess, NoteKind::LastWrite]
    {
        assert!(notes.contains(&kind), "{kind:?}");
    }
    for moved in Moved::ALL {
        assert!(notes.contains(&NoteKind::Moved(moved)), "{moved:?}");
    }
    for action in [Action::Assign, Action::Change, Action::Revoke] {
        assert!(shown.iter().any(|change| change.action == action), "{action:?}");
    }
    assert!(plan.totals().unmanaged.iter().all(|(_, number)| *number == 1));
}

#[test]
fn every_format_shows_everything() {
    let fixture = everything(str::to_owned);
    let mut missing = Vec::new();
    let grouped = |by| Style { group_by: Some(by), ..WIDE };
    let cases = [
        (Format::Text, WIDE),
        (Format::Text, PIPE),
        (Format::Text, grouped(GroupBy::User)),
        (Format::Text, grouped(GroupBy::Grant)),
        (Format::Markdown, WIDE),
        (Format::Html, WIDE),
        (Format::Github, WIDE),
        (Format::Diff, WIDE),
    ];
    for (is_drift, (format, style)) in
        [false, true].into_iter().flat_map(|drift| cases.map(|case| (drift, case)))
    {
        let view = fixture.view(is_drift);
        let is_complete = format == Format::Html || style.width.is_none();
        let mut expected = findings(&view, is_complete);
        if format != Format::Diff {
            expected.extend(totals(&view));
        }
        if !matches!(format, Format::Diff | Format::Github) {
            expected.extend(changes(&view, format, is_complete));
        }
        let text = plain(format, &shown(format, style, is_drift));
        // In Markdown, accents of a text look like those of a code span.
        let is_seen = |item: &String| match format {
            Format::Markdown => text.replace("  ", " ").contains(&item.replace('`', "")),
            Format::Text
            | Format::Json
            | Format::Diff
            | Format::Html
            | Format::Github
            | Format::Prometheus => text.contains(item),
        };
        let unseen = expected.into_iter().filter(|item| !is_seen(item));
        missing.extend(unseen.map(|item| (format, style, is_drift, item)));
    }
    assert_eq!(missing, []);
}

#[test]
fn the_most_important_changes_come_first() {
    let order = |is_drift: bool| {
        let fixture = everything(str::to_owned);
        let entries = fixture.view(is_drift).entries(true);
        let line = |entry: &Entry<'_>| {
            format!("{:?}: {} {}", entry.importance, entry.shown(false).user.name, entry.on(false))
        };
        entries.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(order(false), @r"
    Refused: reporting on acme-eu = Acme Europe (500)
    Revoked: campaign on 5 WABAs: Initech Shop (501), Initech Stores (504), Initech Care (505), and 2 more
    Revoked: old-bot on Initech Shop (501)
    Blocked: CI Admin on acme-eu = Acme Europe (500)
    Admin: support on Initech Shop (501)
    GainsControl: deploy-bot on acme-eu = Acme Europe (500)
    ");
    insta::assert_snapshot!(order(true), @r"
    Revoked: deploy-bot on acme-eu = Acme Europe (500)
    Admin: support on Initech Shop (501)
    Reduced: reporting on acme-eu = Acme Europe (500)
    Other: campaign on Initech Shop (501)
    Other: old-bot on Initech Shop (501)
    Other: campaign on 4 WABAs: Initech Stores (504), Initech Care (505), Initech Alerts (506), Initech Returns (507)
    Pending: CI Admin on acme-eu = Acme Europe (500)
    ");
}

#[test]
fn a_pipe_gets_one_change_a_line() {
    let fixture = everything(str::to_owned);
    for by in [None, Some(GroupBy::Waba), Some(GroupBy::User), Some(GroupBy::Grant)] {
        for is_drift in [false, true] {
            let view = fixture.view(is_drift);
            let text = text::plan(&view, &Style { group_by: by, ..PIPE });
            for entry in view.entries(false) {
                let items = texts(&entry, Format::Text, true, is_drift);
                let holds_all = |line: &&str| items.iter().all(|item| line.contains(item));
                assert_eq!(text.lines().filter(holds_all).count(), 1, "{:?} in\n{text}", entry.on(true));
            }
        }
    }
}

#[test]
fn text_shows_a_plan() {
    insta::assert_snapshot!(text::plan(&everything(str::to_owned).view(false), &PLAIN), @r#"
    Policy that is not the default, or changed:
      ! guards.max_removals changes from 75 to 1000000 (default: 50)
      ! ignored_users changes from not set to legacy (default: 50)
      ! prune is all (default: 50)

    ~ reporting  = Contractor Bob (13) MANAGE +VIEW_INSIGHTS -DEVELOP -NEW_TASK
        on acme-eu = Acme Europe (500)
        by grants[40] "releases" at access.yaml:40 until 2026-12-31 (OPS-3)
        by grants[41] "releases" at access.yaml:41 until 2026-12-31 (OPS-3)
        by grants[42] "releases" at access.yaml:42 until 2026-12-31 (OPS-3)
        and 2 more grants
        not granted to the user declared at access.yaml:7 (prune: declared)
        refused here by min-holders
    - campaign   -MESSAGING
        on 5 WABAs: Initech Shop (501), Initech Stores (504), Initech Care (505),
          and 2 more
        expired: grants[34] "releases" at access.yaml:34 until 2026-12-31 (OPS-4)
          (prune: declared)
    - old-bot    -MESSAGING
        on Initech Shop (501)
        the user is not declared; the WABA is declared at access.yaml:12 (prune:
          all)
    ~ CI Admin   VIEW_COST +FULL_CONTROL
        on acme-eu = Acme Europe (500)
        by grants[32] "releases" at access.yaml:32 until 2026-12-31 (OPS-2)
        apply skips this: a system user cannot raise its own tasks; let another
          admin make this change
    + support    +VIEW_COST
        on Initech Shop (501)
        by grants[35] "releases" at access.yaml:35 until 2026-12-31 (OPS-5)
        the user is an admin with full access by its role: this assignment narrows
          it to these tasks
    + deploy-bot +MANAGE +MANAGE_TEMPLATES
        on acme-eu = Acme Europe (500)
        by grants[31] "releases" at access.yaml:31 until 2026-12-31 (OPS-1)
        the user is an admin: the API might not list it even after the write

    Not managed: 6 assignments (1 person, 1 holder of another business, 1 undeclared
      system user, 1 ignored system user, 1 system user of another set, 1 user of an
      unknown kind).
      . undeclared system user legacy-import (23) on Initech Shop (501) holds MANAGE

    Left to a full apply:
      . support on acme-eu lacks MESSAGING and holds DEVELOP beyond the manifests

    Kept by prune: none:
      . support on acme-eu keeps DEVELOP

    Left the scope:
      . renamed (503): nothing is removed there; still held: deploy-bot MANAGE

    Suspended, and holds access out of scope:
      ! campaign (14): MESSAGING on Hooli (504)
        nothing is removed there: add these WABAs to the manifests, or remove the
          user in Business Settings

    Could not be read, and not planned: 1 WABA.
      ? globex (502): (#200) not permitted

    Not found, and not planned: 1 declared user.
      ? lost-bot (30) is not planned: no system user of this business has this id (2
          assignments)

    Note: Initech Shop (501): its list came back empty and nothing could confirm
        that; it is planned as empty
    Note: deploy-bot is an admin of the business: the API might not list it even
        after the write
    Note: a declared user was not found, and could be one of those that no manifest
        declares: nobody undeclared or released loses access
    Note: campaign (14) is found by its name; when the manifests were last applied,
        that was the system user 41
    Note: the manifests of --previous cannot be used, so nobody is released: they
        | are empty
    Note: the test gold belongs to Ops at access.yaml:9 fails already, and this plan
        does not make it worse: `reporting` (13) would hold NEW, and is not in
        | `only`, on `acme`

    ! old-bot loses everything on 1 WABA where no grant names it
    ! campaign loses everything on 5 WABAs where its grants have expired
    ! support is narrowed on 1 WABA where it has full access by its role as an admin
    ! reporting = Contractor Bob (13) loses tasks on 1 WABA
    ! CI Admin newly gets FULL_CONTROL on 1 WABA
    ! deploy-bot newly gets MANAGE on 1 WABA

    Waived: protected-user: reporting is protected
        for this run, by --waive protected-user=reporting
    Waived: max-removals: 60 assignments would lose tasks
        up to 120 by waivers[0] at access.yaml:7 until 2026-12-15 (OPS-4711)
    Refused: min-holders: nobody would hold DEVELOP
        to waive it for one run: --waive min-holders or --waive min-holders=acme-eu

    Partial: narrowed by --waba 'acme-*' (the rest of the scope was not judged)
    Plan: 2 to assign, 2 to change, 6 to revoke, 118 unchanged; 1 undeclared; 1 of
      them not attempted; 1 difference left to a full apply; 1 kept by prune: none;
      1 declared user was not found; 1 WABA could not be read; 1 WABA left the
      scope; 1 suspended user holds access out of scope.
    Applying it takes 22 API calls: 9 writes, and 13 reads of 6 WABAs.
    "#);
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is a list of everything")]
fn text_shows_drift() {
    insta::assert_snapshot!(text::plan(&everything(str::to_owned).view(true), &PLAIN), @r#"
    Policy that is not the default, or changed:
      ! guards.max_removals changes from 75 to 1000000 (default: 50)
      ! ignored_users changes from not set to legacy (default: 50)
      ! prune is all (default: 50)

    - deploy-bot
        lost outside the manifests: MANAGE MANAGE_TEMPLATES
        on acme-eu = Acme Europe (500)
        by grants[31] "releases" at access.yaml:31 until 2026-12-31 (OPS-1)
        the user is an admin: the API might not list it even after the write
        last written 1970-01-01 00:00 UTC as CI Admin by jenkins on build-7 to
          MANAGE failed: timed out (run run-1, write 3)
        origin: actor ann, commit 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567, pull
          request https://example.com/o/r/pull/12, pipeline run
          https://example.com/o/r/actions/runs/34, ticket OPS-1
        drift: live access changed
    - support
        lacks what the manifests give: VIEW_COST
        on Initech Shop (501)
        by grants[35] "releases" at access.yaml:35 until 2026-12-31 (OPS-5)
        the user is an admin: without an assignment it has the full access of its
          role
    ~ reporting = Contractor Bob (13)
        gained outside the manifests: DEVELOP NEW_TASK
        lost outside the manifests: VIEW_INSIGHTS
        holds as declared: MANAGE
        on acme-eu = Acme Europe (500)
        by grants[40] "releases" at access.yaml:40 until 2026-12-31 (OPS-3)
        by grants[41] "releases" at access.yaml:41 until 2026-12-31 (OPS-3)
        by grants[42] "releases" at access.yaml:42 until 2026-12-31 (OPS-3)
        and 2 more grants
        not granted to the user declared at access.yaml:7 (prune: declared)
        both live access and the manifests changed
    + campaign
        holds beyond the manifests: MESSAGING
        on Initech Shop (501)
        expired: grants[34] "releases" at access.yaml:34 until 2026-12-31 (OPS-4)
          (prune: declared)
        as before the plan: never applied here, or undone
    + old-bot
        holds beyond the manifests: MESSAGING
        on Initech Shop (501)
        the user is not declared; the WABA is declared at access.yaml:12 (prune:
          all)
        unknown which side changed
    + campaign
        holds beyond the manifests: MESSAGING
        on 4 WABAs: Initech Stores (504), Initech Care (505), Initech Alerts (506),
          | Initech Returns (507)
        expired: grants[34] "releases" at access.yaml:34 until 2026-12-31 (OPS-4)
          (prune: declared)
    ~ CI Admin
        the manifests newly give it: FULL_CONTROL
        holds as declared: VIEW_COST
        on acme-eu = Acme Europe (500)
        by grants[32] "releases" at access.yaml:32 until 2026-12-31 (OPS-2)
        in progress: the manifests changed, or a grant expired

    Not managed: 6 assignments (1 person, 1 holder of another business, 1 undeclared
      system user, 1 ignored system user, 1 system user of another set, 1 user of an
      unknown kind).
      . undeclared system user legacy-import (23) on Initech Shop (501) holds MANAGE

    Left to a full apply:
      . support on acme-eu lacks MESSAGING and holds DEVELOP beyond the manifests

    Kept by prune: none:
      . support on acme-eu keeps DEVELOP

    Left the scope:
      . renamed (503): nothing is removed there; still held: deploy-bot MANAGE

    Suspended, and holds access out of scope:
      ! campaign (14): MESSAGING on Hooli (504)
        nothing is removed there: add these WABAs to the manifests, or remove the
          user in Business Settings

    Could not be read, and not planned: 1 WABA.
      ? globex (502): (#200) not permitted

    Not found, and not planned: 1 declared user.
      ? lost-bot (30) is not planned: no system user of this business has this id (2
          assignments)

    Note: Initech Shop (501): its list came back empty and nothing could confirm
        that; it is planned as empty
    Note: deploy-bot is an admin of the business: the API might not list it even
        after the write
    Note: a declared user was not found, and could be one of those that no manifest
        declares: nobody undeclared or released loses access
    Note: campaign (14) is found by its name; when the manifests were last applied,
        that was the system user 41
    Note: the manifests of --previous cannot be used, so nobody is released: they
        | are empty

    1 grant ends soon:
      - grants[31] "releases" at access.yaml:31 until 2026-12-31 (OPS-1) for 1 user
          on 2 WABAs

    Access tests that do not pass:
      ! the test gold belongs to Ops at access.yaml:9 fails: `reporting` (13) holds
          | NEW, and is not in `only`, on `acme`

    Partial: narrowed by --waba 'acme-*' (the rest of the scope was not judged)
    Drift: 2 missing, 2 different, 6 too many, 118 as declared; 1 access test fails;
      1 undeclared; 1 of them not attempted; 1 difference left to a full apply; 1
      kept by prune: none; 1 declared user was not found; 1 WABA could not be read;
      1 WABA left the scope; 1 suspended user holds access out of scope.
    Of them: 1 where live access changed, 1 where the manifests changed, 1 where
      both changed, 1 where the plan was not applied or was undone, 1 where that is
      unknown.
    "#);
}

#[test]
fn markdown_shows_a_plan() {
    insta::assert_snapshot!(shown(Format::Markdown, WIDE, false), @r#"
    <!-- wabacl-plan -->
    ### wabacl: 2 to assign, 2 to change, 6 to revoke, 1 undeclared (refused: 1 violation)

    **Policy that is not the default, or changed:**

    - `guards.max_removals` **changes from** `75` to `1000000` (default: 50)
    - `ignored_users` **changes from** `not set` to `legacy` (default: 50)
    - `prune` is `all` (default: 50)

    **Refused by the guards:**

    - **min-holders:** `nobody would hold DEVELOP` (to waive it for one run: `--waive min-holders` or `--waive min-holders=acme-eu`)

    **Could not be read, and not planned:**

    - `globex` (502): `(#200) not permitted`

    **Not found, and not planned:**

    - `lost-bot` (30) is not planned: `no system user of this business has this id` (2 assignments)

    **Suspended, and holds access out of scope:**

    - `campaign` (14): MESSAGING on `Hooli` (504) (nothing is removed there: add these WABAs to the manifests, or remove the user in Business Settings)

    **Waived:**

    - **protected-user:** `reporting is protected` (for this run, by `--waive protected-user=reporting`)
    - **max-removals:** `60 assignments would lose tasks` (up to 120 by `waivers[0]` at `access.yaml:7` until 2026-12-15 `(OPS-4711)`)

    | why | users | WABAs | changes |
    |---|---|---|---|
    | by `grants[40]` `"releases"` at `access.yaml:40` until 2026-12-31 `(OPS-3)`<br>by `grants[41]` `"releases"` at `access.yaml:41` until 2026-12-31 `(OPS-3)`<br>by `grants[42]` `"releases"` at `access.yaml:42` until 2026-12-31 `(OPS-3)`<br>and 2 more grants<br>not granted to the user declared at `access.yaml:7` (prune: declared) | `reporting` = `Contractor Bob` (13) | `acme-eu` = `Acme Europe` (500) | ~1 |
    | expired: `grants[34]` `"releases"` at `access.yaml:34` until 2026-12-31 `(OPS-4)` (prune: declared) | `campaign` | 5 WABAs: `Initech Shop` (501), `Initech Stores` (504), `Initech Care` (505), and 2 more | −5 |
    | the user is not declared; the WABA is declared at `access.yaml:12` (prune: all) | `old-bot` | `Initech Shop` (501) | −1 |
    | by `grants[32]` `"releases"` at `access.yaml:32` until 2026-12-31 `(OPS-2)` | `CI Admin` | `acme-eu` = `Acme Europe` (500) | ~1 |
    | by `grants[35]` `"releases"` at `access.yaml:35` until 2026-12-31 `(OPS-5)` | `support` | `Initech Shop` (501) | +1 |
    | by `grants[31]` `"releases"` at `access.yaml:31` until 2026-12-31 `(OPS-1)` | `deploy-bot` | `acme-eu` = `Acme Europe` (500) | +1 |

    **Left to a full apply:**

    - `support` on `acme-eu` lacks MESSAGING and holds DEVELOP beyond the manifests

    **Kept by prune: none:**

    - `support` on `acme-eu` keeps DEVELOP

    **Left the scope:**

    - `renamed` (503): nothing is removed there; still held: `deploy-bot` MANAGE

    **Notes:**

    - `Initech Shop` (501): its list came back empty and nothing could confirm that; it is planned as empty
    - `deploy-bot` is an admin of the business: the API might not list it even after the write
    - a declared user was not found, and could be one of those that no manifest declares: nobody undeclared or released loses access
    - `campaign` (14) is found by its name; when the manifests were last applied, that was the system user 41
    - the manifests of --previous cannot be used, so nobody is released: `they are empty`
    - the test `gold belongs to Ops` at `access.yaml:9` fails already, and this plan does not make it worse: `` `reporting` (13) would hold NEW, and is not in `only`, on `acme` ``

    **Partial:**

    - narrowed by --waba `'acme-*'` (the rest of the scope was not judged)

    **Highlights:**

    - `old-bot` **loses everything** on 1 WABA where no grant names it
    - `campaign` **loses everything** on 5 WABAs where its grants have expired
    - `support` **is narrowed** on 1 WABA where it has full access by its role as an admin
    - `reporting` = `Contractor Bob` (13) **loses tasks** on 1 WABA
    - `CI Admin` **newly gets FULL_CONTROL** on 1 WABA
    - `deploy-bot` **newly gets MANAGE** on 1 WABA

    Not managed: 6 assignments (1 person, 1 holder of another business, 1 undeclared system user, 1 ignored system user, 1 system user of another set, 1 user of an unknown kind).

    - undeclared system user `legacy-import` (23) on `Initech Shop` (501) holds MANAGE

    <details><summary>by <code>grants[40]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:40</code> until 2026-12-31 <code>(OPS-3)</code>; by <code>grants[41]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:41</code> until 2026-12-31 <code>(OPS-3)</code>; by <code>grants[42]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:42</code> until 2026-12-31 <code>(OPS-3)</code>; and 2 more grants; not granted to the user declared at <code>access.yaml:7</code> (prune: declared): ~1</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | ~ | `reporting` = `Contractor Bob` (13) | `MANAGE` **+`VIEW_INSIGHTS`** ~~−`DEVELOP`~~ ~~−`NEW_TASK`~~ | `acme-eu` = `Acme Europe` (500) | refused here by min-holders |

    </details>

    <details><summary>expired: <code>grants[34]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:34</code> until 2026-12-31 <code>(OPS-4)</code> (prune: declared): −5</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | − | `campaign` | ~~−`MESSAGING`~~ | 5 WABAs: `Initech Shop` (501), `Initech Stores` (504), `Initech Care` (505), and 2 more |  |

    </details>

    <details><summary>the user is not declared; the WABA is declared at <code>access.yaml:12</code> (prune: all): −1</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | − | `old-bot` | ~~−`MESSAGING`~~ | `Initech Shop` (501) |  |

    </details>

    <details><summary>by <code>grants[32]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:32</code> until 2026-12-31 <code>(OPS-2)</code>: ~1</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | ~ | `CI Admin` | `VIEW_COST` **+`FULL_CONTROL`** | `acme-eu` = `Acme Europe` (500) | apply skips this: a system user cannot raise its own tasks; let another admin make this change |

    </details>

    <details><summary>by <code>grants[35]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:35</code> until 2026-12-31 <code>(OPS-5)</code>: +1</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | + | `support` | **+`VIEW_COST`** | `Initech Shop` (501) | the user is an admin with full access by its role: this assignment narrows it to these tasks |

    </details>

    <details><summary>by <code>grants[31]</code> <code>&quot;releases&quot;</code> at <code>access.yaml:31</code> until 2026-12-31 <code>(OPS-1)</code>: +1</summary>

    | | user | tasks | on | why |
    |---|---|---|---|---|
    | + | `deploy-bot` | **+`MANAGE`** **+`MANAGE_TEMPLATES`** | `acme-eu` = `Acme Europe` (500) | the user is an admin: the API might not list it even after the write |

    </details>

    <details><summary>Explain one of these</summary>

    - `wabacl explain reporting acme-eu`
    - `wabacl explain campaign 'Initech Shop'`
    - `wabacl explain old-bot 'Initech Shop'`
    - `wabacl explain 'CI Admin' acme-eu`
    - `wabacl explain support 'Initech Shop'`
    - `wabacl explain deploy-bot acme-eu`
    - `wabacl explain legacy-import 'Initech Shop'`

    </details>

    Plan: 2 to assign, 2 to change, 6 to revoke, 118 unchanged; 1 undeclared; 1 of them not attempted; 1 difference left to a full apply; 1 kept by prune: none; 1 declared user was not found; 1 WABA could not be read; 1 WABA left the scope; 1 suspended user holds access out of scope.

    Applying it takes 22 API calls: 9 writes, and 13 reads of 6 WABAs.
    "#);
}

#[test]
fn commands_show_a_plan() {
    insta::assert_snapshot!(shown(Format::Github, WIDE, false), @r"
    ::notice title=policy::guards.max_removals changes from 75 to 1000000 (default: 50)%0Aignored_users changes from not set to legacy (default: 50)%0Aprune is all (default: 50)
    ::error file=infra/access.yaml,line=7,col=5,title=min-holders::Refused by the guards: nobody would hold DEVELOP%0Ato waive it for one run: --waive min-holders or --waive min-holders=acme-eu
    ::warning title=unreadable::Could not be read, and not planned: globex (502): (#200) not permitted
    ::warning file=infra/access.yaml,line=8,col=5,title=unresolved::Not found, and not planned: lost-bot (30) is not planned: no system user of this business has this id (2 assignments)
    ::warning title=out-of-scope::Suspended, and holds access out of scope: campaign (14): MESSAGING on Hooli (504)%0Anothing is removed there: add these WABAs to the manifests, or remove the user in Business Settings
    ::warning file=infra/access.yaml,line=7,col=5,title=protected-user::Waived: reporting is protected%0Afor this run, by --waive protected-user=reporting
    ::warning file=infra/access.yaml,line=7,col=5,title=max-removals::Waived: 60 assignments would lose tasks%0Aup to 120 by waivers[0] at access.yaml:7 until 2026-12-15 (OPS-4711)
    ::notice title=deferred::support on acme-eu lacks MESSAGING and holds DEVELOP beyond the manifests
    ::notice title=kept::support on acme-eu keeps DEVELOP
    ::notice title=left-scope::renamed (503): nothing is removed there; still held: deploy-bot MANAGE
    ::notice title=notice::Initech Shop (501): its list came back empty and nothing could confirm that; it is planned as empty%0Adeploy-bot is an admin of the business: the API might not list it even after the write%0Aa declared user was not found, and could be one of those that no manifest declares: nobody undeclared or released loses access%0Acampaign (14) is found by its name; when the manifests were last applied, that was the system user 41%0Athe manifests of --previous cannot be used, so nobody is released: they are empty%0Athe test gold belongs to Ops at access.yaml:9 fails already, and this plan does not make it worse: `reporting` (13) would hold NEW, and is not in `only`, on `acme`
    ::notice title=partial::narrowed by --waba 'acme-*' (the rest of the scope was not judged)
    ::notice title=highlights::old-bot loses everything on 1 WABA where no grant names it%0Acampaign loses everything on 5 WABAs where its grants have expired%0Asupport is narrowed on 1 WABA where it has full access by its role as an admin%0Areporting = Contractor Bob (13) loses tasks on 1 WABA%0ACI Admin newly gets FULL_CONTROL on 1 WABA%0Adeploy-bot newly gets MANAGE on 1 WABA
    ::notice title=unmanaged::Not managed: 6 assignments (1 person, 1 holder of another business, 1 undeclared system user, 1 ignored system user, 1 system user of another set, 1 user of an unknown kind).%0Aundeclared system user legacy-import (23) on Initech Shop (501) holds MANAGE
    ::notice title=plan::Plan: 2 to assign, 2 to change, 6 to revoke, 118 unchanged; 1 undeclared; 1 of them not attempted; 1 difference left to a full apply; 1 kept by prune: none; 1 declared user was not found; 1 WABA could not be read; 1 WABA left the scope; 1 suspended user holds access out of scope.%0AApplying it takes 22 API calls: 9 writes, and 13 reads of 6 WABAs.
    ");
}

#[test]
fn commands_show_drift() {
    insta::assert_snapshot!(shown(Format::Github, WIDE, true), @r#"
    ::notice title=policy::guards.max_removals changes from 75 to 1000000 (default: 50)%0Aignored_users changes from not set to legacy (default: 50)%0Aprune is all (default: 50)
    ::error file=infra/access.yaml,line=9,col=5,title=access-test::Access tests that do not pass: the test gold belongs to Ops at access.yaml:9 fails: `reporting` (13) holds NEW, and is not in `only`, on `acme`
    ::warning title=unreadable::Could not be read, and not planned: globex (502): (#200) not permitted
    ::warning file=infra/access.yaml,line=8,col=5,title=unresolved::Not found, and not planned: lost-bot (30) is not planned: no system user of this business has this id (2 assignments)
    ::warning title=out-of-scope::Suspended, and holds access out of scope: campaign (14): MESSAGING on Hooli (504)%0Anothing is removed there: add these WABAs to the manifests, or remove the user in Business Settings
    ::notice title=deferred::support on acme-eu lacks MESSAGING and holds DEVELOP beyond the manifests
    ::notice title=kept::support on acme-eu keeps DEVELOP
    ::notice title=left-scope::renamed (503): nothing is removed there; still held: deploy-bot MANAGE
    ::notice title=notice::Initech Shop (501): its list came back empty and nothing could confirm that; it is planned as empty%0Adeploy-bot is an admin of the business: the API might not list it even after the write%0Aa declared user was not found, and could be one of those that no manifest declares: nobody undeclared or released loses access%0Acampaign (14) is found by its name; when the manifests were last applied, that was the system user 41%0Athe manifests of --previous cannot be used, so nobody is released: they are empty
    ::notice title=partial::narrowed by --waba 'acme-*' (the rest of the scope was not judged)
    ::warning file=infra/access.yaml,line=31,col=5,title=expiring-grant::Grants that end soon: grants[31] "releases" at access.yaml:31 until 2026-12-31 (OPS-1) for 1 user on 2 WABAs
    ::notice title=unmanaged::Not managed: 6 assignments (1 person, 1 holder of another business, 1 undeclared system user, 1 ignored system user, 1 system user of another set, 1 user of an unknown kind).%0Aundeclared system user legacy-import (23) on Initech Shop (501) holds MANAGE
    ::notice title=plan::Drift: 2 missing, 2 different, 6 too many, 118 as declared; 1 access test fails; 1 undeclared; 1 of them not attempted; 1 difference left to a full apply; 1 kept by prune: none; 1 declared user was not found; 1 WABA could not be read; 1 WABA left the scope; 1 suspended user holds access out of scope.%0AOf them: 1 where live access changed, 1 where the manifests changed, 1 where both changed, 1 where the plan was not applied or was undone, 1 where that is unknown.
    "#);
}

#[test]
fn a_diff_shows_a_plan() {
    insta::assert_snapshot!(shown(Format::Diff, WIDE, false), @r#"
    # Policy that is not the default, or changed: guards.max_removals changes from 75 to 1000000 (default: 50)
    # Policy that is not the default, or changed: ignored_users changes from not set to legacy (default: 50)
    # Policy that is not the default, or changed: prune is all (default: 50)
    # Refused by the guards: min-holders: nobody would hold DEVELOP
    #     to waive it for one run: --waive min-holders or --waive min-holders=acme-eu
    # Could not be read, and not planned: globex (502): (#200) not permitted
    # Not found, and not planned: lost-bot (30) is not planned: no system user of this business has this id (2 assignments)
    # Suspended, and holds access out of scope: campaign (14): MESSAGING on Hooli (504)
    #     nothing is removed there: add these WABAs to the manifests, or remove the user in Business Settings
    # Waived: protected-user: reporting is protected
    #     for this run, by --waive protected-user=reporting
    # Waived: max-removals: 60 assignments would lose tasks
    #     up to 120 by waivers[0] at access.yaml:7 until 2026-12-15 (OPS-4711)
    # Left to a full apply: support on acme-eu lacks MESSAGING and holds DEVELOP beyond the manifests
    # Kept by prune: none: support on acme-eu keeps DEVELOP
    # Left the scope: renamed (503): nothing is removed there; still held: deploy-bot MANAGE
    # Notes: Initech Shop (501): its list came back empty and nothing could confirm that; it is planned as empty
    # Notes: deploy-bot is an admin of the business: the API might not list it even after the write
    # Notes: a declared user was not found, and could be one of those that no manifest declares: nobody undeclared or released loses access
    # Notes: campaign (14) is found by its name; when the manifests were last applied, that was the system user 41
    # Notes: the manifests of --previous cannot be used, so nobody is released: they are empty
    # Notes: the test gold belongs to Ops at access.yaml:9 fails already, and this plan does not make it worse: `reporting` (13) would hold NEW, and is not in `only`, on `acme`
    # Partial: narrowed by --waba 'acme-*' (the rest of the scope was not judged)
    # Highlights: old-bot loses everything on 1 WABA where no grant names it
    # Highlights: campaign loses everything on 5 WABAs where its grants have expired
    # Highlights: support is narrowed on 1 WABA where it has full access by its role as an admin
    # Highlights: reporting = Contractor Bob (13) loses tasks on 1 WABA
    # Highlights: CI Admin newly gets FULL_CONTROL on 1 WABA
    # Highlights: deploy-bot newly gets MANAGE on 1 WABA
    --- live.yaml
    +++ desired.yaml
    @@ -1,14 +1,10 @@
     "acme-eu (500)":
    +  "deploy-bot (11)": [MANAGE, MANAGE_TEMPLATES]
    -  "CI Admin (12)": [VIEW_COST]
    +  "CI Admin (12)": [FULL_CONTROL, VIEW_COST]
    -  "reporting (13)": [DEVELOP, MANAGE, NEW_TASK]
    +  "reporting (13)": [MANAGE, VIEW_INSIGHTS]
     "Initech Shop (501)":
    -  "campaign (14)": [MESSAGING]
    -  "old-bot (15)": [MESSAGING]
    +  "support (16)": [VIEW_COST]
     "Initech Stores (504)":
    -  "campaign (14)": [MESSAGING]
     "Initech Care (505)":
    -  "campaign (14)": [MESSAGING]
     "Initech Alerts (506)":
    -  "campaign (14)": [MESSAGING]
     "Initech Returns (507)":
    -  "campaign (14)": [MESSAGING]
    "#);
}

#[test]
fn metrics_show_drift() {
    insta::assert_snapshot!(shown(Format::Prometheus, WIDE, true), @r#"
    # HELP wabacl_drift_changes Assignments that differ from the manifests, by the action that an apply would take.
    # TYPE wabacl_drift_changes gauge
    wabacl_drift_changes{business="98",action="assign"} 2
    wabacl_drift_changes{business="98",action="change"} 2
    wabacl_drift_changes{business="98",action="revoke"} 6
    # HELP wabacl_drift_moved Assignments that differ from the manifests, by the side that changed.
    # TYPE wabacl_drift_moved gauge
    wabacl_drift_moved{business="98",moved="live"} 1
    wabacl_drift_moved{business="98",moved="manifests"} 1
    wabacl_drift_moved{business="98",moved="both"} 1
    wabacl_drift_moved{business="98",moved="undone"} 1
    wabacl_drift_moved{business="98",moved="unknown"} 1
    # HELP wabacl_drift_unmanaged_assignments Live assignments in scope that are not managed, by the reason.
    # TYPE wabacl_drift_unmanaged_assignments gauge
    wabacl_drift_unmanaged_assignments{business="98",why="person"} 1
    wabacl_drift_unmanaged_assignments{business="98",why="other-business"} 1
    wabacl_drift_unmanaged_assignments{business="98",why="undeclared"} 1
    wabacl_drift_unmanaged_assignments{business="98",why="ignored"} 1
    wabacl_drift_unmanaged_assignments{business="98",why="other-set"} 1
    wabacl_drift_unmanaged_assignments{business="98",why="unknown"} 1
    # HELP wabacl_drift_unchanged_assignments Live assignments in scope that match the manifests.
    # TYPE wabacl_drift_unchanged_assignments gauge
    wabacl_drift_unchanged_assignments{business="98"} 118
    # HELP wabacl_drift_unreadable_wabas WABAs in scope that could not be read.
    # TYPE wabacl_drift_unreadable_wabas gauge
    wabacl_drift_unreadable_wabas{business="98"} 1
    # HELP wabacl_drift_undeclared_assignments Live assignments in scope of system users that no manifest declares, unless that is accepted.
    # TYPE wabacl_drift_undeclared_assignments gauge
    wabacl_drift_undeclared_assignments{business="98"} 1
    # HELP wabacl_drift_kept_assignments Live assignments in scope with tasks that only `prune: none` keeps.
    # TYPE wabacl_drift_kept_assignments gauge
    wabacl_drift_kept_assignments{business="98"} 1
    # HELP wabacl_drift_unresolved_users Declared users that were not found.
    # TYPE wabacl_drift_unresolved_users gauge
    wabacl_drift_unresolved_users{business="98"} 1
    # HELP wabacl_drift_out_of_scope_users Suspended users that hold something out of scope, or of which that could not be read.
    # TYPE wabacl_drift_out_of_scope_users gauge
    wabacl_drift_out_of_scope_users{business="98"} 1
    # HELP wabacl_drift_failed_tests Access tests that fail live.
    # TYPE wabacl_drift_failed_tests gauge
    wabacl_drift_failed_tests{business="98"} 1
    # HELP wabacl_drift_expiring_grants Grants that end soon.
    # TYPE wabacl_drift_expiring_grants gauge
    wabacl_drift_expiring_grants{business="98"} 1
    # HELP wabacl_drift_last_run_timestamp_seconds Time of the last run.
    # TYPE wabacl_drift_last_run_timestamp_seconds gauge
    wabacl_drift_last_run_timestamp_seconds{business="98"} 0
    "#);
}
