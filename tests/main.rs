//! The integration tests: one binary.

#[cfg(feature = "emulator")]
mod emulator;
mod house;
#[cfg(feature = "emulator")]
mod readme;
mod schemas;
#[cfg(feature = "emulator")]
mod sdk;
