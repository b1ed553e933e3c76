//! What can be wrong with the texts themselves: files, YAML, and what stands in a document.

use super::{Diagnostic, Severity};
use crate::model::{IdError, Position};
use crate::text::{escape, suggest};

fn error(code: &'static str, at: Position, message: String, help: String) -> Diagnostic {
    Diagnostic { severity: Severity::Error, code, message, at: Some(at), help: Some(help) }
}

/// Asks whether one of the near candidates was meant, or the one that differs in case only; `None` where none
/// is near.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near: Vec<String> =
        suggest(word, candidates).into_iter().map(|word| format!("`{}`", escape(word))).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

/// A file or folder that could not be read.
pub(crate) fn unreadable_file(path: &str, why: &str) -> Diagnostic {
    let message = format!("{} could not be read: {}", escape(path), escape(why));
    let help = Some(String::from("give files, or folders with *.yaml and *.yml files below them"));
    Diagnostic { severity: Severity::Error, code: "unreadable-file", message, at: None, help }
}

/// A folder without manifests.
pub(crate) fn no_manifests(path: &str) -> Diagnostic {
    let message = format!("there is no *.yaml or *.yml file below {}", escape(path));
    let help = Some(String::from("hidden files and folders are left out"));
    Diagnostic { severity: Severity::Error, code: "no-manifests", message, at: None, help }
}

/// A text that is no YAML.
pub(crate) fn yaml_syntax(at: Position, what: &str) -> Diagnostic {
    let help = String::from("look at the indentation, quotes and brackets here and just above");
    error("yaml-syntax", at, format!("this is not valid YAML: {}", escape(what)), help)
}

/// A text with a NUL, which no YAML has.
pub(crate) fn nul(at: Position) -> Diagnostic {
    let help = String::from("remove it; a text editor writes none, so this may be no text, or UTF-16");
    error("nul-character", at, String::from("a NUL character stands here"), help)
}

/// A text above a limit.
pub(crate) fn yaml_limit(at: Position, what: &str) -> Diagnostic {
    let help = String::from("write it with less nesting and fewer aliases, or split the file");
    error("yaml-limit", at, format!("this file is more than is read: {}", escape(what)), help)
}

/// A document with the wrong structure; what comes after it in the document was not read.
pub(crate) fn wrong_structure(at: Position, what: &str) -> Diagnostic {
    let help = String::from("the rest of this document was not checked");
    error("wrong-structure", at, escape(what).into_owned(), help)
}

/// No document in any file.
pub(crate) fn empty_manifest(at: Position) -> Diagnostic {
    error(
        "empty-manifest",
        at,
        String::from("there is no document in the files"),
        String::from("begin with `version: 1`"),
    )
}

/// A merge key.
pub(crate) fn merge_key(at: Position) -> Diagnostic {
    let help = String::from(
        "write the keys out, or use a role or labels: what a merge joins cannot be shown where it stands",
    );
    error("merge-key", at, String::from("merge keys (`<<`) are not read"), help)
}

/// A key that a section does not know.
pub(crate) fn unknown_key(at: Position, key: &str, known: &[&str]) -> Diagnostic {
    let help = did_you_mean(key, known.iter().copied())
        .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
    error("unknown-key", at, format!("unknown key `{}`", escape(key)), help)
}

/// A key that stands twice.
pub(crate) fn duplicate_key(at: Position, key: &str) -> Diagnostic {
    error(
        "duplicate-key",
        at,
        format!("the key `{}` stands here a second time", escape(key)),
        String::from("keep one of them"),
    )
}

/// A key without a value.
pub(crate) fn missing_value(at: Position, key: &str) -> Diagnostic {
    let help = String::from("give it a value, or remove the key");
    error("missing-value", at, format!("`{}` has no value", escape(key)), help)
}

/// A version that is missing or is not 1.
pub(crate) fn wrong_version(at: Position, found: Option<&str>) -> Diagnostic {
    let message = match found {
        None => String::from("this document has no `version`"),
        Some(found) => format!("version `{}` is not known", escape(found)),
    };
    error("wrong-version", at, message, String::from("write `version: 1`; it stands in every document"))
}

/// No business in any document.
pub(crate) fn no_business(at: Position) -> Diagnostic {
    let help = String::from("write `business: ` and the id of the business portfolio, once");
    error("no-business", at, String::from("no document says which `business` is managed"), help)
}

/// Something that is given once, given a second time.
pub(crate) fn given_twice(at: Position, what: &str, first: &str) -> Diagnostic {
    error(
        "given-twice",
        at,
        format!("`{what}` is given a second time"),
        format!("it is given once over all files; first at {first}"),
    )
}

/// A name that is declared a second time.
pub(crate) fn duplicate_name(at: Position, what: &str, name: &str, first: &str) -> Diagnostic {
    let message = format!("the {what} `{}` is declared a second time", escape(name));
    error("duplicate-name", at, message, format!("a name is declared once over all files; first at {first}"))
}

/// One thing under two names.
pub(crate) fn same_thing_twice(at: Position, what: &str, id: &str, other: &str, first: &str) -> Diagnostic {
    let message = format!("the {what} {} is declared under two names", escape(id));
    error("same-thing-twice", at, message, format!("it is `{}` at {first} already", escape(other)))
}

/// An empty name.
pub(crate) fn empty_name(at: Position) -> Diagnostic {
    error(
        "empty-name",
        at,
        String::from("a name cannot be empty"),
        String::from("write a name before the colon"),
    )
}

/// A name with a wildcard, which no grant could select to the letter.
pub(crate) fn name_is_a_glob(at: Position, name: &str) -> Diagnostic {
    let help = String::from("`*` and `?` make a glob where WABAs are selected; choose a name without them");
    error("name-is-a-glob", at, format!("the name `{}` holds a wildcard", escape(name)), help)
}

/// A text that is no id.
pub(crate) fn bad_id(at: Position, text: &str, why: IdError) -> Diagnostic {
    let help = String::from("an id is digits without a leading zero, up to 64 bits");
    error("bad-id", at, format!("`{}` is no id: {why}", escape(text)), help)
}

/// Something that must be there.
pub(crate) fn missing(at: Position, what: &str, key: &str) -> Diagnostic {
    error("missing-key", at, format!("{what} needs `{key}`"), format!("add `{key}: …` to it"))
}

/// A text that is none of the words that can stand there.
pub(crate) fn bad_word(at: Position, text: &str, words: &[&str]) -> Diagnostic {
    let help =
        did_you_mean(text, words.iter().copied()).unwrap_or_else(|| format!("one of: {}", words.join(", ")));
    error("bad-word", at, format!("`{}` cannot stand here", escape(text)), help)
}

/// A text that is no number in its range.
pub(crate) fn bad_number(at: Position, text: &str, range: &str) -> Diagnostic {
    error("bad-number", at, format!("`{}` is not {range}", escape(text)), format!("write {range}, in digits"))
}

/// A text that is no day.
pub(crate) fn bad_date(at: Position, text: &str) -> Diagnostic {
    let help = String::from("write it as YYYY-MM-DD; it is the last day, in UTC");
    error("bad-date", at, format!("`{}` is no day of the calendar", escape(text)), help)
}

/// A name that is not a known task.
pub(crate) fn unknown_task<'a>(
    at: Position,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates)
        .unwrap_or_else(|| String::from("tasks are written as Meta does, such as MANAGE"));
    error("unknown-task", at, format!("there is no task called `{}`", escape(name)), help)
}

/// A name that is neither a known task nor a declared role.
pub(crate) fn unknown_role<'a>(
    at: Position,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates).unwrap_or_else(|| String::from("declare it below `roles`"));
    error("unknown-role", at, format!("`{}` is no task and no declared role", escape(name)), help)
}

/// A role within a role.
pub(crate) fn role_in_role(at: Position, name: &str) -> Diagnostic {
    error(
        "role-in-role",
        at,
        format!("`{}` is a role; roles hold tasks only", escape(name)),
        String::from("write its tasks out"),
    )
}

/// A role without tasks, by which a grant could give nothing.
pub(crate) fn role_of_nothing(at: Position, name: &str) -> Diagnostic {
    let help =
        String::from("give it tasks; to take access away, delete the grant and leave the user declared");
    error("role-of-nothing", at, format!("the role `{}` has no tasks", escape(name)), help)
}

/// A role with the name of a task.
pub(crate) fn role_like_task(at: Position, name: &str) -> Diagnostic {
    error(
        "role-like-task",
        at,
        format!("`{}` is the name of a task", escape(name)),
        String::from("give the role another name"),
    )
}

/// A name that is declared nowhere.
pub(crate) fn undeclared<'a>(
    at: Position,
    what: &str,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates).unwrap_or_else(|| format!("declare it below `{what}`"));
    error("undeclared", at, format!("`{}` is declared nowhere below `{what}`", escape(name)), help)
}

/// A grant with an empty list.
pub(crate) fn grant_of_nothing(at: Position, key: &str) -> Diagnostic {
    let help = String::from("to take access away, leave the user declared and delete the grant");
    error("grant-of-nothing", at, format!("this grant has no {key}"), help)
}

/// A grant that selects by nothing.
pub(crate) fn grant_of_nowhere(at: Position) -> Diagnostic {
    let help =
        String::from("say where: `wabas` (names or globs), `labels`, or both; `wabas: [\"*\"]` is all");
    error("grant-of-nowhere", at, String::from("this grant has neither `wabas` nor `labels`"), help)
}
