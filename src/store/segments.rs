//! Reads the objects of a journal: as many as are needed, from the end backwards, or from a checkpoint on.

use super::error::JournalError;
use super::history::Builder;
use super::line::{CheckpointLine, Line};
use super::read::Keep;
use super::remote::{Remote, head, position_name, positions};
use crate::chain::{Acquired, Body, Header, What, split};
use crate::model::{BrokenLine, BusinessId, History, HistoryFilter, SeenInHistory};
use futures_util::{StreamExt, stream, try_join};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::path::PathBuf;

/// How many parts of the journal are read at a time. A guess: as many as requests to the API.
const READS: usize = 16;

/// How far the clocks of two machines may differ, for finding out how much of the journal is recent.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// The checkpoints of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Checkpoints {
    /// Their positions, in order.
    pub(super) all: Vec<u64>,
    /// The position up to which the journal was removed; 0 if it was not.
    pub(super) base: u64,
}

impl Checkpoints {
    /// Returns the newest one up to a position; 0 if there is none.
    pub(super) fn newest(&self, up_to: u64) -> u64 {
        self.all.iter().rev().find(|at| **at <= up_to).copied().unwrap_or_default()
    }
}

/// Returns the name of the summary up to a position.
pub(super) fn checkpoint_name(business: BusinessId, at: u64) -> String {
    format!("{business}/checkpoints/{at:020}.jsonl")
}

/// Returns the name of the object that says that the journal was removed up to a position.
pub(super) fn base_name(business: BusinessId, at: u64) -> String {
    format!("{business}/checkpoints/{at:020}.base")
}

impl Remote {
    /// Returns the part of a journal at a position.
    pub(super) async fn part(&self, business: BusinessId, at: u64) -> Result<(Header, Body), JournalError> {
        let (location, object) = (self.location(), position_name(business, at));
        let known = self.known_parts.get(business, at);
        let body = match known {
            Some(_) => known,
            None => self.objects.get(&object).await?,
        };
        let Some(body) = body else {
            return Err(JournalError::Chain { location, object, why: String::from("it is missing") });
        };
        match split(at, &body) {
            Ok((header, _)) => {
                self.known_parts.keep(business, at, &body);
                Ok((header, body))
            }
            Err(why) => Err(JournalError::Chain { location, object, why: why.to_string() }),
        }
    }

    /// Returns the checkpoints of a journal.
    pub(super) async fn checkpoints(&self, business: BusinessId) -> Result<Checkpoints, JournalError> {
        let mut found = Checkpoints::default();
        for name in self.objects.list(&format!("{business}/checkpoints"), None).await? {
            if let Some(at) = name.strip_suffix(".jsonl").and_then(|at| at.parse().ok()) {
                found.all.push(at);
            } else if let Some(at) = name.strip_suffix(".base").and_then(|at| at.parse().ok()) {
                found.base = found.base.max(at);
            }
        }
        found.all.retain(|at| *at >= found.base);
        Ok(found)
    }

    /// Returns the lines of a checkpoint.
    pub(super) async fn checkpoint(&self, business: BusinessId, at: u64) -> Result<Body, JournalError> {
        let (location, object) = (self.location(), checkpoint_name(business, at));
        let bad = |why: &str| JournalError::Chain { location, object: object.clone(), why: why.to_owned() };
        let Some(body) = self.objects.get(&object).await? else { return Err(bad("it is missing")) };
        let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match Line::from_text(first) {
            Ok(Line::Checkpoint(CheckpointLine { up_to, .. })) if up_to == at && body.ends_with(b"\n") => {
                Ok(body)
            }
            Ok(_) => Err(bad("it is not a checkpoint of this position")),
            Err(why) => Err(bad(&why.to_string())),
        }
    }

    /// Returns a position that exists, or 0: the chain goes on after it.
    pub(super) async fn hint(&self, business: BusinessId) -> Result<u64, JournalError> {
        let (head, checkpoints) = try_join!(head(&self.objects, business), self.checkpoints(business))?;
        Ok(head.seq.max(checkpoints.base))
    }

    /// Reads the journal of a business.
    pub(super) async fn history(
        &self,
        business: BusinessId,
        keep: Keep,
        filter: &HistoryFilter,
    ) -> Result<(History, SeenInHistory), JournalError> {
        let (head, checkpoints) = try_join!(head(&self.objects, business), self.checkpoints(business))?;
        let hint = head.seq.max(checkpoints.base);
        let found = positions(&self.objects, business, hint).await?;
        let tail = found.last().copied().unwrap_or(hint);
        // What is in flight is in the newest checkpoint too.
        let floor = match keep {
            Keep::InFlight => checkpoints.newest(tail).max(checkpoints.base),
            Keep::All | Keep::Last(_) | Keep::Since(_) => checkpoints.base,
        };
        let wanted = if keep == Keep::All { 1 } else { head.settled_to + 1 };
        let (first, parts) = self.parts(business, (floor, tail), wanted, keep).await?;
        let mut builder = Builder::filtered(keep, filter.clone());
        if first > 1 {
            builder.begin_within();
        }
        let mut number = 0;
        let mut add = |lines: &[u8], builder: &mut Builder| {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                number += 1;
                builder.line(number, line);
            }
        };
        if floor > 0 && first == floor + 1 && wanted <= floor {
            add(&self.checkpoint(business, floor).await?, &mut builder);
        }
        for (at, body) in (first..).zip(parts) {
            let Ok((header, lines)) = split(at, &body) else { continue };
            if at == tail && header.copies_from.is_some() {
                return Err(self.incomplete(&header));
            }
            if let Some(to) = &header.moved_to {
                builder.moved(to);
            }
            add(lines, &mut builder);
        }
        let (history, seen) = builder.finish();
        match &history.unusable {
            Some(BrokenLine { line, why }) if keep == Keep::InFlight => {
                let path = PathBuf::from(format!("{}/{business}/journal", self.location()));
                Err(JournalError::Unusable { path, line: *line, why: why.clone() })
            }
            Some(_) | None => Ok((history, seen)),
        }
    }

    /// Returns the position up to which the journal was removed, and the last one. Both are 0 if there is none.
    pub(super) async fn extent(&self, business: BusinessId) -> Result<(u64, u64), JournalError> {
        let base = self.checkpoints(business).await?.base;
        let found = positions(&self.objects, business, base).await?;
        for (expected, at) in (base + 1..).zip(&found) {
            if expected != *at {
                return Err(self.failed(business, Acquired::Gap(expected), None));
            }
        }
        Ok((base, found.last().copied().unwrap_or(base)))
    }

    /// Returns the lines of the next objects from a position on, a few at a time.
    pub(super) async fn lines(
        &self,
        business: BusinessId,
        from: u64,
        tail: u64,
    ) -> Result<Vec<Vec<u8>>, JournalError> {
        let to = tail.min(from + READS as u64 - 1);
        let read = stream::iter(from..=to).map(|at| self.part(business, at)).buffered(READS);
        let read: Vec<Result<(Header, Body), JournalError>> = read.collect().await;
        let lines = |(header, body): (Header, Body)| {
            split(header.seq, &body).map(|(_, lines)| lines.to_vec()).unwrap_or_default()
        };
        read.into_iter().map(|part| part.map(lines)).collect()
    }

    /// Reads the parts of a journal that are needed, from the end backwards, but none up to the floor. Returns the first position.
    async fn parts(
        &self,
        business: BusinessId,
        (floor, tail): (u64, u64),
        mut wanted: u64,
        keep: Keep,
    ) -> Result<(u64, VecDeque<Body>), JournalError> {
        let mut parts: VecDeque<Body> = VecDeque::new();
        let mut first = tail + 1;
        let mut runs = 0;
        while first > wanted.max(floor + 1)
            || (first > floor + 1 && !enough(keep, runs, parts.front(), first))
        {
            // A run begins with the object that takes its lease; what is before it belongs to others.
            let from = first.saturating_sub(READS as u64).max(floor + 1);
            let read = stream::iter(from..first).map(|at| self.part(business, at)).buffered(READS);
            let read: Vec<_> = read.collect().await;
            for part in read.into_iter().rev() {
                let (header, body) = part?;
                runs += usize::from(matches!(header.what, What::Take | What::Takeover));
                wanted = wanted.min(header.term);
                parts.push_front(body);
            }
            first = from;
        }
        Ok((first, parts))
    }
}

/// Returns whether the parts that were read hold what is kept, besides the writes in flight.
fn enough(keep: Keep, runs: usize, first: Option<&Body>, at: u64) -> bool {
    match keep {
        Keep::All => false,
        Keep::InFlight => true,
        Keep::Last(number) => runs > number,
        Keep::Since(since) => {
            let header = first.and_then(|body| split(at, body).ok());
            let made = header.and_then(|(header, _)| header.at.parse::<Timestamp>().ok());
            made.is_some_and(|made| made < since.saturating_sub(SKEW).unwrap_or(Timestamp::MIN))
        }
    }
}
