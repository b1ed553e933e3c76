//! The program where the API, or the disk below the emulator, does not do what it should.

use super::remote::Remote;
use super::{Place, Ran};
use crate::support::refuses;
use wabacl::emulator::{Fault, FaultKind, Options};

const GLOBEX: &str = "/104996122399160/assigned_users";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_waba_is_reported_and_the_others_go_on() {
    let remote = Remote::start(vec![Fault::new(refuses(403, 200, None)).at(GLOBEX)]).await;
    let told = "globex";
    remote.run("plan").ends(4).says(told).says("not permitted: (#200) no (code 200").says(" on acme-us");
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
    let remote = Remote::of(place, "EAAover", Options::default()).await;
    for words in ["plan", "drift", "apply --auto-approve"] {
        let ran = remote.run(words).ends(1).says("hint: create a new token").never_says("EAAover");
        assert_eq!(ran.stdout, "");
    }
    // Where it ends while the lists are read, the hint is the same.
    let dies = Fault::new(refuses(401, 190, Some(463))).at(GLOBEX);
    let remote = Remote::start(vec![dies]).await;
    remote.run("plan").ends(1).says("the access token is not valid").says("hint: create a new token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_dies_half_way_stops_the_run() {
    let dies = Fault::new(refuses(401, 190, Some(463))).on("POST").hits(1..usize::MAX);
    let remote = Remote::start(vec![dies]).await;
    let ran = remote.run("apply --auto-approve --concurrency 1").ends(4);
    ran.says("Applied: 2 of 7 changes").says("the access token is not valid").says("not attempted");
    assert_eq!(remote.writes(), 3, "a revocation, a write, and the one that was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_admin_permissions_reads_and_cannot_write() {
    let place = Place::new();
    place.edit("live.yaml", "tokens:\n", "tokens:\n  - { token: EAAplain, user: 1972385232742141 }\n");
    let remote = Remote::of(place, "EAAplain", Options::default()).await;
    remote.run("plan").ends(0);
    let ran = remote.run("apply --auto-approve").ends(4).says("not permitted: (#200)");
    ran.says("Applied: 0 of 7 changes").says("admin permissions");
    assert_eq!(remote.writes(), 5, "one failure stops its WABA");
    remote.run("drift").ends(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_proxy_is_told_as_such() {
    let remote = Remote::start(vec![Fault::new(FaultKind::HtmlError(403)).at("/system_users")]).await;
    let ran = remote.run("plan").ends(1).says("(HTTP 403) is not from the Graph API: <html>");
    ran.says("hint: check --graph-url and any proxy");
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
async fn the_list_that_was_refused_is_named_and_advanced_access_is_mentioned() {
    let list = "/client_whatsapp_business_accounts";
    let remote = Remote::start(vec![Fault::new(refuses(403, 10, None)).at(list)]).await;
    let ran = remote.run("plan").ends(1);
    let ran = ran.says("the list /9876543210987654/client_whatsapp_business_accounts could not be read");
    ran.says("the app may lack advanced access");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_has_ended_is_a_warning_once() {
    let remote = Remote::start(Vec::new()).await;
    let ran = remote.run("plan --graph-version v12.0");
    let expected = "version v21.0 of the API answers, and v12.0 was asked for";
    assert_eq!(ran.stderr.matches(expected).count(), 1, "{ran}");
    remote.run("plan").never_says("of the API answers");
}

#[test]
fn a_solution_that_cannot_be_checked_is_a_warning() {
    let place = Place::new();
    place.edit("live.yaml", "owner_app:", "status: DEACTIVATED\n    owner_app:");
    let ran = place.emulated("plan");
    ran.says("whether the solution grants MESSAGING is not known for WABA")
        .says("no active solution names the app");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_system_user_with_an_odd_name_hides_no_other() {
    let odd = FaultKind::OddField { field: "name".into(), value: 7.into() };
    let remote = Remote::start(vec![Fault::new(odd).at("/system_users")]).await;
    let ran = remote.run("plan").says("a system user is left out").says("row 1 (id ");
    ran.says("), field `name`: invalid type: integer `7`, expected a string");
    assert_eq!(remote.emulator.calls().iter().filter(|call| call.path.ends_with("/system_users")).count(), 1);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_throttles_before_any_write_is_come_back_to_later() {
    let remote = Remote::start(vec![Fault::new(refuses(400, 80008, None)).at("/system_users")]).await;
    let ran =
        remote.run("plan --max-wait 59").ends(75).says("Meta throttles calls, without saying for how long");
    ran.says("hint: run it again later").says("or pass a longer --max-wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waba_that_would_have_to_wait_beyond_the_run_is_left_and_the_others_go_on() {
    // A WABA needs more calls than it has in an hour; the time of the run ends before the next hour.
    let limits = "--concurrency 1 --max-wait 7200 --timeout 600 --waba-calls-per-hour 5";
    let remote = Remote::start(Vec::new()).await;
    let ran = remote.run(&format!("apply --auto-approve {limits}")).ends(4);
    ran.says("not attempted: WABA 104996122399160 has used its 5 calls an hour, until")
        .says("or pass a longer --max-wait and --timeout")
        .never_says("exceeded --timeout")
        .says("Applied: 3 of 7 changes, 4 not attempted.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_may_not_ask_about_its_token_can_plan_all_the_same() {
    let silent = Fault::new(refuses(400, 100, None)).at("/debug_token");
    let remote = Remote::start(vec![silent.clone()]).await;
    let ran = remote.run("plan --format json").ends(0);
    assert!(ran.stdout.contains("\"acting_user\":{\"id\":\"1972385232742140\""), "{ran}");
    let remote = Remote::start(vec![silent, Fault::new(refuses(400, 100, None)).at("/me")]).await;
    // What is taken away could then be the token's own access.
    let ran = remote.run("plan").ends(3).says("the API does not report whose token this is");
    ran.says("self: the API does not report which system user of the business this token belongs");
    remote.run("apply --auto-approve").ends(3);
    remote.run("apply --auto-approve --waive self").ends(0).says("Applied: 7 of 7 changes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_soon_or_lacks_a_scope_earns_a_warning() {
    let place = Place::new();
    let tomorrow = jiff::Timestamp::now().as_second() + 24 * 60 * 60;
    let token = format!(
        "tokens:\n  - {{ token: EAAsoon, user: 1972385232742140, expires_at: {tomorrow}, scopes: \
         [whatsapp_business_management] }}\n"
    );
    place.edit("live.yaml", "tokens:\n", &token);
    let remote = Remote::of(place, "EAAsoon", Options::default()).await;
    let ran = remote.place.run(&format!("whoami --graph-url {}", remote.emulator.url())).ends(0);
    let ran = ran.never_says("EAAsoon");
    ran.says("warning: the token expires at")
        .says("warning: the token does not have the scope business_management");
}

#[test]
fn what_only_the_api_knows_is_told_with_its_place() {
    let place = Place::new();
    // The number that Business Settings shows is another one than the app sees.
    place.edit("access/users.yaml", "id: 1972385232742147", "id: 61550001112223");
    place.edit("live.yaml", "name: legacy-import", "name: Ops Lead");
    place.edit("access/access.yaml", "id: 106540352242922", "id: 106540352242923");
    let ran = place.emulated("apply --auto-approve").ends(4);
    let ran = ran.says("2 system users of this business are named `Ops Lead`").says("access/users.yaml:7:3");
    let ran = ran.says("has the id 61550001112223").says("access/users.yaml:8:21").says("ids are app-scoped");
    ran.says("Not found, and not planned: 2 declared users.").says("Applied:");
}

#[test]
fn a_declared_waba_that_the_token_does_not_see_is_unreadable() {
    let place = Place::new();
    place.edit("access/access.yaml", "id: 106540352242922", "id: 106540352242923");
    place.emulated("plan").ends(4).says("support").says("it is on none of the business's lists");
    place.emulated("apply --auto-approve").ends(4).says("Applied: 7 of 7 changes");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let mut child = place.command("schema plan").spawn().unwrap();
    drop(child.stdout.take());
    Ran::from(child.wait_with_output().unwrap()).ends(0);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_shown_is_not_applied() {
    let place = Place::new();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let words = "apply access --today 2026-11-23 --emulate live.yaml --auto-approve";
    let output = place.command(words).stdout(full()).output().unwrap();
    Ran::from(output).ends(1).says("writing the output").says("No space left");
    assert!(!place.folder.path().join("live.state.yaml").exists());
}

/// Runs the words of a command line in a shell in which no file may have more than some blocks of 512 or 1,024 bytes.
#[cfg(target_os = "linux")]
fn on_a_full_disk(blocks: u32, command: &std::process::Command) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    // Without the trap, a signal ends the program.
    let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_after_some_writes_stops_the_run_with_4_and_the_next_run_goes_on() {
    let remote = Remote::start(Vec::new()).await;
    let command = remote.command("apply --auto-approve --concurrency 1 --state-dir state");
    let ran = Ran::from(on_a_full_disk(4, &command).output().unwrap()).ends(4);
    ran.says("cannot be written").says("not attempted: the run was stopped").says("free some space");
    let writes = remote.writes();
    assert!((1..7).contains(&writes), "{writes} writes");
    remote.run("apply --auto-approve --state-dir state").ends(0);
    remote.run("drift --state-dir state").ends(0);
    assert_eq!(remote.writes(), 7, "nothing is written twice");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_cannot_be_shown_after_the_writes_ends_with_4() {
    let remote = Remote::start(Vec::new()).await;
    // Of JSON, only the report goes to stdout, after the writes.
    let mut command = remote.command("apply --auto-approve --format json");
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    Ran::from(command.output().unwrap()).ends(4).says("writing the output").says("No space left");
    assert_eq!(remote.writes(), 7);
}

#[test]
fn a_state_that_cannot_be_kept_is_a_failed_write_and_nothing_else() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("live.state.yaml")).unwrap();
    let ran = place.emulated("apply --auto-approve").ends(4).says("Applied: 0 of 7 changes");
    ran.says("cannot write the state file live.state.yaml").says("failed");
    place.emulated("drift").ends(2);
    let rest: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().flatten().collect();
    assert_eq!(rest.len(), 4, "only the journal is beside them, and no temporary file: {rest:?}");
}

#[test]
fn a_state_that_is_none_is_told_with_the_way_out() {
    let place = Place::new();
    place.write("live.state.yaml", "businesses: 7\n");
    place.emulated("plan").ends(1).says("live.state.yaml").says("--emulate-fresh").says("line 1");
    place.emulated("plan --emulate-fresh").ends(0);
}
