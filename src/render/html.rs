//! A plan or drift as one HTML page: the findings, the changes with their reasons, and who holds which tasks.
//!
//! The page loads nothing, and its content security policy allows no script but its own. Without the script everything
//! is still shown.

use super::escape_html;
use super::sentence::{Sentence, SentencePart};
use super::view::{Finding, FindingKind, Group, GroupBy, NamedObject, ShownChange, TaskDiff, TaskMark, View};
use crate::model::{Action, Change, LiveAccess, Task, TaskSet, UserId, WabaId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

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
pub fn plan(view: &View<'_>, mut to: impl io::Write) -> io::Result<()> {
    head(view, &mut to)?;
    findings(view, &mut to)?;
    changes(view, &mut to)?;
    matrix(view, &mut to)?;
    unmanaged(view, &mut to)?;
    writeln!(
        to,
        "</main><footer>Made by wabacl {} at {}. Manifests: <code>{}</code></footer><script>{SCRIPT}</script></body></html>",
        env!("CARGO_PKG_VERSION"),
        view.proposal.made,
        escape_html(&view.proposal.manifest_digest)
    )
}

fn sentence(sentence: &Sentence) -> String {
    let part = |part: &SentencePart| {
        let text = escape_html(part.text());
        match part {
            SentencePart::Own(_)
            | SentencePart::Fixed(_)
            | SentencePart::Place(_)
            | SentencePart::Foreign(_) => text,
            SentencePart::Strong(_) => format!("<strong>{text}</strong>"),
            SentencePart::Literal(_) => format!("<code>{text}</code>"),
            SentencePart::Name(_) => format!("<span>{text}</span>"),
        }
    };
    sentence.parts().iter().map(part).collect::<Vec<_>>().join(" ")
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
         <header><h1>{title}</h1><p class=meta>Business {}, for {}, made {}",
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

fn findings(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    write!(to, "<section aria-label=Findings>")?;
    for found in view.findings(true) {
        let kind = found[0].kind;
        let class = match kind {
            FindingKind::Refused | FindingKind::Unreadable | FindingKind::Unresolved => "box bad",
            FindingKind::Policy
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
            write!(to, "<li>{}", item(finding))?;
        }
        write!(to, "</ul></div>")?;
    }
    write!(to, "</section>")
}

fn item(finding: &Finding) -> String {
    let advice =
        finding.advice.as_ref().map(|advice| format!(" <span class=meta>({})</span>", sentence(advice)));
    sentence(&finding.sentence()) + &advice.unwrap_or_default()
}

fn changes(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    write!(to, "<section aria-labelledby=changes><h2 id=changes>Changes</h2>")?;
    for group in view.groups(Some(GroupBy::Waba), false) {
        waba(&group, to)?;
    }
    for line in view.closing() {
        write!(to, "<p class=meta>{line}</p>")?;
    }
    write!(to, "</section>")
}

fn waba(group: &Group<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let waba = group.entries[0].wabas().next();
    let name = waba.as_ref().map(object).unwrap_or_default();
    write!(to, "<div class=waba><h3>{name}</h3><table class=changes><tbody>")?;
    for entry in &group.entries {
        row(&entry.shown(true), to)?;
    }
    write!(to, "</tbody></table></div>")
}

fn row(change: &ShownChange, to: &mut impl io::Write) -> io::Result<()> {
    let (sign, word) = match change.action {
        Action::Assign => ("+", "assign"),
        Action::Change => ("~", "change"),
        Action::Revoke => ("\u{2212}", "revoke"),
    };
    let notes = change.notes.iter().map(|note| &note.text);
    let why: Vec<String> = change.reasons.iter().chain(notes).map(sentence).collect();
    write!(
        to,
        "<tr><td class=\"sign {word}\" title={word}>{sign}</td><th scope=row class=who>{}</th>\
         <td class=tasks>{}</td><td class=why><p>{}</p></td></tr>",
        object(&change.user),
        tasks(&change.tasks, str::to_owned),
        why.join("</p><p>")
    )
}

/// Lists every assignment that is not managed, below all else, because there can be very many.
fn unmanaged(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let Some(line) = view.unmanaged() else { return Ok(()) };
    write!(
        to,
        "<section aria-labelledby=unmanaged><h2 id=unmanaged>Not managed</h2><p class=meta>{line}</p><ul class=rows>"
    )?;
    for row in view.unmanaged_rows(true, false) {
        write!(to, "<li>{}", sentence(&row))?;
    }
    write!(to, "</ul></section>")
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

fn matrix(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let LiveAccess { wabas, users, live } = view.access();
    let changes: BTreeMap<(WabaId, UserId), &Change> =
        view.plan().changes.iter().map(|change| ((change.key.waba, change.key.user), change)).collect();
    let mut seen: BTreeSet<Task> =
        live.iter().flat_map(|(_, tasks)| tasks.known().collect::<Vec<_>>()).collect();
    seen.extend(view.plan().changes.iter().flat_map(|change| change.after.known().collect::<Vec<_>>()));
    write!(to, "<section id=matrix-section aria-labelledby=access><h2 id=access>Access matrix</h2>")?;
    controls(&seen, to)?;
    write!(
        to,
        "<div class=scroll role=region aria-labelledby=access tabindex=0><table class=matrix id=matrix>\
         <thead><tr><th scope=col>WABA</th>"
    )?;
    for (id, name) in users {
        let user = NamedObject::new(name.as_str(), id.to_string());
        write!(to, "<th scope=col title={id}><span>{}</span></th>", escape_html(&user.name))?;
    }
    write!(to, "</tr></thead><tbody>")?;
    for (waba, name) in wabas.iter().filter(|(waba, _)| !view.plan().unreadable.contains_key(waba)) {
        write!(to, "<tr><th scope=row>{}</th>", object(&NamedObject::new(name.as_str(), waba.to_string())))?;
        let held: BTreeMap<UserId, &TaskSet> = live.on(*waba).collect();
        for user in users.keys() {
            let live = held.get(user).copied().unwrap_or(&TaskSet::EMPTY);
            let change = changes.get(&(*waba, *user));
            let cell = change.map_or_else(|| TaskDiff::unchanged(live), |change| view.task_diff(change));
            if live.is_empty() && change.is_none() && view.plan().by_role.contains(user) {
                write!(to, "<td title=\"full access by its role as an admin\">by role</td>")?;
            } else {
                write!(to, "<td>{}</td>", tasks(&cell, short))?;
            }
        }
        writeln!(to, "</tr>")?;
    }
    write!(to, "</tbody></table></div><p id=cell aria-hidden=true></p></section>")
}

/// Shows the filters, which need the script, and the meaning of the abbreviations.
fn controls(seen: &BTreeSet<Task>, to: &mut impl io::Write) -> io::Result<()> {
    write!(
        to,
        "<div class=controls><label>WABA <input id=waba type=search autocomplete=off></label>\
         <label>User <input id=user type=search autocomplete=off></label>\
         <label>Show <select id=show><option value=all>everything<option value=changes>changes\
         <option value=gained>gained tasks<option value=lost>lost tasks</select></label>\
         <label>Task <select id=task><option value=\"\">any"
    )?;
    let legend = || SHORT.iter().filter(|(task, _)| seen.contains(task));
    for (task, short) in legend() {
        write!(to, "<option value={short}>{}", task.name())?;
    }
    write!(to, "</select></label><button type=button id=reset>Show all</button></div><ul class=legend>")?;
    for (task, short) in legend() {
        write!(to, "<li><b>{short}</b> <span>{}</span></li>", task.name())?;
    }
    write!(to, "</ul><p id=count role=status></p>")
}

#[cfg(test)]
mod tests;
