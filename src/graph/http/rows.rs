//! Pages of lists whose rows are read one by one if one of them cannot be read.

use super::wire::{ListPage, Paging};
use crate::graph::error::{GraphError, shorten};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

/// The most rows of a page that are reported one by one as unreadable. A guess: a page has 100 rows.
const MAX_BAD_ROWS: usize = 1_000;

/// A page with the rows that can be read, and the others.
#[derive(Debug)]
pub(in crate::graph) struct PageOfRows<T> {
    pub(in crate::graph) rows: Vec<T>,
    pub(in crate::graph) bad: Vec<BadRow>,
    pub(in crate::graph) paging: Option<Paging>,
}

/// A row that cannot be read.
#[derive(Debug)]
pub(in crate::graph) struct BadRow {
    pub(in crate::graph) row: Value,
    /// Which row and field, and what is wrong with it; escaped.
    pub(in crate::graph) what: String,
}

impl BadRow {
    /// Returns the id of the row, if that can be read.
    pub(in crate::graph) fn id<T: std::str::FromStr>(&self) -> Option<T> {
        id_text(&self.row)?.parse().ok()
    }
}

impl From<BadRow> for GraphError {
    fn from(bad: BadRow) -> Self {
        Self::UnknownForm { what: bad.what }
    }
}

/// Parses a page.
pub(super) fn page<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<PageOfRows<T>> {
    match serde_json::from_slice::<ListPage<T>>(body) {
        Ok(ListPage { data: rows, paging }) => Ok(PageOfRows { rows, bad: Vec::new(), paging }),
        Err(error) if error.is_data() => row_by_row(serde_json::from_slice(body)?),
        Err(error) => Err(error),
    }
}

/// # Errors
///
/// If too many rows cannot be read.
fn row_by_row<T: DeserializeOwned>(page: ListPage<Value>) -> serde_json::Result<PageOfRows<T>> {
    let (mut rows, mut bad) = (Vec::new(), Vec::<BadRow>::new());
    for (index, row) in page.data.into_iter().enumerate() {
        match T::deserialize(&row) {
            Ok(row) => rows.push(row),
            Err(error) => bad.push(BadRow { what: describe::<T>(index, &row, &error), row }),
        }
        if bad.len() > MAX_BAD_ROWS {
            let what = format!("more than {MAX_BAD_ROWS} rows cannot be read, first {}", bad[0].what);
            return Err(serde_json::Error::custom(what));
        }
    }
    Ok(PageOfRows { rows, bad, paging: page.paging })
}

/// Names the row, and the field that cannot be read.
fn describe<T: DeserializeOwned>(index: usize, row: &Value, error: &serde_json::Error) -> String {
    let id = id_text(row).map(|id| format!(" (id {})", shorten(&id))).unwrap_or_default();
    let field = bad_field::<T>(row).map(|name| format!(", field `{}`", shorten(name))).unwrap_or_default();
    format!("row {}{id}{field}: {}", index + 1, shorten(&error.to_string()))
}

/// Returns the first field that makes a row unreadable, although the id can be read.
fn bad_field<T: DeserializeOwned>(row: &Value) -> Option<&str> {
    let fields = row.as_object()?;
    let is_bad = |(name, value): (&String, &Value)| {
        let mut alone = Map::from_iter([(String::from("id"), Value::from("1"))]);
        alone.insert(name.clone(), value.clone());
        T::deserialize(&Value::Object(alone)).is_err()
    };
    fields.iter().find(|field| is_bad(*field)).map(|(name, _)| name.as_str())
}

fn id_text(row: &Value) -> Option<String> {
    let id = row.get("id")?;
    id.as_str().map(str::to_owned).or_else(|| id.as_u64().map(|id| id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::http::wire::{AssignedUserRow, SystemUserRow};
    use serde_json::json;

    fn bad<T: DeserializeOwned>(rows: &Value) -> (usize, Vec<String>) {
        let body = json!({ "data": rows }).to_string();
        let page: PageOfRows<T> = page(body.as_bytes()).unwrap();
        (page.rows.len(), page.bad.into_iter().map(|bad| bad.what).collect())
    }

    #[test]
    fn a_row_of_another_form_is_named_with_its_field_and_hides_no_other() {
        let good = json!({ "id": "100", "name": "ci", "role": "ADMIN" });
        let (rows, bad_users) = bad::<SystemUserRow>(&json!([
            good, { "id": "101", "name": 7 }, { "name": "no id" }, 5, { "id": true }
        ]));
        assert_eq!(rows, 1);
        assert_eq!(
            bad_users,
            [
                "row 2 (id 101), field `name`: invalid type: integer `7`, expected a string",
                "row 3: missing field `id`",
                "row 4: invalid type: integer `5`, expected struct SystemUserRow",
                "row 5, field `id`: invalid type: boolean `true`, expected an id",
            ]
        );
        let (_, bad_tasks) = bad::<AssignedUserRow>(&json!([{ "id": 7, "tasks": "MANAGE" }]));
        assert_eq!(
            bad_tasks,
            ["row 1 (id 7), field `tasks`: invalid type: string \"MANAGE\", expected a sequence"]
        );
    }

    #[test]
    fn a_page_that_is_no_list_is_an_error() {
        assert!(page::<SystemUserRow>(br#"{"data":{}}"#).unwrap_err().is_data());
        assert!(page::<SystemUserRow>(br#"{"data":["#).unwrap_err().is_eof());
    }
}
