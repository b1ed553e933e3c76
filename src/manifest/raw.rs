//! What a document looks like: the types that YAML is read into, and that the JSON Schema is made of.
//!
//! Reading is tolerant where a check can say more: unknown and repeated keys are kept as problems, scalars as
//! text. Only a wrong structure (a list where a mapping must be) ends the reading of a document.

use super::scalar::{
    Count, Day, Flag, FromWord, Id, LabelValue, Percent, Placed, PruneWord, SharedWord, Spot, StoredTask,
    TaskName, TaskOrRole, Version, Word,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Unknown,
    Repeated,
    /// The key has no value, which is not the same as being left out: a day may have been forgotten there.
    Empty,
}

/// A key that should not be there.
#[derive(Debug)]
pub(super) struct KeyProblem {
    pub(super) key: String,
    pub(super) spot: Spot,
    pub(super) wrong: Wrong,
    /// The keys that the section knows.
    pub(super) known: &'static [&'static str],
}

/// Declares the sections of a document: a struct whose keys are all optional to the reader, which keeps those
/// it does not know as problems.
macro_rules! sections {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, JsonSchema)]
        $(#[$meta])*
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_meta])* pub(super) $field: Option<$type>,)*
            #[schemars(skip)]
            pub(super) problems: Vec<KeyProblem>,
        }

        impl $name {
            /// Returns whether a key stands there without a value.
            #[allow(dead_code, reason = "not every section has a key that must be there")]
            pub(super) fn has_empty(&self, key: &str) -> bool {
                self.problems.iter().any(|problem| problem.key == key && problem.wrong == Wrong::Empty)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const KNOWN: &[&str] = &[$(stringify!($field),)*];

                struct Section;
                impl<'de> Visitor<'de> for Section {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a mapping")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut section = $name::default();
                        let mut seen = [false; KNOWN.len()];
                        while let Some(key) = map.next_key::<Spanned<String>>()? {
                            let place = KNOWN.iter().position(|known| *known == key.value);
                            let wrong = match place {
                                None => Some(Wrong::Unknown),
                                Some(place) => {
                                    std::mem::replace(&mut seen[place], true).then_some(Wrong::Repeated)
                                }
                            };
                            let wrong = match (wrong, key.value.as_str()) {
                                $((None, stringify!($field)) => {
                                    section.$field = map.next_value()?;
                                    section.$field.is_none().then_some(Wrong::Empty)
                                })*
                                (wrong, _) => {
                                    map.next_value::<IgnoredAny>()?;
                                    wrong
                                }
                            };
                            if let Some(wrong) = wrong {
                                let spot = Spot::from(&key);
                                section.problems.push(KeyProblem { key: key.value, spot, wrong, known: KNOWN });
                            }
                        }
                        Ok(section)
                    }
                }
                deserializer.deserialize_map(Section)
            }
        }
    )*};
}

sections! {
    /// A document of a wabacl manifest
    ///
    /// All documents of all files together are one manifest. Any section may stand in any document.
    Document {
        /// The version of the format; it stands in every document
        #[schemars(required)]
        version: Version,
        /// The business portfolio whose system users are managed: its id; given once
        business: Id,
        /// The system users: the name in this repository, and who is meant in the business
        #[schemars(extend("propertyNames" = { "minLength": 1 }))]
        system_users: Entries<SystemUser>,
        /// Named sets of tasks; a role holds no roles, and is not called like a task
        #[schemars(extend("propertyNames" = { "minLength": 1 }), transform = no_empty_lists)]
        roles: Entries<Vec<TaskName>>,
        /// The WhatsApp Business Accounts: the name in this repository, and which one is meant
        #[schemars(extend("propertyNames" = { "pattern": "^[^*?]+$" }))]
        wabas: Entries<Waba>,
        /// WABAs that no file names, taken from the live lists
        discover: Vec<Placed<Discover>>,
        /// Who holds what, where: these users hold these tasks on these WABAs
        grants: Vec<Placed<Grant>>,
        /// What may be taken away: nothing, what declared users hold beyond their grants (the default), or what the business's undeclared system users hold too; given once
        prune: PruneWord,
        /// The limits that a plan must keep
        guards: Guards,
        /// What Meta is seen to store beside or instead of what was asked: where the key is held, these neither count as missing nor as too much
        implied: Entries<Vec<StoredTask>>,
    }
    /// A system user; without an id it is found by its name in the business
    SystemUser {
        /// Its id as the API tells it with this app's token; it can differ from the one that Business Settings shows
        id: Id,
        /// Its name in the business, where that is not the name in this repository
        name: Word,
        /// It is an ADMIN whose access comes by its role: where it is not listed, that is neither a change nor drift
        by_role: Flag,
    }
    /// A WhatsApp Business Account
    Waba {
        /// Its id
        #[schemars(required)]
        id: Id,
        /// How it came to the business; owned, the default, is not shared
        shared: SharedWord,
        /// This business shares a line of credit here
        line_of_credit: Flag,
        /// Labels that grants select by
        labels: Entries<LabelValue>,
        /// What may be taken away here; overrides the manifest's own
        prune: PruneWord,
    }
    /// A rule that takes WABAs from a live list
    Discover {
        /// Which list: client (shared with the business) or owned
        #[schemars(required)]
        from: FromWord,
        /// A glob (* and ?) on the WABA's live name; left out: all
        name: Word,
        /// Labels that the WABAs get
        labels: Entries<LabelValue>,
        /// What may be taken away there
        prune: PruneWord,
        /// How they came to the business
        shared: SharedWord,
    }
    /// A grant: these users hold these tasks on these WABAs
    #[schemars(extend("anyOf" = [{ "required": ["wabas"] }, { "required": ["labels"] }]))]
    Grant {
        /// A name for plans
        name: Word,
        /// Declared system users, by their names in this repository
        #[schemars(required, length(min = 1))]
        users: Vec<Word>,
        /// Tasks and roles
        #[schemars(required, length(min = 1))]
        tasks: Vec<TaskOrRole>,
        /// Names of declared WABAs, or globs (* and ?) on names
        #[schemars(length(min = 1))]
        wabas: Vec<Word>,
        /// Labels that a WABA must have, all of them
        #[schemars(extend("minProperties" = 1))]
        labels: Entries<LabelValue>,
        /// The last day it holds, in UTC
        until: Day,
        /// Free text, shown in plans
        reason: Word,
    }
    /// The limits that a plan must keep; each is given once
    Guards {
        /// How many of the live assignments in scope may lose tasks, in percent; counts from 10 of them up. The default is 25
        max_removals_percent: Percent,
        /// How many assignments may lose tasks. The default is 50
        max_removals: Count,
        /// How many holders of a task each WABA must keep, people too. The default is 1 of MANAGE and 1 of MESSAGING; what is given here takes the place of all of it, so that a task that is not listed is not guarded
        min_holders: Entries<Count>,
        /// Declared users who lose nothing
        protected_users: Vec<Word>,
    }
}

/// Has each list of a mapping hold something.
fn no_empty_lists(schema: &mut Schema) {
    if let Some(list) = schema.get_mut("additionalProperties").and_then(|list| list.as_object_mut()) {
        list.insert(String::from("minItems"), 1.into());
    }
}

/// A mapping with names of the user's own: its entries in order, repeated keys too.
#[derive(Debug)]
pub(super) struct Entries<V> {
    pub(super) pairs: Vec<(Word, V)>,
    /// Where merge keys stand, whose values are not read.
    pub(super) merges: Vec<Spot>,
    /// Where the mapping begins.
    pub(super) spot: Spot,
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<V>(Vec<(Word, V)>, Vec<Spot>);
        struct Mapping<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Mapping<V> {
            type Value = InOrder<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<V>, A::Error> {
                let (mut pairs, mut merges) = (Vec::new(), Vec::new());
                while let Some(key) = map.next_key::<Word>()? {
                    if key.text == "<<" {
                        map.next_value::<IgnoredAny>()?;
                        merges.push(key.spot);
                    } else {
                        pairs.push((key, map.next_value()?));
                    }
                }
                Ok(InOrder(pairs, merges))
            }
        }

        impl<'de, V: Deserialize<'de>> Deserialize<'de> for InOrder<V> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Mapping(PhantomData))
            }
        }

        let Placed { value: InOrder(pairs, merges), spot } = Placed::deserialize(deserializer)?;
        Ok(Self { pairs, merges, spot })
    }
}

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("EntriesOf{}", V::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
