//! Which runs and writes of a journal are shown.

use super::{AssignmentKey, Glob, Name, RecordedRun, TimeLimit};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Which runs and writes of a journal are shown. What is empty does not limit anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryFilter {
    /// Writes since the start of a day, or since an instant.
    pub since: Option<TimeLimit>,
    /// Writes until the end of a day, or before an instant.
    pub until: Option<TimeLimit>,
    /// Globs on the name of the WABA in the journal, or on its id.
    pub wabas: Vec<Glob>,
    /// Names of users in the journal, or their ids.
    pub users: Vec<Name>,
    /// Ids of runs.
    pub runs: Vec<Name>,
}

impl HistoryFilter {
    /// Returns whether it takes everything.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether no instant is since the one limit and until the other.
    pub fn is_never(&self) -> bool {
        matches!((self.since, self.until), (Some(since), Some(until)) if since.start() >= until.end())
    }

    fn takes_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since.start() <= at) && self.until.is_none_or(|until| at < until.end())
    }

    fn takes_run(&self, id: &str) -> bool {
        self.runs.is_empty() || self.runs.iter().any(|run| run.as_str() == id)
    }

    /// Returns whether it takes a write of a run. The names may be empty.
    pub fn takes_write(&self, run: &str, at: Timestamp, key: AssignmentKey, waba: &str, user: &str) -> bool {
        let is_user = |given: &Name| given.as_str() == user || given.as_str() == key.user.to_string();
        let is_waba = |glob: &Glob| glob.matches(waba) || glob.matches(&key.waba.to_string());
        self.takes_run(run)
            && self.takes_time(at)
            && (self.users.is_empty() || self.users.iter().any(is_user))
            && (self.wabas.is_empty() || self.wabas.iter().any(is_waba))
    }

    /// Returns whether it takes a run that is left with the writes that it takes: one without such writes is taken only if
    /// nothing about writes is asked for, and if it began in the time.
    pub fn takes_rest_of(&self, run: &RecordedRun) -> bool {
        let asks_for_writes = !self.users.is_empty() || !self.wabas.is_empty();
        self.takes_run(run.id.as_str())
            && (!run.writes.is_empty() || (!asks_for_writes && self.takes_time(run.at)))
    }
}

/// What a filter or a limit leaves out of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Whole runs.
    pub runs: usize,
    /// Writes, those of these runs included.
    pub writes: usize,
    /// Those of the writes that are in flight.
    pub in_flight: usize,
}

/// The users and WABAs of a journal, by id and by name, whether a filter takes them or not. Only what the filter asks
/// for is collected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenInHistory {
    /// The ids and names of the users.
    pub users: BTreeSet<Name>,
    /// The ids and names of the WABAs.
    pub wabas: BTreeSet<Name>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(filter: &HistoryFilter, at: &str) -> bool {
        let key = AssignmentKey { waba: "500".parse().unwrap(), user: "11".parse().unwrap() };
        filter.takes_write("run", at.parse().unwrap(), key, "acme-eu", "deploy-bot")
    }

    #[test]
    fn days_are_taken_as_a_whole_and_an_end_as_an_instant_is_not() {
        let filter = |since: &str, until: &str| HistoryFilter {
            since: since.parse().ok(),
            until: until.parse().ok(),
            ..HistoryFilter::default()
        };
        let day = filter("2026-11-23", "2026-11-23");
        assert!(takes(&day, "2026-11-23T00:00:00Z") && takes(&day, "2026-11-23T23:59:59.999Z"));
        assert!(!takes(&day, "2026-11-22T23:59:59.999Z") && !takes(&day, "2026-11-24T00:00:00Z"));
        let instants = filter("2026-11-23T10:00:00+02:00", "2026-11-23T10:00:00Z");
        assert!(takes(&instants, "2026-11-23T08:00:00Z") && !takes(&instants, "2026-11-23T10:00:00Z"));
        assert!(takes(&filter("", "2026-11-23"), "1970-01-01T00:00:00Z"));
        assert!(!day.is_never() && !instants.is_never());
        assert!(filter("2026-11-24", "2026-11-23").is_never());
        assert!(filter("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z").is_never());
    }

    #[test]
    fn users_and_wabas_are_taken_by_name_or_id_and_all_kinds_must_fit() {
        let filter = |users: &[&str], wabas: &[&str], runs: &[&str]| HistoryFilter {
            users: users.iter().map(|user| Name::from(*user)).collect(),
            wabas: wabas.iter().map(|glob| Glob::new(*glob)).collect(),
            runs: runs.iter().map(|run| Name::from(*run)).collect(),
            ..HistoryFilter::default()
        };
        let takes = |users: &[&str], wabas: &[&str], runs: &[&str]| {
            takes(&filter(users, wabas, runs), "2026-11-23T00:00:00Z")
        };
        assert!(takes(&[], &[], &[]));
        assert!(takes(&["deploy-bot"], &["acme-*"], &["run"]));
        assert!(takes(&["11"], &["500"], &[]));
        assert!(takes(&["other", "deploy-bot"], &["globex", "*"], &["x", "run"]));
        assert!(!takes(&["deploy"], &[], &[]) && !takes(&["deploy-*"], &[], &[]), "a user is no glob");
        assert!(!takes(&["deploy-bot"], &["globex"], &[]));
        assert!(!takes(&["deploy-bot"], &[], &["ru"]));
    }
}
