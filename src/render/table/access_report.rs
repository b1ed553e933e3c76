//! A report on live access as a table in CSV: a row for each holder on a WABA.

use super::{cell, line, list, name, table, tasks, word};
use crate::documents::words::StandingWord;
use crate::model::GrantSource;
use crate::query::{AccessReport, Holding};
use crate::text::csv_id;
use std::io;

/// The columns of a report.
const COLUMNS: [&str; 25] = [
    "business",
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
    "privileged",
    "granted",
    "granted_by",
    "exception",
    "reason",
    "until",
    "since",
    "last_written",
    "last_run",
    "actor",
    "approver",
    "commit",
    "pull_request",
    "run_url",
];

/// Writes the holders of a report, by WABA and then by user.
///
/// # Errors
///
/// If the writer fails.
pub fn access_report(report: &AccessReport<'_>, to: impl io::Write) -> io::Result<()> {
    let mut writer = table(&COLUMNS, to)?;
    for holding in &report.answer.holders {
        writer.write_record(cells(report, holding))?;
    }
    writer.flush()
}

fn cells(report: &AccessReport<'_>, holding: &Holding<'_>) -> [String; COLUMNS.len()] {
    let AccessReport { evidence, sources, .. } = report;
    let (waba, user) = (evidence.waba_name(holding.key.waba), evidence.user_name(holding.key));
    let grants = || evidence.entries(&holding.given_by);
    let of_grants = |part: &dyn Fn(&GrantSource) -> Option<String>| {
        let parts: Vec<String> = grants().filter_map(|entry| part(&entry.source)).collect();
        list(parts.iter().map(String::as_str))
    };
    let write = report.last_write(holding);
    let origin = |key| name(write.and_then(|(run, ..)| run.origin.get(key)));
    let at = write.map(|(_, write, _)| write.at.to_string()).unwrap_or_default();
    let is_as_written = write.is_some_and(|(.., as_written)| as_written);
    [
        csv_id(evidence.desired.business),
        csv_id(holding.key.waba),
        name(waba.name),
        name(waba.live_name),
        csv_id(holding.key.user),
        name(user.name),
        name(user.live_name),
        word(StandingWord::from(holding.standing)),
        holding.own.to_string(),
        tasks(holding.tasks),
        holding.by_role.to_string(),
        report.is_privileged(holding).to_string(),
        report.is_granted(holding).to_string(),
        of_grants(&|grant| Some(line(grant, sources))),
        grants().any(|entry| entry.is_exception).to_string(),
        of_grants(&|grant| grant.reason.as_ref().map(|reason| reason.as_str().to_owned())),
        of_grants(&|grant| grant.until.map(|until| until.to_string())),
        if is_as_written { at.clone() } else { String::new() },
        at,
        write.map(|(run, ..)| cell(run.id.as_str())).unwrap_or_default(),
        origin("actor"),
        origin("approver"),
        origin("commit"),
        origin("pull_request"),
        origin("run_url"),
    ]
}
