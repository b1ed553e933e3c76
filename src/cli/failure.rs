//! The error that ends a run: what was being done, why it failed, and what to do.

use super::exit::Exit;
use crate::engine::{EngineError, ErrorClass};
use crate::model::causes;
use crate::store::JournalError;

/// The error that ends a run.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What failed and why, outermost first. Each is one line, escaped when it is printed.
    pub(crate) chain: Vec<String>,
    /// What to do, if there is something to say.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Makes a failure from what was being done and an error with its causes.
    pub(crate) fn failed(doing: &str, error: impl std::error::Error) -> Self {
        let chain = std::iter::once(String::from(doing)).chain(causes(&error)).collect();
        Self { exit: Exit::Failed, chain, hint: None }
    }

    /// Makes a failure from an error with its causes.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self { exit: Exit::Failed, chain: causes(error).collect(), hint: None }
    }

    /// Makes a failure from one sentence.
    pub(crate) fn plain(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, chain: vec![message.into()], hint: None }
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
        Self { exit, chain: causes(&error).collect(), hint: error.hint() }
    }
}
