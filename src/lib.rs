//! Access to WhatsApp Business Accounts (WABAs) as code.
//!
//! Manifests say which system users hold which tasks on which WABAs. A plan compares that with the live state
//! from Meta's Graph API, guards judge the plan, and only what differs is applied.
//!
//! # The way data takes
//!
//! Steps that touch the world and steps that only think alternate. Each arrow carries a value.
//!
//! ```text
//! read files     world   sources   paths                     -> Sources
//! parse          pure    manifest  Sources                   -> Manifest, diagnostics
//! look up names  world   graph     what the manifest names   -> Directory
//! resolve        pure    resolve   Manifest, Directory, day  -> Desired, Policy, diagnostics
//! read live      world   graph     scope                     -> Observed
//! plan           pure    plan      Desired, Observed         -> Plan (cannot fail)
//! guard          pure    guard     Plan, Policy              -> ApprovedPlan, or every violation
//! render         pure    render    Plan                      -> text, JSON, diff, Markdown, HTML, …
//! apply          world   apply     ApprovedPlan              -> journal, Report
//! ```
//!
//! # What always holds
//!
//! - The core (`model` to `drift`) does no I/O, has no async, no clock, no environment and no logging.
//! - Nothing is taken away because of something unknown: a list that broke half-way is a failure, never a
//!   shorter list.
//! - Nothing reaches the API that a guard did not pass: only [`guard`] makes an `ApprovedPlan`, only
//!   [`apply`](mod@apply) takes one, and `plan` and `drift` never hold a writer.
//! - Foreign names are harmless in every output, and secrets are in none.
//!
//! The modules, in reading order: the core,

pub mod files;

pub mod text;

pub mod model;

pub mod diagnostic;

pub mod manifest;

pub mod resolve;

pub mod plan;

pub mod guard;

pub mod digest;

pub mod proposal;

pub mod drift;

// … and the shell:
pub mod sources;

pub mod clock;

pub mod graph;

pub mod store;

pub mod apply;

pub mod planfile;

pub mod render;

#[cfg(feature = "emulator")]
pub mod emulator;

pub mod engine;

pub mod cli;
