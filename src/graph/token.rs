//! Whose token it is, and how long it lasts.

use super::Reader;
use super::call::Call;
use super::client::broken;
use super::error::{GraphError, shortened};
use super::wire::{DebugToken, Named};
use crate::model::{AppId, Name, UserId};
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// The user that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Its id, as this app's token sees it.
    pub id: UserId,
    /// Its name.
    pub name: Name,
}

/// What the API tells of the token that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The app that the token belongs to.
    pub app_id: Option<AppId>,
    /// The user that the token belongs to.
    pub user_id: Option<UserId>,
    /// Whether it is good.
    pub is_valid: bool,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Why it is no good, where the API tells; harmless.
    pub error: Option<String>,
}

impl Reader {
    /// Asks whose token it is.
    ///
    /// # Errors
    ///
    /// Every [`GraphError`] of a read.
    pub async fn me(&self) -> Result<Me, GraphError> {
        let me: Named = self.client.get(Call::get("me", &[("fields", "id,name")])).await?;
        let id = me.id.parse().map_err(|_| broken("the id of `me` is no number"))?;
        Ok(Me { id, name: Name::from(&*me.name) })
    }

    /// Asks what the token is. The address of this one call holds the token; it is never logged.
    ///
    /// # Errors
    ///
    /// Every [`GraphError`] of a read. A token that is no good can be an answer too: see [`TokenInfo::is_valid`].
    pub async fn token_info(&self) -> Result<TokenInfo, GraphError> {
        let token = self.client.transport.token().clone();
        let query = [("input_token", token.expose_secret())];
        let DebugToken { data } = self.client.get(Call::get("debug_token", &query).alone()).await?;
        let expires_at = data.expires_at.filter(|seconds| *seconds > 0);
        Ok(TokenInfo {
            app_id: data.app_id.and_then(|id| id.parse().ok()),
            user_id: data.user_id.and_then(|id| id.parse().ok()),
            is_valid: data.is_valid,
            expires_at: expires_at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            scopes: data.scopes,
            error: data.error.map(|error| shortened(&self.client.transport.redacted(&error.message))),
        })
    }
}
