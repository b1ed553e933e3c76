//! A report on access as a workbook: a cover, and a sheet for each table.
//!
//! Every text is written as a text, so none is a formula, and so are ids, which a spreadsheet would round. Rows are written as
//! they are made, so a large report takes little memory.

use super::cover::cover;
use super::table::ReportTable;
use super::table::sheet::{ReportSheet, TableCell};
use crate::query::AccessReport;
use crate::text::shorten;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, IgnoreError, Workbook, Worksheet, XlsxError,
};
use std::borrow::Cow;

/// The rows of a sheet, the head included: a limit of the format.
const MOST_ROWS: usize = 1_048_576;

/// The characters of a cell: a limit of the format.
const MOST_CHARACTERS: usize = 32_767;

/// The rows that stay in view: the head.
const FROZEN_ROWS: u32 = 1;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// A table has more rows than a sheet can have.
    #[error("the sheet {name} would have {rows} rows, and a sheet has at most {MOST_ROWS}")]
    TooLong {
        /// The name of the sheet.
        name: &'static str,
        /// Its rows.
        rows: usize,
    },
    /// The workbook cannot be made: the folder for temporary files is full, for example.
    #[error("making the workbook")]
    Write(#[from] XlsxError),
}

/// Returns a report as a workbook. `clean` removes secrets from a text.
///
/// # Errors
///
/// If a table is too long, or temporary files cannot be written.
pub fn access_report(
    report: &AccessReport<'_>,
    clean: &dyn for<'t> Fn(&'t str) -> Cow<'t, str>,
) -> Result<Vec<u8>, WorkbookError> {
    let tables =
        [ReportTable::Access, ReportTable::Changes, ReportTable::Differences, ReportTable::Unreadable];
    let sheets: Vec<ReportSheet<'_>> = tables.into_iter().filter_map(|table| report.sheet(table)).collect();
    for ReportSheet { name, length, .. } in &sheets {
        check_length(name, *length)?;
    }
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(report)?);
    let style = CellFormats::new();
    cover_sheet(report, workbook.add_worksheet(), &style, clean)?;
    for sheet in sheets {
        table_sheet(sheet, workbook.add_worksheet_with_constant_memory()?, &style, clean)?;
    }
    Ok(workbook.save_to_buffer()?)
}

/// Checks that a table fits into a sheet, with its head.
fn check_length(name: &'static str, rows: usize) -> Result<(), WorkbookError> {
    if rows < MOST_ROWS { Ok(()) } else { Err(WorkbookError::TooLong { name, rows }) }
}

/// The formats of cells.
struct CellFormats {
    head: Format,
    title: Format,
    text: Format,
    wrapped: Format,
}

impl CellFormats {
    fn new() -> Self {
        // `@` is the format of texts.
        let text = Format::new().set_num_format("@").set_align(FormatAlign::Top);
        Self {
            head: Format::new().set_bold().set_background_color(Color::RGB(0x00E8_ECF0)),
            title: Format::new().set_bold().set_font_size(13),
            wrapped: text.clone().set_text_wrap(),
            text,
        }
    }
}

/// Returns the properties of the file: without them, its bytes would depend on the time at which it is written.
fn properties(report: &AccessReport<'_>) -> Result<DocProperties, XlsxError> {
    let at = report.basis.created_at.to_zoned(TimeZone::UTC).datetime();
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    let created = ExcelDateTime::from_ymd(year, part(at.month()), part(at.day()))?;
    let created = created.and_hms(part(at.hour()).into(), part(at.minute()), f64::from(at.second()))?;
    let title = format!("Access of the business {}", report.basis.evidence.desired.business);
    Ok(DocProperties::new().set_title(title).set_creation_datetime(&created))
}

fn cover_sheet(
    report: &AccessReport<'_>,
    sheet: &mut Worksheet,
    style: &CellFormats,
    clean: &dyn for<'t> Fn(&'t str) -> Cow<'t, str>,
) -> Result<(), XlsxError> {
    sheet.set_name("Cover")?;
    sheet.set_column_width(0, 52)?;
    sheet.set_column_width(1, 90)?;
    let mut row = 0;
    for line in cover(report) {
        let label = TableCell::Text(line.label);
        match &line.value {
            None => {
                // An empty row before each part but the first.
                row += u32::from(row > 0);
                write(sheet, (row, 0), &label, &style.title, clean)?;
            }
            Some(value) => {
                write(sheet, (row, 0), &label, &style.text, clean)?;
                write(sheet, (row, 1), value, &style.wrapped, clean)?;
            }
        }
        row += 1;
    }
    Ok(())
}

fn table_sheet(
    table: ReportSheet<'_>,
    sheet: &mut Worksheet,
    style: &CellFormats,
    clean: &dyn for<'t> Fn(&'t str) -> Cow<'t, str>,
) -> Result<(), XlsxError> {
    sheet.set_name(table.name)?;
    sheet.set_freeze_panes(FROZEN_ROWS, 0)?;
    for (column, (name, width)) in (0u16..).zip(table.columns) {
        sheet.set_column_width(column, f64::from(*width))?;
        sheet.write_string_with_format(0, column, *name, &style.head)?;
    }
    let last_column = u16::try_from(table.columns.len() - 1).unwrap_or(u16::MAX);
    let last_row = u32::try_from(table.length).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, last_row, last_column)?;
    sheet.ignore_error_range(0, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
    for (row, cells) in (1u32..).zip(table.rows) {
        for (column, cell) in (0u16..).zip(&cells) {
            write(sheet, (row, column), cell, &style.text, clean)?;
        }
    }
    Ok(())
}

fn write(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &TableCell,
    format: &Format,
    clean: &dyn for<'t> Fn(&'t str) -> Cow<'t, str>,
) -> Result<(), XlsxError> {
    if let TableCell::Number(number) = cell {
        // No number of a report is so large that a spreadsheet would round it.
        #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        sheet.write_number(row, column, *number as f64)?;
        return Ok(());
    }
    let shown = cell.shown();
    if !shown.is_empty() {
        let clean = clean(&shown);
        // The format counts UTF-16 units, of which a character has at most two.
        let limit = if clean.len() > MOST_CHARACTERS { MOST_CHARACTERS / 2 - 1 } else { MOST_CHARACTERS };
        sheet.write_string_with_format(row, column, shorten(&clean, limit), format)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_does_not_fit_into_a_sheet_is_refused() {
        check_length("Access", MOST_ROWS - 1).unwrap();
        let error = check_length("Access", MOST_ROWS).unwrap_err().to_string();
        assert_eq!(error, "the sheet Access would have 1048576 rows, and a sheet has at most 1048576");
    }
}
