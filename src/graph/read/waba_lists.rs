//! Reads the business's lists of WABAs, and at the same time the assignments on those that will be in scope.

use super::assignments::{AssignmentReader, PrefetchedAssignments, Progress, ROW_FIELDS, waba_id};
use super::classify::OwnUsers;
use super::left_out::LeftOut;
use super::strategy::{self, ReadChoice, StrategyInputs};
use crate::graph::error::GraphError;
use crate::graph::http::wire::WabaRow;
use crate::graph::http::{ApiCall, BadRow, PageCursor, PageOfRows};
use crate::graph::reader::Reader;
use crate::model::{DirectoryWaba, Edge, Name, ScopeForecast, TaskSet, WabaId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most rows of a page: Meta's documented maximum.
const MAX_ROWS: usize = 100;
/// After how many good pages a reduced page size doubles again. A guess.
const GOOD_PAGES: u32 = 3;

/// The WABAs of a list, or of both.
pub(super) type ListedWabas = BTreeMap<WabaId, DirectoryWaba>;

/// Reads the two lists of WABAs.
pub(super) struct WabaListReader<'a> {
    reader: &'a Reader,
    own_users: OwnUsers<'a>,
    forecast: &'a ScopeForecast<'a>,
    assignments: AssignmentReader<'a>,
    choices: Mutex<Choices>,
}

#[derive(Debug, Default)]
struct Choices {
    inputs: StrategyInputs,
    /// The choice for each list that has not ended.
    current: BTreeMap<Edge, ReadChoice>,
}

impl<'a> WabaListReader<'a> {
    /// `plain_took` is the response time of a plain list.
    pub(super) async fn new(
        reader: &'a Reader,
        own_users: OwnUsers<'a>,
        forecast: &'a ScopeForecast<'a>,
        progress: Progress<'a>,
        plain_took: Duration,
    ) -> Result<Self, GraphError> {
        let declared = forecast.declared().iter().copied();
        let inputs = StrategyInputs {
            declared: declared.len(),
            half_used: reader.retrier.limits.is_half_used(declared.clone().collect()).await?,
            plain_took: Some(plain_took),
            ..StrategyInputs::default()
        };
        let assignments = AssignmentReader::new(&reader.retrier, own_users, progress);
        assignments.add(declared);
        let choices = Mutex::new(Choices { inputs, current: BTreeMap::new() });
        Ok(Self { reader, own_users, forecast, assignments, choices })
    }

    /// Reads these lists, and all assignments on WABAs that will be in scope.
    pub(super) async fn read(
        self,
        edges: &[Edge],
    ) -> Result<(ListedWabas, PrefetchedAssignments), GraphError> {
        // All choices come before the first request: reading WABA by WABA need not wait for a list.
        for edge in edges {
            self.choose(*edge);
        }
        let list = async |edge| {
            if edges.contains(&edge) { self.read_list(edge).await } else { Ok(ListedWabas::new()) }
        };
        let lists = async {
            let lists = tokio::try_join!(list(Edge::Owned), list(Edge::Client))?;
            self.assignments.complete();
            Ok(lists)
        };
        let ((owned, shared), ()) = tokio::try_join!(lists, self.assignments.read_all())?;
        Ok((merge(owned, shared), self.assignments.into_results()))
    }

    async fn read_list(&self, edge: Edge) -> Result<ListedWabas, GraphError> {
        let mut found = ListedWabas::new();
        let (mut cursor, mut size) = (PageCursor::default(), PageSize::default());
        let path = self.path(edge);
        let left_out = LeftOut::of(&path);
        loop {
            let nested = self.choose(edge).nested;
            let began = self.clock_elapsed();
            let call = self.page_call(edge, nested, size.rows).after(cursor.after());
            let page: PageOfRows<WabaRow> = match self.reader.retrier.page(call).await {
                Ok(page) => page,
                Err(error) => {
                    self.recover(error, nested, &mut size).map_err(GraphError::of_list(&path))?;
                    continue;
                }
            };
            size.note_success();
            if nested {
                self.note_nested_page(self.clock_elapsed().saturating_sub(began));
            }
            let rows = page.rows.len() + page.bad.len();
            let take_row = |row| self.take_row(row, edge, nested, &left_out);
            found.extend(page.rows.into_iter().filter_map(take_row));
            found.extend(page.bad.into_iter().filter_map(|bad| self.take_bad_row(bad, edge, &left_out)));
            if !cursor.advance(rows, page.paging).map_err(GraphError::of_list(&path))? {
                self.choices().current.remove(&edge);
                return Ok(found);
            }
        }
    }

    /// Makes another request for a page possible: with fewer rows, or without nesting.
    ///
    /// # Errors
    ///
    /// The error itself, if neither can help.
    fn recover(&self, error: GraphError, nested: bool, size: &mut PageSize) -> Result<(), GraphError> {
        if matches!(error, GraphError::TooMuchData(_)) && size.rows > 1 {
            size.halve();
            tracing::info!("pages of WABAs now have {} rows: {error}", size.rows);
        } else if nested && !error.is_fatal() {
            tracing::info!("nested lists failed, so assignments are read WABA by WABA: {error}");
            self.choices().inputs.nesting_rejected = true;
        } else {
            return Err(error);
        }
        Ok(())
    }

    /// Takes a WABA from a page, and has its assignments read if it will be in scope.
    fn take_row(
        &self,
        mut row: WabaRow,
        edge: Edge,
        nested: bool,
        left_out: &LeftOut<'_>,
    ) -> Option<(WabaId, DirectoryWaba)> {
        let list = row.assigned_users.take();
        let (id, waba) = match directory_waba(row, edge) {
            Ok(listed) => listed,
            Err(error) => {
                left_out.row("a WABA", &error);
                return None;
            }
        };
        if self.forecast.includes(id, &waba.name, edge) {
            if nested {
                self.assignments.add_nested(id, list);
            } else {
                self.assignments.add([id]);
            }
        }
        Some((id, waba))
    }

    /// Takes a row that cannot be read. Without its assignments it may be readable; otherwise its WABA is unreadable.
    fn take_bad_row(
        &self,
        mut bad: BadRow,
        edge: Edge,
        left_out: &LeftOut<'_>,
    ) -> Option<(WabaId, DirectoryWaba)> {
        if let Some(row) = bad.row.as_object_mut()
            && row.remove("assigned_users").is_some()
            && let Ok(row) = WabaRow::deserialize(&bad.row)
        {
            return self.take_row(row, edge, false, left_out);
        }
        left_out.row("a WABA", &bad.what);
        if let Some(id) = bad.id() {
            self.assignments.reject(id, &bad.into());
        }
        None
    }

    /// Chooses how the next page of a list is read, and whether reading WABA by WABA pauses.
    fn choose(&self, edge: Edge) -> ReadChoice {
        let Reader { retrier, run } = self.reader;
        let mut choices = self.choices();
        choices.inputs.queued = self.assignments.queued();
        choices.inputs.usage = retrier.limits.usage();
        choices.inputs.usage_per_call = retrier.limits.usage_per_call(retrier.transport.calls());
        let choice = if self.forecast.is_empty() || self.forecast.is_narrowed() {
            let why = String::from("no assignments are needed, or few");
            ReadChoice { nested: false, pause_reads: false, why }
        } else {
            strategy::choose(run.read_strategy, &choices.inputs)
        };
        if choices.current.get(&edge) != Some(&choice) {
            let how = if choice.nested { "nested" } else { "plain" };
            tracing::info!("the list of {edge:?} WABAs is read {how}: {}", choice.why);
            choices.current.insert(edge, choice.clone());
        }
        let pause = choices.current.values().all(|choice| choice.nested || choice.pause_reads);
        drop(choices);
        self.assignments.pause(pause);
        choice
    }

    fn note_nested_page(&self, took: Duration) {
        let mut choices = self.choices();
        let quickest = choices.inputs.nested_took.map_or(took, |quickest| quickest.min(took));
        choices.inputs.nested_took = Some(quickest);
    }

    fn page_call(&self, edge: Edge, nested: bool, rows: usize) -> ApiCall {
        let mut fields = match edge {
            Edge::Client => String::from("id,name,permitted_tasks"),
            Edge::Owned | Edge::Direct => String::from("id,name"),
        };
        if nested {
            let business = self.own_users.business;
            fields = format!("{fields},assigned_users.business({business}).limit(100){{{ROW_FIELDS}}}");
        }
        let query = [("fields", &*fields), ("limit", &*rows.to_string())];
        // The pages of a list are a chain, and the other calls of a batch would delay each of them.
        ApiCall::get(self.path(edge), &query).unbatched()
    }

    /// Returns the path of a list below the version.
    fn path(&self, edge: Edge) -> String {
        let list = match edge {
            Edge::Client => "client_whatsapp_business_accounts",
            Edge::Owned | Edge::Direct => "owned_whatsapp_business_accounts",
        };
        format!("{}/{list}", self.own_users.business)
    }

    fn choices(&self) -> MutexGuard<'_, Choices> {
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock_elapsed(&self) -> Duration {
        self.reader.retrier.limits.clock().elapsed()
    }
}

/// Merges the two lists. A WABA on both is the business's own, with the permitted tasks of the other list.
fn merge(owned: ListedWabas, shared: ListedWabas) -> ListedWabas {
    let mut wabas = shared;
    for (id, mut waba) in owned {
        waba.permitted_tasks = wabas.remove(&id).and_then(|shared| shared.permitted_tasks);
        wabas.insert(id, waba);
    }
    wabas
}

/// Parses a row of a list of WABAs.
pub(super) fn directory_waba(row: WabaRow, edge: Edge) -> Result<(WabaId, DirectoryWaba), GraphError> {
    let id = waba_id(&row.id)?;
    let permitted_tasks = row.permitted_tasks.map(TaskSet::from_names);
    Ok((id, DirectoryWaba { name: Name::from(&*row.name), edge, permitted_tasks, solution_messaging: None }))
}

/// The rows that a page is asked for: half after a page that was too much, and twice after some good ones.
#[derive(Debug)]
struct PageSize {
    rows: usize,
    good_pages: u32,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { rows: MAX_ROWS, good_pages: 0 }
    }
}

impl PageSize {
    fn halve(&mut self) {
        *self = Self { rows: (self.rows / 2).max(1), good_pages: 0 };
    }

    fn note_success(&mut self) {
        self.good_pages += 1;
        if self.good_pages >= GOOD_PAGES {
            *self = Self { rows: (self.rows * 2).min(MAX_ROWS), good_pages: 0 };
        }
    }
}
