//! Who calls: what the token of a request stands for, and what that lets its user see.

use super::api::Scene;
use super::refusal::Refusal;
use super::request::Request;
use super::world::{Token, User, Waba, World};
use crate::model::{BusinessId, UserId, WabaId};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// The user behind a good token.
#[derive(Clone, Copy)]
pub(super) struct Caller<'w> {
    pub(super) id: UserId,
    pub(super) user: &'w User,
    pub(super) token: &'w Token,
}

impl<'w> Caller<'w> {
    /// Finds who calls, where the token and its proof are good.
    pub(super) fn of(scene: &Scene<'w>, request: &Request) -> Result<Self, Refusal> {
        let world = scene.world;
        let text = request.token.as_deref().ok_or_else(Refusal::no_token)?;
        let token = world.tokens.get(text).ok_or_else(Refusal::unknown_token)?;
        if scene.tokens_are_over {
            return Err(Refusal::expired_token(scene.now.as_second().unsigned_abs()));
        }
        if is_over(token.expires_at, scene.now) {
            return Err(Refusal::expired_token(token.expires_at));
        }
        if let Some(secret) = &world.app_secret {
            let given = request.param("appsecret_proof");
            if given != Some(&*proof(secret, text)) {
                return Err(Refusal::wrong_proof(given.is_some()));
            }
        }
        let user = world.users.get(&token.user).ok_or_else(Refusal::unknown_token)?;
        Ok(Self { id: token.user, user, token })
    }

    /// Makes sure that the token has a scope.
    pub(super) fn needs(&self, scope: &str) -> Result<(), Refusal> {
        if self.token.scopes.contains(scope) {
            return Ok(());
        }
        Err(Refusal::forbidden(format_args!("Requires {scope} permission to manage the object")))
    }

    /// Finds a business that the caller may see: its own.
    pub(super) fn business(&self, world: &'w World, id: &str) -> Option<(BusinessId, &'w str)> {
        let id: BusinessId = id.parse().ok()?;
        let name = world.businesses.get(&id)?;
        (id == self.user.business).then_some((id, name.as_str()))
    }

    /// Finds a WABA that the caller may see: one that its business owns or has shared.
    pub(super) fn waba(&self, world: &'w World, id: &str) -> Option<(WabaId, &'w Waba)> {
        let id: WabaId = id.parse().ok()?;
        let waba = world.wabas().get(&id)?;
        waba.involves(self.user.business).then_some((id, waba))
    }
}

/// Returns whether a moment is past, in seconds since 1970; 0 never is.
pub(super) fn is_over(moment: u64, now: Timestamp) -> bool {
    moment != 0 && i64::try_from(moment).is_ok_and(|moment| moment <= now.as_second())
}

/// Returns the proof that a caller knows the app's secret.
fn proof(secret: &str, token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(token.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
