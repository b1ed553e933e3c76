//! The position in a list of several pages.
//!
//! A list ends where `paging.next` is absent, not where a page is short. `next` contains the token and is never
//! followed; the client pages with cursors.

use super::wire::Paging;
use crate::graph::error::GraphError;
use std::collections::BTreeSet;

/// The most pages of one list. A guess, far beyond any real business.
const MAX_PAGES: usize = 10_000;
/// The most rows of one list: as many as that number of full pages has.
const MAX_ROWS: usize = 1_000_000;
/// The longest cursor, in bytes. A guess: the cursor is part of an address, and servers refuse longer ones.
const MAX_CURSOR: usize = 4_096;
/// The most empty pages in a row. Meta documents that a page can be empty before the last one; that more than some
/// follow each other is a guess.
const MAX_EMPTY_PAGES: u32 = 20;

/// The position in a list.
#[derive(Debug, Default)]
pub(in crate::graph) struct PageCursor {
    after: Option<String>,
    seen: BTreeSet<String>,
    rows: usize,
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
    /// [`GraphError::InvalidList`] if the next page has no cursor, or one that was used before or is too long, or if the
    /// list has too many rows, too many pages, or too many empty ones in a row.
    pub(in crate::graph) fn advance(
        &mut self,
        rows: usize,
        paging: Option<Paging>,
    ) -> Result<bool, GraphError> {
        self.rows += rows;
        if self.rows > MAX_ROWS {
            return Err(GraphError::invalid_list("it has too many rows"));
        }
        let Some(paging) = paging.filter(|paging| paging.next) else { return Ok(false) };
        let Some(cursor) = paging.cursors.and_then(|cursors| cursors.after) else {
            return Err(GraphError::invalid_list("there is a next page, but no cursor"));
        };
        if cursor.len() > MAX_CURSOR {
            return Err(GraphError::invalid_list("the cursor of the next page is too long"));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::http::wire::Cursors;

    fn next(cursor: impl Into<String>) -> Paging {
        Paging { cursors: Some(Cursors { after: Some(cursor.into()) }), next: true }
    }

    fn end(mut step: impl FnMut(&mut PageCursor, usize) -> Result<bool, GraphError>) -> (usize, String) {
        let mut cursor = PageCursor::default();
        for page in 0.. {
            if let Err(error) = step(&mut cursor, page) {
                return (page, error.to_string());
            }
        }
        unreachable!("the list has an end")
    }

    #[test]
    fn a_list_without_an_end_is_given_up() {
        let number = |page: usize| Some(next(page.to_string()));
        let (pages, error) = end(|cursor, page| cursor.advance(1, number(page)));
        assert!(pages == MAX_PAGES - 1 && error.contains("too many pages"), "{pages}: {error}");
        let (pages, error) = end(|cursor, page| cursor.advance(MAX_ROWS / 2, number(page)));
        assert!(pages == 2 && error.contains("too many rows"), "{pages}: {error}");
        let (pages, error) = end(|cursor, page| cursor.advance(0, number(page)));
        assert!(pages == 19 && error.contains("20 empty pages"), "{pages}: {error}");
        let (pages, error) = end(|cursor, _| cursor.advance(1, Some(next("x".repeat(MAX_CURSOR + 1)))));
        assert!(pages == 0 && error.contains("too long"), "{pages}: {error}");
        let (pages, error) = end(|cursor, _| cursor.advance(1, Some(next("x"))));
        assert!(pages == 1 && error.contains("same cursor twice"), "{pages}: {error}");
    }
}
