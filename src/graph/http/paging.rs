//! The position in a list of several pages.
//!
//! A list ends where `paging.next` is absent, not where a page is short. `next` contains the token and is never
//! followed; the client pages with cursors.

use super::wire::Paging;
use crate::graph::error::GraphError;
use std::collections::BTreeSet;

/// The most pages of one list: at 100 rows a page, a million rows. A guess, far beyond any real business.
const MAX_PAGES: usize = 10_000;
/// The most empty pages in a row. Meta documents that a page can be empty before the last one; that more than some
/// follow each other is a guess.
const MAX_EMPTY_PAGES: u32 = 20;

/// The position in a list.
#[derive(Debug, Default)]
pub(in crate::graph) struct PageCursor {
    after: Option<String>,
    seen: BTreeSet<String>,
    /// The number of empty pages since the last row.
    empty_pages: u32,
}

impl PageCursor {
    /// Returns the cursor after which the next page begins.
    pub(in crate::graph) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Moves to the page after one with `rows` rows, and returns whether there is one.
    ///
    /// # Errors
    ///
    /// [`GraphError::InvalidList`] if the next page has no cursor, or one that was used before, or if the list has too
    /// many pages, or too many empty ones in a row.
    pub(in crate::graph) fn advance(
        &mut self,
        rows: usize,
        paging: Option<Paging>,
    ) -> Result<bool, GraphError> {
        let Some(paging) = paging.filter(|paging| paging.next) else { return Ok(false) };
        let Some(cursor) = paging.cursors.and_then(|cursors| cursors.after) else {
            return Err(GraphError::invalid_list("there is a next page, but no cursor"));
        };
        if !self.seen.insert(cursor.clone()) {
            return Err(GraphError::invalid_list("the API sent the same cursor twice"));
        }
        self.empty_pages = if rows == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= MAX_EMPTY_PAGES {
            let what = format!("{MAX_EMPTY_PAGES} empty pages in a row, and no end");
            return Err(GraphError::invalid_list(what));
        }
        if self.seen.len() >= MAX_PAGES {
            return Err(GraphError::invalid_list("it has too many pages"));
        }
        self.after = Some(cursor);
        Ok(true)
    }
}
