//! Finds the run that somebody means in the journals: by its id, by the beginning of its id, or as the last one.

use super::EngineError;
use crate::model::{BusinessId, Name, RecordedRun, UserId};
use crate::resolve::NothingSelected;
use crate::store::{Keep, StateStore};
use crate::text::count;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt;

/// The fewest characters of a beginning, as in Git.
const SHORTEST: usize = 4;

/// Which run of the journals is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunChoice {
    /// The run with this whole id.
    Id(Name),
    /// The run with this id, or the only one whose id begins with it.
    Named(Name),
    /// The last run that wrote something.
    Last,
}

/// A run that fits what somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FittingRun {
    /// The business.
    pub business: BusinessId,
    /// Its id.
    pub id: Name,
    /// When it began.
    pub at: Timestamp,
    /// The system user of the token with its name, if it was known.
    pub acting_user: Option<(UserId, Name)>,
    /// Who started it, if its origin says so.
    pub actor: Option<Name>,
    /// The number of its writes.
    pub writes: usize,
    /// How many changes were as planned, and how many were not; `None` if it has no end on record.
    pub ended: Option<(u64, u64)>,
}

impl FittingRun {
    fn of(business: BusinessId, run: &RecordedRun) -> Self {
        Self {
            business,
            id: run.id.clone(),
            at: run.at,
            acting_user: run.acting_user.clone(),
            actor: run.origin.get("actor").cloned(),
            writes: run.writes.len(),
            ended: run.end.as_ref().map(|end| (end.done, end.not_done)),
        }
    }
}

/// The id, when, who, and the counts. Names are escaped.
impl fmt::Display for FittingRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.id, self.at)?;
        match &self.acting_user {
            Some((id, name)) if name.as_str().is_empty() => write!(f, " by {id}")?,
            Some((id, name)) => write!(f, " by {name} ({id})")?,
            None => {}
        }
        if let Some(actor) = &self.actor {
            write!(f, " for {actor}")?;
        }
        write!(f, ": {}", count(self.writes, "write", "writes"))?;
        match self.ended {
            Some((done, not_done)) => write!(f, ", {done} done, {not_done} not done"),
            None => write!(f, ", no end on record"),
        }
    }
}

/// Looks for a run in one journal after another.
#[derive(Debug)]
pub(super) struct RunSearch<'a> {
    choice: &'a RunChoice,
    fits: Vec<FittingRun>,
    known: BTreeSet<Name>,
}

impl<'a> RunSearch<'a> {
    pub(super) fn new(choice: &'a RunChoice) -> Self {
        Self { choice, fits: Vec::new(), known: BTreeSet::new() }
    }

    /// Looks at the runs of a journal, the oldest first. Returns whether one of them fits.
    pub(super) fn look(&mut self, business: BusinessId, runs: &[RecordedRun]) -> bool {
        let before = self.fits.len();
        match self.choice {
            RunChoice::Last => {
                self.fits.extend(
                    runs.iter().rfind(|run| !run.writes.is_empty()).map(|run| FittingRun::of(business, run)),
                );
            }
            RunChoice::Id(wanted) | RunChoice::Named(wanted) => {
                let takes_beginnings = matches!(self.choice, RunChoice::Named(_));
                let fits = runs.iter().filter(|run| is_meant(wanted, &run.id, takes_beginnings));
                self.fits.extend(fits.map(|run| FittingRun::of(business, run)));
                self.known.extend(runs.iter().map(|run| run.id.clone()));
            }
        }
        self.fits.len() > before
    }

    /// Returns the run that is meant.
    ///
    /// # Errors
    ///
    /// If none fits, or several do. A whole id is never ambiguous.
    pub(super) fn finish(mut self) -> Result<FittingRun, EngineError> {
        let wanted = match self.choice {
            RunChoice::Last if self.fits.is_empty() => return Err(EngineError::NoRun),
            RunChoice::Last => None,
            RunChoice::Id(wanted) | RunChoice::Named(wanted) => Some(wanted.clone()),
        };
        if let Some(whole) = self.fits.iter().position(|run| Some(&run.id) == wanted.as_ref()) {
            return Ok(self.fits.swap_remove(whole));
        }
        match (self.fits.pop(), wanted) {
            (Some(only), _) if self.fits.is_empty() => Ok(only),
            (Some(last), wanted) => {
                self.fits.push(last);
                Err(EngineError::SeveralRuns { wanted, runs: self.fits })
            }
            (None, wanted) => {
                let wanted = wanted.unwrap_or_default();
                let nothing = NothingSelected::new("RUN", wanted.as_str(), self.known.iter());
                Err(EngineError::NothingSelected(nothing))
            }
        }
    }
}

/// Returns whether a text is an id, or is long enough and its beginning.
fn is_meant(wanted: &Name, id: &Name, takes_beginnings: bool) -> bool {
    wanted == id
        || takes_beginnings
            && wanted.as_str().chars().count() >= SHORTEST
            && id.as_str().starts_with(wanted.as_str())
}

/// Returns the whole ids of runs that are named by an id or by the beginning of one. `only` is the business whose journal counts;
/// without it, the journals of all do.
///
/// # Errors
///
/// If a journal cannot be read, or a name fits no run or several.
pub async fn run_ids(
    state: &StateStore,
    only: Option<BusinessId>,
    named: &[Name],
) -> Result<Vec<Name>, EngineError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let failed = || EngineError::store("reading the journal");
    let choices: Vec<RunChoice> = named.iter().cloned().map(RunChoice::Named).collect();
    let mut searches: Vec<RunSearch<'_>> = choices.iter().map(RunSearch::new).collect();
    for business in state.businesses().await.map_err(failed())? {
        if only.is_none_or(|only| only == business) {
            let history = state.history(business, Keep::All).await.map_err(failed())?;
            for search in &mut searches {
                search.look(business, &history.runs);
            }
        }
    }
    searches.into_iter().map(|search| search.finish().map(|run| run.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::History;

    fn run(id: &str) -> RecordedRun {
        let run = History::example(Vec::new()).runs.swap_remove(0);
        RecordedRun { id: id.into(), ..run }
    }

    fn found(choice: &RunChoice, journals: &[&[&str]]) -> Result<String, String> {
        let mut search = RunSearch::new(choice);
        for (business, ids) in (1u64..).zip(journals) {
            let runs: Vec<RecordedRun> = ids.iter().map(|id| run(id)).collect();
            search.look(business.to_string().parse().unwrap(), &runs);
        }
        search
            .finish()
            .map(|run| format!("{} of {}", run.id, run.business))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_run_is_named_by_its_id_or_by_a_unique_beginning_of_four_characters() {
        let journals: &[&[&str]] = &[&["20261123T10-aa", "20261124T10-bb"], &["20261124T11-cc", "first"]];
        let named = |text: &str| found(&RunChoice::Named(text.into()), journals);
        assert_eq!(named("20261123"), Ok(String::from("20261123T10-aa of 1")));
        assert_eq!(named("20261124T11"), Ok(String::from("20261124T11-cc of 2")));
        assert_eq!(named("firs"), Ok(String::from("first of 2")));
        assert_eq!(named("first"), Ok(String::from("first of 2")));
        for unknown in ["fir", "", "10-aa", "20261124T10-bbb"] {
            assert_eq!(named(unknown), Err(format!("no journal has a run `{unknown}`")));
        }
        let several =
            |runs: usize, text: &str| Err(format!("{runs} runs have an id that begins with `{text}`"));
        assert_eq!(named("20261124"), several(2, "20261124"), "also in the journals of two businesses");
        assert_eq!(named("2026"), several(3, "2026"));
    }

    #[test]
    fn a_whole_id_counts_even_if_others_begin_with_it() {
        let journals: &[&[&str]] = &[&["20261123-longer"], &["20261123"]];
        let named = RunChoice::Named("20261123".into());
        assert_eq!(found(&named, journals), Ok(String::from("20261123 of 2")));
        let whole = RunChoice::Id("2026112".into());
        assert_eq!(found(&whole, journals), Err(String::from("no journal has a run `2026112`")));
    }
}
