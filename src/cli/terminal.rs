//! The standard streams: results go to stdout, everything else to stderr, with or without colour.

use super::exit::Exit;
use super::failure::Failure;
use super::log::{self, LogFormat};
use super::options::{Color, Common};
use super::repository::folder_below;
use crate::redact::{self, Redacting};
use crate::render::PathPrefix;
use crate::render::Style;
use crate::text::escape;
use anstream::ColorChoice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, BufRead, IsTerminal, Write};
use tracing::level_filters::LevelFilter;

/// The width of a terminal that does not report it. A guess: a common width of terminals.
const DEFAULT_WIDTH: usize = 80;

/// The standard streams with their style.
pub(crate) struct Terminal {
    color: ColorChoice,
    verbose: bool,
}

#[allow(clippy::unused_self, reason = "only the holder of a terminal may print")]
impl Terminal {
    pub(crate) fn new(common: &Common) -> Self {
        let color = match common.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { color, verbose: common.verbose > 0 }
    }

    /// Returns the style of texts for stdout.
    pub(crate) fn style(&self) -> Style {
        self.style_for(&io::stdout())
    }

    fn style_for<S: anstream::stream::RawStream>(&self, stream: &S) -> Style {
        let choice = match self.color {
            ColorChoice::Auto => anstream::AutoStream::choice(stream),
            ColorChoice::Always | ColorChoice::AlwaysAnsi | ColorChoice::Never => self.color,
        };
        let width = stream.is_terminal().then(width);
        Style { colour: choice != ColorChoice::Never, width, verbose: self.verbose, group_by: None }
    }

    /// Sends the log to stderr: warnings and the rounds of a reconciler, with `-v` each step, with `-vv` every call.
    pub(crate) fn start_logging(&self, common: &Common, format: LogFormat) {
        let level = match common.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        };
        log::start(level, format, self.style_for(&io::stderr()).colour);
    }

    /// Prints a result to stdout. A closed pipe is not an error.
    pub(crate) fn product(&self, text: &str) -> Result<(), Failure> {
        self.written(|stdout| stdout.write_all(text.as_bytes()))
    }

    /// Writes a result to stdout while it is made. A closed pipe is not an error.
    pub(crate) fn written(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut stdout = Redacting::new(io::BufWriter::new(io::stdout().lock()));
        match write(&mut stdout).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed("writing the output", error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Prints one line to stderr, escaped.
    pub(crate) fn say(&self, text: &str) {
        log::line("info", text);
    }

    /// Prints a warning to stderr, escaped.
    pub(crate) fn warn(&self, text: &str) {
        if log::is_json() { log::line("warn", text) } else { log::line("warn", &format!("warning: {text}")) }
    }

    /// Prints rendered text to stderr.
    pub(crate) fn talk(&self, render: impl FnOnce(&Style) -> String) {
        talk(&render(&self.style_for(&io::stderr())));
    }

    /// Prints why a run failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if log::is_json() {
            return log::failure(failure);
        }
        let style = self.style_for(&io::stderr());
        let red =
            if style.colour { anstyle::AnsiColor::Red.on_default().bold() } else { anstyle::Style::new() };
        let mut lines = failure.chain.iter();
        if let Some(first) = lines.next() {
            talk(&format!("{red}error{red:#}: {}\n", escape(first)));
        }
        for cause in lines {
            self.say(&format!("  caused by: {cause}"));
        }
        for choice in &failure.choices {
            self.say(&format!("  - {choice}"));
        }
        if let Some(hint) = &failure.hint {
            self.say(&format!("  hint: {hint}"));
        }
    }

    /// Asks a question. Only `yes` approves.
    pub(crate) async fn approves(&self, question: &str) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::plain(Exit::Usage, "there is no terminal to ask on")
                .hint("give --auto-approve to apply without being asked"));
        }
        talk(&format!("\n{question} Only `yes` approves: "));
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().lock().read_line(&mut answer).map(|_| answer)
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer.trim() == "yes"),
            Ok(Err(error)) => Err(Failure::failed("reading the answer", error)),
            Err(error) => Err(Failure::failed("reading the answer", error)),
        }
    }

    /// Shows a progress bar, on a terminal only.
    pub(crate) fn progress(&self, doing: &'static str, total: usize) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_message(doing);
        bar
    }
}

/// Writes a text to stderr, without secrets.
pub(super) fn talk(text: &str) {
    // If stderr is closed, the message is lost.
    let _ = io::stderr().lock().write_all(redact::text(text).as_bytes());
}

/// Returns the path from the top of the repository that a GitHub workflow checked out to the current folder.
pub(crate) fn path_prefix() -> PathPrefix {
    let below = || {
        let workspace = std::path::PathBuf::from(std::env::var_os("GITHUB_WORKSPACE")?);
        folder_below(&workspace.canonicalize().ok()?)
    };
    PathPrefix(below().unwrap_or_default())
}

/// Returns whether this runs in GitHub Actions.
pub(crate) fn is_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Returns the width of the terminal in columns.
fn width() -> usize {
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}
