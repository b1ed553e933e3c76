//! The document of `snapshot --diff`: what differs between two snapshots.

use super::parts::{Tool, UserEntry, WabaEntry, documents};
use super::plan::SnapshotEntry;
use super::values::{AsText, Tasks};
use super::words::{ActionWord, HolderWord};
use super::{FORMAT_VERSION, json};
use crate::model::{
    self, AccessDiff, Action, BusinessId, EstateDiff, Name, ObjectDiff, SolutionId, UnknownAccess, UserFacts,
    UserId, WabaFacts, WabaId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// What differs between two snapshots of a business.
    EstateDiffDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The older snapshot; absent if the older file is another world of the emulator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "SnapshotEntry")]
        old: Option<SnapshotEntry>,
        /// The newer snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "SnapshotEntry")]
        new: Option<SnapshotEntry>,
        /// The system users of the business that came, went or changed, by id.
        system_users: Vec<UserDiffEntry<'a>>,
        /// The WABAs that came, went or changed, by id.
        wabas: Vec<WabaDiffEntry<'a>>,
        /// The assignments that came, went or changed, by WABA and user, whoever holds them. Those of a WABA that came or went
        /// are among them.
        access: Vec<AccessDiffEntry<'a>>,
        /// The WABAs on which access is not known in one of the snapshots. It is not compared there.
        unknown: Vec<UnknownEntry<'a>>,
    }
    /// A system user that came, went or changed.
    UserDiffEntry<'a> {
        /// The id.
        id: AsText<UserId>,
        /// What it was; absent if it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<UserFactsEntry<'a>>,
        /// What it is; absent if it went.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserFactsEntry<'a>>,
    }
    /// A system user.
    UserFactsEntry<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// The role; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Cow<'a, str>>,
    }
    /// A WABA that came, went or changed.
    WabaDiffEntry<'a> {
        /// The id.
        id: AsText<WabaId>,
        /// What it was; absent if it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<WabaFactsEntry<'a>>,
        /// What it is; absent if it went.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<WabaFactsEntry<'a>>,
    }
    /// A WABA.
    WabaFactsEntry<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// Whether the business owns it; otherwise it is shared with the business.
        owned: bool,
        /// The tasks that can be assigned; absent if the API does not report them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permitted_tasks: Option<Tasks>,
        /// The ids of the solutions through which it is shared; absent if they are not known on one side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        solutions: Option<Vec<AsText<SolutionId>>>,
    }
    /// An assignment that came, went or changed.
    AccessDiffEntry<'a> {
        /// What happened.
        action: ActionWord,
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// Whose assignment it is.
        holder: HolderWord,
        /// The tasks before.
        before: Tasks,
        /// The tasks after.
        after: Tasks,
    }
    /// A WABA on which access is not known.
    UnknownEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// Whether access is not known in the older snapshot.
        old: bool,
        /// Whether access is not known in the newer snapshot.
        new: bool,
    }
}

/// Writes what differs as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn estate_diff(diff: &EstateDiff, to: impl io::Write) -> io::Result<()> {
    let mark = |mark: &Option<model::SnapshotMark>| mark.as_ref().map(SnapshotEntry::of);
    let document = EstateDiffDocument {
        format_version: FORMAT_VERSION.into(),
        tool: Tool::this(),
        business: AsText(diff.business),
        old: mark(&diff.old),
        new: mark(&diff.new),
        system_users: diff.users.iter().map(user).collect(),
        wabas: diff.wabas.iter().map(waba).collect(),
        access: diff.access.iter().map(access).collect(),
        unknown: diff.unknown.iter().map(unknown).collect(),
    };
    json::write_document(&document, to)
}

fn text(name: &Name) -> Cow<'_, str> {
    name.as_str().into()
}

fn user(diff: &ObjectDiff<UserId, UserFacts>) -> UserDiffEntry<'_> {
    let facts = |facts: &'_ Option<UserFacts>| -> Option<UserFactsEntry<'static>> {
        let facts = facts.as_ref()?;
        let name = facts.name.as_str().to_owned().into();
        Some(UserFactsEntry { name, role: facts.role.clone().map(Cow::Owned) })
    };
    UserDiffEntry { id: AsText(diff.id), before: facts(&diff.before), after: facts(&diff.after) }
}

fn waba_facts(facts: &WabaFacts) -> WabaFactsEntry<'_> {
    let solutions = facts.solutions.as_ref();
    WabaFactsEntry {
        name: text(&facts.name),
        owned: facts.owned,
        permitted_tasks: facts.permitted_tasks.clone().map(Tasks),
        solutions: solutions.map(|ids| ids.iter().copied().map(AsText).collect()),
    }
}

fn waba(diff: &ObjectDiff<WabaId, WabaFacts>) -> WabaDiffEntry<'_> {
    WabaDiffEntry {
        id: AsText(diff.id),
        before: diff.before.as_ref().map(waba_facts),
        after: diff.after.as_ref().map(waba_facts),
    }
}

fn access(diff: &AccessDiff) -> AccessDiffEntry<'_> {
    AccessDiffEntry {
        action: Action::between(&diff.before, &diff.after).into(),
        waba: WabaEntry::new(diff.key.waba, &diff.waba),
        user: UserEntry::new(diff.key.user, &diff.user),
        holder: diff.holder.into(),
        before: Tasks(diff.before.clone()),
        after: Tasks(diff.after.clone()),
    }
}

fn unknown(unknown: &UnknownAccess) -> UnknownEntry<'_> {
    let waba = WabaEntry::new(unknown.id, &unknown.name);
    UnknownEntry { waba, old: unknown.in_old, new: unknown.in_new }
}
