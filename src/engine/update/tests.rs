//! Updates of imports of random estates to other estates: nothing is lost, and the plan is what is said.

use super::super::import::tests::{Random, estate, random};
use super::super::import::{import_estate, sources};
use super::*;
use crate::import::{ImportOptions, ImportedFile, TABLE};
use proptest::collection::vec;
use proptest::prelude::*;

fn new_files() -> NewFiles {
    NewFiles { exceptions: Some("exceptions.yaml".into()), other: "imported.yaml".into() }
}

fn update(sources: &Sources, estate: &Estate) -> Result<Updated, EngineError> {
    let has_exceptions = sources.iter().any(|(_, source)| source.path == "exceptions.yaml");
    let files = NewFiles { exceptions: new_files().exceptions.filter(|_| !has_exceptions), ..new_files() };
    update_sources(sources, estate, Timestamp::UNIX_EPOCH, &Earlier::default(), &files)
}

/// A later state of an estate: some assignments, and more WABAs and users.
fn later() -> impl Strategy<Value = (Random, Random)> {
    (random(), vec((0..24 * 7_usize, any::<u8>()), 0..12), random()).prop_map(|(before, moved, more)| {
        let mut after = before.clone();
        for (index, held) in moved {
            after.held[index] = held;
        }
        after.wabas.extend(more.wabas.iter().take(24 - before.wabas.len().min(24)).take(4));
        after.users.extend(more.users.iter().take(7 - before.users.len().min(7)).take(2));
        (before, after)
    })
}

/// Returns a file as if people had gone on with it: with comments behind lines and below entries, and the line breaks of Windows.
fn by_hand(file: &ImportedFile, is_windows: bool) -> ImportedFile {
    let is_table = file.name == TABLE;
    let mut text = String::new();
    for line in file.text.lines() {
        text += line;
        let is_entry = line.starts_with("  ") && !line.starts_with("   ");
        if !is_table && !line.is_empty() && !line.contains('#') {
            text += "  # by hand";
        }
        text += if !is_table && is_entry { "\n  # below\n\n" } else { "\n" };
    }
    let text = if is_windows { text.replace('\n', "\r\n") } else { text };
    ImportedFile { name: file.name, text }
}

/// Checks that a text has all lines of an earlier one, in order, and so many more.
fn check_lines(file: &UpdatedFile) {
    let before = file.before.clone().unwrap_or_default();
    let mut rest = file.after.split_inclusive('\n');
    for line in before.split_inclusive('\n') {
        assert!(rest.any(|other| other == line), "{line:?} is missing in {}", file.after);
    }
    assert_eq!(file.after.lines().count(), before.lines().count() + file.lines);
}

/// Checks that the plan with each value of `prune` only does what was said.
fn check_plan(updated: &Updated, estate: &Estate) {
    let manifest = manifest::parse(&updated.sources).0.unwrap();
    let earlier = Earlier::default();
    let circumstances = circumstances(estate, Timestamp::UNIX_EPOCH, &earlier);
    let mut desired = resolve::resolve(&manifest, &estate.directory, circumstances).0.unwrap().desired;
    for (word, prune) in PRUNE {
        for waba in desired.scope.wabas.values_mut() {
            waba.prune = prune;
        }
        for change in plan::plan(&desired, &estate.observed).changes {
            let said = updated.pending.iter().find(|pending| pending.key == change.key);
            let is_said = said.is_some_and(|said| {
                change.gained().is_subset(&said.missing) && change.lost().is_subset(&said.surplus)
            });
            assert!(is_said, "prune: {word}: {change:?} was not said");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_update_adds_all_that_it_does_not_name((before, after) in later(), is_windows in any::<bool>()) {
        let imported = import_estate(&estate(&before), ImportOptions::default()).unwrap();
        let files: Vec<ImportedFile> = imported.files.iter().map(|file| by_hand(file, is_windows)).collect();
        let (sources, estate) = (sources(&files), estate(&after));
        let updated = match update(&sources, &estate) {
            Ok(updated) => updated,
            Err(EngineError::Manifests(_)) => return Ok(()),
            Err(error) => panic!("{error}\n{:?}", sources.iter().map(|(_, source)| &source.text).collect::<Vec<_>>()),
        };
        updated.files.iter().for_each(check_lines);
        check_plan(&updated, &estate);
        let again = update(&updated.sources, &estate).unwrap();
        prop_assert!(again.additions.is_empty(), "{:?}", again.additions);
        prop_assert_eq!(&again.pending.len(), &updated.pending.len());
    }

    #[test]
    fn an_import_needs_no_update(random in random()) {
        let estate = estate(&random);
        let imported = import_estate(&estate, ImportOptions::default()).unwrap();
        let updated = update(&sources(&imported.files), &estate).unwrap();
        prop_assert!(updated.files.is_empty(), "{:?}", updated.additions);
        prop_assert!(updated.pending.is_empty());
    }
}
