//! A report on access as one HTML page: the cover, the access matrix with the reason and the history of each cell, and the tables
//! of changes and differences.
//!
//! The page loads nothing, and its content security policy allows no script but its own. Its data is JSON in which a text, a set
//! of tasks or a reason that recurs stands once; the script draws what is in view. Every text is escaped here, and the script
//! never makes markup of one.

use super::{SHORT, STYLE, hash, short};
use crate::documents::json;
use crate::documents::words::{HolderKindWord, ProofWord, StandingWord};
use crate::model::{RecordedRun, RecordedWrite, ReviewState, RowReview, TaskSet, UserId, WabaId};
use crate::query::{AccessReport, Holding, Named, proof};
use crate::render::cover::{cover, gap_text};
use crate::render::table::ReportTable;
use crate::render::table::sheet::{ReportSheet, TableCell};
use crate::render::{SourceLinks, escape_html, harmless, wording};
use crate::text::is_web_address;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::io;

const REPORT_STYLE: &str = include_str!("report.css");
const SCRIPT: &str = concat!(include_str!("matrix.js"), include_str!("report.js"));

/// The last writes of an assignment that the page has. A guess: earlier ones are in the journal, and hardly ever asked about.
const WRITES: usize = 5;

/// The columns of changes and differences that the page shows; the other formats have all of them.
const CHANGES: [&str; 11] =
    ["at", "action", "waba", "user", "gained", "lost", "why", "proof", "actor", "pull_request", "run"];
const DIFFERENCES: [&str; 10] = [
    "waba",
    "user",
    "holder",
    "gained",
    "lost",
    "explained",
    "gained_outside",
    "lost_outside",
    "outside_before",
    "runs",
];

/// What the script reads.
#[derive(Serialize)]
struct PageData {
    /// The tasks that somebody holds: abbreviation and name.
    tasks: Vec<(String, String)>,
    /// The sets of tasks, as indices of `tasks`.
    sets: Vec<Vec<u32>>,
    /// Name, live name and id of each WABA.
    wabas: Vec<[String; 3]>,
    /// Of each user: name, live name, id, kind, standing.
    users: Vec<[String; 5]>,
    /// The grants and exceptions: what to show, the place, its address, reason and end.
    grants: Vec<[String; 5]>,
    /// What many holders have in common: the set, the flags, the grants, and the text about the review.
    kinds: Vec<(u32, u32, Vec<u32>, u32)>,
    /// The holders on each WABA: user and kind, one after the other.
    rows: Vec<Vec<u32>>,
    /// The runs: id, actor, approver, commit, pull request with its address, address of the pipeline's run.
    runs: Vec<[String; 7]>,
    /// What many writes have in common: run, set before, set after, proof, reason.
    writes: Vec<(u32, u32, u32, u32, u32)>,
    /// The last writes on each WABA, newest first: user, write, and seconds since 1970, one after the other.
    history: Vec<Vec<i64>>,
    /// The texts of proofs, reasons and reviews.
    texts: Vec<String>,
    /// The tables of changes and differences.
    tables: Vec<PageTable>,
}

/// A table that is shown as it is.
#[derive(Serialize)]
struct PageTable {
    id: &'static str,
    columns: Vec<&'static str>,
    /// The texts of its cells, each once.
    texts: Vec<String>,
    /// The rows, as indices of `texts`.
    rows: Vec<Vec<u32>>,
}

/// The flags of a holder; the script has the same.
mod flag {
    pub(super) const MANAGED: u32 = 1;
    pub(super) const PRIVILEGED: u32 = 2;
    pub(super) const GRANTED: u32 = 4;
    pub(super) const EXCEPTED: u32 = 8;
    pub(super) const BY_ROLE: u32 = 16;
    pub(super) const OWN: u32 = 32;
    pub(super) const REVIEWED: u32 = 64;
    pub(super) const CHANGED_SINCE: u32 = 128;
}

/// Numbers values, each different one once.
struct Numbered<T> {
    numbers: BTreeMap<T, u32>,
    values: Vec<T>,
}

impl<T: Ord + Clone + Hash> Numbered<T> {
    fn new() -> Self {
        Self { numbers: BTreeMap::new(), values: Vec::new() }
    }

    fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        number
    }
}

/// Writes a report as a page. `links` are where the lines of manifests can be seen, if that is known.
///
/// # Errors
///
/// If the sink fails.
pub fn access_report(
    report: &AccessReport<'_>,
    links: Option<&SourceLinks>,
    mut to: impl io::Write,
) -> io::Result<()> {
    let business = report.basis.evidence.desired.business;
    let style = format!("{STYLE}{REPORT_STYLE}");
    write!(
        to,
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src {}; script-src {}; \
         base-uri 'none'; form-action 'none'\">\
         <meta name=viewport content=\"width=device-width, initial-scale=1\"><meta name=referrer content=no-referrer>\
         <title>Access report: business {business}</title><style>{style}</style></head><body>\
         <a class=skip href=#access>To the access matrix</a><header><h1>Access report</h1>\
         <p class=meta>Business {business}, read <time>{}</time>.</p>",
        hash(&style),
        hash(SCRIPT),
        report.basis.created_at
    )?;
    numbers(report, &mut to)?;
    write!(to, "</header><main>")?;
    gaps(report, &mut to)?;
    cover_table(report, &mut to)?;
    to.write_all(VIEWS.as_bytes())?;
    for (table, title) in [(ReportTable::Differences, "Differences"), (ReportTable::Changes, "Changes")] {
        if let Some(sheet) = report.sheet(table) {
            let id = sheet.name.to_lowercase();
            write!(
                to,
                "<section aria-labelledby={id}><h2 id={id}>{title}</h2><div class=scroll role=region aria-labelledby={id} \
                 tabindex=0><table class=list id={id}-list></table></div><p class=meta id={id}-count></p></section>"
            )?;
        }
    }
    write!(to, "</main><script type=application/json id=data>")?;
    let mut text = Vec::new();
    json::write(&data(report, links), &mut text)?;
    // JSON has `<` only in strings. Without it, no text ends the element or begins a comment.
    let text = String::from_utf8_lossy(&text).replace('<', "\\u003c");
    to.write_all(text.as_bytes())?;
    writeln!(
        to,
        "</script><footer>Made by wabacl {} at {}. Manifests: <code>{}</code></footer><script>{SCRIPT}</script></body></html>",
        env!("CARGO_PKG_VERSION"),
        report.basis.created_at,
        escape_html(report.basis.manifest_digest)
    )
}

/// The filters and the views, which the script fills.
const VIEWS: &str = "<noscript><p class=\"box bad\">This page needs JavaScript to show access. \
    <code>wabacl report --format csv</code> has the same as a table.</p></noscript>\
    <section class=controls aria-label=Filters>\
    <label>WABA <input id=waba type=search autocomplete=off></label>\
    <label>User <input id=user type=search autocomplete=off></label>\
    <label>Task <select id=task><option value=\"\">any</select></label>\
    <label>Kind <select id=kind><option value=\"\">any</select></label>\
    <label>Show <select id=show><option value=\"\">everything<option value=managed>managed<option value=unmanaged>not managed\
    <option value=privileged>privileged<option value=ungranted>not granted<option value=excepted>with an exception\
    <option value=unreviewed>not reviewed as it is</select></label>\
    <label>View <select id=view><option value=matrix>matrix<option value=users>by user<option value=wabas>by WABA</select></label>\
    <button type=button id=reset>Show all</button><p id=count role=status></p></section>\
    <section id=matrix-section aria-labelledby=access><h2 id=access>Access</h2><p class=meta>Bold is admin access. Shaded is what the manifests do not manage, or do not grant. Underlined is \
    what an exception gives. A cell shows its reason and its history below.</p><ul class=legend id=legend></ul>\
    <div class=scroll id=scroller role=region aria-labelledby=access tabindex=-1><table class=matrix id=matrix><thead><tr></tr></thead>\
    <tbody></tbody></table></div><div id=tree hidden></div><p class=more id=more></p><div id=detail aria-live=polite></div></section>";

fn numbers(report: &AccessReport<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let counts = report.counts();
    write!(to, "<dl class=numbers>")?;
    for (number, label) in [
        (counts.wabas_read, "WABAs read"),
        (counts.wabas_unreadable, "could not be read"),
        (counts.holders, "holders on WABAs"),
        (counts.managed, "managed"),
        (counts.unmanaged, "not managed"),
        (counts.privileged, "privileged"),
        (counts.granted, "only what is granted"),
    ] {
        write!(to, "<div><dt>{label}</dt><dd>{number}</dd></div>")?;
    }
    write!(to, "</dl>")
}

fn gaps(report: &AccessReport<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let gaps = report.gaps();
    if gaps.is_empty() {
        return Ok(());
    }
    write!(to, "<section aria-label=Findings><div class=\"box bad\"><h3>Could not be read</h3><ul>")?;
    for gap in gaps {
        let (what, why) = gap_text(report, gap);
        write!(to, "<li>{}: {}", escape_html(&what), escape_html(&why))?;
    }
    write!(to, "</ul></div></section>")
}

fn cover_table(report: &AccessReport<'_>, to: &mut impl io::Write) -> io::Result<()> {
    write!(
        to,
        "<section><details class=cover><summary>Cover: scope, time, source, and numbers</summary><table>"
    )?;
    for line in cover(report) {
        let label = escape_html(&line.label);
        match &line.value {
            None => write!(to, "<tr><th scope=rowgroup colspan=2>{label}</th></tr>")?,
            Some(value) => {
                let value = escape_html(&value.shown());
                write!(to, "<tr><th scope=row>{label}</th><td>{value}</td></tr>")?;
            }
        }
    }
    write!(to, "</table></details></section>")
}

/// Collects what the script reads.
struct DataCollector<'r, 'a> {
    report: &'r AccessReport<'a>,
    users: BTreeMap<UserId, u32>,
    user_rows: Vec<[String; 5]>,
    sets: Numbered<Vec<String>>,
    kinds: Numbered<(u32, u32, Vec<u32>, u32)>,
    texts: Numbered<String>,
    writes: Numbered<(u32, u32, u32, u32, u32)>,
    runs: BTreeMap<&'a str, u32>,
    run_rows: Vec<[String; 7]>,
}

fn data(report: &AccessReport<'_>, links: Option<&SourceLinks>) -> PageData {
    let mut collector = DataCollector {
        report,
        users: BTreeMap::new(),
        user_rows: Vec::new(),
        sets: Numbered::new(),
        kinds: Numbered::new(),
        texts: Numbered::new(),
        writes: Numbered::new(),
        runs: BTreeMap::new(),
        run_rows: Vec::new(),
    };
    let evidence = report.basis.evidence;
    let wabas: Vec<WabaId> = evidence.desired.scope.wabas.keys().copied().collect();
    let wabas: Vec<WabaId> =
        wabas.into_iter().filter(|waba| !report.answer.unreadable.contains_key(waba)).collect();
    let mut rows = vec![Vec::new(); wabas.len()];
    for holding in &report.answer.holders {
        if let Ok(at) = wabas.binary_search(&holding.key.waba) {
            let (user, kind) = (collector.user(holding), collector.kind(holding));
            rows[at].extend([user, kind]);
        }
    }
    let history = collector.history(&wabas);
    let (tasks, sets) = numbered_tasks(&collector.sets.values);
    let sheets = [ReportTable::Differences, ReportTable::Changes].map(|table| report.sheet(table));
    PageData {
        tasks,
        sets,
        wabas: wabas.iter().map(|waba| object(evidence.waba_name(*waba), waba)).collect(),
        users: collector.user_rows,
        grants: grants(report, links),
        kinds: collector.kinds.values,
        rows,
        runs: collector.run_rows,
        writes: collector.writes.values,
        history,
        texts: collector.texts.values,
        tables: sheets.into_iter().flatten().map(table).collect(),
    }
}

/// Returns name, live name and id.
fn object(named: Named<'_>, id: &impl ToString) -> [String; 3] {
    let name = |name: Option<&crate::model::Name>| name.map(|name| harmless(name.as_str()));
    let shown = name(named.name).filter(|name| !name.is_empty());
    [shown.unwrap_or_default(), name(named.live_name).unwrap_or_default(), id.to_string()]
}

/// Returns the tasks of all sets, those with an abbreviation first, and the sets as their indices.
fn numbered_tasks(sets: &[Vec<String>]) -> (Vec<(String, String)>, Vec<Vec<u32>>) {
    let held: BTreeSet<&String> = sets.iter().flatten().collect();
    let place = |name: &str| SHORT.iter().position(|(task, _)| task.name() == name).unwrap_or(SHORT.len());
    let mut names: Vec<&String> = held.into_iter().collect();
    names.sort_by_key(|name| (place(name), name.as_str()));
    let number = |name: &String| {
        u32::try_from(names.iter().position(|other| *other == name).unwrap_or_default()).unwrap_or_default()
    };
    let sets = sets.iter().map(|set| set.iter().map(number).collect()).collect();
    (names.iter().map(|name| (harmless(&short(name)), harmless(name))).collect(), sets)
}

/// Returns the grants and exceptions of the manifests, by their index.
fn grants(report: &AccessReport<'_>, links: Option<&SourceLinks>) -> Vec<[String; 5]> {
    let grants = report.basis.evidence.desired.grants.iter().map(|entry| &entry.source);
    let shown = grants.map(|grant| {
        let path = report.basis.sources.path(grant.at.source);
        let name = grant.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        [
            harmless(&format!("{}{name}", grant.path)),
            harmless(&format!("{path}:{}", grant.at.line)),
            links.and_then(|links| links.line(path, grant.at.line)).unwrap_or_default(),
            grant.reason.as_ref().map(|reason| harmless(reason.as_str())).unwrap_or_default(),
            grant.until.map(|until| until.to_string()).unwrap_or_default(),
        ]
    });
    shown.collect()
}

impl<'a> DataCollector<'_, 'a> {
    fn user(&mut self, holding: &Holding<'_>) -> u32 {
        let id = holding.key.user;
        if let Some(number) = self.users.get(&id) {
            return *number;
        }
        let number = u32::try_from(self.user_rows.len()).unwrap_or(u32::MAX);
        self.users.insert(id, number);
        let [name, live, id] = object(self.report.basis.evidence.user_name(holding.key), &id);
        let kind = TableCell::of_word(HolderKindWord::of(holding.standing));
        self.user_rows.push([name, live, id, kind, TableCell::of_word(StandingWord::from(holding.standing))]);
        number
    }

    fn set(&mut self, tasks: &TaskSet) -> u32 {
        self.sets.number(&tasks.names().map(str::to_owned).collect())
    }

    fn kind(&mut self, holding: &Holding<'_>) -> u32 {
        let report = self.report;
        let review = report.review(holding);
        let flags = [
            (report.is_managed(holding), flag::MANAGED),
            (report.is_privileged(holding), flag::PRIVILEGED),
            (report.is_granted(holding), flag::GRANTED),
            (report.is_excepted(holding), flag::EXCEPTED),
            (holding.by_role, flag::BY_ROLE),
            (holding.own, flag::OWN),
            (review.is_some_and(|review| review.state != ReviewState::ChangedSince), flag::REVIEWED),
            (review.is_some_and(|review| review.state == ReviewState::ChangedSince), flag::CHANGED_SINCE),
        ];
        let flags = flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).sum();
        let set = self.set(holding.tasks);
        let text = self.texts.number(&review.map_or_else(|| NEVER.to_owned(), reviewed));
        self.kinds.number(&(set, flags, holding.given_by.clone(), text))
    }

    fn run(&mut self, run: &'a RecordedRun) -> u32 {
        if let Some(number) = self.runs.get(run.id.as_str()) {
            return *number;
        }
        let number = u32::try_from(self.run_rows.len()).unwrap_or(u32::MAX);
        self.runs.insert(run.id.as_str(), number);
        let origin =
            |key: &str| run.origin.get(key).map(|value| harmless(value.as_str())).unwrap_or_default();
        let address = |key: &str| {
            let value = run.origin.get(key).map(crate::model::Name::as_str).unwrap_or_default();
            if is_web_address(value) { value.to_owned() } else { String::new() }
        };
        let acting = || run.acting_user.as_ref().map(|(_, name)| harmless(name.as_str())).unwrap_or_default();
        let actor = Some(origin("actor")).filter(|actor| !actor.is_empty()).unwrap_or_else(acting);
        self.run_rows.push([
            harmless(run.id.as_str()),
            actor,
            origin("approver"),
            origin("commit"),
            origin("pull_request"),
            address("pull_request"),
            address("run_url"),
        ]);
        number
    }

    /// Returns the last writes of the users on each WABA, newest first.
    fn history(&mut self, wabas: &[WabaId]) -> Vec<Vec<i64>> {
        let journal = self.report.basis.journal.history;
        let mut by_waba: Vec<Vec<(&'a RecordedRun, &'a RecordedWrite)>> = vec![Vec::new(); wabas.len()];
        for run in &journal.runs {
            for write in &run.writes {
                if let Ok(at) = wabas.binary_search(&write.key.waba) {
                    by_waba[at].push((run, write));
                }
            }
        }
        let mut history = Vec::with_capacity(wabas.len());
        for mut writes in by_waba {
            writes.sort_by_key(|(_, write)| std::cmp::Reverse(write.at));
            let (mut shown, mut of_user) = (Vec::new(), BTreeMap::new());
            for (run, write) in writes {
                let Some(user) = self.users.get(&write.key.user).copied() else { continue };
                let number: &mut usize = of_user.entry(user).or_default();
                *number += 1;
                if *number <= WRITES {
                    let write_kind = self.write(run, write);
                    shown.extend([i64::from(user), i64::from(write_kind), write.at.as_second()]);
                }
            }
            history.push(shown);
        }
        history
    }

    fn write(&mut self, run: &'a RecordedRun, write: &RecordedWrite) -> u32 {
        let reasons = wording::reasons(&write.because, &self.report.basis.journal.history.sources, false, 1);
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        let kind = (
            self.run(run),
            self.set(&write.before),
            self.set(&write.after),
            self.texts.number(&TableCell::of_word(ProofWord::from(proof(write)))),
            self.texts.number(&harmless(&reasons.join("; "))),
        );
        self.writes.number(&kind)
    }
}

/// What the page says of a holder that no review is about.
const NEVER: &str = "never reviewed";

/// Describes the last review about a holder.
fn reviewed(review: &RowReview) -> String {
    let RowReview { state, reviewer, taken_at, note } = review;
    let what = match state {
        ReviewState::Keep => "to keep, as it is",
        ReviewState::End => "to end",
        ReviewState::ChangedSince => "changed since the review",
    };
    let (reviewer, note) = (reviewer.as_str(), note.as_str());
    let note = if note.is_empty() { String::new() } else { format!(": {note}") };
    harmless(&format!("{what}, by {reviewer} at {taken_at}{note}"))
}

/// Returns the columns of a table that the page shows.
fn table(sheet: ReportSheet<'_>) -> PageTable {
    let (id, shown): (&'static str, &[&str]) =
        if sheet.name == "Changes" { ("changes", &CHANGES) } else { ("differences", &DIFFERENCES) };
    let places: Vec<usize> =
        shown.iter().filter_map(|name| sheet.columns.iter().position(|(column, _)| column == name)).collect();
    let mut texts = Numbered::new();
    let cells = |row: Vec<TableCell>, texts: &mut Numbered<String>| {
        places.iter().map(|place| texts.number(&row[*place].shown().into_owned())).collect()
    };
    let rows = sheet.rows.map(|row| cells(row, &mut texts)).collect();
    let columns = places.iter().map(|place| sheet.columns[*place].0).collect();
    PageTable { id, columns, texts: texts.values, rows }
}
