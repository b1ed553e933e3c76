//! Renders plans, drift, reports, journals and diagnostics in each format.
//!
//! [`View`] computes what is shown of a plan or of drift; every format renders the same view. This module knows no API,
//! no clock and no terminal: width and colour are arguments. Foreign text passes through
//! [`escape`] in every format, and no line of text begins with it, because in the log of a pipeline
//! that could be a command.

pub(crate) mod cover;
pub mod diff;
pub mod github;
pub mod html;
pub mod junit;
mod layout;
mod links;
pub mod markdown;
pub mod prometheus;
pub mod sarif;
mod sentence;
pub mod table;
#[cfg(test)]
mod tests;
pub mod text;
mod view;
mod wording;
pub mod xlsx;

pub(crate) use cover::gap_text;
pub use github::PathPrefix;
pub use links::SourceLinks;
pub use view::{GroupBy, View};

use crate::documents;
use crate::text::escape;
use jiff::Timestamp;
use std::io;

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// The maximum width of a line in columns; less than 40 counts as 40. `None` is not a terminal: nothing is wrapped
    /// or folded, and each change is one line, for `grep` and the like.
    pub width: Option<usize>,
    /// Whether to list what is otherwise only counted.
    pub verbose: bool,
    /// The headings under which changes are shown, in text and in Markdown.
    pub group_by: Option<GroupBy>,
}

impl Style {
    /// Returns the maximum width of a line in columns.
    fn columns(&self) -> usize {
        self.width.map_or(usize::MAX, |width| width.max(40))
    }

    /// Returns whether long lists are complete.
    fn is_complete(&self) -> bool {
        self.verbose || self.width.is_none()
    }
}

/// The formats of a plan or of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON with a schema.
    Json,
    /// A unified diff of live and desired access, as YAML.
    Diff,
    /// One page for a browser, with the access matrix.
    Html,
    /// Markdown for a comment on a pull request.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
    /// Metrics of drift for Prometheus.
    Prometheus,
}

/// The settings of a run that single formats need.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The layout, for text and diffs.
    pub style: Style,
    /// The prefix of paths in workflow commands.
    pub path_prefix: &'a PathPrefix,
    /// Where the lines of manifests can be seen, for Markdown and HTML, if it is known.
    pub links: Option<&'a SourceLinks>,
    /// The time of the run, for metrics.
    pub now: Timestamp,
    /// The metrics that are replaced, if there are any.
    pub previous: Option<&'a str>,
}

/// Writes a plan or drift in a format.
///
/// # Errors
///
/// If the sink fails.
pub fn write(
    view: &View<'_>,
    format: Format,
    settings: &Settings<'_>,
    mut to: impl io::Write,
) -> io::Result<()> {
    let text = match format {
        Format::Json => return documents::plan(view.proposal, view.document_findings(), to),
        Format::Html => return html::plan(view, settings.links, to),
        Format::Text => text::plan(view, &settings.style),
        Format::Diff => diff::plan(view, &settings.style),
        Format::Markdown => markdown::plan(view, &settings.style, settings.links),
        Format::Github => github::plan(view, settings.path_prefix),
        Format::Prometheus => prometheus::drift(view, None, settings.now, settings.previous),
    };
    to.write_all(text.as_bytes())
}

/// Escapes foreign text for any output.
fn harmless(text: &str) -> String {
    escape(text).into_owned()
}

/// Escapes foreign text for HTML, in text and in quoted attributes, also within Markdown.
fn escape_html(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for c in harmless(raw).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
