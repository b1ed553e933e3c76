//! Saved plans on the way to being applied: what has to be so still, and what speaks against it.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::pipeline::Planned;
use super::terminal::Terminal;
use crate::graph::{DirectoryRequest, Read, ReadRequest};
use crate::model::{
    AdminRole, AssignmentKey, Blocked, Change, Directory, Now, Observed, Plan, Stale, TaskSet, WabaId,
};
use crate::planfile::{self, PlanFileError, Saved};
use crate::render;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How far the clocks of two machines may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Returns whether what is to be applied is a saved plan: one file, in JSON.
pub(crate) fn is_one(paths: &[PathBuf]) -> Option<&Path> {
    match paths {
        [only] if only.extension().is_some_and(|end| end == "json") => Some(only),
        _ => None,
    }
}

/// Reads a saved plan.
pub(crate) fn load(file: &Path) -> Result<Saved, Failure> {
    planfile::load(file).map_err(|error| {
        let mut failure = Failure::failed("reading the saved plan", &error).hint(error.hint());
        if matches!(error, PlanFileError::Altered { .. } | PlanFileError::Newer { .. }) {
            failure.exit = Exit::Refused;
        }
        failure
    })
}

/// Refuses a plan that is older than it may be, or from the future.
pub(crate) fn check_age(saved: &Saved, most: SignedDuration) -> Result<(), Failure> {
    let (made, now) = (saved.created_at, Timestamp::now());
    let age = now.duration_since(made);
    if age > most {
        let hours = age.as_hours();
        return Err(Failure::plain(
            Exit::Refused,
            format!("the plan is {hours} hours old: it was made at {made}"),
        )
        .hint("make the plan anew, or give a longer --max-plan-age"));
    }
    if age < -SKEW {
        return Err(Failure::plain(Exit::Refused, format!("the plan is from the future: it says {made}"))
            .hint("compare the clocks of this machine and of the one that made it"));
    }
    Ok(())
}

/// Reads again what a saved plan touches, and gives the plan as it is to be judged and applied now.
///
/// # Errors
///
/// Where anything that it rests on is no longer as the plan saw it: nothing may be written then.
pub(crate) async fn refresh(
    saved: Saved,
    today: Date,
    live: &Live,
    terminal: &Terminal,
) -> Result<Planned, Failure> {
    let plan = &saved.plan;
    let mut wabas: Vec<WabaId> = plan.changes.iter().map(|change| change.key.waba).collect();
    wabas.dedup();
    let request = DirectoryRequest {
        business: plan.business,
        solutions_of: Vec::new(),
        named: wabas.clone(),
        app: None,
        acting_user: live.acting_user,
    };
    let doing = format!("reading the system users and WABAs of the business {}", plan.business);
    let directory = live.reader.directory(&request).await.map_err(|error| Failure::graph(&doing, &error))?;
    let bar = terminal.progress("reading WABAs again", wabas.len());
    let request = ReadRequest { directory: &directory, wabas: &wabas, expected: &expected(plan) };
    let observed = live.reader.observe(&request, Read::default(), &|read| bar.inc(read as u64)).await;
    bar.finish_and_clear();
    let observed = observed.map_err(|error| Failure::graph("reading who holds what", &error))?;
    let stale: Vec<Stale> = plan
        .changes
        .iter()
        .filter_map(|change| moved(change, today, plan.day, &directory, &observed))
        .collect();
    refuse_stale(&stale, plan, terminal)?;
    Ok(renewed(saved, directory, &observed))
}

/// Refuses a plan of which something is no longer so, and says what.
fn refuse_stale(stale: &[Stale], plan: &Plan, terminal: &Terminal) -> Result<(), Failure> {
    if stale.is_empty() {
        return Ok(());
    }
    terminal.talk(|style| render::text::stale(stale, plan, style));
    let (moved, all) = (stale.len(), plan.changes.len());
    let message =
        format!("the plan is stale: {moved} of what it rests on moved ({all} changes); nothing was written");
    Err(Failure::plain(Exit::Refused, message).hint("make the plan anew"))
}

/// Refuses a plan that is not, change by change, what the manifests ask for now.
pub(crate) fn agree(saved: &Plan, fresh: &Plan, terminal: &Terminal) -> Result<(), Failure> {
    let sets = |plan: &Plan| -> BTreeMap<AssignmentKey, (TaskSet, TaskSet)> {
        plan.changes
            .iter()
            .map(|change| (change.key, (change.before.clone(), change.after.clone())))
            .collect()
    };
    let (planned, asked) = (sets(saved), sets(fresh));
    let mut differ: Vec<Stale> = Vec::new();
    for (key, sets) in &planned {
        if asked.get(key) != Some(sets) {
            let now = asked
                .get(key)
                .map_or(Now::NotAsked, |(before, after)| Now::Asked(before.clone(), after.clone()));
            differ.push(Stale { key: *key, planned: Some(sets.clone()), now });
        }
    }
    for (key, (before, after)) in asked.iter().filter(|(key, _)| !planned.contains_key(*key)) {
        differ.push(Stale { key: *key, planned: None, now: Now::Asked(before.clone(), after.clone()) });
    }
    let same = differ.is_empty()
        && saved.business == fresh.business
        && saved.partial == fresh.partial
        && planned.len() == saved.changes.len();
    if same {
        return Ok(());
    }
    terminal.talk(|style| render::text::stale(&differ, fresh, style));
    let message = "the plan is stale: it is not what the manifests ask for now; nothing was written";
    Err(Failure::plain(Exit::Refused, message).hint("make the plan anew, and review that one"))
}

/// Returns the users whom each WABA's list should show: those who held something when the plan was made.
fn expected(plan: &Plan) -> BTreeMap<WabaId, Vec<crate::model::UserId>> {
    plan.holders.iter().map(|(waba, held)| (*waba, held.keys().copied().collect())).collect()
}

/// Tells what is no longer so of a change.
fn moved(
    change: &Change,
    today: Date,
    planned_for: Date,
    directory: &Directory,
    observed: &Observed,
) -> Option<Stale> {
    let has_expired = |until: Date| planned_for <= until && until < today;
    let expired = change.because.grants.iter().find(|grant| grant.until.is_some_and(has_expired));
    let live = observed.state.get(change.key).cloned().unwrap_or_default();
    let now = if let Some(why) = observed.unreadable.get(&change.key.waba) {
        Now::Unreadable(why.0.clone())
    } else if observed.unconfirmed.contains(&change.key.waba) && !change.before.is_empty() {
        Now::Unreadable(String::from("its list came back empty, which proves nothing"))
    } else if !directory.system_users.contains_key(&change.key.user) {
        Now::NoSuchUser
    } else if live != change.before {
        Now::Holds(live)
    } else {
        Now::Expired(expired?.clone())
    };
    Some(Stale { key: change.key, planned: Some((change.before.clone(), change.after.clone())), now })
}

/// Returns a saved plan with what was read now, for the user who applies it now.
fn renewed(saved: Saved, directory: Directory, observed: &Observed) -> Planned {
    let mut planned = Planned::from(saved);
    let plan = &mut planned.plan;
    plan.acting_user = directory.acting_user;
    plan.holders = plan.holders.keys().map(|waba| (*waba, crate::plan::holders(observed, *waba))).collect();
    for change in &mut plan.changes {
        let user = directory.system_users.get(&change.key.user);
        change.admin = user.is_some_and(|user| user.role == AdminRole::Admin);
        let raises_itself = plan.acting_user == Some(change.key.user) && !change.gained().is_empty();
        change.blocked = raises_itself.then_some(Blocked::SelfRaise);
    }
    crate::plan::order(&mut plan.changes, plan.acting_user);
    for (id, waba) in &directory.wabas {
        if let Some(permitted) = &waba.permitted_tasks {
            planned.policy.permitted.insert(*id, permitted.clone());
        }
    }
    let acting_user = plan.acting_user.and_then(|user| directory.system_users.get(&user));
    planned.acting_user_name = acting_user.map(|user| user.name.clone());
    planned.directory = directory;
    planned
}
