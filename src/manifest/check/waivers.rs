//! The waivers: permissions to violate guards.

use super::Checker;
use crate::diagnostic;
use crate::manifest::raw::RawWaiver;
use crate::manifest::scalar::{GuardText, Located, NameText};
use crate::model::{At, Guard, Position, SourceId, Waiver, WaiverTerms};
use std::collections::BTreeMap;

impl Checker<'_> {
    /// Checks the waivers of all documents. Each guard and target is waived once.
    pub(super) fn waivers(&mut self, documents: Vec<(SourceId, Vec<Located<RawWaiver>>)>) -> Vec<Waiver> {
        let mut waivers = Vec::new();
        let mut first: BTreeMap<(Guard, Option<String>), Position> = BTreeMap::new();
        for (source, list) in documents {
            self.source = source;
            for (index, waiver) in list.into_iter().enumerate() {
                let at = self.at(waiver.location);
                let Some(waiver) = self.waiver(index, at, waiver.value) else { continue };
                if let Some(first) = first.insert((waiver.guard, waiver.target.clone()), at) {
                    let first = self.format(first);
                    self.report(diagnostic::waived_twice(at, &waiver.to_string(), &first));
                }
                waivers.push(waiver);
            }
        }
        waivers
    }

    /// Checks the waiver with this index in its document; returns `None` if a part is missing or wrong.
    fn waiver(&mut self, index: usize, at: Position, waiver: RawWaiver) -> Option<Waiver> {
        let required = [
            ("guard", waiver.guard.is_none()),
            ("until", waiver.until.is_none()),
            ("reason", waiver.reason.is_none()),
        ];
        for (key, is_missing) in required {
            if is_missing && !waiver.has_empty(key) {
                self.report(diagnostic::missing(at, "a waiver", key));
            }
        }
        let has_empty = ["limit", "target"].iter().any(|key| waiver.has_empty(key));
        self.key_problems(waiver.problems);
        let guard = waiver.guard.and_then(|guard| self.waived_guard(guard));
        let limit = waiver.limit.and_then(|limit| self.count(limit));
        let target = waiver.target.map(|target| NameText { text: target.text, location: target.location });
        let target = target.and_then(|target| self.name(target, "target"));
        let until = waiver.until.and_then(|until| self.time(&until));
        let reason = waiver.reason.and_then(|reason| self.name(reason, "reason"));
        let guard = guard?;
        let (fits, key) = match (guard.counts(), &limit, &target) {
            (true, Some(_), None) | (false, None, Some(_)) => (true, ""),
            (true, ..) => (false, "limit"),
            (false, ..) => (false, "target"),
        };
        if !fits {
            // An empty key is an error already.
            if !has_empty {
                self.report(diagnostic::waiver_needs(at, guard.code(), key));
            }
            return None;
        }
        Some(Waiver {
            guard,
            target: target.map(|target| target.value.as_str().to_owned()),
            terms: Some(WaiverTerms {
                path: format!("waivers[{index}]"),
                at,
                limit: limit.map(|limit| limit.value),
                until: until?.value,
                reason: reason?.value,
            }),
        })
    }

    fn waived_guard(&mut self, guard: GuardText) -> Option<Guard> {
        let (words, at) = (Guard::ALL.map(|guard| (guard.code(), guard)), self.at(guard.location));
        let At { value: guard, .. } = self.word(guard, &words)?;
        if !guard.is_waivable_in_manifests() {
            self.report(diagnostic::not_waivable(at, guard.code()));
            return None;
        }
        Some(guard)
    }
}
