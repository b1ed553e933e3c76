//! What no type of this room's public face can show: that a reader's transport refuses to write.

use super::{Access, GraphError, Reader, Settings, Transport};
use crate::emulator::{Emulator, Options, World};
use reqwest::Method;
use serde_json::{Value, json};

const WORLD: &str = "
businesses: [{ id: 10, name: Us, system_users: [{ id: 100, name: admin, role: ADMIN }, { id: 101, name: bot }] }]
wabas: [{ id: 500, name: A, owned_by: 10 }]
";

#[tokio::test]
async fn a_reader_cannot_write_even_where_its_transport_is_asked_to() {
    let emulator = Emulator::start(World::from_yaml(WORLD).unwrap(), Options::default()).await.unwrap();
    let mut settings = Settings::new(emulator.issue_token(None).unwrap());
    settings.graph_url = emulator.url();
    let reader = Reader::connect(&settings).unwrap();
    let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
    let path = "500/assigned_users";
    for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
        let sent =
            reader.transport.send::<Value>(method.clone(), path, &[("user", "101")], Some(&body)).await;
        assert!(matches!(sent, Err(GraphError::ReadOnly)), "{method}: {sent:?}");
    }
    assert_eq!(emulator.calls(), []);
    assert_eq!(reader.calls(), 0);
    // The same words do write where writing is allowed: it is the access that stops them.
    let transport = Transport::new(&settings, Access::Write).unwrap();
    transport.send::<Value>(Method::POST, path, &[], Some(&body)).await.unwrap();
    assert_eq!(emulator.world().assignments().len(), 1);
}
