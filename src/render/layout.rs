//! The page that text is written on: wraps, cuts and colours. It must not know what it says.

use super::{Style, harmless};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a word is, and so which colour it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Changed,
    Bad,
}

impl Paint {
    fn ansi(self) -> Ansi {
        match self {
            Self::Plain => Ansi::new(),
            Self::Bold => Ansi::new().bold(),
            Self::Dim => Ansi::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }
}

/// A piece that stays on one line, and is cut in its middle where it is wider than that.
#[derive(Debug, Clone)]
pub(super) struct Word {
    text: String,
    paint: Paint,
    foreign: bool,
    pad: usize,
}

/// Returns a word of our own.
pub(super) fn own(text: impl Into<String>, paint: Paint) -> Word {
    Word { text: text.into(), paint, foreign: false, pad: 0 }
}

/// Returns a foreign text as one word, made harmless.
pub(super) fn foreign(text: &str, paint: Paint) -> Word {
    Word { text: harmless(text), paint, foreign: true, pad: 0 }
}

/// Returns a foreign text as words that may wrap, made harmless.
pub(super) fn foreign_prose(text: &str, paint: Paint) -> impl Iterator<Item = Word> {
    let text = harmless(text);
    let words: Vec<_> = text.split_whitespace().map(|word| foreign(word, paint)).collect();
    words.into_iter()
}

/// Returns a text of our own as words that may wrap.
pub(super) fn prose(text: &str, paint: Paint) -> impl Iterator<Item = Word> {
    text.split_whitespace().map(move |word| own(word, paint))
}

impl Word {
    /// Cuts the word to so many columns, and fills it up to them.
    pub(super) fn column(mut self, width: usize) -> Self {
        self.text = cut(&self.text, width);
        self.pad = width;
        self
    }
}

/// Cuts a text in its middle to so many columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = take(text.chars(), room.div_ceil(2));
    let tail: Vec<char> = take(text.chars().rev(), room / 2);
    head.into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

fn take(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += most(*c);
            used <= width
        })
        .collect()
}

/// Returns the columns that a character takes at most in a text: one that asks for an emoji widens the one before it.
fn most(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// The page.
pub(super) struct Layout {
    out: String,
    colour: bool,
    width: usize,
}

impl Layout {
    pub(super) fn new(style: &Style) -> Self {
        Self { out: String::new(), colour: style.colour, width: style.width.max(40) }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Leaves a line free.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Writes words with a space between them, the first line indented by `indent`, others by `hang`.
    ///
    /// A foreign word that comes to stand first gets a bar before it, as pipelines look for commands
    /// behind the spaces at the start of a line.
    pub(super) fn entry(&mut self, indent: usize, hang: usize, words: impl IntoIterator<Item = Word>) {
        let mut column = indent;
        let mut first = true;
        let _ = write!(self.out, "{:indent$}", "");
        for word in words {
            let room = self.width - hang - 2;
            let text = if word.text.width() > room { cut(&word.text, room) } else { word.text };
            let wide = text.width();
            if !first && column + 1 + wide > self.width {
                let _ = write!(self.out, "\n{:hang$}", "");
                column = hang;
                first = true;
            } else if !first {
                self.out.push(' ');
                column += 1;
            }
            if first && word.foreign {
                self.out.push_str("| ");
                column += 2;
            }
            self.paint(&text, word.paint);
            let fill = word.pad.saturating_sub(wide).min(self.width.saturating_sub(column + wide));
            let _ = write!(self.out, "{:fill$}", "");
            column += wide + fill;
            first = false;
        }
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// Writes a line to be copied, which is never wrapped nor cut: half of it would mean something else.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    fn paint(&mut self, text: &str, paint: Paint) {
        if self.colour && paint != Paint::Plain {
            let ansi = paint.ansi();
            let _ = write!(self.out, "{ansi}{text}{ansi:#}");
        } else {
            self.out.push_str(text);
        }
    }
}
