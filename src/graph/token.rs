//! The token: its user, its scopes, its end.

use super::error::{GraphError, shorten};
use super::http::ApiCall;
use super::http::wire::{DebugTokenBody, EmulatorMark, MeBody, WireSnapshot};
use super::reader::Reader;
use crate::model::{AppId, LiveSource, Name, SnapshotMark, UserId};
use crate::redact;
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// The user that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The id, as this app's token sees it.
    pub id: UserId,
    /// The name.
    pub name: Name,
}

/// The API's description of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The app that the token belongs to.
    pub app_id: Option<AppId>,
    /// The user that the token belongs to.
    pub user_id: Option<UserId>,
    /// Whether the token is valid.
    pub is_valid: bool,
    /// When the token ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// The scopes of the token.
    pub scopes: Vec<String>,
    /// Why the token is invalid, if the API says so; escaped.
    pub error: Option<String>,
    /// Who described it: the API, or an emulator of this program.
    pub live_source: LiveSource,
}

impl Reader {
    /// Reads the user that the token belongs to.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`] of a read.
    pub async fn me(&self) -> Result<Me, GraphError> {
        let me: MeBody = self.retrier.get(ApiCall::get("me", &[("fields", "id,name")])).await?;
        let what = String::from("the id of `me` is not a number");
        let id = me.id.parse().map_err(|_| GraphError::UnexpectedResponse { status: 200, what })?;
        Ok(Me { id, name: Name::from(&*me.name) })
    }

    /// Reads the description of the token. The address of this one call contains the token; it is never logged.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`] of a read. An invalid token can also be a successful response: see [`TokenInfo::is_valid`].
    pub async fn token_info(&self) -> Result<TokenInfo, GraphError> {
        let secrets = self.retrier.transport.secrets();
        let query = [("input_token", secrets.token().expose_secret())];
        let call = ApiCall::get("debug_token", &query).unbatched();
        let DebugTokenBody { data } = self.retrier.get(call).await?;
        let expires_at = data.expires_at.filter(|seconds| *seconds > 0);
        Ok(TokenInfo {
            app_id: data.app_id.and_then(|id| id.parse().ok()),
            user_id: data.user_id.and_then(|id| id.parse().ok()),
            is_valid: data.is_valid,
            expires_at: expires_at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            scopes: data.scopes,
            error: data.error.map(|error| shorten(&redact::text(&error.message))),
            live_source: live_source(data.wabacl_emulator),
        })
    }
}

/// Returns where live state comes from. Only an emulator sends a mark.
fn live_source(mark: Option<EmulatorMark>) -> LiveSource {
    match mark {
        None => LiveSource::Api,
        Some(EmulatorMark { snapshot }) => {
            snapshot.and_then(snapshot_mark).map_or(LiveSource::Emulator, LiveSource::Snapshot)
        }
    }
}

fn snapshot_mark(mark: WireSnapshot) -> Option<SnapshotMark> {
    Some(SnapshotMark {
        taken: mark.taken.parse().ok()?,
        business: mark.business.parse().ok()?,
        acting_user: mark.acting_user.and_then(|id| id.parse().ok()),
        without_names: mark.without_names,
        changed: mark.changed,
        left_out: mark.left_out.iter().filter_map(|id| id.parse().ok()).collect(),
    })
}
