//! Takes the decisions of a review.

use super::manifests::report;
use super::{EngineError, Events, Survey};
use crate::model::{Name, Sources};
use crate::review::{self, LiveRows, Review};
use std::path::Path;

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
