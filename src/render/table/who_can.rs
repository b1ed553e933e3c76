//! The answer of `who-can` as a table in CSV: a row for each holder on a WABA.

use super::{cell, line, list, name, table, tasks, word};
use crate::documents::words::StandingWord;
use crate::query::{Holding, WhoCan};
use crate::text::csv_id;
use std::io;

/// The columns of an answer.
const COLUMNS: [&str; 12] = [
    "waba_id",
    "waba",
    "waba_live_name",
    "user_id",
    "user",
    "user_live_name",
    "standing",
    "own",
    "holds",
    "by_role",
    "desired",
    "granted_by",
];

/// Writes the holders of an answer, by WABA and then by user.
///
/// # Errors
///
/// If the writer fails.
pub fn who_can(answered: &WhoCan<'_>, to: impl io::Write) -> io::Result<()> {
    let mut writer = table(&COLUMNS, to)?;
    for holding in &answered.answer.holders {
        writer.write_record(cells(answered, holding))?;
    }
    writer.flush()
}

fn cells(answered: &WhoCan<'_>, holding: &Holding<'_>) -> [String; COLUMNS.len()] {
    let WhoCan { evidence, sources, .. } = answered;
    let (waba, user) = (evidence.waba_name(holding.key.waba), evidence.user_name(holding.key));
    let lines = evidence.entries(&holding.given_by).map(|entry| line(&entry.source, sources));
    let lines: Vec<String> = lines.collect();
    [
        csv_id(holding.key.waba),
        name(waba.name),
        name(waba.live_name),
        answered.user_id(holding.key.user).map(csv_id).unwrap_or_default(),
        name(user.name),
        name(user.live_name),
        word(StandingWord::from(holding.standing)),
        cell(&holding.own.to_string()),
        tasks(holding.tasks),
        cell(&holding.by_role.to_string()),
        cell(&holding.is_desired.to_string()),
        list(lines.iter().map(String::as_str)),
    ]
}
