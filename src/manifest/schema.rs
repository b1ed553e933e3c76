//! Generates the JSON Schema of a document from the types that it is parsed into.

use super::raw::Document;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// Returns the JSON Schema of a document (draft 2020-12) as indented JSON with a trailing newline.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    let mut schema = schema.to_value();
    without_null(&mut schema);
    format!("{schema:#}\n")
}

/// Removes `null` from the allowed values: an optional key must be omitted instead.
fn without_null(schema: &mut Value) {
    let is_null = |schema: &Value| schema.get("type").is_some_and(|of| of == "null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|of| of != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            if let Some(of) = schema.get_mut("type") {
                *of = only;
            }
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let collapsed = match schema.get_mut("anyOf") {
        Some(Value::Array(options)) if options.iter().any(is_null) => {
            options.retain(|option| !is_null(option));
            if options.len() == 1 { options.pop() } else { None }
        }
        _ => None,
    };
    if let (Some(Value::Object(only)), Value::Object(object)) = (collapsed, &mut *schema) {
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
    match schema {
        Value::Object(object) => object.values_mut().for_each(without_null),
        Value::Array(array) => array.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
