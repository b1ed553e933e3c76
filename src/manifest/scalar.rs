//! Scalars of a manifest. Each keeps the text that the file contains, and its location.
//!
//! A generic YAML value would turn `0102` and `1.10` into numbers. The checks interpret the texts later, so that one run
//! finds all errors.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A location in a file: line and column, both 1-based, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Location {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl<T> From<&Spanned<T>> for Location {
    fn from(spanned: &Spanned<T>) -> Self {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: number(spanned.referenced.line()), column: number(spanned.referenced.column()) }
    }
}

/// A list or mapping, and the location of its start.
#[derive(Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) location: Location,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { location: Location::from(&spanned), value: spanned.value })
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
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

/// The values of a label in a selector: one, or a list of which a WABA may have any.
#[derive(Debug)]
pub(super) enum LabelValues {
    /// A text or a quoted scalar.
    One(LabelText),
    /// A number or a boolean without quotes, whose text is at this range of bytes.
    Plain(Location, Option<Range<usize>>),
    /// A list.
    List(Location, Vec<LabelText>),
    /// No value.
    Missing(Location),
}

impl<'de> Deserialize<'de> for LabelValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum Found {
            Text(String),
            Plain,
            List(Vec<LabelText>),
            Missing,
        }
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Found;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }

            fn visit_str<E>(self, text: &str) -> Result<Found, E> {
                Ok(Found::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
                Ok(Found::Plain)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
                Ok(Found::Plain)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
                Ok(Found::Plain)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
                Ok(Found::Plain)
            }

            fn visit_unit<E>(self) -> Result<Found, E> {
                Ok(Found::Missing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Found::List(values))
            }
        }

        impl<'de> Deserialize<'de> for Found {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Values)
            }
        }

        let spanned = Spanned::<Found>::deserialize(deserializer)?;
        let location = Location::from(&spanned);
        let span = spanned.defined.span();
        let bytes = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            Some(start..start + usize::try_from(span.byte_len()?).ok()?)
        };
        Ok(match spanned.value {
            Found::Text(text) => Self::One(LabelText { text, location }),
            Found::Plain => Self::Plain(location, bytes()),
            Found::List(values) => Self::List(location, values),
            Found::Missing => Self::Missing(location),
        })
    }
}

impl JsonSchema for LabelValues {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "LabelValues".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<LabelText>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// Returns the names of the known tasks, which editors suggest.
fn task_names() -> Vec<&'static str> {
    crate::model::Task::ALL.iter().map(|task| task.name()).collect()
}

/// Returns the codes of the guards that a manifest can waive.
fn guard_codes() -> Vec<&'static str> {
    let guards = crate::model::Guard::ALL.iter().filter(|guard| guard.is_waivable_in_manifests());
    guards.map(|guard| guard.code()).collect()
}

/// Returns the codes of the warnings that can be accepted.
fn accepted_codes() -> Vec<&'static str> {
    crate::manifest::Acceptable::ALL.iter().map(|warning| warning.code()).collect()
}

macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident => $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            pub(super) text: String,
            pub(super) location: Location,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let spanned = Spanned::<String>::deserialize(deserializer)?;
                Ok(Self { location: Location::from(&spanned), text: spanned.value })
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

        impl From<$name> for ScalarText {
            fn from(scalar: $name) -> ScalarText {
                ScalarText { text: scalar.text, location: scalar.location }
            }
        }
    )*};
}

/// A scalar of any kind.
#[derive(Debug, Clone)]
pub(super) struct ScalarText {
    pub(super) text: String,
    pub(super) location: Location,
}

scalars! {
    /// The path of a CSV file.
    TableText => { "type": "string", "pattern": "^[^/].*\\.[cC][sS][vV]$" };
    /// The version of the format.
    VersionText => { "const": 1 };
    /// An id: digits without a leading zero, up to 64 bits, quoted or not.
    IdText => {
        "anyOf": [
            { "type": "string", "pattern": "^[1-9][0-9]{0,19}$" },
            { "type": "integer", "minimum": 1, "maximum": 18_446_744_073_709_551_615_u64 }
        ],
        "examples": ["102290129340398"]
    };
    /// A name of a WABA, a glob, or an id.
    WabaText => {
        "anyOf": [{ "type": "string", "minLength": 1, "pattern": "^[^!]" }, { "type": "integer", "minimum": 1 }]
    };
    /// A glob.
    GlobText => { "type": "string", "minLength": 1, "pattern": "^[^!]" };
    /// A name, a glob or a free text.
    NameText => { "type": "string", "minLength": 1 };
    /// The name of a set of manifests.
    SetText => { "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" };
    /// The live name or the id of a system user.
    UserText => {
        "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "integer", "minimum": 1 }]
    };
    /// The value of a label, compared as text, quoted or not.
    LabelText => { "type": ["string", "number", "boolean"] };
    /// A known task, or one that `extra_tasks` lists.
    TaskText => {
        "anyOf": [
            { "enum": (task_names()) },
            { "type": "string", "minLength": 1, "description": "A task that `extra_tasks` lists" }
        ]
    };
    /// A known task or a declared role.
    TaskOrRoleText => {
        "anyOf": [
            { "enum": (task_names()) },
            { "type": "string", "minLength": 1, "description": "A role that `roles` declares, or a task that `extra_tasks` lists" }
        ]
    };
    /// A task that Meta stores. It may be unknown to this program.
    StoredTaskText => { "anyOf": [{ "enum": (task_names()) }, { "type": "string", "minLength": 1 }] };
    /// A day, or an instant with an offset.
    TimeText => {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2}))?$",
        "examples": ["2027-03-31", "2027-03-31T18:00:00+02:00"]
    };
    /// `true` or `false`.
    BooleanText => { "type": "boolean" };
    /// A percentage from 0 to 100.
    PercentText => { "type": "number", "minimum": 0, "maximum": 100 };
    /// A count of 0 or more.
    CountText => { "type": "integer", "minimum": 0 };
    /// What undeclared access counts as.
    UndeclaredText => { "enum": ["drift", "allow"] };
    /// The code of a guard.
    GuardText => { "enum": (guard_codes()) };
    /// The name or the id of what a waiver is for.
    TargetText => {
        "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "integer", "minimum": 1 }]
    };
    /// Whose access a test judges.
    WhoText => { "enum": ["business", "everybody"] };
    /// A key that a test requires of grants.
    RequireText => { "enum": ["reason", "until", "name"] };
    /// Where users hold something.
    HoldsText => { "enum": ["everywhere"] };
    /// Who counts as a holder.
    HoldersText => { "enum": ["business", "anyone"] };
    /// The code of a warning that can be accepted.
    AcceptText => { "enum": (accepted_codes()) };
    /// A prune mode.
    PruneText => { "enum": ["none", "declared", "all"] };
    /// How a WABA is shared with the business.
    SharedText => { "enum": ["owned", "admin", "standard", "solution_with_messaging", "solution_without_messaging"] };
    /// A list of WABAs of the business.
    DiscoverFromText => { "enum": ["client", "owned"] };
}
