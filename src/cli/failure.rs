//! The error that ends a run: what was being done, why it failed, and what to do.

use super::exit::Exit;
use crate::engine::{EngineError, ErrorClass, FittingRun};
use crate::model::causes;
use crate::store::JournalError;

/// The error that ends a run.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What failed and why, outermost first. Each is one line, escaped when it is printed.
    pub(crate) chain: Vec<String>,
    /// What there is to choose from, a line each. Escaped when it is printed.
    pub(crate) choices: Vec<String>,
    /// What to do, if there is something to say.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Makes a failure from what was being done and an error with its causes.
    pub(crate) fn failed(doing: &str, error: impl std::error::Error) -> Self {
        let chain = std::iter::once(String::from(doing)).chain(causes(&error)).collect();
        Self { exit: Exit::Failed, chain, choices: Vec::new(), hint: None }
    }

    /// Makes a failure from an error with its causes.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self { exit: Exit::Failed, chain: causes(error).collect(), choices: Vec::new(), hint: None }
    }

    /// Makes a failure from one sentence.
    pub(crate) fn plain(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, chain: vec![message.into()], choices: Vec::new(), hint: None }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes a failure from an error of the journal, with its hint.
    pub(crate) fn journal(doing: &str, error: &JournalError) -> Self {
        let failure = Self::failed(doing, error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match error.class() {
            ErrorClass::Failed => Exit::Failed,
            ErrorClass::Refused => Exit::Refused,
            ErrorClass::Throttled => Exit::Throttled,
        };
        let choices =
            if let EngineError::SeveralRuns { runs, .. } = &error { listed(runs) } else { Vec::new() };
        Self { exit, chain: causes(&error).collect(), choices, hint: error.hint() }
    }
}

/// The runs that are listed where several can be meant. A guess: as many as fit on a small terminal.
const LISTED: usize = 10;

/// Lists runs, the latest first.
fn listed(runs: &[FittingRun]) -> Vec<String> {
    let mut runs: Vec<&FittingRun> = runs.iter().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.at));
    let mut lines: Vec<String> = runs.iter().take(LISTED).map(ToString::to_string).collect();
    if let Some(more) = runs.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("and {more} earlier"));
    }
    lines
}
