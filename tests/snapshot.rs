//! Snapshots: what is read of an estate, and that a copy of it behaves as the estate does.

mod roundtrip;

use crate::support::{Played, key, refuses, tasks, user, waba};
use wabacl::emulator::Fault;
use wabacl::engine::Session;
use wabacl::graph::ReadStrategy;
use wabacl::model::{AdminRole, Edge, Estate, HolderKind, Name, OtherHolder};

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
  - id: 502
    name: Closed
    owned_by: 10
    unreadable: { status: 403, code: 200, subcode: 7, message: (#200) no }
    assigned: [{ user: 101, tasks: [DEVELOP] }]
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
        let mut played = Played::start(WORLD).await;
        played.run.read_strategy = strategy;
        let estate = estate(&played).await;
        let Estate { directory, observed, solutions, .. } = &estate;
        assert_eq!((&estate.name, estate.app), (&Some(Name::from("Us")), "70".parse().ok()));
        assert_eq!(estate.acting_user, Some((user("100"), Name::from("admin"))));
        let roles: Vec<_> = directory.system_users.values().map(|user| user.role).collect();
        assert_eq!(roles, [AdminRole::Admin, AdminRole::Employee]);
        let wabas = directory.wabas.values();
        let lists: Vec<_> =
            wabas.map(|waba| (waba.edge, waba.permitted_tasks.clone(), waba.solution_messaging)).collect();
        let owned = (Edge::Owned, None, None);
        let shared = (Edge::Client, Some(tasks("DEVELOP")), Some(true));
        assert_eq!(lists, [owned.clone(), owned.clone(), owned, shared, (Edge::Client, None, Some(false))]);
        assert_eq!(observed.state.get(key("500", "101")), Some(&tasks("DEVELOP NEW_TASK")));
        let other = |other: &OtherHolder| (other.kind, other.user_type.clone(), other.business);
        let others = observed.others.iter().map(|(key, holder)| (key.user, other(holder)));
        let row = |id, kind, user_type: &str, business: &str| {
            (user(id), (kind, Some(user_type.to_owned().into()), business.parse().ok()))
        };
        assert_eq!(
            others.collect::<Vec<_>>(),
            [
                row("110", HolderKind::Person, "BUSINESS_USER", "10"),
                row("201", HolderKind::OtherBusiness, "SYSTEM_USER", "20"),
                row("210", HolderKind::OtherBusiness, "PERSONAL_USER", "20"),
            ]
        );
        assert_eq!(observed.businesses.values().map(Name::as_str).collect::<Vec<_>>(), ["Us", "Them"]);
        assert_eq!(solutions.of_waba.keys().copied().collect::<Vec<_>>(), [waba("600"), waba("601")]);
        let partners = &solutions.known[&"81".parse().unwrap()].partners;
        assert_eq!(partners[&"70".parse().unwrap()], Some(tasks("MANAGE_TEMPLATES")));
        assert!(observed.unconfirmed.is_empty(), "the bot confirms the empty lists");
        let refusal = observed.unreadable[&waba("502")].refusal.as_ref().unwrap();
        assert_eq!((refusal.status, refusal.code, refusal.subcode), (403, 200, Some(7)));
        assert_eq!(refusal.message, "(#200) no");
        assert!(estate.is_incomplete());
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
