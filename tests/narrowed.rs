//! Narrowed runs: what they read, and that they plan what the whole run plans of it.

use crate::support::{Played, refuses};
use std::fmt::Write as _;
use wabacl::emulator::Fault;
use wabacl::engine::{self, PlanRequest, Session};
use wabacl::graph::ReadStrategy;
use wabacl::guard::{Guard, review};
use wabacl::model::{AssignmentKey, Glob, Name, Selection, Sources, TaskSet};
use wabacl::proposal::Proposal;

/// A business with 300 WABAs of its own and 20 shared ones. On each, `ops` and `bot` hold something; on the first two of
/// each kind `bot` holds too much, `gone` holds something on one of each, and `boss` is not listed.
fn world() -> String {
    let mut text = String::from(
        "businesses:
  - id: 10
    name: Us
    system_users:
      - { id: 100, name: admin, role: ADMIN, listed: false }
      - { id: 101, name: ops }
      - { id: 102, name: bot }
      - { id: 103, name: Gone }
      - { id: 104, name: boss, role: ADMIN, listed: false }
      - { id: 105, name: fresh }
  - { id: 20, name: Them }
tokens: [{ token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }]
wabas:
",
    );
    for id in (5000..5300).chain(6000..6020) {
        let whose = if id < 6000 {
            "owned_by: 10"
        } else {
            "owned_by: 20, shared_with: [{ business: 10, permitted_tasks: [MANAGE, DEVELOP] }]"
        };
        let surplus = if id % 1000 < 2 { "DEVELOP, VIEW_COST" } else { "DEVELOP" };
        let gone = if id % 1000 == 7 { ", { user: 103, tasks: [MESSAGING] }" } else { "" };
        let held = format!("{{ user: 101, tasks: [MANAGE] }}, {{ user: 102, tasks: [{surplus}] }}{gone}");
        writeln!(text, "  - {{ id: {id}, name: W{id}, {whose}, assigned: [{held}] }}").unwrap();
    }
    text
}

fn manifest() -> String {
    let mut text = String::from(
        "version: 1
business: 10
prune: all
guards: { max_removals_percent: 100 }
system_users: { ops: { id: 101 }, bot: { id: 102 }, boss: { id: 104 }, fresh: { id: 105 } }
grants:
  - { users: [ops], tasks: [MANAGE], wabas: ['*'] }
  - { users: [bot], tasks: [DEVELOP], wabas: ['*'] }
  - { users: [boss], tasks: [DEVELOP], wabas: ['w-5001'] }
  - { users: [fresh], tasks: [VIEW_INSIGHTS], wabas: ['w-5002', 'w-6002'] }
wabas:
",
    );
    for id in (5000..5300).chain(6000..6020) {
        let shared = if id < 6000 { "owned" } else { "admin" };
        writeln!(text, "  w-{id}: {{ id: {id}, shared: {shared} }}").unwrap();
    }
    text
}

fn selection(wabas: &[&str], users: &[&str]) -> Selection {
    Selection {
        wabas: wabas.iter().map(|glob| Glob::new(*glob)).collect(),
        users: users.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    }
}

/// Plans, narrowed to a selection.
async fn planned(played: &Played, manifest: &str, selection: Selection) -> Proposal {
    let mut sources = Sources::default();
    sources.add("access.yaml", manifest);
    let request = PlanRequest { selection, ..PlanRequest::default() };
    let checked = engine::check_sources(sources, request, &|_| ()).unwrap();
    let session = Session::connect(&played.settings, &played.run, &|_| ()).await.unwrap();
    session.propose(checked, &|_| ()).await.unwrap().0
}

/// Returns the calls, without those about the token: the path below the version, with the number of calls.
fn calls(played: &Played) -> Vec<String> {
    let calls = played.emulator.calls().into_iter().map(|call| call.path);
    let mut paths: Vec<String> = calls
        .map(|path| path.trim_start_matches("/v25.0/").to_owned())
        .filter(|path| !path.contains("debug_token") && path != "me")
        .collect();
    paths.sort();
    let counted = paths.chunk_by(|one, next| one == next);
    counted.map(|same| format!("{} {}", same.len(), same[0])).collect()
}

type Sets = (AssignmentKey, TaskSet, TaskSet);

fn sets(proposal: &Proposal, is_selected: impl Fn(AssignmentKey) -> bool) -> Vec<Sets> {
    let mut sets: Vec<Sets> = proposal
        .plan
        .changes
        .iter()
        .filter(|change| is_selected(change.key))
        .map(|change| (change.key, change.before.clone(), change.after.clone()))
        .collect();
    sets.sort();
    sets
}

#[tokio::test]
async fn of_selected_wabas_only_these_are_read() {
    let played = Played::start(&world()).await;
    let proposal = planned(&played, &manifest(), selection(&["w-5000", "w-5007"], &[])).await;
    assert_eq!(
        calls(&played),
        ["1 10/system_users", "1 5000", "1 5000/assigned_users", "1 5007", "1 5007/assigned_users"]
    );
    assert_eq!(proposal.plan.changes.len(), 2, "bot has too much, and gone goes");
    assert_eq!(
        proposal.plan.live_in_scope,
        5 + 318 * 2 + 3,
        "the others count as the manifests ask for them"
    );
}

#[tokio::test]
async fn of_a_selected_user_only_the_wabas_that_differ_are_read() {
    let played = Played::start(&world()).await;
    let proposal = planned(&played, &manifest(), selection(&["w-5*"], &["bot"])).await;
    assert_eq!(
        calls(&played),
        [
            "1 10/system_users",
            "4 102/assigned_whatsapp_business_accounts",
            "1 5000",
            "1 5000/assigned_users",
            "1 5001",
            "1 5001/assigned_users",
        ]
    );
    assert_eq!((proposal.plan.changes.len(), proposal.plan.unchanged), (2, 298));
    assert!(proposal.plan.unmanaged.is_empty() && proposal.plan.unresolved.is_empty());
}

#[tokio::test]
async fn permitted_tasks_of_shared_wabas_are_known_in_a_narrowed_run_too() {
    let played = Played::start(&world()).await;
    let proposal = planned(&played, &manifest(), selection(&[], &["fresh"])).await;
    assert_eq!(played.calls_at("/10/client_whatsapp_business_accounts"), 1);
    assert_eq!(played.calls_at("/10/owned_whatsapp_business_accounts"), 0);
    assert_eq!(played.calls_at("/assigned_users"), 2);
    let now = proposal.plan.now;
    let review = review(proposal, &[], now);
    let violated: Vec<Guard> = review.violations().iter().map(|violation| violation.guard).collect();
    assert_eq!(violated, [Guard::NotPermitted]);
}

#[tokio::test]
async fn most_of_the_scope_is_read_from_the_lists() {
    let mut played = Played::start(&world()).await;
    played.run.read_strategy = ReadStrategy::Nested;
    planned(&played, &manifest(), selection(&["w-5*"], &[])).await;
    assert_eq!(played.calls_at("/assigned_users"), 0);
    assert_eq!(played.calls_at("/10/owned_whatsapp_business_accounts"), 3);
}

#[tokio::test]
async fn a_narrowed_plan_has_the_changes_of_the_whole_plan_that_it_selects() {
    let played = Played::start(&world()).await;
    let whole = planned(&played, &manifest(), Selection::default()).await;
    assert_eq!(whole.plan.changes.len(), 4 + 2 + 1 + 2);
    for (users, ids) in [
        (&[][..], &[101_u64, 102, 103, 104, 105][..]),
        (&["bot"], &[102]),
        (&["Gone"], &[103]),
        (&["105", "boss"], &[104, 105]),
        (&["ops"], &[101]),
    ] {
        for (wabas, range) in [
            (&[][..], 0..9999),
            (&["w-500?"], 5000..5010),
            (&["w-6*"], 6000..6020),
            (&["w-5123"], 5123..5124),
        ] {
            let narrowed = planned(&played, &manifest(), selection(wabas, users)).await;
            let is_selected = |key: AssignmentKey| {
                ids.iter().any(|id| key.user.to_string() == id.to_string())
                    && range.contains(&key.waba.to_string().parse().unwrap())
            };
            assert_eq!(sets(&narrowed, |_| true), sets(&whole, is_selected), "{wabas:?} {users:?}");
            assert_eq!(narrowed.manifest_digest, whole.manifest_digest, "the manifests mean the same");
        }
    }
}

#[tokio::test]
async fn if_the_list_of_a_user_cannot_be_read_all_selected_wabas_are_read() {
    let faults = [Fault::new(refuses(400, 100, Some(33))).at("assigned_whatsapp_business_accounts")];
    let played = Played::faulty(&world(), faults).await;
    let proposal = planned(&played, &manifest(), selection(&["w-500?"], &["bot"])).await;
    assert_eq!((proposal.plan.changes.len(), proposal.plan.unchanged), (2, 8));
    assert_eq!(played.calls_at("/assigned_users"), 10);
}

#[tokio::test]
async fn wabas_that_rules_discover_are_selected_by_their_live_names() {
    let played = Played::start(&world()).await;
    let discover = "version: 1
business: 10
system_users: { bot: { id: 102 } }
discover: [{ from: client, name: 'W*' }]
grants: [{ users: [bot], tasks: [DEVELOP], wabas: ['*'] }]
";
    let proposal = planned(&played, discover, selection(&["W6000"], &["bot"])).await;
    assert_eq!(proposal.plan.changes.len(), 1);
    assert_eq!(played.calls_at("/10/owned_whatsapp_business_accounts"), 0);
    assert_eq!(played.calls_at("/assigned_users"), 1);
}
