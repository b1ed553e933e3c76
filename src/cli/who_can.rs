//! `wabacl who-can`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Connection, PlannedFor, QuestionPaths};
use super::terminal::Terminal;
use crate::documents;
use crate::engine::{self, Survey};
use crate::model::{Glob, Name, Selection, WabaId};
use crate::query::{self, Question, When, WhoCan};
use crate::render::text::TestShape;
use crate::render::{self, GroupBy, Style};
use crate::text::count;
use clap::ValueEnum;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::str::FromStr;

/// Shows who holds some tasks on which WABAs, and by which grants
///
/// Wider tasks count: FULL_CONTROL includes every task, MANAGE includes MESSAGING. People, users of other businesses, and
/// admins who hold everything by their role are holders too, and are marked. Exits with 4 if a WABA could not be read.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The tasks or roles, separated by commas: who holds all of them
    #[arg(value_name = "TASK[,TASK…]", add = completions::tasks())]
    tasks: TaskNames,
    #[command(flatten)]
    paths: QuestionPaths,
    /// Asks who holds one of the tasks, instead of all
    #[arg(long)]
    any: bool,
    /// The state that is asked about; the desired one needs no API
    #[arg(long, value_enum, value_name = "WHEN", default_value = "live")]
    at: At,
    /// Only the WABAs whose name matches this glob; can be repeated
    #[arg(long, value_name = "GLOB", add = completions::wabas())]
    waba: Vec<Glob>,
    /// Only the WABAs with this label; with several keys, all must match; with several values of a key, any of them
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    labels: Vec<(String, String)>,
    /// Whose access counts
    #[arg(long, value_enum, value_name = "WHO", default_value = "everybody")]
    who: Who,
    /// Leaves a user out: its name in the manifests, its live name, or its id; can be repeated
    #[arg(long, value_name = "NAME", add = completions::users())]
    except: Vec<Name>,
    /// The headings on a terminal: users with their WABAs, or WABAs with their holders
    #[arg(long, value_enum, value_name = "BY", default_value = "user")]
    by: By,
    /// Exits with 2 if anybody holds the tasks
    #[arg(long, conflicts_with = "fail_if_none")]
    fail_if_any: bool,
    /// Exits with 2 if nobody holds the tasks on one of the WABAs
    #[arg(long)]
    fail_if_none: bool,
    /// Prints an entry of `tests:` that fails as soon as anybody else holds the task; with --fail-if-none, as soon as nobody
    /// does on one of the WABAs
    #[arg(long, conflicts_with = "format")]
    as_test: bool,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: AnswerFormat,
    #[command(flatten)]
    time: PlannedFor,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Names of tasks and roles.
#[derive(Debug, Clone)]
struct TaskNames(Vec<Name>);

impl FromStr for TaskNames {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.split(',').map(|name| Name::from(name.trim())).collect()))
    }
}

/// The state that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum At {
    /// What the API reports
    Live,
    /// What the manifests ask for
    Desired,
    /// What is live after the plan
    After,
}

/// Whose access counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Who {
    /// Everybody on the WABA
    Everybody,
    /// System users and people of the business itself
    Business,
}

/// The headings of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Each user with its WABAs
    User,
    /// Each WABA with its holders
    Waba,
}

/// The output format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// For spreadsheets: a row for each holder on a WABA. Ids, and what would be a formula, begin with an apostrophe
    Csv,
}

/// Parses a label.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(String::from("expected KEY=VALUE, such as tier=gold")),
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let (question, survey) = survey(args, terminal).await?;
    if args.as_test && question.tasks.len() > 1 && !args.any && !args.fail_if_none {
        return Err(Failure::plain(Exit::Usage, "--as-test needs one task, or --any")
            .hint("`only` of a test is about users who hold any of its tasks"));
    }
    let answer = query::who_can(survey.evidence(), &question);
    let answered = WhoCan {
        evidence: survey.evidence(),
        sources: &survey.sources,
        question: &question,
        answer: &answer,
        without_id: &survey.without_id,
        undiscovered: survey.undiscovered,
    };
    match args.format {
        AnswerFormat::Text if args.as_test => {
            let labels = &labels(args);
            let shape = TestShape { wabas: &args.waba, labels, at_least_one: args.fail_if_none };
            terminal.product(&render::text::as_test(&answered, shape))?;
        }
        AnswerFormat::Json => terminal.written(|to| documents::who_can(&answered, to))?,
        AnswerFormat::Csv => {
            terminal.written(|to| render::table::who_can(&answered, to))?;
            say_what_is_missing(&answered, terminal);
        }
        AnswerFormat::Text => {
            let group_by = (args.by == By::Waba).then_some(GroupBy::Waba);
            let style = Style { group_by, ..terminal.style() };
            terminal.product(&render::text::who_can(&answered, &style))?;
        }
    }
    let is_hit =
        (args.fail_if_any && !answer.holders.is_empty()) || (args.fail_if_none && !answer.nobody.is_empty());
    // If several codes fit, the first in the order of the table wins.
    Ok(if !answer.unreadable.is_empty() || survey.undiscovered > 0 {
        Exit::Partial
    } else if is_hit {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Makes what the question is answered from, and looks up the names in the question.
async fn survey(args: &Args, terminal: &Terminal) -> Result<(Question, Survey), Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    args.paths.check_stdin(&args.connection)?;
    let selection = Selection { wabas: args.waba.clone(), ..Selection::default() };
    let request = args.time.request(selection, args.connection.state()?);
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let mut question = Question::about(checked.tasks_named(&args.tasks.0)?, args.at.into());
    let survey = match args.at {
        At::Desired => engine::survey_offline(checked, events)?,
        At::Live | At::After => {
            let prepared = CheckedConnection::new(&args.connection)?;
            let connected = prepared.connect(Some(checked.business()), events).await?;
            let survey = connected.session.survey(checked, events).await;
            connected.end(terminal).await;
            survey?
        }
    };
    let labels = labels(args);
    question.any = args.any;
    question.business_only = args.who == Who::Business;
    question.wabas = (!labels.is_empty()).then(|| survey.labelled(&labels)).transpose()?;
    let wabas: Vec<WabaId> = survey.desired.scope.wabas.keys().copied().collect();
    for name in &args.except {
        question.except.insert(survey.find_user(name, &wabas)?);
    }
    Ok((question, survey))
}

/// Prints what a table cannot show.
fn say_what_is_missing(answered: &WhoCan<'_>, terminal: &Terminal) {
    for (waba, why) in &answered.answer.unreadable {
        terminal.say(&format!("could not be read: WABA {waba}: {why}"));
    }
    if answered.undiscovered > 0 {
        let rules = count(answered.undiscovered, "discover rule was", "discover rules were");
        terminal.say(&format!("{rules} not followed: WABAs are discovered with the API"));
    }
}

/// Returns the labels of the WABAs, each with its values.
fn labels(args: &Args) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in &args.labels {
        labels.entry(key.clone()).or_default().insert(value.clone());
    }
    labels
}

impl From<At> for When {
    fn from(at: At) -> Self {
        match at {
            At::Live => Self::Live,
            At::Desired => Self::Desired,
            At::After => Self::After,
        }
    }
}
