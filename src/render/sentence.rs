//! A sentence in parts, so that each format can mark up foreign text in its own way.

use super::harmless;
use super::view::NamedObject;
use crate::model::{Task, TaskSet};
use crate::text::is_web_address;
use std::borrow::Cow;
use std::fmt;

/// A part of a sentence. Foreign text in it is already escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SentencePart {
    /// Words of this program, which may wrap.
    Own(Cow<'static, str>),
    /// Words of this program that stand out.
    Strong(Cow<'static, str>),
    /// Text for a command line, to be copied; it stays on one line.
    Literal(String),
    /// A foreign name, which stays on one line.
    Name(String),
    /// Other foreign text that stays on one line, such as a file with a line number.
    Fixed(String),
    /// A line of a manifest, as `file:line`, which stays on one line.
    Place(Place),
    /// The address of a page with punctuation behind it, which stay on one line.
    Link(Link),
    /// Foreign text, which may wrap.
    Foreign(String),
}

/// The address of a page, which only has characters that are harmless in every format, and punctuation behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    text: String,
    end: &'static str,
}

impl Link {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn address(&self) -> &str {
        self.text.strip_suffix(self.end).unwrap_or(&self.text)
    }

    pub(super) fn end(&self) -> &'static str {
        self.end
    }
}

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `file:line`, escaped.
    text: String,
    /// The path as it is known, not escaped.
    pub(super) path: String,
    pub(super) line: u32,
}

impl Place {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl SentencePart {
    /// Returns the text without any markup.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Own(text) | Self::Strong(text) => text,
            Self::Literal(text) | Self::Name(text) | Self::Fixed(text) | Self::Foreign(text) => text,
            Self::Place(place) => &place.text,
            Self::Link(link) => &link.text,
        }
    }
}

/// A sentence. Its [`Display`](fmt::Display) is plain text with a space between parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sentence(Vec<SentencePart>);

impl Sentence {
    pub(super) fn parts(&self) -> &[SentencePart] {
        &self.0
    }

    pub(super) fn own(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.with(SentencePart::Own(text.into()))
    }

    pub(super) fn strong(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.with(SentencePart::Strong(text.into()))
    }

    pub(super) fn literal(self, text: &str) -> Self {
        self.with(SentencePart::Literal(harmless(text)))
    }

    pub(super) fn name(self, name: &str) -> Self {
        self.with(SentencePart::Name(harmless(name)))
    }

    pub(super) fn fixed(self, text: &str) -> Self {
        self.with(SentencePart::Fixed(harmless(text)))
    }

    /// Adds a line of a manifest.
    pub(super) fn place(self, path: &str, line: u32) -> Self {
        let text = harmless(&format!("{path}:{line}"));
        self.with(SentencePart::Place(Place { text, path: path.to_owned(), line }))
    }

    /// Adds foreign text with punctuation behind it: a link if it is the address of a page.
    pub(super) fn linked(self, text: &str, end: &'static str) -> Self {
        let with_end = format!("{text}{end}");
        if is_web_address(text) {
            self.with(SentencePart::Link(Link { text: with_end, end }))
        } else {
            self.foreign(&with_end)
        }
    }

    pub(super) fn foreign(self, text: &str) -> Self {
        self.with(SentencePart::Foreign(harmless(text)))
    }

    /// Adds a name with its id in parentheses and `end` behind it. The id of an object without a name is its name.
    pub(super) fn object(self, object: &NamedObject, end: &str) -> Self {
        match (&object.id, &object.live_name) {
            (Some(id), None) => self.name(&object.name).own(format!("({id}){end}")),
            (Some(id), Some(live)) => self.name(&object.name).own("=").name(live).own(format!("({id}){end}")),
            (None, _) => self.strong(format!("{}{end}", object.name)),
        }
    }

    /// Adds a user: its name, and its id and live name if the manifests use another name.
    pub(super) fn user(self, user: &NamedObject) -> Self {
        if user.live_name.is_some() { self.object(user, "") } else { self.name(&user.name) }
    }

    /// Adds the tasks of a set, or `nothing`.
    pub(super) fn tasks(self, set: &TaskSet) -> Self {
        if set.is_empty() {
            return self.own("nothing");
        }
        set.names().fold(self, |sentence, name| match name.parse::<Task>() {
            Ok(task) => sentence.own(task.name()),
            Err(_) => sentence.fixed(name),
        })
    }

    pub(super) fn then(mut self, rest: Self) -> Self {
        self.0.extend(rest.0);
        self
    }

    fn with(mut self, part: SentencePart) -> Self {
        if !part.text().is_empty() {
            self.0.push(part);
        }
        self
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            f.write_str(part.text())?;
        }
        Ok(())
    }
}
