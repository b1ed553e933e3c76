//! Why a run ends before it has a result.

use super::FittingRun;
use crate::documents::saved::SavedPlanError;
use crate::graph::GraphError;
use crate::model::{BusinessId, LiveSource, Name, day_or_instant};
use crate::resolve::NothingSelected;
use crate::store::{Holder, JournalError};
use crate::text::escape;
use jiff::Timestamp;

/// Why a run ends before it has a result. `Display` is what was being done; the cause is the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The manifests have errors, which were reported as an event.
    #[error("{}", manifest_errors(*.0))]
    Manifests(usize),
    /// A value of the selection selects nothing.
    #[error("{}", nothing_selected(.0))]
    NothingSelected(NothingSelected),
    /// Several users or WABAs have the same name.
    #[error("several have the name `{value}`: {}", .ids.join(", "))]
    Ambiguous {
        /// The name.
        value: Name,
        /// The ids.
        ids: Vec<String>,
    },
    /// Several runs can be meant.
    #[error("{}", several_runs(.wanted.as_ref(), .runs.len()))]
    SeveralRuns {
        /// The beginning of the ids; `None` if the last run is meant, and there are journals of several businesses.
        wanted: Option<Name>,
        /// The runs.
        runs: Vec<FittingRun>,
    },
    /// No run in the journal wrote anything.
    #[error("no run in the journal wrote anything")]
    NoRun,
    /// A declared system user was not found in the business.
    #[error("the declared system user `{name}` was not found: {why}")]
    UserNotFound {
        /// The name in the manifests.
        name: Name,
        /// Why. Names in it are escaped.
        why: String,
    },
    /// A call to the API failed.
    #[error("{doing}")]
    Graph {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: Box<GraphError>,
    },
    /// The API says that the token is not valid.
    #[error("the token is not valid: {0}")]
    InvalidToken(String),
    /// The journal or the lock cannot be used.
    #[error("{doing}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: JournalError,
    },
    /// Another run holds the lock of the business.
    #[error("another apply for the business {business} is running: {holder}")]
    Locked {
        /// The business.
        business: BusinessId,
        /// Who holds the lock.
        holder: Box<Holder>,
    },
    /// A saved plan cannot be read.
    #[error("reading the saved plan")]
    SavedPlan(#[source] SavedPlanError),
    /// A saved plan is older than allowed.
    #[error("the plan is {hours} hours old: it was created at {made}")]
    TooOld {
        /// Its age, in whole hours.
        hours: i64,
        /// When it was made.
        made: Timestamp,
    },
    /// A saved plan was made later than now.
    #[error("the plan is from the future: it was created at {0}")]
    FromFuture(Timestamp),
    /// A saved plan is for a time that is still to come.
    #[error("the plan is for {}, which is still to come; nothing was written", day_or_instant(*.0))]
    ForLaterTime(Timestamp),
    /// The plan of the manifests that an import made is not empty.
    #[error("the imported manifests would not be exact: {0}; nothing was written")]
    NotExact(String),
    /// The table of a review has errors.
    #[error("{}; no review was written", table_errors(*.0))]
    Review(usize),
    /// Only a part of a set of manifests was given.
    #[error("only a part of the set `{set}` was given: {} exists, but was not given", listed(.files))]
    PartOfSet {
        /// The name of the set.
        set: Name,
        /// The files that are missing, relative to their repository.
        files: Vec<String>,
    },
    /// A saved plan and the manifests are for different businesses.
    #[error("the plan is for the business {plan}, and the manifests are for {manifests}")]
    OtherBusiness {
        /// The business of the plan.
        plan: BusinessId,
        /// The business of the manifests.
        manifests: BusinessId,
    },
    /// A plan was made from an emulator's state and is applied to the API, or the other way round.
    #[error("the plan was made from {}, and this is {}; nothing was written", live_source(.made), live_source(.here))]
    MadeElsewhere {
        /// Where the plan was made.
        made: Box<LiveSource>,
        /// Where it is applied.
        here: Box<LiveSource>,
    },
    /// The live state no longer is what a saved plan starts from.
    #[error(
        "the plan is stale: {stale} of its {all} changes no longer match the live state; nothing was written"
    )]
    Stale {
        /// The number of changes that do not match.
        stale: usize,
        /// The number of all changes.
        all: usize,
    },
    /// Only a part of what a run wrote is on record.
    #[error(
        "the run {run} is older than the journal, which begins at {begins}: only a part of its writes is known"
    )]
    BeforeRecord {
        /// The run.
        run: Name,
        /// When the record begins.
        begins: Timestamp,
    },
    /// No plan with this name waits for an apply.
    #[error("there is no reviewed plan `{name}` in {location}; nothing was written")]
    NoReviewedPlan {
        /// The name.
        name: String,
        /// The state.
        location: String,
    },
    /// Several plans with this name wait for an apply, and they make different changes.
    #[error(
        "{plans} plans are named `{name}`, and they differ: which one was reviewed is not known; nothing was written"
    )]
    ReviewedPlansDiffer {
        /// The name.
        name: String,
        /// How many there are.
        plans: usize,
    },
    /// The manifests ask for something else than a saved plan.
    #[error("the plan is stale: the manifests now ask for something else; nothing was written")]
    Disagrees,
}

/// What the caller of the engine can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The run failed before any write.
    Failed,
    /// The run refused what it was asked to do.
    Refused,
    /// Meta asks to wait for longer than the run may wait.
    Throttled,
}

impl EngineError {
    /// Returns what kind of end this is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Graph { source, .. } if matches!(**source, GraphError::ThrottledTooLong { .. }) => {
                ErrorClass::Throttled
            }
            Self::Locked { .. }
            | Self::TooOld { .. }
            | Self::FromFuture(_)
            | Self::ForLaterTime(_)
            | Self::OtherBusiness { .. }
            | Self::MadeElsewhere { .. }
            | Self::Stale { .. }
            | Self::Disagrees
            | Self::BeforeRecord { .. }
            | Self::NoReviewedPlan { .. }
            | Self::ReviewedPlansDiffer { .. }
            | Self::SavedPlan(SavedPlanError::Altered { .. } | SavedPlanError::Newer { .. }) => {
                ErrorClass::Refused
            }
            Self::Manifests(_)
            | Self::Review(_)
            | Self::NotExact(_)
            | Self::NothingSelected(_)
            | Self::Ambiguous { .. }
            | Self::SeveralRuns { .. }
            | Self::NoRun
            | Self::UserNotFound { .. }
            | Self::PartOfSet { .. }
            | Self::Graph { .. }
            | Self::InvalidToken(_)
            | Self::Store { .. }
            | Self::SavedPlan(_) => ErrorClass::Failed,
        }
    }

    /// Returns what the user can do, if there is something to say.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Graph { source, .. } => return source.hint(),
            Self::Store { source, .. } => source.hint()?,
            Self::SavedPlan(error) => error.hint(),
            Self::Manifests(_) | Self::Review(_) | Self::UserNotFound { .. } => return None,
            Self::NotExact(_) => {
                "this is a mistake of wabacl: report it; `wabacl init` writes a manifest to begin with by hand"
            }
            Self::NothingSelected(nothing) => return Some(what_selects(nothing)),
            Self::Ambiguous { .. } => "give the id",
            Self::SeveralRuns { wanted: Some(_), .. } => "give more of the id",
            Self::SeveralRuns { wanted: None, .. } => {
                "each is the last one of its business: give the id, or the manifests of the business"
            }
            Self::NoRun => "`wabacl journal` shows all runs",
            Self::InvalidToken(_) => {
                "create a new token for the system user in Business Settings, and store it where this run reads it"
            }
            Self::Locked { .. } => "leave out --no-wait to wait until it has ended",
            Self::TooOld { .. } => "create a new plan, or allow older ones with --max-plan-age",
            Self::FromFuture(_) => "compare the clocks of this machine and of the one that created the plan",
            Self::ForLaterTime(_) => {
                "a plan with --today or --now shows the future; create a plan for now to apply it"
            }
            Self::PartOfSet { .. } => {
                "give all files of the set, or the folder above them; manifests that are a set of their own need a name of their own: `set: NAME`"
            }
            Self::MadeElsewhere { here, .. } if **here == LiveSource::Api => {
                "an emulator's state is for rehearsals; plan again with a token"
            }
            Self::MadeElsewhere { .. } => {
                "to rehearse it, plan it with --emulate, or give manifests to apply"
            }
            Self::BeforeRecord { .. } => "change the manifests instead",
            Self::NoReviewedPlan { .. } => "create one: wabacl plan … --save NAME",
            Self::ReviewedPlansDiffer { .. } => "create a plan with another name, and review that one",
            Self::OtherBusiness { .. } | Self::Stale { .. } => "create a new plan",
            Self::Disagrees => "create a new plan, and review that one",
        };
        Some(hint.to_owned())
    }

    pub(super) fn graph(doing: impl Into<String>) -> impl FnOnce(GraphError) -> Self {
        let doing = doing.into();
        move |source| Self::Graph { doing, source: Box::new(source) }
    }

    /// Returns whether the state is in another place, or not all there.
    pub(super) fn is_of_other_place(&self) -> bool {
        let Self::Store { source, .. } = self else { return false };
        matches!(source, JournalError::Moved { .. } | JournalError::Incomplete { .. })
    }

    pub(super) fn store(doing: &'static str) -> impl FnOnce(JournalError) -> Self {
        move |source| Self::Store { doing, source }
    }
}

/// Returns how many runs can be meant.
fn several_runs(wanted: Option<&Name>, runs: usize) -> String {
    match wanted {
        Some(wanted) => format!("{runs} runs have an id that begins with `{wanted}`"),
        None => format!("the state has the journals of {runs} businesses"),
    }
}

/// Describes where live state comes from.
fn live_source(live_source: &LiveSource) -> &'static str {
    match live_source {
        LiveSource::Unrecorded => "an unknown state",
        LiveSource::Api => "the API",
        LiveSource::Emulator => "an emulator's state",
        LiveSource::Snapshot(_) => "a snapshot",
    }
}

/// Returns the first file, escaped, and the number of the others.
fn listed(files: &[String]) -> String {
    let first = escape(files.first().map_or("a file", String::as_str)).into_owned();
    match files.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    }
}

fn nothing_selected(NothingSelected { option, value, .. }: &NothingSelected) -> String {
    match *option {
        "--user" => format!("no system user is named `{value}`"),
        "USER" => format!("no user is named `{value}`"),
        "--waba RUN" => format!("the run wrote on no WABA that matches `{value}`"),
        "RUN" => format!("no journal has a run `{value}`"),
        "TASK" => format!("`{value}` is neither a task nor a role of the manifests"),
        "--labels" => format!("no WABA in scope has the labels `{value}`"),
        "WABA" => format!("no WABA in scope is named `{value}`"),
        _ => format!("no WABA in scope matches `{value}`"),
    }
}

fn what_selects(NothingSelected { option, similar, .. }: &NothingSelected) -> String {
    if !similar.is_empty() {
        let similar: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
        return format!("did you mean {}?", similar.join(" or "));
    }
    let names = match *option {
        "--user" => {
            "give a name of the manifests, or the live name or the id of a system user of the business"
        }
        "USER" => "give a name of the manifests, or the live name or the id of somebody on the WABA",
        "TASK" => {
            "docs/tasks.md lists the tasks; a task that this version does not know is declared in `extra_tasks`"
        }
        "--labels" => "labels are those of `wabas` and `discover`, compared as text",
        "--waba RUN" => {
            "the glob is compared with the names in the journal and in the manifests, and with the ids"
        }
        "RUN" => {
            "`wabacl journal` shows the ids of all runs; at least 4 characters of the beginning are enough"
        }
        "WABA" => "give a name of the manifests, a live name, or an id; the WABA must be in scope",
        _ => {
            "the glob is compared with the names in the manifests, and with the live names of discovered WABAs"
        }
    };
    names.to_owned()
}

fn table_errors(errors: usize) -> String {
    format!("the table has {}", crate::text::count(errors, "error", "errors"))
}

fn manifest_errors(errors: usize) -> String {
    match errors {
        1 => String::from("the manifests have an error; nothing was planned"),
        errors => format!("the manifests have {errors} errors; nothing was planned"),
    }
}
