#![allow(unreachable_pub, reason = "a room that two benchmarks share")]
//! Manifests and live states of any size, for measuring.

use std::fmt::Write as _;
use wabacl::documents::{self, Findings};
use wabacl::guard::review;
use wabacl::manifest::parse;
use wabacl::model::{
    AdminRole, AssignmentKey, Desired, Directory, DirectoryWaba, Earlier, Edge, Name, Observed, Plan,
    Sources, State, SystemUser, Task, TaskSet, UserId, WabaId,
};
use wabacl::plan::plan;
use wabacl::proposal::Proposal;
use wabacl::resolve::{Circumstances, Resolved, resolve};

/// The business portfolio of every case.
pub const BUSINESS: u64 = 9_876_543_210_987_654;
/// How many system users each case has; each holds something on every WABA.
pub const USERS: u64 = 20;
/// One pair of this many differs: 5 %.
const ONE_DIFFERS_OF: usize = 20;

/// How a manifest asks for its assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// By roles, labels and globs: a handful of grants.
    Factored,
    /// By a grant for each assignment.
    Explicit,
}

/// What goes into the pure core.
pub struct Case {
    pub sources: Sources,
    pub directory: Directory,
    pub observed: Observed,
}

pub fn user_id(user: u64) -> u64 {
    1_972_385_000_000_000 + user
}

pub fn waba_id(waba: u64) -> u64 {
    102_290_000_000_000 + waba
}

fn id<T: std::str::FromStr>(number: u64) -> T
where
    T::Err: std::fmt::Debug,
{
    number.to_string().parse().expect("the numbers above are ids")
}

/// Writes the manifest that gives [`USERS`] system users something on each of some WABAs.
pub fn manifest(shape: Shape, wabas: u64) -> String {
    let mut text = format!("version: 1\nbusiness: {BUSINESS}\nsystem_users:\n");
    for user in 0..USERS {
        let _ = writeln!(text, "  bot-{user}: {{ id: {} }}", user_id(user));
    }
    text.push_str("roles:\n  sender: [MESSAGING, VIEW_PHONE_ASSETS]\n  editor: [MANAGE_TEMPLATES, VIEW_TEMPLATES]\nwabas:\n");
    for waba in 0..wabas {
        let region = if waba.is_multiple_of(2) { "eu" } else { "us" };
        let _ =
            writeln!(text, "  {region}-{waba}: {{ id: {}, labels: {{ region: {region} }} }}", waba_id(waba));
    }
    text.push_str("grants:\n");
    match shape {
        Shape::Factored => factored(&mut text),
        Shape::Explicit => explicit(&mut text, wabas),
    }
    text.push_str("guards: { max_removals: 1000000, max_removals_percent: 100 }\n");
    text
}

fn factored(text: &mut String) {
    for user in 0..USERS {
        let role = if user < 10 { "sender" } else { "editor" };
        if user.is_multiple_of(2) {
            let _ =
                writeln!(text, "  - {{ users: [bot-{user}], tasks: [{role}], wabas: [\"eu-*\", \"us-*\"] }}");
        } else {
            for region in ["eu", "us"] {
                let _ = writeln!(
                    text,
                    "  - {{ users: [bot-{user}], tasks: [{role}], labels: {{ region: {region} }} }}"
                );
            }
        }
    }
}

fn explicit(text: &mut String, wabas: u64) {
    for waba in 0..wabas {
        let region = if waba.is_multiple_of(2) { "eu" } else { "us" };
        for user in 0..USERS {
            let role = if user < 10 { "sender" } else { "editor" };
            let _ =
                writeln!(text, "  - users: [bot-{user}]\n    tasks: [{role}]\n    wabas: [{region}-{waba}]");
        }
    }
}

/// Makes a manifest whose WABAs are the rows of a CSV file.
#[allow(dead_code, reason = "only one of the benchmarks measures it")]
pub fn table(rows: u64) -> Sources {
    let mut text = String::from("id,name,shared,label:region,label:tier\n");
    for row in 0..rows {
        let region = if row.is_multiple_of(2) { "eu" } else { "us" };
        let _ = writeln!(text, "{},\"Customer {row}, {region}\",admin,{region},gold", waba_id(row));
    }
    let mut sources = Sources::default();
    let manifest = format!(
        "version: 1\nbusiness: {BUSINESS}\nsystem_users: {{ bot: {{ id: {} }} }}\nwabas_from: [customers.csv]\n\
         grants: [{{ users: [bot], tasks: [MESSAGING], labels: {{ tier: gold, region: [eu, us] }} }}]\n",
        user_id(1)
    );
    let manifest = sources.add("access.yaml", manifest);
    let table = sources.add("customers.csv", text);
    sources.add_table(manifest, "customers.csv", Ok(table));
    sources
}

/// Gives what a user holds in a world that is in sync.
pub fn tasks(user: u64) -> TaskSet {
    if user < 10 {
        TaskSet::from([Task::Messaging, Task::ViewPhoneAssets])
    } else {
        TaskSet::from([Task::ManageTemplates, Task::ViewTemplates])
    }
}

/// Gives what a user holds on a WABA in the live world, where 5 % of the pairs differ.
pub fn live_tasks(waba: u64, user: u64) -> TaskSet {
    let pair = usize::try_from(waba * USERS + user).expect("fewer than 2^32 pairs");
    if pair % ONE_DIFFERS_OF != 7 {
        return tasks(user);
    }
    if waba.is_multiple_of(2) { TaskSet::EMPTY } else { TaskSet::from([Task::Develop]) }
}

/// Makes a case of so many assignments, in a shape.
pub fn case(shape: Shape, assignments: u64) -> Case {
    let wabas = assignments / USERS;
    let mut sources = Sources::default();
    sources.add("access.yaml", manifest(shape, wabas));
    let system_user = |user: u64| {
        let entry = SystemUser { name: Name::from(&*format!("bot-{user}")), role: AdminRole::Employee };
        (id::<UserId>(user_id(user)), entry)
    };
    let waba = |waba: u64| {
        let entry = DirectoryWaba {
            name: Name::from(&*format!("WABA {waba}")),
            edge: Edge::Owned,
            permitted_tasks: None,
            solution_messaging: None,
        };
        (id::<WabaId>(waba_id(waba)), entry)
    };
    let directory = Directory {
        business: id(BUSINESS),
        system_users: (0..USERS).map(system_user).collect(),
        wabas: (0..wabas).map(waba).collect(),
    };
    let pairs = (0..wabas).flat_map(|waba| (0..USERS).map(move |user| (waba, user)));
    let state: State = pairs
        .map(|(waba, user)| {
            (AssignmentKey { waba: id(waba_id(waba)), user: id(user_id(user)) }, live_tasks(waba, user))
        })
        .collect();
    Case { sources, directory, observed: Observed { state, ..Observed::default() } }
}

/// A sink that counts bytes.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Parses and resolves the manifest of a case.
fn resolved(case: &Case) -> Resolved {
    let now = wabacl::model::start_of_day(jiff::civil::date(2026, 11, 23));
    let (manifest, diagnostics) = parse(&case.sources);
    let manifest = manifest.unwrap_or_else(|| panic!("the manifest is good: {diagnostics:?}"));
    let earlier = Earlier::default();
    let circumstances = Circumstances { now, acting_user: None, earlier: &earlier, admin_rows: &[] };
    let (resolved, diagnostics) = resolve(&manifest, &case.directory, circumstances);
    resolved.unwrap_or_else(|| panic!("the manifest resolves: {diagnostics:?}"))
}

/// Returns the desired state of a case.
#[allow(dead_code, reason = "only one of the benchmarks asks about it")]
pub fn desired(case: &Case) -> Desired {
    resolved(case).desired
}

/// Runs the pure core: parse, resolve, plan, guard, render as JSON. Returns the plan and the length of its text.
pub fn core(case: &Case) -> (Plan, usize) {
    let resolved = resolved(case);
    let digest = wabacl::digest::manifest_digest(&resolved.desired, &resolved.policy);
    let plan = plan(&resolved.desired, &case.observed);
    let proposal = Proposal {
        policy: resolved.policy,
        manifest_digest: digest,
        sources: case.sources.clone(),
        ..Proposal::without_evidence(plan)
    };
    let now = proposal.plan.now;
    let review = review(proposal, &[], now);
    let mut sink = Counted(0);
    documents::plan(review.proposal(), Findings::of_review(&review), &mut sink)
        .expect("a count takes everything");
    (review.plan().clone(), sink.0)
}
