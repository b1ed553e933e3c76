//! One run of the program: the way from the manifests to a report, as `wabacl apply` goes it, on the shared clock.

use super::case::{Case, SECRET, TOKEN};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use wabacl::apply::{Stop, Tools, apply, settle_earlier};
use wabacl::cli::{Exit, exit_after_apply};
use wabacl::clock::Clock;
use wabacl::digest::manifest_digest;
use wabacl::graph::{DirectoryRequest, GraphError, ReadAhead, ReadRequest, Reader, Settings, Writer};
use wabacl::guard::{self, Review, Waiver};
use wabacl::manifest::{self, Manifest};
use wabacl::model::{Directory, Observed, Plan, Policy, Report, Sources, UserId, WabaId, chain};
use wabacl::plan;
use wabacl::proposal::Proposal;
use wabacl::render::{self, Style, View};
use wabacl::resolve::{self, Ahead, Resolved};
use wabacl::store::{self, Journal, Lock};

const STYLE: Style = Style { colour: false, width: 100, verbose: true };

/// What a run works with.
pub(crate) struct Place<'a> {
    pub(crate) case: &'a Case,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) state_dir: &'a Path,
    /// What the retries of this run draw from.
    pub(crate) jitter: u64,
}

/// What a run leaves behind; also where it was killed.
#[derive(Default)]
pub(crate) struct Trail {
    /// The plan and its policy, once the guards have judged it.
    pub(crate) planned: Option<(Plan, Policy)>,
    /// Whether the guards passed it.
    pub(crate) approved: bool,
    pub(crate) report: Option<Report>,
    pub(crate) exit: Option<Exit>,
    /// Everything that it printed.
    pub(crate) printed: String,
}

/// Why a run ended before it could apply anything.
enum Early {
    Graph(GraphError),
    Text(String),
}

impl From<GraphError> for Early {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

impl Place<'_> {
    fn settings(&self) -> Settings {
        let limits = &self.case.limits;
        Settings {
            graph_url: self.url.clone(),
            app_secret: limits.with_secret.then(|| SECRET.into()),
            concurrency: limits.concurrency,
            read_strategy: limits.strategy,
            waba_calls_per_hour: limits.waba_calls_per_hour,
            budget_dir: Some(self.state_dir.join("10")),
            max_wait: limits.max_wait,
            deadline: limits.timeout.map(|timeout| self.clock.elapsed() + timeout),
            jitter: Some(self.jitter),
            clock: self.clock.clone(),
            ..Settings::new(TOKEN.into())
        }
    }

    /// Runs to its end, and leaves a trail.
    pub(crate) async fn run(&self, stop: &Stop, trail: &RefCell<Trail>) {
        match self.go(stop, trail).await {
            Ok(()) => {}
            Err(Early::Graph(error)) => {
                let exit = if matches!(error, GraphError::Later { .. }) { Exit::Later } else { Exit::Failed };
                let mut trail = trail.borrow_mut();
                trail.printed += &chain(&error);
                trail.printed += &error.hint().unwrap_or_default();
                trail.exit = Some(exit);
            }
            Err(Early::Text(error)) => {
                let mut trail = trail.borrow_mut();
                trail.printed += &error;
                trail.exit = Some(Exit::Failed);
            }
        }
    }

    async fn go(&self, stop: &Stop, trail: &RefCell<Trail>) -> Result<(), Early> {
        let (manifest, sources) = parsed(&self.case.manifest);
        let business = manifest.business.value;
        let lock = Lock::wait(self.state_dir, business, &self.clock).await.map_err(text)?;
        let settings = self.settings();
        let reader = Reader::connect(&settings)?;
        let acting_user = acting_user(&reader).await?;
        let planned = self.plan(&reader, &manifest, acting_user).await;
        let (plan, policy, directory, digest) = planned?;
        let proposal = Proposal {
            policy: policy.clone(),
            sources,
            manifest_digest: digest,
            ..Proposal::without_evidence(plan.clone())
        };
        let review = guard::review(proposal, &self.waivers());
        {
            let mut trail = trail.borrow_mut();
            trail.show(&review);
            trail.approved = review.violations().is_empty();
            trail.planned = Some((plan.clone(), policy));
        }
        let Ok(approved) = review.approve() else {
            trail.borrow_mut().exit = Some(Exit::Refused);
            return Ok(());
        };
        let writer = Writer::beside(&reader, &settings)?;
        let waivers: Vec<String> = self.case.waivers.iter().map(ToString::to_string).collect();
        let (journal, earlier) =
            Journal::open(lock, approved.proposal(), &waivers, &self.clock).await.map_err(text)?;
        let tools = Tools {
            reader: &reader,
            writer: &writer,
            journal: &journal,
            directory: &directory,
            stop,
            wabas: self.case.limits.ahead,
        };
        let settled = settle_earlier(&earlier, &plan.implied, tools).await.map_err(text)?;
        let report = apply(&approved, tools, &|_| ()).await;
        journal.end(&report).await.map_err(text)?;
        let mut trail = trail.borrow_mut();
        trail.printed += &render::text::settled(&settled, &STYLE);
        trail.printed += &render::text::report(&report, &plan, &STYLE);
        trail.printed += &render::text::cost(&reader.cost(), &STYLE);
        trail.exit = Some(exit_after_apply(&report, &plan, stop));
        trail.report = Some(report);
        Ok(())
    }

    async fn plan(
        &self,
        reader: &Reader,
        manifest: &Manifest,
        acting_user: Option<UserId>,
    ) -> Result<(Plan, Policy, Directory, String), Early> {
        let request = DirectoryRequest {
            business: manifest.business.value,
            solutions_of: Vec::new(),
            named: manifest.wabas.values().map(|waba| waba.id.value).collect(),
            app: None,
            acting_user,
        };
        let scope = Ahead::new(manifest, None);
        let ahead = ReadAhead {
            named: scope.named(),
            discovers: &|waba, name, edge| scope.discovers(waba, name, edge),
            may_discover: scope.may_discover(),
            read: &|_| (),
        };
        let (directory, read) = reader.survey(&request, &ahead).await?;
        let day = "2026-11-23".parse().map_err(text)?;
        let (resolved, diagnostics) = resolve::resolve(manifest, &directory, day);
        let Some(Resolved { desired, policy }) = resolved else {
            return Err(Early::Text(format!("{diagnostics:?}")));
        };
        let digest = manifest_digest(&desired, &policy);
        let wabas: Vec<WabaId> = desired.scope.wabas.keys().copied().collect();
        let mut expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
        for (key, _) in desired.state.iter() {
            if !desired.scope.users.get(&key.user).is_some_and(|user| user.by_role) {
                expected.entry(key.waba).or_default().push(key.user);
            }
        }
        let request = ReadRequest { directory: &directory, wabas: &wabas, expected: &expected };
        let observed: Observed = reader.observe(&request, read, &|_| ()).await?;
        Ok((plan::plan(&desired, &observed), policy, directory, digest))
    }

    fn waivers(&self) -> Vec<Waiver> {
        self.case.waivers.iter().filter_map(|waiver| waiver.parse().ok()).collect()
    }
}

impl Trail {
    fn show(&mut self, review: &Review) {
        self.printed += &render::text::plan(&View::of_plan(review), &STYLE);
    }
}

/// Tells whose token it is, as far as the API does.
async fn acting_user(reader: &Reader) -> Result<Option<UserId>, GraphError> {
    match reader.token_info().await {
        Ok(token) if token.user_id.is_some() => return Ok(token.user_id),
        Err(error) if error.is_fatal() || matches!(error, GraphError::Unreachable { .. }) => {
            return Err(error);
        }
        Ok(_) | Err(_) => {}
    }
    match reader.me().await {
        Ok(me) => Ok(Some(me.id)),
        Err(error) if error.is_fatal() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Parses the manifest of a case, which is always a good one.
pub(crate) fn parsed(text: &str) -> (Manifest, Sources) {
    let mut sources = Sources::default();
    sources.add("access.yaml", text);
    let (manifest, diagnostics) = manifest::parse(&sources);
    let manifest = manifest.unwrap_or_else(|| panic!("the case is no good: {diagnostics:?}\n{text}"));
    (manifest, sources)
}

fn text(error: impl std::error::Error) -> Early {
    Early::Text(error.to_string())
}

/// Gives the journal of all runs.
pub(crate) fn journal(state_dir: &Path) -> wabacl::model::History {
    let business = "10".parse().expect("an id");
    store::read(&store::path(state_dir, business), store::Keep::All).expect("the journal can be read")
}

/// How long after everything else the last run begins: then every budget is whole again.
pub(crate) const LATER: Duration = Duration::from_secs(2 * 3600);
