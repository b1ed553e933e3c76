//! What follows from a review: the access to end, by the lines that give it, and what nobody reviewed.

use crate::documents::TakenReview;
use crate::model::{AssignmentKey, LastReview, Name, TaskSet};
use crate::query::{self, Explained, Standing};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, own, prose, sentence};
use crate::render::sentence::Sentence;
use crate::render::view::NamedObject;
use crate::render::wording;
use crate::review::{Decided, Decision, Now};
use crate::text::count;

/// Shows what a review decided, what is to end and by which lines, and what changed since.
pub fn review(taken: TakenReview<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let review = taken.review;
    let ending: Vec<&Decided> = review.ending().collect();
    if !ending.is_empty() {
        layout.entry(0, 2, prose("To end:", Paint::Changed));
    }
    for decided in ending {
        write_ending(&mut layout, taken, decided);
    }
    let moved: Vec<&Decided> = review.moved().filter(|decided| decided.decision == Decision::Keep).collect();
    if !moved.is_empty() {
        layout.gap();
        layout.entry(0, 2, prose("Kept, and not as it was when it was reviewed:", Paint::Changed));
    }
    for decided in moved {
        let what = now(&decided.now).unwrap_or_default();
        let words = assignment(taken, decided.key).tasks(&decided.tasks).own("was reviewed;").then(what);
        layout.entry(2, 6, [own("!", Paint::Changed)].into_iter().chain(sentence(&words, Paint::Plain)));
    }
    if !review.new.is_empty() {
        layout.gap();
        layout.entry(0, 2, prose("New since, and not reviewed:", Paint::Changed));
    }
    for (key, tasks) in &review.new {
        let words = holds(assignment(taken, *key), tasks);
        layout.entry(2, 6, [own("!", Paint::Changed)].into_iter().chain(sentence(&words, Paint::Plain)));
    }
    layout.gap();
    layout.entry(0, 2, sentence(&summary(taken), Paint::Bold));
    layout.finish()
}

/// Shows a review that the repository keeps, and what became of it.
pub fn last_review(last: &LastReview, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let at = last.taken_at.strftime("%Y-%m-%d %H:%M UTC");
    let lead = Sentence::default().own("Last review:").fixed(&last.file).own(format!("of {at}"));
    layout.entry(0, 2, sentence(&lead, Paint::Bold));
    let (rows, end) = (count(last.rows, "row", "rows"), last.end);
    let text = Sentence::default().own(format!("{rows}, {} to keep, {end} to end; by", last.keep));
    let reviewers = last.reviewers.iter().map(|(name, rows)| (name, *rows));
    layout.entry(2, 4, sentence(&by(text, reviewers), Paint::Plain));
    let held = last.still_held;
    if end > 0 {
        let paint = if held > 0 { Paint::Changed } else { Paint::Plain };
        layout.entry(2, 4, prose(&format!("Of those to end, {held} still hold something."), paint));
    }
    let current = if last.is_current {
        "Live access is as it was reviewed."
    } else {
        "Live access is not as it was reviewed."
    };
    layout.entry(2, 4, prose(current, Paint::Plain));
    layout.finish()
}

fn summary(taken: TakenReview<'_>) -> Sentence {
    let review = taken.review;
    let [keep, end] = Decision::ALL.map(|decision| review.count(decision));
    let rows = count(review.decided.len(), "row", "rows");
    let text = Sentence::default().own(format!("Review: {rows}, {keep} to keep, {end} to end; by"));
    by(text, review.reviewers().into_iter())
}

/// Adds who decided, and about how many rows.
fn by<'a>(mut text: Sentence, reviewers: impl Iterator<Item = (&'a Name, usize)>) -> Sentence {
    let mut reviewers = reviewers.peekable();
    while let Some((name, rows)) = reviewers.next() {
        let end = if reviewers.peek().is_some() { "," } else { "." };
        text = text.name(name.as_str()).own(format!("({rows}){end}"));
    }
    text
}

fn assignment(taken: TakenReview<'_>, key: AssignmentKey) -> Sentence {
    let user = NamedObject::named(taken.evidence.user_name(key), Some(key.user.to_string()));
    let waba = NamedObject::named(taken.evidence.waba_name(key.waba), Some(key.waba.to_string()));
    Sentence::default().object(&user, "").own("on").object(&waba, ":")
}

fn holds(text: Sentence, tasks: &TaskSet) -> Sentence {
    if tasks.is_empty() { text.own("everything, by its role") } else { text.tasks(tasks) }
}

/// Describes what became of a row; `None` if it is as it was.
fn now(now: &Now) -> Option<Sentence> {
    Some(match now {
        Now::Same => return None,
        Now::Changed(tasks) if tasks.is_empty() => {
            Sentence::default().own("now it holds everything by its role")
        }
        Now::Changed(tasks) => Sentence::default().own("now it holds").tasks(tasks),
        Now::Gone => Sentence::default().own("it holds nothing any more"),
        Now::Unknown => Sentence::default().own("the WABA could not be read"),
        Now::OutOfScope => Sentence::default().own("the WABA is no more in scope"),
    })
}

fn write_ending(layout: &mut Layout, taken: TakenReview<'_>, decided: &Decided) {
    let text = holds(assignment(taken, decided.key), &decided.tasks);
    layout.entry(2, 6, [own("-", Paint::Bad)].into_iter().chain(sentence(&text, Paint::Plain)));
    let mut by = Sentence::default().own("decided by").name(decided.reviewer.as_str());
    if !decided.note.as_str().is_empty() {
        by = by.foreign(&format!("({})", decided.note.as_str()));
    }
    layout.entry(6, 8, sentence(&by, Paint::Dim));
    if let Some(now) = now(&decided.now) {
        layout.entry(6, 8, sentence(&now, Paint::Changed));
    }
    if matches!(decided.now, Now::Gone | Now::OutOfScope) {
        return;
    }
    let history = crate::model::History::default();
    let Some(explained) = query::explain(taken.evidence, decided.key, &history) else { return };
    for line in how(taken, &explained) {
        layout.entry(6, 8, sentence(&line, Paint::Plain));
    }
}

/// Returns how access ends: the lines that give it with what else they give, or what to do where no line does.
fn how(taken: TakenReview<'_>, explained: &Explained<'_>) -> Vec<Sentence> {
    let giving = explained.entries.iter().filter(|entry| entry.counts && !entry.entry.tasks.is_empty());
    let lines: Vec<Sentence> = giving
        .map(|entry| {
            let (users, wabas) = (count(entry.users, "user", "users"), count(entry.wabas, "WABA", "WABAs"));
            let losing = count(entry.takes, "assignment loses", "assignments lose");
            let text = wording::grant("given by", &entry.entry.source, taken.sources);
            text.own(format!("- about {users} and {wabas}; without it, {losing} tasks"))
        })
        .collect();
    if !lines.is_empty() {
        return lines;
    }
    let text = match explained.standing {
        _ if explained.holds_by_role() => {
            "it holds everything by its role: change the role in Business Settings"
        }
        Standing::Declared | Standing::Released => {
            "no grant gives it: the next apply takes it, unless prune is none"
        }
        Standing::Undeclared | Standing::Ignored => {
            "no manifest manages it: declare the user without a grant, or remove it in Business Settings"
        }
        Standing::OtherSet => "the manifests of another set manage it",
        Standing::Person | Standing::OtherBusiness | Standing::Unknown => "remove it in Business Settings",
    };
    vec![Sentence::default().own(text)]
}
