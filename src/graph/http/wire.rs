//! The JSON of requests and responses. Unknown fields are ignored, and most fields may be missing.

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An id: a string of digits, or a number.
#[derive(Debug, Clone)]
pub(in crate::graph) struct WireId(String);

impl WireId {
    /// Parses it as an id of the model.
    pub(in crate::graph) fn parse<T: std::str::FromStr>(&self) -> Result<T, T::Err> {
        self.0.parse()
    }

    pub(in crate::graph) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WireId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = WireId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WireId, E> {
                Ok(WireId(text.to_owned()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<WireId, E> {
                Ok(WireId(number.to_string()))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// The envelope of every error.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct ErrorEnvelope {
    pub(in crate::graph) error: ErrorBody,
}

/// An error of the API.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct ErrorBody {
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) message: String,
    /// Distinguishes some errors that share a code.
    #[serde(default, rename = "type", deserialize_with = "if_fits")]
    pub(in crate::graph) kind: Option<String>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) code: Option<i32>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) error_subcode: Option<i32>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) is_transient: Option<bool>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) fbtrace_id: Option<String>,
    /// Meta's texts for end users.
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) error_user_title: Option<String>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) error_user_msg: Option<String>,
}

impl ErrorBody {
    /// Returns all texts that are shown to users.
    pub(in crate::graph) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let optional = [&mut self.fbtrace_id, &mut self.error_user_title, &mut self.error_user_msg];
        std::iter::once(&mut self.message).chain(optional.into_iter().flatten())
    }

    /// Returns the part of the texts for end users that the message does not contain.
    pub(in crate::graph) fn explanation(&self) -> Option<String> {
        let contains =
            |text: &str, part: &str| text.to_lowercase().contains(part.to_lowercase().trim_end_matches('.'));
        let new = |text: Option<&str>, other: &str| {
            let text = text.unwrap_or_default().trim();
            (!contains(&self.message, text) && !contains(other, text)).then(|| text.to_owned())
        };
        let text = new(self.error_user_msg.as_deref(), "");
        let title = new(self.error_user_title.as_deref(), text.as_deref().unwrap_or_default());
        match (title, text) {
            (Some(title), Some(text)) => Some(format!("{title}: {text}")),
            (title, text) => title.or(text),
        }
    }
}

/// Reads a value, or `None` if it has another type: an odd field must not hide the error code.
fn if_fits<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| serde_json::from_value(value).ok())
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct ListPage<T> {
    pub(in crate::graph) data: Vec<T>,
    pub(in crate::graph) paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct Paging {
    pub(in crate::graph) cursors: Option<Cursors>,
    /// Whether there is a next page. The address itself contains the token and is never followed.
    #[serde(default, deserialize_with = "is_present")]
    pub(in crate::graph) next: bool,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct Cursors {
    pub(in crate::graph) after: Option<String>,
}

/// Returns whether a value is present, without keeping it.
fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<serde::de::IgnoredAny>::deserialize(deserializer).map(|value| value.is_some())
}

/// Reads an optional value: `null` is the same as a missing one.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct SystemUserRow {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
    pub(in crate::graph) role: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct WabaRow {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
    pub(in crate::graph) permitted_tasks: Option<Vec<String>>,
    /// The business that owns it, if asked for.
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) owner_business_info: Option<RowBusiness>,
    /// The assignments, if asked for. The API omits them for a WABA without holders.
    pub(in crate::graph) assigned_users: Option<ListPage<AssignedUserRow>>,
}

/// A row of `assigned_users`. One without `tasks` is unknown, not empty.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct AssignedUserRow {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
    pub(in crate::graph) user_type: Option<String>,
    pub(in crate::graph) business: Option<RowBusiness>,
    pub(in crate::graph) tasks: Option<Vec<String>>,
}

/// The business that a row's user belongs to.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct RowBusiness {
    pub(in crate::graph) id: Option<WireId>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) name: Option<String>,
}

/// A row of `assigned_whatsapp_business_accounts`. The v23 document has `permissions` instead of `tasks`.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct AssignedWabaRow {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
    pub(in crate::graph) tasks: Option<Vec<String>>,
    pub(in crate::graph) permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct SolutionRow {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
    pub(in crate::graph) status: Option<String>,
    pub(in crate::graph) owner_app: Option<SolutionApp>,
    pub(in crate::graph) owner_permissions: Option<Vec<String>>,
    pub(in crate::graph) partners: Option<ListPage<SolutionPartner>>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct SolutionPartner {
    pub(in crate::graph) partner_app: Option<SolutionApp>,
    pub(in crate::graph) partner_permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct SolutionApp {
    pub(in crate::graph) id: WireId,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct MeBody {
    pub(in crate::graph) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) name: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct DebugTokenBody {
    pub(in crate::graph) data: DebugTokenData,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct DebugTokenData {
    pub(in crate::graph) app_id: Option<WireId>,
    pub(in crate::graph) user_id: Option<WireId>,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) is_valid: bool,
    pub(in crate::graph) expires_at: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) scopes: Vec<String>,
    pub(in crate::graph) error: Option<DebugTokenError>,
    /// What only this program's emulator sends.
    #[serde(default, deserialize_with = "if_fits")]
    pub(in crate::graph) wabacl_emulator: Option<EmulatorMark>,
}

/// What this program's emulator says of itself.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct EmulatorMark {
    /// What the snapshot that it serves says of itself.
    pub(in crate::graph) snapshot: Option<WireSnapshot>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct WireSnapshot {
    pub(in crate::graph) taken: String,
    pub(in crate::graph) business: WireId,
    pub(in crate::graph) acting_user: Option<WireId>,
    pub(in crate::graph) without_names: bool,
    pub(in crate::graph) changed: bool,
    pub(in crate::graph) left_out: Vec<WireId>,
}

#[derive(Debug, Deserialize)]
pub(in crate::graph) struct DebugTokenError {
    #[serde(default, deserialize_with = "or_default")]
    pub(in crate::graph) message: String,
}

/// The body of an assignment. It replaces the user's whole task set.
#[derive(Debug, Clone, Serialize)]
pub(in crate::graph) struct AssignmentBody {
    pub(in crate::graph) user: String,
    pub(in crate::graph) tasks: Vec<String>,
}

impl AssignmentBody {
    /// Returns the fields of the body as a form.
    pub(in crate::graph) fn form(&self) -> impl Iterator<Item = (String, &str)> {
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.map(|(index, task)| (format!("tasks[{index}]"), task.as_str()));
        std::iter::once((String::from("user"), self.user.as_str())).chain(tasks)
    }
}

/// The response to one item of a batch; its body is JSON in a string.
#[derive(Debug, Deserialize)]
pub(in crate::graph) struct BatchItem {
    pub(in crate::graph) code: u16,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<BatchItemHeader>,
    pub(in crate::graph) body: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BatchItemHeader {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) value: String,
}

/// The response to a write.
#[derive(Debug)]
pub(in crate::graph) struct WriteBody {
    pub(in crate::graph) success: bool,
}

impl<'de> Deserialize<'de> for WriteBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object {
            success: Option<bool>,
        }
        let object = Object::deserialize(deserializer)?;
        object.success.map(|success| Self { success }).ok_or_else(|| D::Error::missing_field("success"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_field_does_not_hide_the_error_code() {
        let body =
            r#"{"error":{"message":"m","code":190,"error_subcode":"463","is_transient":0,"fbtrace_id":7}}"#;
        let error = serde_json::from_str::<ErrorEnvelope>(body).unwrap().error;
        assert_eq!((error.code, error.error_subcode, error.is_transient), (Some(190), None, None));
    }
}
