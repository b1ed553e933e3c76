//! From the core's types to the document and back, without loss. Knows no file.

use super::FORMAT_VERSION;
use super::document::{
    Place, SavedAccess, SavedChange, SavedGone, SavedGrant, SavedLine, SavedNotice, SavedPlan, SavedPolicy,
    SavedPrune, SavedUnmanaged, SavedWhy, TasksByUser,
};
use crate::model::{
    AssignmentKey, Because, Blocked, Change, DeclaredNames, GrantSource, LiveAccess, Name, Notice, Plan,
    Policy, Position, Prune, SourceId, Sources, State, Task, TaskSet, Unmanaged, UnmanagedReason, UserId,
    WabaId, WhyGone,
};
use crate::proposal::Proposal;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// Something in a document that cannot be what it stands for.
pub(super) type Wrong = String;

pub(super) fn document(proposal: &Proposal) -> SavedPlan {
    let plan = &proposal.plan;
    SavedPlan {
        format_version: FORMAT_VERSION.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: proposal.made.to_string(),
        day: plan.day.to_string(),
        business: plan.business.to_string(),
        acting_user: plan.acting_user.map(|user| user.to_string()),
        acting_user_name: proposal.acting_user_name.as_ref().map(text),
        manifest_digest: proposal.manifest_digest.clone(),
        sources: proposal.sources.iter().map(|(_, source)| source.path.clone()).collect(),
        partial: plan.partial,
        changes: plan.changes.iter().map(change).collect(),
        unmanaged: plan.unmanaged.iter().map(unmanaged).collect(),
        unreadable: plan.unreadable.iter().map(|(waba, why)| (waba.to_string(), why.clone())).collect(),
        notices: plan.notices.iter().map(notice).collect(),
        unchanged: plan.unchanged,
        live_in_scope: plan.live_in_scope,
        holders: plan.holders.iter().map(|(waba, held)| (waba.to_string(), by_user(held))).collect(),
        waba_names: names(&plan.waba_names),
        user_names: names(&plan.user_names),
        implied: plan.implied.iter().map(|(task, beside)| (task.name().to_owned(), tasks(beside))).collect(),
        access: access(&proposal.access),
        policy: policy(&proposal.policy),
    }
}

fn text(name: &Name) -> String {
    name.as_str().to_owned()
}

fn tasks(set: &TaskSet) -> Vec<String> {
    set.names().map(str::to_owned).collect()
}

fn names<K: Display>(names: &BTreeMap<K, Name>) -> BTreeMap<String, String> {
    names.iter().map(|(id, name)| (id.to_string(), text(name))).collect()
}

fn by_user(held: &BTreeMap<UserId, TaskSet>) -> TasksByUser {
    held.iter().map(|(user, held)| (user.to_string(), tasks(held))).collect()
}

fn place(at: Position) -> Place {
    (at.source.0, at.line, at.column)
}

fn change(change: &Change) -> SavedChange {
    SavedChange {
        waba: change.key.waba.to_string(),
        user: change.key.user.to_string(),
        before: tasks(&change.before),
        after: tasks(&change.after),
        implied: tasks(&change.implied),
        because: change.because.grants.iter().map(grant).collect(),
        gone: change.because.gone.as_ref().map(|(prune, lines)| SavedGone {
            prune: match prune {
                Prune::None => SavedPrune::None,
                Prune::Declared => SavedPrune::Declared,
                Prune::All => SavedPrune::All,
            },
            lines: lines.iter().map(line).collect(),
        }),
        self_raise: change.blocked == Some(Blocked::SelfRaise),
        admin: change.admin,
    }
}

fn grant(source: &GrantSource) -> SavedGrant {
    SavedGrant {
        grant: source.path.clone(),
        name: source.name.as_ref().map(text),
        reason: source.reason.as_ref().map(text),
        until: source.until.map(|day| day.to_string()),
        at: place(source.at),
    }
}

fn line(why: &WhyGone) -> SavedLine {
    match why {
        WhyGone::Expired(source) => SavedLine::Expired(grant(source)),
        WhyGone::Declared(at) => SavedLine::Declared(place(*at)),
        WhyGone::Undeclared(at) => SavedLine::Undeclared(place(*at)),
    }
}

fn unmanaged(row: &Unmanaged) -> SavedUnmanaged {
    SavedUnmanaged {
        waba: row.key.waba.to_string(),
        user: row.key.user.to_string(),
        name: text(&row.name),
        tasks: tasks(&row.tasks),
        why: match row.why {
            UnmanagedReason::Person => SavedWhy::Person,
            UnmanagedReason::OtherBusiness => SavedWhy::OtherBusiness,
            UnmanagedReason::Undeclared => SavedWhy::Undeclared,
            UnmanagedReason::Unknown => SavedWhy::Unknown,
        },
    }
}

fn notice(notice: &Notice) -> SavedNotice {
    match notice {
        Notice::Unconfirmed(waba) => SavedNotice::Unconfirmed(waba.to_string()),
        Notice::AssignsToAdmin(user) => SavedNotice::AssignsToAdmin(user.to_string()),
    }
}

fn access(access: &LiveAccess) -> SavedAccess {
    let mut live: BTreeMap<String, TasksByUser> = BTreeMap::new();
    for (key, held) in access.live.iter() {
        live.entry(key.waba.to_string()).or_default().insert(key.user.to_string(), tasks(held));
    }
    SavedAccess { wabas: names(&access.wabas), users: names(&access.users), live }
}

fn policy(policy: &Policy) -> SavedPolicy {
    let by_name = |(name, id): (&Name, String)| (text(name), id);
    SavedPolicy {
        max_removals_percent: policy.max_removals_percent,
        max_removals: policy.max_removals,
        min_holders: policy
            .min_holders
            .iter()
            .map(|(task, least)| (task.name().to_owned(), *least))
            .collect(),
        protected_users: policy.protected_users.iter().map(ToString::to_string).collect(),
        permitted: policy.permitted.iter().map(|(waba, set)| (waba.to_string(), tasks(set))).collect(),
        wabas: policy.names.wabas.iter().map(|(name, id)| by_name((name, id.to_string()))).collect(),
        users: policy.names.users.iter().map(|(name, id)| by_name((name, id.to_string()))).collect(),
    }
}

/// Reads a document as what it stands for.
pub(super) fn proposal(document: SavedPlan) -> Result<Proposal, Wrong> {
    let mut sources = Sources::default();
    for path in document.sources {
        sources.add(path, "");
    }
    let plan = Plan {
        business: read(&document.business, "a business")?,
        acting_user: document.acting_user.map(|user| read(&user, "a user")).transpose()?,
        day: read(&document.day, "a day")?,
        changes: all(document.changes, read_change)?,
        unmanaged: all(document.unmanaged, read_unmanaged)?,
        unreadable: keys(document.unreadable, Ok)?,
        notices: all(document.notices, read_notice)?,
        unchanged: document.unchanged,
        live_in_scope: document.live_in_scope,
        holders: keys(document.holders, |held| keys(held, |names| Ok(TaskSet::from_names(names))))?,
        waba_names: read_names(document.waba_names)?,
        user_names: read_names(document.user_names)?,
        implied: keys::<Task, _, _>(document.implied, |names| Ok(TaskSet::from_names(names)))?
            .into_iter()
            .collect(),
        partial: document.partial,
    };
    Ok(Proposal {
        made: read(&document.created_at, "a moment")?,
        acting_user_name: document.acting_user_name.map(Name::new),
        manifest_digest: document.manifest_digest,
        plan,
        access: read_access(document.access)?,
        policy: read_policy(document.policy)?,
        sources,
        ending: Vec::new(),
    })
}

fn read<T: FromStr>(text: &str, what: &str) -> Result<T, Wrong> {
    text.parse().map_err(|_| format!("`{text}` is not {what}"))
}

fn all<A, B>(from: Vec<A>, read: impl Fn(A) -> Result<B, Wrong>) -> Result<Vec<B>, Wrong> {
    from.into_iter().map(read).collect()
}

/// Reads the keys of a map as ids or tasks, and its values.
fn keys<K: FromStr + Ord, A, B>(
    from: BTreeMap<String, A>,
    value: impl Fn(A) -> Result<B, Wrong>,
) -> Result<BTreeMap<K, B>, Wrong> {
    from.into_iter().map(|(key, of)| Ok((read(&key, "an id or a task")?, value(of)?))).collect()
}

fn read_names<K: FromStr + Ord>(from: BTreeMap<String, String>) -> Result<BTreeMap<K, Name>, Wrong> {
    keys(from, |name| Ok(Name::new(name)))
}

fn read_place((source, line, column): Place) -> Position {
    Position { source: SourceId(source), line, column }
}

fn read_key(waba: &str, user: &str) -> Result<AssignmentKey, Wrong> {
    Ok(AssignmentKey { waba: read(waba, "a WABA")?, user: read(user, "a user")? })
}

fn read_change(saved: SavedChange) -> Result<Change, Wrong> {
    let gone = match saved.gone {
        None => None,
        Some(SavedGone { prune, lines }) => {
            let prune = match prune {
                SavedPrune::None => Prune::None,
                SavedPrune::Declared => Prune::Declared,
                SavedPrune::All => Prune::All,
            };
            Some((prune, all(lines, read_line)?))
        }
    };
    let change = Change {
        key: read_key(&saved.waba, &saved.user)?,
        before: TaskSet::from_names(saved.before),
        after: TaskSet::from_names(saved.after),
        implied: TaskSet::from_names(saved.implied),
        because: Because { grants: all(saved.because, read_grant)?, gone },
        blocked: saved.self_raise.then_some(Blocked::SelfRaise),
        admin: saved.admin,
    };
    if change.before == change.after {
        return Err(format!("the change of {} on {} changes nothing", change.key.user, change.key.waba));
    }
    Ok(change)
}

fn read_grant(saved: SavedGrant) -> Result<GrantSource, Wrong> {
    Ok(GrantSource {
        path: saved.grant,
        name: saved.name.map(Name::new),
        reason: saved.reason.map(Name::new),
        until: saved.until.map(|day| read(&day, "a day")).transpose()?,
        at: read_place(saved.at),
    })
}

fn read_line(saved: SavedLine) -> Result<WhyGone, Wrong> {
    Ok(match saved {
        SavedLine::Expired(grant) => WhyGone::Expired(read_grant(grant)?),
        SavedLine::Declared(at) => WhyGone::Declared(read_place(at)),
        SavedLine::Undeclared(at) => WhyGone::Undeclared(read_place(at)),
    })
}

fn read_unmanaged(saved: SavedUnmanaged) -> Result<Unmanaged, Wrong> {
    Ok(Unmanaged {
        key: read_key(&saved.waba, &saved.user)?,
        name: Name::new(saved.name),
        tasks: TaskSet::from_names(saved.tasks),
        why: match saved.why {
            SavedWhy::Person => UnmanagedReason::Person,
            SavedWhy::OtherBusiness => UnmanagedReason::OtherBusiness,
            SavedWhy::Undeclared => UnmanagedReason::Undeclared,
            SavedWhy::Unknown => UnmanagedReason::Unknown,
        },
    })
}

fn read_notice(saved: SavedNotice) -> Result<Notice, Wrong> {
    Ok(match saved {
        SavedNotice::Unconfirmed(waba) => Notice::Unconfirmed(read(&waba, "a WABA")?),
        SavedNotice::AssignsToAdmin(user) => Notice::AssignsToAdmin(read(&user, "a user")?),
    })
}

fn read_access(saved: SavedAccess) -> Result<LiveAccess, Wrong> {
    let live: BTreeMap<WabaId, BTreeMap<UserId, TaskSet>> =
        keys(saved.live, |held| keys(held, |names| Ok(TaskSet::from_names(names))))?;
    let live = live.into_iter().flat_map(|(waba, held)| {
        held.into_iter().map(move |(user, held)| (AssignmentKey { waba, user }, held))
    });
    let live: State = live.collect();
    Ok(LiveAccess { wabas: read_names(saved.wabas)?, users: read_names(saved.users)?, live })
}

fn read_policy(saved: SavedPolicy) -> Result<Policy, Wrong> {
    let min_holders: BTreeMap<Task, u64> = keys(saved.min_holders, Ok)?;
    let wabas = saved.wabas.into_iter().map(|(name, id)| Ok((Name::new(name), read(&id, "a WABA")?)));
    let users = saved.users.into_iter().map(|(name, id)| Ok((Name::new(name), read(&id, "a user")?)));
    let (wabas, users) = (wabas.collect::<Result<_, Wrong>>()?, users.collect::<Result<_, Wrong>>()?);
    Ok(Policy {
        max_removals_percent: saved.max_removals_percent,
        max_removals: saved.max_removals,
        min_holders,
        protected_users: saved
            .protected_users
            .iter()
            .map(|user| read(user, "a user"))
            .collect::<Result<_, _>>()?,
        permitted: keys(saved.permitted, |names| Ok(TaskSet::from_names(names)))?,
        names: DeclaredNames { wabas, users },
    })
}
