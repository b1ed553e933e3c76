//! Waivers: which breaches of a guard are let pass for one run. It must not know what breaks a guard.

use super::{DeclaredNames, Guard, Judgement, Violation};
use crate::model::{Name, Plan, UserId, WabaId};
use crate::text::{escape, suggest};
use std::collections::BTreeSet;
use std::fmt;

/// That a guard's violations are let pass for one run, whole or for one WABA or user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The guard.
    pub guard: Guard,
    /// The name or id of the one WABA or user for which it is let pass; `None` for all.
    pub target: Option<String>,
}

/// The error of reading a waiver: its first part is no guard's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no guard is called `{0}`; the guards are max-removals, min-holders, self, protected-user, not-permitted"
)]
pub struct UnknownGuard(String);

/// Reads `CODE` or `CODE=TARGET`.
impl std::str::FromStr for Waiver {
    type Err = UnknownGuard;

    fn from_str(text: &str) -> Result<Self, UnknownGuard> {
        let (code, target) = match text.split_once('=') {
            Some((code, target)) => (code, Some(target.to_owned())),
            None => (text, None),
        };
        let guard = Guard::ALL.into_iter().find(|guard| guard.code() == code);
        let guard = guard.ok_or_else(|| UnknownGuard(escape(code).into_owned()))?;
        Ok(Self { guard, target })
    }
}

/// Shows a waiver as it is given.
impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "{}={}", self.guard.code(), escape(target)),
            None => f.write_str(self.guard.code()),
        }
    }
}

/// A waiver that lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// Why it is idle.
    pub why: WhyIdle,
}

/// Why a waiver lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyIdle {
    /// The plan keeps the guard, there or as a whole.
    Kept,
    /// Nothing that the manifests declare or the plan speaks of is called like its target.
    NoSuchName {
        /// The names that are nearly like it, nearest first.
        near: Vec<Name>,
    },
}

/// Parts the breaches into those that stop the plan and those that a waiver lets pass.
pub(super) fn apply(
    all: Vec<Violation>,
    waivers: &[Waiver],
    plan: &Plan,
    names: &DeclaredNames,
) -> Judgement {
    let meant: Vec<Meant<'_>> = waivers.iter().map(|waiver| Meant::of(waiver, plan, names)).collect();
    let (waived, violations): (Vec<_>, _) =
        all.into_iter().partition(|violation| meant.iter().any(|meant| meant.covers(violation)));
    let idle = meant.iter().filter(|meant| !waived.iter().any(|violation| meant.covers(violation)));
    let idle = idle.map(|meant| meant.idle(plan, names)).collect();
    Judgement { violations, waived, idle }
}

/// A waiver with its target looked up.
struct Meant<'a> {
    waiver: &'a Waiver,
    wabas: BTreeSet<WabaId>,
    users: BTreeSet<UserId>,
}

impl<'a> Meant<'a> {
    /// Looks a target up among the names of the manifests and the ids; a name that only the API tells counts
    /// where it is none of these, as others chose it.
    fn of(waiver: &'a Waiver, plan: &Plan, names: &DeclaredNames) -> Self {
        let mut meant = Self { waiver, wabas: BTreeSet::new(), users: BTreeSet::new() };
        let Some(target) = &waiver.target else { return meant };
        meant.wabas.extend(names.wabas.get(target.as_str()));
        meant.users.extend(names.users.get(target.as_str()));
        let is_waba =
            |id: &WabaId| plan.waba_names.contains_key(id) || names.wabas.values().any(|waba| waba == id);
        let is_user =
            |id: &UserId| plan.user_names.contains_key(id) || names.users.values().any(|user| user == id);
        meant.wabas.extend(target.parse().ok().filter(is_waba));
        meant.users.extend(target.parse().ok().filter(is_user));
        if meant.is_nothing() {
            let wabas = plan.waba_names.iter().filter(|(_, name)| name.as_str() == target);
            let users = plan.user_names.iter().filter(|(_, name)| name.as_str() == target);
            meant.wabas.extend(wabas.map(|(waba, _)| *waba));
            meant.users.extend(users.map(|(user, _)| *user));
        }
        meant
    }

    fn is_nothing(&self) -> bool {
        self.wabas.is_empty() && self.users.is_empty()
    }

    fn covers(&self, violation: &Violation) -> bool {
        let there = self.waiver.target.is_none()
            || violation.waba.is_some_and(|waba| self.wabas.contains(&waba))
            || violation.user.is_some_and(|user| self.users.contains(&user));
        there && violation.code == self.waiver.guard.code()
    }

    /// Says why the waiver lets nothing pass.
    fn idle(&self, plan: &Plan, names: &DeclaredNames) -> IdleWaiver {
        let why = match &self.waiver.target {
            Some(target) if self.is_nothing() => {
                let declared = names.wabas.keys().chain(names.users.keys());
                let live = plan.waba_names.values().chain(plan.user_names.values());
                let known: BTreeSet<&str> = declared.chain(live).map(Name::as_str).collect();
                WhyIdle::NoSuchName { near: suggest(target, known).into_iter().map(Name::from).collect() }
            }
            Some(_) | None => WhyIdle::Kept,
        };
        IdleWaiver { waiver: self.waiver.clone(), why }
    }
}
