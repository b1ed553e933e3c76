//! The integration tests: one binary.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

#[cfg(feature = "emulator")]
mod applying;
#[cfg(feature = "emulator")]
mod client;
#[cfg(all(feature = "emulator", target_os = "linux"))] // bash and GNU sed
mod docs;
#[cfg(feature = "emulator")]
mod emulator;
#[cfg(feature = "emulator")]
mod fuzzing;
mod house;
mod journal;
mod kubernetes;
#[cfg(feature = "emulator")]
mod narrowed;
#[cfg(feature = "emulator")]
mod program;
#[cfg(feature = "emulator")]
mod reading;
#[cfg(all(feature = "emulator", unix))] // shown as on a terminal
mod readme;
#[cfg(feature = "emulator")]
mod reconciling;
mod schemas;
#[cfg(feature = "emulator")]
mod sdk;
#[cfg(feature = "emulator")]
mod simulation;
#[cfg(feature = "emulator")]
mod snapshot;
mod state_protocol;
#[cfg(feature = "emulator")]
mod support;
mod troubleshooting;
#[cfg(feature = "emulator")]
mod webhook;
