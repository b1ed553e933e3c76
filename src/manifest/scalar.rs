//! Scalars of a manifest: every one is read as the text that was written, with its place.
//!
//! A generic YAML value would turn `0102` and `1.10` into numbers. What a text means is decided when the
//! document is checked, so that all errors are found in one run.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::borrow::Cow;

/// A place in a document: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spot {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl<T> From<&Spanned<T>> for Spot {
    fn from(spanned: &Spanned<T>) -> Self {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: number(spanned.referenced.line()), column: number(spanned.referenced.column()) }
    }
}

/// A value that is not a scalar, with the place where it begins.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { spot: Spot::from(&spanned), value: spanned.value })
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Returns the names of the known tasks, for an editor.
fn task_names() -> Vec<&'static str> {
    crate::model::Task::ALL.iter().map(|task| task.name()).collect()
}

macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident => $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            pub(super) text: String,
            pub(super) spot: Spot,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let spanned = Spanned::<String>::deserialize(deserializer)?;
                Ok(Self { spot: Spot::from(&spanned), text: spanned.value })
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }

        impl From<$name> for Text {
            fn from(scalar: $name) -> Text {
                Text { text: scalar.text, spot: scalar.spot }
            }
        }
    )*};
}

/// Any scalar, once its kind no longer matters.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) spot: Spot,
}

scalars! {
    /// The version of the format.
    Version => { "const": 1 };
    /// An id: digits without a leading zero, up to 64 bits, with or without quotes.
    Id => {
        "anyOf": [
            { "type": "string", "pattern": "^[1-9][0-9]{0,19}$" },
            { "type": "integer", "minimum": 1, "maximum": 18_446_744_073_709_551_615_u64 }
        ],
        "examples": ["102290129340398"]
    };
    /// A name, as it is written.
    Word => { "type": "string", "minLength": 1 };
    /// A label's value, compared as it is written, with or without quotes.
    LabelValue => { "type": ["string", "number", "boolean"] };
    /// A task.
    TaskName => { "enum": (task_names()) };
    /// A task or a role.
    TaskOrRole => {
        "anyOf": [{ "enum": (task_names()) }, { "type": "string", "minLength": 1, "description": "a role of `roles`" }]
    };
    /// A task that Meta stores; it can have a name that no list has.
    StoredTask => { "anyOf": [{ "enum": (task_names()) }, { "type": "string", "minLength": 1 }] };
    /// A day.
    Day => { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2027-03-31"] };
    /// Yes or no.
    Flag => { "type": "boolean" };
    /// A percentage.
    Percent => { "type": "number", "minimum": 0, "maximum": 100 };
    /// A count.
    Count => { "type": "integer", "minimum": 0 };
    /// What may be taken away.
    PruneWord => { "enum": ["none", "declared", "all"] };
    /// How a WABA came to the business.
    SharedWord => { "enum": ["owned", "admin", "standard", "solution_with_messaging", "solution_without_messaging"] };
    /// A list of the business.
    FromWord => { "enum": ["client", "owned"] };
}
