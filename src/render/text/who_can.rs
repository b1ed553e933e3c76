//! The answer of `who-can` as text.

use super::{set_words, waba_heading};
use crate::model::WabaId;
use crate::query::{Holding, Standing, When, WhoCan};
use crate::render::layout::{Layout, Paint, StyledWord, foreign, own, prose, sentence};
use crate::render::sentence::Sentence;
use crate::render::view::{NamedObject, folded, together, wabas};
use crate::render::{GroupBy, Style, wording};
use crate::text::count;

/// The number of grants that are listed for a holder before the others are only counted. A guess, as for changes.
const GRANTS: usize = 3;

/// The number of WABAs whose failure is listed before the others are only counted. A guess.
const UNREADABLE: usize = 5;

/// Shows who holds some tasks: on a terminal folded over WABAs, or under a heading for each; elsewhere one holder a line.
pub fn who_can(answered: &WhoCan<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let holders: Vec<&Holding<'_>> = answered.answer.holders.iter().collect();
    if style.width.is_none() {
        for holding in holders {
            write_line(&mut layout, answered, holding);
        }
    } else if style.group_by == Some(GroupBy::Waba) {
        for on_waba in together(holders, |holding| holding.key.waba) {
            layout.gap();
            waba_heading(&mut layout, &waba(answered, on_waba[0].key.waba));
            for holding in on_waba {
                write_holder(&mut layout, answered, &[holding], 2, style);
            }
        }
    } else {
        let same = |holding: &&Holding<'_>| {
            let Holding { key, tasks, by_role, is_desired, given_by, .. } = holding;
            (key.user, (*tasks).clone(), *by_role, *is_desired, given_by.clone())
        };
        for same in together(holders, same) {
            write_holder(&mut layout, answered, &same, 0, style);
        }
    }
    write_rest(&mut layout, answered, style);
    layout.gap();
    layout.entry(0, 2, prose(&closing(answered), Paint::Bold));
    layout.finish()
}

fn waba(answered: &WhoCan<'_>, id: WabaId) -> NamedObject {
    NamedObject::named(answered.evidence.waba_name(id), Some(id.to_string()))
}

fn user(answered: &WhoCan<'_>, holding: &Holding<'_>) -> NamedObject {
    let id = answered.user_id(holding.key.user).map(|id| id.to_string());
    NamedObject::named(answered.evidence.user_name(holding.key), id)
}

/// Writes a holder with the WABAs on which it holds the same by the same lines. Under a heading, the WABA is not repeated.
fn write_holder(
    layout: &mut Layout,
    answered: &WhoCan<'_>,
    same: &[&Holding<'_>],
    indent: usize,
    style: &Style,
) {
    let first = same[0];
    layout.entry(indent, indent + 4, lead(answered, first));
    if indent == 0 {
        let objects = same.iter().map(|holding| waba(answered, holding.key.waba));
        let on = Sentence::default().own("on").then(wabas(objects, same.len(), "", style.verbose));
        layout.entry(4, 6, sentence(&on, Paint::Plain));
    }
    for reason in reasons(answered, first, style.verbose) {
        layout.entry(indent + 4, indent + 6, sentence(&reason, Paint::Dim));
    }
}

/// Returns the user, what it is, and the tasks of its assignment.
fn lead(answered: &WhoCan<'_>, holding: &Holding<'_>) -> Vec<StyledWord> {
    let object = user(answered, holding);
    let mut words = vec![own(".", Paint::Dim), foreign(&object.name, Paint::Bold)];
    let is_declared = holding.standing == Standing::Declared;
    let id = || object.id.as_ref().map(|id| format!("({id})"));
    let identity = object.identity().or_else(|| id().filter(|_| !is_declared));
    words.extend(identity.map(|text| own(text, Paint::Dim)));
    if !is_declared {
        words.extend(prose(&format!("[{}]", wording::standing_noun(holding.standing)), Paint::Changed));
    }
    if holding.tasks.is_empty() {
        words.push(own("everything", Paint::Plain));
    } else {
        words.extend(set_words(holding.tasks, Paint::Plain));
    }
    words
}

/// Returns the lines that give the tasks, or why there are none.
fn reasons(answered: &WhoCan<'_>, holding: &Holding<'_>, verbose: bool) -> Vec<Sentence> {
    let WhoCan { evidence, sources, question, .. } = answered;
    let shown = folded(holding.given_by.len(), GRANTS, verbose);
    let entries = evidence.entries(&holding.given_by[..shown]);
    let mut reasons: Vec<Sentence> =
        entries.map(|entry| wording::grant("by", &entry.source, sources)).collect();
    if shown < holding.given_by.len() {
        let more = format!("and {} more grants", holding.given_by.len() - shown);
        reasons.push(Sentence::default().own(more));
    }
    if holding.by_role {
        reasons.push(Sentence::default().own("by its role ADMIN, which no assignment narrows there"));
    } else if question.when != When::Desired && !holding.is_desired && holding.standing == Standing::Declared
    {
        let ended = evidence.ended(holding.key, &question.tasks);
        let before = reasons.len();
        reasons.extend(ended.map(|entry| wording::grant("ended:", &entry.source, sources)));
        if reasons.len() == before {
            let all = if holding.given_by.is_empty() { "it" } else { "all of it" };
            reasons.push(Sentence::default().strong(format!("no grant in force gives {all}")));
        }
    }
    reasons
}

/// Writes everything about a holder on one line.
fn write_line(layout: &mut Layout, answered: &WhoCan<'_>, holding: &Holding<'_>) {
    let object = [waba(answered, holding.key.waba)].into_iter();
    let on = Sentence::default().own("on").then(wabas(object, 1, ";", true));
    let reasons = reasons(answered, holding, true);
    let last = reasons.len();
    let mut words = lead(answered, holding);
    if last == 0 {
        let end = wabas([waba(answered, holding.key.waba)].into_iter(), 1, "", true);
        words.extend(sentence(&Sentence::default().own("on").then(end), Paint::Plain));
    } else {
        words.extend(sentence(&on, Paint::Plain));
    }
    for (index, reason) in (1..).zip(&reasons) {
        let mut reason: Vec<StyledWord> = sentence(reason, Paint::Dim).collect();
        let end = reason.pop().map(|word| word.with(if index < last { ";" } else { "" }));
        words.extend(reason.into_iter().chain(end));
    }
    layout.entry(0, 0, words);
}

/// Writes the WABAs without a holder, and those that could not be read.
fn write_rest(layout: &mut Layout, answered: &WhoCan<'_>, style: &Style) {
    let answer = answered.answer;
    if !answer.nobody.is_empty() {
        layout.gap();
        let objects = answer.nobody.iter().map(|id| waba(answered, *id));
        let on = wabas(objects, answer.nobody.len(), "", style.is_complete());
        let lead = Sentence::default().own("Nobody on");
        layout.entry(0, 4, sentence(&lead.then(on), Paint::Plain));
    }
    if !answer.unreadable.is_empty() {
        layout.gap();
        let number = count(answer.unreadable.len(), "WABA", "WABAs");
        layout.entry(0, 2, prose(&format!("Could not be read: {number}."), Paint::Bad));
        let shown = folded(answer.unreadable.len(), UNREADABLE, style.is_complete());
        for (id, why) in answer.unreadable.iter().take(shown) {
            let text = wabas([waba(answered, *id)].into_iter(), 1, ":", true).foreign(why);
            layout.entry(2, 6, [own("?", Paint::Bad)].into_iter().chain(sentence(&text, Paint::Plain)));
        }
        if shown < answer.unreadable.len() {
            let more = format!("and {} more", answer.unreadable.len() - shown);
            layout.entry(2, 6, prose(&more, Paint::Plain));
        }
    }
    if answered.undiscovered > 0 {
        layout.gap();
        let rules = count(answered.undiscovered, "discover rule was", "discover rules were");
        let text =
            format!("{rules} not followed: WABAs are discovered with the API (--at live, --at after).");
        layout.entry(0, 2, prose(&text, Paint::Bad));
    }
}

/// Returns the last line: `Live: 4 users hold MESSAGING, on 5 of 6 WABAs.`
fn closing(answered: &WhoCan<'_>) -> String {
    let WhoCan { question, answer, .. } = answered;
    let when = match question.when {
        When::Live => "Live",
        When::Desired => "Desired",
        When::After => "After the plan",
    };
    let tasks = match (question.tasks.len(), question.any) {
        (0 | 1, _) => question.tasks.to_string(),
        (_, false) => format!("all of {}", question.tasks),
        (_, true) => format!("one of {}", question.tasks),
    };
    let read = answer.wabas - answer.unreadable.len();
    let of = format!("{} of {}", read - answer.nobody.len(), count(read, "WABA", "WABAs"));
    let unread = match answer.unreadable.len() {
        0 => String::new(),
        unread => format!("; {unread} not read"),
    };
    match answer.users() {
        0 => format!("{when}: nobody holds {tasks} on {}{unread}.", count(read, "WABA", "WABAs")),
        users => {
            format!("{when}: {} {tasks}, on {of}{unread}.", count(users, "user holds", "users hold"))
        }
    }
}
