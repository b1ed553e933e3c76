//! Prints the engine's events: diagnostics and warnings to stderr, progress to a terminal.

use super::interrupt;
use super::terminal::{self, Terminal};
use crate::engine::{Event, Progress, Stage};
use crate::render;
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Prints events.
pub(crate) struct EventPrinter<'a> {
    terminal: &'a Terminal,
    bars: Mutex<BTreeMap<Stage, ProgressBar>>,
}

impl<'a> EventPrinter<'a> {
    pub(crate) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, bars: Mutex::default() }
    }

    /// Prints one event.
    pub(crate) fn print(&self, event: Event<'_>) {
        let terminal = self.terminal;
        match event {
            Event::Diagnostics { found, sources } => {
                terminal.talk(|style| render::text::diagnostics(found, sources, style));
                if terminal::is_github() {
                    terminal.talk(|_| render::github::diagnostics(found, sources, &terminal::path_prefix()));
                }
            }
            Event::Warning(warning) => terminal.say(&format!("warning: {warning}")),
            Event::Progress(stage, progress) => self.progress(stage, progress),
            Event::WaitingForLock { business, holder } => {
                terminal.say(&format!("Waiting for another apply for the business {business}: {holder}"));
            }
            Event::Stale { changes, plan } => {
                terminal.talk(|style| render::text::stale(changes, plan, style));
            }
            Event::Settled(writes) => terminal.talk(|style| render::text::settled(writes, style)),
        }
    }

    fn progress(&self, stage: Stage, progress: Progress) {
        interrupt::note(stage, progress);
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Started(total) => {
                bars.insert(stage, self.terminal.progress(stage.label(), total));
            }
            Progress::Advanced(by) => {
                if let Some(bar) = bars.get(&stage) {
                    bar.inc(by as u64);
                    // WABAs that are discovered while reading are not in the total yet.
                    bar.set_length(bar.length().unwrap_or(0).max(bar.position()));
                }
            }
            Progress::Ended => {
                if let Some(bar) = bars.remove(&stage) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
