//! Reads saved plans of format 1, which no version writes any more.

use super::evidence::{AccessEntry, PolicyEntry, read_names};
use super::{SavedPlanError, altered, hex, not_a_plan, parse, planned_for};
use crate::documents::values::{AsText, Tasks};
use crate::documents::words::{PruneWord, UnmanagedWord};
use crate::model::{
    AssignmentKey, Because, Blocked, BusinessId, Change, GrantSource, Holder, Name, Notice, Plan, Position,
    SourceId, Sources, Task, TimeLimit, Unmanaged, UserId, WabaId, WhyGone,
};
use crate::proposal::Proposal;
use crate::text::escape_json;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

type ByWaba<T> = BTreeMap<AsText<WabaId>, T>;
type ByUser<T> = BTreeMap<AsText<UserId>, T>;

/// A place: the index of the source, the line and the column.
type Place = (u32, u32, u32);

#[derive(Deserialize)]
struct Document<'a> {
    created_at: AsText<Timestamp>,
    day: AsText<Date>,
    business: AsText<BusinessId>,
    acting_user: Option<AsText<UserId>>,
    acting_user_name: Option<String>,
    manifest_digest: String,
    sources: Vec<String>,
    partial: bool,
    changes: Vec<SavedChange>,
    unmanaged: Vec<Row>,
    unreadable: ByWaba<String>,
    notices: Vec<SavedNotice>,
    unchanged: usize,
    live_in_scope: usize,
    holders: ByWaba<ByUser<Tasks>>,
    waba_names: ByWaba<std::borrow::Cow<'a, str>>,
    user_names: ByUser<std::borrow::Cow<'a, str>>,
    implied: BTreeMap<AsText<Task>, Tasks>,
    access: AccessEntry<'a>,
    policy: PolicyEntry<'a>,
}

#[derive(Deserialize)]
struct SavedChange {
    waba: AsText<WabaId>,
    user: AsText<UserId>,
    before: Tasks,
    after: Tasks,
    implied: Tasks,
    because: Vec<Grant>,
    gone: Option<Gone>,
    self_raise: bool,
    admin: bool,
}

#[derive(Deserialize)]
struct Grant {
    #[serde(rename = "grant")]
    path: String,
    name: Option<String>,
    reason: Option<String>,
    until: Option<AsText<Date>>,
    at: Place,
}

#[derive(Deserialize)]
struct Gone {
    prune: PruneWord,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Expired(Grant),
    Declared(Place),
    Undeclared(Place),
}

#[derive(Deserialize)]
struct Row {
    waba: AsText<WabaId>,
    user: AsText<UserId>,
    name: String,
    tasks: Tasks,
    why: UnmanagedWord,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedNotice {
    Unconfirmed(AsText<WabaId>),
    AssignsToAdmin(AsText<UserId>),
}

/// Reads a file of format 1.
pub(super) fn load(path: &Path) -> Result<Proposal, SavedPlanError> {
    let mut value: Value = parse(path)?.map_err(|error| not_a_plan(path, &error))?;
    let written = value.as_object_mut().and_then(|object| object.remove("digest"));
    if written.as_ref().and_then(Value::as_str) != Some(&digest(&value)) {
        return Err(altered(path, &"the digest does not match the content"));
    }
    let document: Document<'_> = serde_json::from_value(value).map_err(|error| not_a_plan(path, &error))?;
    let proposal = proposal(document);
    match proposal.plan.changes.iter().find(|change| change.before == change.after) {
        Some(change) => Err(not_a_plan(path, &super::changes_nothing(change.key))),
        None => Ok(proposal),
    }
}

/// Returns the digest of a value with its keys in order. In format 1 every `#` is escaped.
fn digest(value: &Value) -> String {
    let escaped = value.to_string().replace('#', "\\u0023");
    hex(Sha256::new().chain_update(escape_json(&escaped).as_bytes()))
}

fn proposal(document: Document<'_>) -> Proposal {
    let made = document.created_at.0;
    let mut sources = Sources::default();
    for path in document.sources {
        sources.add(path, "");
    }
    let unmanaged: Vec<Unmanaged> = document.unmanaged.into_iter().map(unmanaged).collect();
    let holders =
        document.holders.into_iter().map(|(waba, held)| (waba.0, by_user(waba.0, held, &unmanaged)));
    let plan = Plan {
        holders: holders.collect(),
        acting_user: document.acting_user.map(|user| user.0),
        changes: document.changes.into_iter().map(change).collect(),
        unmanaged,
        unreadable: document.unreadable.into_iter().map(|(waba, error)| (waba.0, error)).collect(),
        notices: document.notices.into_iter().map(notice).collect(),
        unchanged: document.unchanged,
        live_in_scope: document.live_in_scope,
        waba_names: read_names(document.waba_names),
        user_names: read_names(document.user_names),
        implied: document.implied.into_iter().map(|(task, tasks)| (task.0, tasks.0)).collect(),
        selection: super::selection_of_older(document.partial),
        ..Plan::empty(document.business.0, planned_for(made, document.day.0))
    };
    Proposal {
        made,
        made_by: String::new(),
        manifest_digest: document.manifest_digest,
        sources,
        acting_user_name: document.acting_user_name.map(Name::new),
        access: document.access.read(),
        policy: document.policy.limits(),
        ..Proposal::without_evidence(plan)
    }
}

/// Returns the holders on a WABA; the unmanaged rows show which of them belong to the business itself.
fn by_user(waba: WabaId, held: ByUser<Tasks>, unmanaged: &[Unmanaged]) -> BTreeMap<UserId, Holder> {
    let is_other = |user| unmanaged.iter().any(|row| row.key == AssignmentKey { waba, user } && !row.own);
    held.into_iter().map(|(user, tasks)| (user.0, Holder::listed(tasks.0, !is_other(user.0)))).collect()
}

fn change(saved: SavedChange) -> Change {
    let gone = |gone: Gone| (gone.prune.into(), gone.lines.into_iter().map(line).collect());
    Change {
        key: AssignmentKey { waba: saved.waba.0, user: saved.user.0 },
        before: saved.before.0.clone(),
        // In format 1, implied tasks that are live are not part of the set that is written.
        after: saved.after.0.union(&saved.implied.0.intersection(&saved.before.0)),
        split: false,
        because: Because {
            grants: saved.because.into_iter().map(|saved| grant(saved).into()).collect(),
            gone: saved.gone.map(gone),
        },
        blocked: saved.self_raise.then_some(Blocked::SelfRaise),
        admin: saved.admin,
    }
}

fn grant(saved: Grant) -> GrantSource {
    GrantSource {
        path: saved.path,
        name: saved.name.map(Name::new),
        reason: saved.reason.map(Name::new),
        from: None,
        until: saved.until.map(|day| TimeLimit::Day(day.0)),
        at: place(saved.at),
    }
}

fn line(saved: Line) -> WhyGone {
    match saved {
        Line::Expired(expired) => WhyGone::Expired(grant(expired).into()),
        Line::Declared(at) => WhyGone::Declared(place(at)),
        Line::Undeclared(at) => WhyGone::Undeclared(place(at)),
    }
}

fn place((source, line, column): Place) -> Position {
    Position { source: SourceId(source), line, column }
}

fn unmanaged(row: Row) -> Unmanaged {
    Unmanaged {
        key: AssignmentKey { waba: row.waba.0, user: row.user.0 },
        name: Name::new(row.name),
        tasks: row.tasks.0,
        own: matches!(row.why, UnmanagedWord::Person | UnmanagedWord::Undeclared),
        why: row.why.into(),
    }
}

fn notice(saved: SavedNotice) -> Notice {
    match saved {
        SavedNotice::Unconfirmed(waba) => Notice::Unconfirmed(waba.0),
        SavedNotice::AssignsToAdmin(user) => Notice::AssignsToAdmin(user.0),
    }
}
