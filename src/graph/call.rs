//! One call of the API: a request of its own, or an item of a batch.

use super::wire::Assignment;
use crate::model::WabaId;
use reqwest::{Method, Url};
use serde_json::{Value, json};

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Its path behind the version, without a slash at either end.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Assignment>,
    /// The WABA whose budget it is charged to.
    pub(super) waba: Option<WabaId>,
    /// Whether it goes as a request of its own in any case.
    pub(super) alone: bool,
}

impl Call {
    /// Makes a read.
    pub(super) fn get(path: impl Into<String>, query: &[(&'static str, &str)]) -> Self {
        let query = query.iter().map(|(name, value)| (*name, String::from(*value))).collect();
        Self { method: Method::GET, path: path.into(), query, body: None, waba: None, alone: false }
    }

    /// Charges it to a WABA.
    pub(super) fn charged_to(mut self, waba: WabaId) -> Self {
        self.waba = Some(waba);
        self
    }

    /// Keeps it out of batches.
    pub(super) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Goes on behind a cursor.
    pub(super) fn after(mut self, cursor: Option<&str>) -> Self {
        self.query.extend(cursor.map(|cursor| ("after", cursor.to_owned())));
        self
    }

    /// Returns it as an item of a batch. A write's body is a form there, and a DELETE has none.
    pub(super) fn item(&self, base: &Url) -> Value {
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
    fn an_item_of_a_batch_is_encoded_as_the_api_takes_it() {
        let base = Url::parse("https://example.com/v25.0").unwrap();
        let read = Call::get("500/assigned_users", &[("business", "10"), ("fields", "id,tasks")]);
        let read = read.after(Some("a=b&c"));
        assert_eq!(
            read.item(&base),
            json!({
                "method": "GET",
                "relative_url": "500/assigned_users?business=10&fields=id%2Ctasks&after=a%3Db%26c",
            })
        );
        let tasks = vec![String::from("MANAGE"), String::from("VIEW_COST")];
        let body = Some(Assignment { user: String::from("101"), tasks });
        let write = Call { method: Method::POST, body, ..Call::get("500/assigned_users", &[]) };
        assert_eq!(
            write.item(&base),
            json!({
                "method": "POST",
                "relative_url": "500/assigned_users",
                "body": "user=101&tasks%5B0%5D=MANAGE&tasks%5B1%5D=VIEW_COST",
            })
        );
    }
}
