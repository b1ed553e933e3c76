//! Takes the decisions of a review, and finds earlier ones.

use super::manifests::report;
use super::{EngineError, Events, Survey};
use crate::documents;
use crate::files;
use crate::model::{BusinessId, Name, Sources};
use crate::review::{self, LiveRows, RecordedReview, Review};
use std::io::{self, Read};
use std::path::Path;

/// The largest file of a review that is read, in bytes. A guess: a review of 200,000 rows has a line of 30 bytes for each.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads a table that reviewers filled, and compares it with live access. Errors in it are events.
///
/// # Errors
///
/// [`EngineError::Review`] if there is an error in the table.
pub fn take_review(
    survey: &Survey,
    file: &Path,
    text: String,
    reviewer: Option<&Name>,
    events: Events<'_>,
) -> Result<Review, EngineError> {
    let mut sources = Sources::default();
    let source = sources.add(file.display().to_string(), text);
    let text = sources.get(source).map_or("", |source| source.text.as_str());
    let answer = review::holders(survey.evidence());
    let live = LiveRows { desired: &survey.desired, answer: &answer };
    review::take(source, text, live, reviewer).map_err(|errors| match report(&errors, &sources, events) {
        Err(EngineError::Manifests(errors)) => EngineError::Review(errors),
        Err(other) => other,
        Ok(()) => EngineError::Review(errors.len()),
    })
}

/// Returns the reviews of a business among the files of a folder, in the order in which they were taken over, and what is wrong with
/// those that cannot be read. A folder that does not exist has none.
pub fn reviews(folder: &Path, business: BusinessId) -> (Vec<RecordedReview>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (found, wrong),
        Err(error) => return (found, vec![format!("{}: {error}", folder.display())]),
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.sort();
    for path in paths {
        let shown = path.display().to_string();
        let mut text = String::new();
        let read = files::open_bounded(&path, LARGEST).and_then(|mut file| file.read_to_string(&mut text));
        match read.map_err(|error| error.to_string()).and_then(|_| documents::read_review(&shown, &text)) {
            Ok(review) if review.business == business => found.push(review),
            Ok(_) => {}
            Err(why) => wrong.push(format!("{shown}: {why}")),
        }
    }
    found.sort_by_key(|review| review.taken_at);
    (found, wrong)
}
