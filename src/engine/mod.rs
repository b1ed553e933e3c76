//! The application: runs the steps of every verb in order.
//!
//! This is the only place where the steps are strung together: read files, parse, look up names, resolve, read live
//! access, plan, review, apply. The command line, the simulation and the tests are its callers. It prints nothing and
//! knows no arguments, no terminal and no exit codes: progress and findings are [`Event`]s, results are values.
//!
//! ```text
//! check_paths ─> CheckedManifests ─> Session::propose ─> Proposal ─> guard::review ─> Review ─> ApprovedPlan
//! load_saved  ─> Proposal ─────────> Session::recheck ─┤                                             │
//! find_run    ─> FoundRun ─────> Session::propose_undo ┘                                             │
//!                                                Lease ─> Session::apply <───────────────────────────┘
//! ```

mod access_tests;
mod apply;
mod drift;
mod error;
mod estate;
mod event;
mod import;
mod manifests;
mod memory;
mod narrowed;
mod plans;
mod previous;
mod propose;
mod reconcile;
mod review;
mod runs;
mod saved;
mod session;
mod set_files;
mod survey;
mod undo;
mod update;
mod validate;

pub use apply::{Applied, ApplyOptions, Ending, Lease};
pub use drift::{Reference, explain_drift, history, readable_history};
pub use error::{EngineError, ErrorClass};
pub use event::{Event, Events, Progress, Stage, Warning};
pub use import::{import_estate, normalize_estate};
pub use manifests::{
    CheckedManifests, LiveNames, PlanRequest, Validation, check_paths, check_sources, test_offline, validate,
};
pub use plans::{last_applied, reviewed_plan, save_plan};
pub use reconcile::{
    Broken, Connect, DueWabas, Finding, Happening, Judged, Problem, ROUNDS, ReconcileSettings, Reconciler,
    Round, Stopped, Trigger, Watcher,
};
pub use review::{reviews, take_review};
pub use runs::{FittingRun, RunChoice, run_ids};
pub use saved::{AgeLimit, check_agreement, check_time, load_saved};
pub use session::{Session, Token};
pub use survey::{Survey, survey_offline};
pub use undo::{FoundRun, UndoGuards, find_run};
pub use update::{NewFiles, Updated, UpdatedFile, update_sources};
