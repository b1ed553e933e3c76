//! Several calls in one request: batches, and nodes by id.

use super::{Running, WORLD, error_text, send};
use serde_json::{Value, json};
use wabacl::emulator::{Fault, FaultKind, LoggedCall, Options};
use wabacl::model::{Task, TaskSet};

/// Returns code and body of each item of a response.
fn items(answer: &str) -> Vec<Option<(u64, Value)>> {
    let items: Vec<Value> = serde_json::from_str(answer).unwrap();
    let item = |item: &Value| {
        let code = item["code"].as_u64()?;
        let body = item["body"].as_str().unwrap();
        Some((code, serde_json::from_str(body).unwrap_or_else(|_| body.into())))
    };
    items.iter().map(item).collect()
}

impl Running {
    async fn batch(&self, batch: Value) -> Vec<Option<(u64, Value)>> {
        let request = self.form(&[("batch", &batch.to_string())]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        items(&response.text().await.unwrap())
    }
}

#[tokio::test]
async fn each_item_succeeds_or_fails_by_itself() {
    let running = Running::start().await;
    let answers = running
        .batch(json!([
            { "method": "GET", "relative_url": "me?fields=name" },
            { "method": "post", "relative_url": "/v24.0/500/assigned_users",
              "body": "user=101&tasks[0]=DEVELOP&tasks[1]=VIEW_COST" },
            { "method": "DELETE", "relative_url": "500/assigned_users", "body": "user=111" },
            { "method": "DELETE", "relative_url": "500/assigned_users?user=100" },
            { "method": "GET", "relative_url": "777/assigned_users?business=10" },
            { "method": "GET", "relative_url": "me?access_token=of-bot" },
            { "relative_url": "me" },
            7,
        ]))
        .await;
    let answers: Vec<(u64, Value)> = answers.into_iter().map(Option::unwrap).collect();
    let codes: Vec<u64> = answers.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [200, 200, 200, 200, 400, 200, 400, 400]);
    assert_eq!(answers[0].1, json!({ "id": "100", "name": "admin" }));
    assert_eq!(answers[1].1, json!({ "success": true }));
    assert_eq!(answers[4].1["error"]["error_subcode"], 33);
    assert_eq!(answers[5].1["name"], "bot");
    assert_eq!(running.held("500", "101"), "DEVELOP, VIEW_COST");
    assert_eq!((running.held("500", "111"), running.held("500", "100")), (String::new(), String::new()));
    let calls = running.emulator.calls();
    assert_eq!((calls.len(), running.emulator.requests()), (6, 1));
    let second = LoggedCall { method: "POST".into(), path: "/v24.0/500/assigned_users".into() };
    assert_eq!(calls[1], second);
    let mut writes = running.emulator.writes();
    writes.sort_by_key(|write| write.key);
    let seen: Vec<(String, &TaskSet, bool)> =
        writes.iter().map(|write| (write.key.user.to_string(), &write.tasks, write.effective)).collect();
    let both = TaskSet::from([Task::Develop, Task::ViewCost]);
    assert_eq!(
        seen,
        [
            ("100".to_owned(), &TaskSet::EMPTY, true),
            ("101".to_owned(), &both, true),
            ("111".to_owned(), &TaskSet::EMPTY, true)
        ]
    );
}

#[tokio::test]
async fn a_batch_can_be_a_form_a_json_array_or_a_json_string() {
    let running = Running::start().await;
    let batch = json!([{ "method": "GET", "relative_url": "v25.0/me" }]);
    let me = json!({ "id": "100", "name": "admin" });
    for body in [json!({ "batch": batch }), json!({ "batch": batch.to_string() })] {
        for path in ["", "/", "/v21.0", "/v25.0/"] {
            let request = running.client.post(format!("{}{path}", running.emulator.url()));
            let request = request.query(&[("access_token", "of-admin")]).json(&body);
            let answer = request.send().await.unwrap().text().await.unwrap();
            assert_eq!(items(&answer), [Some((200, me.clone()))], "{path} {body}");
        }
    }
    let item_with_token = json!([{ "method": "GET", "relative_url": "me", "access_token": "of-admin" }]);
    let request = running.client.post(running.emulator.url()).json(&json!({ "batch": item_with_token }));
    assert_eq!(items(&request.send().await.unwrap().text().await.unwrap()), [Some((200, me))]);
}

#[tokio::test]
async fn an_invalid_batch_is_rejected_as_a_whole() {
    let running = Running::start().await;
    let ask = |batch: &Value| running.form(&[("batch", &batch.to_string())]);
    let item = json!({ "method": "GET", "relative_url": "me" });
    let answer = send(ask(&json!(vec![item.clone(); 51]))).await;
    let message = "400 100 null: Too many requests in batch message. Maximum batch size is 50";
    assert_eq!(error_text(&answer), message);
    assert!(error_text(&send(ask(&json!({}))).await).starts_with("400 100"));
    let body = json!({ "batch": [item], "access_token": "nobody" });
    let request = running.client.post(running.emulator.url()).json(&body);
    assert!(error_text(&send(request).await).starts_with("400 190"));
}

#[tokio::test]
async fn items_have_headers_unless_include_headers_is_false() {
    let running = Running::start().await;
    let batch = json!([{ "method": "GET", "relative_url": super::LIST }]).to_string();
    let ask = async |more: &[(&str, &str)]| -> Value {
        let form: Vec<(&str, &str)> = more.iter().copied().chain([("batch", batch.as_str())]).collect();
        let response = running.form(&form).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    };
    let answer = ask(&[]).await;
    let headers = answer[0]["headers"].as_array().unwrap();
    let usage = headers.iter().find(|header| header["name"] == "x-business-use-case-usage").unwrap();
    assert!(usage["value"].as_str().unwrap().starts_with(r#"{"500":[{"#), "{usage}");
    assert_eq!(ask(&[("include_headers", "false")]).await[0].get("headers"), None);
}

#[tokio::test]
async fn items_take_effect_in_a_random_order() {
    let orders = async |count: usize| {
        let running = Running::start().await;
        let item = |task: Task| {
            let body = format!("user=101&tasks[0]={task}");
            json!({ "method": "POST", "relative_url": "500/assigned_users", "body": body })
        };
        let tasks = [Task::Develop, Task::Manage, Task::Messaging, Task::ViewCost];
        let batch: Value = tasks.map(item).into_iter().collect();
        for _ in 0..count {
            running.batch(batch.clone()).await;
        }
        let writes = running.emulator.writes();
        writes.iter().map(|write| write.tasks.to_string()).collect::<Vec<_>>()
    };
    let seen = orders(4).await;
    let rounds: Vec<&[String]> = seen.chunks(4).collect();
    assert!(rounds.iter().any(|round| *round != rounds[0]), "{rounds:?}");
    assert_eq!(orders(4).await, seen, "the order is the same in each run");
}

#[tokio::test]
async fn an_item_can_be_null_with_or_without_effect() {
    for (what, held) in [
        (FaultKind::NullItem, "MANAGE, NEW_TASK"),
        (FaultKind::NullItemAfterEffect, "DEVELOP"),
        (FaultKind::CloseAfterEffect, "DEVELOP"),
    ] {
        let fault = Fault::new(what).at("500/assigned_users");
        let running = Running::with(WORLD, Options { faults: vec![fault], ..Options::default() }).await;
        let body = "user=101&tasks[0]=DEVELOP";
        let answers = running
            .batch(json!([
                { "method": "POST", "relative_url": "500/assigned_users", "body": body },
                { "method": "GET", "relative_url": "me" },
            ]))
            .await;
        assert_eq!((answers[0].is_none(), answers[1].is_some()), (true, true));
        assert_eq!(running.held("500", "101"), held);
    }
}

#[tokio::test]
async fn several_nodes_by_id_are_refused() {
    let running = Running::start().await;
    let answer = running.get("?ids=500,501&fields=name").await;
    assert!(error_text(&answer).starts_with("500 100 null: (#100)"), "{answer}");
    assert!(error_text(&answer).ends_with("is deprecated in v26.0+"), "{answer}");
}
