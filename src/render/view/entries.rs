//! The changes as entries: changes that differ only in their WABA are one entry, and the most important come first.

use super::{ChangeNote, NamedObject, NoteKind, ShownChange, View, folded};
use crate::guard::Violation;
use crate::model::{
    Action, AssignmentKey, Blocked, Change, Drift, GrantSource, LastWrite, Moved, Name, Outcome, Prune, Task,
    TaskSet, UserId, WabaId, WhyGone,
};
use crate::render::sentence::Sentence;
use crate::render::wording;
use crate::text::count;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// The number of WABAs that an entry names before the others are only counted. A guess: they fit on two lines.
const NAMED: usize = 3;

/// The headings under which changes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// A heading for each WABA, in the order of the plan.
    Waba,
    /// A heading for each user.
    User,
    /// A heading for each reason: the grants that ask for a change, and the lines that no longer do.
    Grant,
}

/// How much a reader should care about a change, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum Importance {
    /// A guard refuses it.
    Refused,
    /// In drift: control that the user holds beyond the manifests.
    Control,
    /// The user loses everything.
    Revoked,
    /// It is not attempted.
    Blocked,
    /// An admin loses or regains the full access of its role.
    Admin,
    /// The user loses tasks.
    Reduced,
    /// The user gains control.
    GainsControl,
    /// Everything else.
    Other,
    /// In drift: work in progress.
    Pending,
}

/// Changes that differ only in their WABA; never empty.
#[derive(Debug, Clone)]
pub(in crate::render) struct Entry<'a> {
    view: View<'a>,
    /// In the order of the plan.
    changes: Vec<&'a Change>,
    /// The guards that refuse it.
    guards: Vec<&'static str>,
    pub(in crate::render) importance: Importance,
    /// Whether the cause of any difference is known. If not, "unknown" is not repeated for each of them.
    has_causes: bool,
}

/// What the entries of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) enum Heading {
    Waba(NamedObject),
    User(NamedObject),
    Reasons(Vec<Sentence>),
}

/// Entries under a heading; never empty.
#[derive(Debug, Clone)]
pub(in crate::render) struct Group<'a> {
    by: Option<GroupBy>,
    pub(in crate::render) entries: Vec<Entry<'a>>,
}

impl<'a> View<'a> {
    /// Returns the changes as entries: folded over WABAs, or one for each change. The most important come first, and
    /// equally important ones in the order of the plan.
    pub(in crate::render) fn entries(self, folds: bool) -> Vec<Entry<'a>> {
        let mut entries = self.unsorted_entries(folds);
        entries.sort_by_key(|entry| entry.importance);
        entries
    }

    /// Returns the entries under headings, by default all of them in one group without any.
    ///
    /// Under the heading of a WABA nothing is folded, and the order is that of the plan.
    pub(in crate::render) fn groups(self, by: Option<GroupBy>, folds: bool) -> Vec<Group<'a>> {
        let group = |entries| Group { by, entries };
        match by {
            None => Some(self.entries(folds)).filter(|all| !all.is_empty()).map(group).into_iter().collect(),
            Some(GroupBy::Waba) => {
                let entries = self.unsorted_entries(false);
                together(entries, |entry| entry.first().key.waba).into_iter().map(group).collect()
            }
            Some(GroupBy::User) => {
                together(self.entries(folds), |entry| entry.first().key.user).into_iter().map(group).collect()
            }
            Some(GroupBy::Grant) => {
                let reason = |entry: &Entry<'a>| ReasonKey::of(entry.first());
                together(self.entries(folds), reason).into_iter().map(group).collect()
            }
        }
    }

    fn unsorted_entries(self, folds: bool) -> Vec<Entry<'a>> {
        let guards = Guards::of(self.violations);
        let has_causes = self.drift.is_some_and(Drift::tells);
        let entry = |change: &'a Change| {
            let guards = guards.that_refuse(change);
            let importance = self.importance(change, !guards.is_empty());
            Entry { view: self, changes: vec![change], guards, importance, has_causes }
        };
        let entries = self.plan().changes.iter().map(entry);
        if !folds {
            return entries.collect();
        }
        let merge = |mut same: Vec<Entry<'a>>| {
            let changes = same.iter().flat_map(|entry| entry.changes.clone()).collect();
            Entry { changes, ..same.swap_remove(0) }
        };
        together(entries.collect(), Entry::key).into_iter().map(merge).collect()
    }

    fn importance(self, change: &Change, is_refused: bool) -> Importance {
        let (tasks, action) = (self.task_diff(change), self.action(change));
        let has_control = |set: &TaskSet| set.contains(Task::Manage) || set.contains(Task::FullControl);
        if is_refused {
            Importance::Refused
        } else if change.blocked.is_some() && !self.is_drift() {
            Importance::Blocked
        } else if self.moved(change.key) == Some(Moved::Manifests) {
            Importance::Pending
        } else if change.narrows_admin() || change.restores_admin() {
            Importance::Admin
        } else if self.is_drift() && has_control(&tasks.gained) {
            Importance::Control
        } else if action == Action::Revoke {
            Importance::Revoked
        } else if !tasks.lost.is_empty() {
            Importance::Reduced
        } else if has_control(&tasks.gained) {
            Importance::GainsControl
        } else {
            Importance::Other
        }
    }

    fn moved(self, key: AssignmentKey) -> Option<Moved> {
        Some(self.drift?.explanations.get(&key)?.moved)
    }
}

/// Puts items with the same key together, in the order of the first of each.
pub(in crate::render) fn together<T, K: Eq + Hash>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut at: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        let index = *at.entry(key(&item)).or_insert(groups.len());
        if index == groups.len() {
            groups.push(Vec::new());
        }
        groups[index].push(item);
    }
    groups
}

/// The reason of a change without what is different on each WABA.
#[derive(PartialEq, Eq, Hash)]
struct ReasonKey<'a> {
    grants: &'a [Arc<GrantSource>],
    prune: Option<Prune>,
    /// `None` is an undeclared user: its position is that of the WABA.
    gone: Vec<Option<&'a WhyGone>>,
}

impl<'a> ReasonKey<'a> {
    fn of(change: &'a Change) -> Self {
        let (prune, lines) = match &change.because.gone {
            Some((prune, lines)) => (*prune, lines.as_slice()),
            None => (Prune::None, [].as_slice()),
        };
        // A suspension takes everything, whatever the prune rule of the WABA.
        let is_by_rule = |line: &WhyGone| !matches!(line, WhyGone::Suspended(_));
        let prune = lines.iter().any(is_by_rule).then_some(prune);
        let line = |line: &'a WhyGone| (!matches!(line, WhyGone::Undeclared(_))).then_some(line);
        Self { grants: &change.because.grants, prune, gone: lines.iter().map(line).collect() }
    }
}

/// The last write of an assignment without its time and number.
#[derive(PartialEq, Eq, Hash)]
struct WriteKey<'a> {
    run: &'a Name,
    acting_user: Option<&'a (UserId, Name)>,
    by: [Option<&'a Name>; 2],
    after: &'a TaskSet,
    outcome: Option<&'a Outcome>,
}

/// What the changes of an entry have in common: everything that is shown of them, except the WABA.
#[derive(PartialEq, Eq, Hash)]
struct EntryKey<'a> {
    user: UserId,
    sets: [&'a TaskSet; 2],
    reason: ReasonKey<'a>,
    blocked: Option<Blocked>,
    is_admin: bool,
    is_split: bool,
    guards: Vec<&'static str>,
    moved: Option<Moved>,
    write: Option<WriteKey<'a>>,
    evidence: Option<&'a str>,
}

/// The violations by what they are about.
struct Guards<'a> {
    by_waba: BTreeMap<WabaId, Vec<&'a Violation>>,
    by_user: BTreeMap<UserId, Vec<&'a Violation>>,
}

impl<'a> Guards<'a> {
    fn of(violations: &'a [Violation]) -> Self {
        let mut guards = Self { by_waba: BTreeMap::new(), by_user: BTreeMap::new() };
        for violation in violations {
            match (violation.waba, violation.user) {
                (Some(waba), _) => guards.by_waba.entry(waba).or_default().push(violation),
                (None, Some(user)) => guards.by_user.entry(user).or_default().push(violation),
                (None, None) => {}
            }
        }
        guards
    }

    /// Returns the codes of the guards that refuse a change. If a guard names no user, these are the losses on its WABA.
    fn that_refuse(&self, change: &Change) -> Vec<&'static str> {
        let on_waba = self.by_waba.get(&change.key.waba).into_iter().flatten();
        let of_user = self.by_user.get(&change.key.user).into_iter().flatten();
        let concerns = |violation: &&&Violation| {
            violation.user.map_or_else(|| change.is_loss(), |user| user == change.key.user)
        };
        let mut codes: Vec<_> =
            on_waba.chain(of_user).filter(concerns).map(|violation| violation.guard.code()).collect();
        codes.dedup();
        codes
    }
}

impl Group<'_> {
    /// Returns the number of changes.
    pub(in crate::render) fn len(&self) -> usize {
        self.entries.iter().map(Entry::len).sum()
    }

    /// Returns the users, each once, or the first of them and the number of the others.
    pub(in crate::render) fn users(&self) -> Sentence {
        let plan = self.entries[0].view.plan();
        let users = together(self.entries.iter().collect(), |entry| entry.first().key.user);
        let shown = folded(users.len(), NAMED, false);
        let named = users[..shown].iter().map(|same| NamedObject::user(plan, same[0].first().key.user));
        let text = named.fold(Sentence::default(), |text, user| text.user(&user));
        if shown < users.len() { text.own(format!("and {} more", users.len() - shown)) } else { text }
    }

    /// Returns the WABAs, each once, or their number and the first of them.
    pub(in crate::render) fn wabas(&self) -> Sentence {
        let first = &self.entries[0];
        let changes = self.entries.iter().flat_map(|entry| entry.changes.iter().copied()).collect();
        let changes = together(changes, |change: &&Change| change.key.waba);
        wabas(changes.iter().map(|same| first.waba(same[0])), changes.len(), "", false)
    }

    /// Returns the heading; long lists of reasons are folded unless `verbose`.
    pub(in crate::render) fn heading(&self, verbose: bool) -> Option<Heading> {
        let first = &self.entries[0];
        Some(match self.by? {
            GroupBy::Waba => Heading::Waba(first.waba(first.first())),
            GroupBy::User => Heading::User(NamedObject::user(first.view.plan(), first.first().key.user)),
            GroupBy::Grant => Heading::Reasons(first.reasons(verbose)),
        })
    }
}

impl<'a> Entry<'a> {
    pub(super) fn first(&self) -> &'a Change {
        self.changes[0]
    }

    fn waba(&self, change: &Change) -> NamedObject {
        NamedObject::waba(self.view.plan(), change.key.waba)
    }

    /// Returns the number of changes.
    pub(in crate::render) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Returns the WABAs, in the order of the plan.
    pub(in crate::render) fn wabas(&self) -> impl Iterator<Item = NamedObject> {
        self.changes.iter().map(|change| self.waba(change))
    }

    /// Returns where it is: `on` and the WABA, or their number and the first of them; all of them if `verbose`.
    pub(in crate::render) fn on(&self, verbose: bool) -> Sentence {
        Sentence::default().own("on").then(self.wabas_text(verbose))
    }

    /// Returns the WABA, or the number of WABAs and the first of them; all of them if `verbose`.
    pub(in crate::render) fn wabas_text(&self, verbose: bool) -> Sentence {
        wabas(self.wabas(), self.len(), "", verbose)
    }

    pub(in crate::render) fn action(&self) -> Action {
        self.view.action(self.first())
    }

    /// Returns what is shown besides the WABAs; long lists of reasons are folded unless `verbose`.
    pub(in crate::render) fn shown(&self, verbose: bool) -> ShownChange {
        let change = self.first();
        ShownChange {
            action: self.view.action(change),
            user: NamedObject::user(self.view.plan(), change.key.user),
            tasks: self.view.task_diff(change),
            reasons: self.reasons(verbose),
            notes: self.notes(),
        }
    }

    fn reasons(&self, verbose: bool) -> Vec<Sentence> {
        if let Some(undo) = &self.view.plan().undo {
            return vec![Sentence::default().own("to take back run").fixed(undo.run.as_str())];
        }
        wording::reasons(&self.first().because, self.view.sources(), verbose, self.len())
    }

    fn key(&self) -> EntryKey<'a> {
        let change = self.first();
        let drift = self.view.drift;
        let write = drift.and_then(|drift| drift.explanations.get(&change.key)?.last_write.as_ref());
        EntryKey {
            user: change.key.user,
            sets: [&change.before, &change.after],
            reason: ReasonKey::of(change),
            blocked: change.blocked,
            is_admin: change.admin,
            is_split: change.split,
            guards: self.guards.clone(),
            moved: self.view.moved(change.key),
            write: write.map(WriteKey::of),
            evidence: self.evidence(),
        }
    }

    fn notes(&self) -> Vec<ChangeNote> {
        let (change, is_drift) = (self.first(), self.view.is_drift());
        let note = |kind, text: &'static str| ChangeNote { kind, text: Sentence::default().own(text) };
        let refused = (!self.guards.is_empty()).then(|| ChangeNote {
            kind: NoteKind::Refused,
            text: Sentence::default().own("refused here by").own(self.guards.join(", ")),
        });
        let blocked = change.blocked.filter(|_| !is_drift).map(|blocked| {
            let text = Sentence::default().own("apply skips this:").own(blocked.why());
            ChangeNote { kind: NoteKind::Blocked, text }
        });
        let admin = change.admin.then(|| {
            let is_access = change.narrows_admin() || change.restores_admin();
            let kind = if is_access { NoteKind::AdminAccess } else { NoteKind::Admin };
            note(kind, admin_note(change, is_drift))
        });
        let split = (change.split && !is_drift).then(|| {
            let text =
                "apply writes this in two steps: first the old and new tasks together, and later only the new ones";
            note(NoteKind::Admin, text)
        });
        let evidence = self.evidence().map(|text| {
            let text = Sentence::default().own(text.to_owned());
            ChangeNote { kind: NoteKind::Evidence, text }
        });
        let notes = [refused, blocked, admin, split, evidence].into_iter().flatten();
        notes.chain(self.drift_notes()).collect()
    }

    /// Returns what speaks for the change besides its reason.
    fn evidence(&self) -> Option<&'a str> {
        Some(self.view.evidence?.get(&self.first().key)?.as_str())
    }

    /// Returns what the journal and an earlier plan tell about a difference.
    fn drift_notes(&self) -> impl Iterator<Item = ChangeNote> + use<> {
        let change = self.first();
        let known = self.view.drift.and_then(|drift| drift.explanations.get(&change.key));
        let written = known.and_then(|known| known.last_write.as_ref());
        let unlisted = written.filter(|write| {
            change.before.is_empty()
                && write.outcome == Some(Outcome::AcceptedNotListed)
                && write.after == change.after
        });
        let unlisted = unlisted.map(|_| {
            let text =
                "accepted, but the API does not list this admin; set `by_role: true` on the user to end this";
            ChangeNote { kind: NoteKind::AdminAccess, text: Sentence::default().own(text) }
        });
        let last_write = written.map(|write| ChangeNote {
            kind: NoteKind::LastWrite,
            text: wording::last_write(write, self.len() - 1),
        });
        let origin = written.and_then(|write| wording::origin("origin:", &write.origin));
        let origin = origin.map(|text| ChangeNote { kind: NoteKind::LastWrite, text });
        let moved = known.map(|known| known.moved);
        let moved = moved.filter(|moved| self.has_causes || *moved != Moved::Unknown).map(|moved| {
            let text = Sentence::default().own(wording::cause(moved));
            ChangeNote { kind: NoteKind::Moved(moved), text }
        });
        [unlisted, last_write, origin, moved].into_iter().flatten()
    }
}

impl<'a> WriteKey<'a> {
    fn of(write: &'a LastWrite) -> Self {
        Self {
            run: &write.run,
            acting_user: write.acting_user.as_ref(),
            by: [write.by.user.as_ref(), write.by.host.as_ref()],
            after: &write.after,
            outcome: write.outcome.as_ref(),
        }
    }
}

/// Returns a WABA, or the number of WABAs with the first of them, and `end` behind that; all of them if `verbose`.
pub(in crate::render) fn wabas(
    mut wabas: impl Iterator<Item = NamedObject>,
    number: usize,
    end: &str,
    verbose: bool,
) -> Sentence {
    let shown = folded(number, NAMED, verbose);
    let mut text = Sentence::default();
    if number > 1 {
        text = text.own(format!("{}:", count(number, "WABA", "WABAs")));
    }
    for (index, waba) in wabas.by_ref().take(shown).enumerate() {
        let is_last = index + 1 == number;
        text = text.object(&waba, if is_last { end } else { "," });
    }
    if shown < number { text.own(format!("and {} more{end}", number - shown)) } else { text }
}

/// Returns what to know about a change of an admin.
pub(in crate::render) fn admin_note(change: &Change, is_drift: bool) -> &'static str {
    match (is_drift, change.narrows_admin(), change.restores_admin()) {
        (false, true, _) => {
            "the user is an admin with full access by its role: this assignment narrows it to these tasks"
        }
        (false, _, true) => {
            "the user is an admin: without an assignment it has the full access of its role again"
        }
        (true, true, _) => "the user is an admin: without an assignment it has the full access of its role",
        (true, _, true) => "the user is an admin: this assignment narrows the full access of its role",
        (_, false, false) => "the user is an admin: the API might not list it even after the write",
    }
}
