//! A call of the API: sent as a request of its own, or as an item of a batch.

use super::wire::AssignmentBody;
use crate::model::WabaId;
use reqwest::{Method, Url};
use serde_json::{Value, json};

/// A call of the API.
#[derive(Debug, Clone)]
pub(in crate::graph) struct ApiCall {
    pub(in crate::graph) method: Method,
    /// The path below the version, without slashes at its ends.
    pub(in crate::graph) path: String,
    pub(in crate::graph) query: Vec<(&'static str, String)>,
    pub(in crate::graph) body: Option<AssignmentBody>,
    /// The WABA whose budget pays for the call.
    pub(in crate::graph) waba: Option<WabaId>,
    /// Whether the call must not be sent in a batch.
    pub(in crate::graph) unbatched: bool,
}

impl ApiCall {
    /// Returns a read.
    pub(in crate::graph) fn get(path: impl Into<String>, query: &[(&'static str, &str)]) -> Self {
        let query = query.iter().map(|(name, value)| (*name, String::from(*value))).collect();
        Self { method: Method::GET, path: path.into(), query, body: None, waba: None, unbatched: false }
    }

    /// Charges the call to the budget of a WABA.
    pub(in crate::graph) fn charged_to(mut self, waba: WabaId) -> Self {
        self.waba = Some(waba);
        self
    }

    /// Excludes the call from batches.
    pub(in crate::graph) fn unbatched(mut self) -> Self {
        self.unbatched = true;
        self
    }

    /// Asks for the page after a cursor.
    pub(in crate::graph) fn after(mut self, cursor: Option<&str>) -> Self {
        self.query.extend(cursor.map(|cursor| ("after", cursor.to_owned())));
        self
    }

    pub(in crate::graph) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// Returns the call as an item of a batch. There the body of a write is a form, and a DELETE has none.
    pub(super) fn batch_item(&self, base: &Url) -> Value {
        let mut url = base.clone();
        url.set_path(&self.path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let relative = format!("{}{query}", url.path().trim_start_matches('/'));
        let mut item = json!({ "method": self.method.as_str(), "relative_url": relative });
        if let Some(body) = &self.body {
            url.set_query(None);
            url.query_pairs_mut().extend_pairs(body.form());
            item["body"] = url.query().unwrap_or_default().into();
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_item_has_a_relative_url_and_a_form_body() {
        let base = Url::parse("https://example.com/v25.0").unwrap();
        let read = ApiCall::get("500/assigned_users", &[("business", "10"), ("fields", "id,tasks")]);
        let read = read.after(Some("a=b&c"));
        assert_eq!(
            read.batch_item(&base),
            json!({
                "method": "GET",
                "relative_url": "500/assigned_users?business=10&fields=id%2Ctasks&after=a%3Db%26c",
            })
        );
        let tasks = vec![String::from("MANAGE"), String::from("VIEW_COST")];
        let body = Some(AssignmentBody { user: String::from("101"), tasks });
        let write = ApiCall { method: Method::POST, body, ..ApiCall::get("500/assigned_users", &[]) };
        assert_eq!(
            write.batch_item(&base),
            json!({
                "method": "POST",
                "relative_url": "500/assigned_users",
                "body": "user=101&tasks%5B0%5D=MANAGE&tasks%5B1%5D=VIEW_COST",
            })
        );
    }
}
