//! The answer of `explain` as text.

use super::set_words;
use crate::model::{Blocked, GrantSource, LastWrite, Phase, Prune, Sources, Task, TaskSet};
use crate::query::{Ends, ExplainedAssignment, ExplainedEntry, ExplainedTask, Outlook, Since, Standing};
use crate::render::layout::{Layout, Paint, StyledWord, own, prose, sentence, tasks};
use crate::render::sentence::Sentence;
use crate::render::view::{NamedObject, TaskDiff, admin_note};
use crate::render::{Style, wording};
use crate::text::count;

/// Shows one assignment: each task with its lines, since when, what the plan does, and what would end it.
pub fn explain(shown: &ExplainedAssignment<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    write_heading(&mut layout, shown);
    for same in alike(&shown.explained.tasks) {
        layout.gap();
        write_tasks(&mut layout, shown, &same);
    }
    layout.gap();
    write_outlook(&mut layout, shown);
    if !shown.explained.entries.is_empty() {
        layout.gap();
        layout.entry(0, 2, prose("Grants and exceptions about it:", Paint::Plain));
    }
    for entry in &shown.explained.entries {
        write_entry(&mut layout, entry, shown.sources);
    }
    layout.gap();
    layout.entry(0, 2, prose(&closing(shown), Paint::Bold));
    layout.finish()
}

/// Returns the tasks by what is the same about them, in the order of the first of each.
fn alike<'t, 'a>(tasks: &'t [ExplainedTask<'a>]) -> Vec<Vec<&'t ExplainedTask<'a>>> {
    let is_same = |one: &ExplainedTask<'_>, other: &ExplainedTask<'_>| {
        (one.is_live, one.is_desired, one.is_after, &one.given_by, one.since, one.ends)
            == (other.is_live, other.is_desired, other.is_after, &other.given_by, other.since, other.ends)
    };
    let mut groups: Vec<Vec<&ExplainedTask<'a>>> = Vec::new();
    for task in tasks {
        match groups.iter_mut().find(|group| is_same(group[0], task)) {
            Some(group) => group.push(task),
            None => groups.push(vec![task]),
        }
    }
    groups
}

/// Writes the user and the WABA, and what is known of the user.
fn write_heading(layout: &mut Layout, shown: &ExplainedAssignment<'_>) {
    let ExplainedAssignment { evidence, sources, explained, .. } = shown;
    let key = explained.key;
    let user = NamedObject::named(evidence.user_name(key), Some(key.user.to_string()));
    let waba = NamedObject::named(evidence.waba_name(key.waba), Some(key.waba.to_string()));
    let title = Sentence::default().object(&user, "").own("on").object(&waba, "");
    layout.entry(0, 4, [own("User", Paint::Dim)].into_iter().chain(sentence(&title, Paint::Plain)));
    let mut about = Sentence::default().own(wording::standing_noun(explained.standing));
    if explained.own && explained.standing == Standing::Person {
        about = about.own("of this business");
    }
    if let Some(at) = explained.declared_at {
        about = about.own(if explained.standing == Standing::Released { "(at" } else { "at" });
        about = about.place(sources.path(at.source), at.line);
        about = about.own(if explained.standing == Standing::Released { "before)" } else { "" });
    }
    layout.entry(2, 4, sentence(&about, Paint::Plain));
    if let Some(suspended) = explained.suspended {
        let text = Sentence::default().strong("suspended at");
        let text = text.place(sources.path(suspended.at.source), suspended.at.line);
        layout.entry(2, 4, sentence(&text.foreign(&format!("({})", suspended.value.as_str())), Paint::Plain));
    }
    if explained.holds_by_role() {
        let text = "holds everything by its role ADMIN, which no assignment narrows there; its role can be changed in Business Settings";
        layout.entry(2, 4, prose(text, Paint::Changed));
    } else if explained.narrows_role() {
        let text = "is an admin: this assignment narrows the full access of its role";
        layout.entry(2, 4, prose(text, Paint::Changed));
    }
    if let Some(why) = explained.unreadable {
        let text = Sentence::default().strong("The WABA could not be read:").foreign(why);
        layout.entry(2, 4, sentence(&text, Paint::Plain));
    } else if explained.live.is_some_and(TaskSet::is_empty) && !explained.holds_by_role() {
        layout.entry(2, 4, prose("holds nothing", Paint::Plain));
    }
}

/// Writes tasks of which everything but the name is the same.
fn write_tasks(layout: &mut Layout, shown: &ExplainedAssignment<'_>, same: &[&ExplainedTask<'_>]) {
    let ExplainedAssignment { sources, explained, history, .. } = shown;
    let first = same[0];
    let mut set = TaskSet::EMPTY;
    for task in same {
        set.extend(&task.task);
    }
    let (state, paint) = match (first.is_live, first.is_desired) {
        (Some(true), true) => ("live, and the manifests ask for it", Paint::Good),
        (Some(true), false) => ("live, and the manifests do not ask for it", Paint::Changed),
        (Some(false), _) => ("not live, and the manifests ask for it", Paint::Changed),
        (None, _) => ("the manifests ask for it; whether it is live is not known", Paint::Bad),
    };
    layout.entry(0, 4, set_words(&set, Paint::Bold));
    layout.entry(4, 6, prose(state, paint));
    for index in &first.given_by {
        let text = wording::grant("by", &explained.entries[*index].entry.source, sources);
        layout.entry(4, 6, sentence(&text, Paint::Dim));
    }
    write_since(layout, first, &history.sources);
    layout.entry(4, 6, sentence(&ends(first, shown), Paint::Dim));
    let includes = match (set.contains(Task::FullControl), set.contains(Task::Manage)) {
        (true, _) => Some("FULL_CONTROL includes every task"),
        (false, true) => Some("MANAGE includes MESSAGING"),
        (false, false) => None,
    };
    if let Some(text) = includes {
        layout.entry(4, 6, prose(text, Paint::Dim));
    }
}

/// Writes since when a task is live or is not, with the run that wrote it.
fn write_since(layout: &mut Layout, task: &ExplainedTask<'_>, journal: &Sources) {
    let held = task.is_live == Some(true);
    let lead = match (task.since, held) {
        (Since::Written(..), true) => "since it was written",
        (Since::Written(..), false) => "taken away by the write of",
        (Since::Before(..), true) => "since before the first write on record,",
        (Since::Before(..), false) => "missing since before the first write on record,",
        (Since::Outside(..), true) => "gained outside after the last write,",
        (Since::Outside(..), false) => "lost outside after the last write,",
        (Since::Unrecorded, _) => {
            let text = "since when: the journal has no write of this assignment";
            layout.entry(4, 6, prose(text, Paint::Dim));
            return;
        }
    };
    let Some((run, write)) = task.since.write() else { return };
    let last = LastWrite::of(run, write);
    layout.entry(4, 6, sentence(&wording::written(lead, &last, 0), Paint::Plain));
    if let Some(origin) = wording::origin("origin:", &run.origin) {
        layout.entry(6, 8, sentence(&origin, Paint::Plain));
    }
    if matches!(task.since, Since::Written(..)) {
        for reason in wording::reasons(&write.because, journal, false, 1) {
            let text = Sentence::default().own("then").then(reason);
            layout.entry(6, 8, sentence(&text, Paint::Dim));
        }
    }
}

/// Returns what would end a task, or what gives it from now on.
fn ends(task: &ExplainedTask<'_>, shown: &ExplainedAssignment<'_>) -> Sentence {
    let explained = shown.explained;
    let text = Sentence::default();
    match task.ends {
        Ends::NextApply if has_role_again(explained.outlook) => {
            text.own("after the next apply no assignment gives it, and the role ADMIN gives everything")
        }
        Ends::NextApply => text.strong("ends with the next apply"),
        Ends::Entries(until) => {
            let lines = task.given_by.iter().map(|index| &*explained.entries[*index].entry.source);
            match (until, task.given_by.len()) {
                (Some(until), 1) => text.own(format!("ends after {until}, or earlier without")),
                (Some(until), _) => text.own(format!("ends after {until}, or earlier without all of")),
                (None, 1) => text.own("ends without"),
                (None, _) => text.own("ends without all of"),
            }
            .then(paths(lines))
        }
        Ends::Blocked(blocked) => text.strong("stays:").own(blocked.why()),
        Ends::Kept => {
            let (_, at) = explained.prune;
            let path = shown.sources.path(at.source);
            text.own("stays because of `prune: none`; the WABA is declared at").place(path, at.line)
        }
        Ends::NotManaged => text.own(not_managed(explained.standing)),
        Ends::Unknown => text.own("what would end it is not known, because the WABA could not be read"),
        Ends::Implied => text.own("stays: the manifests say that Meta adds it (`implied`)"),
    }
}

/// Returns whether the plan deletes the assignment that narrows the full access of an admin.
fn has_role_again(outlook: Outlook<'_>) -> bool {
    matches!(outlook, Outlook::Changes(change) if change.restores_admin())
}

/// Returns the paths of grants with commas between.
fn paths<'g>(grants: impl Iterator<Item = &'g GrantSource>) -> Sentence {
    let paths: Vec<String> = grants.map(|grant| grant.path.clone()).collect();
    Sentence::default().fixed(&paths.join(", "))
}

/// Returns what ends the access of a user that the manifests do not manage.
fn not_managed(standing: Standing) -> &'static str {
    match standing {
        Standing::Declared | Standing::Released => {
            "stays: a declared system user was not found, and it could be this one"
        }
        Standing::Undeclared => "ends if the user is declared without a grant, or under `prune: all`",
        Standing::Ignored => "ends if the user is declared instead of ignored, and no grant gives it",
        Standing::OtherSet => "ends by the manifests of the other set",
        Standing::Person => "ends in Business Settings: manifests never change what people hold",
        Standing::OtherBusiness => "ends by the other business: manifests never change what its users hold",
        Standing::Unknown => "ends in Business Settings: manifests never change what users of this kind hold",
    }
}

/// Writes what the plan does, and why.
fn write_outlook(layout: &mut Layout, shown: &ExplainedAssignment<'_>) {
    let ExplainedAssignment { sources, explained, .. } = shown;
    let lead = || own("Plan:", Paint::Bold);
    let text = match explained.outlook {
        Outlook::Changes(change) => {
            let diff = TaskDiff::between(&change.before, &change.after);
            let words = tasks(&diff);
            layout.entry(0, 4, [lead(), super::sign(change.action())].into_iter().chain(words));
            for reason in wording::reasons(&change.because, sources, true, 1) {
                layout.entry(4, 6, sentence(&reason, Paint::Dim));
            }
            if change.admin && change.blocked.is_none() {
                layout.entry(4, 6, prose(admin_note(change, false), Paint::Changed));
            }
            if let Some(blocked) = change.blocked {
                let text = format!("not attempted: {}", Blocked::why(blocked));
                layout.entry(4, 6, prose(&text, Paint::Changed));
            }
            return;
        }
        Outlook::AsDesired => "changes nothing: live access is as the manifests ask for",
        Outlook::Kept => "changes nothing: `prune: none` keeps what no grant gives",
        Outlook::NotManaged => "changes nothing: the manifests do not manage this user here",
        Outlook::UserNotFound => {
            "changes nothing: the list of system users lacks this user, so it can only lose access"
        }
        Outlook::Unknown => "changes nothing: the WABA could not be read",
    };
    let words: Vec<StyledWord> = prose(text, Paint::Plain).collect();
    layout.entry(0, 4, [lead()].into_iter().chain(words));
}

/// Writes a grant or an exception with what else it gives.
fn write_entry(layout: &mut Layout, explained: &ExplainedEntry<'_>, sources: &Sources) {
    let ExplainedEntry { entry, counts, users, wabas, takes, gives_back } = explained;
    let lead = match (entry.phase, counts) {
        (Phase::InForce, true) => "in force:",
        (Phase::InForce, false) => "an exception stands in its place:",
        (Phase::Ended, _) => "ended:",
        (Phase::Coming, _) => "not yet in force:",
    };
    let text = wording::grant(lead, &entry.source, sources);
    layout.entry(2, 6, [own(".", Paint::Dim)].into_iter().chain(sentence(&text, Paint::Plain)));
    let (users, wabas) = (count(*users, "user", "users"), count(*wabas, "WABA", "WABAs"));
    let nothing = entry.tasks.is_empty().then(|| own("nothing", Paint::Plain));
    let gives = [own("gives", Paint::Plain)].into_iter().chain(nothing);
    let gives = gives.chain(set_words(&entry.tasks, Paint::Plain));
    layout.entry(6, 8, gives.chain(prose(&format!("to {users} on {wabas}"), Paint::Plain)));
    let fewer = count(*takes, "assignment loses", "assignments lose");
    let more = count(*gives_back, "assignment gains", "assignments gain");
    let without = match (takes, gives_back) {
        (0, 0) => String::from("without it, nothing changes"),
        (_, 0) => format!("without it, {fewer} tasks"),
        (0, _) => format!("without it, {more} tasks"),
        (_, _) => format!("without it, {fewer} tasks, and {more} some"),
    };
    layout.entry(6, 8, prose(&without, Paint::Dim));
}

/// Returns the last line.
fn closing(shown: &ExplainedAssignment<'_>) -> String {
    let explained = shown.explained;
    let tasks = |set: &TaskSet| count(set.len(), "task", "tasks");
    let live = match explained.live {
        None => String::from("not known"),
        Some(_) if explained.holds_by_role() => String::from("everything, by its role"),
        Some(live) => tasks(live),
    };
    let plan = match explained.outlook {
        Outlook::Changes(change) if change.blocked.is_none() => "the next apply changes it",
        Outlook::Changes(_) => "an apply does not attempt the change",
        Outlook::AsDesired
        | Outlook::Kept
        | Outlook::NotManaged
        | Outlook::UserNotFound
        | Outlook::Unknown => "an apply changes nothing",
    };
    let prune = match explained.prune.0 {
        Prune::None => "none",
        Prune::Declared => "declared",
        Prune::All => "all",
    };
    format!("Live: {live}. Desired: {}. With prune: {prune}, {plan}.", tasks(explained.desired))
}
