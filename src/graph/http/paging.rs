//! The position in a list of several pages.
//!
//! A list ends where `paging.next` is absent, not where a page is short. `next` contains the token and is never
//! followed; the client pages with cursors.

use super::wire::Paging;
use crate::graph::error::GraphError;
use std::collections::BTreeSet;

/// The most pages of one list: at 100 rows a page, a million rows. A guess, far beyond any real business.
const MAX_PAGES: usize = 10_000;

/// The position in a list.
#[derive(Debug, Default)]
pub(in crate::graph) struct PageCursor {
    after: Option<String>,
    seen: BTreeSet<String>,
}

impl PageCursor {
    /// Returns the cursor after which the next page begins.
    pub(in crate::graph) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Moves to the next page, and returns whether there is one.
    ///
    /// # Errors
    ///
    /// [`GraphError::InvalidList`] if the next page has no cursor, or one that was used before.
    pub(in crate::graph) fn advance(&mut self, paging: Option<Paging>) -> Result<bool, GraphError> {
        let Some(paging) = paging.filter(|paging| paging.next) else { return Ok(false) };
        let Some(cursor) = paging.cursors.and_then(|cursors| cursors.after) else {
            return Err(GraphError::invalid_list("there is a next page, but no cursor"));
        };
        if !self.seen.insert(cursor.clone()) {
            return Err(GraphError::invalid_list("the API sent the same cursor twice"));
        }
        if self.seen.len() >= MAX_PAGES {
            return Err(GraphError::invalid_list("it has too many pages"));
        }
        self.after = Some(cursor);
        Ok(true)
    }
}
