//! Batches: up to 50 requests in one HTTP request.

use super::rejection::Rejection;
use super::request::ApiRequest;
use axum::http::Method;
use serde_json::Value;

/// The maximum number of items, from Meta's documentation.
const MAX_ITEMS: usize = 50;

/// A parsed batch. An item that cannot be parsed does not fail the others.
#[derive(Debug)]
pub(crate) struct RequestBatch {
    pub(crate) items: Vec<Result<ApiRequest, Rejection>>,
    /// Whether the items of the response contain headers.
    pub(crate) with_headers: bool,
}

impl RequestBatch {
    /// Parses the batch that a request contains; `None` if the request is not a batch.
    ///
    /// # Errors
    ///
    /// If the parameter `batch` is not an array, or has too many items.
    pub(crate) fn parse(request: &ApiRequest) -> Result<Option<Self>, Rejection> {
        let is_post_to_root = request.path.is_empty() && request.method == Method::POST;
        let Some(text) = request.param("batch").filter(|_| is_post_to_root) else { return Ok(None) };
        let items: Vec<Value> =
            serde_json::from_str(text).map_err(|_| Rejection::bad("Param batch must be an array."))?;
        if items.len() > MAX_ITEMS {
            return Err(Rejection::too_many_items(MAX_ITEMS));
        }
        let items = items.iter().map(|item| {
            let item =
                item.as_object().ok_or_else(|| Rejection::bad("An item of the batch is not an object"))?;
            request.item(item)
        });
        let with_headers = !matches!(request.param("include_headers"), Some("false" | "0"));
        Ok(Some(Self { items: items.collect(), with_headers }))
    }
}
