//! What must hold after every run, judged by what the emulator saw.

use super::case::{Case, End, SECRET, TOKEN};
use super::run::{self, ReportedAccess, RunEnd, Trail};
use super::{Place, Played};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use wabacl::emulator::{Emulator, ForeignChange, LoggedWrite};
use wabacl::engine::Ending;
use wabacl::model::{
    AssignmentKey, Blocked, Change, History, Holders, Outcome, Plan, Policy, Report, State, Task, TaskSet,
    UserId, WabaId,
};
use wabacl::query::{Proof, proof};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    OnlyThePlan,
    MinHolders,
    MakeBeforeBreak,
    TheTruth,
    Convergence,
    Journal,
    Secrets,
    NothingElsewhere,
    Limits,
    AccessReport,
}

impl Promise {
    pub(crate) const ALL: [Self; 10] = [
        Self::OnlyThePlan,
        Self::MinHolders,
        Self::MakeBeforeBreak,
        Self::TheTruth,
        Self::Convergence,
        Self::Journal,
        Self::Secrets,
        Self::NothingElsewhere,
        Self::Limits,
        Self::AccessReport,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyThePlan => {
                "no write outside the plan, and nobody loses a task that the plan does not take"
            }
            Self::MinHolders => "holders never sink below min_holders, on the way neither",
            Self::MakeBeforeBreak => "no task has fewer holders on the way than before and after",
            Self::TheTruth => "report and exit code tell the truth",
            Self::Convergence => "run again without faults it converges, and one more plan is empty",
            Self::Journal => "the journal accounts for each write that the emulator saw",
            Self::Secrets => {
                "no secret, nor a part of it, in any byte that is written, however it is encoded"
            }
            Self::NothingElsewhere => "nothing is sent to any other address",
            Self::Limits => "calls never exceed the budget, and nothing is sent while throttled",
            Self::AccessReport => "a report on access adds up, and what it calls shown by a read was written",
        })
    }
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) promise: Promise,
    pub(crate) what: String,
}

/// Watches the runs of one seed.
pub(crate) struct Checks<'a> {
    case: &'a Case,
    emulator: &'a Emulator,
    place: &'a Place<'a>,
    played: Played,
    /// All that the runs printed.
    printed: String,
    /// What was so when the current run began.
    before: Before,
}

#[derive(Default)]
struct Before {
    assignments: State,
    writes: usize,
    foreign: usize,
}

/// What happened to assignments in the course of one run.
struct Course<'a> {
    before: &'a State,
    writes: &'a [LoggedWrite],
    foreign: &'a [ForeignChange],
    /// When each WABA was read, over all runs.
    reads: BTreeMap<WabaId, Vec<Timestamp>>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(case: &'a Case, emulator: &'a Emulator, place: &'a Place<'a>) -> Self {
        Self {
            case,
            emulator,
            place,
            played: Played::default(),
            printed: String::new(),
            before: Before::default(),
        }
    }

    /// Takes note that a run begins.
    pub(crate) fn begin(&mut self) {
        self.before = Before {
            assignments: self.emulator.world().assignments().clone(),
            writes: self.emulator.writes().len(),
            foreign: self.emulator.foreign_changes().len(),
        };
    }

    /// Judges a run that has ended.
    pub(crate) async fn end(&mut self, end: End, trail: &Trail) {
        let (writes, foreign) = (self.emulator.writes(), self.emulator.foreign_changes());
        let before = std::mem::take(&mut self.before);
        let mut reads: BTreeMap<WabaId, Vec<Timestamp>> = BTreeMap::new();
        for read in self.emulator.reads() {
            reads.entry(read.waba).or_default().push(read.at);
        }
        let course = Course {
            before: &before.assignments,
            writes: writes.get(before.writes..).unwrap_or_default(),
            foreign: foreign.get(before.foreign..).unwrap_or_default(),
            reads,
        };
        self.count(end, trail, &course);
        self.tell(end, trail, &course);
        match &trail.planned {
            Some((plan, policy)) if trail.approved => {
                self.only_the_plan(plan, &course);
                self.min_holders(plan, policy, &course);
                self.make_before_break(plan, &course);
                if let Some(report) = &trail.report {
                    self.the_truth(plan, report, trail.end, &course);
                }
            }
            _ if course.writes.is_empty() => {}
            _ => self.breach(Promise::OnlyThePlan, "something was written without an approved plan".into()),
        }
        self.access_report(trail);
        self.journal(&writes, &foreign).await;
        self.limits();
        self.printed += &trail.printed;
    }

    fn count(&mut self, end: End, trail: &Trail, course: &Course<'_>) {
        let ended = trail.end.is_some();
        let counts = &mut self.played.counts;
        counts.runs += 1;
        counts.shared += u64::from(self.place.objects.is_some());
        counts.lost += u64::from(trail.lost);
        counts.killed += u64::from(matches!(end, End::Kill(_)) && !ended);
        counts.interrupted += u64::from(matches!(end, End::Interrupt(..)));
        counts.refused += u64::from(trail.planned.is_some() && !trail.approved);
        counts.writes += course.writes.len() as u64;
        counts.foreign += course.foreign.len() as u64;
        counts.calls = self.emulator.calls().len() as u64;
        let outcomes = trail.report.iter().flat_map(|report| &report.changes);
        let unclear = outcomes.filter(|reported| matches!(reported.outcome, Outcome::Unknown { .. }));
        counts.unknown += unclear.count() as u64;
    }

    /// Writes down what happened, for comparing one run of a seed with another.
    fn tell(&mut self, end: End, trail: &Trail, course: &Course<'_>) {
        let mut story = format!("{end:?} -> {:?}", trail.end);
        for write in course.writes {
            let LoggedWrite { key, tasks, effective, at, .. } = write;
            let _ = write!(story, "\n  {at} {}/{} = [{tasks}] {effective}", key.waba, key.user);
        }
        for ForeignChange { key, before, after, at } in course.foreign {
            let _ = write!(
                story,
                "\n  {at} {}/{} from [{before}] to [{after}] by somebody else",
                key.waba, key.user
            );
        }
        for reported in trail.report.iter().flat_map(|report| &report.changes) {
            let key = reported.change.key;
            let _ = write!(story, "\n  {}/{}: {:?}", key.waba, key.user, reported.outcome);
        }
        let _ = write!(story, "\n  {} calls, {}", self.emulator.calls().len(), self.emulator.requests());
        self.played.story.push(story.replace(&self.emulator.url(), ""));
    }

    fn breach(&mut self, promise: Promise, what: String) {
        self.played.breaches.push(Breach { promise, what });
    }

    /// Each write is a change of the plan, whole, and takes nothing besides.
    fn only_the_plan(&mut self, plan: &Plan, course: &Course<'_>) {
        let changes: BTreeMap<AssignmentKey, &Change> =
            plan.changes.iter().map(|change| (change.key, change)).collect();
        for write in course.writes {
            let planned = changes.get(&write.key).filter(|change| change.blocked.is_none());
            let is_step = |change: &&&Change| {
                change.after == write.tasks
                    || (change.split && change.before.union(&change.after) == write.tasks)
            };
            let Some(change) = planned.filter(is_step) else {
                self.breach(Promise::OnlyThePlan, format!("not in the plan: {write:?}"));
                continue;
            };
            let lost = write.before.difference(&write.after);
            let taken = change.before.difference(&change.after);
            let is_hidden = self.case.hidden.contains(&write.key.user);
            if !lost.is_subset(&taken) && !is_hidden && !course.moved_since_read(write) {
                let what = format!("{write:?} takes [{lost}], and the plan takes [{taken}]");
                self.breach(Promise::OnlyThePlan, what);
            }
        }
    }

    /// No write leaves a WABA with fewer holders of a task than the minimum, or than there were if these were fewer.
    ///
    /// What somebody else changed counts as having been so before.
    fn min_holders(&mut self, plan: &Plan, policy: &Policy, course: &Course<'_>) {
        for (waba, events) in course.by_waba() {
            let admins = admins(plan, waba);
            let holders = |held: &BTreeMap<UserId, TaskSet>, task: Task| {
                let is_full = |user: &UserId| held.get(user).is_some_and(TaskSet::is_full);
                let has_all =
                    |user: &UserId| admins.contains(user) && (is_unassigned(held, *user) || is_full(user));
                let users: BTreeSet<&UserId> = held.keys().chain(&admins).collect();
                let grants = |user: &UserId| held.get(user).is_some_and(|tasks| tasks.grants(task));
                users.into_iter().filter(|user| has_all(user) || grants(user)).count() as u64
            };
            let mut held: BTreeMap<UserId, TaskSet> =
                course.before.on(waba).map(|(user, tasks)| (user, tasks.clone())).collect();
            let counts = |user: &UserId| policy.holders == Holders::Anyone || *user != self.case.theirs;
            held.retain(|user, _| !self.case.hidden.contains(user) && counts(user));
            let mut usual = held.clone();
            for event in &events {
                let earlier = held.clone();
                held.insert(event.key().user, event.after().clone());
                let Event::Ours(write) = event else {
                    usual.clone_from(&held);
                    continue;
                };
                for (task, least) in &policy.min_holders {
                    let (before, after) = (holders(&earlier, *task), holders(&held, *task));
                    let least = (*least).min(holders(&usual, *task));
                    if after < before && after < least && !course.moved_since_read(write) {
                        let what = format!("{write:?}: {before} to {after} holders of {}", task.name());
                        self.breach(Promise::MinHolders, what);
                    }
                }
            }
        }
    }

    /// At no moment of an apply does a task have fewer holders on a WABA than both before it and after it.
    ///
    /// Judged where nobody else changed anything, and where the API showed the plan what was so.
    fn make_before_break(&mut self, plan: &Plan, course: &Course<'_>) {
        for changes in plan.by_waba() {
            let waba = changes[0].key.waba;
            let admins = admins(plan, waba);
            let writes = || course.writes.iter().filter(|write| write.key.waba == waba && write.effective);
            let Some(first) = writes().next().filter(|_| !course.moved(waba, None, None)) else { continue };
            let mut held = first.holders.clone();
            // The plan never sees what these hold.
            held.retain(|user, _| !self.case.hidden.contains(user));
            let mut planned = held.clone();
            let mut is_as_read = true;
            for change in changes.iter().filter(|change| change.blocked.is_none()) {
                let before = planned.insert(change.key.user, change.after.clone()).unwrap_or_default();
                is_as_read &= before == change.before;
            }
            if !is_as_read {
                continue;
            }
            let before = held.clone();
            for write in writes() {
                held.insert(write.key.user, write.after.clone());
                // Whether `MANAGE` narrows what an admin has by its role is not documented: both must be so.
                let [mut fewer, narrow] = [true, false].map(|manage_is_all| {
                    let count = |held| count_holders(held, &admins, manage_is_all);
                    with_fewer(&count(&held), &count(&before), &count(&planned))
                });
                fewer.retain(|task| narrow.contains(task));
                if let Some(task) = fewer.first() {
                    let what = format!("{write:?}: fewer holders of {task} than before and after");
                    self.breach(Promise::MakeBeforeBreak, what);
                }
            }
        }
    }

    /// What the report says of each change is so.
    fn the_truth(&mut self, plan: &Plan, report: &Report, end: Option<RunEnd>, course: &Course<'_>) {
        let reported: Vec<_> = report.changes.iter().map(|reported| &reported.change).collect();
        if reported != plan.changes.iter().collect::<Vec<_>>() {
            self.breach(Promise::TheTruth, "the report does not tell of each change".into());
        }
        let world = self.emulator.world();
        for reported in &report.changes {
            let (change, outcome) = (&reported.change, &reported.outcome);
            let held = world.assignments().get(change.key).cloned().unwrap_or_default();
            let written = course.writes.iter().rfind(|write| write.key == change.key && write.effective);
            let by_others = |since: Option<Timestamp>| course.moved(change.key.waba, since, None);
            let last_read = course.reads.get(&change.key.waba).and_then(|reads| reads.last()).copied();
            let is_so = plan.implied.same(&held, &change.after);
            let what = match outcome {
                Outcome::Applied | Outcome::AlreadySo => {
                    (!is_so && !by_others(last_read)).then(|| format!("it holds [{held}]"))
                }
                Outcome::StoredDifferently { stored } => {
                    (*stored != held && !by_others(last_read)).then(|| format!("it holds [{held}]"))
                }
                Outcome::Failed { .. } => written
                    .filter(|write| write.before != write.after && !by_others(Some(write.at)))
                    .map(|write| format!("it took effect: {write:?}")),
                // Where the API stored something else, and the answer was unclear, that looks like somebody else's change.
                Outcome::Moved { .. } => written
                    .filter(|write| write.after == write.tasks && !by_others(Some(write.at)))
                    .map(|write| format!("it was written, and nobody else changed it: {write:?}")),
                Outcome::NotAttempted { .. } => written.map(|write| format!("it was written: {write:?}")),
                Outcome::AcceptedNotListed => {
                    (written.is_none() || !change.admin).then(|| "it was not written".to_owned())
                }
                Outcome::InPart { .. } => {
                    let both = change.before.union(&change.after);
                    (held != both && !by_others(last_read)).then(|| format!("it holds [{held}]"))
                }
                Outcome::Unknown { .. } => None,
            };
            if let Some(what) = what {
                self.breach(
                    Promise::TheTruth,
                    format!("{:?} is reported as {outcome:?}; {what}", change.key),
                );
            }
        }
        let all_done = report.changes.iter().all(|reported| reported.outcome.is_done());
        let is_good = all_done && !plan.is_incomplete();
        // A run that was ended with nothing left to do may say so or not.
        let is_interrupted = end == Some(RunEnd::Applied(Ending::Interrupted)) && course.writes.is_empty();
        let may_differ = is_good && (report.stopped.is_some() || is_interrupted);
        if (end == Some(RunEnd::Applied(Ending::Done))) != is_good && !may_differ {
            self.breach(Promise::TheTruth, format!("the run ended with {end:?}, all done: {all_done}"));
        }
    }

    /// Each write that the emulator saw was noted before, and nothing in the journal is broken.
    async fn journal(&mut self, writes: &[LoggedWrite], foreign: &[ForeignChange]) {
        let history = run::journal(self.place).await;
        if history.broken_lines > 0 || history.torn.is_some() {
            self.breach(Promise::Journal, format!("broken: {:?} {:?}", history.broken, history.torn));
        }
        self.proofs(&history, writes, foreign);
        let intents: Vec<_> = history.runs.iter().flat_map(|run| &run.writes).collect();
        for write in writes {
            let of_key = || intents.iter().filter(|intent| intent.key == write.key);
            let is_noted =
                of_key().any(|intent| intent.after == write.tasks && moment(intent.at) <= moment(write.at));
            // A write without an answer is sent again, under its entry, where a read shows the set from before. It shows
            // that too if somebody else took the write back.
            let is_taken_back = |other: &LoggedWrite| {
                let mut changes = foreign.iter().filter(|change| change.key == write.key);
                changes.any(|change| other.at <= change.at && change.at <= write.at)
            };
            let earlier = writes.iter().filter(|other| other.key == write.key && other.at <= write.at);
            let sent = earlier.filter(|other| other.effective && !is_taken_back(other)).count();
            if !is_noted || (write.effective && sent > of_key().count()) {
                self.breach(Promise::Journal, format!("not in the journal: {write:?}"));
            }
        }
    }

    /// The numbers of a report on access add up, and it names each WABA that the plan leaves out as unreadable.
    fn access_report(&mut self, trail: &Trail) {
        let Some(ReportedAccess { counts, unreadable }) = &trail.access else { return };
        if !counts.add_up() {
            self.breach(Promise::AccessReport, format!("{counts:?}"));
        }
        let Some((plan, _)) = &trail.planned else { return };
        let unnamed: Vec<_> = plan.unreadable.keys().filter(|waba| !unreadable.contains(waba)).collect();
        if !unnamed.is_empty() {
            self.breach(Promise::AccessReport, format!("it does not name {unnamed:?} as unreadable"));
        }
    }

    /// What the journal calls shown by a read was written, unless somebody else did the same.
    fn proofs(&mut self, history: &History, writes: &[LoggedWrite], foreign: &[ForeignChange]) {
        for intent in history.runs.iter().flat_map(|run| &run.writes) {
            let is_shown = matches!(proof(intent), Proof::ReadBack(_) | Proof::LaterRead(..));
            let is_later = |at: Timestamp| moment(intent.at) <= moment(at);
            // An earlier run may have written the same, without a list that showed it yet.
            let was_written = writes.iter().any(|write| {
                let is_same = is_later(write.at) || write.tasks == intent.after;
                write.key == intent.key && write.effective && is_same
            });
            let is_of_others =
                || foreign.iter().any(|change| change.key == intent.key && is_later(change.at));
            if is_shown && !was_written && !is_of_others() {
                self.breach(Promise::AccessReport, format!("shown by a read, and never written: {intent:?}"));
            }
        }
    }

    fn limits(&mut self) {
        let (most, budget) = (self.emulator.most_waba_calls(), self.case.limits.waba_calls_per_hour as usize);
        if most > budget {
            self.breach(
                Promise::Limits,
                format!("{most} calls for a WABA in an hour, the budget is {budget}"),
            );
        }
        let throttled = self.emulator.calls_while_throttled();
        if throttled > 0 {
            self.breach(Promise::Limits, format!("{throttled} calls while throttled"));
        }
    }

    /// Judges a run without faults, and the plan after it.
    pub(crate) async fn converged(&mut self, last: &Trail, after: &Trail) {
        if last.planned.is_some() && !last.approved {
            return;
        }
        let undone = |trail: &Trail| match (&trail.planned, &trail.report) {
            (Some(_), Some(report)) => {
                let all = report.changes.iter();
                let undone =
                    all.filter(|reported| !reported.outcome.is_done() && reported.change.blocked.is_none());
                undone.map(|reported| format!("{reported:?}")).collect()
            }
            _ => vec![format!("it came to no report: {}", trail.printed)],
        };
        let left: Vec<String> = undone(last);
        let changes = after.planned.iter().flat_map(|(plan, _)| &plan.changes);
        // What lists do not show looks as if it had not been written.
        let open =
            changes.filter(|change| change.blocked.is_none() && !(change.admin && change.before.is_empty()));
        // What waited for the gains of others can follow once these have come.
        let planned = last.planned.iter().flat_map(|(plan, _)| &plan.changes);
        let waited = planned.filter(|change| change.blocked == Some(Blocked::NeedsBlockedGain));
        let waited: BTreeSet<AssignmentKey> = waited.map(|change| change.key).collect();
        let open = open.filter(|change| !waited.contains(&change.key));
        let open: Vec<String> = open.map(|change| format!("{change:?}")).collect();
        if !left.is_empty() || !open.is_empty() || after.planned.is_none() {
            self.breach(Promise::Convergence, format!("left: {left:?}, planned again: {open:?}"));
        } else {
            self.played.counts.converged += 1;
        }
        let in_flight = run::journal(self.place).await.in_flight().count();
        if in_flight > 0 {
            self.breach(Promise::Journal, format!("{in_flight} writes are in flight to the end"));
        }
    }

    /// Looks for secrets in all that was printed, logged and kept.
    pub(crate) fn secrets(&mut self, log: &str) {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
        mac.update(TOKEN.as_bytes());
        let mut proof = String::new();
        for byte in mac.finalize().into_bytes() {
            let _ = write!(proof, "{byte:02x}");
        }
        let secrets = [TOKEN, SECRET, proof.as_str()];
        let parts: Vec<&str> = secrets.iter().flat_map(|secret| parts(secret)).collect();
        let encoded: Vec<String> =
            secrets.iter().map(|secret| STANDARD_NO_PAD.encode(secret)[..PART].to_owned()).collect();
        let parts = || parts.iter().copied().chain(encoded.iter().map(String::as_str));
        let mut texts = vec![("the log".to_owned(), log.to_owned())];
        texts.push(("the output".to_owned(), std::mem::take(&mut self.printed)));
        files(self.place.folder, &mut texts);
        let objects = self.place.objects.iter().flat_map(|objects| objects.contents());
        texts.extend(objects.map(|(name, body)| (name, String::from_utf8_lossy(&body).into_owned())));
        for (name, text) in texts {
            if let Some(part) = parts().find(|part| text.contains(part)) {
                self.breach(Promise::Secrets, format!("there is one in {name}, from the part {part}"));
            }
        }
    }

    /// Nothing connected to the address to which redirects lead.
    pub(crate) fn nothing_elsewhere(&mut self, trap: &TcpListener) {
        if let Ok((_, peer)) = trap.accept() {
            self.breach(Promise::NothingElsewhere, format!("{peer} followed a redirect"));
        }
    }

    pub(crate) fn finish(self) -> Played {
        self.played
    }
}

/// The length of a part of a secret that must not be seen, in bytes. It is the one from which the program promises it.
const PART: usize = 12;

/// Returns the parts of a secret, one after the other. A text with more than two of them contains one of these.
fn parts(secret: &str) -> impl Iterator<Item = &str> {
    (0..secret.len() / PART).map(move |part| &secret[part * PART..(part + 1) * PART])
}

/// Reads all files below a folder.
fn files(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, texts);
        } else if let Ok(text) = std::fs::read(&path) {
            texts.push((path.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
        }
    }
}

/// Returns the admins that the plan counts as holders by their role.
fn admins(plan: &Plan, waba: WabaId) -> BTreeSet<UserId> {
    let changed = plan.changes.iter().filter(|change| change.key.waba == waba && change.admin);
    changed.map(|change| change.key.user).chain(plan.by_role.iter().copied()).collect()
}

fn is_unassigned(held: &BTreeMap<UserId, TaskSet>, user: UserId) -> bool {
    held.get(&user).is_none_or(TaskSet::is_empty)
}

/// The number of holders of each task.
type HolderCounts = BTreeMap<String, u64>;

/// Counts the holders of each task: those of the task itself, and those who have it by any task or, as an admin without an
/// assignment, by the role. With `manage_is_all`, an admin with `MANAGE` has all tasks too.
fn count_holders(
    held: &BTreeMap<UserId, TaskSet>,
    admins: &BTreeSet<UserId>,
    manage_is_all: bool,
) -> HolderCounts {
    let mut counts = HolderCounts::new();
    let mut add = |task: String| *counts.entry(task).or_default() += 1;
    let is_full = |user: &UserId| manage_is_all && held.get(user).is_some_and(TaskSet::is_full);
    let has_all = |user: &UserId| admins.contains(user) && (is_unassigned(held, *user) || is_full(user));
    for user in held.keys().chain(admins).collect::<BTreeSet<_>>() {
        let mut tasks = held.get(user).cloned().unwrap_or_default();
        if has_all(user) {
            // Its assignment does not matter as long as it has full access.
            tasks.extend(&Task::ALL.iter().copied().collect());
        }
        let given = Task::ALL.iter().filter(|task| tasks.grants(**task) || has_all(user));
        given.for_each(|task| add(format!("{} in any way", task.name())));
        tasks.names().for_each(|name| add(name.to_owned()));
    }
    counts
}

/// Returns the tasks with fewer holders now than both before and after.
fn with_fewer(now: &HolderCounts, before: &HolderCounts, after: &HolderCounts) -> Vec<String> {
    let count = |counts: &HolderCounts, task: &str| counts.get(task).copied().unwrap_or(0);
    let is_fewer = |(task, before): &(&String, &u64)| count(now, task) < count(after, task).min(**before);
    before.iter().filter(is_fewer).map(|(task, _)| task.clone()).collect()
}

/// Cuts a moment to what the journal writes of it.
fn moment(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Something that happened to an assignment.
enum Event<'a> {
    Ours(&'a LoggedWrite),
    Foreign(&'a ForeignChange),
}

impl Event<'_> {
    fn key(&self) -> AssignmentKey {
        match self {
            Self::Ours(write) => write.key,
            Self::Foreign(change) => change.key,
        }
    }

    fn after(&self) -> &TaskSet {
        match self {
            Self::Ours(write) => &write.after,
            Self::Foreign(change) => &change.after,
        }
    }

    /// When it was; what others did counts as earlier at one moment.
    fn at(&self) -> (Timestamp, bool) {
        match self {
            Self::Ours(write) => (write.at, true),
            Self::Foreign(change) => (change.at, false),
        }
    }
}

impl Course<'_> {
    /// Gives what happened on each WABA, in order.
    fn by_waba(&self) -> BTreeMap<WabaId, Vec<Event<'_>>> {
        let mut all: BTreeMap<WabaId, Vec<Event<'_>>> = BTreeMap::new();
        let ours = self.writes.iter().filter(|write| write.effective).map(Event::Ours);
        for event in ours.chain(self.foreign.iter().map(Event::Foreign)) {
            all.entry(event.key().waba).or_default().push(event);
        }
        for events in all.values_mut() {
            events.sort_by_key(Event::at);
        }
        all
    }

    /// Tells whether somebody else changed anything on a WABA between two moments.
    fn moved(&self, waba: WabaId, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        self.foreign.iter().any(|change| {
            change.key.waba == waba
                && since.is_none_or(|since| change.at >= since)
                && until.is_none_or(|until| change.at <= until)
        })
    }

    /// Tells whether somebody else changed something between the last read of a WABA before a write, and the write:
    /// the API knows no writes on a condition, so that nobody could have noticed.
    fn moved_since_read(&self, write: &LoggedWrite) -> bool {
        let reads = self.reads.get(&write.key.waba).into_iter().flatten();
        let last = reads.filter(|at| **at <= write.at).max().copied();
        self.moved(write.key.waba, last, Some(write.at))
    }
}
