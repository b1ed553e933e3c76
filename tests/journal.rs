//! The lock as other processes see it. It stands apart from the other tests of locks: a process that is being
//! started holds for a moment what its parent holds.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use wabacl::model::BusinessId;
use wabacl::store::{Attempt, Holder, Lock};

fn business() -> BusinessId {
    "98".parse().unwrap()
}

fn taken(state_dir: &Path) -> Lock {
    match Lock::try_take(state_dir, business()).unwrap() {
        Attempt::Taken(lock) => lock,
        Attempt::Held(holder) => panic!("held by {holder}"),
    }
}

/// Names the folder in which the process that runs this test only takes a lock, and waits to be killed.
const HOLD: &str = "WABACL_TEST_HOLDS_A_LOCK_IN";

#[test]
fn a_lock_is_free_as_soon_as_its_holder_is_killed() {
    if let Some(folder) = std::env::var_os(HOLD) {
        let _lock = taken(Path::new(&folder));
        println!("\nheld");
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let name = "journal::a_lock_is_free_as_soon_as_its_holder_is_killed";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(HOLD, state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let held = said.map_while(Result::ok).any(|line| line == "held");
    let attempt = Lock::try_take(state.path(), business());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(held);
    let Ok(Attempt::Held(Holder { by: Some(by), .. })) = attempt else { panic!("{attempt:?}") };
    assert_eq!(by.pid, child.id());
    taken(state.path());
}
