//! The YAML format of a world: the types that the text is parsed into, and that the JSON Schema is generated from.
//!
//! Doc comments of keys are the schema's descriptions.

use super::{ACTIVE, PhoneNumberId};
use crate::model::{AppId, BusinessId, IdError, SolutionId, Task, UserId, WabaId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Display;
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

/// Writes the id as a number without quotes. Parsing returns the same digits.
impl<T: Display> Serialize for FileId<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: u64 = self.value.to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_u64(number)
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

/// Entries that replace those of a running emulator with the same id, or are added to them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorldUpdate {
    #[serde(default)]
    pub(crate) businesses: Vec<FileBusiness>,
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
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "wabacl emulator")]
pub(crate) struct WorldFile {
    /// The app that tokens belong to unless they declare another
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<FileApp>,
    /// The business portfolios; the manifest's `business` comes first
    pub(crate) businesses: Vec<FileBusiness>,
    /// The Multi-Partner Solutions
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) solutions: Vec<FileSolution>,
    /// The WhatsApp Business Accounts with their assignments
    #[serde(default)]
    pub(crate) wabas: Vec<FileWaba>,
    /// Access tokens for clients of `wabacl emulator`; `--emulate` issues its own
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<FileToken>,
}

/// An app
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "App")]
pub(crate) struct FileApp {
    /// The app's id
    pub(crate) id: FileId<AppId>,
    /// The app secret; with it, each call needs an `appsecret_proof`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
}

/// A business portfolio with its users
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Business")]
pub(crate) struct FileBusiness {
    /// The business's id
    pub(crate) id: FileId<BusinessId>,
    /// The business's name
    pub(crate) name: String,
    /// The system users of the business
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) system_users: Vec<FileSystemUser>,
    /// The other users of the business
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) people: Vec<FilePerson>,
}

/// A system user
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SystemUser")]
pub(crate) struct FileSystemUser {
    /// The user's id, unique among all users
    pub(crate) id: FileId<UserId>,
    /// The user's name
    pub(crate) name: String,
    /// `ADMIN` or `EMPLOYEE`, or another string; only an ADMIN can write
    #[serde(default = "employee")]
    pub(crate) role: String,
    /// Whether lists of assignments contain the user; Meta may leave out an ADMIN
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(crate) listed: bool,
}

/// A user who is not a system user
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Person")]
pub(crate) struct FilePerson {
    /// The user's id, unique among all users
    pub(crate) id: FileId<UserId>,
    /// The user's name
    pub(crate) name: String,
    /// The `user_type` in lists of assignments: `BUSINESS_USER`, `PERSONAL_USER` or another string
    #[serde(default = "business_user")]
    pub(crate) user_type: String,
}

/// A Multi-Partner Solution
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Solution")]
pub(crate) struct FileSolution {
    /// The solution's id
    pub(crate) id: FileId<SolutionId>,
    /// The solution's name
    pub(crate) name: String,
    /// `ACTIVE`, or another string for a solution that is not in force
    #[serde(default = "active", skip_serializing_if = "is_active")]
    pub(crate) status: String,
    /// The id of the app that owns the solution
    pub(crate) owner_app: FileId<AppId>,
    /// The permissions of the owner's app; without `MESSAGING`, only granular tasks can be assigned
    #[serde(default)]
    #[schemars(with = "Vec<TaskName>")]
    pub(crate) owner_permissions: Vec<String>,
    /// The partners' apps
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) partners: Vec<FilePartner>,
}

/// A partner's app in a Multi-Partner Solution
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Partner")]
pub(crate) struct FilePartner {
    /// The app's id
    pub(crate) app: FileId<AppId>,
    /// The permissions of the app; without `MESSAGING`, only granular tasks can be assigned
    #[serde(default)]
    #[schemars(with = "Vec<TaskName>")]
    pub(crate) permissions: Vec<String>,
}

/// A WhatsApp Business Account
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Waba")]
pub(crate) struct FileWaba {
    /// The WABA's id
    pub(crate) id: FileId<WabaId>,
    /// The WABA's name
    pub(crate) name: String,
    /// The id of the business that owns the WABA
    pub(crate) owned_by: FileId<BusinessId>,
    /// The businesses that the WABA is shared with
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) shared_with: Vec<FileShare>,
    /// The id of the Multi-Partner Solution through which the WABA is shared
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) solution: Option<FileId<SolutionId>>,
    /// The status of the WABA
    #[serde(default = "active", skip_serializing_if = "is_active")]
    pub(crate) status: String,
    /// The status of Meta's review of the account
    #[serde(default = "approved", skip_serializing_if = "is_approved")]
    pub(crate) account_review_status: String,
    /// The status of Meta's verification of the business
    #[serde(default = "verified", skip_serializing_if = "is_verified")]
    pub(crate) business_verification_status: String,
    /// The currency of payments
    #[serde(default = "dollars", skip_serializing_if = "is_dollars")]
    pub(crate) currency: String,
    /// The country of the business that owns the WABA
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
    /// Meta's number of the time zone
    #[serde(default = "first_timezone", skip_serializing_if = "is_first_timezone")]
    pub(crate) timezone_id: String,
    /// The phone numbers of the WABA
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) phone_numbers: Vec<FilePhoneNumber>,
    /// The ids of the apps that are subscribed to the WABA's webhooks
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) subscribed_apps: Vec<FileId<AppId>>,
    /// The assignments on the WABA
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) assigned: Vec<FileAssignment>,
}

/// A phone number of a WABA
#[derive(Deserialize, Serialize, JsonSchema)]
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
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Share")]
pub(crate) struct FileShare {
    /// The id of the business
    pub(crate) business: FileId<BusinessId>,
    /// The tasks that the business can assign; if absent, all tasks
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<TaskName>>")]
    pub(crate) permitted_tasks: Option<Vec<String>>,
}

/// A user's tasks on a WABA
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Assignment")]
pub(crate) struct FileAssignment {
    /// The id of the user; each user occurs once
    pub(crate) user: FileId<UserId>,
    /// The user's tasks
    #[schemars(with = "Vec<TaskName>")]
    pub(crate) tasks: Vec<String>,
}

/// An access token
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Token")]
pub(crate) struct FileToken {
    /// The token as clients send it
    pub(crate) token: String,
    /// The id of the user that the token belongs to
    pub(crate) user: FileId<UserId>,
    /// The id of the app that the token belongs to
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<FileId<AppId>>,
    /// When the token expires, in seconds since 1970; 0 for never
    #[serde(default)]
    pub(crate) expires_at: u64,
    /// The token's scopes; if absent, `business_management` and `whatsapp_business_management`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub(crate) scopes: Option<BTreeSet<String>>,
}

fn employee() -> String {
    "EMPLOYEE".to_owned()
}

fn active() -> String {
    ACTIVE.to_owned()
}

fn is_active(status: &str) -> bool {
    status == ACTIVE
}

fn approved() -> String {
    "APPROVED".to_owned()
}

fn is_approved(status: &str) -> bool {
    status == approved()
}

fn verified() -> String {
    "verified".to_owned()
}

fn is_verified(status: &str) -> bool {
    status == verified()
}

fn dollars() -> String {
    "USD".to_owned()
}

fn is_dollars(currency: &str) -> bool {
    currency == dollars()
}

fn first_timezone() -> String {
    "1".to_owned()
}

fn is_first_timezone(timezone: &str) -> bool {
    timezone == first_timezone()
}

fn business_user() -> String {
    "BUSINESS_USER".to_owned()
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}
