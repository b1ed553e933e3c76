//! What journals tell, as text, oldest first. Decides nothing.

use super::report::outcome_words;
use super::{between, count, held, sign};
use crate::model::{
    BusinessId, GrantSource, Histories, History, Name, Position, Prune, RecordedRun, RecordedWrite, RunEnd,
    Settled, SettledWrite, Settlement, Sources, WhyGone,
};
use crate::render::layout::{Layout, Paint, Word, foreign, foreign_prose, own, prose};
use crate::render::{Style, named};

/// Shows what journals tell, for people.
pub fn journal(histories: &Histories, style: &Style) -> String {
    let mut layout = Layout::new(style);
    for (business, history) in histories {
        layout.gap();
        write_business(&mut layout, *business, history);
    }
    write_last(&mut layout, histories);
    layout.finish()
}

/// Shows what a read told of writes that earlier runs left in flight, for people; nothing where there were none.
pub fn settled(writes: &[SettledWrite], style: &Style) -> String {
    let mut layout = Layout::new(style);
    if writes.is_empty() {
        return layout.finish();
    }
    let text = format!("An earlier apply left {} in flight:", count(writes.len(), "write", "writes"));
    layout.entry(0, 4, prose(&text, Paint::Changed));
    for write in writes {
        let mut words = vec![own("-", Paint::Dim)];
        words.push(foreign(&named(&write.user_name, write.key.user), Paint::Bold));
        words.extend(with_id(&write.user_name, write.key.user));
        words.push(own("on", Paint::Dim));
        words.push(foreign(&named(&write.waba_name, write.key.waba), Paint::Bold));
        words.extend(with_id(&write.waba_name, write.key.waba));
        layout.entry(2, 6, words);
        let words = match &write.found {
            Ok((found, how)) => {
                let text = match how {
                    Settlement::TookEffect => "it took effect: found",
                    Settlement::NoEffect => "it had no effect: found",
                    Settlement::Different => "something else is there by now: found",
                };
                prose(text, Paint::Plain).chain(held(found)).collect()
            }
            Err(why) => {
                let lead = prose("it stays open, as the WABA could not be read:", Paint::Bad);
                lead.chain(foreign_prose(why, Paint::Plain)).collect::<Vec<Word>>()
            }
        };
        layout.entry(6, 8, words);
    }
    layout.finish()
}

fn write_business(layout: &mut Layout, business: BusinessId, history: &History) {
    let heading = [own("Business", Paint::Dim), own(business.to_string(), Paint::Bold)];
    layout.entry(0, 2, heading);
    for run in &history.runs {
        layout.gap();
        write_run(layout, run, &history.sources);
    }
    if history.broken_lines > 0 || history.torn.is_some() {
        layout.gap();
    }
    for broken in &history.broken {
        let lead = prose("Could not be read: line", Paint::Bad);
        let words = lead.chain([own(format!("{}:", broken.line), Paint::Bad)]);
        layout.entry(0, 4, words.chain(foreign_prose(broken.why.as_str(), Paint::Plain)));
    }
    let more = history.broken_lines - history.broken.len().min(history.broken_lines);
    if more > 0 {
        let text = format!("Could not be read: {more} more of its lines");
        layout.entry(0, 4, prose(&text, Paint::Bad));
    }
    if let Some(line) = history.torn {
        let text = format!("Line {line}, the last one, was cut off: its run crashed, or is writing it.");
        layout.entry(0, 4, prose(&text, Paint::Changed));
    }
}

fn write_run(layout: &mut Layout, run: &RecordedRun, sources: &Sources) {
    let mut words =
        vec![own("Run", Paint::Dim), foreign(run.id.as_str(), Paint::Bold), own("at", Paint::Dim)];
    words.push(own(run.at.to_string(), Paint::Plain));
    if let Some((id, name)) = &run.acting_user {
        words.push(own("by", Paint::Dim));
        words.push(foreign(&named(name, id), Paint::Plain));
        if !name.as_str().trim().is_empty() {
            words.push(own(format!("({id})"), Paint::Dim));
        }
    }
    layout.entry(0, 4, words);
    let mut words: Vec<Word> = prose(&format!("process {}", run.by.pid), Paint::Dim).collect();
    for (lead, name) in
        [("of", &run.by.user), ("on", &run.by.host), ("with wabacl", &Some(run.version.clone()))]
    {
        if let Some(name) = name.as_ref().filter(|name| !name.as_str().is_empty()) {
            words.extend(prose(lead, Paint::Dim));
            words.extend(foreign_prose(name.as_str(), Paint::Dim));
        }
    }
    layout.entry(2, 4, words);
    for (lead, digest) in [("plan", &run.plan_digest), ("manifests", &run.manifest_digest)] {
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

fn end_words(end: Option<&RunEnd>) -> Vec<Word> {
    let Some(end) = end else {
        return prose("no end on record: it crashed, was killed, or still runs", Paint::Changed).collect();
    };
    let text = format!("ended at {}: {} done, {} not done", end.at, end.done, end.not_done);
    let mut words: Vec<Word> = prose(&text, Paint::Dim).collect();
    if let Some(why) = &end.stopped {
        words.push(own("stopped:", Paint::Bad));
        words.extend(foreign_prose(why.as_str(), Paint::Plain));
    }
    words
}

fn write_write(layout: &mut Layout, write: &RecordedWrite, sources: &Sources) {
    let mut words =
        vec![sign(write.action()), foreign(&named(&write.user_name, write.key.user), Paint::Bold)];
    words.extend(with_id(&write.user_name, write.key.user));
    words.push(own("on", Paint::Dim));
    words.push(foreign(&named(&write.waba_name, write.key.waba), Paint::Bold));
    words.extend(with_id(&write.waba_name, write.key.waba));
    words.extend(between(&write.before, &write.after));
    layout.entry(2, 6, words);
    for grant in &write.because.grants {
        layout.entry(6, 8, grant_words(grant, sources, "by"));
    }
    if let Some((prune, lines)) = &write.because.gone {
        for line in lines {
            layout.entry(6, 8, gone_words(*prune, line, sources));
        }
    }
    if write.more > 0 {
        layout.entry(6, 8, prose(&format!("and {} more", write.more), Paint::Dim));
    }
    if let Some(told) = &write.outcome {
        let mut words = outcome_words(&told.outcome);
        for trace in &told.traces {
            words.push(own("trace", Paint::Dim));
            words.push(foreign(trace.as_str(), Paint::Dim));
        }
        layout.entry(6, 8, words);
    }
    if let Some(settled) = &write.settled {
        layout.entry(6, 8, settled_words(settled));
    }
    if write.is_in_flight() {
        let text = format!("in flight since {}: nothing is known of it", write.at);
        layout.entry(6, 8, prose(&text, Paint::Bad));
    }
}

/// Returns an id beside a name that is not the id itself.
#[allow(clippy::needless_pass_by_value, reason = "an id is a number that is copied")]
fn with_id(name: &Name, id: impl std::fmt::Display) -> Option<Word> {
    (!name.as_str().trim().is_empty()).then(|| own(format!("({id})"), Paint::Dim))
}

fn settled_words(settled: &Settled) -> Vec<Word> {
    let (text, paint) = match settled.how {
        Settlement::TookEffect => ("it took effect, as a later run read: found", Paint::Good),
        Settlement::NoEffect => ("it had no effect, as a later run read: found", Paint::Changed),
        Settlement::Different => ("it is not known; a later run found something else:", Paint::Bad),
    };
    let mut words: Vec<Word> = prose(text, paint).collect();
    words.extend(held(&settled.found));
    words.push(own("by run", Paint::Dim));
    words.push(foreign(settled.run.as_str(), Paint::Dim));
    words
}

fn grant_words(grant: &GrantSource, sources: &Sources, lead: &str) -> Vec<Word> {
    let mut words = vec![own(lead, Paint::Dim), foreign(&grant.path, Paint::Dim)];
    if let Some(name) = &grant.name {
        words.extend(foreign_prose(&format!("\"{}\"", name.as_str()), Paint::Dim));
    }
    words.push(own("at", Paint::Dim));
    words.push(place(grant.at, sources));
    if let Some(reason) = &grant.reason {
        words.extend(foreign_prose(&format!("({})", reason.as_str()), Paint::Dim));
    }
    words
}

fn place(at: Position, sources: &Sources) -> Word {
    foreign(&format!("{}:{}", sources.path(at.source), at.line), Paint::Dim)
}

fn gone_words(prune: Prune, line: &WhyGone, sources: &Sources) -> Vec<Word> {
    let mut words = match line {
        WhyGone::Expired(grant) => grant_words(grant, sources, "expired:"),
        WhyGone::Declared(at) => {
            let lead = prose("no grant gave it to the user declared at", Paint::Dim);
            lead.chain([place(*at, sources)]).collect()
        }
        WhyGone::Undeclared(at) => {
            let lead = prose("declared in no manifest, on a WABA of", Paint::Dim);
            lead.chain([place(*at, sources)]).collect()
        }
    };
    let prune = match prune {
        Prune::None => "(prune: none)",
        Prune::Declared => "(prune: declared)",
        Prune::All => "(prune: all)",
    };
    words.extend(prose(prune, Paint::Dim));
    words
}

fn write_last(layout: &mut Layout, histories: &Histories) {
    layout.gap();
    let runs: usize = histories.values().map(|history| history.runs.len()).sum();
    let writes = histories.values().flat_map(|history| &history.runs).map(|run| run.writes.len()).sum();
    let in_flight = histories.values().map(|history| history.in_flight().count()).sum();
    let (runs, writes) = (count(runs, "run", "runs"), count(writes, "write", "writes"));
    let line = match in_flight {
        0 => format!("Journal: {runs}, {writes}."),
        _ => format!("Journal: {runs}, {writes}, {in_flight} in flight."),
    };
    layout.entry(0, 2, prose(&line, Paint::Bold));
    if in_flight > 0 {
        let text = "What is in flight may have taken effect; the next apply settles it by reading.";
        layout.entry(0, 2, prose(text, Paint::Dim));
    }
}
