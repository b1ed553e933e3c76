//! Lays out text: wraps it to a width, cuts what is too wide, and colours it.

use super::sentence::{Sentence, SentencePart};
use super::view::{TaskDiff, TaskMark, is_known};
use super::{Style, harmless};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The colour of a word, by its meaning.
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

/// Text that stays on one line. It is cut in its middle if it is wider than the line.
#[derive(Debug, Clone)]
pub(super) struct StyledWord {
    text: String,
    paint: Paint,
    is_foreign: bool,
    /// Whether it is never cut, because a part of it would mean something else.
    is_whole: bool,
    pad: usize,
}

/// Returns a word of this program.
pub(super) fn own(text: impl Into<String>, paint: Paint) -> StyledWord {
    StyledWord { text: text.into(), paint, is_foreign: false, is_whole: false, pad: 0 }
}

/// Returns foreign text as one escaped word.
pub(super) fn foreign(text: &str, paint: Paint) -> StyledWord {
    StyledWord { text: harmless(text), paint, is_foreign: true, is_whole: false, pad: 0 }
}

/// Returns text of this program as words that may wrap.
pub(super) fn prose(text: &str, paint: Paint) -> impl Iterator<Item = StyledWord> {
    text.split_whitespace().map(move |word| own(word, paint))
}

/// Returns the words of a sentence in one colour; names and strong parts are bold.
pub(super) fn sentence(sentence: &Sentence, paint: Paint) -> impl Iterator<Item = StyledWord> {
    sentence_with(sentence, paint, Paint::Bold)
}

/// Returns the words of a sentence in one colour, with another one for strong parts; names are bold.
pub(super) fn sentence_with(
    sentence: &Sentence,
    paint: Paint,
    strong: Paint,
) -> impl Iterator<Item = StyledWord> {
    let words = move |part: &SentencePart| -> Vec<StyledWord> {
        match part {
            SentencePart::Own(text) => prose(text, paint).collect(),
            SentencePart::Strong(text) => prose(text, strong).collect(),
            SentencePart::Literal(text) => vec![own(text, paint)],
            SentencePart::Name(text) => vec![foreign(text, Paint::Bold)],
            SentencePart::Fixed(text) => vec![foreign(text, paint)],
            SentencePart::Place(place) => vec![foreign(place.text(), paint)],
            SentencePart::Link(link) => vec![StyledWord { is_whole: true, ..own(link.text(), paint) }],
            SentencePart::Foreign(text) => text.split_whitespace().map(|word| foreign(word, paint)).collect(),
        }
    };
    sentence.parts().iter().flat_map(words)
}

/// Returns tasks with the sign of what happens to each.
pub(super) fn tasks(tasks: &TaskDiff) -> impl Iterator<Item = StyledWord> {
    tasks.marked().map(|(mark, name)| match mark {
        TaskMark::Kept if is_known(&name) => own(name, Paint::Plain),
        TaskMark::Kept => foreign(&name, Paint::Plain),
        TaskMark::Gained => own(format!("+{name}"), Paint::Good),
        TaskMark::Lost => own(format!("-{name}"), Paint::Bad),
    })
}

impl StyledWord {
    /// Adds punctuation of this program.
    pub(super) fn with(mut self, end: &str) -> Self {
        self.text.push_str(end);
        self
    }

    /// Cuts the word to a number of columns, and pads it to them.
    pub(super) fn column(mut self, width: usize) -> Self {
        self.text = cut(&self.text, width);
        self.pad = width;
        self
    }
}

/// Cuts text in its middle to a number of columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let left = width.saturating_sub(1);
    let head = take(text.chars(), left.div_ceil(2));
    let tail: Vec<char> = take(text.chars().rev(), left / 2);
    head.into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

fn take(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += widest(*c);
            used <= width
        })
        .collect()
}

/// Returns the columns that a character takes at most: U+FE0F widens the character before it to an emoji.
fn widest(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// Text in the making, with a maximum width.
pub(super) struct Layout {
    out: String,
    colour: bool,
    width: usize,
}

impl Layout {
    pub(super) fn new(style: &Style) -> Self {
        Self { out: String::new(), colour: style.colour, width: style.columns() }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Leaves a line empty, unless it would be the first one.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Writes words with a space between them, the first line indented by `indent`, others by `hang`.
    ///
    /// A foreign word at the start of a line gets a bar before it, because pipelines look for commands behind the
    /// spaces at the start of a line.
    pub(super) fn entry(&mut self, indent: usize, hang: usize, words: impl IntoIterator<Item = StyledWord>) {
        let mut column = indent;
        let mut first = true;
        let mut before = Paint::Plain;
        let _ = write!(self.out, "{:indent$}", "");
        for word in words {
            let limit = self.width - hang - 2;
            let text =
                if word.text.width() > limit && !word.is_whole { cut(&word.text, limit) } else { word.text };
            let wide = text.width();
            if !first && column + 1 + wide > self.width {
                let _ = write!(self.out, "\n{:hang$}", "");
                column = hang;
                first = true;
            } else if !first {
                self.out.push(' ');
                column += 1;
            }
            if first && word.is_foreign {
                self.out.push_str("| ");
                column += 2;
            }
            self.paint(&text, word.paint, !first && before == word.paint);
            before = word.paint;
            let fill = word.pad.saturating_sub(wide).min(self.width.saturating_sub(column + wide));
            let _ = write!(self.out, "{:fill$}", "");
            column += wide + fill;
            first = false;
        }
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// Writes a line to be copied. It is never wrapped or cut, because a part of it would mean something else.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    /// Writes a word in its colour. One that `continues` the colour of the word before it shares its escape sequences, so
    /// that a search for both also works in a coloured log.
    fn paint(&mut self, text: &str, paint: Paint, continues: bool) {
        if !self.colour || paint == Paint::Plain {
            self.out.push_str(text);
            return;
        }
        let ansi = paint.ansi();
        let reset = format!("{ansi:#} ");
        match self.out.strip_suffix(&reset).map(str::len) {
            Some(end) if continues => {
                self.out.truncate(end);
                let _ = write!(self.out, " {text}{ansi:#}");
            }
            _ => {
                let _ = write!(self.out, "{ansi}{text}{ansi:#}");
            }
        }
    }
}
