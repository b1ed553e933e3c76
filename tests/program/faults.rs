//! The program where the API, or the disk below the emulator, does not do what it should.

use super::{Place, Ran};
use crate::support::refuses;
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};

/// The token that the quickstart's world knows.
const TOKEN: &str = "quickstart-not-a-secret";

/// An emulator of the quickstart's world in this process, and a place whose program talks to it.
struct Remote {
    place: Place,
    emulator: Emulator,
}

impl Remote {
    async fn start(faults: Vec<Fault>) -> Self {
        Self::of(Place::new(), TOKEN, faults).await
    }

    async fn of(place: Place, token: &str, faults: Vec<Fault>) -> Self {
        let world = World::from_yaml(&place.read("live.yaml")).unwrap();
        let emulator = Emulator::start(world, Options { faults, ..Options::default() }).await.unwrap();
        Self { place: place.set("WABACL_TOKEN", token), emulator }
    }

    fn run(&self, words: &str) -> Ran {
        let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
        let url = self.emulator.url();
        self.place
            .run(&format!("{verb} access --today 2026-11-23 --graph-url {url} {options}"))
            .never_says(TOKEN)
    }

    fn writes(&self) -> usize {
        self.emulator.calls().iter().filter(|call| call.method != "GET").count()
    }
}

const GLOBEX: &str = "/104996122399160/assigned_users";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_waba_is_reported_and_the_others_go_on() {
    let remote = Remote::start(vec![Fault::new(refuses(403, 200, None)).at(GLOBEX)]).await;
    let told = "globex";
    remote.run("plan").ends(4).says(told).says("not permitted: (#200) no (code 200").says("WABA acme-us");
    remote.run("drift").ends(4);
    remote.run("plan --detailed-exitcode").ends(4);
    remote.run("apply --auto-approve").ends(4).says("Applied: 6 of 6 changes.");
    assert_eq!(remote.writes(), 6);
    remote.run("apply --auto-approve").ends(4);
    assert_eq!(remote.writes(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_has_ended_ends_the_run() {
    let place = Place::new();
    place.edit(
        "live.yaml",
        "tokens:\n",
        "tokens:\n  - { token: EAAover, user: 1972385232742140, expires_at: 1 }\n",
    );
    let remote = Remote::of(place, "EAAover", Vec::new()).await;
    for words in ["plan", "drift", "apply --auto-approve"] {
        let ran = remote.run(words).ends(1).says("hint: make a new token").never_says("EAAover");
        assert_eq!(ran.stdout, "");
    }
    // Where it ends while the lists are read, the hint is the same.
    let dies = Fault::new(refuses(401, 190, Some(463))).at(GLOBEX);
    let remote = Remote::start(vec![dies]).await;
    remote.run("plan").ends(1).says("the access token is no good").says("hint: make a new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_dies_half_way_stops_the_run() {
    let dies = Fault::new(refuses(401, 190, Some(463))).on("POST").hits(1..usize::MAX);
    let remote = Remote::start(vec![dies]).await;
    let ran = remote.run("apply --auto-approve --concurrency 1").ends(1);
    ran.says("Applied: 2 of 7 changes").says("the access token is no good").says("not attempted");
    assert_eq!(remote.writes(), 3, "a revocation, a write, and the one that was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_admin_permissions_reads_and_cannot_write() {
    let place = Place::new();
    place.edit("live.yaml", "tokens:\n", "tokens:\n  - { token: EAAplain, user: 1972385232742141 }\n");
    let remote = Remote::of(place, "EAAplain", Vec::new()).await;
    remote.run("plan").ends(0);
    let ran = remote.run("apply --auto-approve").ends(4).says("not permitted: (#200)");
    ran.says("Applied: 0 of 7 changes").says("admin permissions");
    assert_eq!(remote.writes(), 5, "one failure stops its WABA");
    remote.run("drift").ends(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_proxy_is_told_as_such() {
    let remote = Remote::start(vec![Fault::new(FaultKind::HtmlError(403)).at("/system_users")]).await;
    let ran = remote.run("plan").ends(1).says("(HTTP 403) is not the Graph API's: <html>");
    ran.says("hint: check --graph-url and any proxy on the way");
    let elsewhere = String::from("http://127.0.0.1:1/login");
    let remote = Remote::start(vec![Fault::new(FaultKind::Redirect(elsewhere)).at("/system_users")]).await;
    remote.run("plan").ends(1).says("redirect").says("HTTP 302");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_lacks_for_the_lists_ends_the_run() {
    let remote = Remote::start(vec![Fault::new(refuses(403, 200, None)).at("/system_users")]).await;
    remote.run("plan").ends(1).says("reading the system users").says("business_management");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_the_environment_is_not_used_for_this_machine() {
    let mut remote = Remote::start(Vec::new()).await;
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        remote.place.environment.push((name, String::from("http://127.0.0.1:9")));
    }
    remote.run("drift").ends(2);
}

#[test]
fn an_api_out_of_reach_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::new().set("WABACL_TOKEN", "EAAsecret");
    let ran = place.run(&format!("plan access --graph-url http://{address}")).ends(1);
    ran.says("the API could not be reached").says("hint: check the network").never_says("EAAsecret");
}

#[cfg(unix)]
#[test]
fn a_full_disk_below_the_emulator_is_a_failed_write_and_nothing_else() {
    let place = Place::new();
    // Every write to this device fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", place.folder.path().join("live.state.yaml.tmp")).unwrap();
    // Each failed attempt removes its temporary file, so one WABA with one change is tried.
    let ran = place.emulated("apply --auto-approve --waba globex").ends(4);
    ran.says("Applied: 0 of 1 changes")
        .says("a read shows that it did not take effect")
        .says("No space left");
    assert!(!place.folder.path().join("live.state.yaml").exists());
}

#[test]
fn a_state_that_cannot_be_kept_is_a_failed_write_and_nothing_else() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("live.state.yaml")).unwrap();
    let ran = place.emulated("apply --auto-approve").ends(4).says("Applied: 0 of 7 changes");
    ran.says("cannot write the state file live.state.yaml").says("failed");
    place.emulated("drift").ends(2);
    let rest: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().flatten().collect();
    assert_eq!(rest.len(), 3, "no temporary file is left: {rest:?}");
}

#[test]
fn a_state_that_is_none_is_told_with_the_way_out() {
    let place = Place::new();
    place.write("live.state.yaml", "businesses: 7\n");
    place.emulated("plan").ends(1).says("live.state.yaml").says("--emulate-fresh").says("line 1");
    place.emulated("plan --emulate-fresh").ends(0);
}
