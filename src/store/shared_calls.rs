//! The calls of all machines that share a state: each run puts its own counts, and reads those of the others.
//!
//! The counts of a run are in an object for each hour, which only it writes: `BUSINESS/calls/HOUR/RUN@MACHINE.tsv`, with lines of
//! a minute, a WABA and a number. It is replaced at most every ten seconds. Counts of the same machine are left out when they are
//! read: its log of calls ([`CallLog`](super::CallLog)) has them exactly.

use super::calls::CallsByMinute;
use super::objects::Objects;
use super::remote::run_id;
use crate::clock::Clock;
use crate::model::{BusinessId, WabaId};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The shortest time between two puts of a run.
const PUT_EVERY: Duration = Duration::from_secs(10);

/// How old the counts of others may be. A guess: an hour's budget is seldom used up within a minute.
const READ_EVERY: Duration = Duration::from_secs(60);

/// How many objects are read at a time. A guess.
const READS: usize = 16;

/// The minutes of one object.
const PERIOD: i64 = 60;

/// The calls of the runs of a business on all machines. Clones are the same run.
#[derive(Debug, Clone)]
pub struct SharedCalls {
    shared: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    objects: Objects,
    business: BusinessId,
    clock: Clock,
    /// The name of this run's objects, without the folder.
    file: String,
    /// The end of the names of all objects of this machine.
    of_machine: String,
    counts: Mutex<Counts>,
    /// One read, and one put, at a time.
    reading: tokio::sync::Mutex<()>,
    putting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Counts {
    /// The calls of this run, by minute.
    own: BTreeMap<i64, BTreeMap<WabaId, u32>>,
    /// The periods whose counts are to be put.
    changed: BTreeSet<i64>,
    /// Whether a put is going to happen.
    is_put_due: bool,
    last_put: Option<Duration>,
    last_read: Option<Duration>,
    /// What was read, by name: when it was put, and its counts.
    read: BTreeMap<String, (Timestamp, Vec<Count>)>,
    /// The sum of it.
    others: BTreeMap<WabaId, BTreeMap<i64, u32>>,
    has_warned: bool,
}

/// The calls of a WABA in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) minute: i64,
    pub(super) waba: WabaId,
    pub(super) calls: u32,
}

impl SharedCalls {
    /// Begins to count for a run on a machine. Sends nothing.
    pub(super) fn new(objects: Objects, business: BusinessId, machine: &str, clock: &Clock) -> Self {
        let of_machine = format!("@{machine}.tsv");
        Self {
            shared: Arc::new(Inner {
                objects,
                business,
                clock: clock.clone(),
                file: format!("{}{of_machine}", run_id(clock.now())),
                of_machine,
                counts: Mutex::default(),
                reading: tokio::sync::Mutex::default(),
                putting: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Returns the calls of a WABA on other machines from a minute on, by minute, as far as they are known.
    pub fn of_others(&self, waba: WabaId, oldest: i64) -> BTreeMap<i64, u32> {
        let counts = self.shared.counts();
        let known = counts.others.get(&waba).map(|minutes| minutes.range(oldest..));
        known.into_iter().flatten().map(|(minute, calls)| (*minute, *calls)).collect()
    }

    /// Counts calls of this run. They are put soon.
    pub fn note(&self, minute: i64, wabas: impl IntoIterator<Item = WabaId>) {
        let mut counts = self.shared.counts();
        let period = minute.div_euclid(PERIOD);
        for waba in wabas {
            let own = counts.own.entry(minute).or_default().entry(waba).or_default();
            *own = own.saturating_add(1);
            counts.changed.insert(period);
        }
        counts.own = counts.own.split_off(&((period - 1) * PERIOD));
        if counts.changed.is_empty() || std::mem::replace(&mut counts.is_put_due, true) {
            return;
        }
        let since = counts.last_put.map_or(PUT_EVERY, |at| self.shared.clock.elapsed().saturating_sub(at));
        drop(counts);
        let (this, wait) = (self.clone(), PUT_EVERY.saturating_sub(since));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                this.shared.clock.sleep(wait.max(Duration::from_secs(1))).await;
                this.finish().await;
            });
        }
    }

    /// Reads what other machines have counted, unless that was done a short time ago. The first time, the caller waits for it.
    pub async fn refresh(&self) {
        let now = self.shared.clock.elapsed();
        let (is_first, is_old) = {
            let counts = self.shared.counts();
            (
                counts.last_read.is_none(),
                counts.last_read.is_none_or(|at| now.saturating_sub(at) >= READ_EVERY),
            )
        };
        if is_first {
            let _turn = self.shared.reading.lock().await;
            // Another call may have read them meanwhile.
            if self.shared.counts().last_read.is_none() {
                self.read().await;
            }
        } else if is_old && self.shared.reading.try_lock().is_ok() {
            // Not read twice meanwhile.
            self.shared.counts().last_read = Some(now);
            let this = self.clone();
            tokio::spawn(async move {
                let _turn = this.shared.reading.lock().await;
                this.read().await;
            });
        }
    }

    async fn read(&self) {
        let Inner { objects, business, clock, file, of_machine, .. } = &*self.shared;
        let mut found = Vec::new();
        for period in periods_at(clock.now().as_second().div_euclid(60)) {
            let folder = format!("{business}/calls/{period}");
            match objects.list_dated(&folder).await {
                Ok(names) => {
                    found.extend(names.into_iter().map(|(name, put)| (format!("{folder}/{name}"), put)));
                }
                Err(error) => return self.warn("read", &error),
            }
        }
        found.retain(|(name, _)| !name.ends_with(of_machine) && !name.ends_with(file));
        let is_new = |(name, put): &&(String, Timestamp)| {
            self.shared.counts().read.get(name).is_none_or(|(known, _)| known != put)
        };
        let new: Vec<(String, Timestamp)> = found.iter().filter(is_new).cloned().collect();
        let read = stream::iter(new).map(|(name, put)| async move {
            let body = objects.get(&name).await;
            (name, put, body)
        });
        let read: Vec<_> = read.buffer_unordered(READS).collect().await;
        let mut counts = self.shared.counts();
        for (name, put, body) in read {
            match body {
                Ok(body) => {
                    let counted = parse(body.as_deref().unwrap_or_default());
                    counts.read.insert(name, (put, counted));
                }
                Err(error) => {
                    drop(counts);
                    return self.warn("read", &error);
                }
            }
        }
        counts.read.retain(|name, _| found.iter().any(|(known, _)| known == name));
        counts.others = sum(counts.read.values().flat_map(|(_, counts)| counts));
        counts.last_read = Some(clock.elapsed());
    }

    /// Puts what this run has counted, if there is something new.
    pub async fn finish(&self) {
        let Inner { objects, business, clock, file, counts: _, .. } = &*self.shared;
        let _turn = self.shared.putting.lock().await;
        let changed: Vec<(i64, String)> = {
            let mut counts = self.shared.counts();
            (counts.is_put_due, counts.last_put) = (false, Some(clock.elapsed()));
            let changed = std::mem::take(&mut counts.changed);
            changed.into_iter().map(|period| (period, counts.text_of(period))).collect()
        };
        for (period, text) in changed {
            let name = format!("{business}/calls/{period}/{file}");
            if let Err(error) = objects.put(&name, &text.as_bytes().into()).await {
                self.warn("shared with other machines", &error);
            }
        }
    }

    /// Warns once. The run goes on: the budget is then kept by this machine alone.
    fn warn(&self, what: &str, error: &super::JournalError) {
        let mut counts = self.shared.counts();
        counts.last_read = Some(self.shared.clock.elapsed());
        if std::mem::replace(&mut counts.has_warned, true) {
            tracing::debug!("the counts of calls cannot be {what}: {error}");
        } else {
            tracing::warn!(
                "the counts of calls cannot be {what}, so runs on several machines may exceed a WABA's budget: {error}"
            );
        }
    }
}

impl Inner {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Every change leaves valid counts, so a poisoned lock is harmless.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Returns the object of a period.
    fn text_of(&self, period: i64) -> String {
        let mut text = String::new();
        for (minute, wabas) in self.own.range(period * PERIOD..(period + 1) * PERIOD) {
            for (waba, calls) in wabas {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{minute}\t{waba}\t{calls}");
            }
        }
        text
    }
}

/// Returns the periods of the calls that count in a minute.
pub(super) fn periods_at(minute: i64) -> [i64; 2] {
    let current = minute.div_euclid(PERIOD);
    [current - 1, current]
}

/// Returns the content of the object of each period.
pub(super) fn object_text(calls: &CallsByMinute) -> BTreeMap<i64, String> {
    let mut objects: BTreeMap<i64, String> = BTreeMap::new();
    for ((minute, waba), calls) in calls {
        // Writing to a string cannot fail.
        let _ = writeln!(objects.entry(minute.div_euclid(PERIOD)).or_default(), "{minute}\t{waba}\t{calls}");
    }
    objects
}

/// Returns the counts of an object. Lines that are none are skipped.
pub(super) fn parse(body: &[u8]) -> Vec<Count> {
    let text = String::from_utf8_lossy(body);
    let count = |line: &str| {
        let mut fields = line.split('\t');
        let (minute, waba, calls) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Count { minute: minute.parse().ok()?, waba: waba.parse().ok()?, calls: calls.parse().ok()? })
    };
    text.lines().filter_map(count).collect()
}

fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> BTreeMap<WabaId, BTreeMap<i64, u32>> {
    let mut sums: BTreeMap<WabaId, BTreeMap<i64, u32>> = BTreeMap::new();
    for Count { minute, waba, calls } in counts {
        let sum = sums.entry(*waba).or_default().entry(*minute).or_default();
        *sum = sum.saturating_add(*calls);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryFaults, MemoryObjects};

    fn waba() -> WabaId {
        "500".parse().unwrap()
    }

    fn simulated(work: impl AsyncFnOnce(Clock, Arc<MemoryObjects>)) {
        let clock = Clock::simulated("2026-11-23T10:58:30Z".parse().unwrap());
        let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(clock.run(work(clock.clone(), objects)));
    }

    fn on(machine: &str, clock: &Clock, objects: &Arc<MemoryObjects>) -> SharedCalls {
        SharedCalls::new(Objects::memory(Arc::clone(objects)), "10".parse().unwrap(), machine, clock)
    }

    fn minute(clock: &Clock) -> i64 {
        clock.now().as_second().div_euclid(60)
    }

    #[test]
    fn machines_see_the_calls_of_each_other_also_over_the_end_of_an_hour() {
        simulated(async |clock, objects| {
            let (one, same, other) =
                (on("a", &clock, &objects), on("a", &clock, &objects), on("b", &clock, &objects));
            let first = minute(&clock);
            one.note(first, [waba(), waba()]);
            clock.sleep(Duration::from_secs(11)).await;
            for (reader, expected) in [(&one, 0), (&same, 0), (&other, 2)] {
                reader.refresh().await;
                assert_eq!(reader.of_others(waba(), 0).values().sum::<u32>(), expected);
            }
            clock.sleep(Duration::from_secs(120)).await;
            one.note(minute(&clock), [waba()]);
            one.finish().await;
            other.refresh().await;
            clock.sleep(Duration::from_secs(1)).await;
            assert_eq!(other.of_others(waba(), 0), [(first, 2), (first + 2, 1)].into());
            assert_eq!(
                other.of_others(waba(), first + 1),
                [(first + 2, 1)].into(),
                "the first ones are too old"
            );
            assert_eq!(other.of_others("501".parse().unwrap(), 0), BTreeMap::new());
        });
    }

    #[test]
    fn a_run_puts_its_counts_at_most_every_ten_seconds() {
        simulated(async |clock, objects| {
            let one = on("a", &clock, &objects);
            let mut puts = BTreeSet::new();
            for _ in 0..100 {
                one.note(minute(&clock), [waba()]);
                clock.sleep(Duration::from_secs(1)).await;
                let folder = format!("10/calls/{}", minute(&clock) / 60);
                puts.extend(objects.list(&folder, None).await.unwrap().into_iter().map(|entry| entry.put));
            }
            assert!((9..=13).contains(&puts.len()), "{}", puts.len());
        });
    }

    #[test]
    fn without_the_right_to_put_or_a_store_a_run_goes_on() {
        simulated(async |clock, objects| {
            let one = on("a", &clock, &objects);
            objects.set_down(true);
            one.refresh().await;
            one.note(minute(&clock), [waba()]);
            one.finish().await;
            assert!(one.shared.counts().has_warned);
            objects.set_down(false);
            one.note(minute(&clock), [waba()]);
            one.finish().await;
            let other = on("b", &clock, &objects);
            other.refresh().await;
            assert_eq!(other.of_others(waba(), 0).values().sum::<u32>(), 2, "once it answers, all are there");
        });
    }

    #[test]
    fn lines_that_are_no_counts_are_skipped() {
        let text = b"5\t500\t3\n5\t500\n\n\xff\t1\t1\n5\t0500\t1\n5\t501\t-1\n6\t501\t4294967296\n7\t501\t1\textra\n";
        let counts = parse(text);
        let of = |minute, waba: &str, calls| Count { minute, waba: waba.parse().unwrap(), calls };
        assert_eq!(counts, [of(5, "500", 3), of(7, "501", 1)]);
        let most = of(5, "500", u32::MAX);
        assert_eq!(sum([most, most].iter())[&waba()], [(5, u32::MAX)].into(), "a sum has a limit");
    }
}
