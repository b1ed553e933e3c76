//! Workflow commands of GitHub Actions: what is wrong stands on the lines of the pull request. Decides nothing.

use super::wording;
use super::{View, harmless};
use crate::diagnostic::{Diagnostic, Severity, in_order};
use crate::guard::Violation;
use crate::model::{Change, Plan, Position, Sources, WhyGone};
use std::fmt::Write as _;

/// Where paths lead from the top of the repository: `infra/` where the program runs in that folder, else nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Top(pub String);

/// Shows diagnostics as commands, by file, line and column.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, top: &Top) -> String {
    let mut text = String::new();
    for diagnostic in in_order(found) {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
        let message = format!("{}{help}", diagnostic.message);
        text += &command(level, diagnostic.code, diagnostic.at, sources, top, &message);
    }
    text
}

/// Shows what a plan is refused for, what could not be read, and what it comes to.
pub fn plan(view: &View<'_>, top: &Top) -> String {
    let (plan, sources) = (view.plan(), view.sources());
    let mut text = String::new();
    for found in view.violations {
        text += &command("error", found.guard.code(), rests_on(plan, found), sources, top, &found.message);
    }
    for found in view.waived {
        let message = format!("waived: {}", found.message);
        text += &command("warning", found.guard.code(), rests_on(plan, found), sources, top, &message);
    }
    for (waba, why) in &plan.unreadable {
        let name = super::named(&plan.waba_name(*waba), waba);
        text += &command(
            "warning",
            "unreadable",
            None,
            sources,
            top,
            &format!("{name} could not be read: {why}"),
        );
    }
    for notice in &plan.notices {
        let (who, what) = wording::notice(plan, notice);
        text += &command("notice", "notice", None, sources, top, &format!("{who}: {what}"));
    }
    for found in view.drift.and_then(|drift| drift.expiring.as_deref()).unwrap_or_default() {
        let message =
            format!("ends soon: {}, {}", wording::grant(&found.source, sources), wording::reach(found));
        text += &command("warning", "expiring-grant", Some(found.source.at), sources, top, &message);
    }
    text + &command("notice", "plan", None, sources, top, &wording::last_line(view))
}

/// Returns the line that a violation rests on: of the change that it is about.
fn rests_on(plan: &Plan, found: &Violation) -> Option<Position> {
    if found.waba.is_none() && found.user.is_none() {
        return None;
    }
    let is_about = |change: &&Change| {
        found.waba.is_none_or(|waba| waba == change.key.waba)
            && found.user.is_none_or(|user| user == change.key.user)
    };
    let mut changes = plan.changes.iter().filter(is_about);
    // What goes is what guards are about.
    let change = changes.clone().find(|change| change.because.gone.is_some()).or_else(|| changes.next())?;
    let gone = change.because.gone.as_ref().and_then(|(_, lines)| lines.first());
    match gone {
        Some(WhyGone::Expired(source)) => Some(source.at),
        Some(WhyGone::Declared(at) | WhyGone::Undeclared(at)) => Some(*at),
        None => change.because.grants.first().map(|source| source.at),
    }
}

fn command(
    level: &str,
    title: &str,
    at: Option<Position>,
    sources: &Sources,
    top: &Top,
    message: &str,
) -> String {
    let mut text = format!("::{level} ");
    if let Some(at) = at {
        let file = format!("{}{}", top.0, sources.path(at.source));
        let _ = write!(text, "file={},line={},col={},", property(&harmless(&file)), at.line, at.column);
    }
    let message: Vec<String> = message.lines().map(harmless).collect();
    let _ = writeln!(text, "title={}::{}", property(title), data(&message.join("\n")));
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
