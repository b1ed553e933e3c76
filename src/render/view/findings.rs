//! Findings: what the reader should see besides the changes.

use super::{NamedObject, View, highlights};
use crate::guard::Violation;
use crate::model::{Change, EndingGrant, Notice, Position, WabaId, WhyGone};
use crate::render::sentence::Sentence;
use crate::render::wording::{self, count};
use std::collections::BTreeMap;

/// The kinds of findings, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum FindingKind {
    /// A violation that no waiver covers.
    Refused,
    /// A WABA that could not be read.
    Unreadable,
    /// A violation that a waiver covers.
    Waived,
    /// Something unusual about a WABA or a user.
    Notice,
    /// `--waba` narrowed the run.
    Partial,
    /// A grant that ends soon.
    Ending,
    /// A user who loses access or gains control.
    Highlight,
}

impl FindingKind {
    /// Returns the heading above findings of this kind.
    pub(in crate::render) fn title(self) -> &'static str {
        match self {
            Self::Refused => "Refused by the guards",
            Self::Unreadable => "Could not be read, and not planned",
            Self::Waived => "Waived",
            Self::Notice => "Notes",
            Self::Partial => "Partial",
            Self::Ending => "Grants that end soon",
            Self::Highlight => "Highlights",
        }
    }

    /// Returns the name of this kind as programs read it.
    pub(in crate::render) fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Waived => "waived",
            Self::Notice => "notice",
            Self::Partial => "partial",
            Self::Ending => "expiring-grant",
            Self::Highlight => "highlights",
        }
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) struct Finding {
    pub(in crate::render) kind: FindingKind,
    /// The code of the guard, if it is a violation.
    pub(in crate::render) guard: Option<&'static str>,
    pub(in crate::render) text: Sentence,
    /// What the user can do.
    pub(in crate::render) advice: Option<Sentence>,
    /// The line of a manifest that it is about.
    pub(in crate::render) at: Option<Position>,
    /// Whether somebody loses access.
    pub(in crate::render) is_loss: bool,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, text: Sentence) -> Self {
        Self { kind, guard: None, text, advice: None, at: None, is_loss: false }
    }

    /// Returns the text after the code of the guard.
    pub(in crate::render) fn sentence(&self) -> Sentence {
        let lead = self.guard.map(|code| format!("{code}:")).unwrap_or_default();
        Sentence::default().strong(lead).then(self.text.clone())
    }
}

impl View<'_> {
    /// Returns the findings by kind, most serious first; no kind without any. Long lists of highlights are folded
    /// unless `verbose`.
    pub(in crate::render) fn findings(self, verbose: bool) -> Vec<Vec<Finding>> {
        let plan = self.plan();
        let partial = plan.partial.then(|| {
            let text = "narrowed by --waba; other WABAs were not read.";
            Finding::new(FindingKind::Partial, Sentence::default().own(text))
        });
        let unreadable = plan.unreadable.iter().map(|(waba, why)| {
            let text = Sentence::default().object(&NamedObject::waba(plan, *waba), ":").foreign(why);
            Finding::new(FindingKind::Unreadable, text)
        });
        let ending = self.drift.and_then(|drift| drift.expiring.as_deref()).unwrap_or_default();
        // Nothing happens to anybody by drift itself.
        let highlights = if self.is_drift() { Vec::new() } else { highlights::findings(plan, verbose) };
        let kinds = [
            self.violations(FindingKind::Refused, self.violations),
            unreadable.collect(),
            self.violations(FindingKind::Waived, self.waived),
            plan.notices.iter().map(|notice| self.notice(notice)).collect(),
            Vec::from_iter(partial),
            ending.iter().map(|grant| self.ending(grant)).collect(),
            highlights,
        ];
        kinds.into_iter().filter(|found| !found.is_empty()).collect()
    }

    fn violations(&self, kind: FindingKind, violations: &[Violation]) -> Vec<Finding> {
        if violations.is_empty() {
            return Vec::new();
        }
        let by_waba: BTreeMap<WabaId, &[Change]> =
            self.plan().by_waba().map(|changes| (changes[0].key.waba, changes)).collect();
        let finding = |found: &Violation| Finding {
            guard: Some(found.guard.code()),
            advice: (kind == FindingKind::Refused).then(|| self.waiver(found)),
            at: found.waba.and_then(|waba| line_of(by_waba.get(&waba)?, found)),
            ..Finding::new(kind, Sentence::default().foreign(&found.message))
        };
        violations.iter().map(finding).collect()
    }

    /// Returns how to waive a violation, as narrowly as possible.
    fn waiver(&self, found: &Violation) -> Sentence {
        let (plan, code) = (self.plan(), found.guard.code());
        let advice = Sentence::default().own("to waive it for one run:").literal(&format!("--waive {code}"));
        let waba = found.waba.map(|waba| NamedObject::waba(plan, waba).name);
        match waba.or_else(|| found.user.map(|user| NamedObject::user(plan, user).name)) {
            Some(name) => {
                advice.own("or").literal(&format!("--waive {}", in_shell(&format!("{code}={name}"))))
            }
            None => advice,
        }
    }

    fn notice(&self, notice: &Notice) -> Finding {
        let text = match *notice {
            Notice::Unconfirmed(waba) => Sentence::default()
                .object(&NamedObject::waba(self.plan(), waba), ":")
                .own("its list came back empty and nothing could confirm that; it is planned as empty"),
            Notice::AssignsToAdmin(user) => Sentence::default()
                .name(&NamedObject::user(self.plan(), user).name)
                .own("is an admin of the business: the API might not list it even after the write"),
        };
        Finding::new(FindingKind::Notice, text)
    }

    fn ending(&self, grant: &EndingGrant) -> Finding {
        let text = wording::grant("", &grant.source, self.sources());
        let (users, wabas) = (count(grant.users, "user", "users"), count(grant.wabas, "WABA", "WABAs"));
        let text = text.own(format!("for {users} on {wabas}"));
        Finding { at: Some(grant.source.at), ..Finding::new(FindingKind::Ending, text) }
    }
}

/// Quotes a word for a shell if it has to be.
fn in_shell(word: &str) -> String {
    if word.chars().all(|c| c.is_alphanumeric() || "-_.=".contains(c)) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Returns the line behind the change that violates a guard: preferably of a loss, because guards limit losses.
fn line_of(on_waba: &[Change], found: &Violation) -> Option<Position> {
    let is_about = |change: &&Change| found.user.is_none_or(|user| user == change.key.user);
    let mut changes = on_waba.iter().filter(is_about);
    let change = changes.clone().find(|change| change.because.gone.is_some()).or_else(|| changes.next())?;
    let gone = change.because.gone.as_ref().and_then(|(_, lines)| lines.first());
    match gone {
        Some(WhyGone::Expired(source)) => Some(source.at),
        Some(WhyGone::Declared(at) | WhyGone::Undeclared(at)) => Some(*at),
        None => change.because.grants.first().map(|source| source.at),
    }
}
