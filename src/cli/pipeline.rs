//! The way from paths to a plan, which `plan`, `apply` and `drift` share.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::PlanOptions;
use super::terminal::{self, Terminal};
use crate::diagnostic::Diagnostic;
use crate::digest::manifest_digest;
use crate::graph::{DirectoryRequest, Read, ReadAhead, ReadRequest};
use crate::manifest::Manifest;
use crate::model::{BusinessId, Desired, Directory, LiveAccess, Name, Shared, Sources, UserId, WabaId};
use crate::proposal::Proposal;
use crate::{drift, manifest, plan, render, resolve, sources};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A proposal, and the directory by which it was made.
pub(crate) struct Planned {
    pub(crate) proposal: Proposal,
    pub(crate) directory: Directory,
}

/// Returns the day to plan for: the one that was asked for, or today in UTC.
pub(crate) fn day(today: Option<Date>) -> Date {
    today.unwrap_or_else(|| Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// Reads and checks the manifests offline, prints what is doubtful, and fails where something is wrong.
pub(crate) fn manifests(paths: &[PathBuf], terminal: &Terminal) -> Result<(Manifest, Sources), Failure> {
    let (sources, mut diagnostics) = sources::read(paths);
    let (manifest, found) = manifest::parse(&sources);
    diagnostics.extend(found);
    report(&diagnostics, &sources, terminal)?;
    let manifest = manifest.ok_or_else(|| Failure::plain(Exit::Failed, "the manifests could not be read"))?;
    Ok((manifest, sources))
}

/// Prints diagnostics, and fails where one is an error.
fn report(diagnostics: &[Diagnostic], sources: &Sources, terminal: &Terminal) -> Result<(), Failure> {
    if !diagnostics.is_empty() {
        terminal.talk(|style| render::text::diagnostics(diagnostics, sources, style));
        if terminal::is_github() {
            terminal.talk(|_| render::github::diagnostics(diagnostics, sources, &terminal::top()));
        }
    }
    match diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count() {
        0 => Ok(()),
        1 => Err(Failure::plain(Exit::Failed, "the manifests have an error; nothing was planned")),
        errors => Err(Failure::plain(
            Exit::Failed,
            format!("the manifests have {errors} errors; nothing was planned"),
        )),
    }
}

/// Manifests that are good as far as they can be checked offline.
pub(crate) struct Checked {
    pub(crate) manifest: Manifest,
    sources: Sources,
    day: Date,
}

impl Checked {
    /// Returns the business that the manifests are about.
    pub(crate) fn business(&self) -> BusinessId {
        self.manifest.business.value
    }
}

/// Reads the manifests and checks them offline.
pub(crate) fn check(
    paths: &[PathBuf],
    options: &PlanOptions,
    terminal: &Terminal,
) -> Result<Checked, Failure> {
    let day = day(options.today);
    let (manifest, sources) = manifests(paths, terminal)?;
    let offline = resolve::check_offline(&manifest, day);
    if offline.iter().any(Diagnostic::is_error) {
        report(&offline, &sources, terminal)?;
    }
    Ok(Checked { manifest, sources, day })
}

/// Reads the live state and plans.
pub(crate) async fn plan(
    checked: Checked,
    options: &PlanOptions,
    live: &Live,
    terminal: &Terminal,
) -> Result<Planned, Failure> {
    let Checked { manifest, sources, day } = checked;
    let (directory, ahead) = survey(&manifest, options, live, terminal).await?;
    let (resolved, diagnostics) = resolve::resolve(&manifest, &directory, day);
    report(&diagnostics, &sources, terminal)?;
    let resolve::Resolved { mut desired, policy } =
        resolved.ok_or_else(|| Failure::plain(Exit::Failed, "the manifests could not be resolved"))?;
    let manifest_digest = manifest_digest(&desired, &policy);
    if let Some(glob) = &options.waba
        && !resolve::narrow(&mut desired, glob)
    {
        let glob = Name::from(glob.as_str());
        return Err(Failure::plain(Exit::Failed, format!("no WABA in scope is covered by --waba `{glob}`"))
            .hint("it is compared with the names in the manifests, and for discovered WABAs with their live names"));
    }
    let observed = observe(&desired, &directory, ahead, live, terminal).await?;
    tracing::info!(
        wabas = desired.scope.wabas.len(),
        unreadable = observed.unreadable.len(),
        "the live state is read"
    );
    let plan = plan::plan(&desired, &observed);
    let ending = drift::dated(&desired);
    let access = LiveAccess::of(&desired, observed);
    let acting_user = plan.acting_user.and_then(|user| directory.system_users.get(&user));
    let acting_user_name = acting_user.map(|user| user.name.clone());
    let made = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let proposal =
        Proposal { made, manifest_digest, sources, plan, acting_user_name, access, policy, ending };
    Ok(Planned { proposal, directory })
}

/// Reads the directory, and ahead of what is asked for then, who holds what on the WABAs that will be in scope.
async fn survey(
    manifest: &Manifest,
    options: &PlanOptions,
    live: &Live,
    terminal: &Terminal,
) -> Result<(Directory, Read), Failure> {
    let business = manifest.business.value;
    let of_solutions = |shared: Shared| match shared {
        Shared::SolutionWithMessaging | Shared::SolutionWithoutMessaging => true,
        Shared::Owned | Shared::Admin | Shared::Standard => false,
    };
    let request = DirectoryRequest {
        business,
        solutions_of: manifest
            .wabas
            .values()
            .filter(|waba| of_solutions(waba.shared.value))
            .map(|waba| waba.id.value)
            .collect(),
        named: manifest.wabas.values().map(|waba| waba.id.value).collect(),
        app: live.token.as_ref().and_then(|token| token.app_id),
        acting_user: live.acting_user,
    };
    let scope = resolve::Ahead::new(manifest, options.waba.as_ref());
    let named = scope.named();
    let bar = terminal.progress("reading WABAs", named.len());
    let ahead = ReadAhead {
        named,
        discovers: &|waba, name, edge| scope.discovers(waba, name, edge),
        may_discover: scope.may_discover(),
        read: &|read| {
            bar.inc(read as u64);
            // How many are discovered shows only as they come.
            bar.set_length(bar.length().unwrap_or(0).max(bar.position()));
        },
    };
    let doing = format!("reading the system users and WABAs of the business {business}");
    let read = live.reader.survey(&request, &ahead).await;
    bar.finish_and_clear();
    read.map_err(|error| Failure::graph(&doing, &error))
}

async fn observe(
    desired: &Desired,
    directory: &Directory,
    ahead: Read,
    live: &Live,
    terminal: &Terminal,
) -> Result<crate::model::Observed, Failure> {
    let wabas: Vec<WabaId> = desired.scope.wabas.keys().copied().collect();
    let expected = expected(desired);
    let request = ReadRequest { directory, wabas: &wabas, expected: &expected };
    let bar = terminal.progress("checking WABAs", wabas.len());
    let observed = live.reader.observe(&request, ahead, &|read| bar.inc(read as u64)).await;
    bar.finish_and_clear();
    observed.map_err(|error| Failure::graph("reading who holds what", &error))
}

/// Returns the users whom each WABA's list should show.
fn expected(desired: &Desired) -> BTreeMap<WabaId, Vec<UserId>> {
    let mut expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
    for (key, _) in desired.state.iter() {
        if !desired.scope.users.get(&key.user).is_some_and(|user| user.by_role) {
            expected.entry(key.waba).or_default().push(key.user);
        }
    }
    expected
}
