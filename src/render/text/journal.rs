//! Journals as text, oldest run first.

use super::{object_words, outcome_words, sign};
use crate::model::{
    AssignmentKey, BusinessId, Histories, History, LeftOut, Name, RecordedRun, RecordedWrite, RunEnd,
    Settled, SettledWrite, Settlement, Sources,
};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, StyledWord, foreign, own, prose, sentence, sentence_with, tasks};
use crate::render::sentence::Sentence;
use crate::render::view::{NamedObject, TaskDiff};
use crate::render::wording;
use crate::text::count;

/// Shows journals for people.
pub fn journal(histories: &Histories, style: &Style) -> String {
    let mut layout = Layout::new(style);
    for (business, history) in histories {
        let is_empty = history.runs.is_empty() && history.broken_lines == 0 && history.torn.is_none();
        if is_empty && history.moved_to.is_none() {
            continue;
        }
        layout.gap();
        write_business(&mut layout, *business, history);
    }
    write_summary(&mut layout, histories);
    layout.finish()
}

/// Shows what became of writes that earlier runs left in flight; nothing if there were none.
pub fn settled(writes: &[SettledWrite], style: &Style) -> String {
    let mut layout = Layout::new(style);
    if writes.is_empty() {
        return layout.finish();
    }
    let text = format!("An earlier apply left {} in flight:", count(writes.len(), "write", "writes"));
    layout.entry(0, 4, prose(&text, Paint::Changed));
    for write in writes {
        let words = assignment(&write.user_name, &write.waba_name, write.key);
        layout.entry(2, 6, [own("-", Paint::Dim)].into_iter().chain(words));
        let text = match &write.found {
            Ok((found, how)) => {
                let lead = match how {
                    Settlement::TookEffect => "it took effect: found",
                    Settlement::NoEffect => "it had no effect: found",
                    Settlement::Different => "live access is different: found",
                };
                Sentence::default().own(lead).tasks(found)
            }
            Err(why) => {
                let lead = "it stays open, as the WABA could not be read:";
                Sentence::default().strong(lead).foreign(why)
            }
        };
        layout.entry(6, 8, sentence_with(&text, Paint::Plain, Paint::Bad));
    }
    layout.finish()
}

/// Returns the words of `USER (id) on WABA (id)`.
fn assignment(user: &Name, waba: &Name, key: AssignmentKey) -> Vec<StyledWord> {
    let mut words = object_words(&NamedObject::new(user.as_str(), key.user.to_string()));
    words.push(own("on", Paint::Dim));
    words.extend(object_words(&NamedObject::new(waba.as_str(), key.waba.to_string())));
    words
}

fn write_business(layout: &mut Layout, business: BusinessId, history: &History) {
    layout.entry(0, 2, [own("Business", Paint::Dim), own(business.to_string(), Paint::Bold)]);
    for run in &history.runs {
        layout.gap();
        write_run(layout, run, &history.sources);
    }
    if history.broken_lines > 0 || history.torn.is_some() {
        layout.gap();
    }
    for broken in &history.broken {
        let lead =
            prose(&format!("Could not be read: line {}:", broken.line), Paint::Bad).collect::<Vec<_>>();
        let why = Sentence::default().foreign(broken.why.as_str());
        layout.entry(0, 4, lead.into_iter().chain(sentence(&why, Paint::Plain)));
    }
    let more = history.broken_lines.saturating_sub(history.broken.len());
    if more > 0 {
        layout.entry(0, 4, prose(&format!("Could not be read: {more} more lines"), Paint::Bad));
    }
    if let Some(line) = history.torn {
        let text = format!("Line {line}, the last one, was cut off: its run crashed, or is writing it.");
        layout.entry(0, 4, prose(&text, Paint::Changed));
    }
    if history.begins.is_some() || history.moved_to.is_some() {
        layout.gap();
    }
    if let Some(at) = history.begins {
        let text = format!(
            "The record begins at {at}: of what was before, the last write of each assignment is kept."
        );
        layout.entry(0, 2, prose(&text, Paint::Changed));
    }
    if let Some(to) = &history.moved_to {
        let text =
            Sentence::default().own("The record ends here: the state has moved to").foreign(to.as_str());
        layout.entry(0, 2, sentence(&text, Paint::Changed));
    }
}

fn write_run(layout: &mut Layout, run: &RecordedRun, sources: &Sources) {
    let run_id = foreign(run.id.as_str(), Paint::Bold);
    let at = own(run.at.to_string(), Paint::Plain);
    let mut words = vec![own("Run", Paint::Dim), run_id, own("at", Paint::Dim), at];
    if let Some((id, name)) = &run.acting_user {
        words.push(own("by", Paint::Dim));
        let user = Sentence::default().object(&NamedObject::new(name.as_str(), id.to_string()), "");
        words.extend(sentence(&user, Paint::Dim));
    }
    layout.entry(0, 4, words);
    layout.entry(2, 4, sentence(&process(run), Paint::Dim));
    for (label, value) in run.origin.labelled() {
        layout.entry(2, 4, sentence(&wording::origin_entry(label, value, ""), Paint::Dim));
    }
    let digests = [("plan", &run.plan_digest), ("manifests", &run.manifest_digest)];
    // What takes a run back is no plan of manifests.
    for (lead, digest) in digests.into_iter().filter(|(_, digest)| !digest.as_str().is_empty()) {
        layout.entry(2, 4, [own(lead, Paint::Dim), foreign(digest.as_str(), Paint::Dim)]);
    }
    if !run.waivers.is_empty() {
        let waivers = run.waivers.iter().map(|waiver| foreign(waiver.as_str(), Paint::Changed));
        layout.entry(2, 4, [own("waived", Paint::Changed)].into_iter().chain(waivers));
    }
    for write in &run.writes {
        write_write(layout, write, sources);
    }
    layout.entry(2, 4, end_words(run.end.as_ref()));
}

fn process(run: &RecordedRun) -> Sentence {
    let mut text = Sentence::default().own(format!("process {}", run.by.pid));
    for (lead, name) in [("of", &run.by.user), ("on", &run.by.host)] {
        if let Some(name) = name.as_ref().filter(|name| !name.as_str().is_empty()) {
            text = text.own(lead).foreign(name.as_str());
        }
    }
    text.own("with wabacl").foreign(run.version.as_str())
}

fn end_words(end: Option<&RunEnd>) -> Vec<StyledWord> {
    let Some(end) = end else {
        return prose("no end on record: it crashed, was killed, or is still running", Paint::Changed)
            .collect();
    };
    let text = format!("ended at {}: {} done, {} not done", end.at, end.done, end.not_done);
    let mut words: Vec<StyledWord> = prose(&text, Paint::Dim).collect();
    if let Some(why) = &end.stopped {
        words.push(own("stopped:", Paint::Bad));
        words.extend(sentence(&Sentence::default().foreign(why.as_str()), Paint::Plain));
    }
    words
}

fn write_write(layout: &mut Layout, write: &RecordedWrite, sources: &Sources) {
    let mut words = vec![sign(write.action())];
    words.extend(assignment(&write.user_name, &write.waba_name, write.key));
    words.extend(tasks(&TaskDiff::between(&write.before, &write.after)));
    layout.entry(2, 6, words);
    for reason in reasons(write, sources) {
        layout.entry(6, 8, sentence(&reason, Paint::Dim));
    }
    if let Some(recorded) = &write.outcome {
        let mut words = outcome_words(&recorded.outcome);
        for trace in &recorded.traces {
            words.push(own("trace", Paint::Dim));
            words.push(foreign(trace.as_str(), Paint::Dim));
        }
        layout.entry(6, 8, words);
    }
    if let Some(settled) = &write.settled {
        layout.entry(6, 8, settled_words(settled));
    }
    if write.is_in_flight() {
        let text = format!("in flight since {}: its result is unknown", write.at);
        layout.entry(6, 8, prose(&text, Paint::Bad));
    }
}

fn reasons(write: &RecordedWrite, sources: &Sources) -> Vec<Sentence> {
    let mut all = wording::reasons(&write.because, sources, true, 1);
    if write.more > 0 {
        all.push(Sentence::default().own(format!("and {} more", write.more)));
    }
    all
}

fn settled_words(settled: &Settled) -> Vec<StyledWord> {
    let (lead, paint) = match settled.how {
        Settlement::TookEffect => ("it took effect, as a later run read: found", Paint::Good),
        Settlement::NoEffect => ("it had no effect, as a later run read: found", Paint::Changed),
        Settlement::Different => ("unknown; a later run found something else:", Paint::Bad),
    };
    let text =
        Sentence::default().strong(lead).tasks(&settled.found).own("by run").fixed(settled.run.as_str());
    sentence_with(&text, Paint::Plain, paint).collect()
}

/// Returns what filters and limits leave out; nothing if they leave out nothing.
pub fn left_out(histories: &Histories) -> Option<String> {
    let sum = |number: fn(&LeftOut) -> usize| -> usize {
        histories.values().map(|history| number(&history.left_out)).sum()
    };
    let (runs, writes) = (sum(|left_out| left_out.runs), sum(|left_out| left_out.writes));
    let in_flight = match sum(|left_out| left_out.in_flight) {
        0 => String::new(),
        number => format!(", {number} of them in flight"),
    };
    let parts =
        [(runs, "run", "runs"), (writes, "write", "writes")].into_iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, one, many)| count(number, one, many)).collect();
    (!parts.is_empty()).then(|| format!("Not shown: {}{in_flight}.", parts.join(", ")))
}

fn write_summary(layout: &mut Layout, histories: &Histories) {
    layout.gap();
    let runs: usize = histories.values().map(|history| history.runs.len()).sum();
    let writes = histories.values().flat_map(|history| &history.runs).map(|run| run.writes.len()).sum();
    let in_flight: usize = histories.values().map(|history| history.in_flight().count()).sum();
    let (runs, writes) = (count(runs, "run", "runs"), count(writes, "write", "writes"));
    let in_flight_text = if in_flight > 0 { format!(", {in_flight} in flight") } else { String::new() };
    layout.entry(0, 2, prose(&format!("Journal: {runs}, {writes}{in_flight_text}."), Paint::Bold));
    if let Some(text) = left_out(histories) {
        layout.entry(0, 2, prose(&text, Paint::Plain));
    }
    if in_flight > 0 {
        let text = "A write in flight may have taken effect; the next apply reads the WABA to find out.";
        layout.entry(0, 2, prose(text, Paint::Dim));
    }
}
