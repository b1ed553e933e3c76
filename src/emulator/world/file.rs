//! The YAML format of a world: the types that the text is parsed into, and that the JSON Schema is generated from.
//!
//! Doc comments of keys are the schema's descriptions.

use super::{ACTIVE, PhoneNumberId};
use crate::model::{AppId, BusinessId, IdError, SolutionId, Task, TaskSet, UserId, WabaId};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A line and a column, both from 1; 0 if unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FilePosition {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// An id with its position in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileId<T> {
    pub(crate) value: T,
    pub(crate) position: FilePosition,
}

/// Makes an id for writing.
impl<T> From<T> for FileId<T> {
    fn from(value: T) -> Self {
        Self { value, position: FilePosition::default() }
    }
}

/// An id that is parsed while the parser still knows its position.
struct ParsedId<T>(T);

impl<'de, T: FromStr<Err = IdError>> Deserialize<'de> for ParsedId<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = text.parse().map_err(|why| D::Error::custom(format!("`{text}` is not an id: {why}")))?;
        Ok(Self(id))
    }
}

impl<'de, T: FromStr<Err = IdError>> Deserialize<'de> for FileId<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<ParsedId<T>>::deserialize(deserializer)?;
        let position = FilePosition { line: spanned.referenced.line(), column: spanned.referenced.column() };
        Ok(Self { value: spanned.value.0, position })
    }
}

impl<T> JsonSchema for FileId<T> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Digits without a leading zero, up to 64 bits, with or without quotes",
            "anyOf": [
                { "type": "string", "pattern": "^[1-9][0-9]{0,19}$" },
                { "type": "integer", "minimum": 1, "maximum": u64::MAX },
            ],
        })
    }
}

/// The schema of a task's name: the known names, for completion, and any other string, because the API can store names
/// that no list contains.
struct TaskName;

impl JsonSchema for TaskName {
    fn schema_name() -> Cow<'static, str> {
        "Task".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known: Vec<&str> = Task::ALL.iter().map(|task| task.name()).collect();
        json_schema!({ "anyOf": [{ "enum": known }, { "type": "string", "minLength": 1 }] })
    }
}

/// Task names, read into a set one by one: a large world has hundreds of thousands of these lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileTasks(pub(crate) TaskSet);

impl<'de> Deserialize<'de> for FileTasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = FileTasks;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of task names")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<FileTasks, A::Error> {
                let mut tasks = TaskSet::EMPTY;
                while let Some(name) = names.next_element::<Cow<'de, str>>()? {
                    tasks.insert_name(&name);
                }
                Ok(FileTasks(tasks))
            }
        }
        deserializer.deserialize_seq(Names)
    }
}

impl JsonSchema for FileTasks {
    fn schema_name() -> Cow<'static, str> {
        "Tasks".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<TaskName>>::json_schema(generator)
    }
}

/// A moment, as it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileTime(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for FileTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("expected a moment such as 2026-11-23T02:00:00Z"))
    }
}

impl JsonSchema for FileTime {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Entries that replace those of a running emulator with the same id, or are added to them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorldUpdate {
    #[serde(default)]
    pub(crate) businesses: Vec<FileBusiness>,
    #[serde(default)]
    pub(crate) users: Vec<FilePerson>,
    #[serde(default)]
    pub(crate) solutions: Vec<FileSolution>,
    #[serde(default)]
    pub(crate) wabas: Vec<FileWaba>,
    #[serde(default)]
    pub(crate) tokens: Vec<FileToken>,
}

/// The state of a wabacl emulator
///
/// Each id is declared once, and references name ids that the file declares.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "wabacl emulator")]
pub(crate) struct WorldFile {
    /// What `wabacl snapshot` says of the file
    #[serde(default)]
    pub(crate) snapshot: Option<FileSnapshot>,
    /// The app that tokens belong to unless they declare another
    #[serde(default)]
    pub(crate) app: Option<FileApp>,
    /// The business portfolios; the manifest's `business` comes first
    pub(crate) businesses: Vec<FileBusiness>,
    /// The users whose business is not known
    #[serde(default)]
    pub(crate) users: Vec<FilePerson>,
    /// The Multi-Partner Solutions
    #[serde(default)]
    pub(crate) solutions: Vec<FileSolution>,
    /// The WhatsApp Business Accounts with their assignments
    #[serde(default)]
    pub(crate) wabas: Vec<FileWaba>,
    /// Access tokens for clients of `wabacl emulator`; `--emulate` issues its own
    #[serde(default)]
    pub(crate) tokens: Vec<FileToken>,
}

/// What a snapshot says of itself
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Snapshot")]
pub(crate) struct FileSnapshot {
    /// When it was taken
    pub(crate) taken: FileTime,
    /// The id of the business that it is of
    pub(crate) business: FileId<BusinessId>,
    /// The id of the user whose token read it; `--emulate` issues a token for this user
    #[serde(default)]
    pub(crate) acting_user: Option<FileId<UserId>>,
    /// Whether the names of people and other businesses were left out
    #[serde(default)]
    pub(crate) without_names: bool,
    /// Whether writes to the emulator have changed it
    #[serde(default)]
    pub(crate) changed: bool,
    /// The ids of the WABAs that are not in the file, because the API showed nothing else of them
    #[serde(default)]
    pub(crate) left_out: Vec<FileId<WabaId>>,
}

/// An error with which the API refuses a call
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Refusal")]
pub(crate) struct FileRefusal {
    /// The HTTP status
    #[serde(default = "bad_request", deserialize_with = "status_of_error")]
    #[schemars(range(min = 400, max = 599))]
    pub(crate) status: u16,
    /// The code of the error
    pub(crate) code: u32,
    /// The subcode of the error
    #[serde(default)]
    pub(crate) subcode: Option<u32>,
    /// The message of the error
    pub(crate) message: String,
}

/// An app
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "App")]
pub(crate) struct FileApp {
    /// The app's id
    pub(crate) id: FileId<AppId>,
    /// The app secret; with it, each call needs an `appsecret_proof`
    #[serde(default)]
    pub(crate) secret: Option<String>,
}

/// A business portfolio with its users
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Business")]
pub(crate) struct FileBusiness {
    /// The business's id
    pub(crate) id: FileId<BusinessId>,
    /// The business's name; if absent, it is not known
    #[serde(default)]
    pub(crate) name: String,
    /// The system users of the business
    #[serde(default)]
    pub(crate) system_users: Vec<FileSystemUser>,
    /// The other users of the business
    #[serde(default)]
    pub(crate) people: Vec<FilePerson>,
}

/// A system user
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SystemUser")]
pub(crate) struct FileSystemUser {
    /// The user's id, unique among all users
    pub(crate) id: FileId<UserId>,
    /// The user's name
    pub(crate) name: String,
    /// `ADMIN` or `EMPLOYEE`, or another string; only an ADMIN can write. null: the API does not report it
    #[serde(default = "employee")]
    pub(crate) role: Option<String>,
    /// Whether lists of assignments contain the user; Meta may leave out an ADMIN
    #[serde(default = "yes")]
    pub(crate) listed: bool,
    /// Whether the business's list of system users contains the user
    #[serde(default = "yes")]
    pub(crate) in_directory: bool,
    /// The error with which the API refuses the list of the user's WABAs
    #[serde(default)]
    pub(crate) wabas_unreadable: Option<FileRefusal>,
}

/// A user who is not a system user
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Person")]
pub(crate) struct FilePerson {
    /// The user's id, unique among all users
    pub(crate) id: FileId<UserId>,
    /// The user's name; if absent, it is not known
    #[serde(default)]
    pub(crate) name: String,
    /// The `user_type` in lists of assignments: `BUSINESS_USER`, `PERSONAL_USER` or another string. null: the API does not
    /// report it
    #[serde(default = "business_user")]
    pub(crate) user_type: Option<String>,
}

/// A Multi-Partner Solution
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Solution")]
pub(crate) struct FileSolution {
    /// The solution's id
    pub(crate) id: FileId<SolutionId>,
    /// The solution's name
    pub(crate) name: String,
    /// `ACTIVE`, or another string for a solution that is not in force. null: the API does not report it
    #[serde(default = "active_status")]
    pub(crate) status: Option<String>,
    /// The id of the app that owns the solution; if absent, it is not known
    #[serde(default)]
    pub(crate) owner_app: Option<FileId<AppId>>,
    /// The permissions of the owner's app; without `MESSAGING`, only granular tasks can be assigned. null: the API does not
    /// report them
    #[serde(default = "no_tasks")]
    pub(crate) owner_permissions: Option<FileTasks>,
    /// The partners' apps
    #[serde(default)]
    pub(crate) partners: Vec<FilePartner>,
}

/// A partner's app in a Multi-Partner Solution
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Partner")]
pub(crate) struct FilePartner {
    /// The app's id
    pub(crate) app: FileId<AppId>,
    /// The permissions of the app; without `MESSAGING`, only granular tasks can be assigned. null: the API does not report
    /// them
    #[serde(default = "no_tasks")]
    pub(crate) permissions: Option<FileTasks>,
}

/// A WhatsApp Business Account
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Waba")]
pub(crate) struct FileWaba {
    /// The WABA's id
    pub(crate) id: FileId<WabaId>,
    /// The WABA's name
    pub(crate) name: String,
    /// The id of the business that owns the WABA; if absent, it is not known
    #[serde(default)]
    pub(crate) owned_by: Option<FileId<BusinessId>>,
    /// The businesses that the WABA is shared with
    #[serde(default)]
    pub(crate) shared_with: Vec<FileShare>,
    /// The id of the Multi-Partner Solution through which the WABA is shared
    #[serde(default)]
    pub(crate) solution: Option<FileId<SolutionId>>,
    /// The ids of all solutions through which the WABA is shared, if there are several
    #[serde(default)]
    pub(crate) solutions: Vec<FileId<SolutionId>>,
    /// The error with which the API refuses the list of the WABA's solutions
    #[serde(default)]
    pub(crate) solutions_unreadable: Option<FileRefusal>,
    /// The status of the WABA
    #[serde(default = "active")]
    pub(crate) status: String,
    /// The status of Meta's review of the account
    #[serde(default = "approved")]
    pub(crate) account_review_status: String,
    /// The status of Meta's verification of the business
    #[serde(default = "verified")]
    pub(crate) business_verification_status: String,
    /// The currency of payments
    #[serde(default = "dollars")]
    pub(crate) currency: String,
    /// The country of the business that owns the WABA
    #[serde(default)]
    pub(crate) country: Option<String>,
    /// Meta's number of the time zone
    #[serde(default = "first_timezone")]
    pub(crate) timezone_id: String,
    /// The phone numbers of the WABA
    #[serde(default)]
    pub(crate) phone_numbers: Vec<FilePhoneNumber>,
    /// The ids of the apps that are subscribed to the WABA's webhooks
    #[serde(default)]
    pub(crate) subscribed_apps: Vec<FileId<AppId>>,
    /// The error with which the API refuses the list of the WABA's assignments, so that they are not known
    #[serde(default)]
    pub(crate) unreadable: Option<FileRefusal>,
    /// The assignments on the WABA
    #[serde(default)]
    pub(crate) assigned: Vec<FileAssignment>,
}

/// A phone number of a WABA
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PhoneNumber")]
pub(crate) struct FilePhoneNumber {
    /// The id of the phone number, unique on its WABA
    pub(crate) id: FileId<PhoneNumberId>,
    /// The number as people read it
    pub(crate) display_phone_number: String,
    /// The name that Meta has verified
    pub(crate) verified_name: String,
}

/// A share of a WABA with a business
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Share")]
pub(crate) struct FileShare {
    /// The id of the business
    pub(crate) business: FileId<BusinessId>,
    /// The tasks that the business can assign; if absent, all tasks
    #[serde(default)]
    pub(crate) permitted_tasks: Option<FileTasks>,
}

/// A user's tasks on a WABA
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Assignment")]
pub(crate) struct FileAssignment {
    /// The id of the user; each user occurs once
    pub(crate) user: FileId<UserId>,
    /// The user's tasks
    pub(crate) tasks: FileTasks,
}

/// An access token
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Token")]
pub(crate) struct FileToken {
    /// The token as clients send it
    pub(crate) token: String,
    /// The id of the user that the token belongs to
    pub(crate) user: FileId<UserId>,
    /// The id of the app that the token belongs to
    #[serde(default)]
    pub(crate) app: Option<FileId<AppId>>,
    /// When the token expires, in seconds since 1970; 0 for never
    #[serde(default)]
    pub(crate) expires_at: u64,
    /// The token's scopes; if absent, `business_management` and `whatsapp_business_management`
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) scopes: Option<BTreeSet<String>>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde needs the type of the field")]
fn employee() -> Option<String> {
    Some("EMPLOYEE".to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "serde needs the type of the field")]
fn active_status() -> Option<String> {
    Some(active())
}

#[expect(clippy::unnecessary_wraps, reason = "serde needs the type of the field")]
fn no_tasks() -> Option<FileTasks> {
    Some(FileTasks::default())
}

fn status_of_error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (400..600).contains(&status) {
        return Ok(status);
    }
    Err(D::Error::custom(format!("{status} is not the status of an error: expected 400 to 599")))
}

fn bad_request() -> u16 {
    400
}

fn active() -> String {
    ACTIVE.to_owned()
}

fn approved() -> String {
    "APPROVED".to_owned()
}

fn verified() -> String {
    "verified".to_owned()
}

fn dollars() -> String {
    "USD".to_owned()
}

fn first_timezone() -> String {
    "1".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde needs the type of the field")]
fn business_user() -> Option<String> {
    Some("BUSINESS_USER".to_owned())
}

fn yes() -> bool {
    true
}
