//! Snapshots: what is read of an estate, and that a copy of it behaves as the estate does.

use crate::support::{Played, key, refuses, tasks, user, waba};
use std::collections::BTreeMap;
use wabacl::emulator::Fault;
use wabacl::engine::Session;
use wabacl::graph::ReadStrategy;
use wabacl::model::{AdminRole, Edge, Estate, HolderKind, Name};

/// A business with WABAs of its own and shared ones, people, users of others, and solutions.
const WORLD: &str = "
app: { id: 70 }
businesses:
  - id: 10
    name: Us
    system_users:
      - { id: 100, name: admin, role: ADMIN, listed: false }
      - { id: 101, name: bot }
    people: [{ id: 110, name: Tom }]
  - id: 20
    name: Them
    system_users: [{ id: 201, name: their bot }]
    people: [{ id: 210, name: Ana, user_type: PERSONAL_USER }]
solutions:
  - { id: 80, name: S, owner_app: 70, owner_permissions: [MESSAGING] }
  - id: 81
    name: T
    owner_app: 71
    owner_permissions: [MESSAGING]
    partners: [{ app: 70, permissions: [MANAGE_TEMPLATES] }]
wabas:
  - id: 500
    name: Shop
    owned_by: 10
    assigned: [{ user: 101, tasks: [DEVELOP, NEW_TASK] }, { user: 110, tasks: [MANAGE] }]
  - { id: 501, name: Empty, owned_by: 10 }
  - { id: 502, name: Closed, owned_by: 10, assigned: [{ user: 101, tasks: [DEVELOP] }] }
  - id: 600
    name: Shared
    owned_by: 20
    solution: 80
    shared_with: [{ business: 10, permitted_tasks: [DEVELOP] }]
    assigned: [{ user: 201, tasks: [MANAGE] }, { user: 210, tasks: [MANAGE] }]
  - { id: 601, name: Other, owned_by: 20, solution: 81, shared_with: [{ business: 10 }] }
tokens: [{ token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }]
";

async fn estate(played: &Played) -> Estate {
    let session = Session::connect(&played.settings, &played.run, &|_| ()).await.unwrap();
    session.estate("10".parse().unwrap(), &|_| ()).await.unwrap()
}

#[tokio::test]
async fn everything_that_the_api_reports_of_a_business_is_in_the_estate() {
    for strategy in [ReadStrategy::Auto, ReadStrategy::Nested, ReadStrategy::Batch, ReadStrategy::Direct] {
        let closed = Fault::new(refuses(403, 200, Some(7))).at("/502/assigned_users");
        let mut played = Played::faulty(WORLD, [closed]).await;
        played.run.read_strategy = strategy;
        if matches!(strategy, ReadStrategy::Auto | ReadStrategy::Nested) {
            // Nested lists do not pass by the refused address.
            played = Played::faulty(WORLD, []).await;
            played.run.read_strategy = strategy;
        }
        let estate = estate(&played).await;
        assert_eq!(estate.name, Some(Name::from("Us")));
        assert_eq!(
            (estate.app, estate.acting_user.clone()),
            (Some("70".parse().unwrap()), Some((user("100"), Name::from("admin"))))
        );
        let roles: Vec<_> = estate.directory.system_users.values().map(|user| user.role).collect();
        assert_eq!(roles, [AdminRole::Admin, AdminRole::Employee]);
        let lists: Vec<_> = estate
            .directory
            .wabas
            .values()
            .map(|waba| (waba.edge, waba.permitted_tasks.clone(), waba.solution_messaging))
            .collect();
        let owned = (Edge::Owned, None, None);
        let shared = (Edge::Client, Some(tasks("DEVELOP")), Some(true));
        assert_eq!(lists, [owned.clone(), owned.clone(), owned, shared, (Edge::Client, None, Some(false))]);
        assert_eq!(estate.observed.state.get(key("500", "101")), Some(&tasks("DEVELOP NEW_TASK")));
        let others: BTreeMap<_, _> = estate
            .observed
            .others
            .iter()
            .map(|(key, other)| {
                (key.user, (other.kind, other.user_type.as_deref(), other.business.map(|id| id.to_string())))
            })
            .collect();
        let of = |id: &str| Some(id.to_owned());
        assert_eq!(
            others,
            BTreeMap::from([
                (user("110"), (HolderKind::Person, Some("BUSINESS_USER"), of("10"))),
                (user("201"), (HolderKind::OtherBusiness, Some("SYSTEM_USER"), of("20"))),
                (user("210"), (HolderKind::OtherBusiness, Some("PERSONAL_USER"), of("20"))),
            ])
        );
        let names: Vec<_> = estate.observed.businesses.values().map(Name::as_str).collect();
        assert_eq!(names, ["Us", "Them"]);
        assert_eq!(estate.solutions.of_waba.len(), 2);
        let partners = &estate.solutions.known[&"81".parse().unwrap()].partners;
        assert_eq!(partners[&"70".parse().unwrap()], Some(tasks("MANAGE_TEMPLATES")));
        assert_eq!(estate.observed.unconfirmed.len(), 0, "the bot confirms the empty lists");
        if matches!(strategy, ReadStrategy::Batch | ReadStrategy::Direct) {
            let refusal = estate.observed.unreadable[&waba("502")].refusal.clone().unwrap();
            assert_eq!(
                (refusal.status, refusal.code, refusal.subcode, &*refusal.message),
                (403, 200, Some(7), "(#200) no")
            );
            assert!(estate.is_incomplete());
        } else {
            assert!(!estate.is_incomplete());
        }
    }
}

#[tokio::test]
async fn an_empty_list_is_believed_only_if_the_users_confirm_it() {
    let broken = Fault::new(refuses(403, 200, None)).at("/101/assigned_whatsapp_business_accounts");
    let played = Played::faulty(WORLD, [broken]).await;
    let estate = estate(&played).await;
    let unconfirmed: Vec<_> = estate.observed.unconfirmed.iter().copied().collect();
    assert_eq!(unconfirmed, [waba("501"), waba("601")]);
    assert_eq!(estate.user_lists.keys().copied().collect::<Vec<_>>(), [user("101")]);
    assert!(estate.is_incomplete());
}
