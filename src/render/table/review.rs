//! The table of a review: a row for each holder on a WABA, with empty cells for the decision.

use super::{line, list, name, tasks, word};
use crate::documents::words::StandingWord;
use crate::model::{GrantSource, Sources, access};
use crate::query::{Answer, Evidence, Holding};
use crate::review::{self, COLUMNS as DECISION, MARK, ROW};
use crate::text::cells::{Quotes, write_row};
use crate::text::csv_id;
use std::io;

/// The columns that say what is reviewed.
const REVIEWED: [&str; 11] = [
    "waba_id",
    "waba",
    "user_id",
    "user",
    "standing",
    "holds",
    "by_role",
    "privileged",
    "granted_by",
    "reason",
    "until",
];

/// Writes the table of a review, by WABA and then by user.
///
/// # Errors
///
/// If the writer fails.
pub fn review(
    evidence: Evidence<'_>,
    answer: &Answer<'_>,
    sources: &Sources,
    mut to: impl io::Write,
) -> io::Result<()> {
    let digests = review::rows(answer);
    let mark = review::mark(evidence.desired.business, &digests);
    write_row(REVIEWED.iter().chain(&DECISION).chain(&[ROW, MARK]), Quotes::All, &mut to)?;
    for (holding, digest) in answer.holders.iter().zip(digests) {
        let empty = DECISION.map(|_| String::new());
        let cells = cells(evidence, holding, sources);
        write_row(cells.iter().chain(&empty).chain(&[digest, mark.clone()]), Quotes::All, &mut to)?;
    }
    to.flush()
}

fn cells(evidence: Evidence<'_>, holding: &Holding<'_>, sources: &Sources) -> [String; REVIEWED.len()] {
    let of_grants = |part: &dyn Fn(&GrantSource) -> Option<String>| {
        let parts = evidence.entries(&holding.given_by).filter_map(|entry| part(&entry.source));
        let parts: Vec<String> = parts.collect();
        list(parts.iter().map(String::as_str))
    };
    [
        csv_id(holding.key.waba),
        name(evidence.waba_name(holding.key.waba).name),
        csv_id(holding.key.user),
        name(evidence.user_name(holding.key).name),
        word(StandingWord::from(holding.standing)),
        tasks(holding.tasks),
        holding.by_role.to_string(),
        access(holding.tasks, holding.by_role).is_full().to_string(),
        of_grants(&|grant| Some(line(grant, sources))),
        of_grants(&|grant| grant.reason.as_ref().map(|reason| reason.as_str().to_owned())),
        of_grants(&|grant| grant.until.map(|until| until.to_string())),
    ]
}
