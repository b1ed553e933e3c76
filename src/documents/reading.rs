//! Turns the parts of a document into the types of the core.

use super::parts::{GoneEntry, GoneLine, GrantEntry};
use super::words::GoneWord;
use crate::model::{At, Because, GrantSource, Name, Position, SourceId, Sources, WhyGone};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Reads the parts of one document. Collects the files that they name, and shares equal grants.
#[derive(Debug, Default)]
pub(crate) struct PartsReader {
    sources: Sources,
    ids: HashMap<String, SourceId>,
    grants: HashSet<Arc<GrantSource>>,
}

impl PartsReader {
    /// Returns the files that were named, without their text.
    pub(crate) fn into_sources(self) -> Sources {
        self.sources
    }

    /// Forgets the grants. Equal grants that are read later are not shared with those read before.
    pub(crate) fn forget_grants(&mut self) {
        self.grants.clear();
    }

    /// Returns the number of a file.
    pub(crate) fn source(&mut self, path: &str) -> SourceId {
        if let Some(known) = self.ids.get(path) {
            return *known;
        }
        let id = self.sources.add(path, "");
        self.ids.insert(path.to_owned(), id);
        id
    }

    pub(crate) fn because(&mut self, grants: Vec<GrantEntry<'_>>, gone: Option<GoneEntry<'_>>) -> Because {
        Because {
            grants: grants.into_iter().map(|grant| self.grant(grant)).collect(),
            gone: gone.map(|gone| {
                (gone.prune.into(), gone.lines.into_iter().map(|line| self.gone_line(line)).collect())
            }),
        }
    }

    pub(crate) fn grant(&mut self, entry: GrantEntry<'_>) -> Arc<GrantSource> {
        let grant = GrantSource {
            at: self.position(&entry.file, entry.line, entry.column),
            path: entry.grant.into_owned(),
            name: entry.name.map(Name::new),
            reason: entry.reason.map(Name::new),
            from: entry.from.map(|from| from.0),
            until: entry.until.map(|until| until.0),
        };
        if let Some(known) = self.grants.get(&grant) {
            return Arc::clone(known);
        }
        let grant = Arc::new(grant);
        self.grants.insert(Arc::clone(&grant));
        grant
    }

    fn gone_line(&mut self, entry: GoneLine<'_>) -> WhyGone {
        let at = self.position(&entry.file, entry.line, entry.column);
        match (entry.why, entry.grant) {
            (GoneWord::Expired, Some(grant)) => WhyGone::Expired(self.grant(grant)),
            (GoneWord::NotYet, Some(grant)) => WhyGone::NotYet(self.grant(grant)),
            (GoneWord::Excepted, Some(grant)) => WhyGone::Excepted(self.grant(grant)),
            (GoneWord::Expired | GoneWord::NotYet | GoneWord::Excepted | GoneWord::Declared, _) => {
                WhyGone::Declared(at)
            }
            (GoneWord::Suspended, _) => {
                WhyGone::Suspended(At { value: entry.reason.map(Name::new).unwrap_or_default(), at })
            }
            (GoneWord::Released, _) => WhyGone::Released(at),
            (GoneWord::Undeclared, _) => WhyGone::Undeclared(at),
        }
    }

    pub(crate) fn position(&mut self, file: &str, line: u32, column: u32) -> Position {
        Position { source: self.source(file), line, column }
    }
}
