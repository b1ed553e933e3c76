//! The reconciler for an hour of simulated time: two replicas on one state, drift made by somebody else, broken manifests,
//! throttling, kills, and events.

use crate::support::{TOKEN, key, tasks, waba};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wabacl::apply::{Shutdown, ShutdownReason};
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, WaitHint, World};
use wabacl::engine::{
    ApplyOptions, DueWabas, Happening, Judged, Problem, ReconcileSettings, Reconciler, Stopped,
};
use wabacl::graph::{RunSettings, Settings};
use wabacl::model::BusinessId;
use wabacl::reconcile::{Mode, Pace};
use wabacl::store::{MemoryFaults, MemoryObjects, Objects, StateStore};
use wabacl::webhook::Due;

const BEGIN: &str = "2026-11-23T10:00:00Z";
const MINUTE: Duration = Duration::from_secs(60);

fn world() -> String {
    let mut text = format!(
        "app: {{ id: 1 }}
businesses:
  - id: 10
    name: Biz
    system_users:
      - {{ id: 1, name: ci, role: ADMIN, listed: false }}
      - {{ id: 11, name: ops }}
      - {{ id: 12, name: bot }}
      - {{ id: 13, name: spare }}
  - {{ id: 20, name: Customer }}
tokens: [{{ token: {TOKEN}, user: 1 }}]
wabas:
"
    );
    for id in 500..508 {
        writeln!(
            text,
            "  - {{ id: {id}, name: W{id}, owned_by: 10, assigned: [{{ user: 11, tasks: [MANAGE] }}] }}"
        )
        .unwrap();
    }
    text
}

/// The WABAs and grants. `bot` is what `bot` holds everywhere.
fn manifest(bot: &str) -> String {
    let wabas: Vec<String> = (500..508).map(|id| format!("  w{id}: {{ id: {id} }}\n")).collect();
    let wabas = wabas.concat();
    format!(
        "version: 1
business: 10
system_users: {{ ops: {{ id: 11 }}, bot: {{ id: 12 }}, spare: {{ id: 13 }} }}
wabas:
{wabas}discover: [{{ from: client, name: 'Shop *', shared: admin }}]
grants:
  - {{ users: [ops], tasks: [MANAGE], wabas: ['*'] }}
  - {{ users: [bot], tasks: [{bot}], wabas: ['*'] }}
guards: {{ max_removals: 100, max_removals_percent: 100 }}
"
    )
}

/// How a replica ends.
#[derive(Clone, Copy)]
enum End {
    /// Its future is dropped: nothing is released or recorded.
    Killed,
    /// It is asked to end.
    Stopped,
}

struct Estate<'a> {
    clock: Clock,
    emulator: &'a Emulator,
    objects: Arc<MemoryObjects>,
    folder: &'a Path,
    /// Each round: when it ended, which replica, and how.
    story: Mutex<Vec<String>>,
}

impl Estate<'_> {
    fn write(&self, text: &str) {
        std::fs::write(self.folder.join("access.yaml"), text).unwrap();
    }

    fn minute(&self) -> u64 {
        self.clock.elapsed().as_secs() / 60
    }

    fn held(&self, waba: &str, user: &str) -> String {
        let world = self.emulator.world();
        world.assignments().get(key(waba, user)).map(ToString::to_string).unwrap_or_default()
    }

    fn settings(&self, state: StateStore) -> ReconcileSettings {
        ReconcileSettings {
            paths: vec![self.folder.to_owned()],
            mode: Mode::Apply,
            pace: Pace { interval: MINUTE, longest: MINUTE * 60 },
            run: RunSettings { jitter: Some(7), max_wait: MINUTE, ..RunSettings::default() },
            state,
            clock: self.clock.clone(),
            lease_clock: self.clock.clone(),
            options: ApplyOptions::default(),
            grace: Duration::from_secs(5),
            jitter: Some(7),
        }
    }

    /// Runs a replica until it ends. Its events come in through `due`.
    async fn replica(&self, name: &str, length: Duration, end: End, due: &RefCell<Option<Arc<DueWabas>>>) {
        self.emulator.client_restarted();
        let state = StateStore::objects(Objects::memory(Arc::clone(&self.objects)), None);
        let settings = self.settings(state);
        let events = Arc::new(DueWabas::new(settings.state.clone(), self.clock.clone(), settings.mode));
        *due.borrow_mut() = Some(Arc::clone(&events));
        let connect = |_: BusinessId| -> Result<Settings, Problem> {
            Ok(Settings {
                graph_url: self.emulator.url(),
                clock: self.clock.clone(),
                ..Settings::new(TOKEN.into())
            })
        };
        let stop = Shutdown::new(self.clock.clone(), Duration::from_secs(5));
        let watcher = |happening: Happening<'_>| {
            if let Happening::Ended(round, ..) = happening {
                let changes =
                    round.judged.as_ref().map(Judged::review).map_or(0, |review| review.plan().changes.len());
                let why = round.problem.as_ref().map(ToString::to_string).unwrap_or_default();
                let (end, trigger) = (round.end.word(), round.trigger.word());
                let (minute, asked) = (self.minute(), asked(&self.objects.take_requests()));
                let line =
                    format!("minute {minute} {name} {end} ({trigger}): {changes} changes; {asked} {why}");
                self.story.lock().unwrap().push(line.trim_end().to_owned());
            }
        };
        {
            let mut reconciler = Reconciler::new(settings, &connect).with_events(events);
            let running = reconciler.run(&stop, &watcher);
            tokio::pin!(running);
            tokio::select! {
                biased;
                _ = &mut running => unreachable!("nothing stops it"),
                () = self.clock.sleep(length) => {}
            }
            if matches!(end, End::Stopped) {
                stop.request(ShutdownReason::Interrupted);
                assert_eq!(running.await, Stopped::Clean);
            }
        }
        *due.borrow_mut() = None;
    }

    async fn at(&self, minute: u32) {
        self.clock.sleep((MINUTE * minute).saturating_sub(self.clock.elapsed())).await;
    }

    /// Changes access by hand every few minutes.
    async fn meddle(&self) {
        let mut random = fastrand::Rng::with_seed(4711);
        while self.minute() < 55 {
            let waba = random.u32(500..508).to_string();
            let (user, held) = match random.u8(0..3) {
                0 => ("12", "VIEW_COST MANAGE_TEMPLATES"),
                1 => ("13", "DEVELOP"),
                _ => ("12", ""),
            };
            self.emulator.assign(key(&waba, user), tasks(held));
            self.clock.sleep(MINUTE * random.u32(2..6)).await;
        }
    }

    /// Breaks the manifests, and mends them with another grant.
    async fn edit(&self) {
        self.at(8).await;
        self.write(&manifest("DEVELOPP"));
        self.at(20).await;
        self.write(&manifest("DEVELOP, VIEW_COST"));
        self.at(33).await;
        self.write("version: 1\nbusiness: 10\n  nonsense");
        self.at(45).await;
        self.write(&manifest("VIEW_COST"));
    }

    /// Shares a WABA, and sends its event to a replica. Returns how long and how many calls its access took.
    async fn share(&self, minute: u32, id: &str, due: &RefCell<Option<Arc<DueWabas>>>) -> (Duration, usize) {
        self.at(minute).await;
        self.clock.sleep(Duration::from_secs(30)).await;
        let shared = format!(
            "wabas: [{{ id: {id}, name: Shop {id}, owned_by: 20, shared_with: [{{ business: 10 }}] }}]"
        );
        self.emulator.update(&shared).unwrap();
        let (began, calls) = (self.clock.elapsed(), self.emulator.calls().len());
        let receiver = due.borrow().clone().expect("the replica runs");
        receiver.receive(Due { wabas: [waba(id)].into(), everything: false }).await.unwrap();
        // Deliveries repeat.
        receiver.receive(Due { wabas: [waba(id)].into(), everything: false }).await.unwrap();
        while self.held(id, "12").is_empty() || self.held(id, "11").is_empty() {
            self.clock.sleep(Duration::from_millis(10)).await;
        }
        let took = self.clock.elapsed().saturating_sub(began);
        // Until what was written is read back.
        self.clock.sleep(Duration::from_millis(500)).await;
        (took, self.emulator.calls().len() - calls)
    }
}

/// Returns how often each kind of object was asked for, without what is due.
fn asked(requests: &[String]) -> String {
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, name) in requests.iter().filter_map(|request| request.split_once(' ')) {
        let name = name.strip_prefix("10/").unwrap_or(name).split('/').next().unwrap_or_default();
        if name != "due" {
            *asked.entry(format!("{kind} {name}")).or_default() += 1;
        }
    }
    asked.iter().map(|(what, times)| format!("{times} {what}")).collect::<Vec<_>>().join(", ")
}

/// Plays in simulated time, with a folder for manifests.
fn simulated(play: impl AsyncFnOnce(&Clock, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::simulated(BEGIN.parse().unwrap());
    runtime.block_on(async { clock.run(Box::pin(play(&clock, folder.path()))).await });
}

#[test]
fn a_quiet_round_asks_the_store_for_each_thing_once() {
    simulated(async |clock, folder| {
        let options = Options { clock: clock.clone(), ..Options::default() };
        let emulator = Emulator::start(World::from_yaml(&world()).unwrap(), options).await.unwrap();
        let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
        let estate =
            Estate { clock: clock.clone(), emulator: &emulator, objects, folder, story: Mutex::default() };
        estate.write(&manifest("DEVELOP"));
        let due = RefCell::new(None);
        let by_hand = async {
            estate.at(3).await;
            emulator.assign(key("500", "12"), tasks(""));
        };
        tokio::join!(estate.replica("one", MINUTE * 4, End::Stopped, &due), by_hand);
        // The first round tests the store, and the second one reads what the first one wrote.
        let story = estate.story.lock().unwrap().split_off(2);
        assert_eq!(
            story,
            [
                "minute 2 one in-sync (timer): 0 changes; 1 get head.json, 1 get sets, 1 get wabacl.json, 1 list checkpoints, \
                 1 list journal, 1 list sets",
                "minute 3 one applied (timer): 1 changes; 4 create journal, 1 create plans, 5 get head.json, 2 get journal, \
                 3 get sets, 2 get wabacl.json, 4 list checkpoints, 4 list journal, 3 list sets, 1 put head.json",
            ]
        );
        emulator.shutdown().await;
    });
}

#[test]
fn the_estate_follows_the_manifests_for_an_hour() {
    simulated(play);
}

async fn play(clock: &Clock, folder: &Path) {
    let wait = MINUTE * 3;
    let throttle = FaultKind::Throttle { waba: false, wait, hint: WaitHint::RetryAfter };
    let options = Options {
        clock: clock.clone(),
        latency: Duration::from_millis(100).into(),
        faults: vec![Fault::new(throttle).hits(400..401)],
        ..Options::default()
    };
    let emulator = Emulator::start(World::from_yaml(&world()).unwrap(), options).await.unwrap();
    let faults = MemoryFaults { latency: Duration::from_millis(50), seed: 3, ..MemoryFaults::default() };
    let estate = Estate {
        clock: clock.clone(),
        emulator: &emulator,
        objects: Arc::new(MemoryObjects::new(clock.clone(), faults)),
        folder,
        story: Mutex::default(),
    };
    estate.write(&manifest("DEVELOP"));
    let (to_one, to_other) = (RefCell::new(None), RefCell::new(None));
    let one = async {
        for (length, end) in [(14, End::Killed), (16, End::Stopped), (30, End::Stopped)] {
            estate.replica("one", MINUTE * length, end, &to_one).await;
        }
    };
    let other = async {
        clock.sleep(Duration::from_secs(25)).await;
        for (length, end) in [(40, End::Killed), (20, End::Stopped)] {
            estate.replica("other", MINUTE * length, end, &to_other).await;
        }
    };
    let shared = async { (estate.share(5, "600", &to_one).await, estate.share(50, "601", &to_other).await) };
    let ((), (), (), (), (first, second)) = tokio::join!(one, other, estate.meddle(), estate.edit(), shared);
    let story = estate.story.lock().unwrap().join("\n");
    for id in (500..508).chain(600..602).map(|id| id.to_string()) {
        for (user, expected) in [("11", "MANAGE"), ("12", "VIEW_COST"), ("13", "")] {
            assert_eq!(estate.held(&id, user), expected, "{user} on {id}\n{story}");
        }
    }
    for (took, calls) in [first, second] {
        assert!(took <= Duration::from_secs(2), "{took:?}\n{story}");
        assert!(calls <= 10, "{calls} calls\n{story}");
    }
    assert!(emulator.most_waba_calls() <= 200, "{}", emulator.most_waba_calls());
    assert_eq!(emulator.calls_while_throttled(), 0, "{story}");
    for happened in ["one applied", "other applied", "throttled", "in-sync", "applied (event)"] {
        assert!(story.contains(happened), "{happened}\n{story}");
    }
    emulator.shutdown().await;
}
