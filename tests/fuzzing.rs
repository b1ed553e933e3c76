//! Plays a few inputs of each target of the fuzzer. `just fuzz` plays thousands.

#[path = "../examples/fuzz/fuzzing/mod.rs"]
mod fuzzer;

use fuzzer::{Corpus, Fuzzer, Target, accepted_unchanged};

/// The number of inputs of a target: as many as keep `cargo test` short.
const RUNS: u64 = 60;

/// Plays inputs of a target. Some must be accepted: otherwise only the beginning of the parser is tested.
fn play(target: Target) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Corpus::read().unwrap();
    assert!(accepted_unchanged(target, &corpus, folder.path()).unwrap() > 0, "{target}");
    let mut fuzzer = Fuzzer::new(target, &corpus, 4711, 0, folder.path());
    // Few mutated manifests are accepted.
    let runs = if target == Target::Manifest { 5 * RUNS } else { RUNS };
    for input in 0..runs {
        assert_eq!(
            fuzzer.play().unwrap(),
            Ok(()),
            "cargo run --example fuzz -- {target} --seed 4711 --from {input} --runs 1"
        );
    }
    fuzzer.accepted
}

#[test]
fn mutated_manifests_cause_no_panic() {
    play(Target::Manifest);
}

#[test]
fn mutated_tables_cause_no_panic() {
    assert!(play(Target::Table) > 0);
}

#[test]
fn mutated_worlds_cause_no_panic() {
    assert!(play(Target::World) > 0);
}

/// A mutated plan has another digest, so nearly all are refused.
#[test]
fn mutated_saved_plans_cause_no_panic() {
    assert!(play(Target::SavedPlan) < RUNS);
}

#[test]
fn mutated_journals_cause_no_panic() {
    assert!(play(Target::Journal) > 0);
}

#[test]
fn mutated_answers_of_the_api_cause_no_panic() {
    assert!(play(Target::Api) > 0);
}

#[test]
fn mutated_deliveries_of_the_webhook_cause_no_panic() {
    assert!(play(Target::Webhook) > 0);
}
