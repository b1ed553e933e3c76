//! The integration tests: one binary.

#[cfg(feature = "emulator")]
mod emulator;
#[cfg(feature = "emulator")]
mod readme;
#[cfg(feature = "emulator")]
mod sdk;
