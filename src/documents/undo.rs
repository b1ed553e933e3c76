//! What a plan takes back, as a part of the plan document.

use super::PartsReader;
use super::parts::{ChangeEntry, OriginEntries, UserEntry, WabaEntry, documents, text};
use super::values::{AsText, Tasks};
use super::words::LeftAloneWord;
use crate::model::{AssignmentKey, At, Change, LeftAlone, Name, Plan, Sources, Undo, WhyLeftAlone};
use crate::proposal::Proposal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

documents! {
    /// The run that a plan takes back.
    UndoEntry<'a> {
        /// The id of the run.
        run: Cow<'a, str>,
        /// When it began, in UTC.
        at: AsText<Timestamp>,
        /// What the run came from; absent if nothing is known.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        /// Whether the journal has the end of the run. Without one it crashed, was killed, or was still running.
        ended: bool,
        /// The digest of the manifests whose guards hold; absent without manifests: then the default guards hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifests: Option<Cow<'a, str>>,
        /// The assignments that the run wrote and that are not taken back.
        left_alone: Vec<LeftAloneEntry<'a>>,
        /// The changes that the next plan of the manifests makes of these assignments after the undo, unless a commit is
        /// reverted too.
        asked_again: Vec<ChangeEntry<'a>>,
        /// The number of lines of the journal that could not be read.
        unread_lines: usize,
    }
    /// An assignment that is not taken back.
    LeftAloneEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// The tasks before the run.
        before: Tasks,
        /// The tasks that the run left, as far as the journal knows.
        left: Tasks,
        /// Why it is not taken back.
        why: LeftAloneWord,
        /// The last run that wrote it since, if a later run did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<Cow<'a, str>>,
        /// When that run wrote it, in UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<AsText<Timestamp>>,
        /// The tasks that the user holds now, if they are others than those that the run left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<Tasks>,
        /// Why the user is suspended, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
        /// The file that suspends the user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Cow<'a, str>>,
        /// The line, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    }
}

impl<'a> UndoEntry<'a> {
    /// Returns what a proposal takes back; `None` for a plan of manifests.
    pub(super) fn of(proposal: &'a Proposal) -> Option<Self> {
        let Proposal { plan, sources, .. } = proposal;
        let Undo { run, at, origin, has_ended, manifests, left_alone, asked_again, unread_lines } =
            plan.undo.as_deref()?;
        Some(Self {
            run: text(run),
            at: AsText(*at),
            origin: OriginEntries::of(origin),
            ended: *has_ended,
            manifests: manifests.as_deref().map(Into::into),
            left_alone: left_alone.iter().map(|left| LeftAloneEntry::of(plan, left, sources)).collect(),
            asked_again: asked_again.iter().map(|change| ChangeEntry::of(plan, change, sources)).collect(),
            unread_lines: *unread_lines,
        })
    }

    /// Returns what is taken back, and the names of the WABAs and users that it is about.
    ///
    /// # Errors
    ///
    /// If a part is missing that belongs to a reason.
    pub(super) fn read(self, plan: &mut Plan, parts: &mut PartsReader) -> Result<Undo, String> {
        let mut undo = Undo {
            run: Name::new(self.run),
            at: self.at.0,
            origin: self.origin.read(),
            has_ended: self.ended,
            manifests: self.manifests.map(Cow::into_owned),
            left_alone: Vec::new(),
            asked_again: Vec::new(),
            unread_lines: self.unread_lines,
        };
        for entry in self.left_alone {
            undo.left_alone.push(entry.read(plan, parts)?);
        }
        for entry in self.asked_again {
            let key = AssignmentKey { waba: entry.waba.id.0, user: entry.user.id.0 };
            undo.asked_again.push(Change {
                because: parts.because(entry.because, entry.gone),
                blocked: entry.blocked.map(Into::into),
                admin: entry.admin,
                ..Change::new(key, entry.before.0, entry.after.0)
            });
        }
        Ok(undo)
    }
}

impl<'a> LeftAloneEntry<'a> {
    fn of(plan: &'a Plan, left: &'a LeftAlone, sources: &'a Sources) -> Self {
        let mut entry = Self {
            waba: WabaEntry::of(plan, left.key.waba),
            user: UserEntry::of(plan, left.key.user),
            before: Tasks(left.before.clone()),
            left: Tasks(left.left.clone()),
            why: LeftAloneWord::NotListed,
            run: None,
            at: None,
            live: None,
            reason: None,
            file: None,
            line: None,
        };
        match &left.why {
            WhyLeftAlone::LaterRun { run, at } => {
                (entry.why, entry.run, entry.at) =
                    (LeftAloneWord::LaterRun, Some(text(run)), Some(AsText(*at)));
            }
            WhyLeftAlone::Moved { live } => {
                (entry.why, entry.live) = (LeftAloneWord::Moved, Some(Tasks(live.clone())));
            }
            WhyLeftAlone::NoSuchUser => entry.why = LeftAloneWord::NoSuchUser,
            WhyLeftAlone::NotListed => entry.why = LeftAloneWord::NotListed,
            WhyLeftAlone::Suspended(At { value: reason, at }) => {
                (entry.why, entry.reason) = (LeftAloneWord::Suspended, Some(text(reason)));
                (entry.file, entry.line) = (Some(sources.path(at.source).into()), Some(at.line));
            }
        }
        entry
    }

    fn read(self, plan: &mut Plan, parts: &mut PartsReader) -> Result<LeftAlone, String> {
        let key = AssignmentKey { waba: self.waba.id.0, user: self.user.id.0 };
        let incomplete = || format!("why {} on {} is left alone is incomplete", key.user, key.waba);
        let why = match self.why {
            LeftAloneWord::LaterRun => WhyLeftAlone::LaterRun {
                run: self.run.map(Name::new).ok_or_else(incomplete)?,
                at: self.at.ok_or_else(incomplete)?.0,
            },
            LeftAloneWord::Moved => WhyLeftAlone::Moved { live: self.live.ok_or_else(incomplete)?.0 },
            LeftAloneWord::NoSuchUser => WhyLeftAlone::NoSuchUser,
            LeftAloneWord::NotListed => WhyLeftAlone::NotListed,
            LeftAloneWord::Suspended => {
                let (file, line) = self.file.zip(self.line).ok_or_else(incomplete)?;
                let at = parts.position(&file, line, 1);
                WhyLeftAlone::Suspended(At { value: self.reason.map(Name::new).unwrap_or_default(), at })
            }
        };
        super::saved::add_waba(plan, self.waba);
        super::saved::add_user(plan, self.user);
        Ok(LeftAlone { key, before: self.before.0, left: self.left.0, why })
    }
}
