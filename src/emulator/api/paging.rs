//! Pages of lists: limits, opaque cursors, and `next` URLs that contain the token, as Meta's do.

use super::rejection::Rejection;
use super::request::ApiRequest;
use crate::emulator::world::IdRange;
use crate::model::{AppId, BusinessId, SolutionId, UserId, WabaId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::ops::Bound;

/// The number of rows on a page without `limit`, from Meta's documentation.
const DEFAULT_LIMIT: usize = 25;
/// The maximum of `limit`, from Meta's documentation.
const MAX_LIMIT: usize = 100;

/// An id that the rows of a list are ordered by.
pub(crate) trait RowId: Copy + Ord {
    /// Returns the id's number.
    fn to_number(self) -> u64;
    /// Returns the id with that number.
    fn from_number(number: u64) -> Self;
}

macro_rules! row_ids {
    ($($id:ident)*) => {$(
        impl RowId for $id {
            fn to_number(self) -> u64 {
                self.number()
            }

            fn from_number(number: u64) -> Self {
                // Only 0 is not an id. `MIN` is the lowest id, and orders the same.
                number.to_string().parse().unwrap_or(Self::MIN)
            }
        }
    )*};
}

row_ids! { UserId WabaId SolutionId BusinessId AppId }

/// A request for a page of a list.
#[derive(Clone, Copy)]
pub(crate) struct PageQuery<'a> {
    /// The URL of the server with the version.
    pub(crate) root: &'a str,
    /// The path after the version, such as `500/assigned_users`. Cursors are valid for one path only.
    pub(crate) path: &'a str,
    pub(crate) limit: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
    pub(crate) before: Option<&'a str>,
    pub(crate) summary: Option<&'a str>,
    /// The maximum number of rows whatever the limit is. With 0, pages are empty.
    pub(crate) max_rows: usize,
    /// The other parameters in the URLs of neighbouring pages.
    pub(crate) params: [(&'static str, Option<&'a str>); 3],
}

impl<'a> PageQuery<'a> {
    /// Makes the query for the list that the request's path names.
    pub(crate) fn of_request(request: &'a ApiRequest, root: &'a str, path: &'a str, max_rows: usize) -> Self {
        Self {
            root,
            path,
            limit: request.param("limit"),
            after: request.param("after"),
            before: request.param("before"),
            summary: request.param("summary"),
            max_rows,
            params: [
                ("access_token", request.token.as_deref()),
                ("business", request.param("business")),
                ("fields", request.param("fields")),
            ],
        }
    }

    /// Returns the page.
    ///
    /// `rows` returns the ids in a range of the list, in ascending order; `row` builds the row of an id.
    ///
    /// # Errors
    ///
    /// If the limit or the cursor is invalid, or a row cannot be built.
    pub(crate) fn page<K: RowId, I: DoubleEndedIterator<Item = K>>(
        &self,
        rows: impl Fn(IdRange<K>) -> I,
        row: impl FnMut(K) -> Result<Value, Rejection>,
    ) -> Result<Value, Rejection> {
        let limit = self.limit()?;
        let shown = self.row_ids(limit, &rows)?;
        let (first, last) = (shown.first().copied(), shown.last().copied());
        let mut page = json!({ "data": shown.into_iter().map(row).collect::<Result<Vec<_>, _>>()? });
        if let (Some(first), Some(last)) = (first, last) {
            let (before, after) = (self.encode(first.to_number()), self.encode(last.to_number()));
            let mut paging = json!({});
            if rows((Bound::Unbounded, Bound::Excluded(first))).next().is_some() {
                paging["previous"] = self.url(limit, "before", &before).into();
            }
            if rows((Bound::Excluded(last), Bound::Unbounded)).next().is_some() {
                paging["next"] = self.url(limit, "after", &after).into();
            }
            paging["cursors"] = json!({ "before": before, "after": after });
            page["paging"] = paging;
        } else if self.max_rows == 0 && rows((self.start()?, Bound::Unbounded)).next().is_some() {
            page["paging"] = self.unfinished()["paging"].take();
        }
        if let Some("total_count" | "true" | "1" | "[\"total_count\"]") = self.summary {
            page["summary"] = json!({ "total_count": rows((Bound::Unbounded, Bound::Unbounded)).count() });
        }
        Ok(page)
    }

    /// Returns an empty page of a list that continues, so that the next request shows why it cannot be read.
    pub(crate) fn unfinished(&self) -> Value {
        let after = self.repeat_cursor();
        let next = self.url(self.limit().unwrap_or(DEFAULT_LIMIT), "after", &after);
        json!({ "data": [], "paging": { "cursors": { "after": after }, "next": next } })
    }

    fn limit(&self) -> Result<usize, Rejection> {
        let Some(text) = self.limit else { return Ok(DEFAULT_LIMIT) };
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(Rejection::bad("Param limit must be an integer between 1 and 100")),
        }
    }

    /// Returns the ids of the rows on the page.
    fn row_ids<K: RowId, I: DoubleEndedIterator<Item = K>>(
        &self,
        limit: usize,
        rows: impl Fn(IdRange<K>) -> I,
    ) -> Result<Vec<K>, Rejection> {
        let limit = limit.min(self.max_rows);
        if let Some(before) = self.before {
            let first = K::from_number(self.decode(before)?);
            let mut shown: Vec<K> =
                rows((Bound::Unbounded, Bound::Excluded(first))).rev().take(limit).collect();
            shown.reverse();
            return Ok(shown);
        }
        Ok(rows((self.start()?, Bound::Unbounded)).take(limit).collect())
    }

    /// Returns the start of the page.
    fn start<K: RowId>(&self) -> Result<Bound<K>, Rejection> {
        let after = self.after.map(|after| self.decode(after)).transpose()?;
        Ok(after.map_or(Bound::Unbounded, |id| Bound::Excluded(K::from_number(id))))
    }

    /// Returns a hash of the path and a salt.
    fn mask(&self, salt: u64) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(self.path.as_bytes());
        hash.update(salt.to_be_bytes());
        let digest = hash.finalize();
        std::array::from_fn(|index| digest[index])
    }

    /// Returns the cursor of a row: its id, masked, and a checksum. Mask and checksum depend on the path.
    ///
    /// A cursor names a row rather than an offset: the next page starts at the right row even if rows were added or
    /// removed in between.
    fn encode(&self, id: u64) -> String {
        let hidden = id ^ u64::from_be_bytes(self.mask(0));
        let mut text = format!("{hidden:016x}");
        for byte in self.mask(id).iter().take(4) {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        text
    }

    /// Returns a new cursor for the position of an empty page: `next` must differ from the cursor before.
    fn repeat_cursor(&self) -> String {
        let after = self.after.map_or_else(|| self.encode(0), str::to_owned);
        let (cursor, count) = after.split_once('-').unwrap_or((&after, "0"));
        let count: u64 = count.parse().unwrap_or_default();
        format!("{cursor}-{}", count.saturating_add(1))
    }

    /// Returns the id in a cursor.
    fn decode(&self, text: &str) -> Result<u64, Rejection> {
        let text = text.split_once('-').map_or(text, |(cursor, _)| cursor);
        let hidden = text.get(..16).and_then(|hidden| u64::from_str_radix(hidden, 16).ok());
        let id = hidden.map(|hidden| hidden ^ u64::from_be_bytes(self.mask(0)));
        id.filter(|id| self.encode(*id) == text).ok_or_else(|| Rejection::bad("Invalid cursors values"))
    }

    /// Returns the URL of a neighbouring page. It contains the token.
    fn url(&self, limit: usize, direction: &str, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let given = self.params.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        query.extend_pairs(given.chain(self.summary.map(|summary| ("summary", summary))));
        query.append_pair("limit", &limit.to_string()).append_pair(direction, cursor);
        format!("{}/{}?{}", self.root, self.path, query.finish())
    }
}

/// Returns the ids in a range of a sorted list.
pub(crate) fn within<K: RowId>(ids: &[K], (from, to): IdRange<K>) -> impl DoubleEndedIterator<Item = K> {
    let start = match from {
        Bound::Included(from) => ids.partition_point(|id| *id < from),
        Bound::Excluded(from) => ids.partition_point(|id| *id <= from),
        Bound::Unbounded => 0,
    };
    let end = match to {
        Bound::Included(to) => ids.partition_point(|id| *id <= to),
        Bound::Excluded(to) => ids.partition_point(|id| *id < to),
        Bound::Unbounded => ids.len(),
    };
    ids.get(start..end).unwrap_or_default().iter().copied()
}
