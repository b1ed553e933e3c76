//! What an interrupt says: where the run was, and what it waits for.

use crate::apply::InFlight;
use crate::engine::{Progress, Stage};
use crate::model::{Name, Plan, WabaId};
use crate::text::count;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the run is doing; the last that began comes last.
static DOING: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// A part of a run. It ends when this is dropped.
pub(crate) struct Doing(&'static str);

impl Doing {
    /// Begins a part of the run: `reading the manifests`.
    pub(crate) fn start(what: &'static str) -> Self {
        begin(what);
        Self(what)
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Notes that a stage of the engine begins or ends.
pub(crate) fn note(stage: Stage, progress: Progress) {
    match progress {
        Progress::Started(_) => begin(stage.label()),
        Progress::Advanced(_) => {}
        Progress::Ended => end(stage.label()),
    }
}

/// Describes an interrupt before anything was written: where the run was.
pub(crate) fn nothing_written() -> String {
    let doing = DOING.lock().unwrap_or_else(PoisonError::into_inner);
    let place = doing.last().map(|doing| format!(" while {doing}")).unwrap_or_default();
    format!("Interrupted{place}: nothing was written.")
}

fn begin(what: &'static str) {
    DOING.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

fn end(what: &'static str) {
    let mut doing = DOING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = doing.iter().rposition(|doing| *doing == what) {
        doing.remove(at);
    }
}

/// The calls that are named before the others are only counted. A guess: a line or two.
const NAMED: usize = 3;

/// Describes an interrupt during an apply: what the run waits for, and for how long.
pub(crate) fn waiting(in_flight: &InFlight, plan: &Plan, grace: Duration) -> String {
    let waba = |waba: WabaId| known(&plan.waba_name(waba), &waba);
    let writes = in_flight
        .writes
        .iter()
        .map(|key| format!("{} on {}", known(&plan.user_name(key.user), &key.user), waba(key.waba)));
    let calls = [
        named("write", "writes", writes),
        named("read", "reads", in_flight.reads.iter().map(|id| waba(*id))),
    ];
    let calls: Vec<String> = calls.into_iter().flatten().collect();
    let begun = "Interrupted: no further change is begun.";
    if calls.is_empty() {
        return format!("{begun} Nothing is in flight.");
    }
    let (grace, calls) = (grace.as_secs(), calls.join(" and "));
    format!("{begun} Waiting up to {grace} s for {calls}. Interrupt again to end at once.")
}

/// Counts calls and names the first; `None` if there are none.
fn named(one: &str, many: &str, calls: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let number = calls.len();
    let mut names: Vec<String> = calls.take(NAMED).collect();
    if number > names.len() {
        names.push(format!("{} more", number - names.len()));
    }
    (number > 0).then(|| format!("{} ({})", count(number, one, many), names.join(", ")))
}

/// Returns a name, or the id if there is none.
fn known(name: &Name, id: &impl ToString) -> String {
    if name.as_str().is_empty() { id.to_string() } else { name.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AssignmentKey;

    #[test]
    fn an_interrupt_names_what_it_waits_for() {
        let mut plan = Plan::empty("1".parse().expect("an id"), jiff::Timestamp::UNIX_EPOCH);
        let (waba, user): (WabaId, _) = ("500".parse().expect("an id"), "7".parse().expect("an id"));
        plan.waba_names.insert(waba, Name::from("acme"));
        let waiting = |in_flight: &InFlight| waiting(in_flight, &plan, Duration::from_secs(5));
        assert!(waiting(&InFlight::default()).ends_with("Nothing is in flight."));
        let in_flight = InFlight { writes: vec![AssignmentKey { waba, user }], reads: vec![waba; 5] };
        assert_eq!(
            waiting(&in_flight),
            "Interrupted: no further change is begun. Waiting up to 5 s for 1 write (7 on acme) and 5 reads (acme, \
             acme, acme, 2 more). Interrupt again to end at once."
        );
    }
}
