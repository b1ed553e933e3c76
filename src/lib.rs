//! Access to WhatsApp Business Accounts (WABAs) as code.
//!
//! Manifests declare which system users hold which tasks on which WABAs. A plan compares that with the live state
//! from Meta's Graph API, guards review the plan, and only what differs is applied.
//!
//! # The way data takes
//!
//! Steps with I/O and pure steps alternate. Each arrow carries a value. [`engine`] runs the steps for every verb.
//!
//! ```text
//! read files     I/O    sources   paths                     -> Sources
//! parse          pure   manifest  Sources                   -> Manifest, diagnostics
//! look up names  I/O    graph     names in the Manifest     -> Directory
//! resolve        pure   resolve   Manifest, Directory, time -> Desired, Policy, diagnostics
//! read live      I/O    graph     scope                     -> Observed
//! plan           pure   plan      Desired, Observed         -> Plan (cannot fail)
//! review         pure   guard     Proposal, waivers         -> Review: ApprovedPlan, or every violation
//! render         pure   render    a view of the Proposal    -> text, JSON, diff, Markdown, HTML, …
//! apply          I/O    apply     ApprovedPlan              -> journal, Report
//! ```
//!
//! # What always holds
//!
//! - The core (`model`, `diagnostic`, `manifest`, `resolve`, `plan`, `digest`, `drift`, `access_test`, `proposal`, `guard`,
//!   `query`, `review`, `mining`, `import`) does no I/O, has no async, no clock, no environment and no logging.
//! - Nothing is removed because of something unknown: a list that broke off is an error, never a shorter list.
//! - Nothing reaches the API that a guard did not approve: only [`guard`] makes an `ApprovedPlan`, only
//!   [`apply`](mod@apply) takes one, and `plan` and `drift` never hold a writer.
//! - Foreign names are escaped in every output, and secrets are in none.
//!
//! The modules in reading order: the bottom,

pub mod text;

pub mod redact;

pub mod files;

pub mod clock;

pub mod mac;

// the core,
pub mod model;

pub mod diagnostic;

pub mod manifest;

pub mod resolve;

pub mod plan;

pub mod digest;

pub mod drift;

pub mod access_test;

pub mod proposal;

pub mod guard;

pub mod query;

pub mod review;

pub mod mining;

pub mod import;

// the protocol of a shared state and the pace of a reconciler, pure too,
pub mod chain;

pub mod reconcile;

// I/O and formats,
pub mod sources;

pub mod graph;

pub mod store;

pub mod apply;

pub mod documents;

pub mod render;

pub mod listener;

pub mod webhook;

#[cfg(feature = "emulator")]
pub mod emulator;

// and the application.
pub mod engine;

pub mod cli;
