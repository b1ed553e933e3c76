//! The names that manifests declare, also those with errors.

use super::raw::Entries;
use super::yaml;
use crate::diagnostic::Collector;
use crate::model::{SourceId, Sources};
use std::collections::BTreeSet;

/// The names that manifests declare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestNames {
    /// The WABAs.
    pub wabas: BTreeSet<String>,
    /// The system users.
    pub users: BTreeSet<String>,
}

/// Returns the names in all documents and tables, as far as they can be parsed. Nothing else is checked.
pub fn names(sources: &Sources) -> ManifestNames {
    let mut names = ManifestNames::default();
    let mut errors = Collector::default();
    for (source, text) in sources.manifests() {
        for document in yaml::parse(source, &text.text, &mut errors) {
            names.wabas.extend(keys(document.value.wabas));
            names.users.extend(keys(document.value.system_users));
        }
    }
    let manifests: BTreeSet<SourceId> = sources.manifests().map(|(source, _)| source).collect();
    let tables = sources.iter().filter(|(source, _)| !manifests.contains(source));
    names.wabas.extend(tables.flat_map(|(_, table)| names_in_table(&table.text)));
    names
}

/// Returns the values in the column `name`.
fn names_in_table(text: &str) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let column =
        reader.headers().ok().and_then(|header| header.iter().position(|name| name.trim() == "name"));
    let Some(column) = column else { return Vec::new() };
    let rows = reader.records().filter_map(Result::ok);
    let names = rows.filter_map(|row| Some(row.get(column)?.trim().to_owned()));
    names.filter(|name| !name.is_empty()).collect()
}

fn keys<V>(entries: Option<Entries<V>>) -> impl Iterator<Item = String> {
    entries.into_iter().flat_map(|entries| entries.items).map(|(name, _)| name.text)
}
