//! Every holder on every WABA in scope, with what an auditor asks for.

use super::since::took_effect;
use super::{Answer, Evidence, Holding, Question, Standing, When, who_can};
use crate::model::{AssignmentKey, History, RecordedRun, RecordedWrite, Sources, TaskSet, access};
use std::collections::BTreeMap;

/// A report on live access.
#[derive(Debug, Clone)]
pub struct AccessReport<'a> {
    /// What it is made from.
    pub evidence: Evidence<'a>,
    /// The manifests.
    pub sources: &'a Sources,
    /// The digest of what the manifests mean.
    pub manifest_digest: &'a str,
    /// The holders, by WABA and then by user, and what could not be read.
    pub answer: Answer<'a>,
    /// The last write of each assignment in the journal that took effect, with its run.
    writes: BTreeMap<AssignmentKey, (&'a RecordedRun, &'a RecordedWrite)>,
}

/// The numbers of a report. Those of the holders add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportCounts {
    /// Declared system users.
    pub declared: usize,
    /// Other system users of the business.
    pub other_system_users: usize,
    /// People.
    pub people: usize,
    /// Users of other businesses, and those of an unknown kind.
    pub others: usize,
    /// Of all holders, those that are privileged.
    pub privileged: usize,
    /// Of all holders, those that hold nothing but what grants in force give.
    pub granted: usize,
}

impl<'a> AccessReport<'a> {
    /// Makes a report.
    pub fn new(
        evidence: Evidence<'a>,
        sources: &'a Sources,
        manifest_digest: &'a str,
        history: &'a History,
    ) -> Self {
        // No task is asked for, so every holder is found.
        let answer = who_can(evidence, &Question::about(TaskSet::EMPTY, When::Live));
        let writes = history.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
        let writes = writes.filter(|(_, write)| took_effect(write));
        let writes = writes.map(|(run, write)| (write.key, (run, write))).collect();
        Self { evidence, sources, manifest_digest, answer, writes }
    }

    /// Returns whether a holder has admin access: by `MANAGE`, by `FULL_CONTROL`, or by its role.
    pub fn is_privileged(&self, holding: &Holding<'_>) -> bool {
        access(holding.tasks, holding.by_role).is_full()
    }

    /// Returns whether the manifests ask for all that a holder has, implied tasks aside.
    pub fn is_granted(&self, holding: &Holding<'_>) -> bool {
        let desired = &self.evidence.desired;
        let wanted = desired.state.get(holding.key);
        !holding.tasks.is_empty()
            && wanted.is_some_and(|wanted| {
                holding.tasks.is_subset(wanted) || desired.implied.same(holding.tasks, wanted)
            })
    }

    /// Returns the last write of an assignment with its run, and whether the assignment still is as that left it.
    pub fn last_write(&self, holding: &Holding<'_>) -> Option<(&'a RecordedRun, &'a RecordedWrite, bool)> {
        let (run, write) = *self.writes.get(&holding.key)?;
        Some((run, write, self.evidence.desired.implied.same(&write.after, holding.tasks)))
    }

    /// Counts the holders.
    pub fn counts(&self) -> ReportCounts {
        let mut counts = ReportCounts::default();
        for holding in &self.answer.holders {
            *match holding.standing {
                Standing::Declared => &mut counts.declared,
                Standing::Released | Standing::Undeclared | Standing::Ignored | Standing::OtherSet => {
                    &mut counts.other_system_users
                }
                Standing::Person => &mut counts.people,
                Standing::OtherBusiness | Standing::Unknown => &mut counts.others,
            } += 1;
            counts.privileged += usize::from(self.is_privileged(holding));
            counts.granted += usize::from(self.is_granted(holding));
        }
        counts
    }
}
