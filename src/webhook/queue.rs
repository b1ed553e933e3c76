//! The WABAs that wait for their round: merged, spaced and bounded. Time is a value.
//!
//! A delivery has no proof of its age, so whoever saw one can send it again and again. Therefore a WABA is not handed out
//! twice within a pause, and at most so many WABAs are handed out one by one within that pause; beyond that, one whole round
//! is due, and whole rounds have a pause too.

use super::events::Due;
use crate::model::WabaId;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest pause before a WABA whose rounds fail is due again. A guess: the rounds of all WABAs come along by themselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// When something is due, and how much.
#[derive(Debug, Clone, Copy)]
pub struct QueueSettings {
    /// How long events are collected before their WABAs are due.
    pub window: Duration,
    /// The pause between two times that the same WABA is due.
    pub pause: Duration,
    /// The pause between two whole rounds.
    pub round_pause: Duration,
    /// How many WABAs are handed out one by one within a pause; for more, a whole round is due.
    pub most: usize,
}

impl Default for QueueSettings {
    /// Guesses: the events of one onboarding come within some hundred milliseconds, and a new WABA has its access within two
    /// seconds. A whole round of 10,000 WABAs takes about as many calls as 100 WABAs one by one.
    fn default() -> Self {
        Self {
            window: Duration::from_millis(200),
            pause: Duration::from_secs(10),
            round_pause: Duration::from_secs(60),
            most: 100,
        }
    }
}

/// The WABAs that are due, now or soon. Each `now` is the time since some fixed moment, and never goes back.
#[derive(Debug, Default)]
pub struct Queue {
    settings: QueueSettings,
    /// When each WABA is due.
    waiting: BTreeMap<WabaId, Duration>,
    /// When each WABA was handed out, for as long as its pause.
    recent: BTreeMap<WabaId, Duration>,
    /// How often in a row the rounds of a WABA have failed.
    failures: BTreeMap<WabaId, u32>,
    /// When a whole round is due.
    whole: Option<Duration>,
    /// When the last whole round was handed out.
    last_whole: Option<Duration>,
}

impl Queue {
    /// Makes an empty queue.
    pub fn new(settings: QueueSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Adds what became due. What waits already is not due any later.
    pub fn add(&mut self, due: &Due, now: Duration) {
        let QueueSettings { window, pause, .. } = self.settings;
        self.forget(now);
        for waba in due.wabas.iter().copied() {
            self.failures.remove(&waba);
            let after_pause = self.recent.get(&waba).map(|handed_out| handed_out.saturating_add(pause));
            self.add_one(waba, after_pause.unwrap_or_default().max(now.saturating_add(window)), now);
        }
        if due.everything {
            self.add_whole(now);
        }
    }

    /// Adds what could not be done. Its pause grows with each failure until an event says that something is new, so a WABA that
    /// cannot be read, because it is deleted or not shared any more, takes few rounds.
    pub fn put_back(&mut self, due: &Due, now: Duration) {
        self.forget(now);
        for waba in due.wabas.iter().copied() {
            let failures = self.failures.get(&waba).copied().unwrap_or_default();
            let pause = self.settings.pause.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
            if self.add_one(waba, now.saturating_add(pause), now) {
                self.failures.insert(waba, failures.saturating_add(1));
            }
        }
        if self.failures.len() > self.settings.most {
            let (waiting, recent) = (&self.waiting, &self.recent);
            self.failures.retain(|waba, _| waiting.contains_key(waba) || recent.contains_key(waba));
        }
        if due.everything {
            self.add_whole(now);
        }
    }

    fn forget(&mut self, now: Duration) {
        let pause = self.settings.pause;
        self.recent.retain(|_, handed_out| handed_out.saturating_add(pause) > now);
    }

    /// Adds a WABA, or a whole round if there are too many. Returns whether it was the WABA.
    fn add_one(&mut self, waba: WabaId, at: Duration, now: Duration) -> bool {
        let is_full = self.waiting.len() + self.recent.len() >= self.settings.most;
        match self.waiting.get_mut(&waba) {
            Some(waits) => *waits = at.min(*waits),
            None if is_full => self.add_whole(now),
            None => _ = self.waiting.insert(waba, at),
        }
        self.waiting.contains_key(&waba)
    }

    /// Returns the part that does not wait already. The rest need not be stored again: its round begins later than now.
    pub fn not_waiting(&self, due: &Due) -> Due {
        let wabas = due.wabas.iter().copied().filter(|waba| !self.waiting.contains_key(waba)).collect();
        Due { wabas, everything: due.everything && self.whole.is_none() }
    }

    fn add_whole(&mut self, now: Duration) {
        let QueueSettings { window, round_pause, .. } = self.settings;
        let after_pause = self.last_whole.map(|handed_out| handed_out.saturating_add(round_pause));
        let at = after_pause.unwrap_or_default().max(now.saturating_add(window));
        self.whole.get_or_insert(at);
    }

    /// Returns when the next of them is due; `None` if nothing waits.
    pub fn next_due(&self) -> Option<Duration> {
        self.waiting.values().copied().chain(self.whole).min()
    }

    /// Takes what is due by now; `None` if nothing is. A whole round takes all WABAs that wait.
    pub fn take(&mut self, now: Duration) -> Option<Due> {
        let everything = self.whole.is_some_and(|at| at <= now);
        if everything {
            self.whole = None;
            self.last_whole = Some(now);
        }
        let is_due = |at: Duration| everything || at <= now;
        let wabas: Vec<WabaId> =
            self.waiting.iter().filter(|(_, at)| is_due(**at)).map(|(waba, _)| *waba).collect();
        for waba in &wabas {
            self.waiting.remove(waba);
            self.recent.insert(*waba, now);
        }
        let due = Due { wabas: wabas.into_iter().collect(), everything };
        (!due.is_empty()).then_some(due)
    }

    /// Notes that a whole round was begun for another reason, so all that waits is done with it.
    pub fn note_whole_round(&mut self, now: Duration) {
        self.waiting.clear();
        self.failures.clear();
        self.whole = None;
        self.last_whole = Some(now);
    }

    /// Returns how many WABAs wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.whole.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SETTINGS: QueueSettings = QueueSettings {
        window: Duration::from_millis(200),
        pause: Duration::from_secs(10),
        round_pause: Duration::from_secs(60),
        most: 4,
    };

    fn waba(number: u64) -> WabaId {
        number.to_string().parse().unwrap()
    }

    fn due(wabas: &[u64]) -> Due {
        Due { wabas: wabas.iter().copied().map(waba).collect(), everything: false }
    }

    fn everything(wabas: &[u64]) -> Due {
        Due { everything: true, ..due(wabas) }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn events_within_the_window_are_merged_and_later_ones_do_not_extend_it() {
        let mut queue = Queue::new(SETTINGS);
        assert_eq!((queue.next_due(), queue.take(at(0))), (None, None));
        queue.add(&due(&[1]), at(0));
        queue.add(&due(&[1]), at(150));
        queue.add(&due(&[2]), at(190));
        assert_eq!(queue.next_due(), Some(at(200)));
        assert_eq!(queue.take(at(199)), None);
        assert_eq!(queue.take(at(200)), Some(due(&[1])));
        assert_eq!(queue.take(at(389)), None);
        assert_eq!(queue.take(at(390)), Some(due(&[2])));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_repeated_event_waits_for_the_pause() {
        let mut queue = Queue::new(SETTINGS);
        queue.add(&due(&[1]), at(0));
        assert_eq!(queue.take(at(1_000)), Some(due(&[1])));
        queue.add(&due(&[1]), at(1_001));
        queue.add(&due(&[1]), at(9_000));
        assert_eq!(queue.next_due(), Some(at(11_000)));
        assert_eq!(queue.take(at(11_000)), Some(due(&[1])));
        queue.add(&due(&[1]), at(30_000));
        assert_eq!(queue.next_due(), Some(at(30_200)), "the pause is over");
    }

    #[test]
    fn a_flood_makes_one_whole_round_due_and_the_next_after_a_pause() {
        let mut queue = Queue::new(SETTINGS);
        queue.add(&due(&[1, 2, 3, 4]), at(0));
        assert_eq!(queue.take(at(200)), Some(due(&[1, 2, 3, 4])));
        queue.add(&due(&[5]), at(300));
        assert_eq!(queue.take(at(500)), Some(everything(&[])), "four were handed out a moment ago");
        queue.add(&due(&[6, 7]), at(600));
        assert_eq!(queue.next_due(), Some(at(60_500)));
        queue.add(&due(&[8]), at(20_000));
        assert_eq!(queue.take(at(20_200)), Some(due(&[8])), "WABAs one by one go on");
        queue.add(&due(&[9]), at(60_499));
        assert_eq!(queue.take(at(60_500)), Some(everything(&[9])), "it takes what waits along");
        assert!(queue.is_empty());
    }

    #[test]
    fn a_round_for_another_reason_is_as_good() {
        let mut queue = Queue::new(SETTINGS);
        queue.add(&everything(&[1]), at(0));
        queue.note_whole_round(at(100));
        assert!(queue.is_empty());
        queue.add(&everything(&[]), at(200));
        assert_eq!(queue.next_due(), Some(at(60_100)));
    }

    #[test]
    fn the_pause_of_what_fails_grows_until_something_is_new() {
        let mut queue = Queue::new(SETTINGS);
        queue.add(&due(&[1]), at(0));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let now = queue.next_due().unwrap();
            let taken = queue.take(now).unwrap();
            queue.put_back(&taken, now);
            pauses.push(queue.next_due().unwrap().saturating_sub(now).as_secs());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
        let now = queue.next_due().unwrap().saturating_sub(at(250_000));
        queue.add(&due(&[1]), now);
        assert_eq!(
            queue.next_due(),
            Some(now + at(200)),
            "an event does not wait for the pause of a failure"
        );
        let taken = queue.take(now + at(200)).unwrap();
        queue.put_back(&taken, now + at(300));
        assert_eq!(queue.next_due(), Some(now + at(10_300)));
    }

    #[test]
    fn what_waits_need_not_be_stored_again() {
        let mut queue = Queue::new(SETTINGS);
        assert_eq!(queue.not_waiting(&everything(&[1])), everything(&[1]));
        queue.add(&due(&[1]), at(0));
        assert_eq!(queue.not_waiting(&everything(&[1, 2])), everything(&[2]));
        queue.add(&everything(&[]), at(0));
        assert_eq!(queue.not_waiting(&everything(&[1, 2])), due(&[2]));
        queue.take(at(200)).unwrap();
        assert_eq!(queue.not_waiting(&everything(&[1, 2])), everything(&[1, 2]));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(Vec<u64>, bool),
        Wait(u64),
        Take,
        /// Takes, and puts back what was taken, as after a round that failed.
        Fail,
        WholeRound,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (proptest::collection::vec(1_u64..12, 0..7), proptest::bool::weighted(0.1))
                .prop_map(|(wabas, everything)| Step::Add(wabas, everything)),
            3 => (0_u64..30_000).prop_map(Step::Wait),
            3 => Just(Step::Take),
            1 => Just(Step::Fail),
            1 => Just(Step::WholeRound),
        ]
    }

    /// What the queue owes: WABAs that were added and not handed out, and whether a whole round is.
    #[derive(Default)]
    struct Model {
        wabas: BTreeMap<WabaId, Duration>,
        everything: Option<Duration>,
        handed_out: BTreeMap<WabaId, Duration>,
        last_whole: Option<Duration>,
    }

    impl Model {
        fn add(&mut self, due: &Due, now: Duration) {
            due.wabas.iter().for_each(|waba| _ = self.wabas.entry(*waba).or_insert(now));
            self.everything = self.everything.or(due.everything.then_some(now));
        }

        fn check(&mut self, due: &Due, now: Duration) {
            if due.everything {
                let pause = self.last_whole.map(|last| now.saturating_sub(last));
                assert!(
                    pause.is_none_or(|pause| pause >= SETTINGS.round_pause),
                    "two rounds within {pause:?}"
                );
                self.note_whole(now);
            } else {
                for waba in &due.wabas {
                    let added = self.wabas.remove(waba).expect("only what was added is due");
                    assert!(now >= added + SETTINGS.window, "the window was not over");
                    let last = self.handed_out.insert(*waba, now);
                    assert!(
                        last.is_none_or(|last| now >= last + SETTINGS.pause),
                        "{waba} twice within a pause"
                    );
                }
            }
        }

        fn round_is_due(&self, now: Duration) -> bool {
            let pause_ends = self.last_whole.map(|last| last + SETTINGS.round_pause).unwrap_or_default();
            self.everything.is_some_and(|added| now >= (added + SETTINGS.window).max(pause_ends))
        }

        fn note_whole(&mut self, now: Duration) {
            (self.wabas, self.everything, self.last_whole) = (BTreeMap::new(), None, Some(now));
        }
    }

    proptest! {
        #[test]
        fn no_event_is_lost_none_is_early_and_the_queue_is_bounded(
            steps in proptest::collection::vec(step(), 0..80),
        ) {
            let (mut queue, mut model, mut now) = (Queue::new(SETTINGS), Model::default(), Duration::ZERO);
            for step in steps {
                match step {
                    Step::Add(wabas, all) => {
                        let due = Due { everything: all, ..due(&wabas) };
                        queue.add(&due, now);
                        model.add(&due, now);
                    }
                    Step::Wait(millis) => now += at(millis),
                    Step::Take | Step::Fail => {
                        let (due_at, round_is_due) = (queue.next_due(), model.round_is_due(now));
                        let taken = queue.take(now);
                        prop_assert_eq!(taken.is_some(), due_at.is_some_and(|at| at <= now));
                        let is_round = taken.as_ref().is_some_and(|due| due.everything);
                        prop_assert!(is_round || !round_is_due, "events put off the whole round");
                        if let Some(due) = taken {
                            model.check(&due, now);
                            if matches!(step, Step::Fail) {
                                queue.put_back(&due, now);
                                model.add(&due, now);
                            }
                        }
                    }
                    Step::WholeRound => {
                        queue.note_whole_round(now);
                        model.note_whole(now);
                    }
                }
                prop_assert!(queue.waiting.len() + queue.recent.len() <= SETTINGS.most);
                prop_assert!(queue.failures.len() <= SETTINGS.most);
                let latest = now + LONGEST_PAUSE;
                prop_assert!(queue.next_due().is_none_or(|at| at <= latest));
            }
            while let Some(at) = queue.next_due() {
                now = now.max(at);
                let due = queue.take(now).expect("it is due");
                model.check(&due, now);
            }
            prop_assert!(model.wabas.is_empty(), "lost: {:?}", model.wabas);
            prop_assert!(model.everything.is_none(), "a whole round is lost");
        }
    }
}
