//! Imports of random estates: the manifests are valid, and their plan is empty.

use super::*;
use crate::model::{
    AdminRole, AssignmentKey, Directory, DirectoryWaba, Edge, HolderKind, Name, Observed, OtherHolder, State,
    SystemUser, Task, TaskSet, Unreadable, UserId, WabaId,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Names that are regular, alike, the same, or hostile.
const NAMES: [&str; 22] = [
    "acme-eu-1",
    "acme-eu-2",
    "acme-us-3",
    "acme-us-4",
    "globex-eu-5",
    "globex-eu-6",
    "globex-us-7",
    "Acme (EU) old",
    "Twin",
    "Twin",
    "",
    " ",
    "*",
    "acme-eu-*",
    "!acme-eu-9",
    "=1+2",
    "102",
    "a\u{202e}b\u{1b}[31m",
    "##[error]x",
    "quote\" 'and' \\ comma, # x",
    "- { id: 1 }\nbusiness: 2",
    "Köln-eu-3",
];

/// Tasks that are known, and some that are not.
const TASKS: [&str; 8] = [
    "MANAGE",
    "MESSAGING",
    "VIEW_COST",
    "MANAGE_TEMPLATES",
    "VIEW_TEMPLATES",
    "DEVELOP",
    "NEW_TASK",
    "odd \"\u{1b}\n##: -",
];

const USERS: [&str; 8] = ["bot", "bot", "Ops Admin", "", "ops-lead", "=cmd", "a\u{202e}\"\n", "12"];

/// A small random estate: what each user holds on each WABA as a number whose bits are tasks, and traits of WABAs and users.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Random {
    pub(in crate::engine) wabas: Vec<(usize, u8)>,
    pub(in crate::engine) users: Vec<(usize, u8)>,
    pub(in crate::engine) held: Vec<u8>,
    /// Whether few patterns repeat, as in a real estate.
    is_regular: bool,
}

pub(in crate::engine) fn random() -> impl Strategy<Value = Random> {
    let traits = |names: usize| (0..names, any::<u8>());
    (vec(traits(NAMES.len()), 0..24), vec(traits(USERS.len()), 0..7), vec(any::<u8>(), 24 * 7), any::<bool>())
        .prop_map(|(wabas, users, held, is_regular)| Random { wabas, users, held, is_regular })
}

pub(in crate::engine) fn estate(random: &Random) -> Estate {
    let waba_id = |number: usize| -> WabaId { (100 + number).to_string().parse().unwrap() };
    let user_id = |number: usize| -> UserId { (1000 + number).to_string().parse().unwrap() };
    let mut directory =
        Directory { business: "1".parse().unwrap(), system_users: BTreeMap::new(), wabas: BTreeMap::new() };
    let mut observed = Observed::default();
    for (number, (name, traits)) in random.users.iter().enumerate() {
        let role = [AdminRole::Admin, AdminRole::Employee, AdminRole::Employee, AdminRole::Unknown]
            [*traits as usize % 4];
        if traits / 4 % 8 == 0 {
            observed.unlisted.insert(user_id(number), Name::from(USERS[*name]));
        } else {
            directory
                .system_users
                .insert(user_id(number), SystemUser { name: Name::from(USERS[*name]), role });
        }
    }
    let mut rows = Vec::new();
    for (number, (name, traits)) in random.wabas.iter().enumerate() {
        let waba = waba_id(number);
        let is_client = traits % 2 == 0;
        let edge = if is_client { Edge::Client } else { Edge::Owned };
        let permitted =
            [None, Some(TaskSet::from([Task::Develop])), Some(TaskSet::from([Task::Manage])), None];
        directory.wabas.insert(
            waba,
            DirectoryWaba {
                name: Name::from(NAMES[*name]),
                edge,
                permitted_tasks: permitted[*traits as usize / 2 % 4].clone().filter(|_| is_client),
                solution_messaging: [None, None, Some(true), Some(false)][*traits as usize / 8 % 4]
                    .filter(|_| is_client),
            },
        );
        if traits / 32 == 7 {
            observed.unreadable.insert(waba, Unreadable::because("code 10"));
            continue;
        }
        for user in 0..random.users.len() {
            let held = if random.is_regular {
                random.held[user * 2 + usize::from(is_client)]
            } else {
                random.held[number * 7 + user]
            };
            let bits = (0..8).filter(|bit| held >> bit & 1 != 0 && (random.is_regular || held % 3 != 0));
            let tasks = TaskSet::from_names(bits.map(|bit| TASKS[bit]));
            rows.push((AssignmentKey { waba, user: user_id(user) }, tasks));
        }
        let other = OtherHolder {
            name: Name::from("somebody"),
            kind: HolderKind::Person,
            tasks: TaskSet::from([Task::Manage]),
            own: true,
            business: None,
            user_type: Some("BUSINESS_USER".into()),
        };
        observed.others.insert(AssignmentKey { waba, user: "77".parse().unwrap() }, other);
    }
    observed.state = rows.into_iter().collect::<State>();
    Estate::of(directory, observed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_plan_of_an_import_is_empty(random in random()) {
        let imported = import_estate(&estate(&random), ImportOptions::default());
        prop_assert!(imported.is_ok(), "{}", imported.unwrap_err());
    }

    #[test]
    fn a_normalized_import_is_valid_and_has_an_exception_for_all_but_mistakes(random in random()) {
        let imported = import_estate(&estate(&random), ImportOptions { normalize: true }).unwrap();
        let is_kept = imported.deviations.iter().any(|deviation| !deviation.is_suspected());
        prop_assert_eq!(imported.files.iter().any(|file| file.name == "exceptions.yaml"), is_kept);
    }
}

#[test]
fn nothing_is_planned_on_a_waba_that_could_not_be_read_once_it_can() {
    let mut random = Random {
        wabas: (0..6).map(|name| (name, 0)).collect(),
        users: vec![(0, 5), (4, 5)],
        held: vec![0b101; 24 * 7],
        is_regular: true,
    };
    random.wabas[5].1 = 7 * 32;
    let imported = import_estate(&estate(&random), ImportOptions::default()).unwrap();
    let unread: WabaId = "105".parse().unwrap();
    assert_eq!(imported.unreadable.keys().collect::<Vec<_>>(), [&unread]);
    // Later, all access is another one.
    random.wabas[5].1 = 0;
    random.held = vec![0b10; 24 * 7];
    let later = estate(&random);
    let Resolved { mut desired, .. } = resolved(&later, &sources(&imported.files)).unwrap();
    for (word, prune) in PRUNE {
        for waba in desired.scope.wabas.values_mut() {
            waba.prune = prune;
        }
        let changed: Vec<WabaId> =
            plan::plan(&desired, &later.observed).changes.iter().map(|change| change.key.waba).collect();
        assert!(!changed.is_empty() && !changed.contains(&unread), "{word}: {changed:?}");
    }
}
