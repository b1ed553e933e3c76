//! Lists of assignments that are nested in WABA nodes.

use super::assigned_users::{ASSIGNED_USER, AssignedRows};
use super::fields::{Field, Fields};
use super::paging::PageQuery;
use super::query::Query;
use super::rejection::Rejection;
use crate::emulator::world::Waba;
use crate::model::WabaId;
use serde_json::Value;
use std::cell::Cell;

/// The builder of a response's nested lists. It counts lists and rows.
pub(crate) struct NestedLists<'a> {
    query: &'a Query<'a>,
    business: String,
    fields: Fields,
    /// The number of rows in the response, including those of the WABAs.
    rows: Cell<usize>,
    lists: Cell<usize>,
}

impl<'a> NestedLists<'a> {
    /// Parses `assigned_users.business(…).limit(…).after(…){…}`.
    ///
    /// # Errors
    ///
    /// If `business` is absent, or rows lack a field.
    pub(crate) fn of(field: &Field, query: &'a Query<'a>) -> Result<Self, Rejection> {
        let business = field.modifier("business").ok_or_else(|| Rejection::missing("business"))?.to_owned();
        let fields = Fields::nested(field, &ASSIGNED_USER)?;
        Ok(Self { query, business, fields, rows: Cell::new(0), lists: Cell::new(0) })
    }

    /// Returns the number of lists so far.
    pub(crate) fn count(&self) -> usize {
        self.lists.get()
    }

    /// Counts a row of the outer list.
    ///
    /// # Errors
    ///
    /// If the response has too many rows.
    pub(crate) fn add_row(&self) -> Result<(), Rejection> {
        self.add_rows(1)
    }

    fn add_rows(&self, rows: usize) -> Result<(), Rejection> {
        self.rows.set(self.rows.get() + rows);
        if self.rows.get() > self.query.context.max_rows { Err(Rejection::too_many_rows()) } else { Ok(()) }
    }

    /// Returns the list of one WABA, or `None` if it is empty: the API leaves out the key.
    ///
    /// # Errors
    ///
    /// If the limit or the cursor is invalid, or the response has too many rows.
    pub(crate) fn list(&self, field: &Field, id: WabaId, waba: &Waba) -> Result<Option<Value>, Rejection> {
        let path = format!("{id}/assigned_users");
        let inside = Some(field.inside.as_str()).filter(|inside| !inside.is_empty());
        let page = PageQuery {
            root: &self.query.root,
            path: &path,
            limit: field.modifier("limit"),
            after: field.modifier("after"),
            before: field.modifier("before"),
            summary: field.modifier("summary"),
            max_rows: usize::MAX,
            params: [
                ("access_token", self.query.request.token.as_deref()),
                ("business", Some(&self.business)),
                ("fields", inside),
            ],
        };
        if waba.unreadable.is_some() {
            return Ok(Some(page.unfinished()));
        }
        let rows = AssignedRows::on(self.query.world(), id, waba, &self.business);
        let list = rows.page(page, &self.fields)?;
        let rows = list["data"].as_array().map_or(0, Vec::len);
        if rows == 0 {
            return Ok(None);
        }
        self.lists.set(self.lists.get() + 1);
        self.add_rows(rows)?;
        Ok(Some(list))
    }
}
