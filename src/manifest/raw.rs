//! The structure of a document: the types that YAML is parsed into and that the JSON Schema is generated from.
//!
//! Parsing is tolerant, because the checks report errors better: unknown and duplicate keys are kept as problems, and
//! scalars as text. Only a wrong structure (a list instead of a mapping) stops the parsing of a document.

use super::scalar::{
    AcceptText, BooleanText, CountText, DiscoverFromText, GlobText, GuardText, HoldersText, HoldsText,
    IdText, LabelText, LabelValues, Located, Location, NameText, PercentText, PruneText, RequireText,
    SetText, SharedText, StoredTaskText, TableText, TargetText, TaskOrRoleText, TaskText, TimeText,
    UndeclaredText, UserText, VersionText, WabaText, WhoText,
};
use crate::diagnostic::KEPT;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The kind of a [`KeyProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyProblemKind {
    Unknown,
    Duplicate,
    /// The key has no value. That is an error and not the same as a missing key: the user may have forgotten a date.
    MissingValue,
    /// So many more problems, which are not kept.
    More(usize),
}

/// A key of a section that is an error.
#[derive(Debug)]
pub(super) struct KeyProblem {
    pub(super) key: String,
    pub(super) location: Location,
    pub(super) kind: KeyProblemKind,
    /// The keys that the section defines.
    pub(super) known: &'static [&'static str],
}

/// Notes a problem. Beyond the diagnostics that are kept, the last one only counts.
fn note(problems: &mut Vec<KeyProblem>, problem: KeyProblem) {
    let is_full = problems.len() > KEPT;
    match problems.last_mut() {
        Some(KeyProblem { kind: KeyProblemKind::More(count), .. }) => *count += 1,
        Some(_) if is_full => {
            problems.push(KeyProblem { key: String::new(), kind: KeyProblemKind::More(1), ..problem });
        }
        Some(_) | None => problems.push(problem),
    }
}

/// Declares the sections of a document: structs whose fields are all optional to the parser. Keys that it does not
/// know, and keys that occur twice or have no value, go into `problems`.
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
            /// Returns whether a key is present without a value.
            #[allow(dead_code, reason = "not every section has a required key")]
            pub(super) fn has_empty(&self, key: &str) -> bool {
                self.problems.iter().any(|problem| problem.key == key && problem.kind == KeyProblemKind::MissingValue)
            }

            /// Returns the number of keys that are present with a value.
            #[allow(dead_code, reason = "only the keys of whole documents tell manifests from other files")]
            pub(super) fn present(&self) -> usize {
                [$(self.$field.is_some(),)*].into_iter().filter(|is_present| *is_present).count()
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
                            let problem = match KNOWN.iter().position(|known| *known == key.value) {
                                None => Some(KeyProblemKind::Unknown),
                                Some(index) => std::mem::replace(&mut seen[index], true)
                                    .then_some(KeyProblemKind::Duplicate),
                            };
                            let problem = match (problem, key.value.as_str()) {
                                $((None, stringify!($field)) => {
                                    section.$field = map.next_value()?;
                                    section.$field.is_none().then_some(KeyProblemKind::MissingValue)
                                })*
                                (problem, _) => {
                                    map.next_value::<IgnoredAny>()?;
                                    problem
                                }
                            };
                            if let Some(kind) = problem {
                                let location = Location::from(&key);
                                note(&mut section.problems, KeyProblem { key: key.value, location, kind, known: KNOWN });
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
    /// A document of a wabacl manifest.
    ///
    /// A manifest is one or more YAML files with one or more documents each. All documents together are one manifest,
    /// and each section may be in any document. For example: `version: 1` and `business: 9876543210987654` in one file,
    /// `version: 1` and `grants: […]` in another.
    Document {
        /// The version of the format. Required in every document: `version: 1`.
        #[schemars(required)]
        version: VersionText,
        /// The id of the business portfolio whose system users are managed. Set once across all files. For example: `9876543210987654`.
        business: IdText,
        /// The name of the set that these manifests belong to. All manifests that are given together are one set; several sets can share a business, and none releases the users of another. Set once across all files. Default: `default`. For example: `messaging`.
        set: SetText,
        /// The system users, by the name that the manifest uses for them. Names are unique across all files. For example: `deploy-bot: {}` finds the system user of that name in the business.
        #[schemars(extend("propertyNames" = { "minLength": 1 }))]
        system_users: Entries<RawSystemUser>,
        /// System users that are deliberately not managed: live names (every user of that name) or ids. What they hold is neither drift nor removed. For example: `[legacy-import, 1972385232742188]`.
        ignored_users: Vec<UserText>,
        /// Named sets of one or more tasks. A role cannot contain other roles, nor have the name of a task. For example: `analyst: [VIEW_COST, VIEW_INSIGHTS]`.
        #[schemars(extend("propertyNames" = { "minLength": 1 }), transform = no_empty_lists)]
        roles: Entries<Vec<TaskText>>,
        /// The WhatsApp Business Accounts, by the name that the manifest uses for them. Names are unique across all files and contain neither `*` nor `?`, nor begin with `!`, `-`, `=`, `+` or `@`. For example: `acme-eu: { id: 102290129340398, shared: admin }`.
        #[schemars(extend("propertyNames" = { "pattern": "^[^*?!=+@-][^*?]*$" }))]
        wabas: Entries<RawWaba>,
        /// CSV files with more WABAs, by their paths relative to this file. They stay inside the folder that was given. The first line names the columns: `id` and `name`, and optionally `shared`, `line_of_credit`, `prune`, `gone`, `accept`, and `label:KEY` for labels. An empty cell is no value. For example: `[customers.csv]`.
        wabas_from: Vec<TableText>,
        /// Rules that add WABAs from the live lists of the business to the manifest, except those that `wabas` declares. If several rules match a WABA, their labels are merged, and their values must agree. For example: `- { from: client, name: "Acme *" }`.
        discover: Vec<Located<RawDiscoverRule>>,
        /// The grants. Each gives every listed user every listed task on every selected WABA; grants for the same user and WABA add up. For example: `- { users: [deploy-bot], tasks: [MANAGE_TEMPLATES], wabas: [acme-eu] }`.
        grants: Vec<Located<RawGrant>>,
        /// Exceptions from the grants. Each gives every listed user exactly the listed tasks on every selected WABA, whatever the grants give. For example: `- { users: [reporting], tasks: [], wabas: [acme-eu], reason: OPS-77 }`.
        exceptions: Vec<Located<RawException>>,
        /// Which access may be removed. `none`: nothing. `declared` (the default): tasks of declared system users that no grant gives them. `all`: also the access of the business's undeclared system users. Set once across all files; a WABA or a discover rule can override it.
        prune: PruneText,
        /// What the access counts as of system users of the business that no manifest declares. `drift` (the default): drift. `allow`: accepted. Set once across all files; not with `prune: all`.
        undeclared: UndeclaredText,
        /// Tasks that grants and roles can name although this version does not know them. For example: `[MANAGE_BUSINESS_PHONES]`.
        extra_tasks: Vec<NameText>,
        /// The limits that a plan must keep. A plan that exceeds one is refused, unless that guard is waived.
        guards: RawGuards,
        /// Permissions to violate guards until a day, for reviews in Git: they are best in a file of their own. For example: `- { guard: max-removals, limit: 120, until: 2026-12-15, reason: OPS-4711 }`.
        waivers: Vec<Located<RawWaiver>>,
        /// Assertions about who holds what, which `wabacl test`, `validate`, plans and `drift` judge. For example: `- { name: two admins each, tasks: [MANAGE], at_least: 2 }`.
        tests: Vec<Located<RawTest>>,
        /// Tasks that Meta stores in addition to, or instead of, what is assigned. Where a user holds the key and a grant gives it, the listed tasks are ignored in the comparison: they are neither missing nor excess. `MANAGE` and `FULL_CONTROL` cannot be listed. Default: none. For example: `MANAGE: [VIEW_COST]`.
        implied: Entries<Vec<StoredTaskText>>,
    }
    /// A system user of the business. Without `id` it is found by its name. For example: `{ id: 1972385232742147 }`.
    #[schemars(rename = "SystemUser")]
    RawSystemUser {
        /// The id as the API returns it for this app's token. Ids are app-scoped: Business Settings can show another number. For example: `1972385232742147`.
        id: IdText,
        /// The exact name in the business, if it differs from the name in the manifest. For example: `"Reporting (prod)"`.
        name: NameText,
        /// `true` for an ADMIN whose access comes from its role: it is neither a change nor drift that such a user is missing on a WABA. Default: `false`.
        by_role: BooleanText,
        /// Takes everything away from the user at once, whatever grants and `prune` say, for this reason. The user is not an ADMIN with `by_role`. Default: not suspended. For example: `"SEC-991: token leaked"`.
        suspended: NameText,
    }
    /// A WhatsApp Business Account (WABA). For example: `{ id: 102290129340398, shared: admin, labels: { region: eu } }`.
    #[schemars(rename = "Waba")]
    RawWaba {
        /// The id of the WABA. For example: `102290129340398`.
        #[schemars(required)]
        id: IdText,
        /// How the WABA is shared with the business. `owned` (the default): not shared, the business owns it. `admin`, `standard`: with Admin or Standard permissions. `solution_with_messaging`, `solution_without_messaging`: through a Multi-Partner Solution, with or without MESSAGING. It decides which tasks can be assigned.
        shared: SharedText,
        /// `true` if the business shares its line of credit with this WABA. Then `MANAGE_BILLING` must be granted on a WABA with `shared: solution_without_messaging`. Default: `false`.
        line_of_credit: BooleanText,
        /// Labels by which grants can select the WABA. Keys and values are compared as text. Default: none. For example: `{ region: eu, tier: gold }`.
        labels: Entries<LabelText>,
        /// Which access may be removed on this WABA: `none`, `declared` or `all`. Default: `prune` of the manifest.
        prune: PruneText,
        /// `true` if the WABA is known to be away: it is not read, and it is not reported as unreadable. Default: `false`.
        gone: BooleanText,
        /// Warnings about this WABA that are known and not shown, by their codes. Default: none. For example: `[task-on-standard]`.
        accept: Vec<AcceptText>,
    }
    /// A rule that adds WABAs from a live list. For example: `{ from: client, name: "Acme *", shared: admin }`.
    #[schemars(rename = "Discover")]
    RawDiscoverRule {
        /// The list to read: `owned` (WABAs that the business owns) or `client` (WABAs shared with the business).
        #[schemars(required)]
        from: DiscoverFromText,
        /// A glob that must match the whole live name of the WABA, case-sensitive; `*` matches any characters, `?` matches one. Default: all names. For example: `"Acme *"`.
        name: GlobText,
        /// Labels that the discovered WABAs get. Default: none. For example: `{ origin: discovered }`.
        labels: Entries<LabelText>,
        /// Which access may be removed on the discovered WABAs: `none`, `declared` or `all`. Default: `prune` of the manifest.
        prune: PruneText,
        /// How the discovered WABAs are shared with the business. Default: `owned` on the list `owned`, unknown on the list `client`.
        shared: SharedText,
        /// Warnings about the discovered WABAs that are known and not shown, by their codes. Default: none. For example: `[task-on-standard]`.
        accept: Vec<AcceptText>,
    }
    /// A grant: the listed users hold the listed tasks on the selected WABAs. `wabas`, `labels` or both are required. With both, a WABA must match both.
    #[schemars(rename = "Grant", extend("anyOf" = [{ "required": ["wabas"] }, { "required": ["labels"] }]))]
    RawGrant {
        /// A name that plans show. For example: `template releases`.
        name: NameText,
        /// Names that `system_users` declares; one or more. For example: `[deploy-bot]`.
        #[schemars(required, length(min = 1))]
        users: Vec<NameText>,
        /// Tasks, and roles that `roles` declares; one or more. For example: `[template-editor, VIEW_COST]`.
        #[schemars(required, length(min = 1))]
        tasks: Vec<TaskOrRoleText>,
        /// Names that `wabas` declares, globs, and ids; one or more. A glob matches the whole name of a declared WABA or the live name of a discovered one, case-sensitive. An id selects a declared or discovered WABA. For example: `["acme-*", globex, 102290129340398]`; `["*"]` selects all.
        #[schemars(length(min = 1))]
        wabas: Vec<WabaText>,
        /// Labels that a WABA must have, all of them; one or more. A list means any of its values. A key or value that no WABA and no discover rule has is an error. For example: `{ tier: [gold, silver], region: eu }`.
        #[schemars(extend("minProperties" = 1))]
        labels: Entries<LabelValues>,
        /// WABAs that the grant leaves out. For example: `{ wabas: ["koeln-*"], labels: { phase: pilot } }`.
        except: Located<RawExcept>,
        /// When the grant begins: a day, from its first moment in UTC, or an instant with an offset. Default: at once. For example: `2026-12-01` or `2026-12-01T08:00:00+01:00`.
        from: TimeText,
        /// When the grant ends: the last day on which it applies, in UTC, or the instant at which it is over, with an offset. Default: no end. For example: `2027-03-31` or `2027-03-31T18:00:00+02:00`.
        until: TimeText,
        /// Free text that plans show. For example: `OPS-1234`.
        reason: NameText,
    }
    /// WABAs that a grant leaves out: those that match `wabas`, and those that have all of `labels`. One or both are required.
    #[schemars(rename = "Except", extend("minProperties" = 1))]
    RawExcept {
        /// Names that `wabas` of the manifest declares, globs, and ids, as in a grant; one or more. For example: `["koeln-*"]`.
        #[schemars(length(min = 1))]
        wabas: Vec<WabaText>,
        /// Labels; a WABA that has all of them is left out. A list means any of its values. One or more. For example: `{ phase: pilot }`.
        #[schemars(extend("minProperties" = 1))]
        labels: Entries<LabelValues>,
    }
    /// An exception: the listed users hold exactly these tasks on the selected WABAs, whatever the grants give. `wabas`, `labels` or both are required. With both, a WABA must match both. No two exceptions that are in force may be about the same user and WABA.
    #[schemars(rename = "Exception", extend("anyOf" = [{ "required": ["wabas"] }, { "required": ["labels"] }]))]
    RawException {
        /// Names that `system_users` declares; one or more. For example: `[reporting]`.
        #[schemars(required, length(min = 1))]
        users: Vec<NameText>,
        /// Tasks, and roles that `roles` declares. `[]` takes everything away; with `prune: none`, nothing is taken away. For example: `[VIEW_COST]`.
        #[schemars(required)]
        tasks: Vec<TaskOrRoleText>,
        /// Names that `wabas` declares, globs, and ids, as in a grant; one or more. For example: `[acme-eu]`.
        #[schemars(length(min = 1))]
        wabas: Vec<WabaText>,
        /// Labels that a WABA must have, as in a grant; one or more. For example: `{ tier: [gold, silver] }`.
        #[schemars(extend("minProperties" = 1))]
        labels: Entries<LabelValues>,
        /// When the exception ends: the last day on which it applies, in UTC, or the instant at which it is over, with an offset. Default: no end. For example: `2027-01-31`.
        until: TimeText,
        /// Why there is an exception; plans show it. For example: `"OPS-77: customer objected"`.
        #[schemars(required)]
        reason: NameText,
    }
    /// A permission to violate a guard. A guard that counts (`max-removals`) is waived up to a `limit`, the others for a `target`. A guard is waived once for a target.
    #[schemars(rename = "Waiver", extend("oneOf" = [{ "required": ["limit"] }, { "required": ["target"] }]))]
    RawWaiver {
        /// The guard, by its code. `self` cannot be waived here. For example: `max-removals`.
        #[schemars(required)]
        guard: GuardText,
        /// The number of assignments that may lose tasks, those of the last 24 hours included. It replaces both limits of `max-removals`. For example: `120`.
        limit: CountText,
        /// The name or the id of the WABA or the system user for which the guard is waived. For example: `globex`.
        target: TargetText,
        /// When the waiver ends, at most 90 days ahead: the last day on which it applies, in UTC, or the instant at which it is over, with an offset. For example: `2026-12-15`.
        #[schemars(required)]
        until: TimeText,
        /// Why there is a waiver; plans show it. For example: `OPS-4711`.
        #[schemars(required)]
        reason: NameText,
    }
    /// An assertion about who holds what: exactly one of `only`, `never_together`, `require`, `at_least` and `holds`. It is judged on each selected WABA, for each selected user. Wider tasks count, except in `never_together`. Without `wabas` and `labels`, it is about every WABA in scope. For example: `{ name: gold belongs to Ops, labels: { tier: gold }, tasks: [MANAGE], only: [Ops Admin] }`.
    #[schemars(rename = "Test", extend("oneOf" = [
        { "required": ["only", "tasks"], "not": { "required": ["users"] } },
        { "required": ["never_together"], "not": { "required": ["tasks"] } },
        { "required": ["require"] },
        { "required": ["at_least", "tasks"] },
        { "required": ["holds", "tasks", "users"] }
    ]))]
    RawTest {
        /// The name, which results and waivers use. Names are unique across all files. For example: `gold belongs to Ops`.
        #[schemars(required)]
        name: NameText,
        /// The system users that it judges: names that `system_users` declares, ids, and globs; one or more. A glob also matches the live names of undeclared system users. Default: everybody. For example: `["*-bot"]`.
        #[schemars(length(min = 1))]
        users: Vec<UserText>,
        /// Whose access it judges: `business` (the default), the business's own system users and people; `everybody`, also users of other businesses.
        who: WhoText,
        /// Tasks, and roles that `roles` declares, that it is about; one or more. For example: `[MANAGE]`.
        #[schemars(length(min = 1))]
        tasks: Vec<TaskOrRoleText>,
        /// Names that `wabas` declares, and globs, as in a grant; one or more. Each must select a WABA. For example: `["Acme *"]`.
        #[schemars(length(min = 1))]
        wabas: Vec<WabaText>,
        /// Labels that a WABA must have, as in a grant; one or more. For example: `{ tier: gold }`.
        #[schemars(extend("minProperties" = 1))]
        labels: Entries<LabelValues>,
        /// WABAs that the test leaves out, as in a grant. For example: `{ labels: { phase: pilot } }`.
        except: Located<RawExcept>,
        /// Nobody but these users holds any of `tasks`: names that `system_users` declares, globs on them, and ids. `[]`: nobody at all. For example: `[Ops Admin]`.
        only: Vec<UserText>,
        /// No user holds two of these at once: tasks, and roles of which all tasks are held; two or more. For example: `[MESSAGING, MANAGE_BILLING]`.
        #[schemars(length(min = 2))]
        never_together: Vec<TaskOrRoleText>,
        /// Each grant and exception in force by which a user holds something has these keys: `reason`, `until`, `name`; one or more. With `tasks`, only those count that give one of them. For example: `[reason]`.
        #[schemars(length(min = 1))]
        require: Vec<RequireText>,
        /// At least so many users hold all of `tasks`. With `users`, only these count. For example: `2`.
        #[schemars(extend("minimum" = 1))]
        at_least: CountText,
        /// `everywhere`: each of `users` holds all of `tasks` on each selected WABA.
        holds: HoldsText,
    }
    /// The limits that a plan must keep. Each is set once across all files.
    #[schemars(rename = "Guards")]
    RawGuards {
        /// The maximum share of live assignments in scope that may lose tasks, in percent, 0 to 100. Not checked with fewer than 10 assignments, unless it is 0. Removals of the last 24 hours count too. Default: 25.
        max_removals_percent: PercentText,
        /// The maximum number of assignments that may lose tasks. Removals of the last 24 hours count too. Default: 50.
        max_removals: CountText,
        /// The minimum number of holders of a task that each WABA must keep, by task. Merged with the default, `{ MANAGE: 1, MESSAGING: 1 }`; 0 switches one off. For example: `{ VIEW_COST: 1, MESSAGING: 0 }`.
        min_holders: Entries<CountText>,
        /// Who counts as a holder for `min_holders`. `business` (the default): the business's own system users and people. `anyone`: everybody on the WABA.
        holders: HoldersText,
        /// Names that `system_users` declares. A plan must not remove any task from these users. Default: none. For example: `[Ops Admin]`.
        protected_users: Vec<NameText>,
    }
}

/// Requires at least one item in each list of a mapping.
fn no_empty_lists(schema: &mut Schema) {
    if let Some(list) = schema.get_mut("additionalProperties").and_then(|list| list.as_object_mut()) {
        list.insert(String::from("minItems"), 1.into());
    }
}

/// A mapping whose keys the user chooses: all entries in file order, duplicate keys included.
#[derive(Debug)]
pub(super) struct Entries<V> {
    pub(super) items: Vec<(NameText, V)>,
    /// The locations of merge keys. Their values are not parsed.
    pub(super) merges: Vec<Location>,
    /// The start of the mapping.
    pub(super) location: Location,
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<V>(Vec<(NameText, V)>, Vec<Location>);
        struct Mapping<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Mapping<V> {
            type Value = InOrder<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<V>, A::Error> {
                let (mut items, mut merges) = (Vec::new(), Vec::new());
                while let Some(key) = map.next_key::<NameText>()? {
                    if key.text == "<<" {
                        map.next_value::<IgnoredAny>()?;
                        merges.push(key.location);
                    } else {
                        items.push((key, map.next_value()?));
                    }
                }
                Ok(InOrder(items, merges))
            }
        }

        impl<'de, V: Deserialize<'de>> Deserialize<'de> for InOrder<V> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Mapping(PhantomData))
            }
        }

        let Located { value: InOrder(items, merges), location } = Located::deserialize(deserializer)?;
        Ok(Self { items, merges, location })
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
