use super::*;
use crate::documents::schema;
use crate::documents::tests::{full, id};
use crate::model::*;
use crate::text::escape;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

fn text(proposal: &Proposal) -> String {
    let mut text = Vec::new();
    write(proposal, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn value(proposal: &Proposal) -> Value {
    serde_json::from_str(&text(proposal)).unwrap()
}

/// Reads a saved plan with this text.
fn read(text: &str) -> Result<Proposal, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    fs::write(&path, text).unwrap();
    load(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "plan.json"))
}

fn example(file: &str) -> Proposal {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(file)).unwrap()
}

proptest! {
    #[test]
    fn nothing_is_lost_and_the_file_is_safe_to_show(name in "\\PC*|.*", task in ".+") {
        let proposal = full(&name, &task);
        let text = text(&proposal);
        prop_assert_eq!(escape(text.trim_end()), text.trim_end());
        prop_assert_eq!(read(&text), Ok(proposal));
        let undo = undo(&name, &task);
        prop_assert_eq!(read(&self::text(&undo)), Ok(undo));
    }
}

/// Returns a proposal that takes a run back, with every reason to leave something alone.
fn undo(name: &str, task: &str) -> Proposal {
    let mut proposal = full(name, task);
    let (position, tasks) = (proposal.plan.released[&id("2")].at, TaskSet::from_names(["MANAGE", task]));
    let key = AssignmentKey { waba: id("500"), user: id("1") };
    let left = |why| LeftAlone { key, before: tasks.clone(), left: TaskSet::EMPTY, why };
    let whys = [
        WhyLeftAlone::LaterRun { run: name.into(), at: proposal.made },
        WhyLeftAlone::Moved { live: tasks.clone() },
        WhyLeftAlone::NoSuchUser,
        WhyLeftAlone::NotListed,
        WhyLeftAlone::Suspended(At { value: name.into(), at: position }),
    ];
    let asked = Change { split: false, ..proposal.plan.changes[0].clone() };
    proposal.plan.undo = Some(Box::new(Undo {
        run: name.into(),
        at: proposal.made,
        origin: Origin::recorded([("commit".into(), name.into())]),
        has_ended: false,
        manifests: Some(String::from("sha256:00")),
        left_alone: whys.into_iter().map(left).collect(),
        asked_again: vec![asked],
        unread_lines: 2,
    }));
    proposal
}

#[test]
fn a_saved_undo_is_valid_and_knows_that_it_is_partial() {
    let schema = serde_json::from_str(&schema::saved_plan()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut proposal = undo("Initech ## Shop", "NEW");
    proposal.plan.selection = Selection::default();
    let document = value(&proposal);
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    assert_eq!(document["partial"], true);
    let read = read(&text(&proposal)).unwrap();
    assert!(read.plan.is_partial() && !read.plan.selection.is_narrowed() && read.plan.is_incomplete());
    // Why something is left alone is complete.
    let mut incomplete = document.clone();
    incomplete["undo"]["left_alone"][0].as_object_mut().unwrap().remove("run");
    assert!(self::read(&incomplete.to_string()).is_err());
}

#[test]
fn a_saved_plan_is_valid() {
    let schema = serde_json::from_str(&schema::saved_plan()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document = value(&full("Initech ## Shop", "NEW"));
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
    assert!(!is_plan(&path));
    let why = causes(&load(&path).unwrap_err()).last().unwrap();
    assert_eq!(why, "it exceeds the limit of 268435456 bytes");
}

#[test]
fn equal_grants_are_shared() {
    let changes = read(&text(&full("bot", "NEW"))).unwrap().plan.changes;
    assert!(Arc::ptr_eq(&changes[0].because.grants[0], &changes[1].because.grants[0]));
}

#[test]
fn layout_order_of_fields_and_notation_of_numbers_do_not_matter() {
    let mut proposal = full("bot", "NEW");
    proposal.policy.max_removals_percent = 25.0;
    let text = text(&proposal);
    let sorted: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read(&serde_json::to_string_pretty(&sorted).unwrap()), Ok(proposal.clone()));
    assert!(text.contains("\"max_removals_percent\":25.0"));
    assert_eq!(read(&text.replace(":25.0", ":25")), Ok(proposal));
}

#[test]
fn every_alteration_is_detected() {
    let whole = value(&full("bot", "NEW"));
    let edits: [(&str, Value); 9] = [
        ("/changes/0/after", json!(["FULL_CONTROL"])),
        ("/changes/0/waba/name", json!("other")),
        ("/evidence/policy/max_removals", json!(5000)),
        ("/evidence/policy/protected_users", json!([])),
        ("/evidence/access/live/501/2", json!(["MANAGE", "MESSAGING"])),
        ("/business", json!("11")),
        ("/created_at", json!("2026-11-24T10:00:00Z")),
        ("/acting_user/id", json!("8")),
        ("/digest", json!("sha256:00")),
    ];
    let altered = Err("plan.json was altered: the digest does not match the content".to_owned());
    for (path, value) in edits {
        let mut edited = whole.clone();
        *edited.pointer_mut(path).unwrap() = value;
        assert_eq!(read(&edited.to_string()), altered, "{path}");
    }
    let mut without = whole.clone();
    without.as_object_mut().unwrap().remove("digest");
    assert_eq!(read(&without.to_string()), altered);
    for path in ["", "/changes/0", "/changes/0/because/0", "/evidence/policy", "/summary"] {
        let mut more = whole.clone();
        more.pointer_mut(path).unwrap()["more"] = json!(1);
        let error = read(&more.to_string()).unwrap_err();
        assert!(error.starts_with("plan.json was altered: unknown field `more`"), "{path}: {error}");
    }
}

#[test]
fn another_file_is_refused_with_the_reason() {
    for (text, expected) in [
        ("", "is not a saved plan: EOF while parsing"),
        (
            "{\"format_version\": \"2.0\"\n  \"a\"",
            "is not a saved plan: expected `,` or `}` at line 2 column 3",
        ),
        ("{\"changes\": []}", "is not a saved plan: missing field `format_version`"),
        ("{\"format_version\": \"two\"}", "is not a saved plan: `two` is not a format"),
        ("{\"format_version\": \"2.0\"}", "was altered: missing field `tool`"),
        ("{\"format_version\": \"3.0\"}", "was made by a newer version of wabacl: it is of format 3.0"),
        ("{\"format_version\": \"2.99\"}", "was made by a newer version of wabacl: it is of format 2.99"),
        ("{\"format_version\": \"1.7\"}", "was altered: the digest does not match the content"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let mut shown = value(&full("bot", "NEW"));
    shown.as_object_mut().unwrap().remove("evidence");
    assert_eq!(
        read(&shown.to_string()),
        Err("plan.json is not a saved plan: `--format json` shows a plan, and `--out` saves it".to_owned())
    );
}

#[test]
fn a_newer_minor_version_is_refused_even_with_known_fields_only() {
    let newer = text(&full("bot", "NEW"))
        .replace(&format!("\"format_version\":\"{FORMAT_VERSION}\""), "\"format_version\":\"2.99\"");
    assert_eq!(
        read(&newer),
        Err("plan.json was made by a newer version of wabacl: it is of format 2.99".to_owned())
    );
}

#[test]
fn a_file_is_replaced_atomically() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    fs::write(&path, "before").unwrap();
    save(&full("bot", "NEW"), &path).unwrap();
    assert_eq!(load(&path).unwrap(), full("bot", "NEW"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let nowhere = folder.path().join("missing").join("plan.json");
    assert!(matches!(save(&full("bot", "NEW"), &nowhere), Err(SavedPlanError::Write { .. })));
    assert!(matches!(load(&nowhere), Err(SavedPlanError::Read { .. })));
    assert!(matches!(load(folder.path()), Err(SavedPlanError::Read { .. })), "a folder is not a file");
}

#[test]
fn a_plan_of_format_1_is_read() {
    let proposal = example("saved-plan-1.0.json");
    let plan = &proposal.plan;
    assert_eq!((plan.business, plan.acting_user), (id("9876543210987654"), Some(id("1972385232742140"))));
    assert_eq!((plan.summary().assign, plan.summary().change, plan.summary().revoke), (4, 2, 1));
    assert_eq!((plan.live_in_scope, plan.unchanged), (15, 12));
    let revoked = &plan.changes[0];
    let Some((Prune::Declared, gone)) = &revoked.because.gone else { panic!("it is pruned") };
    let [WhyGone::Expired(grant)] = gone.as_slice() else { panic!("its grant has expired") };
    assert_eq!(grant.until, "2026-03-31".parse().ok());
    assert_eq!(proposal.sources.path(grant.at.source), "examples/quickstart/access/access.yaml");
    assert_eq!(proposal.access.live.get(revoked.key), Some(&revoked.before));
    assert_eq!(proposal.policy.names.users.len(), 5);
    // What was not saved as such is found again.
    assert_eq!(read(&text(&proposal)), Ok(proposal));
}

#[test]
fn every_variant_of_format_1_is_read() {
    let proposal = example("saved-plan-1.0-full.json");
    let plan = &proposal.plan;
    let name = Name::from("bot #1 \u{2014} 株式会社");
    let at = |source, line, column| Position { source: SourceId(source), line, column };
    let grant = GrantSource {
        path: "grants[1]".to_owned(),
        name: Some(name.clone()),
        reason: Some(name.clone()),
        from: None,
        until: "2027-03-31".parse().ok(),
        at: at(1, 3, 5),
    };
    let odd = TaskSet::from_names(["MANAGE", "NEW"]);
    let gone = vec![
        WhyGone::Expired(grant.clone().into()),
        WhyGone::Declared(at(1, 3, 5)),
        WhyGone::Undeclared(at(0, 7, 1)),
    ];
    let first = Change {
        key: AssignmentKey { waba: id("500"), user: id("1") },
        before: TaskSet::EMPTY,
        after: odd.clone(),
        because: Because { grants: vec![grant.into()], gone: Some((Prune::All, gone)) },
        blocked: Some(Blocked::SelfRaise),
        admin: true,
        split: false,
    };
    assert_eq!(plan.changes[0], first);
    assert_eq!((plan.changes[2].blocked, plan.changes[2].admin), (None, false));
    assert_eq!(plan.changes[3].because, Because::default());
    let why: Vec<_> = plan.unmanaged.iter().map(|row| row.why).collect();
    let reasons = [
        UnmanagedReason::Person,
        UnmanagedReason::OtherBusiness,
        UnmanagedReason::Undeclared,
        UnmanagedReason::Unknown,
    ];
    assert_eq!(why, reasons);
    assert_eq!(plan.notices, [Notice::Unconfirmed(id("500")), Notice::AssignsToAdmin(id("1"))]);
    assert_eq!(plan.unreadable[&id("502")], name.as_str());
    assert_eq!(plan.holders[&id("500")][&id("9")].tasks, odd);
    assert!(plan.is_partial());
    assert_eq!(proposal.acting_user(), Some((id("7"), name.clone())));
    assert_eq!(proposal.policy.max_removals_percent.to_bits(), 12.5_f64.to_bits());
    assert_eq!(proposal.policy.protected_users, BTreeSet::from([id("1")]));
    assert_eq!(proposal.policy.names.wabas[&name], id("500"));
    assert_eq!(proposal.ending, []);
}

#[test]
fn an_altered_plan_of_format_1_is_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/saved-plan-1.0.json");
    let text = fs::read_to_string(path).unwrap();
    let altered = Err("plan.json was altered: the digest does not match the content".to_owned());
    assert_eq!(read(&text.replacen("MESSAGING", "FULL_CONTROL", 1)), altered);
    assert_eq!(read(&text.replacen('{', "{\"more\":1,", 1)), altered);
}
