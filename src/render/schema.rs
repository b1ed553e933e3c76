//! The schemas of the JSON formats, made from the structs that are written. Knows nothing else.

use super::json;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// Returns the schema of a plan in JSON.
pub fn plan() -> String {
    pretty::<json::PlanDocument>("plan", "A plan of wabacl")
}

/// Returns the schema of a report in JSON.
pub fn report() -> String {
    pretty::<json::ReportDocument>("report", "A report of wabacl apply")
}

/// Returns the schema of diagnostics in JSON.
pub fn diagnostics() -> String {
    pretty::<json::DiagnosticsDocument>("diagnostics", "The diagnostics of wabacl validate")
}

/// Returns the schema of journals in JSON.
pub fn journal() -> String {
    pretty::<json::JournalDocument>("journal", "What the journals of wabacl apply tell")
}

fn pretty<T: JsonSchema>(name: &str, title: &str) -> String {
    let mut schema: Schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".into(), format!("urn:wabacl:schema:{name}:1").into());
    schema.insert("title".into(), title.into());
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
