//! What the answers look like on the wire. All but what is needed is ignored, and may be missing.

use super::answer::Signals;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An id as the wire gives it: a string of digits, or a number.
#[derive(Debug, Clone)]
pub(super) struct WireId(String);

impl WireId {
    /// Reads it as one of the model's ids.
    pub(super) fn parse<T: std::str::FromStr>(&self) -> Result<T, T::Err> {
        self.0.parse()
    }

    pub(super) fn as_str(&self) -> &str {
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

/// The envelope that every refusal comes in.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) error: ErrorBody,
}

/// A refusal.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) code: i64,
    #[serde(default, deserialize_with = "if_fits")]
    pub(super) error_subcode: Option<i64>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(super) is_transient: Option<bool>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(super) fbtrace_id: Option<String>,
    /// What Meta would show a person.
    #[serde(default, deserialize_with = "if_fits")]
    pub(super) error_user_title: Option<String>,
    #[serde(default, deserialize_with = "if_fits")]
    pub(super) error_user_msg: Option<String>,
}

impl ErrorBody {
    /// Returns all texts in it that are shown.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let optional = [&mut self.fbtrace_id, &mut self.error_user_title, &mut self.error_user_msg];
        std::iter::once(&mut self.message).chain(optional.into_iter().flatten())
    }

    /// Returns what title and text for people say beyond the message.
    pub(super) fn explanation(&self) -> Option<String> {
        let says =
            |text: &str, part: &str| text.to_lowercase().contains(part.to_lowercase().trim_end_matches('.'));
        let new = |text: Option<&str>, beside: &str| {
            let text = text.unwrap_or_default().trim();
            (!says(&self.message, text) && !says(beside, text)).then(|| text.to_owned())
        };
        let text = new(self.error_user_msg.as_deref(), "");
        let title = new(self.error_user_title.as_deref(), text.as_deref().unwrap_or_default());
        match (title, text) {
            (Some(title), Some(text)) => Some(format!("{title}: {text}")),
            (title, text) => title.or(text),
        }
    }
}

/// Reads a value that may be of another type, which then says nothing: it must not hide the code beside it.
fn if_fits<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| serde_json::from_value(value).ok())
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    pub(super) paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    pub(super) cursors: Option<Cursors>,
    /// Only whether it is there: it holds the access token, and is never followed.
    #[serde(default, deserialize_with = "is_there")]
    pub(super) next: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cursors {
    pub(super) after: Option<String>,
}

/// Reads whether a value is there, without keeping it.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<serde::de::IgnoredAny>::deserialize(deserializer).map(|value| value.is_some())
}

/// Reads a value that is not needed: `null` is the same as not being there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize)]
pub(super) struct SystemUserRow {
    pub(super) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) role: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WabaRow {
    pub(super) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) permitted_tasks: Option<Vec<String>>,
    /// Who holds what, where that was asked for; left out where nobody holds anything.
    pub(super) assigned_users: Option<Page<AssignedUserRow>>,
}

/// A row of `assigned_users`. One without `tasks` is unknown, not empty.
#[derive(Debug, Deserialize)]
pub(super) struct AssignedUserRow {
    pub(super) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) user_type: Option<String>,
    pub(super) business: Option<RowBusiness>,
    pub(super) tasks: Option<Vec<String>>,
}

/// The business that a row's user belongs to.
#[derive(Debug, Deserialize)]
pub(super) struct RowBusiness {
    pub(super) id: Option<WireId>,
}

/// A row of `assigned_whatsapp_business_accounts`: the v23 document says `permissions` for `tasks`.
#[derive(Debug, Deserialize)]
pub(super) struct AssignedWabaRow {
    pub(super) id: WireId,
    pub(super) tasks: Option<Vec<String>>,
    pub(super) permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Solution {
    pub(super) id: WireId,
    pub(super) status: Option<String>,
    pub(super) owner_app: Option<App>,
    pub(super) owner_permissions: Option<Vec<String>>,
    pub(super) partners: Option<Page<Partner>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Partner {
    pub(super) partner_app: Option<App>,
    pub(super) partner_permissions: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub(super) id: WireId,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) id: WireId,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct DebugToken {
    pub(super) data: DebugTokenData,
}

#[derive(Debug, Deserialize)]
pub(super) struct DebugTokenData {
    pub(super) app_id: Option<WireId>,
    pub(super) user_id: Option<WireId>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) is_valid: bool,
    pub(super) expires_at: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) scopes: Vec<String>,
    pub(super) error: Option<DebugTokenError>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DebugTokenError {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
}

/// The body of an assignment. It replaces the user's whole set.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Assignment {
    pub(super) user: String,
    pub(super) tasks: Vec<String>,
}

impl Assignment {
    /// Returns it as the pairs of a form.
    pub(super) fn form(&self) -> impl Iterator<Item = (String, &str)> {
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.map(|(index, task)| (format!("tasks[{index}]"), task.as_str()));
        std::iter::once((String::from("user"), self.user.as_str())).chain(tasks)
    }
}

/// The answer to an item of a batch: an answer of its own, as a text.
#[derive(Debug, Deserialize)]
pub(super) struct BatchItem {
    pub(super) code: u16,
    #[serde(default, deserialize_with = "or_default")]
    headers: Vec<Header>,
    pub(super) body: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    value: String,
}

impl BatchItem {
    /// Reads what the item's own headers tell.
    pub(super) fn signals(&self) -> Signals {
        Signals::read(|name| {
            let header = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.map(|header| header.value.as_str())
        })
    }
}

/// The answer to a write.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) success: bool,
}

impl<'de> Deserialize<'de> for Written {
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
    fn an_odd_field_beside_it_does_not_hide_the_code() {
        let body =
            r#"{"error":{"message":"m","code":190,"error_subcode":"463","is_transient":0,"fbtrace_id":7}}"#;
        let error = serde_json::from_str::<ErrorEnvelope>(body).unwrap().error;
        assert_eq!((error.code, error.error_subcode, error.is_transient), (190, None, None));
    }
}
