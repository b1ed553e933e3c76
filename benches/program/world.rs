//! The files of a case: the emulator's world, the manifest about it, and the writes that lead from one to the other.

use super::support::{BUSINESS, Shape, USERS, live_tasks, manifest, tasks, user_id, waba_id};
use super::{ADMIN, Lists, TOKEN};
use std::fmt::Write as _;

/// The business that owns what is shared.
const OTHER: u64 = 9_876_543_210_000_001;

/// Writes the manifest of a case.
pub(super) fn declared(wabas: u64, lists: Lists) -> String {
    let declared = manifest(Shape::Factored, wabas);
    match lists {
        Lists::One => declared,
        // Those of odd number are on the other list.
        Lists::Two => declared.lines().map(shared).collect(),
    }
}

/// Says of a WABA of odd number that it is shared; other lines of a manifest stay as they are.
fn shared(line: &str) -> String {
    let shared =
        if line.starts_with("  us-") { line.replace("{ id:", "{ shared: admin, id:") } else { line.into() };
    shared + "\n"
}

/// Gives the pairs that differ, by WABA.
pub(super) fn differing(wabas: u64) -> impl Iterator<Item = (u64, u64)> {
    let pairs = (0..wabas).flat_map(|waba| (0..USERS).map(move |user| (waba, user)));
    pairs.filter(|(waba, user)| live_tasks(*waba, *user) != tasks(*user))
}

/// Writes what has to be written, as the peer takes it.
pub(super) fn writes(wabas: u64) -> String {
    let triple = |(waba, user): (u64, u64)| {
        let tasks: Vec<_> = tasks(user).names().map(str::to_owned).collect();
        (waba_id(waba).to_string(), user_id(user).to_string(), tasks)
    };
    let all: Vec<_> = differing(wabas).map(triple).collect();
    serde_json::to_string(&all).expect("it is plain text")
}

/// Writes the world of the emulator: the manifest's, but for the pairs that differ.
pub(super) fn world(wabas: u64, lists: Lists) -> String {
    let mut text = format!("businesses:\n  - id: {BUSINESS}\n    name: Northwind Messaging\n");
    let _ = writeln!(
        text,
        "    system_users:\n      - {{ id: {ADMIN}, name: CI Admin, role: ADMIN, listed: false }}"
    );
    for user in 0..USERS {
        let _ = writeln!(text, "      - {{ id: {}, name: bot-{user} }}", user_id(user));
    }
    let _ = writeln!(text, "  - {{ id: {OTHER}, name: Partner }}");
    let _ = writeln!(text, "tokens:\n  - {{ token: {TOKEN}, user: {ADMIN} }}\nwabas:");
    for waba in 0..wabas {
        let whose = match lists {
            Lists::Two if waba % 2 == 1 => {
                format!("owned_by: {OTHER}\n    shared_with: [{{ business: {BUSINESS} }}]")
            }
            Lists::One | Lists::Two => format!("owned_by: {BUSINESS}"),
        };
        let _ =
            writeln!(text, "  - id: {}\n    name: WABA {waba}\n    {whose}\n    assigned:", waba_id(waba));
        for user in 0..USERS {
            let held: Vec<_> = live_tasks(waba, user).names().map(str::to_owned).collect();
            if !held.is_empty() {
                let _ = writeln!(text, "      - {{ user: {}, tasks: [{}] }}", user_id(user), held.join(", "));
            }
        }
    }
    text
}
