//! Batches: many calls in one request.

use super::refusal::Refusal;
use super::request::Request;
use axum::http::Method;
use serde_json::Value;

/// The most calls that a batch may hold.
const MOST_ITEMS: usize = 50;

/// A batch as it came: its calls, each good or not.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) items: Vec<Result<Request, Refusal>>,
    /// Whether the answers shall hold headers.
    pub(super) with_headers: bool,
}

impl Batch {
    /// Reads the batch that a request to the root holds; `None` where it holds none.
    ///
    /// # Errors
    ///
    /// Where there are too many items, or what is there is no list of them.
    pub(super) fn of(request: &Request) -> Result<Option<Self>, Refusal> {
        let is_here = request.path.is_empty() && request.method == Method::POST;
        let Some(text) = request.param("batch").filter(|_| is_here) else { return Ok(None) };
        let items: Vec<Value> =
            serde_json::from_str(text).map_err(|_| Refusal::bad("Param batch must be an array."))?;
        if items.len() > MOST_ITEMS {
            return Err(Refusal::too_many_items(MOST_ITEMS));
        }
        let items = items.iter().map(|item| {
            let item = item.as_object().ok_or_else(|| Refusal::bad("An item of the batch is no object"))?;
            request.item(item)
        });
        let with_headers = !matches!(request.param("include_headers"), Some("false" | "0"));
        Ok(Some(Self { items: items.collect(), with_headers }))
    }
}
