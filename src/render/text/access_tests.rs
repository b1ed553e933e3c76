//! The results of access tests as text.

use crate::access_test::explain;
use crate::model::{Sources, TestReport, TestedState, Verdict};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, foreign, own, prose, sentence};
use crate::render::sentence::Sentence;

/// The verdicts, most serious first, with the word that a line begins with, and the one that is counted.
const VERDICTS: [(Verdict, &str, Paint, &str); 5] = [
    (Verdict::Fail, "FAIL", Paint::Bad, "failed"),
    (Verdict::Undecided, "UNDECIDED", Paint::Bad, "undecided"),
    (Verdict::Notice, "NOTICE", Paint::Changed, "failing already"),
    (Verdict::Skipped, "SKIPPED", Paint::Changed, "skipped"),
    (Verdict::Pass, "PASS", Paint::Good, "passed"),
];

/// The width of the longest word.
const WIDTH: usize = 9;

/// Shows the results of tests for people, in the order of the manifests, and counts them.
pub fn access_tests(report: &TestReport, sources: &Sources, style: &Style) -> String {
    let mut layout = Layout::new(style);
    for result in &report.results {
        let (_, word, paint, _) = VERDICTS[index(result.verdict)];
        let place = format!("({}:{})", sources.path(result.test.at.source), result.test.at.line);
        let name = foreign(result.test.name.as_str(), Paint::Bold);
        let lead = [own(word, paint).column(WIDTH), name, foreign(&place, Paint::Dim)];
        layout.entry(0, WIDTH + 1, lead);
        for line in explain(result, report, sources) {
            let line = Sentence::default().foreign(&line);
            let lead = [own("-", Paint::Dim)].into_iter();
            layout.entry(WIDTH + 1, WIDTH + 3, lead.chain(sentence(&line, Paint::Plain)));
        }
    }
    layout.gap();
    layout.entry(0, 2, prose(&summary(report), Paint::Bold));
    layout.finish()
}

/// Counts the tests by their verdict, in one line.
pub fn summary(report: &TestReport) -> String {
    let counted = VERDICTS.iter().map(|(verdict, _, _, word)| (report.count(*verdict), *word));
    let counted: Vec<String> =
        counted.filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    if counted.is_empty() {
        return String::from("Tests: the manifests have none.");
    }
    let state = match report.state {
        TestedState::Desired => "on what the manifests ask for",
        TestedState::After => "after the plan",
        TestedState::Live => "live",
    };
    format!("Tests, {state}: {}.", counted.join(", "))
}

fn index(verdict: Verdict) -> usize {
    VERDICTS.iter().position(|(of, ..)| *of == verdict).unwrap_or_default()
}
