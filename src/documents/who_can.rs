//! The answer of `who-can`: who holds some tasks on which WABAs, and by which lines.

use super::parts::{GrantEntry, Tool, UserName, WabaEntry, documents};
use super::plan::UnreadableEntry;
use super::values::{AsText, Tasks};
use super::words::{StandingWord, WhenWord};
use super::{FORMAT_VERSION, json};
use crate::model::{BusinessId, WabaId};
use crate::query::{Holding, WhoCan};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// Who holds some tasks.
    WhoCanDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The state that the answer is about.
        at: WhenWord,
        /// The instant for which grants are in force, in UTC.
        now: AsText<Timestamp>,
        /// The tasks that were asked for.
        tasks: Tasks,
        /// Whether one of the tasks suffices; else a holder has all of them.
        any: bool,
        /// Who holds them, by WABA and then by user.
        holders: Vec<HoldingEntry<'a>>,
        /// The WABAs on which nobody holds them.
        nobody: Vec<WabaEntry<'a>>,
        /// The WABAs that could not be read.
        unreadable: Vec<UnreadableEntry<'a>>,
        /// The number of rules that discover WABAs and were not followed, because the API was not used.
        undiscovered: usize,
        /// The numbers of the answer.
        summary: WhoCanSummary,
    }
    /// Somebody who holds the tasks on a WABA.
    HoldingEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserName<'a>,
        /// How the manifests see the user.
        standing: StandingWord,
        /// Whether it is a system user or a person of the business itself.
        own: bool,
        /// The tasks of its assignment; none if it holds everything by its role.
        holds: Tasks,
        /// Whether it holds the tasks that were asked for only because its role is ADMIN.
        by_role: bool,
        /// Whether the manifests ask for it.
        desired: bool,
        /// The grants and exceptions in force that give it some of the tasks.
        granted_by: Vec<GrantEntry<'a>>,
    }
    /// The numbers of an answer.
    WhoCanSummary {
        /// Users that hold the tasks somewhere.
        users: usize,
        /// Pairs of a WABA and a user.
        holders: usize,
        /// WABAs that the question is about.
        wabas: usize,
        /// WABAs on which nobody holds the tasks.
        nobody: usize,
        /// WABAs that could not be read.
        unreadable: usize,
    }
}

/// Writes an answer as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn who_can(answered: &WhoCan<'_>, to: impl io::Write) -> io::Result<()> {
    json::write_document(&WhoCanDocument::of(answered), to)
}

impl<'a> WhoCanDocument<'a> {
    fn of(answered: &WhoCan<'a>) -> Self {
        let WhoCan { evidence, question, answer, .. } = answered;
        let waba = |waba: &WabaId| WabaEntry::named(*waba, evidence.waba_name(*waba));
        let unreadable =
            |(id, why): (&WabaId, &&'a str)| UnreadableEntry { waba: waba(id), error: Cow::Borrowed(*why) };
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            business: AsText(evidence.desired.business),
            at: question.when.into(),
            now: AsText(evidence.desired.now),
            tasks: Tasks(question.tasks.clone()),
            any: question.any,
            holders: answer.holders.iter().map(|holding| HoldingEntry::of(answered, holding)).collect(),
            nobody: answer.nobody.iter().map(waba).collect(),
            unreadable: answer.unreadable.iter().map(unreadable).collect(),
            undiscovered: answered.undiscovered,
            summary: WhoCanSummary {
                users: answer.users(),
                holders: answer.holders.len(),
                wabas: answer.wabas,
                nobody: answer.nobody.len(),
                unreadable: answer.unreadable.len(),
            },
        }
    }
}

impl<'a> HoldingEntry<'a> {
    fn of(answered: &WhoCan<'a>, holding: &Holding<'a>) -> Self {
        let WhoCan { evidence, sources, .. } = answered;
        let Holding { key, standing, own, tasks, by_role, is_desired, given_by } = holding;
        let grants = evidence.entries(given_by);
        Self {
            waba: WabaEntry::named(key.waba, evidence.waba_name(key.waba)),
            user: UserName::of(answered.user_id(key.user), evidence.user_name(*key)),
            standing: (*standing).into(),
            own: *own,
            holds: Tasks((*tasks).clone()),
            by_role: *by_role,
            desired: *is_desired,
            granted_by: grants.map(|entry| GrantEntry::of(&entry.source, sources)).collect(),
        }
    }
}
