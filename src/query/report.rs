//! Every holder on every WABA in scope, with what an auditor asks for, and how it came about.

mod comparison;
mod period;
#[cfg(test)]
mod tests;

pub use comparison::{Comparison, Difference, NotCompared, OutsideChange, RoleDifference};
pub use period::{PeriodChange, PeriodCounts, Proof, proof};

use super::since::took_effect;
use super::{Answer, Evidence, Holding, Question, Standing, When, who_can};
use crate::model::{
    AssignmentKey, EarlierAccess, Glob, History, HistoryFilter, LastReview, LiveSource, Policy, RecordedRun,
    RecordedWrite, ReviewState, RowReview, RowReviews, Sources, TaskSet, Unresolved, WabaId, Waiver, access,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a report is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReportBasis<'a> {
    /// Both states and the plan between them.
    pub evidence: Evidence<'a>,
    /// The manifests.
    pub sources: &'a Sources,
    /// The digest of what the manifests mean.
    pub manifest_digest: &'a str,
    /// The limits of the manifests, with their waivers.
    pub policy: &'a Policy,
    /// The globs that the report is narrowed to; none is everything.
    pub narrowed_to: &'a [Glob],
    /// Where live access was read.
    pub live_source: &'a LiveSource,
    /// When the reading began.
    pub created_at: Timestamp,
    /// The journal of the business.
    pub journal: ReportJournal<'a>,
    /// The period whose changes are reported, if one is asked for. Only its times count.
    pub period: Option<&'a HistoryFilter>,
    /// The earlier access that live access is compared with.
    pub earlier: Option<&'a EarlierAccess>,
    /// The last review, if there is one.
    pub last_review: Option<&'a LastReview>,
    /// What the reviews say of the holders.
    pub reviews: &'a RowReviews,
    /// The files of reviews that cannot be read, each with the reason.
    pub unread_reviews: &'a [String],
}

/// The journal that a report uses.
#[derive(Debug, Clone, Copy)]
pub struct ReportJournal<'a> {
    /// Its content; empty without one.
    pub history: &'a History,
    /// Whether there is a state that can have one.
    pub is_kept: bool,
    /// Why it could not be read, if it could not.
    pub unreadable: Option<&'a str>,
}

/// A report on live access.
#[derive(Debug, Clone)]
pub struct AccessReport<'a> {
    /// What it is made from.
    pub basis: ReportBasis<'a>,
    /// The holders, by WABA and then by user, and what could not be read.
    pub answer: Answer<'a>,
    /// The changes of the period, oldest first; `None` if none was asked for.
    pub changes: Option<Vec<PeriodChange<'a>>>,
    /// What differs from the earlier access; `None` if none was given.
    pub comparison: Option<Comparison<'a>>,
    /// The last write of each assignment in the journal that took effect, with its run.
    writes: BTreeMap<AssignmentKey, (&'a RecordedRun, &'a RecordedWrite)>,
    /// The assignments that the plan does not manage.
    unmanaged: BTreeSet<AssignmentKey>,
}

/// Something that a report should show and could not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap<'a> {
    /// A WABA in scope whose access is not known.
    Waba(WabaId, &'a str),
    /// A declared system user that was not found.
    User(&'a Unresolved),
    /// The journal could not be read at all.
    Journal(&'a str),
    /// So many lines of the journal could not be read.
    JournalLines(usize),
    /// The file of a review that could not be read, with the reason.
    Review(&'a str),
    /// A WABA in scope that could not be compared with the earlier access.
    NotCompared(WabaId, NotCompared),
}

/// The numbers of a report.
///
/// `wabas_read`, `wabas_unreadable` and `wabas_left_out` add up to `wabas`. The kinds, `managed` and `unmanaged`,
/// `assignments` and `by_role`, and `reviewed`, `changed_since` and `never_reviewed` each add up to `holders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportCounts {
    /// WABAs in scope.
    pub wabas: usize,
    /// Of them, those that were read.
    pub wabas_read: usize,
    /// Of them, those that could not be read.
    pub wabas_unreadable: usize,
    /// Of them, those that the report was narrowed not to read.
    pub wabas_left_out: usize,
    /// Pairs of a WABA and a holder: the rows.
    pub holders: usize,
    /// Live assignments on the WABAs that were read, counted where they were read.
    pub assignments: usize,
    /// Of the holders, admins without an assignment, who hold everything by their role.
    pub by_role: usize,
    /// Of the holders, declared system users.
    pub declared: usize,
    /// Of the holders, other system users of the business.
    pub other_system_users: usize,
    /// Of the holders, people.
    pub people: usize,
    /// Of the holders, users of other businesses, and those of an unknown kind.
    pub others: usize,
    /// Of the holders, those whose access the manifests decide.
    pub managed: usize,
    /// Of the holders, those whose access the manifests leave alone.
    pub unmanaged: usize,
    /// Of the holders, those that are privileged.
    pub privileged: usize,
    /// Of the holders, those that hold nothing but what grants in force give.
    pub granted: usize,
    /// Of the holders, those for which an exception is in force.
    pub excepted: usize,
    /// Of the holders, those that hold what was reviewed.
    pub reviewed: usize,
    /// Of the holders, those that hold something else than what was reviewed.
    pub changed_since: usize,
    /// Of the holders, those that no review is about.
    pub never_reviewed: usize,
}

impl<'a> AccessReport<'a> {
    /// Makes a report.
    pub fn new(basis: ReportBasis<'a>) -> Self {
        let ReportBasis { evidence, journal, .. } = basis;
        // No task is asked for, so every holder is found.
        let answer = who_can(evidence, &Question::about(TaskSet::EMPTY, When::Live));
        let all =
            journal.history.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
        let mut writes: BTreeMap<AssignmentKey, (&RecordedRun, &RecordedWrite)> = BTreeMap::new();
        for (run, write) in all.filter(|(_, write)| took_effect(write)) {
            let last = writes.entry(write.key).or_insert((run, write));
            if last.1.at <= write.at {
                *last = (run, write);
            }
        }
        let comparison = basis.earlier.map(|earlier| comparison::compare(&basis, earlier));
        Self {
            changes: basis.period.map(|period| period::changes(&basis, period)),
            comparison,
            unmanaged: evidence.plan.unmanaged.iter().map(|row| row.key).collect(),
            basis,
            answer,
            writes,
        }
    }

    /// Returns whether a holder has admin access: by `MANAGE`, by `FULL_CONTROL`, or by its role.
    pub fn is_privileged(&self, holding: &Holding<'_>) -> bool {
        access(holding.tasks, holding.by_role).is_full()
    }

    /// Returns whether the manifests decide about a holder's access: what they do not ask for is taken away.
    pub fn is_managed(&self, holding: &Holding<'_>) -> bool {
        let is_known = matches!(holding.standing, Standing::Declared | Standing::Released);
        !self.unmanaged.contains(&holding.key) && (!holding.by_role || is_known)
    }

    /// Returns whether the manifests ask for all that a holder has, implied tasks aside.
    pub fn is_granted(&self, holding: &Holding<'_>) -> bool {
        let desired = &self.basis.evidence.desired;
        let wanted = desired.state.get(holding.key);
        !holding.tasks.is_empty()
            && wanted.is_some_and(|wanted| {
                holding.tasks.is_subset(wanted) || desired.implied.same(holding.tasks, wanted)
            })
    }

    /// Returns whether an exception is in force for a holder.
    pub fn is_excepted(&self, holding: &Holding<'_>) -> bool {
        self.basis.evidence.entries(&holding.given_by).any(|entry| entry.is_exception)
    }

    /// Returns the last write of an assignment with its run, and whether the assignment still is as that left it.
    pub fn last_write(&self, holding: &Holding<'_>) -> Option<(&'a RecordedRun, &'a RecordedWrite, bool)> {
        let (run, write) = *self.writes.get(&holding.key)?;
        Some((run, write, self.basis.evidence.desired.implied.same(&write.after, holding.tasks)))
    }

    /// Returns what the last review about a holder says of it.
    pub fn review(&self, holding: &Holding<'_>) -> Option<&'a RowReview> {
        self.basis.reviews.get(&holding.key)
    }

    /// Returns the waivers of the manifests that are in force.
    pub fn waivers(&self) -> impl Iterator<Item = &'a Waiver> {
        let now = self.basis.evidence.desired.now;
        self.basis.policy.waivers.iter().filter(move |waiver| waiver.is_in_force(now))
    }

    /// Returns the WABAs in scope that were not read, because the report is narrowed.
    pub fn left_out(&self) -> impl Iterator<Item = WabaId> {
        let narrowing = self.basis.evidence.desired.narrowing.as_ref();
        narrowing.into_iter().flat_map(|narrowing| &narrowing.left_out).copied()
    }

    /// Returns what could not be read: WABAs, declared users, and then the journal and reviews.
    pub fn gaps(&self) -> Vec<Gap<'a>> {
        let ReportJournal { history, unreadable, .. } = self.basis.journal;
        let mut gaps: Vec<Gap<'a>> =
            self.answer.unreadable.iter().map(|(waba, why)| Gap::Waba(*waba, why)).collect();
        gaps.extend(self.basis.evidence.plan.unresolved.iter().map(Gap::User));
        gaps.extend(unreadable.map(Gap::Journal));
        gaps.extend((history.broken_lines > 0).then_some(Gap::JournalLines(history.broken_lines)));
        gaps.extend(self.basis.unread_reviews.iter().map(|why| Gap::Review(why)));
        let not_compared = self.comparison.iter().flat_map(|comparison| &comparison.not_compared);
        let is_new = |why: &NotCompared| *why != NotCompared::UnreadableNow;
        gaps.extend(
            not_compared.filter(|(_, why)| is_new(why)).map(|(waba, why)| Gap::NotCompared(*waba, *why)),
        );
        gaps
    }

    /// Counts WABAs and holders.
    pub fn counts(&self) -> ReportCounts {
        let observed = self.basis.evidence.observed;
        let is_read = |waba: &WabaId| {
            self.basis.evidence.desired.scope.wabas.contains_key(waba)
                && !self.answer.unreadable.contains_key(waba)
        };
        let own = observed.state.iter().filter(|(key, _)| is_read(&key.waba)).count();
        let others = observed.others.keys().filter(|key| is_read(&key.waba)).count();
        let left_out = self.left_out().count();
        let mut counts = ReportCounts {
            wabas: self.answer.wabas + left_out,
            wabas_read: self.answer.wabas - self.answer.unreadable.len(),
            wabas_unreadable: self.answer.unreadable.len(),
            wabas_left_out: left_out,
            holders: self.answer.holders.len(),
            assignments: own + others,
            ..ReportCounts::default()
        };
        for holding in &self.answer.holders {
            *match holding.standing {
                Standing::Declared => &mut counts.declared,
                Standing::Released | Standing::Undeclared | Standing::Ignored | Standing::OtherSet => {
                    &mut counts.other_system_users
                }
                Standing::Person => &mut counts.people,
                Standing::OtherBusiness | Standing::Unknown => &mut counts.others,
            } += 1;
            *if self.is_managed(holding) { &mut counts.managed } else { &mut counts.unmanaged } += 1;
            *match self.review(holding).map(|review| review.state) {
                Some(ReviewState::Keep | ReviewState::End) => &mut counts.reviewed,
                Some(ReviewState::ChangedSince) => &mut counts.changed_since,
                None => &mut counts.never_reviewed,
            } += 1;
            counts.by_role += usize::from(holding.by_role);
            counts.privileged += usize::from(self.is_privileged(holding));
            counts.granted += usize::from(self.is_granted(holding));
            counts.excepted += usize::from(self.is_excepted(holding));
        }
        counts
    }
}

impl ReportCounts {
    /// Returns whether the numbers add up, as the type says.
    pub fn add_up(&self) -> bool {
        self.wabas_read + self.wabas_unreadable + self.wabas_left_out == self.wabas
            && self.declared + self.other_system_users + self.people + self.others == self.holders
            && self.managed + self.unmanaged == self.holders
            && self.assignments + self.by_role == self.holders
            && self.reviewed + self.changed_since + self.never_reviewed == self.holders
    }
}
