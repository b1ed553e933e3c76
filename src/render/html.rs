//! A plan or drift as one HTML page: the findings, the changes with their reasons, and who holds which tasks.
//!
//! The page loads nothing, and its content security policy allows no script but its own. What can be long is a plain table or
//! list inside of `<noscript>`, with a row on each line: without the script it is shown, and the script takes its text as
//! data and draws the rows in view. So a page of 10,000 WABAs opens at once.

use super::sentence::{Sentence, SentencePart};
use super::view::{Entry, Finding, FindingKind, NamedObject, TaskDiff, TaskMark, View};
use super::{SourceLinks, escape_html};
use crate::model::{
    Action, Change, DAY_FORM, LiveAccess, Task, TaskSet, UnmanagedReason, UserId, WabaId, has_form,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = concat!(include_str!("html/matrix.js"), include_str!("html/page.js"));

/// The abbreviation of each task in the matrix.
const SHORT: [(Task, &str); 15] = [
    (Task::Develop, "DV"),
    (Task::FullControl, "FC"),
    (Task::Manage, "MG"),
    (Task::ManageBilling, "MB"),
    (Task::ManageExtensions, "ME"),
    (Task::ManagePhone, "MP"),
    (Task::ManagePhoneAssets, "MA"),
    (Task::ManageTemplates, "MT"),
    (Task::ManageUsers, "MU"),
    (Task::Messaging, "MS"),
    (Task::ReceiveIncomingMessages, "RM"),
    (Task::ViewCost, "VC"),
    (Task::ViewInsights, "VI"),
    (Task::ViewPhoneAssets, "VA"),
    (Task::ViewTemplates, "VT"),
];

/// Writes a plan or drift as a page.
///
/// # Errors
///
/// If the sink fails.
/// `links` are where the lines of manifests can be seen, if that is known.
pub fn plan(view: &View<'_>, links: Option<&SourceLinks>, mut to: impl io::Write) -> io::Result<()> {
    head(view, &mut to)?;
    findings(view, links, &mut to)?;
    let seen = seen_tasks(view);
    controls(&seen, &mut to)?;
    changes(view, links, &mut to)?;
    matrix(view, &seen, &mut to)?;
    unmanaged(view, links, &mut to)?;
    let manifests = match &view.plan().undo {
        Some(undo) => undo.manifests.as_deref().unwrap_or("none"),
        None => &view.proposal.manifest_digest,
    };
    writeln!(
        to,
        "</main><footer>Made by wabacl {} at {}. Manifests: <code>{}</code></footer><script>{SCRIPT}</script></body></html>",
        env!("CARGO_PKG_VERSION"),
        view.proposal.made,
        escape_html(manifests)
    )
}

fn sentence(sentence: &Sentence, links: Option<&SourceLinks>) -> String {
    let part = |part: &SentencePart| {
        let text = escape_html(part.text());
        match part {
            SentencePart::Own(_) => with_dates(&text),
            SentencePart::Fixed(_) | SentencePart::Foreign(_) => text,
            SentencePart::Place(place) => match links.and_then(|links| links.line(&place.path, place.line)) {
                Some(address) => link(&address, &text),
                None => text,
            },
            SentencePart::Strong(_) => format!("<strong>{text}</strong>"),
            SentencePart::Literal(_) => format!("<code>{text}</code>"),
            SentencePart::Name(_) => format!("<span>{text}</span>"),
            SentencePart::Link(page) => link(page.address(), &escape_html(page.address())) + page.end(),
        }
    };
    sentence.parts().iter().map(part).collect::<Vec<_>>().join(" ")
}

/// Links a text, which is escaped, to a page.
fn link(address: &str, text: &str) -> String {
    format!("<a href=\"{}\" rel=noreferrer>{text}</a>", escape_html(address))
}

/// Marks up the dates and instants in words of this program, so that no line breaks within one.
fn with_dates(text: &str) -> String {
    let is_date = |word: &str| word.get(..DAY_FORM.len()).is_some_and(|start| has_form(start, DAY_FORM));
    let marked = |word| if is_date(word) { format!("<time>{word}</time>") } else { word.to_owned() };
    text.split(' ').map(marked).collect::<Vec<_>>().join(" ")
}

/// Shows a name with its id.
fn object(object: &NamedObject) -> String {
    let name = escape_html(&object.name);
    let live = object.live_name.as_ref().map(|live| format!(" = {}", escape_html(live))).unwrap_or_default();
    let id = object.id.as_ref().map_or_else(String::new, |id| format!("{live} <span class=id>{id}</span>"));
    format!("<span>{name}</span>{id}")
}

fn hash(of: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(of)))
}

fn head(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let plan = view.plan();
    let title = if view.is_drift() { "Access drift" } else { "Access plan" };
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    write!(
        to,
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src {style}; script-src {script}; \
         base-uri 'none'; form-action 'none'\">\
         <meta name=viewport content=\"width=device-width, initial-scale=1\"><meta name=referrer content=no-referrer>\
         <title>{title}: business {}</title><style>{STYLE}</style></head><body>\
         <a class=skip href=#access>To the access matrix</a>\
         <header><h1>{title}</h1><p class=meta>Business {}, for <time>{}</time>, made <time>{}</time>",
        plan.business,
        plan.business,
        plan.day(),
        view.proposal.made
    )?;
    if let Some((user, name)) = view.proposal.acting_user() {
        let user = NamedObject::new(name.as_str(), user.to_string());
        write!(to, " as {}", escape_html(&user.name))?;
    }
    write!(to, ".</p><dl class=numbers>")?;
    for (number, label) in view.counts(&view.totals()) {
        write!(to, "<div><dt>{label}</dt><dd>{number}</dd></div>")?;
    }
    write!(
        to,
        "</dl><nav aria-label=\"On this page\"><a href=#changes>Changes</a> <a href=#access>Access matrix</a></nav>\
         </header><main>"
    )
}

fn findings(view: &View<'_>, links: Option<&SourceLinks>, to: &mut impl io::Write) -> io::Result<()> {
    write!(to, "<section aria-label=Findings>")?;
    for found in view.findings(true) {
        let kind = found[0].kind;
        let class = match kind {
            FindingKind::Refused
            | FindingKind::Test
            | FindingKind::Unreadable
            | FindingKind::Unresolved
            | FindingKind::OutOfScope => "box bad",
            FindingKind::Policy
            | FindingKind::Undo
            | FindingKind::AskedAgain
            | FindingKind::LeftAlone
            | FindingKind::Snapshot
            | FindingKind::Deferred
            | FindingKind::Kept
            | FindingKind::Left
            | FindingKind::Waived
            | FindingKind::Notice
            | FindingKind::Partial
            | FindingKind::Ending
            | FindingKind::Highlight => "box",
        };
        write!(to, "<div class=\"{class}\"><h3>{}</h3><ul>", kind.title())?;
        for finding in &found {
            write!(to, "<li>{}", item(finding, links))?;
        }
        write!(to, "</ul></div>")?;
    }
    write!(to, "</section>")
}

fn item(finding: &Finding, links: Option<&SourceLinks>) -> String {
    let advice = finding
        .advice
        .as_ref()
        .map(|advice| format!(" <span class=meta>({})</span>", sentence(advice, links)));
    sentence(&finding.sentence(), links) + &advice.unwrap_or_default()
}

/// Shows the changes, the most important first; those that differ only in their WABA are one row.
fn changes(view: &View<'_>, links: Option<&SourceLinks>, to: &mut impl io::Write) -> io::Result<()> {
    write!(to, "<section aria-labelledby=changes><h2 id=changes>Changes</h2>")?;
    let entries = view.entries(true);
    if !entries.is_empty() {
        writeln!(to, "<noscript id=change-rows><table class=changes id=change-list><tbody>")?;
        for entry in &entries {
            row(entry, links, to)?;
        }
        write!(to, "</tbody></table></noscript><p class=more id=more-changes></p>")?;
    }
    for line in view.closing() {
        write!(to, "<p class=meta>{line}</p>")?;
    }
    write!(to, "</section>")
}

fn row(entry: &Entry<'_>, links: Option<&SourceLinks>, to: &mut impl io::Write) -> io::Result<()> {
    let change = entry.shown(true);
    let (sign, word) = match change.action {
        Action::Assign => ("+", "assign"),
        Action::Change => ("~", "change"),
        Action::Revoke => ("\u{2212}", "revoke"),
    };
    let notes = change.notes.iter().map(|note| &note.text);
    let why: Vec<String> = change.reasons.iter().chain(notes).map(|text| sentence(text, links)).collect();
    writeln!(
        to,
        "<tr><td class=\"sign {word}\" title={word}>{sign}</td><th scope=row class=who>{}</th>\
         <td class=tasks>{}</td><td class=on>{}</td><td class=why><p>{}</p></td></tr>",
        object(&change.user),
        tasks(&change.tasks, str::to_owned),
        on(entry),
        why.join("</p><p>")
    )
}

/// Shows the WABA of an entry, or the number of WABAs with a list of them.
fn on(entry: &Entry<'_>) -> String {
    let wabas: Vec<String> = entry.wabas().map(|waba| object(&waba)).collect();
    match &wabas[..] {
        [only] => only.clone(),
        several => format!(
            "<details><summary>{}</summary><ul><li>{}</ul></details>",
            // A place is never in it.
            sentence(&entry.wabas_text(false), None),
            several.join("<li>")
        ),
    }
}

/// Lists every assignment that is not managed, below all else, because there can be very many.
fn unmanaged(view: &View<'_>, links: Option<&SourceLinks>, to: &mut impl io::Write) -> io::Result<()> {
    let Some(line) = view.unmanaged() else { return Ok(()) };
    writeln!(
        to,
        "<section aria-labelledby=unmanaged><h2 id=unmanaged>Not managed</h2><p class=meta>{line}</p>\
         <noscript id=unmanaged-rows><ul class=rows id=unmanaged-list>"
    )?;
    for row in view.unmanaged_rows(true, false) {
        writeln!(to, "<li>{}</li>", sentence(&row, links))?;
    }
    write!(to, "</ul></noscript><p class=more id=more-unmanaged></p></section>")
}

/// Shows tasks, each by its name or by what `show` makes of that.
fn tasks(tasks: &TaskDiff, show: impl Fn(&str) -> String) -> String {
    let task = |(mark, name): (TaskMark, String)| {
        let name = escape_html(&show(&name));
        match mark {
            TaskMark::Kept => name,
            TaskMark::Gained => format!("<ins>+{name}</ins>"),
            TaskMark::Lost => format!("<del>\u{2212}{name}</del>"),
        }
    };
    tasks.marked().map(task).collect::<Vec<_>>().join(" ")
}

fn short(name: &str) -> String {
    let known = name.parse::<Task>().ok();
    let short = known.and_then(|task| SHORT.iter().find(|(of, _)| *of == task));
    short.map_or_else(|| name.replace(' ', "\u{a0}"), |(_, short)| (*short).to_owned())
}

/// What the matrix shows of a user whose access its tasks do not tell.
const BY_ROLE: &str = "by\u{a0}role";

fn matrix(view: &View<'_>, seen: &[(Task, &str)], to: &mut impl io::Write) -> io::Result<()> {
    let LiveAccess { wabas, users, live } = view.access();
    let changes: BTreeMap<(WabaId, UserId), &Change> =
        view.plan().changes.iter().map(|change| ((change.key.waba, change.key.user), change)).collect();
    let marks = marks(view);
    write!(
        to,
        "<section id=matrix-section aria-labelledby=access><h2 id=access>Access matrix</h2><ul class=legend>"
    )?;
    for (task, short) in seen {
        write!(to, "<li><b>{short}</b> <span>{}</span></li>", task.name())?;
    }
    write!(
        to,
        "</ul><noscript id=matrix-rows>\
         <div class=scroll role=region aria-labelledby=access tabindex=0><table class=matrix id=matrix>\
         <thead><tr><th scope=col>WABA</th>"
    )?;
    for (id, name) in users {
        let user = NamedObject::new(name.as_str(), id.to_string());
        let mark = marks.get(id).map(|mark| format!("<span class=mark>{mark}</span>")).unwrap_or_default();
        write!(to, "<th scope=col title={id}><span>{}</span>{mark}</th>", escape_html(&user.name))?;
    }
    writeln!(to, "</tr></thead><tbody>")?;
    for (waba, name) in wabas.iter().filter(|(waba, _)| !view.plan().unreadable.contains_key(waba)) {
        write!(to, "<tr><th scope=row>{}</th>", object(&NamedObject::new(name.as_str(), waba.to_string())))?;
        let held: BTreeMap<UserId, &TaskSet> = live.on(*waba).collect();
        for user in users.keys() {
            let class = if marks.get(user) == Some(&UNDECLARED) { " class=u" } else { "" };
            let live = held.get(user).copied().unwrap_or(&TaskSet::EMPTY);
            let cell = match changes.get(&(*waba, *user)) {
                Some(change) => changed_cell(view, change),
                None if live.is_empty() && view.plan().by_role.contains(user) => BY_ROLE.to_owned(),
                None => tasks(&TaskDiff::unchanged(live), short),
            };
            write!(to, "<td{class}>{cell}</td>")?;
        }
        writeln!(to, "</tr>")?;
    }
    write!(to, "</tbody></table></div></noscript><p id=cell aria-hidden=true></p></section>")
}

/// Shows a change of an assignment, and whether an admin loses or regains the full access of its role.
fn changed_cell(view: &View<'_>, change: &Change) -> String {
    let cell = tasks(&view.task_diff(change), short);
    // Drift shows what happened outside the manifests, which is the other way round.
    let (is_lost, is_gained) = if view.is_drift() {
        (change.restores_admin(), change.narrows_admin())
    } else {
        (change.narrows_admin(), change.restores_admin())
    };
    match (is_lost, is_gained) {
        (true, _) => format!("{cell} <del>\u{2212}{BY_ROLE}</del>"),
        (_, true) => format!("{cell} <ins>+{BY_ROLE}</ins>"),
        (false, false) => cell,
    }
}

const UNDECLARED: &str = "undeclared";

/// Returns what is special about the access of users.
fn marks(view: &View<'_>) -> BTreeMap<UserId, &'static str> {
    let unmanaged = view.plan().unmanaged.iter().filter_map(|row| {
        let mark = match row.why {
            UnmanagedReason::Undeclared => UNDECLARED,
            UnmanagedReason::Ignored => "ignored",
            UnmanagedReason::OtherSet => "other set",
            UnmanagedReason::Person | UnmanagedReason::OtherBusiness | UnmanagedReason::Unknown => {
                return None;
            }
        };
        Some((row.key.user, mark))
    });
    unmanaged.chain(view.plan().by_role.iter().map(|user| (*user, "admin by role"))).collect()
}

/// Returns the known tasks that somebody holds before or after, with their abbreviations.
fn seen_tasks(view: &View<'_>) -> Vec<(Task, &'static str)> {
    let mut seen: BTreeSet<Task> =
        view.access().live.iter().flat_map(|(_, tasks)| tasks.known().collect::<Vec<_>>()).collect();
    seen.extend(view.plan().changes.iter().flat_map(|change| change.after.known().collect::<Vec<_>>()));
    SHORT.into_iter().filter(|(task, _)| seen.contains(task)).collect()
}

/// Shows the filters, which act on changes and matrix, and need the script.
fn controls(seen: &[(Task, &str)], to: &mut impl io::Write) -> io::Result<()> {
    write!(
        to,
        "<section class=controls aria-label=Filters><label>WABA <input id=waba type=search autocomplete=off></label>\
         <label>User <input id=user type=search autocomplete=off></label>\
         <label>Show <select id=show><option value=all>everything<option value=changes>changes\
         <option value=gained>gained tasks<option value=lost>lost tasks</select></label>\
         <label>Task <select id=task><option value=\"\">any"
    )?;
    for (task, short) in seen {
        write!(to, "<option value={short}>{}", task.name())?;
    }
    write!(
        to,
        "</select></label><button type=button id=reset>Show all</button><p id=count role=status></p></section>"
    )
}

mod report;
#[cfg(test)]
mod tests;

pub use report::access_report;
