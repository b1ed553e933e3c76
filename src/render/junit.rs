//! The results of access tests as XML in the format of `JUnit`, which CI servers show.

use super::escape_html;
use crate::access_test::explain;
use crate::model::{Sources, TestReport, TestResult, TestedState, Verdict};
use std::fmt::Write as _;

/// Shows the results of tests as one test suite. A test that is undecided is an error; one that fails already and is not made
/// worse passes, with an output that says so.
pub fn access_tests(report: &TestReport, sources: &Sources) -> String {
    let state = match report.state {
        TestedState::Desired => "desired",
        TestedState::After => "after",
        TestedState::Live => "live",
    };
    let numbers = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        report.results.len(),
        report.count(Verdict::Fail),
        report.count(Verdict::Undecided),
    );
    let skipped = report.count(Verdict::Skipped);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(xml, "<testsuites name=\"wabacl\" {numbers} time=\"0\">");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"access tests ({state})\" {numbers} skipped=\"{skipped}\" time=\"0\">"
    );
    for result in &report.results {
        xml += &test_case(result, report, sources);
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn test_case(result: &TestResult, report: &TestReport, sources: &Sources) -> String {
    let test = &result.test;
    let path = text(sources.path(test.at.source));
    let why: Vec<String> = explain(result, report, sources).iter().map(|line| text(line)).collect();
    let (first, all) = (why.first().cloned().unwrap_or_default(), why.join("\n"));
    // The schema of Jenkins knows no attribute for a line.
    let place = format!("{path}:{}", test.at.line);
    let inner = match result.verdict {
        Verdict::Fail => format!("<failure type=\"failed\" message=\"{first}\">{place}\n{all}</failure>"),
        Verdict::Undecided => format!("<error type=\"undecided\" message=\"{first}\">{place}\n{all}</error>"),
        Verdict::Skipped => format!("<skipped message=\"{first}\"/>"),
        Verdict::Notice => format!("<system-out>fails already: {all}</system-out>"),
        Verdict::Pass if all.is_empty() => String::new(),
        Verdict::Pass => format!("<system-out>{all}</system-out>"),
    };
    let name = text(test.name.as_str());
    format!("    <testcase name=\"{name}\" classname=\"{path}\" time=\"0\">{inner}</testcase>\n")
}

/// Escapes foreign text. XML has no way to write two of the characters that are left.
fn text(raw: &str) -> String {
    escape_html(raw).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
