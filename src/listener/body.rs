//! The body of a request: its length, its time and the memory of all bodies are bounded.

use super::StatusCode;
use crate::clock::Clock;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bytes of a body. They count towards the memory of all bodies until this is dropped.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the handler allows, by its announced or its actual length.
    #[error("the body is too long")]
    TooLong,
    /// It takes longer than [`Limits::body_time`](super::Limits::body_time).
    #[error("the body takes too long")]
    TooSlow,
    /// All bodies together take more memory than [`Limits::bodies`](super::Limits::bodies).
    #[error("too many bodies are being read")]
    Busy,
    /// The client closed the connection, or sent something else than HTTP.
    #[error("the body breaks off")]
    Broken,
}

impl BodyError {
    /// Returns the status that tells the client.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body of at most `limit` bytes. One that announces more is not read at all.
pub(super) async fn read(
    mut incoming: Incoming,
    limit: usize,
    time: Duration,
    clock: &Clock,
    memory: &Arc<Semaphore>,
) -> Result<Body, BodyError> {
    let announced = incoming.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(BodyError::TooLong);
    }
    let whole = async {
        let mut body = Body { bytes: Vec::new(), memory: None };
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            if body.bytes.len() + data.len() > limit {
                return Err(BodyError::TooLong);
            }
            body.take_memory(memory, data.len())?;
            body.bytes.extend_from_slice(&data);
        }
        Ok(body)
    };
    clock.within(time, whole).await.unwrap_or(Err(BodyError::TooSlow))
}

impl Body {
    /// Counts what arrives, and not what is announced: a client that only announces much takes no memory from others.
    fn take_memory(&mut self, memory: &Arc<Semaphore>, bytes: usize) -> Result<(), BodyError> {
        let bytes = u32::try_from(bytes).map_err(|_| BodyError::TooLong)?;
        let taken = Arc::clone(memory).try_acquire_many_owned(bytes).map_err(|_| BodyError::Busy)?;
        match &mut self.memory {
            Some(memory) => memory.merge(taken),
            none => *none = Some(taken),
        }
        Ok(())
    }
}
