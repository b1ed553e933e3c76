//! A plan as one page that needs nothing else: what changes and why, and who holds what. Decides nothing.
//!
//! The page loads nothing, and its content-security policy lets nothing run but its own script. Foreign text is escaped
//! wherever it stands; without the script everything is still there.

use super::wording::{self, count, highlights};
use super::{View, harmless, named};
use crate::model::{Action, Change, LiveAccess, Moved, Task, TaskSet, UserId, WabaId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// How the matrix writes each task.
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

/// Writes a plan, or drift, as a page.
///
/// # Errors
///
/// Where the sink fails.
pub fn plan(view: &View<'_>, mut to: impl io::Write) -> io::Result<()> {
    head(view, &mut to)?;
    findings(view, &mut to)?;
    changes(view, &mut to)?;
    matrix(view, &mut to)?;
    writeln!(
        to,
        "</main><footer>Made by wabacl {} at {}. Manifests: <code>{}</code></footer><script>{SCRIPT}</script></body></html>",
        env!("CARGO_PKG_VERSION"),
        view.proposal.made,
        text(&view.proposal.manifest_digest)
    )
}

/// Shows text where HTML is.
fn text(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    for c in harmless(raw).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            _ => shown.push(c),
        }
    }
    shown
}

/// Shows a name and its id.
fn who(name: &crate::model::Name, id: impl Display + Copy) -> String {
    let shown = named(name, id);
    let id = id.to_string();
    if shown == id { id } else { format!("<span>{}</span> <span class=id>{id}</span>", text(&shown)) }
}

fn hash(of: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(of)))
}

fn head(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let (plan, summary) = (view.plan(), view.plan().summary());
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
        plan.business, plan.business, plan.day, view.proposal.made
    )?;
    if let Some((user, name)) = view.proposal.acting_user() {
        write!(to, " as {}", text(&named(&name, user)))?;
    }
    let words = if view.is_drift() {
        ["Missing", "Different", "Too many", "As declared"]
    } else {
        ["To assign", "To change", "To revoke", "Unchanged"]
    };
    let numbers = [summary.assign, summary.change, summary.revoke, summary.unchanged];
    write!(to, ".</p><dl class=numbers>")?;
    for (word, number) in words.iter().zip(numbers) {
        write!(to, "<div><dt>{word}</dt><dd>{number}</dd></div>")?;
    }
    write!(
        to,
        "</dl><nav aria-label=\"On this page\"><a href=#changes>Changes</a> <a href=#access>Access matrix</a></nav>\
         </header><main>"
    )
}

fn findings(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    let plan = view.plan();
    let violations: Vec<String> = view
        .violations
        .iter()
        .map(|found| format!("<code>{}</code>: {}", found.guard, text(&found.message)))
        .collect();
    let unreadable: Vec<String> = plan
        .unreadable
        .iter()
        .map(|(waba, why)| format!("{}: {}", who(&plan.waba_name(*waba), *waba), text(why)))
        .collect();
    let mut warnings: Vec<String> = view
        .waived
        .iter()
        .map(|found| format!("waived: <code>{}</code>: {}", found.guard, text(&found.message)))
        .collect();
    warnings.extend(plan.notices.iter().map(|notice| {
        let (who, what) = wording::notice(plan, notice);
        format!("<code>{}</code> {what}", text(&who))
    }));
    if plan.partial {
        warnings.push("partial: narrowed by <code>--waba</code>; other WABAs were not looked at".to_owned());
    }
    let grants = view.drift.and_then(|drift| drift.expiring.as_deref()).unwrap_or_default();
    warnings.extend(grants.iter().map(|found| {
        format!(
            "ends soon: {}, {}",
            text(&wording::grant(&found.source, view.sources())),
            wording::reach(found)
        )
    }));
    let twice: Vec<String> = highlights(plan)
        .into_iter()
        .map(|(kind, users)| {
            let (what, which) = kind.phrase();
            let on = |(user, wabas): &(UserId, usize)| {
                let name = text(&named(&plan.user_name(*user), user));
                format!("<span>{name}</span> on {}", count(*wabas, "WABA", "WABAs"))
            };
            let users: Vec<String> = users.iter().map(on).collect();
            let gap = if which.is_empty() { "" } else { " " };
            format!("<strong>{what}</strong>{gap}{which}: {}", users.join(", "))
        })
        .collect();
    write!(to, "<section aria-label=Findings>")?;
    for (class, title, lines) in [
        ("box bad", "Refused by the guards", violations),
        ("box bad", "Could not be read, and not planned", unreadable),
        ("box", "Look twice", twice),
        ("box", "Warnings", warnings),
    ] {
        if !lines.is_empty() {
            write!(to, "<div class=\"{class}\"><h3>{title}</h3><ul><li>{}</ul></div>", lines.join("<li>"))?;
        }
    }
    write!(to, "</section>")
}

fn changes(view: &View<'_>, to: &mut impl io::Write) -> io::Result<()> {
    write!(to, "<section aria-labelledby=changes><h2 id=changes>Changes</h2>")?;
    if view.plan().changes.is_empty() {
        write!(to, "<p>{}</p>", wording::last_line(view))?;
    }
    for group in view.plan().changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        let waba = group[0].key.waba;
        write!(
            to,
            "<div class=waba><h3>{}</h3><table class=changes><tbody>",
            who(&view.plan().waba_name(waba), waba)
        )?;
        for change in group {
            one_change(view, change, to)?;
        }
        write!(to, "</tbody></table></div>")?;
    }
    if let Some(cost) = wording::cost(view) {
        write!(to, "<p class=meta>{cost}</p>")?;
    }
    if !view.plan().unmanaged.is_empty() {
        write!(to, "<p class=meta>Left alone: {}.</p>", wording::unmanaged(view.plan()))?;
    }
    write!(to, "</section>")
}

fn one_change(view: &View<'_>, change: &Change, to: &mut impl io::Write) -> io::Result<()> {
    let (sign, word) = match change.action() {
        Action::Assign => ("+", "assign"),
        Action::Change => ("~", "change"),
        Action::Revoke => ("\u{2212}", "revoke"),
    };
    let mut why: Vec<String> =
        wording::reasons(change, view.sources()).iter().map(|reason| text(reason)).collect();
    if let Some(told) = view.drift.and_then(|drift| drift.explanations.get(&change.key)) {
        why.extend(told.last_write.as_ref().map(|write| text(&wording::last_write(write))));
        if told.moved != Moved::Unknown {
            why.push(wording::side(told.moved).to_owned());
        }
    }
    if change.blocked.is_some() {
        why.push("cannot be made by the acting user itself; not attempted".into());
    }
    if change.admin {
        why.push("an admin: may not be listed even after the write".into());
    }
    let user = who(&view.plan().user_name(change.key.user), change.key.user);
    write!(
        to,
        "<tr><td class=\"sign {word}\" title={word}>{sign}</td><th scope=row class=who>{user}</th>\
         <td class=tasks>{}</td><td class=why><p>{}</p></td></tr>",
        tasks(Some(change), &change.before, str::to_owned),
        why.join("</p><p>")
    )
}

/// Shows what comes, goes and stays of a set; without a change all of it stays.
fn tasks(change: Option<&Change>, live: &TaskSet, show: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |set: &TaskSet, before: &str, after: &str| {
        parts.extend(set.names().map(|name| format!("{before}{}{after}", text(&show(name)))));
    };
    match change {
        None => add(live, "", ""),
        Some(change) => {
            add(&change.gained(), "<ins>+", "</ins>");
            add(&change.lost(), "<del>\u{2212}", "</del>");
            add(&change.kept(), "", "");
        }
    }
    parts.join(" ")
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
        write!(to, "<th scope=col title={id}><span>{}</span></th>", text(&named(name, id)))?;
    }
    write!(to, "</tr></thead><tbody>")?;
    for (waba, name) in wabas.iter().filter(|(waba, _)| !view.plan().unreadable.contains_key(waba)) {
        write!(to, "<tr><th scope=row>{}</th>", who_in_row(name, *waba))?;
        let held: BTreeMap<UserId, &TaskSet> = live.on(*waba).collect();
        for user in users.keys() {
            let change = changes.get(&(*waba, *user)).copied();
            let live = held.get(user).copied().unwrap_or(&TaskSet::EMPTY);
            write!(to, "<td>{}</td>", tasks(change, live, short))?;
        }
        writeln!(to, "</tr>")?;
    }
    write!(to, "</tbody></table></div><p id=cell aria-hidden=true></p></section>")
}

fn who_in_row(name: &crate::model::Name, waba: WabaId) -> String {
    let shown = who(name, waba);
    if shown.starts_with('<') { shown } else { format!("<span>{shown}</span>") }
}

/// Shows the filters, which only the script brings to life, and what the short names mean.
fn controls(seen: &BTreeSet<Task>, to: &mut impl io::Write) -> io::Result<()> {
    write!(
        to,
        "<div class=controls><label>WABA <input id=waba type=search autocomplete=off></label>\
         <label>User <input id=user type=search autocomplete=off></label>\
         <label>Show <select id=show><option value=all>everything<option value=changes>what changes\
         <option value=gained>what is gained<option value=lost>what is lost</select></label>\
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
    write!(to, "</ul><p id=told role=status></p>")
}

#[cfg(test)]
mod tests;
