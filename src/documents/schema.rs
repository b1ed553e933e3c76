//! The JSON Schemas of the documents, generated from the types that are read and written.

use super::access_report::AccessReportDocument;
use super::access_tests::TestsDocument;
use super::diagnostics::DiagnosticsDocument;
use super::estate_diff::EstateDiffDocument;
use super::explain::ExplainDocument;
use super::journal::JournalDocument;
use super::plan::PlanDocument;
use super::report::ReportDocument;
use super::review::ReviewDocument;
use super::status::StatusDocument;
use super::who_can::WhoCanDocument;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The fields of a plan document that only a saved plan has.
const ONLY_SAVED: [&str; 2] = ["evidence", "digest"];

/// The fields of a plan document that a saved plan lacks.
const NEVER_SAVED: [&str; 4] = ["violations", "waived", "expiring", "tests"];

/// Returns the schema of `plan --format json` and `drift --format json`.
pub fn plan() -> String {
    let mut schema = of::<PlanDocument<'_>>("plan", "A plan of wabacl");
    without(&mut schema, &ONLY_SAVED);
    require(&mut schema, &["violations", "waived"]);
    text(schema)
}

/// Returns the schema of the file that `plan --out` writes.
pub fn saved_plan() -> String {
    let mut schema = of::<PlanDocument<'_>>("saved-plan", "A saved plan of wabacl");
    let description = "A plan that can be shown and applied later. Its violations are found again then.";
    schema.insert("description".into(), description.into());
    without(&mut schema, &NEVER_SAVED);
    require(&mut schema, &ONLY_SAVED);
    text(schema)
}

/// Returns the schema of `apply --format json`.
pub fn report() -> String {
    text(of::<ReportDocument<'_>>("report", "A report of wabacl apply"))
}

/// Returns the schema of `validate --format json`.
pub fn diagnostics() -> String {
    text(of::<DiagnosticsDocument<'_>>("diagnostics", "The diagnostics of wabacl validate"))
}

/// Returns the schema of `journal --format json`.
pub fn journal() -> String {
    text(of::<JournalDocument<'_>>("journal", "The journals of wabacl apply"))
}

/// Returns the schema of `who-can --format json`.
pub fn who_can() -> String {
    text(of::<WhoCanDocument<'_>>("who-can", "The answer of wabacl who-can"))
}

/// Returns the schema of `explain --format json`.
pub fn explain() -> String {
    text(of::<ExplainDocument<'_>>("explain", "An assignment that wabacl explains"))
}

/// Returns the schema of `snapshot --diff OLD --format json`.
pub fn snapshot_diff() -> String {
    text(of::<EstateDiffDocument<'_>>("snapshot-diff", "What differs between two snapshots of wabacl"))
}

/// Returns the schema of `report --format json`.
pub fn access_report() -> String {
    text(of::<AccessReportDocument<'_>>("access-report", "A report of wabacl on live access"))
}

/// Returns the schema of the file that `review --take` writes.
pub fn review() -> String {
    text(of::<ReviewDocument<'_>>("review", "A review of access by wabacl"))
}

/// Returns the schema of `test --format json`.
pub fn tests() -> String {
    text(of::<TestsDocument<'_>>("tests", "The results of wabacl test"))
}

/// Returns the schema of `/status` of `wabacl reconcile`.
pub fn status() -> String {
    text(of::<StatusDocument<'_>>("status", "The status of wabacl reconcile"))
}

fn of<T: JsonSchema>(name: &str, title: &str) -> Schema {
    let open = RecursiveTransform(allow_more_fields);
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(open);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("$id".into(), format!("urn:wabacl:schema:{name}:2").into());
    schema.insert("title".into(), title.into());
    schema
}

/// Allows fields that are not known: a minor version may add them.
fn allow_more_fields(schema: &mut Schema) {
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        schema.remove("additionalProperties");
    }
}

/// Returns a schema as text.
fn text(mut schema: Schema) -> String {
    drop_unused(&mut schema);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text + "\n"
}

fn without(schema: &mut Schema, fields: &[&str]) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !fields.contains(&name.as_str()));
    }
}

fn require(schema: &mut Schema, fields: &[&str]) {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.extend(fields.iter().map(|field| Value::from(*field)));
    }
}

/// Drops the definitions to which nothing refers.
fn drop_unused(schema: &mut Schema) {
    loop {
        let text = schema.as_value().to_string();
        let is_used = |name: &str| text.contains(&format!("\"#/$defs/{name}\""));
        let Some(Value::Object(definitions)) = schema.get_mut("$defs") else { return };
        let before = definitions.len();
        definitions.retain(|name, _| is_used(name));
        if definitions.len() == before {
            return;
        }
    }
}
