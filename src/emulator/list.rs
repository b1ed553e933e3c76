//! Lists and their pages: limits, opaque cursors, and `next` URLs that hold the token, as Meta's do.

use super::refusal::Refusal;
use super::request::Request;
use crate::model::{SolutionId, UserId, WabaId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The number of rows on a page where the request does not say.
const DEFAULT_LIMIT: usize = 25;
/// The most rows that a page may hold.
const HIGHEST_LIMIT: usize = 100;

/// What the rows of a list are ordered by.
pub(super) trait Key: Copy {
    /// Gives the id as the number that orders it.
    fn order(self) -> u64;
}

macro_rules! keys {
    ($($id:ident)*) => {$(
        impl Key for $id {
            fn order(self) -> u64 {
                self.number()
            }
        }
    )*};
}

keys! { UserId WabaId SolutionId }

/// Gives the page of a list that a request asks for.
///
/// `ids` are those of all rows in ascending order; `row` makes the row of one. `base` is the URL of the
/// server.
///
/// # Errors
///
/// Where the limit or the cursor is none.
pub(super) fn page<K: Key>(
    request: &Request,
    base: &str,
    ids: &[K],
    row: impl Fn(K) -> Value,
) -> Result<Value, Refusal> {
    let limit = limit(request)?;
    let (start, end) = bounds(request, ids, limit)?;
    let shown = ids.get(start..end).unwrap_or_default();
    let rows: Vec<Value> = shown.iter().map(|id| row(*id)).collect();
    let mut page = json!({ "data": rows });
    if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
        let (before, after) = (cursor(&request.path, first.order()), cursor(&request.path, last.order()));
        let mut paging = json!({});
        if start > 0 {
            paging["previous"] = url(request, base, limit, ("before", &before)).into();
        }
        if end < ids.len() {
            paging["next"] = url(request, base, limit, ("after", &after)).into();
        }
        paging["cursors"] = json!({ "before": before, "after": after });
        page["paging"] = paging;
    }
    if let Some("total_count" | "true" | "1" | "[\"total_count\"]") = request.param("summary") {
        page["summary"] = json!({ "total_count": ids.len() });
    }
    Ok(page)
}

fn limit(request: &Request) -> Result<usize, Refusal> {
    let Some(text) = request.param("limit") else { return Ok(DEFAULT_LIMIT) };
    match text.parse() {
        Ok(limit @ 1..=HIGHEST_LIMIT) => Ok(limit),
        _ => Err(Refusal::bad("Param limit must be an integer between 1 and 100")),
    }
}

/// Gives the range of the rows on the page.
fn bounds<K: Key>(request: &Request, ids: &[K], limit: usize) -> Result<(usize, usize), Refusal> {
    if let Some(before) = request.param("before") {
        let first = seek(&request.path, before)?;
        let end = ids.partition_point(|id| id.order() < first);
        return Ok((end.saturating_sub(limit), end));
    }
    let start = match request.param("after") {
        Some(after) => {
            let last = seek(&request.path, after)?;
            ids.partition_point(|id| id.order() <= last)
        }
        None => 0,
    };
    Ok((start, ids.len().min(start + limit)))
}

/// The hash that hides the ids in the cursors of one list.
fn mask(path: &[String], salt: u64) -> [u8; 8] {
    let mut hash = Sha256::new();
    for part in path {
        hash.update(part.as_bytes());
        hash.update(b"/");
    }
    hash.update(salt.to_be_bytes());
    let digest = hash.finalize();
    std::array::from_fn(|index| digest[index])
}

/// Makes the cursor of a row: its id behind a mask, and a sum over it, both of this list alone.
///
/// A cursor names a row and no number of rows, so that a page goes on in the right place even where rows
/// came and went meanwhile.
fn cursor(path: &[String], id: u64) -> String {
    let hidden = id ^ u64::from_be_bytes(mask(path, 0));
    let mut text = format!("{hidden:016x}");
    for byte in mask(path, id).iter().take(4) {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

/// Gives the id of the row that a cursor names.
fn seek(path: &[String], text: &str) -> Result<u64, Refusal> {
    let hidden = text.get(..16).and_then(|hidden| u64::from_str_radix(hidden, 16).ok());
    let id = hidden.map(|hidden| hidden ^ u64::from_be_bytes(mask(path, 0)));
    id.filter(|id| cursor(path, *id) == text).ok_or_else(|| Refusal::bad("Invalid cursors values"))
}

/// Makes the URL of a neighbouring page, with the token in it.
fn url(request: &Request, base: &str, limit: usize, cursor: (&str, &str)) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["access_token", "business", "fields", "summary"] {
        let value = if name == "access_token" { request.token.as_deref() } else { request.param(name) };
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("limit", &limit.to_string()).append_pair(cursor.0, cursor.1);
    format!("{base}/{}/{}?{}", request.version, request.path.join("/"), query.finish())
}
