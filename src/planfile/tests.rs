use super::*;
use crate::model::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Makes a saved plan of everything that there is, with these names in it.
fn full(name: &str, task: &str) -> Proposal {
    let key = |waba: &str, user: &str| AssignmentKey { waba: id(waba), user: id(user) };
    let mut odd = TaskSet::from([Task::Manage]);
    odd.insert_name(task);
    let at = Position { source: SourceId(1), line: 3, column: 5 };
    let grant = GrantSource {
        path: "grants[1]".into(),
        name: Some(name.into()),
        reason: Some(name.into()),
        until: Some(jiff::civil::date(2027, 3, 31)),
        at,
    };
    let change = |waba: &str, user: &str, before: TaskSet, after: TaskSet| Change {
        key: key(waba, user),
        before,
        after,
        implied: [Task::ViewCost].into(),
        because: Because {
            grants: vec![grant.clone()],
            gone: Some((
                Prune::All,
                vec![WhyGone::Expired(grant.clone()), WhyGone::Declared(at), WhyGone::Undeclared(at)],
            )),
        },
        blocked: Some(Blocked::SelfRaise),
        admin: true,
    };
    let unmanaged = |why| Unmanaged { key: key("500", "9"), name: name.into(), tasks: odd.clone(), why };
    let mut sources = Sources::default();
    sources.add("a.yaml", "");
    sources.add(name, "");
    let holders = BTreeMap::from([(id("500"), BTreeMap::from([(id("9"), odd.clone())]))]);
    let names = BTreeMap::from([(id("500"), Name::from(name))]);
    let users = BTreeMap::from([(id("9"), Name::from(name))]);
    Proposal {
        made: "2026-11-23T10:00:00Z".parse().unwrap(),
        acting_user_name: Some(name.into()),
        manifest_digest: "sha256:00".into(),
        plan: Plan {
            business: id("10"),
            acting_user: Some(id("7")),
            day: jiff::civil::date(2026, 11, 23),
            changes: vec![
                change("500", "1", TaskSet::EMPTY, odd.clone()),
                change("501", "2", odd.clone(), TaskSet::EMPTY),
            ],
            unmanaged: [
                UnmanagedReason::Person,
                UnmanagedReason::OtherBusiness,
                UnmanagedReason::Undeclared,
                UnmanagedReason::Unknown,
            ]
            .map(unmanaged)
            .into(),
            unreadable: BTreeMap::from([(id("502"), name.to_owned())]),
            notices: vec![Notice::Unconfirmed(id("500")), Notice::AssignsToAdmin(id("1"))],
            unchanged: 118,
            live_in_scope: 120,
            holders,
            waba_names: names.clone(),
            user_names: users.clone(),
            implied: Implied::from_iter([(Task::Manage, odd.clone())]),
            partial: true,
        },
        access: LiveAccess { wabas: names, users, live: State::from_iter([(key("500", "9"), odd.clone())]) },
        policy: Policy {
            max_removals_percent: 12.5,
            max_removals: 50,
            min_holders: BTreeMap::from([(Task::Messaging, 2)]),
            protected_users: BTreeSet::from([id("1")]),
            permitted: BTreeMap::from([(id("500"), odd)]),
            names: DeclaredNames {
                wabas: BTreeMap::from([(name.into(), id("500"))]),
                users: BTreeMap::from([(name.into(), id("1"))]),
            },
        },
        sources,
        ending: Vec::new(),
    }
}

fn read(text: &str) -> Result<Proposal, String> {
    from_json(text.as_bytes()).map_err(|error| error.at(Path::new("plan.json")).to_string())
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_can_steer_whoever_looks_at_the_file(name in "\\PC*|.*", task in ".+") {
        let saved = full(&name, &task);
        let text = to_json(&saved);
        prop_assert_eq!(read(&text), Ok(saved));
        let line = text.trim_end();
        prop_assert_eq!(crate::text::escape(line), line);
    }
}

#[test]
fn how_it_is_laid_out_does_not_matter() {
    let saved = full("bot", "NEW");
    let value: Value = serde_json::from_str(&to_json(&saved)).unwrap();
    assert_eq!(read(&serde_json::to_string_pretty(&value).unwrap()), Ok(saved));
}

#[test]
fn whatever_is_altered_is_noticed() {
    let text = to_json(&full("bot", "NEW"));
    let whole: Value = serde_json::from_str(&text).unwrap();
    let edits: [(&str, Value); 8] = [
        ("/changes/0/after", json!(["FULL_CONTROL"])),
        ("/policy/max_removals", json!(5000)),
        ("/policy/protected_users", json!([])),
        ("/holders/500/9", json!(["MANAGE", "MESSAGING"])),
        ("/business", json!("11")),
        ("/created_at", json!("2026-11-24T10:00:00Z")),
        ("/acting_user", json!("8")),
        ("/digest", json!("sha256:00")),
    ];
    for (path, value) in edits {
        let mut altered = whole.clone();
        *altered.pointer_mut(path).unwrap() = value;
        assert_eq!(
            read(&altered.to_string()),
            Err("plan.json was altered: its digest does not fit what stands in it".into()),
            "{path}"
        );
    }
    let mut more = whole.clone();
    more["more"] = json!(1);
    assert!(read(&more.to_string()).unwrap_err().contains("was altered"), "what is added counts too");
    let without = whole.as_object().unwrap().iter().filter(|(key, _)| *key != "digest");
    let without: serde_json::Map<_, _> = without.map(|(key, value)| (key.clone(), value.clone())).collect();
    assert!(read(&Value::from(without).to_string()).unwrap_err().contains("was altered"));
}

#[test]
fn what_is_no_plan_of_this_format_is_refused_with_the_reason() {
    for (text, expected) in [
        ("", "no saved plan: EOF while parsing"),
        ("{\"format_version\": \"1.0\"\n  \"a\"", "no saved plan: expected `,` or `}` at line 2 column 3"),
        ("{\"changes\": []}", "it has no `format_version`"),
        ("{\"format_version\": \"2.0\"}", "is of the format 2.0, which this version of wabacl does not know"),
        ("{\"format_version\": \"1.7\"}", "was altered"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_later_minor_version_may_add_something() {
    let saved = full("bot", "NEW");
    let mut value: Value = serde_json::from_str(&to_json(&saved)).unwrap();
    value.as_object_mut().unwrap().remove("digest");
    value["format_version"] = json!("1.9");
    value["changes"][0]["more"] = json!({ "a": 1 });
    let digest = digest(&value);
    value["digest"] = digest.into();
    assert_eq!(read(&value.to_string()), Ok(saved));
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    fs::write(&path, "before").unwrap();
    save(&full("bot", "NEW"), &path).unwrap();
    assert_eq!(load(&path).unwrap(), full("bot", "NEW"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let nowhere = folder.path().join("missing").join("plan.json");
    assert!(matches!(save(&full("bot", "NEW"), &nowhere), Err(PlanFileError::Write { .. })));
    assert!(matches!(load(&nowhere), Err(PlanFileError::Read { .. })));
    assert!(matches!(load(folder.path()), Err(PlanFileError::Read { .. })), "a folder is no file");
}
