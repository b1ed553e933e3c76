//! `wabacl journal`.

use super::completions;
use super::exit::Exit;
use super::failure::Failure;
use super::state::StateOptions;
use super::terminal::Terminal;
use crate::model::{BusinessId, Glob, Histories, HistoryFilter, Name, SeenInHistory, TimeLimit};
use crate::render;
use crate::store::{JournalError, Keep, StateStore};
use crate::text::{self, count};
use crate::{documents, engine};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// Shows what was applied, by which user, when and why, and what is in flight
///
/// Reads only the journals on this machine, not the API. Filters of different kinds all apply; of one kind, one value is enough.
/// What they leave out is counted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    state: StateOptions,
    /// Only the journal of this business (default: all)
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// Only the last runs of each business, and earlier ones that left a write in flight
    #[arg(long, value_name = "NUMBER")]
    last: Option<NonZeroUsize>,
    /// Only writes since this day in UTC, or since an instant with an offset: 2027-03-31T18:00:00+02:00
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    since: Option<TimeLimit>,
    /// Only writes until the end of this day in UTC, or before an instant
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    until: Option<TimeLimit>,
    /// Only writes for this user: its name in the journal, or its id; can be repeated
    #[arg(long, value_name = "NAME", help_heading = "Filters", add = completions::users())]
    user: Vec<Name>,
    /// Only writes on the WABAs whose name in the journal, or whose id, matches this glob; can be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Filters", add = completions::wabas())]
    waba: Vec<Glob>,
    /// Only this run: its id, or at least 4 characters of the beginning that no other id has; can be repeated
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    run: Vec<Name>,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: JournalFormat,
}

/// The output format of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum JournalFormat {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// For spreadsheets: a row for each write. Ids, and what would be a formula, begin with an apostrophe
    Csv,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let filter = filter(args)?;
    let state = args.state.required(None)?;
    let runs = engine::run_ids(&state, args.business, &filter.runs).await?;
    let filter = HistoryFilter { runs, ..filter };
    let keep = args.last.map_or(Keep::All, |runs| Keep::Last(runs.get()));
    let (histories, seen) = histories(&state, args.business, keep, &filter)
        .await
        .map_err(|error| Failure::journal("reading the journal", &error))?;
    warn_of_unseen(&filter, &seen, terminal);
    match args.format {
        JournalFormat::Json => terminal.written(|to| documents::journal(&histories, &filter, to))?,
        JournalFormat::Csv => {
            terminal.written(|to| render::table::journal(&histories, to))?;
            say_what_is_missing(&histories, terminal);
        }
        JournalFormat::Text if histories.is_empty() => {
            let of = args.business.map(|id| format!(" of the business {id}")).unwrap_or_default();
            terminal.product(&format!("There is no journal{of} in {state}.\n"))?;
        }
        JournalFormat::Text => terminal.product(&render::text::journal(&histories, &terminal.style()))?,
    }
    Ok(Exit::Done)
}

fn filter(args: &Args) -> Result<HistoryFilter, Failure> {
    let (since, until) = (args.since, args.until);
    let filter = HistoryFilter {
        since,
        until,
        wabas: args.waba.clone(),
        users: args.user.clone(),
        runs: args.run.clone(),
    };
    check_period(&filter)?;
    Ok(filter)
}

/// Checks that the times of a filter are in order.
pub(super) fn check_period(filter: &HistoryFilter) -> Result<(), Failure> {
    match (filter.since, filter.until) {
        (Some(since), Some(until)) if filter.is_never() => {
            Err(Failure::plain(Exit::Usage, format!("--since {since} is not before --until {until}"))
                .hint("a day of --until counts as a whole, an instant does not"))
        }
        _ => Ok(()),
    }
}

async fn histories(
    state: &StateStore,
    only: Option<BusinessId>,
    keep: Keep,
    filter: &HistoryFilter,
) -> Result<(Histories, SeenInHistory), JournalError> {
    let (mut histories, mut seen) = (Histories::default(), SeenInHistory::default());
    for business in state.businesses().await? {
        if only.is_none_or(|only| only == business) {
            let (history, other) = state.filtered_history(business, keep, filter).await?;
            histories.insert(business, history);
            seen.users.extend(other.users);
            seen.wabas.extend(other.wabas);
        }
    }
    Ok((histories, seen))
}

/// Prints which users and WABAs no journal has a write of, at any time: a name can be misspelled.
fn warn_of_unseen(filter: &HistoryFilter, seen: &SeenInHistory, terminal: &Terminal) {
    let users = filter.users.iter().filter(|user| !seen.users.contains(*user));
    let users = users.map(|user| ("--user", user.as_str(), &seen.users));
    let is_seen = |glob: &&Glob| seen.wabas.iter().any(|waba| glob.matches(waba.as_str()));
    let wabas = filter.wabas.iter().filter(|glob| !is_seen(glob));
    let wabas = wabas.map(|glob| ("--waba", glob.as_str(), &seen.wabas));
    for (option, value, known) in users.chain(wabas) {
        let hint = did_you_mean(value, known).map(|hint| format!("; {hint}")).unwrap_or_default();
        terminal.say(&format!("warning: no write in the journal is for {option} `{value}`{hint}"));
    }
}

fn did_you_mean(word: &str, known: &BTreeSet<Name>) -> Option<String> {
    let similar = text::suggest(word, known.iter().map(Name::as_str));
    let similar: Vec<String> = similar.into_iter().map(|name| format!("`{name}`")).collect();
    (!similar.is_empty()).then(|| format!("did you mean {}?", similar.join(" or ")))
}

/// Prints what a table leaves out.
fn say_what_is_missing(histories: &Histories, terminal: &Terminal) {
    let runs = histories.values().flat_map(|history| &history.runs);
    let without_writes = runs.filter(|run| run.writes.is_empty()).count();
    if without_writes > 0 {
        let runs = count(without_writes, "run without writes has", "runs without writes have");
        terminal.say(&format!("{runs} no row."));
    }
    if let Some(left_out) = render::text::left_out(histories) {
        terminal.say(&left_out);
    }
    let broken: usize = histories.values().map(|history| history.broken_lines).sum();
    if broken > 0 {
        let lines = count(broken, "line", "lines");
        terminal
            .say(&format!("warning: {lines} of the journal could not be read; `wabacl journal` shows which"));
    }
}
