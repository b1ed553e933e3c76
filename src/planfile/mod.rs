//! Saved plans: a plan as a file that can be looked at, passed on, and applied exactly as it is.
//!
//! The file is complete: nothing else is needed to show it or to judge it again. Its digest covers all of it and finds
//! damage, not forgery. This module must not know how a plan is shown, nor what applying one takes.

mod convert;
mod document;
mod error;
#[cfg(test)]
mod tests;

pub use document::SavedPlan;
pub use error::PlanFileError;

use crate::files;
use crate::proposal::Proposal;
use document::SavedPlan as Document;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// The version of the format: a minor version only adds, and readers refuse a newer major one.
pub const FORMAT_VERSION: &str = "1.0";
/// The key under which the digest stands.
const DIGEST: &str = "digest";
/// No plan is larger than this, in bytes: some millions of assignments.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Writes a plan to a file: whole or not at all, for its owner alone.
///
/// # Errors
///
/// [`PlanFileError::Write`] where the file cannot be written; what stood there before still does.
pub fn save(proposal: &Proposal, path: &Path) -> Result<(), PlanFileError> {
    let text = to_json(proposal);
    files::replace(path, files::OWNER_ONLY, |to| to.write_all(text.as_bytes()))
        .map_err(|source| PlanFileError::Write { path: path.to_owned(), source })
}

/// Reads a saved plan.
///
/// # Errors
///
/// Where the file cannot be read, is no saved plan, is of a newer format, or is not as it was written.
pub fn load(path: &Path) -> Result<Proposal, PlanFileError> {
    let fails = |source| PlanFileError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    files::open_bounded(path, LARGEST).and_then(|mut file| file.read_to_end(&mut text)).map_err(fails)?;
    from_json(&text).map_err(|error| error.at(path))
}

/// Returns a saved plan as text.
fn to_json(proposal: &Proposal) -> String {
    let mut value = serde_json::to_value(convert::document(proposal)).expect("a saved plan is plain JSON");
    let digest = digest(&value);
    if let Value::Object(object) = &mut value {
        object.insert(DIGEST.to_owned(), digest.into());
    }
    canonical(&value) + "\n"
}

fn from_json(text: &[u8]) -> Result<Proposal, PlanFileError> {
    let none = |error: serde_json::Error| PlanFileError::NoPlan {
        path: Path::new("").into(),
        why: error.to_string(),
    };
    let mut value: Value = serde_json::from_slice(text).map_err(none)?;
    let version = value.get("format_version").and_then(Value::as_str).unwrap_or_default().to_owned();
    let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match (major(&version), major(FORMAT_VERSION)) {
        (Some(has), Some(known)) if has > known => {
            return Err(PlanFileError::Newer { path: Path::new("").into(), version });
        }
        (Some(_), _) => {}
        (None, _) => {
            let why = String::from("it has no `format_version`");
            return Err(PlanFileError::NoPlan { path: Path::new("").into(), why });
        }
    }
    let told = value.as_object_mut().and_then(|object| object.remove(DIGEST));
    if told.as_ref().and_then(Value::as_str) != Some(&digest(&value)) {
        return Err(PlanFileError::Altered { path: Path::new("").into() });
    }
    let document: Document = serde_json::from_value(value).map_err(none)?;
    convert::proposal(document).map_err(|why| PlanFileError::NoPlan { path: Path::new("").into(), why })
}

/// Returns the digest of a document without one: of its canonical form, however it was laid out.
fn digest(value: &Value) -> String {
    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(canonical(value)) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// Writes a document without spaces and with its keys in order. What could steer a terminal or a pipeline stands
/// escaped, so that the file can be looked at.
fn canonical(value: &Value) -> String {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len() + 2);
    for c in plain.chars() {
        let is_plain = c.is_ascii() && c != '#' && c != '\u{7f}';
        // Whatever is not plain stands in a string.
        if !is_plain && (c == '#' || crate::text::escape(c.encode_utf8(&mut [0; 4])) != c.to_string()) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns the JSON Schema of a saved plan.
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document>();
    schema.insert("$id".into(), "urn:wabacl:schema:saved-plan:1".into());
    schema.insert("title".into(), "A saved plan of wabacl".into());
    format!("{:#}\n", schema.to_value())
}
