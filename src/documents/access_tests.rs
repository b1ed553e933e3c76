//! The document of access tests: the result of each.

use super::parts::{GrantEntry, Tool, WabaEntry, documents, text};
use super::values::{AsText, Tasks};
use super::words::{LeftOutWord, TestedWord, VerdictWord};
use super::{FORMAT_VERSION, json};
use crate::access_test::explain;
use crate::model::{Breach, Breached, Name, Sources, TestReport, TestResult, UserId, Verdict, WabaId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// The results of access tests.
    TestsDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The state on which the tests were judged.
        state: TestedWord,
        /// The results, in the order of the manifests.
        tests: Vec<TestEntry<'a>>,
        /// The numbers of tests.
        summary: TestsSummary,
    }
    /// The result of an access test.
    TestEntry<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// The path in the manifest: `tests[0]`.
        test: Cow<'a, str>,
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// What it has shown.
        verdict: VerdictWord,
        /// Why it did not pass, and what was left out, in words.
        why: Vec<Cow<'a, str>>,
        /// The breaches, by WABA and user.
        breaches: Vec<BreachEntry<'a>>,
        /// The number of WABAs that were judged.
        wabas: usize,
        /// The WABAs that could not be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<WabaEntry<'a>>,
        /// What was left out, because it is only known live; absent if nothing was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_out: Option<LeftOutWord>,
    }
    /// A breach of a test.
    BreachEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user; absent if the breach is about the WABA as a whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<TestedUserEntry<'a>>,
        /// The tasks that the user holds against the test.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holds: Vec<Tasks>,
        /// The tasks that the user lacks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<Tasks>,
        /// The number of holders, if there are too few.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holders: Option<u64>,
        /// The grants that lack a key.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        grants: Vec<GrantEntry<'a>>,
    }
    /// A user.
    TestedUserEntry<'a> {
        /// The id; absent for the desired state, which has none for users that are found by their name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<AsText<UserId>>,
        /// The name; absent if it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Cow<'a, str>>,
    }
    /// The numbers of tests by their verdict.
    TestsSummary {
        /// Tests that failed.
        failed: usize,
        /// Tests that are undecided.
        undecided: usize,
        /// Tests that fail live already, and that the plan does not make worse.
        notices: usize,
        /// Tests that need what is only known live.
        skipped: usize,
        /// Tests that passed.
        passed: usize,
    }
}

/// Writes the results of tests as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn access_tests(report: &TestReport, sources: &Sources, to: impl io::Write) -> io::Result<()> {
    let document = TestsDocument {
        format_version: FORMAT_VERSION.into(),
        tool: Tool::this(),
        state: report.state.into(),
        tests: entries(report, sources),
        summary: TestsSummary {
            failed: report.count(Verdict::Fail),
            undecided: report.count(Verdict::Undecided),
            notices: report.count(Verdict::Notice),
            skipped: report.count(Verdict::Skipped),
            passed: report.count(Verdict::Pass),
        },
    };
    json::write_document(&document, to)
}

/// Returns the results of tests.
pub(super) fn entries<'a>(report: &'a TestReport, sources: &'a Sources) -> Vec<TestEntry<'a>> {
    report.results.iter().map(|result| TestEntry::of(result, report, sources)).collect()
}

impl<'a> TestEntry<'a> {
    fn of(result: &'a TestResult, report: &'a TestReport, sources: &'a Sources) -> Self {
        let test = &result.test;
        Self {
            name: text(&test.name),
            test: test.path.as_str().into(),
            file: sources.path(test.at.source).into(),
            line: test.at.line,
            column: test.at.column,
            verdict: result.verdict.into(),
            why: explain(result, report, sources).into_iter().map(Into::into).collect(),
            breaches: result.breaches.iter().map(|found| BreachEntry::of(found, report, sources)).collect(),
            wabas: result.wabas,
            unreadable: result.unreadable.iter().map(|waba| waba_entry(*waba, report)).collect(),
            left_out: result.left_out.map(Into::into),
        }
    }
}

impl<'a> BreachEntry<'a> {
    fn of(found: &'a Breached, report: &'a TestReport, sources: &'a Sources) -> Self {
        let user = |user: UserId| TestedUserEntry {
            id: (report.state != crate::model::TestedState::Desired).then_some(AsText(user)),
            name: report.users.get(&user).map(text),
        };
        let mut entry = Self {
            waba: waba_entry(found.waba, report),
            user: found.user.map(user),
            holds: Vec::new(),
            lacks: None,
            holders: None,
            grants: Vec::new(),
        };
        match &found.breach {
            Breach::NotAllowed(tasks) => entry.holds.push(Tasks(tasks.clone())),
            Breach::Together(sets) => entry.holds.extend(sets.iter().cloned().map(Tasks)),
            Breach::Lacking(grants) => {
                entry.grants = grants.iter().map(|grant| GrantEntry::of(grant, sources)).collect();
            }
            Breach::TooFew(holders) => entry.holders = Some(*holders),
            Breach::Lacks(tasks) => entry.lacks = Some(Tasks(tasks.clone())),
        }
        entry
    }
}

fn waba_entry(waba: WabaId, report: &TestReport) -> WabaEntry<'_> {
    static NONE: std::sync::LazyLock<Name> = std::sync::LazyLock::new(Name::default);
    WabaEntry::new(waba, report.wabas.get(&waba).unwrap_or(&NONE))
}
