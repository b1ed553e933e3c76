//! Authentication, and the objects that a caller can see.

use super::context::Context;
use super::rejection::Rejection;
use super::request::ApiRequest;
use crate::emulator::world::{Token, User, Waba, World};
use crate::model::{BusinessId, UserId, WabaId};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// The user that a valid token belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'w> {
    pub(crate) id: UserId,
    pub(crate) user: &'w User,
    pub(crate) token: &'w Token,
}

impl<'w> Caller<'w> {
    /// Authenticates a request.
    ///
    /// # Errors
    ///
    /// If the token is absent, unknown or expired, or `appsecret_proof` is required and wrong.
    pub(crate) fn authenticate(context: &Context<'w>, request: &ApiRequest) -> Result<Self, Rejection> {
        let world = context.world;
        let text = request.token.as_deref().ok_or_else(Rejection::no_token)?;
        let token = world.tokens.get(text).ok_or_else(Rejection::unknown_token)?;
        if context.tokens_expired {
            return Err(Rejection::expired_token(context.now.as_second().unsigned_abs()));
        }
        if is_past(token.expires_at, context.now) {
            return Err(Rejection::expired_token(token.expires_at));
        }
        if let Some(secret) = &world.app_secret {
            let given = request.param("appsecret_proof");
            if given != Some(&*proof(secret, text)) {
                return Err(Rejection::wrong_proof(given.is_some()));
            }
        }
        let user = world.users.get(&token.user).ok_or_else(Rejection::unknown_token)?;
        Ok(Self { id: token.user, user, token })
    }

    /// Checks that the token has a scope.
    pub(crate) fn require_scope(&self, scope: &str) -> Result<(), Rejection> {
        if self.token.scopes.contains(scope) {
            return Ok(());
        }
        Err(Rejection::forbidden(format_args!("Requires {scope} permission to manage the object")))
    }

    /// Returns a business by id, if the caller can see it: only its own.
    pub(crate) fn business(&self, world: &'w World, id: &str) -> Option<(BusinessId, &'w str)> {
        let id: BusinessId = id.parse().ok()?;
        let name = world.businesses.get(&id)?;
        (Some(id) == self.user.business).then_some((id, name.as_str()))
    }

    /// Returns a WABA by id, if the caller can see it: its business owns the WABA or has it shared.
    pub(crate) fn waba(&self, world: &'w World, id: &str) -> Option<(WabaId, &'w Waba)> {
        let id: WabaId = id.parse().ok()?;
        let waba = world.wabas().get(&id)?;
        self.sees(waba).then_some((id, waba))
    }

    /// Returns whether the caller can see a WABA: its business owns the WABA or has it shared.
    pub(crate) fn sees(&self, waba: &Waba) -> bool {
        self.user.business.is_some_and(|business| waba.involves(business))
    }
}

/// Returns whether a time in seconds since 1970 has passed. 0 stands for never.
pub(crate) fn is_past(moment: u64, now: Timestamp) -> bool {
    moment != 0 && i64::try_from(moment).is_ok_and(|moment| moment <= now.as_second())
}

/// Returns the `appsecret_proof` of a token: HMAC-SHA256 in hexadecimal.
fn proof(secret: &str, token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC accepts keys of any length");
    mac.update(token.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
