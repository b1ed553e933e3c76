//! The JSON Schema of the emulator's file format, generated from the types that a file is parsed into.

use super::file::WorldFile;
use schemars::generate::SchemaSettings;

/// Returns the JSON Schema (draft 2020-12) of the emulator's file format, pretty-printed, with a trailing newline.
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<WorldFile>();
    format!("{:#}\n", schema.as_value())
}
