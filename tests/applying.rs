//! Applying over HTTP: what is written in which order, and what becomes of it where something goes wrong.

use crate::support::{Played, key, refuses, tasks, until};
use std::time::Duration;
use wabacl::apply::{Shutdown, ShutdownReason};
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, FaultKind, Options, WaitHint};
use wabacl::engine::{self, Applied, ApplyOptions, Event, Lease, PlanRequest, Session};
use wabacl::guard::{ApprovedPlan, review};
use wabacl::model::{AssignmentKey, Directory, Outcome, Report, ReportedChange, Sources, TaskSet};
use wabacl::store::StateStore;

pub(crate) const WORLD: &str = "
app: { id: 70 }
businesses:
  - id: 10
    name: Us
    system_users:
      - { id: 100, name: admin, role: ADMIN }
      - { id: 101, name: old }
      - { id: 102, name: bot }
      - { id: 103, name: quiet, role: ADMIN, listed: false }
      - { id: 104, name: fresh }
    people: [{ id: 110, name: Ana }]
wabas:
  - id: 500
    name: A
    owned_by: 10
    assigned:
      - { user: 101, tasks: [VIEW_COST] }
      - { user: 102, tasks: [DEVELOP] }
      - { user: 110, tasks: [MANAGE] }
  - { id: 501, name: B, owned_by: 10, assigned: [{ user: 102, tasks: [VIEW_COST] }] }
  - { id: 502, name: C, owned_by: 10, assigned: [{ user: 110, tasks: [MANAGE] }] }
tokens:
  - { token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }
";

/// On A one user gains, one comes and one goes; on B one set changes; on C one user comes.
const MANIFEST: &str = "
version: 1
business: 10
system_users: { old: { id: 101 }, bot: { id: 102 }, fresh: { id: 104 } }
wabas: { a: { id: 500 }, b: { id: 501 }, c: { id: 502 } }
grants:
  - { users: [bot], tasks: [DEVELOP, VIEW_INSIGHTS], wabas: [a, b] }
  - { users: [fresh], tasks: [VIEW_COST], wabas: [a, c] }
guards: { max_removals_percent: 100 }
";

/// A plan that the guards approved, with the session that made it.
struct Ready {
    approved: ApprovedPlan,
    directory: Directory,
    session: Session,
}

/// Plans a manifest.
async fn planned(played: &Played, manifest: &str) -> Ready {
    let mut sources = Sources::default();
    sources.add("access.yaml", manifest);
    let request = PlanRequest { began: "2026-11-23T00:00:00Z".parse().unwrap(), ..PlanRequest::default() };
    let checked = engine::check_sources(sources, request, &ignore).unwrap();
    let session = Session::connect(&played.settings, &played.run, &ignore).await.unwrap();
    let (proposal, directory) = session.propose(checked, &ignore).await.unwrap();
    let now = proposal.plan.now;
    let approved = review(proposal, &[], now).approve().expect("the guards approve it");
    Ready { approved, directory, session }
}

fn ignore(_: Event<'_>) {}

impl Ready {
    async fn apply(&self, shutdown: &Shutdown, wabas_in_progress: usize) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let business = self.approved.plan().business;
        let lease = Lease::take(&StateStore::folder(folder.path()), business, true, &Clock::real(), &ignore)
            .await
            .unwrap();
        let options = ApplyOptions { wabas_in_progress, ..ApplyOptions::default() };
        let applied = self.session.apply(&self.approved, &self.directory, lease, &options, shutdown, &ignore);
        let Applied { report, journal_error, .. } = applied.await.unwrap();
        assert!(journal_error.is_none(), "{journal_error:?}");
        report
    }
}

/// Returns a shutdown with a longer grace period than any test needs.
fn patient() -> Shutdown {
    Shutdown::new(Clock::real(), Duration::from_secs(60))
}

/// Plans and applies in a world with some faults.
async fn applied<const N: usize>(faults: [Fault; N]) -> (Played, Report) {
    let played = Played::faulty(WORLD, faults).await;
    let report = planned(&played, MANIFEST).await.apply(&patient(), 10).await;
    (played, report)
}

/// Returns each change with the kind of its outcome: `500/102 Applied`.
fn outcomes(report: &Report) -> Vec<String> {
    let line = |reported: &ReportedChange| {
        let AssignmentKey { waba, user } = reported.change.key;
        format!("{waba}/{user} {}", kind(&reported.outcome))
    };
    report.changes.iter().map(line).collect()
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "Applied",
        Outcome::AlreadySo => "AlreadySo",
        Outcome::AcceptedNotListed => "AcceptedNotListed",
        Outcome::StoredDifferently { .. } => "StoredDifferently",
        Outcome::InPart { .. } => "InPart",
        Outcome::Moved { .. } => "Moved",
        Outcome::Failed { .. } => "Failed",
        Outcome::Unknown { .. } => "Unknown",
        Outcome::NotAttempted { .. } => "NotAttempted",
    }
}

/// Gives the outcome of one change.
fn outcome<'a>(report: &'a Report, waba: &str, user: &str) -> &'a Outcome {
    let wanted = key(waba, user);
    &report.changes.iter().find(|reported| reported.change.key == wanted).unwrap().outcome
}

/// Gives why a change failed, is unknown or was not attempted.
fn why<'a>(report: &'a Report, waba: &str, user: &str) -> &'a str {
    match outcome(report, waba, user) {
        Outcome::Failed { error } | Outcome::Unknown { error } => error,
        Outcome::NotAttempted { why } | Outcome::InPart { why } => why,
        Outcome::Applied
        | Outcome::AlreadySo
        | Outcome::AcceptedNotListed
        | Outcome::StoredDifferently { .. }
        | Outcome::Moved { .. } => panic!("{waba}/{user} is {:?}", outcome(report, waba, user)),
    }
}

const ALL_APPLIED: [&str; 5] =
    ["500/102 Applied", "500/104 Applied", "500/101 Applied", "501/102 Applied", "502/104 Applied"];

#[tokio::test]
async fn an_apply_makes_what_was_planned_and_nothing_is_left_to_plan() {
    let played = Played::start(WORLD).await;
    let ready = planned(&played, MANIFEST).await;
    let before = played.emulator.calls().len();
    let report = ready.apply(&patient(), 10).await;
    assert_eq!(outcomes(&report), ALL_APPLIED);
    assert!(report.wrote);
    assert_eq!(report.stopped, None);
    assert_eq!(played.emulator.calls().len() - before, 5 + 2 * 3 + 1, "changes, and reads");
    let cost = ready.approved.plan().apply_cost();
    assert_eq!((cost.writes, cost.reads, cost.wabas), (5, 2 * 3 + 1, 3), "as announced");
    assert_eq!(played.held("500", "102"), "DEVELOP VIEW_INSIGHTS".replace(' ', ", "));
    assert_eq!(played.held("500", "101"), "");
    assert_eq!(played.held("500", "110"), "MANAGE");
    assert_eq!(planned(&played, MANIFEST).await.approved.plan().changes, []);
}

#[tokio::test]
async fn on_the_wire_gains_come_before_losses() {
    let (played, _) = applied([]).await;
    // The first GET is the plan's. The others come before the first write, before the first loss and after the last
    // write.
    assert_eq!(played.methods_at("500"), ["GET", "GET", "POST", "POST", "GET", "DELETE", "GET"]);
    assert_eq!(played.methods_at("501"), ["GET", "GET", "POST", "GET"]);
}

#[tokio::test]
async fn a_plan_without_changes_sends_nothing() {
    let (played, _) = applied([]).await;
    let ready = planned(&played, MANIFEST).await;
    let before = played.emulator.calls().len();
    let Report { changes, stopped, wrote, .. } = ready.apply(&patient(), 10).await;
    assert_eq!((changes, stopped, wrote), (vec![], None, false));
    assert_eq!(played.emulator.calls().len(), before);
}

#[tokio::test]
async fn what_moved_since_the_plan_is_not_written_over() {
    let played = Played::start(WORLD).await;
    let ready = planned(&played, MANIFEST).await;
    played.emulator.assign(key("500", "101"), tasks("MESSAGING"));
    let report = ready.apply(&patient(), 10).await;
    assert_eq!(
        outcomes(&report),
        [
            "500/102 NotAttempted",
            "500/104 NotAttempted",
            "500/101 Moved",
            "501/102 Applied",
            "502/104 Applied"
        ]
    );
    assert_eq!(*outcome(&report, "500", "101"), Outcome::Moved { found: tasks("MESSAGING") });
    assert!(why(&report, "500", "102").contains("moved since the plan"));
    assert_eq!(played.methods_at("500"), ["GET", "GET"], "nothing is written there");
    assert_eq!(played.held("500", "101"), "MESSAGING");
}

#[tokio::test]
async fn what_moved_since_the_first_write_is_not_written_over() {
    let options = Options { latency: Duration::from_millis(100).into(), ..Options::default() };
    let played = Played::with(WORLD, options).await;
    let ready = planned(&played, MANIFEST).await;
    let others = async {
        until(|| played.methods_at("500").iter().any(|method| method == "POST")).await;
        played.emulator.assign(key("500", "101"), tasks("MESSAGING"));
    };
    let (report, ()) = tokio::join!(async { ready.apply(&patient(), 10).await }, others);
    assert_eq!(*outcome(&report, "500", "101"), Outcome::Moved { found: tasks("MESSAGING") });
    assert_eq!(*outcome(&report, "500", "104"), Outcome::Applied);
    assert_eq!(played.methods_at("500"), ["GET", "GET", "POST", "POST", "GET", "GET"]);
}

#[tokio::test]
async fn two_users_swap_tasks_though_one_task_is_implied_by_the_other() {
    let world = WORLD.replace("{ user: 101, tasks: [VIEW_COST] }", "{ user: 101, tasks: [MESSAGING] }");
    let manifest = "
version: 1
business: 10
system_users: { old: { id: 101 }, bot: { id: 102 } }
wabas: { a: { id: 500 } }
grants:
  - { users: [bot], tasks: [MESSAGING], wabas: [a] }
  - { users: [old], tasks: [DEVELOP], wabas: [a] }
implied: { DEVELOP: [MESSAGING] }
guards: { max_removals_percent: 100, min_holders: { DEVELOP: 1, MESSAGING: 1 } }
";
    let played = Played::start(&world).await;
    let ready = planned(&played, manifest).await;
    let report = ready.apply(&patient(), 10).await;
    assert_eq!(outcomes(&report), ["500/102 Applied", "500/101 Applied"]);
    assert_eq!([played.held("500", "101"), played.held("500", "102")], ["DEVELOP", "MESSAGING"]);
}

#[tokio::test]
async fn where_somebody_else_lost_tasks_nothing_more_is_taken_away() {
    let played = Played::start(WORLD).await;
    let ready = planned(&played, MANIFEST).await;
    played.emulator.assign(key("500", "110"), TaskSet::EMPTY);
    played.emulator.assign(key("502", "110"), tasks("DEVELOP"));
    let report = ready.apply(&patient(), 10).await;
    assert!(why(&report, "500", "101").contains("somebody else lost tasks on this WABA"));
    assert_eq!(played.methods_at("500"), ["GET", "GET"]);
    assert_eq!(*outcome(&report, "502", "104"), Outcome::Applied, "where only something comes it may come");
}

#[tokio::test]
async fn what_somebody_else_made_already_is_not_written_again() {
    let played = Played::start(WORLD).await;
    let ready = planned(&played, MANIFEST).await;
    played.emulator.assign(key("502", "104"), tasks("VIEW_COST"));
    let report = ready.apply(&patient(), 10).await;
    assert_eq!(*outcome(&report, "502", "104"), Outcome::AlreadySo);
    assert_eq!(played.methods_at("502"), ["GET", "GET"]);
}

#[tokio::test]
async fn what_was_made_already_and_changed_again_before_a_later_read_has_moved() {
    let options = Options { latency: Duration::from_millis(100).into(), ..Options::default() };
    let played = Played::with(WORLD, options).await;
    let ready = planned(&played, MANIFEST).await;
    played.emulator.assign(key("500", "104"), tasks("VIEW_COST"));
    let others = async {
        until(|| played.methods_at("500").iter().any(|method| method == "POST")).await;
        played.emulator.assign(key("500", "104"), tasks("DEVELOP"));
    };
    let (report, ()) = tokio::join!(async { ready.apply(&patient(), 10).await }, others);
    assert_eq!(*outcome(&report, "500", "104"), Outcome::Moved { found: tasks("DEVELOP") });
    assert_eq!(*outcome(&report, "500", "102"), Outcome::Applied);
    assert_eq!(played.held("500", "104"), "DEVELOP");
}

fn on_c(what: FaultKind) -> Fault {
    Fault::new(what).on("POST").at("/502/assigned_users")
}

#[tokio::test]
async fn a_write_without_an_answer_is_settled_by_reading() {
    for what in [FaultKind::CloseAfterEffect, FaultKind::TruncatedBody] {
        let (played, report) = applied([on_c(what.clone())]).await;
        assert_eq!(outcomes(&report), ALL_APPLIED, "{what:?}");
        assert_eq!(played.methods_at("502"), ["GET", "GET", "POST", "GET", "GET"], "{what:?}");
    }
}

#[tokio::test]
async fn a_write_that_met_a_passing_fault_is_sent_again_twice_at_most() {
    for what in [FaultKind::CloseConnection, FaultKind::HtmlError(502), refuses(500, 2, None)] {
        for times in 1..=2 {
            let (played, report) = applied([on_c(what.clone()).hits(0..times)]).await;
            assert_eq!(outcomes(&report), ALL_APPLIED, "{what:?}");
            assert_eq!(played.held("502", "104"), "VIEW_COST");
            let writes = played.methods_at("502").iter().filter(|method| *method == "POST").count();
            assert_eq!(writes, times + 1, "{what:?}");
        }
        let (played, report) = applied([on_c(what.clone())]).await;
        let why = why(&report, "502", "104");
        assert!(why.ends_with("; a read shows that it did not take effect"), "{what:?}: {why}");
        assert!(matches!(outcome(&report, "502", "104"), Outcome::Failed { .. }), "{what:?}");
        let expected = ["GET", "GET", "POST", "GET", "POST", "GET", "POST", "GET"];
        assert_eq!(played.methods_at("502"), expected, "{what:?}");
    }
}

#[tokio::test]
async fn a_write_that_met_a_lasting_fault_is_not_sent_again() {
    let (played, report) = applied([on_c(FaultKind::Redirect(String::from("http://127.0.0.1:1")))]).await;
    assert!(why(&report, "502", "104").contains("a read shows that it did not take effect"));
    assert_eq!(played.methods_at("502"), ["GET", "GET", "POST", "GET"]);
}

#[tokio::test]
async fn a_write_without_an_answer_to_an_admin_that_no_list_shows_is_unknown() {
    let manifest = MANIFEST.replace("fresh: { id: 104 }", "fresh: { id: 103 }");
    let played = Played::faulty(WORLD, [on_c(FaultKind::CloseAfterEffect)]).await;
    let report = planned(&played, &manifest).await.apply(&patient(), 10).await;
    assert!(why(&report, "502", "103").ends_with("since admins may not be listed"));
    assert_eq!(played.methods_at("502"), ["GET", "GET", "POST", "GET"], "it is not sent again");
}

#[tokio::test]
async fn after_an_unclear_answer_an_assignment_that_is_neither_as_before_nor_as_planned_has_moved() {
    let fault = on_c(FaultKind::CloseConnection).hits(0..1);
    let options =
        Options { faults: vec![fault], latency: Duration::from_millis(100).into(), ..Options::default() };
    let played = Played::with(WORLD, options).await;
    let ready = planned(&played, MANIFEST).await;
    let others = async {
        until(|| played.methods_at("502").iter().any(|method| method == "POST")).await;
        played.emulator.assign(key("502", "104"), tasks("DEVELOP"));
    };
    let (report, ()) = tokio::join!(async { ready.apply(&patient(), 10).await }, others);
    assert_eq!(*outcome(&report, "502", "104"), Outcome::Moved { found: tasks("DEVELOP") });
    assert_eq!(played.methods_at("502"), ["GET", "GET", "POST", "GET"]);
}

#[test]
fn a_revocation_that_lists_do_not_show_at_once_is_read_again_after_a_pause() {
    for (stale_for, outcome_is) in [(1, "Applied"), (3600, "Unknown")] {
        let clock = Clock::simulated("2026-11-23T10:00:00Z".parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(clock.run(async {
            let stale = FaultKind::StaleAfterRemoval(Duration::from_secs(stale_for));
            let faults = vec![Fault::new(stale)];
            let options = Options { clock: clock.clone(), faults, ..Options::default() };
            let mut played = Played::with(WORLD, options).await;
            played.settings.clock = clock.clone();
            let report = planned(&played, MANIFEST).await.apply(&patient(), 10).await;
            assert_eq!(kind(outcome(&report, "500", "101")), outcome_is);
            if stale_for > 1 {
                assert!(why(&report, "500", "101").starts_with("it was accepted, and is not visible yet"));
            }
            assert_eq!(played.held("500", "101"), "");
            let expected = ["GET", "GET", "POST", "POST", "GET", "DELETE", "GET", "GET"];
            assert_eq!(played.methods_at("500"), expected);
        }));
    }
}

#[tokio::test]
async fn nothing_is_taken_away_where_a_gain_is_not_stored() {
    let second_post = |what| Fault::new(what).on("POST").at("/500/assigned_users").hits(1..2);
    let (played, report) = applied([second_post(FaultKind::StoredInstead(tasks("VIEW_TEMPLATES")))]).await;
    let stored = tasks("VIEW_TEMPLATES");
    assert_eq!(*outcome(&report, "500", "104"), Outcome::StoredDifferently { stored });
    assert_eq!(played.held("500", "101"), "VIEW_COST");
    let (played, report) = applied([second_post(FaultKind::Ignored)]).await;
    assert_eq!(
        outcomes(&report),
        ["500/102 Applied", "500/104 Unknown", "500/101 NotAttempted", "501/102 Applied", "502/104 Applied"]
    );
    assert!(why(&report, "500", "104").contains("is not visible yet"));
    let expected =
        "nothing is removed, because the tasks that user 104 should gain here are not stored; plan again";
    assert_eq!(why(&report, "500", "101"), expected);
    assert_eq!(played.held("500", "101"), "VIEW_COST");
}

#[tokio::test]
async fn nothing_is_taken_away_where_the_gains_cannot_be_read_back() {
    let reads = Fault::new(refuses(403, 200, None)).on("GET").at("/500/assigned_users").hits(2..9);
    let (played, report) = applied([reads]).await;
    let why = why(&report, "500", "101");
    assert!(why.starts_with("nothing is removed, because the gains could not be read back: not"), "{why}");
    assert_eq!(played.held("500", "101"), "VIEW_COST");
}

#[tokio::test]
async fn a_write_that_can_not_be_settled_is_unknown() {
    let reads = Fault::new(refuses(403, 200, None)).on("GET").at("/502/assigned_users").hits(2..9);
    let (_, report) = applied([on_c(FaultKind::CloseAfterEffect), reads.clone()]).await;
    assert!(matches!(outcome(&report, "502", "104"), Outcome::Unknown { .. }));
    assert!(why(&report, "502", "104").contains("and the WABA could not be read: not permitted"));
    let (_, report) = applied([reads]).await;
    assert!(why(&report, "502", "104").starts_with("it was accepted, but the WABA could not be read back"));
}

#[tokio::test]
async fn what_is_stored_is_compared_with_what_was_planned() {
    let (_, report) = applied([on_c(FaultKind::ExtraStored(tasks("VIEW_TEMPLATES")))]).await;
    let stored = tasks("VIEW_COST VIEW_TEMPLATES");
    assert_eq!(*outcome(&report, "502", "104"), Outcome::StoredDifferently { stored });
    let (played, report) = applied([on_c(FaultKind::Ignored)]).await;
    assert!(matches!(outcome(&report, "502", "104"), Outcome::Unknown { .. }));
    assert!(why(&report, "502", "104").starts_with("it was accepted, and is not visible yet"));
    assert_eq!(played.methods_at("502"), ["GET", "GET", "POST", "GET", "GET"], "it is read twice");
    let (_, report) = applied([on_c(FaultKind::SuccessFalse)]).await;
    assert_eq!(why(&report, "502", "104"), "the API answered `success: false`");
}

#[tokio::test]
async fn what_is_declared_as_implied_is_no_difference() {
    let extra = on_c(FaultKind::ExtraStored(tasks("VIEW_TEMPLATES")));
    let played = Played::faulty(WORLD, [extra]).await;
    let manifest = format!("{MANIFEST}implied: {{ VIEW_COST: [VIEW_TEMPLATES] }}\n");
    let report = planned(&played, &manifest).await.apply(&patient(), 10).await;
    assert_eq!(outcomes(&report), ALL_APPLIED);
    assert_eq!(planned(&played, &manifest).await.approved.plan().changes, []);
}

#[tokio::test]
async fn one_failure_stops_its_waba_and_no_other() {
    let fault = Fault::new(refuses(403, 200, None)).on("POST").at("/500/assigned_users").hits(1..2);
    let (played, report) = applied([fault]).await;
    assert_eq!(
        outcomes(&report),
        ["500/102 Applied", "500/104 Failed", "500/101 NotAttempted", "501/102 Applied", "502/104 Applied"]
    );
    assert_eq!(report.stopped, None);
    assert!(why(&report, "500", "101").contains("an earlier change on this WABA failed"));
    assert_eq!(played.held("500", "101"), "VIEW_COST");
}

#[tokio::test]
async fn a_waba_that_cannot_be_read_again_is_not_written() {
    let fault = Fault::new(refuses(403, 200, None)).on("GET").at("/501/assigned_users").hits(1..9);
    let (played, report) = applied([fault]).await;
    assert!(why(&report, "501", "102").starts_with("the WABA could not be read before writing"));
    assert_eq!(played.methods_at("501"), ["GET", "GET"]);
    assert_eq!(report.changes.iter().filter(|reported| reported.outcome == Outcome::Applied).count(), 4);
}

#[tokio::test]
async fn a_revocation_of_nothing_is_settled_by_the_read_back() {
    let fault = Fault::new(refuses(404, 803, None)).on("DELETE");
    let (_, report) = applied([fault]).await;
    assert!(why(&report, "500", "101").ends_with("; but the WABA's list still shows the assignment"));
}

#[tokio::test]
async fn a_dead_token_stops_everything() {
    let fault = Fault::new(refuses(401, 190, Some(463))).on("POST").at("/500/assigned_users").hits(1..2);
    let played = Played::faulty(WORLD, [fault]).await;
    let ready = planned(&played, MANIFEST).await;
    let report = ready.apply(&patient(), 1).await;
    assert_eq!(
        outcomes(&report),
        [
            "500/102 Applied",
            "500/104 Failed",
            "500/101 NotAttempted",
            "501/102 NotAttempted",
            "502/104 NotAttempted"
        ]
    );
    assert!(report.stopped.as_deref().unwrap().contains("the access token is not valid"));
    assert!(why(&report, "502", "104").starts_with("the run was stopped: the access token is not valid"));
    assert_eq!(played.methods_at("502"), ["GET"], "nothing more is sent");
}

#[tokio::test]
async fn an_interrupt_before_the_first_write_leaves_everything_as_it_is() {
    let played = Played::start(WORLD).await;
    let ready = planned(&played, MANIFEST).await;
    let before = played.emulator.calls().len();
    let shutdown = patient();
    shutdown.request(ShutdownReason::Interrupted);
    let report = ready.apply(&shutdown, 10).await;
    assert!(outcomes(&report).iter().all(|line| line.ends_with(" NotAttempted")));
    assert_eq!(report.stopped.as_deref(), Some("interrupted"));
    assert!(!report.wrote);
    assert_eq!(played.emulator.calls().len(), before);
}

#[test]
fn a_run_whose_deadline_has_passed_writes_nothing() {
    let clock = Clock::simulated("2026-11-23T10:00:00Z".parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(clock.run(async {
        let options = Options { clock: clock.clone(), ..Options::default() };
        let mut played = Played::with(WORLD, options).await;
        played.settings.clock = clock.clone();
        played.run.timeout = Some(Duration::from_secs(60));
        let ready = planned(&played, MANIFEST).await;
        clock.sleep(Duration::from_secs(60)).await;
        let shutdown = patient();
        let report = ready.apply(&shutdown, 10).await;
        assert!(outcomes(&report).iter().all(|line| line.ends_with(" NotAttempted")), "{report:?}");
        assert!(matches!(shutdown.reason(), Some(ShutdownReason::OutOfTime(_))), "{:?}", shutdown.reason());
        assert!(!report.wrote);
        assert_eq!(played.methods_at("500"), ["GET"]);
    }));
}

/// Applies one WABA after the other, and interrupts while the first write is in flight.
async fn interrupted(grace: Duration) -> (Played, Report) {
    let options = Options { latency: Duration::from_millis(200).into(), ..Options::default() };
    let played = Played::with(WORLD, options).await;
    let ready = planned(&played, MANIFEST).await;
    let shutdown = Shutdown::new(Clock::real(), grace);
    let interrupt = async {
        until(|| played.methods_at("500").iter().any(|method| method == "POST")).await;
        shutdown.request(ShutdownReason::Interrupted);
    };
    let (report, ()) = tokio::join!(ready.apply(&shutdown, 1), interrupt);
    (played, report)
}

#[tokio::test]
async fn what_is_in_flight_after_the_grace_time_is_unknown() {
    let (_, report) = interrupted(Duration::ZERO).await;
    assert_eq!(
        outcomes(&report),
        [
            "500/102 Unknown",
            "500/104 NotAttempted",
            "500/101 NotAttempted",
            "501/102 NotAttempted",
            "502/104 NotAttempted"
        ]
    );
    assert!(report.wrote);
    assert_eq!(report.stopped.as_deref(), Some("interrupted"));
}

#[tokio::test]
async fn what_is_in_flight_may_finish_within_the_grace_time() {
    let (played, report) = interrupted(Duration::from_secs(60)).await;
    assert_eq!(outcomes(&report)[..2], ["500/102 Applied", "500/104 NotAttempted"]);
    assert_eq!(played.methods_at("500"), ["GET", "GET", "POST", "GET"], "it is read back");
    assert_eq!(played.methods_at("501"), ["GET"]);
}

#[tokio::test]
async fn an_admin_that_no_list_shows_is_accepted_and_not_listed() {
    let manifest = MANIFEST.replace("fresh: { id: 104 }", "fresh: { id: 103 }");
    let played = Played::start(WORLD).await;
    let report = planned(&played, &manifest).await.apply(&patient(), 10).await;
    assert_eq!(*outcome(&report, "502", "103"), Outcome::AcceptedNotListed);
    assert_eq!(*outcome(&report, "500", "103"), Outcome::AcceptedNotListed);
    assert_eq!(played.held("502", "103"), "VIEW_COST");
}

#[tokio::test]
async fn the_acting_user_does_not_try_to_raise_itself() {
    let manifest = MANIFEST.replace("fresh: { id: 104 }", "fresh: { id: 100 }");
    let played = Played::start(WORLD).await;
    let report = planned(&played, &manifest).await.apply(&patient(), 10).await;
    assert!(why(&report, "502", "100").contains("cannot raise its own tasks"));
    assert_eq!(played.methods_at("502"), ["GET"], "a WABA with nothing else to do is not even read again");
    assert_eq!(
        *outcome(&report, "500", "101"),
        Outcome::Applied,
        "an admin has the task by its role already"
    );
    assert_eq!(*outcome(&report, "501", "102"), Outcome::Applied, "the other changes are made");
}

#[tokio::test]
async fn an_empty_list_is_not_believed_where_something_shall_go() {
    let empty = Fault::new(FaultKind::EmptyList).on("GET").at("/500/assigned_users").hits(1..2);
    let played = Played::faulty(WORLD, [empty]).await;
    let ready = planned(&played, MANIFEST).await;
    let report = ready.apply(&patient(), 10).await;
    assert!(why(&report, "500", "101").contains("the WABA's list is empty"), "{:?}", outcomes(&report));
    assert_eq!(played.methods_at("500"), ["GET", "GET"], "nothing is written there");
}

#[tokio::test]
async fn an_empty_list_after_a_throttled_write_is_not_believed() {
    let clock = Clock::simulated("2026-11-23T10:00:00Z".parse().unwrap());
    let wait = Duration::from_secs(60);
    let throttle = FaultKind::Throttle { waba: true, wait, hint: WaitHint::RetryAfter };
    let throttle = Fault::new(throttle).on("POST").at("/500/assigned_users").hits(0..1);
    let empty = Fault::new(FaultKind::EmptyList).on("GET").at("/500/assigned_users").hits(2..3);
    let options = Options { clock: clock.clone(), faults: vec![throttle, empty], ..Options::default() };
    let mut played = Played::with(WORLD, options).await;
    played.settings.clock = clock.clone();
    let patient = patient();
    let report = clock.run(async { planned(&played, MANIFEST).await.apply(&patient, 10).await }).await;
    let why = why(&report, "500", "101");
    assert!(why.contains("the WABA's list is empty"), "{why}, {:?}", outcomes(&report));
    assert_eq!(played.methods_at("500"), ["GET", "GET", "POST", "GET"]);
    assert_eq!(played.held("500", "101"), "VIEW_COST");
}
