//! Many calls in one request: batches, and nodes by their ids.

use super::{Played, WORLD, refusal, told};
use serde_json::{Value, json};
use wabacl::emulator::{Fault, FaultKind, LoggedCall, Options};
use wabacl::model::{Task, TaskSet};

/// Gives code and body of each item of an answer.
fn items(answer: &str) -> Vec<Option<(u64, Value)>> {
    let items: Vec<Value> = serde_json::from_str(answer).unwrap();
    let item = |item: &Value| {
        let code = item["code"].as_u64()?;
        let body = item["body"].as_str().unwrap();
        Some((code, serde_json::from_str(body).unwrap_or_else(|_| body.into())))
    };
    items.iter().map(item).collect()
}

impl Played {
    async fn batch(&self, batch: Value) -> Vec<Option<(u64, Value)>> {
        let request = self.form(&[("batch", &batch.to_string())]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        items(&response.text().await.unwrap())
    }
}

#[tokio::test]
async fn each_item_is_answered_in_its_place_and_judged_by_itself() {
    let played = Played::start().await;
    let answers = played
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
    assert_eq!(played.held("500", "101"), "DEVELOP, VIEW_COST");
    assert_eq!((played.held("500", "111"), played.held("500", "100")), (String::new(), String::new()));
    let calls = played.emulator.calls();
    assert_eq!((calls.len(), played.emulator.requests()), (6, 1));
    let second = LoggedCall { method: "POST".into(), path: "/v24.0/500/assigned_users".into() };
    assert_eq!(calls[1], second);
    let mut writes = played.emulator.writes();
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
async fn a_batch_comes_as_a_form_or_as_json_whole_or_in_a_string() {
    let played = Played::start().await;
    let batch = json!([{ "method": "GET", "relative_url": "v25.0/me" }]);
    let me = json!({ "id": "100", "name": "admin" });
    for body in [json!({ "batch": batch }), json!({ "batch": batch.to_string() })] {
        for path in ["", "/", "/v21.0", "/v25.0/"] {
            let request = played.client.post(format!("{}{path}", played.emulator.url()));
            let request = request.query(&[("access_token", "of-admin")]).json(&body);
            let answer = request.send().await.unwrap().text().await.unwrap();
            assert_eq!(items(&answer), [Some((200, me.clone()))], "{path} {body}");
        }
    }
    let item_with_token = json!([{ "method": "GET", "relative_url": "me", "access_token": "of-admin" }]);
    let request = played.client.post(played.emulator.url()).json(&json!({ "batch": item_with_token }));
    assert_eq!(items(&request.send().await.unwrap().text().await.unwrap()), [Some((200, me))]);
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let played = Played::start().await;
    let ask = |batch: &Value| played.form(&[("batch", &batch.to_string())]);
    let item = json!({ "method": "GET", "relative_url": "me" });
    let answer = told(ask(&json!(vec![item.clone(); 51]))).await;
    let message = "400 100 null: Too many requests in batch message. Maximum batch size is 50";
    assert_eq!(refusal(&answer), message);
    assert!(refusal(&told(ask(&json!({}))).await).starts_with("400 100"));
    let body = json!({ "batch": [item], "access_token": "nobody" });
    let request = played.client.post(played.emulator.url()).json(&body);
    assert!(refusal(&told(request).await).starts_with("400 190"));
}

#[tokio::test]
async fn items_carry_headers_unless_they_shall_not() {
    let played = Played::start().await;
    let batch = json!([{ "method": "GET", "relative_url": super::LIST }]).to_string();
    let ask = async |more: &[(&str, &str)]| -> Value {
        let form: Vec<(&str, &str)> = more.iter().copied().chain([("batch", batch.as_str())]).collect();
        let response = played.form(&form).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    };
    let answer = ask(&[]).await;
    let headers = answer[0]["headers"].as_array().unwrap();
    let usage = headers.iter().find(|header| header["name"] == "x-business-use-case-usage").unwrap();
    assert!(usage["value"].as_str().unwrap().starts_with(r#"{"500":[{"#), "{usage}");
    assert_eq!(ask(&[("include_headers", "false")]).await[0].get("headers"), None);
}

#[tokio::test]
async fn items_take_effect_in_any_order() {
    let orders = async |count: usize| {
        let played = Played::start().await;
        let item = |task: Task| {
            let body = format!("user=101&tasks[0]={task}");
            json!({ "method": "POST", "relative_url": "500/assigned_users", "body": body })
        };
        let tasks = [Task::Develop, Task::Manage, Task::Messaging, Task::ViewCost];
        let batch: Value = tasks.map(item).into_iter().collect();
        for _ in 0..count {
            played.batch(batch.clone()).await;
        }
        let writes = played.emulator.writes();
        writes.iter().map(|write| write.tasks.to_string()).collect::<Vec<_>>()
    };
    let seen = orders(4).await;
    let rounds: Vec<&[String]> = seen.chunks(4).collect();
    assert!(rounds.iter().any(|round| *round != rounds[0]), "{rounds:?}");
    assert_eq!(orders(4).await, seen, "and the same ones each time");
}

#[tokio::test]
async fn an_item_may_have_no_answer() {
    for (what, held) in [
        (FaultKind::NullItem, "MANAGE, NEW_TASK"),
        (FaultKind::NullItemAfterEffect, "DEVELOP"),
        (FaultKind::CloseAfterEffect, "DEVELOP"),
    ] {
        let fault = Fault::new(what).at("500/assigned_users");
        let played = Played::with(WORLD, Options { faults: vec![fault], ..Options::default() }).await;
        let body = "user=101&tasks[0]=DEVELOP";
        let answers = played
            .batch(json!([
                { "method": "POST", "relative_url": "500/assigned_users", "body": body },
                { "method": "GET", "relative_url": "me" },
            ]))
            .await;
        assert_eq!((answers[0].is_none(), answers[1].is_some()), (true, true));
        assert_eq!(played.held("500", "101"), held);
    }
}

#[tokio::test]
async fn nodes_come_by_their_ids() {
    let played = Played::start().await;
    let answer = played.get("?ids=500,501,503,777&fields=name,assigned_users.business(10){id}").await;
    let rows = json!([{ "id": "100" }, { "id": "101" }, { "id": "111" }]);
    assert_eq!(answer["500"]["assigned_users"]["data"], rows);
    assert_eq!(answer["501"], json!({ "id": "501", "name": "Limited" }));
    assert_eq!((answer.get("503"), answer.get("777")), (None, None), "they are not there for this caller");
    assert_eq!((played.emulator.calls().len(), played.emulator.requests()), (4, 1));
    let ids = (1000..1054).map(|id: u32| id.to_string()).collect::<Vec<_>>().join(",");
    let answer = played.get(&format!("?ids={ids}")).await;
    assert_eq!(refusal(&answer), "400 100 null: (#100) Too many IDs. Maximum: 50. Provided: 54.");
}
