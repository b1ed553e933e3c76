//! The protocol by which machines share a journal.
//!
//! One numbered chain of immutable objects is lock, fence and journal at once. It needs three operations of a store: put an
//! object if there is none of its name, get one, and list the names. The holder of the lease appends at the end. Whoever
//! finds another object in its place has lost the lease, and appends and sends nothing more.
//!
//! Everything here is pure. An operation is a state machine: it returns what it asks of the store ([`Ask`]), and takes the
//! answer. So the same code runs against a store, in a simulation, and in an exploration of all interleavings.
//!
//! Answers can be lost, and a put can land late. So an answer other than "created" proves nothing: the object is read, and
//! equal bytes are one's own. Each body names its run and its position, so no two runs write equal bytes.

mod acquire;
mod append;
mod header;
mod tenure;
#[cfg(test)]
mod tests;
mod timing;

pub use acquire::{Acquire, Acquired, Claim, Forced, Release};
pub use append::{Append, Appended};
pub use header::{BadSegment, Header, What, split};
pub use tenure::{Lost, Tenure};
pub use timing::Timing;

use std::sync::Arc;
use std::time::Duration;

/// The content of an object. Clones share it.
pub type Body = Arc<[u8]>;

/// What an operation asks of the store, or of the clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Put an object at a position, if there is none.
    Put(u64, Body),
    /// Get the object at a position.
    Get(u64),
    /// List the positions after one.
    List(u64),
    /// Wait for a time.
    Wait(Duration),
}

/// The answer to what an operation asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The object was put.
    Created,
    /// There is an object at the position already. It may be one's own.
    Exists,
    /// The object.
    Found(Body),
    /// There is no object at the position.
    Missing,
    /// The positions, in order.
    Listed(Vec<u64>),
    /// The time is over.
    Waited,
    /// There is no answer, or one that proves nothing. What was asked may still happen later.
    Failed,
}
