//! The case of a seed: a world, manifests for it, a script of faults, limits, and when the process dies.

use fastrand::Rng;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;
use wabacl::emulator::Script;
use wabacl::graph::ReadStrategy;
use wabacl::model::{Glob, Name, Selection, Task, TaskSet, UserId};

/// The token and the app secret. They are long and unlike any other text, so a search finds nothing else.
pub(crate) const TOKEN: &str = "EAAsimulationTOKENthatNobodyMayEverSee0123456789";
pub(crate) const SECRET: &str = "f00dfacesimulationSECRETthatNobodyMayEverSee";
/// The business whose access is managed, and another.
const US: u64 = 10;
const THEM: u64 = 20;
/// The system user of the other business.
const THEIRS: u64 = 950;
/// The system user whose token it is.
pub(crate) const ADMIN: u64 = 100;
/// The solution that grants the app `MESSAGING`.
const SOLUTION: u64 = 300;
/// Names that have to be escaped in some format.
const NAMES: [&str; 6] = ["bot", "Ops & Co", "évé", "a: b", "#1", "it's <b>"];

/// Everything that the runs of a seed are made from.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) world: String,
    pub(crate) manifest: String,
    pub(crate) script: Script,
    pub(crate) limits: Limits,
    pub(crate) waivers: Vec<&'static str>,
    /// The users that the manifests declared when they were last applied.
    pub(crate) inventory: Vec<UserId>,
    /// The system user of the other business.
    pub(crate) theirs: UserId,
    /// The admins that no list shows. Their access comes from their role, so no read shows what they hold.
    pub(crate) hidden: BTreeSet<UserId>,
    /// The runs before the last ones, which end by themselves.
    pub(crate) runs: Vec<(End, Way)>,
}

/// The way from the manifests to the plan that is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Plan and apply in one run, narrowed to the WABAs that match a glob or to a user if there is one, or to what has expired.
    Manifests { waba: Option<String>, user: Option<String>, only_expired: bool },
    /// By way of a saved plan.
    Saved {
        /// The time between saving and applying.
        wait: Duration,
        /// Whether it is compared with a plan that is made anew from the manifests.
        with_manifests: bool,
    },
}

impl Way {
    /// Returns what narrows the run.
    pub(crate) fn selection(&self) -> Selection {
        match self {
            Self::Manifests { waba, user, only_expired } => Selection {
                only_expired: *only_expired,
                wabas: waba.iter().map(|glob| Glob::new(&**glob)).collect(),
                users: user.iter().map(|name| Name::from(&**name)).collect(),
                ..Selection::default()
            },
            Self::Saved { .. } => Selection::default(),
        }
    }

    /// Plan and apply in one run that is not narrowed.
    pub(crate) const WHOLE: Self = Self::Manifests { waba: None, user: None, only_expired: false };

    fn draw(rng: &mut Rng, users: &[User], wabas: &[Waba]) -> Self {
        match rng.u8(..4) {
            // The name of one WABA in the manifest may match none that is in scope; then the run fails.
            0 => {
                let (by_waba, by_user) = pick(rng, &[(true, false), (false, true), (true, true)]);
                let waba = by_waba.then(|| format!("w{}*", pick(rng, wabas).id / 10));
                // Any user of the business, also one that no manifest declares.
                Self::Manifests {
                    waba,
                    user: by_user.then(|| users[rng.usize(..users.len())].id.to_string()),
                    only_expired: false,
                }
            }
            1 => Self::Saved {
                wait: Duration::from_secs(pick(rng, &[0, 5, 600, 90_000])),
                with_manifests: rng.bool(),
            },
            2 => Self::Manifests { waba: None, user: None, only_expired: rng.bool() },
            _ => Self::WHOLE,
        }
    }
}

/// The limits of the client.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) strategy: ReadStrategy,
    pub(crate) concurrency: usize,
    pub(crate) waba_calls_per_hour: u32,
    pub(crate) max_wait: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) with_secret: bool,
    /// The number of WABAs that an apply has in progress at a time.
    pub(crate) wabas_in_progress: usize,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Itself,
    /// By an interrupt at this moment, with this grace period.
    Interrupt(Duration, Duration),
    /// Killed at this moment.
    Kill(Duration),
}

/// A system user, and whether lists show it.
struct User {
    id: u64,
    name: String,
    role: &'static str,
    listed: bool,
}

#[derive(Clone)]
struct Waba {
    id: u64,
    name: String,
    owned: bool,
    /// Whether it is shared through the solution.
    by_solution: bool,
}

impl Case {
    /// Draws the case of a seed.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5EED);
        let users = users(&mut rng);
        let wabas = wabas(&mut rng);
        let limits = Limits::draw(&mut rng);
        let world = world(&mut rng, &users, &wabas, limits.with_secret);
        let manifest = manifest(&mut rng, &users, &wabas);
        let hidden =
            users.iter().filter(|user| !user.listed).filter_map(|user| user.id.to_string().parse().ok());
        let hidden = hidden.collect();
        let theirs = THEIRS.to_string().parse().expect("an id");
        // Most of them are declared still; the others are released.
        let inventory = if rng.bool() { some(&mut rng, &users, 0, 4) } else { Vec::new() };
        let inventory = inventory.iter().filter_map(|user| user.id.to_string().parse().ok()).collect();
        let runs = (0..rng.usize(0..3))
            .map(|_| (End::draw(&mut rng), Way::draw(&mut rng, &users, &wabas)))
            .collect();
        let mut waivers = if rng.u8(..3) == 0 { vec!["max-removals"] } else { Vec::new() };
        if rng.u8(..6) == 0 {
            waivers.push("admin-row");
        }
        Self {
            world,
            manifest,
            script: Script::from_seed(seed),
            limits,
            waivers,
            inventory,
            theirs,
            hidden,
            runs,
        }
    }
}

impl Limits {
    fn draw(rng: &mut Rng) -> Self {
        let strategies = [
            ReadStrategy::Auto,
            ReadStrategy::Auto,
            ReadStrategy::Nested,
            ReadStrategy::Batch,
            ReadStrategy::Direct,
        ];
        Self {
            strategy: pick(rng, &strategies),
            concurrency: rng.usize(1..17),
            // With fewer, a WABA whose list or business takes many pages could never be read and written in one hour.
            waba_calls_per_hour: pick(rng, &[200, 200, 40, 24]),
            max_wait: Duration::from_secs(pick(rng, &[0, 60, 900, 900, 7200])),
            timeout: (rng.u8(..8) == 0).then(|| Duration::from_millis(rng.u64(100..20_000))),
            with_secret: rng.bool(),
            wabas_in_progress: pick(rng, &[1, 3, 1_000]),
        }
    }
}

impl End {
    fn draw(rng: &mut Rng) -> Self {
        // Early moments are as likely as late ones on a logarithmic scale: from 0.02 to 40 seconds.
        let moment = Duration::from_secs_f64(0.02 * 2_000_f64.powf(rng.f64()));
        match rng.u8(..6) {
            0 => Self::Itself,
            1 => Self::Interrupt(moment, Duration::from_millis(rng.u64(..5_000))),
            _ => Self::Kill(moment),
        }
    }
}

fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}

/// Draws between `least` and `most` different elements.
fn some<'a, T>(rng: &mut Rng, of: &'a [T], least: usize, most: usize) -> Vec<&'a T> {
    let wanted = rng.usize(least.min(of.len())..=most.min(of.len()));
    let mut all: Vec<&T> = of.iter().collect();
    rng.shuffle(&mut all);
    all.truncate(wanted);
    all
}

fn users(rng: &mut Rng) -> Vec<User> {
    let others = (1..=rng.u64(2..9)).map(|number| {
        let is_admin = rng.u8(..6) == 0;
        User {
            id: ADMIN + number,
            name: format!("{} {number}", pick(rng, &NAMES)),
            role: if is_admin { "ADMIN" } else { "EMPLOYEE" },
            listed: !is_admin || rng.bool(),
        }
    });
    others.collect()
}

fn wabas(rng: &mut Rng) -> Vec<Waba> {
    let most = if rng.u8(..12) == 0 { 60 } else { 9 };
    let all = (0..rng.u64(1..most)).map(|number| Waba {
        id: 5_000 + 7 * number,
        name: format!("{} {number}", pick(rng, &NAMES)),
        owned: rng.u8(..3) > 0,
        by_solution: rng.u8(..3) == 0,
    });
    all.collect()
}

fn tasks(rng: &mut Rng) -> TaskSet {
    let favourites = [Task::Manage, Task::Messaging, Task::Develop, Task::ViewCost, Task::ManageTemplates];
    some(rng, &favourites, 1, 3).into_iter().copied().collect()
}

fn list(tasks: &TaskSet) -> String {
    tasks.names().collect::<Vec<_>>().join(", ")
}

/// Quotes a name for YAML.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

fn world(rng: &mut Rng, users: &[User], wabas: &[Waba], with_secret: bool) -> String {
    let secret = if with_secret { format!(", secret: {SECRET}") } else { String::new() };
    let mut text =
        format!("app: {{ id: 70{secret} }}\nbusinesses:\n  - id: {US}\n    name: Us\n    system_users:\n");
    let _ = writeln!(text, "      - {{ id: {ADMIN}, name: CI, role: ADMIN, listed: {} }}", rng.bool());
    for User { id, name, role, listed } in users {
        let name = quoted(name);
        let _ = writeln!(text, "      - {{ id: {id}, name: {name}, role: {role}, listed: {listed} }}");
    }
    text += "    people: [{ id: 901, name: Ana }, { id: 902, name: Bo }]\n";
    let _ = writeln!(
        text,
        "  - id: {THEM}\n    name: Them\n    system_users: [{{ id: {THEIRS}, name: theirs }}]"
    );
    let _ = writeln!(
        text,
        "solutions: [{{ id: {SOLUTION}, name: S, owner_app: 70, owner_permissions: [MESSAGING] }}]"
    );
    let _ = writeln!(text, "tokens: [{{ token: {TOKEN}, user: {ADMIN} }}]\nwabas:");
    for Waba { id, name, owned, by_solution } in wabas {
        let whose = match (owned, by_solution) {
            (true, _) => format!("owned_by: {US}"),
            (false, false) => format!("owned_by: {THEM}, shared_with: [{{ business: {US} }}]"),
            (false, true) => {
                format!("owned_by: {THEM}, shared_with: [{{ business: {US} }}], solution: {SOLUTION}")
            }
        };
        let name = quoted(name);
        let holders = users.iter().map(|user| user.id).chain([901, 902, THEIRS]);
        let mut rows = Vec::new();
        for holder in holders {
            if rng.u8(..3) > 0 {
                rows.push(format!("{{ user: {holder}, tasks: [{}] }}", list(&tasks(rng))));
            }
        }
        let rows = rows.join(", ");
        let _ = writeln!(text, "  - {{ id: {id}, name: {name}, {whose}, assigned: [{rows}] }}");
    }
    text
}

fn manifest(rng: &mut Rng, all: &[User], wabas: &[Waba]) -> String {
    let users = some(rng, all, 1, 6);
    let named = some(rng, wabas, 1, 60);
    let mut text = format!("version: 1\nbusiness: {US}\nsystem_users:\n");
    for user in &users {
        // By its id, or by the name that the business knows.
        let how =
            if rng.bool() { format!("id: {}", user.id) } else { format!("name: {}", quoted(&user.name)) };
        let how = match (user.role == "ADMIN" && rng.bool(), rng.u8(..10)) {
            (true, _) => format!("{how}, by_role: true"),
            (false, 0) => format!("{how}, suspended: leaked"),
            (false, _) => how,
        };
        let _ = writeln!(text, "  u{}: {{ {how} }}", user.id);
    }
    if rng.u8(..10) == 0 {
        text += pick(rng, &["  gone: { id: 99999 }\n", "  gone: { name: nobody }\n"]);
    }
    let spare = all.iter().find(|user| !users.iter().any(|declared| declared.id == user.id));
    if let Some(spare) = spare.filter(|_| rng.u8(..4) == 0) {
        let _ = writeln!(text, "ignored_users: ['{}']", spare.id);
    }
    text += "wabas:\n";
    for (index, waba) in named.iter().enumerate() {
        let shared = match (waba.owned, waba.by_solution) {
            (true, _) => "",
            (false, false) => ", shared: admin",
            (false, true) => ", shared: solution_with_messaging",
        };
        // The first one has the label that grants select: a label that no WABA has is an error.
        let label = if index == 0 { "gold" } else { pick(rng, &["gold", "plain"]) };
        let _ = writeln!(text, "  w{0}: {{ id: {0}{shared}, labels: {{ tier: {label} }} }}", waba.id);
    }
    if rng.u8(..3) == 0 {
        let from = pick(rng, &["client", "owned"]);
        let shared = if from == "client" { ", shared: admin" } else { "" };
        let _ = writeln!(text, "discover: [{{ from: {from}{shared}, labels: {{ tier: found }} }}]");
    }
    text += "grants:\n";
    for number in 0..rng.usize(1..6) {
        grant(rng, &mut text, number, &users, &named);
    }
    if rng.u8(..4) == 0 {
        exception(rng, &mut text, &users, &named);
    }
    let prune = pick(rng, &["none", "declared", "declared", "all"]);
    let percent = pick(rng, &[100, 100, 60]);
    let least = pick(
        rng,
        &["{ MANAGE: 0, MESSAGING: 0 }", "{ MESSAGING: 0 }", "{}", "{ MANAGE: 0, MESSAGING: 0, DEVELOP: 2 }"],
    );
    let holders = pick(rng, &["business", "anyone"]);
    let _ = writeln!(text, "prune: {prune}");
    if rng.u8(..5) == 0 {
        text += "implied: { MANAGE: [VIEW_COST], DEVELOP: [VIEW_COST, MESSAGING] }\n";
    }
    let _ = writeln!(
        text,
        "guards: {{ max_removals_percent: {percent}, max_removals: 500, min_holders: {least}, holders: {holders} }}"
    );
    text
}

fn grant(rng: &mut Rng, text: &mut String, number: usize, users: &[&User], wabas: &[&Waba]) {
    let users: Vec<String> = some(rng, users, 1, 4).iter().map(|user| format!("u{}", user.id)).collect();
    let _ = writeln!(text, "  - name: grant {number}\n    users: [{}]", users.join(", "));
    let _ = writeln!(text, "    tasks: [{}]", list(&tasks(rng)));
    match rng.u8(..4) {
        0 => *text += "    wabas: ['*']\n",
        1 => *text += "    labels: { tier: gold }\n",
        _ => {
            let wabas: Vec<String> =
                some(rng, wabas, 1, 30).iter().map(|waba| format!("w{}", waba.id)).collect();
            let _ = writeln!(text, "    wabas: [{}]", wabas.join(", "));
        }
    }
    if rng.u8(..4) == 0 {
        let _ = writeln!(text, "    {}", period(rng));
    }
}

fn exception(rng: &mut Rng, text: &mut String, users: &[&User], wabas: &[&Waba]) {
    let (user, waba) = (pick(rng, users).id, pick(rng, wabas).id);
    let tasks = if rng.bool() { list(&tasks(rng)) } else { String::new() };
    let _ = writeln!(text, "exceptions:\n  - users: [u{user}]\n    tasks: [{tasks}]\n    wabas: [w{waba}]");
    let _ = writeln!(text, "    reason: a customer objects");
    if rng.u8(..3) == 0 {
        let _ = writeln!(text, "    {}", pick(rng, &UNTIL));
    }
}

/// Ends that have passed, and one in the course of the first runs.
const UNTIL: [&str; 2] = ["until: 2026-01-31", "until: 2026-11-23T11:10:00+01:00"];

/// Returns when a grant begins or ends: before the runs, in their course, or after them.
fn period(rng: &mut Rng) -> &'static str {
    let from = ["from: 2026-11-23T10:10:00Z", "from: 2027-03-31"];
    pick(rng, &[UNTIL[0], UNTIL[1], from[0], from[1]])
}
