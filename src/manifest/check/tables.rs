//! WABAs from CSV files.
//!
//! A row becomes what the parser makes of an entry of `wabas`, so both are checked by the same code.

use super::Checker;
use super::declarations::Declarations;
use crate::diagnostic::{self, Diagnostic};
use crate::manifest::raw::{Entries, RawWaba};
use crate::manifest::scalar::{
    AcceptText, BooleanText, IdText, LabelText, Location, NameText, PruneText, SharedText, TableText,
};
use crate::manifest::yaml;
use crate::model::{Name, SourceId};
use csv::{ReaderBuilder, StringRecord};
use std::collections::BTreeSet;

/// The maximum number of rows of a file. A guess: many times the largest estate.
const ROWS: usize = 500_000;
/// The maximum number of columns of a file. A guess: more labels than anybody keeps apart.
const COLUMNS: usize = 1_000;

/// The columns that a file may have besides `label:KEY`.
const KNOWN: [&str; 7] = ["id", "name", "shared", "line_of_credit", "prune", "gone", "accept"];
/// The columns that a file must have.
const REQUIRED: [&str; 2] = ["id", "name"];
/// The start of the names of columns for labels.
const LABEL: &str = "label:";

/// A row of a file.
struct Row {
    line: u32,
    /// The column of the text, in characters, at which each cell starts.
    starts: Vec<u32>,
    cells: StringRecord,
}

/// What is wrong with a line, and where.
type SyntaxError = (Location, &'static str);

impl Checker<'_> {
    /// Adds the WABAs of CSV files. A file that is named twice counts once.
    pub(super) fn wabas_from(&mut self, names: Vec<TableText>, declarations: &mut Declarations) {
        for TableText { text, location } in names {
            let at = self.at(location);
            match self.sources.table(self.source, &text) {
                Some(Ok(table)) if self.tables.insert(*table) => {
                    let manifest = std::mem::replace(&mut self.source, *table);
                    if let Err(found) = self.table(*table, declarations) {
                        self.report(found);
                        // The rest of the file may declare names that are missing.
                        self.incomplete = true;
                    }
                    self.source = manifest;
                }
                Some(Ok(_)) => {}
                unread => {
                    let why = unread.and_then(|why| why.as_ref().err()).map_or("it was not read", |why| why);
                    self.report(diagnostic::unreadable_table(at, &text, why));
                    self.incomplete = true;
                }
            }
        }
    }

    /// Adds the WABAs of a file. Returns an error after which the rest of the file is not known.
    fn table(&mut self, source: SourceId, declarations: &mut Declarations) -> Result<(), Diagnostic> {
        let text = self.sources.get(source).map_or("", |source| source.text.as_str());
        if let Some(found) = yaml::forbidden(source, text) {
            return Err(found);
        }
        let mut rows = rows(text);
        let syntax = |(location, why), at: &Self| diagnostic::table_syntax(at.at(location), why);
        let Some(header) = rows.next() else {
            return Err(diagnostic::missing_column(self.at(Location { line: 1, column: 1 }), "id"));
        };
        let header = header.map_err(|error| syntax(error, self))?;
        self.check_header(&header)?;
        for (number, row) in (1..).zip(rows) {
            let row = row.map_err(|error| syntax(error, self))?;
            if number > ROWS {
                return Err(diagnostic::table_limit(self.at(row.location(0)), "500,000 rows"));
            }
            self.row(&header, &row, declarations);
        }
        Ok(())
    }

    /// Checks the names of the columns. Returns an error if the rows cannot be read without what is wrong.
    fn check_header(&mut self, header: &Row) -> Result<(), Diagnostic> {
        if header.cells.len() > COLUMNS {
            return Err(diagnostic::table_limit(self.at(header.location(COLUMNS)), "1,000 columns"));
        }
        let mut seen = BTreeSet::new();
        for (index, column) in header.cells.iter().enumerate() {
            let at = self.at(header.location(index));
            if !KNOWN.contains(&column) && column.strip_prefix(LABEL).is_none_or(str::is_empty) {
                self.report(diagnostic::unknown_column(at, column, &KNOWN));
            } else if !seen.insert(column) {
                return Err(diagnostic::duplicate_column(at, column));
            }
        }
        match REQUIRED.iter().find(|column| !seen.contains(*column)) {
            Some(column) => Err(diagnostic::missing_column(self.at(header.location(0)), column)),
            None => Ok(()),
        }
    }

    /// Adds the WABA of a row.
    fn row(&mut self, header: &Row, row: &Row, declarations: &mut Declarations) {
        if row.cells.len() != header.cells.len() {
            let at = self.at(row.location(header.cells.len()));
            self.report(diagnostic::table_cells(at, row.cells.len(), header.cells.len()));
        }
        let (name, waba) = row.waba(header);
        let missing = if waba.id.is_none() { Some("id") } else { name.text.is_empty().then_some("name") };
        if let Some(column) = missing {
            self.report(diagnostic::missing_cell(self.at(row.location(0)), column));
            declarations.invalid_wabas.insert(Name::new(name.text));
            return;
        }
        self.declare_waba(&name, waba, declarations);
    }
}

impl Row {
    fn location(&self, index: usize) -> Location {
        let column = self.starts.get(index).or(self.starts.first()).copied().unwrap_or(1);
        Location { line: self.line, column }
    }

    /// Converts the cells that are not empty to what the parser makes of an entry of `wabas`.
    fn waba(&self, header: &Self) -> (NameText, RawWaba) {
        let mut waba = RawWaba::default();
        let mut labels = Vec::new();
        let mut name = NameText { text: String::new(), location: self.location(0) };
        for (index, (column, cell)) in header.cells.iter().zip(&self.cells).enumerate() {
            if cell.is_empty() {
                continue;
            }
            let (text, location) = (cell.to_owned(), self.location(index));
            match column {
                "id" => waba.id = Some(IdText { text, location }),
                "name" => name = NameText { text, location },
                "shared" => waba.shared = Some(SharedText { text, location }),
                "line_of_credit" => waba.line_of_credit = Some(BooleanText { text, location }),
                "prune" => waba.prune = Some(PruneText { text, location }),
                "gone" => waba.gone = Some(BooleanText { text, location }),
                // Several codes are separated by spaces.
                "accept" => waba.accept = Some(words(&text, location)),
                label => {
                    // An unknown column was reported with the header.
                    let key = label.strip_prefix(LABEL).unwrap_or_default().to_owned();
                    let key = NameText { text: key, location: header.location(index) };
                    labels.push((key, LabelText { text, location }));
                }
            }
        }
        waba.labels = Some(Entries { items: labels, merges: Vec::new(), location: self.location(0) });
        (name, waba)
    }
}

fn words(text: &str, location: Location) -> Vec<AcceptText> {
    text.split_whitespace().map(|word| AcceptText { text: word.to_owned(), location }).collect()
}

/// Returns the rows of a file, without empty lines. Each is one line, because no cell may hold a line break; so lines and
/// records of the CSV reader correspond until the first error.
fn rows(text: &str) -> impl Iterator<Item = Result<Row, SyntaxError>> {
    let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
    lines.zip(reader.into_records()).map(|((line, text), record)| {
        let starts = starts(line, text)?;
        let invalid = (Location { line, column: 1 }, "it is not valid CSV");
        Ok(Row { line, starts, cells: record.map_err(|_| invalid)? })
    })
}

/// Where in a cell a character is.
#[derive(Clone, Copy)]
enum InCell {
    Start,
    Plain,
    Quoted,
    /// Behind a quote, which ends the cell or is the first of two that stand for one.
    Closed,
}

/// Returns the columns at which the cells of a line start, from 1, in characters.
fn starts(line: u32, text: &str) -> Result<Vec<u32>, SyntaxError> {
    let mut starts = vec![1];
    let mut state = InCell::Start;
    for (column, char) in (1..).zip(text.chars()) {
        state = match (state, char) {
            (InCell::Quoted, '"') => InCell::Closed,
            (InCell::Quoted, _) | (InCell::Start | InCell::Closed, '"') => InCell::Quoted,
            (InCell::Start | InCell::Plain | InCell::Closed, ',') => {
                starts.push(column + 1);
                InCell::Start
            }
            (InCell::Closed, _) => return Err((Location { line, column }, "text follows a closing quote")),
            (InCell::Start | InCell::Plain, _) => InCell::Plain,
        };
    }
    match (state, starts.last()) {
        (InCell::Quoted, Some(&column)) => {
            Err((Location { line, column }, "the quote of this cell is not closed on its line"))
        }
        _ => Ok(starts),
    }
}
