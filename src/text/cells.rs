//! Writes rows of CSV, and reads what a spreadsheet saved as CSV.

use std::io;

/// Which cells are put in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// All: in some countries a spreadsheet splits others at `;`.
    All,
    /// Those that need them.
    Needed,
}

/// Returns a row, with a line feed at its end.
pub(crate) fn row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>, quotes: Quotes) -> String {
    let mut row = String::new();
    for (index, cell) in cells.into_iter().enumerate() {
        let cell = cell.as_ref();
        if index > 0 {
            row.push(',');
        }
        if quotes == Quotes::All || cell.contains([',', '"', '\'', '\n', '\r']) {
            row.extend(["\"", &cell.replace('"', "\"\""), "\""]);
        } else {
            row.push_str(cell);
        }
    }
    row.push('\n');
    row
}

/// Writes a row.
///
/// # Errors
///
/// If the writer fails.
pub(crate) fn write_row<S: AsRef<str>>(
    cells: impl IntoIterator<Item = S>,
    quotes: Quotes,
    mut to: impl io::Write,
) -> io::Result<()> {
    to.write_all(row(cells, quotes).as_bytes())
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line on which it begins, from 1. A cell in quotes can hold line breaks.
    pub(crate) line: u32,
    /// The cells.
    pub(crate) cells: Vec<String>,
}

/// Why a file cannot be read as CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The line on which the row or the cell begins, from 1.
    pub(crate) line: u32,
    pub(crate) why: &'static str,
}

/// The separators that spreadsheets use, by country and program.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// Returns the separator of a file: the one that the first line has most of, outside of quotes.
fn separator(text: &str) -> char {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut is_quoted = false;
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\n' | '\r' if !is_quoted => break,
            _ => {}
        }
        if let Some(index) = SEPARATORS.iter().position(|separator| *separator == c && !is_quoted) {
            counts[index] += 1;
        }
    }
    // The first of several equal ones: a file with one column has none.
    let most = counts.iter().max().copied().unwrap_or_default();
    counts.iter().position(|count| *count == most).map_or(',', |index| SEPARATORS[index])
}

/// Reads the rows of a file. The separator is found out; a byte order mark, empty rows, and a first line `sep=;`, which Excel
/// writes, are left out.
///
/// # Errors
///
/// If a cell in quotes does not end, or text follows its end.
pub(crate) fn read(text: &str) -> Result<Vec<Row>, SyntaxError> {
    let text = text.trim_start_matches('\u{feff}');
    let (line, text, separator) = match text.strip_prefix("sep=") {
        Some(rest) => {
            let (first, rest) = rest.split_once('\n').unwrap_or((rest, ""));
            (2, rest, first.chars().next().unwrap_or(','))
        }
        None => (1, text, separator(text)),
    };
    let mut reader = Reader { separator, line, row: Row { line, cells: Vec::new() }, rows: Vec::new() };
    reader.read(text)?;
    Ok(reader.rows)
}

struct Reader {
    separator: char,
    /// The current line.
    line: u32,
    row: Row,
    rows: Vec<Row>,
}

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), SyntaxError> {
        let mut chars = text.chars().peekable();
        let mut cell = String::new();
        loop {
            if cell.is_empty() && chars.next_if_eq(&'"').is_some() {
                cell = self.quoted(&mut chars)?;
                // An empty cell in quotes is complete as well.
                let ends = |c: &char| *c == self.separator || matches!(*c, '\n' | '\r');
                if chars.peek().is_some_and(|c| !ends(c)) {
                    return Err(SyntaxError { line: self.line, why: "text follows a closing quote" });
                }
            }
            match chars.next() {
                Some(c) if c == self.separator => self.row.cells.push(std::mem::take(&mut cell)),
                Some('\r') if chars.peek() == Some(&'\n') => {}
                Some('\n' | '\r') => self.end_row(std::mem::take(&mut cell)),
                Some(c) => cell.push(c),
                None => {
                    self.end_row(cell);
                    return Ok(());
                }
            }
        }
    }

    /// Reads the rest of a cell in quotes.
    fn quoted(
        &mut self,
        chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    ) -> Result<String, SyntaxError> {
        let begins = self.line;
        let mut cell = String::new();
        loop {
            match chars.next() {
                Some('"') if chars.next_if_eq(&'"').is_some() => cell.push('"'),
                Some('"') => return Ok(cell),
                Some(c) => {
                    self.line += u32::from(c == '\n');
                    cell.push(c);
                }
                None => return Err(SyntaxError { line: begins, why: "the quote of a cell is not closed" }),
            }
        }
    }

    fn end_row(&mut self, cell: String) {
        self.line += 1;
        let next = Row { line: self.line, cells: Vec::new() };
        let mut row = std::mem::replace(&mut self.row, next);
        row.cells.push(cell);
        if row.cells.iter().any(|cell| !cell.trim().is_empty()) {
            self.rows.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str) -> Vec<(u32, Vec<String>)> {
        read(text).unwrap().into_iter().map(|row| (row.line, row.cells)).collect()
    }

    fn row(line: u32, cells: &[&str]) -> (u32, Vec<String>) {
        (line, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_spreadsheets_save_is_read() {
        let expected = [row(1, &["id", "note"]), row(2, &["1", "a, \"b\"; c"])];
        for text in [
            "id,note\n1,\"a, \"\"b\"\"; c\"\n",
            "\u{feff}id,note\r\n1,\"a, \"\"b\"\"; c\"\r\n\r\n",
            "id;note\r\n1;\"a, \"\"b\"\"; c\"",
            "\"id\";\"note\"\r\n\"1\";\"a, \"\"b\"\"; c\"\r\n;\r\n",
            "id\tnote\n1\t\"a, \"\"b\"\"; c\"\n",
            "id,note\r1,\"a, \"\"b\"\"; c\"\r",
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
        assert_eq!(rows("sep=;\r\nid;note\r\n"), [row(2, &["id", "note"])]);
        assert_eq!(
            rows("a,b\n\"x\ny\",z\n1,2\n"),
            [row(1, &["a", "b"]), row(2, &["x\ny", "z"]), row(4, &["1", "2"])]
        );
        assert_eq!(rows("a,b\n\"\",x\n"), [row(1, &["a", "b"]), row(2, &["", "x"])]);
        assert_eq!(rows("\n \n"), []);
    }

    #[test]
    fn what_is_no_table_is_an_error_with_its_line() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error("a\n\"x\ny").line, 2);
        assert_eq!(error("a\n\"x\" y\n"), SyntaxError { line: 2, why: "text follows a closing quote" });
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in proptest::collection::vec("[a\",;'\n \u{e9}]{0,6}", 2..5)) {
            let mut text = Vec::new();
            write_row(["x"; 5], Quotes::All, &mut text).unwrap();
            for quotes in [Quotes::All, Quotes::Needed] {
                write_row(&cells, quotes, &mut text).unwrap();
            }
            let read = read(std::str::from_utf8(&text).unwrap()).unwrap();
            let is_empty = cells.iter().all(|cell| cell.trim().is_empty());
            let expected = if is_empty { vec![] } else { vec![cells.clone(), cells] };
            let found: Vec<Vec<String>> = read.into_iter().skip(1).map(|row| row.cells).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_text_is_too_much(text in "[,;\t\"\r\n a\u{feff}=sep]{0,40}") {
            let _ = read(&text);
        }
    }
}
