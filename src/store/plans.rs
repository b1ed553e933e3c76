//! Saved plans in a state that machines share: one object for each plan, by its digest, and the names under which plans wait for an
//! apply. Nothing is replaced. This module does not know what is in a plan.

use super::error::JournalError;
use super::remote::Remote;
use super::state::{Backend, StateStore};
use crate::chain::Body;
use crate::model::BusinessId;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The longest name, in characters. Names of objects may have more.
const LONGEST: usize = 150;

/// How many of the last runs are looked at for the plan that was applied last. A guess: runs that apply only a part keep none.
pub const LAST_RUNS: usize = 50;

/// The name under which a plan waits for an apply: letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanName(String);

impl FromStr for PlanName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if begins && text.len() <= LONGEST && text.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "expected up to 150 letters, digits, dots, dashes and underscores, starting with a letter or digit",
            )
        }
    }
}

impl fmt::Display for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the digits of a digest, if it is one.
pub(super) fn digits(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    let is_digest =
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then_some(digits)
}

pub(super) fn plan_name(business: BusinessId, digits: &str) -> String {
    format!("{business}/plans/{digits}.json")
}

fn names_folder(business: BusinessId, name: &PlanName) -> String {
    format!("{business}/plan-names/{name}")
}

/// Returns the object that gives a plan a name.
pub(super) fn named_plan(business: BusinessId, name: &PlanName, digits: &str) -> String {
    format!("{}/{digits}", names_folder(business, name))
}

impl Remote {
    /// Names a saved plan.
    pub(super) async fn name_plan(
        &self,
        business: BusinessId,
        name: &PlanName,
        digits: &str,
    ) -> Result<(), JournalError> {
        let object = named_plan(business, name, digits);
        self.objects.create(&object, &Body::from(format!("sha256:{digits}").as_bytes())).await.map(drop)
    }

    /// Returns the names of plans with the digits of their digests, each with the time at which it was given.
    pub(super) async fn named_plans(
        &self,
        business: BusinessId,
    ) -> Result<Vec<((PlanName, String), Timestamp)>, JournalError> {
        let found = self.objects.list_below(&format!("{business}/plan-names")).await?;
        let named = |(path, put): &(String, Timestamp)| {
            let (name, found) = path.split_once('/')?;
            let digits = digits(&format!("sha256:{found}"))?.to_owned();
            Some(((name.parse().ok()?, digits), *put))
        };
        Ok(found.iter().filter_map(named).collect())
    }
}

impl StateStore {
    /// Saves a plan under its digest, and under a name if one is given. A plan of this digest that is there already stays. Does nothing
    /// if machines do not share the state.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn save_plan(
        &self,
        business: BusinessId,
        digest: &str,
        plan: Vec<u8>,
        name: Option<&PlanName>,
    ) -> Result<(), JournalError> {
        let (Backend::Remote(remote), Some(digits)) = (&self.backend, digits(digest)) else { return Ok(()) };
        remote.objects.create(&plan_name(business, digits), &plan.into()).await?;
        if let Some(name) = name {
            remote.name_plan(business, name, digits).await?;
        }
        Ok(())
    }

    /// Returns the plan with a digest, as it was saved; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn plan(&self, business: BusinessId, digest: &str) -> Result<Option<Body>, JournalError> {
        match (&self.backend, digits(digest)) {
            (Backend::Remote(remote), Some(digits)) => remote.objects.get(&plan_name(business, digits)).await,
            _ => Ok(None),
        }
    }

    /// Returns the digests of the plans with a name.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn plans_named(
        &self,
        business: BusinessId,
        name: &PlanName,
    ) -> Result<Vec<String>, JournalError> {
        let Backend::Remote(remote) = &self.backend else { return Ok(Vec::new()) };
        let found = remote.objects.list(&names_folder(business, name), None).await?;
        let digest = |digits_of: &String| {
            let digest = format!("sha256:{digits_of}");
            digits(&digest).is_some().then_some(digest)
        };
        Ok(found.iter().filter_map(digest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_cannot_leave_its_folder() {
        for good in ["default-0a1b2c", "a", "A.b_c-1"] {
            assert_eq!(good.parse::<PlanName>().unwrap().to_string(), good);
        }
        for bad in ["", ".", "..", "a/b", "-a", "a b", "\u{e4}", &"a".repeat(151)] {
            bad.parse::<PlanName>().unwrap_err();
        }
        assert_eq!(digits(&format!("sha256:{}", "0f".repeat(32))), Some(&*"0f".repeat(32)));
        for bad in [
            "sha256:",
            "0f",
            &format!("sha256:{}", "0F".repeat(32)),
            &format!("sha256:../{}", "0".repeat(61)),
        ] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
