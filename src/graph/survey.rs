//! Goes through the business's lists of WABAs, and reads meanwhile who holds what on those that will be asked for.

use super::Reader;
use super::call::Call;
use super::client::Pages;
use super::directory::waba;
use super::error::GraphError;
use super::lists::{Lists, Of, ROW, Read};
use super::strategy::{self, Choice, Seen};
use super::wire::{Page, WabaRow};
use crate::model::{DirectoryWaba, Edge, Name, WabaId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The rows that a page is asked for, at most.
const PAGE: usize = 100;

/// Whose assignments will be asked for.
pub struct ReadAhead<'a> {
    /// The WABAs that the manifests name.
    pub named: BTreeSet<WabaId>,
    /// Tells of any other whether it is discovered, by its name and the list that it is on.
    pub discovers: &'a (dyn Fn(WabaId, &Name, Edge) -> bool + Sync),
    /// Whether it can discover any.
    pub may_discover: bool,
    /// Is told the number of WABAs that were read, each time some were.
    pub read: &'a (dyn Fn(usize) + Sync),
}

impl fmt::Debug for ReadAhead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead").field("named", &self.named.len()).finish_non_exhaustive()
    }
}

impl ReadAhead<'_> {
    /// Asks for nobody's.
    pub fn nothing() -> Self {
        Self { named: BTreeSet::new(), discovers: &|_, _, _| false, may_discover: false, read: &|_| () }
    }

    fn is_nothing(&self) -> bool {
        self.named.is_empty() && !self.may_discover
    }
}

/// The WABAs of one list.
type Found = BTreeMap<WabaId, DirectoryWaba>;

/// The two lists of WABAs on their way.
pub(super) struct Edges<'a> {
    reader: &'a Reader,
    of: Of<'a>,
    ahead: &'a ReadAhead<'a>,
    lists: Lists<'a>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Seen,
    /// How each list that is not yet through is read at the moment.
    current: BTreeMap<Edge, Choice>,
}

impl<'a> Edges<'a> {
    /// `plain` is how long the API took for a plain list.
    pub(super) fn new(reader: &'a Reader, of: Of<'a>, ahead: &'a ReadAhead<'a>, plain: Duration) -> Self {
        let half_used = ahead.named.iter().any(|waba| reader.client.governor.is_half_used(*waba));
        let seen = Seen { named: ahead.named.len(), half_used, plain: Some(plain), ..Seen::default() };
        let lists = Lists::new(&reader.client, of, ahead.read);
        lists.add(ahead.named.iter().copied());
        Self { reader, of, ahead, lists, state: Mutex::new(State { seen, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads both lists to their end, and all assignments that will be asked for.
    pub(super) async fn read(self) -> Result<(Found, Found, Read), GraphError> {
        // Both are decided on before anything is sent, so that what is read one by one need not wait for a list.
        self.choose(Edge::Owned);
        self.choose(Edge::Client);
        let listed = async {
            let found = tokio::try_join!(self.edge(Edge::Owned), self.edge(Edge::Client))?;
            self.lists.complete();
            Ok(found)
        };
        let ((owned, client), ()) = tokio::try_join!(listed, self.lists.read_all())?;
        Ok((owned, client, self.lists.into_read()))
    }

    /// Reads one list.
    async fn edge(&self, edge: Edge) -> Result<Found, GraphError> {
        let (mut found, mut pages, mut size) = (Found::new(), Pages::default(), PageSize::default());
        loop {
            let nested = self.choose(edge).nested;
            let call = self.page(edge, nested, size.rows).after(pages.after());
            let began = self.reader.client.clock.elapsed();
            let page: Page<WabaRow> = match self.reader.client.get(call).await {
                Ok(page) => page,
                Err(GraphError::TooMuch(api)) if size.rows > 1 => {
                    size.halve();
                    tracing::info!("{api}; asking for pages of {} WABAs", size.rows);
                    continue;
                }
                Err(error) if nested && !error.is_fatal() => {
                    tracing::info!(
                        "assignments cannot be read nested, so they are read WABA by WABA: {error}"
                    );
                    self.state().seen.refused = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            size.grow();
            if nested {
                self.note(self.reader.client.clock.elapsed().saturating_sub(began));
            }
            for row in page.data {
                self.take(row, edge, nested, &mut found)?;
            }
            if !pages.turn(page.paging)? {
                self.state().current.remove(&edge);
                return Ok(found);
            }
        }
    }

    /// Takes a WABA off a page, and what is nested in it.
    fn take(&self, mut row: WabaRow, edge: Edge, nested: bool, found: &mut Found) -> Result<(), GraphError> {
        let list = row.assigned_users.take();
        let (id, waba) = waba(row, edge)?;
        if self.ahead.named.contains(&id) || (self.ahead.discovers)(id, &waba.name, edge) {
            if nested {
                self.lists.nested(id, list);
            } else {
                self.lists.add([id]);
            }
        }
        found.insert(id, waba);
        Ok(())
    }

    /// Decides how the next page of a list is read, and whether others wait for it.
    fn choose(&self, edge: Edge) -> Choice {
        let client = &self.reader.client;
        let (usage, calls) = (client.governor.usage(), client.transport.sent().1);
        let mut state = self.state();
        state.seen.left = self.lists.waiting();
        state.seen.usage = usage;
        state.seen.per_call = client.governor.usage_per_call(calls);
        let choice = if self.ahead.is_nothing() {
            Choice { nested: false, sparing: false, why: String::from("nobody's assignments are asked for") }
        } else {
            strategy::choose(self.reader.strategy, &state.seen)
        };
        if state.current.get(&edge) != Some(&choice) {
            let how = if choice.nested { "nested" } else { "plain" };
            tracing::info!("the list of {edge:?} WABAs is read {how}: {}", choice.why);
            state.current.insert(edge, choice.clone());
        }
        let spared = state.current.values().all(|current| current.nested || current.sparing);
        drop(state);
        self.lists.spare(spared);
        choice
    }

    fn note(&self, took: Duration) {
        let mut state = self.state();
        let quickest = state.seen.nested.map_or(took, |quickest| quickest.min(took));
        state.seen.nested = Some(quickest);
    }

    fn page(&self, edge: Edge, nested: bool, rows: usize) -> Call {
        let business = self.of.business;
        let (list, mut fields) = match edge {
            Edge::Client => ("client_whatsapp_business_accounts", String::from("id,name,permitted_tasks")),
            Edge::Owned | Edge::Direct => ("owned_whatsapp_business_accounts", String::from("id,name")),
        };
        if nested {
            fields = format!("{fields},assigned_users.business({business}).limit(100){{{ROW}}}");
        }
        // Alone, as the pages of a list are a chain, and all that it travels with would hold it up.
        Call::get(format!("{business}/{list}"), &[("fields", &fields), ("limit", &rows.to_string())]).alone()
    }
}

/// How many rows a page is asked for: half where that was too much, and twice again after some that went well.
#[derive(Debug)]
struct PageSize {
    rows: usize,
    good: u32,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { rows: PAGE, good: 0 }
    }
}

impl PageSize {
    fn halve(&mut self) {
        *self = Self { rows: (self.rows / 2).max(1), good: 0 };
    }

    fn grow(&mut self) {
        self.good += 1;
        if self.good >= 3 {
            *self = Self { rows: (self.rows * 2).min(PAGE), good: 0 };
        }
    }
}
