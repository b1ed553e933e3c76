//! Lists and their pages: limits, opaque cursors, and `next` URLs that hold the token, as Meta's do.

use super::refusal::Refusal;
use super::request::Request;
use crate::model::{SolutionId, UserId, WabaId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::ops::Bound;

/// The number of rows on a page where the request does not say.
const DEFAULT_LIMIT: usize = 25;
/// The most rows that a page may hold.
const HIGHEST_LIMIT: usize = 100;

/// What the rows of a list are ordered by.
pub(super) trait Key: Copy + Ord {
    /// Returns the id as the number that orders it.
    fn order(self) -> u64;
    /// Returns the id with that number.
    fn at(order: u64) -> Self;
}

macro_rules! keys {
    ($($id:ident)*) => {$(
        impl Key for $id {
            fn order(self) -> u64 {
                self.number()
            }

            fn at(order: u64) -> Self {
                // Only 0 is no id, and that is what the lowest one is.
                order.to_string().parse().unwrap_or(Self::MIN)
            }
        }
    )*};
}

keys! { UserId WabaId SolutionId }

/// A part of a list, from one id to another.
pub(super) type Span<K> = (Bound<K>, Bound<K>);

/// What is asked of a list.
#[derive(Clone, Copy)]
pub(super) struct PageOf<'a> {
    /// The URL of the server, with the version.
    pub(super) root: &'a str,
    /// The path behind the version, such as `500/assigned_users`: cursors are of one list.
    pub(super) path: &'a str,
    pub(super) limit: Option<&'a str>,
    pub(super) after: Option<&'a str>,
    pub(super) before: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
    /// The most rows that are given whatever the limit says, so that pages are short or even empty.
    pub(super) cap: usize,
    /// What else stands in the URLs of the neighbouring pages.
    pub(super) query: [(&'static str, Option<&'a str>); 3],
}

impl<'a> PageOf<'a> {
    /// Returns what a request asks of the list that its own path names.
    pub(super) fn asked(request: &'a Request, root: &'a str, path: &'a str) -> Self {
        Self {
            root,
            path,
            limit: request.param("limit"),
            after: request.param("after"),
            before: request.param("before"),
            summary: request.param("summary"),
            cap: usize::MAX,
            query: [
                ("access_token", request.token.as_deref()),
                ("business", request.param("business")),
                ("fields", request.param("fields")),
            ],
        }
    }

    /// Returns the page that is asked for.
    ///
    /// `rows` gives the ids in a part of the list, in ascending order; `row` makes the row of one.
    ///
    /// # Errors
    ///
    /// Where the limit or the cursor is none, or a row cannot be made.
    pub(super) fn give<K: Key, I: DoubleEndedIterator<Item = K>>(
        &self,
        rows: impl Fn(Span<K>) -> I,
        row: impl FnMut(K) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let limit = self.limit()?;
        let shown = self.shown(limit, &rows)?;
        let (first, last) = (shown.first().copied(), shown.last().copied());
        let mut page = json!({ "data": shown.into_iter().map(row).collect::<Result<Vec<_>, _>>()? });
        if let (Some(first), Some(last)) = (first, last) {
            let (before, after) = (self.cursor(first.order()), self.cursor(last.order()));
            let mut paging = json!({});
            if rows((Bound::Unbounded, Bound::Excluded(first))).next().is_some() {
                paging["previous"] = self.url(limit, "before", &before).into();
            }
            if rows((Bound::Excluded(last), Bound::Unbounded)).next().is_some() {
                paging["next"] = self.url(limit, "after", &after).into();
            }
            paging["cursors"] = json!({ "before": before, "after": after });
            page["paging"] = paging;
        } else if self.cap == 0 && rows((self.behind()?, Bound::Unbounded)).next().is_some() {
            let after = self.same_place_again();
            let next = self.url(limit, "after", &after);
            page["paging"] = json!({ "cursors": { "after": after }, "next": next });
        }
        if let Some("total_count" | "true" | "1" | "[\"total_count\"]") = self.summary {
            page["summary"] = json!({ "total_count": rows((Bound::Unbounded, Bound::Unbounded)).count() });
        }
        Ok(page)
    }

    fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.limit else { return Ok(DEFAULT_LIMIT) };
        match text.parse() {
            Ok(limit @ 1..=HIGHEST_LIMIT) => Ok(limit),
            _ => Err(Refusal::bad("Param limit must be an integer between 1 and 100")),
        }
    }

    /// Returns the ids of the rows on the page.
    fn shown<K: Key, I: DoubleEndedIterator<Item = K>>(
        &self,
        limit: usize,
        rows: impl Fn(Span<K>) -> I,
    ) -> Result<Vec<K>, Refusal> {
        let limit = limit.min(self.cap);
        if let Some(before) = self.before {
            let first = K::at(self.seek(before)?);
            let mut shown: Vec<K> =
                rows((Bound::Unbounded, Bound::Excluded(first))).rev().take(limit).collect();
            shown.reverse();
            return Ok(shown);
        }
        Ok(rows((self.behind()?, Bound::Unbounded)).take(limit).collect())
    }

    /// Returns where the page begins.
    fn behind<K: Key>(&self) -> Result<Bound<K>, Refusal> {
        let after = self.after.map(|after| self.seek(after)).transpose()?;
        Ok(after.map_or(Bound::Unbounded, |id| Bound::Excluded(K::at(id))))
    }

    /// The hash that hides the ids in the cursors of one list.
    fn mask(&self, salt: u64) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(self.path.as_bytes());
        hash.update(salt.to_be_bytes());
        let digest = hash.finalize();
        std::array::from_fn(|index| digest[index])
    }

    /// Makes the cursor of a row: its id behind a mask, and a sum over it, both of this list alone.
    ///
    /// A cursor names a row and no number of rows, so that a page goes on in the right place even where rows
    /// came and went meanwhile.
    fn cursor(&self, id: u64) -> String {
        let hidden = id ^ u64::from_be_bytes(self.mask(0));
        let mut text = format!("{hidden:016x}");
        for byte in self.mask(id).iter().take(4) {
            write!(text, "{byte:02x}").expect("a string takes any text");
        }
        text
    }

    /// Makes another cursor for the place where an empty page stands.
    fn same_place_again(&self) -> String {
        let after = self.after.map_or_else(|| self.cursor(0), str::to_owned);
        let (place, times) = after.split_once('-').unwrap_or((&after, "0"));
        let times: u64 = times.parse().unwrap_or_default();
        format!("{place}-{}", times.saturating_add(1))
    }

    /// Returns the id of the row that a cursor names.
    fn seek(&self, text: &str) -> Result<u64, Refusal> {
        let text = text.split_once('-').map_or(text, |(place, _)| place);
        let hidden = text.get(..16).and_then(|hidden| u64::from_str_radix(hidden, 16).ok());
        let id = hidden.map(|hidden| hidden ^ u64::from_be_bytes(self.mask(0)));
        id.filter(|id| self.cursor(*id) == text).ok_or_else(|| Refusal::bad("Invalid cursors values"))
    }

    /// Makes the URL of a neighbouring page, with the token in it.
    fn url(&self, limit: usize, place: &str, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let given = self.query.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        query.extend_pairs(given.chain(self.summary.map(|summary| ("summary", summary))));
        query.append_pair("limit", &limit.to_string()).append_pair(place, cursor);
        format!("{}/{}?{}", self.root, self.path, query.finish())
    }
}

/// Returns a part of a list that is at hand whole, in ascending order.
pub(super) fn within<K: Key>(ids: &[K], (from, to): Span<K>) -> impl DoubleEndedIterator<Item = K> {
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
