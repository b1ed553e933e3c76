//! Saved plans on the way to being applied: what has to be so still, and what speaks against it.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::pipeline::Planned;
use super::terminal::Terminal;
use crate::graph::{DirectoryRequest, Read, ReadRequest};
use crate::model::{Directory, Observed, Plan, StaleChange, UserId, WabaId};
use crate::planfile::{self, PlanFileError};
use crate::proposal::Proposal;
use crate::{plan, render};
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
pub(crate) fn load(file: &Path) -> Result<Proposal, Failure> {
    planfile::load(file).map_err(|error| {
        let mut failure = Failure::failed("reading the saved plan", &error).hint(error.hint());
        if matches!(error, PlanFileError::Altered { .. } | PlanFileError::Newer { .. }) {
            failure.exit = Exit::Refused;
        }
        failure
    })
}

/// Refuses a plan that is older than it may be, or from the future.
pub(crate) fn check_age(saved: &Proposal, most: SignedDuration) -> Result<(), Failure> {
    let (made, now) = (saved.made, Timestamp::now());
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
    saved: Proposal,
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
    let stale = plan::changed_since(plan, today, &directory, &observed);
    refuse_stale(&stale, plan, terminal)?;
    Ok(renewed(saved, live.acting_user, directory, &observed))
}

/// Refuses a plan of which something is no longer so, and says what.
fn refuse_stale(stale: &[StaleChange], plan: &Plan, terminal: &Terminal) -> Result<(), Failure> {
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
    let differ = plan::differences(saved, fresh);
    let same = differ.is_empty() && saved.business == fresh.business && saved.partial == fresh.partial;
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

/// Returns a saved plan with what was read now, for the user who applies it now.
fn renewed(
    mut proposal: Proposal,
    acting_user: Option<UserId>,
    directory: Directory,
    observed: &Observed,
) -> Planned {
    plan::refresh(&mut proposal.plan, acting_user, &directory, observed);
    for (id, waba) in &directory.wabas {
        if let Some(permitted) = &waba.permitted_tasks {
            proposal.policy.permitted.insert(*id, permitted.clone());
        }
    }
    let acting_user = proposal.plan.acting_user.and_then(|user| directory.system_users.get(&user));
    proposal.acting_user_name = acting_user.map(|user| user.name.clone());
    Planned { proposal, directory }
}
