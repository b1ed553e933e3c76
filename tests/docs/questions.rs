//! The questions of docs/questions.md: each is answered by its command, on a terminal of 80 columns.

use super::{command, place, run};
use crate::support::terminal::on_terminal;
use std::path::Path;

/// The columns of the terminal.
const COLUMNS: u16 = 80;

/// A question with its command.
#[derive(Debug, Default)]
struct Question {
    title: String,
    command: String,
    /// Commands that run before it, in a copy of the folder.
    setup: String,
    ends_with: i32,
    /// What the answer contains.
    answers: Vec<String>,
}

/// Returns the questions of the page: a heading each, with exactly one command.
fn questions(page: &str) -> Vec<Question> {
    let comment = |line: &str, key: &str| {
        let rest = line.strip_prefix("<!-- ")?.strip_prefix(key)?.strip_prefix(": ")?;
        Some(rest.strip_suffix(" -->")?.to_owned())
    };
    let question = |section: &str| {
        let mut lines = section.lines();
        let mut question = Question { title: lines.next().unwrap().to_owned(), ..Question::default() };
        while let Some(line) = lines.next() {
            if let Some(code) = comment(line, "ends with") {
                question.ends_with = code.parse().unwrap();
            } else if let Some(answer) = comment(line, "answers") {
                question.answers.push(answer);
            } else if let Some(setup) = comment(line, "setup") {
                question.setup = setup;
            } else if line == "```sh" {
                assert_eq!(question.command, "", "{}: one command answers it", question.title);
                question.command =
                    lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
            }
        }
        assert!(question.command.starts_with("wabacl "), "{question:?}");
        assert_eq!(question.command.lines().count(), 1, "{question:?}");
        assert!(!question.answers.is_empty(), "{question:?}");
        question
    };
    page.split("\n### ").skip(1).map(question).collect()
}

/// Runs a command on a terminal, and returns what it prints there, with its exit code as the last line.
fn answer(folder: &Path, words: &str) -> String {
    on_terminal(command(folder, &format!("set +e; {words} 2>/dev/null; echo \"exit $?\"")), COLUMNS)
}

#[test]
fn each_question_is_answered_by_one_command_at_80_columns() {
    let page = std::fs::read_to_string("docs/questions.md").unwrap();
    let questions = questions(&page);
    assert_eq!(questions.len(), 24);
    let place = place();
    let (_, before) = page.split_once("<!--\n```sh\n").unwrap();
    run(place.path(), before.split_once("\n```").unwrap().0, 0, "the apply before the questions");
    for (number, question) in (1..).zip(&questions) {
        let Question { title, command, setup, ends_with, answers } = question;
        assert!(title.starts_with(&format!("{number}. ")) && title.ends_with('?'), "{title}");
        let copy = (!setup.is_empty()).then(|| {
            let copy = tempfile::tempdir().unwrap();
            let to = copy.path().to_str().unwrap();
            run(place.path(), &format!("cp -r . {to}/copy && cd {to}/copy && {setup}"), 0, title);
            copy
        });
        let folder = copy.as_ref().map_or_else(|| place.path().to_owned(), |copy| copy.path().join("copy"));
        let printed = answer(&folder, command);
        for expected in answers {
            assert!(printed.contains(expected), "{title}\n`{expected}` is missing in\n{printed}");
        }
        assert!(printed.ends_with(&format!("\nexit {ends_with}\n")), "{title}\n{printed}");
        // The titles of diagnostics are not wrapped.
        let lines = printed.lines().filter(|line| !line.starts_with("warning["));
        let widest = lines.map(|line| line.chars().count()).max();
        assert!(widest <= Some(COLUMNS.into()), "{title}\n{printed}");
    }
}
