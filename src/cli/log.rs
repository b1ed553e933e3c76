//! The log on stderr: as text, or with one JSON object a line.

use super::failure::Failure;
use crate::engine::ROUNDS;
use crate::redact::{self, Redacting};
use crate::text::escape;
use clap::ValueEnum;
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as subscriber, FmtContext};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

/// The environment variable with the format of the log.
pub(super) const VARIABLE: &str = "WABACL_LOG_FORMAT";

/// The beginning of the names of fields that are for JSON only, because the message has them too.
const ONLY_JSON: &str = "round.";

/// Whether all lines on stderr are JSON objects.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Sends the log to stderr. Only events of this program are logged: those of libraries could contain a URL with a token.
///
/// Event texts can contain foreign text, so they are escaped here.
pub(super) fn start(level: LevelFilter, format: LogFormat, has_colour: bool) {
    let only_ours = tracing_subscriber::filter::Targets::new()
        .with_target("wabacl", level)
        .with_target(ROUNDS, level.max(LevelFilter::INFO));
    let writer = || Redacting::new(io::stderr());
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => {
            let layer = subscriber::layer().fmt_fields(TextFields).with_writer(writer);
            let layer = layer.with_ansi(has_colour).with_target(false).without_time();
            registry.with(layer.with_filter(only_ours)).init();
        }
        LogFormat::Json => {
            IS_JSON.store(true, Ordering::Relaxed);
            let layer = subscriber::layer().event_format(JsonLines).with_writer(writer);
            registry.with(layer.with_filter(only_ours)).init();
        }
    }
}

/// Returns whether all lines on stderr are JSON objects.
pub(super) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Writes a line to stderr that is no event of the log: as it is, or as a JSON object. Without secrets, and escaped.
pub(super) fn line(level: &'static str, text: &str) {
    let line = if is_json() { object(level, text, Map::new()) } else { escape(text).into_owned() };
    write(&line);
}

/// Writes why a run failed to stderr as a JSON object.
pub(super) fn failure(failure: &Failure) {
    let (first, causes) = failure.chain.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let mut fields = Map::new();
    if !causes.is_empty() {
        fields.insert("causes".into(), causes.iter().map(|cause| escape(cause)).collect());
    }
    if let Some(hint) = &failure.hint {
        fields.insert("hint".into(), escape(hint).into());
    }
    write(&object("error", first, fields));
}

/// Writes a line to stderr, without secrets.
fn write(line: &str) {
    // If stderr is closed, the message is lost.
    let _ = io::stderr().lock().write_all(redact::text(&format!("{line}\n")).as_bytes());
}

/// Returns a line of the log as a JSON object. The message is escaped as in text, so that it can be shown anywhere.
fn object(level: &'static str, message: &str, fields: Map<String, Value>) -> String {
    let mut object = Map::new();
    let now = jiff::Timestamp::now();
    object.insert("timestamp".into(), format!("{now:.3}").into());
    object.insert("level".into(), level.into());
    object.insert("message".into(), escape(message).into());
    object.extend(fields);
    Value::Object(object).to_string()
}

/// Writes the fields of an event as text.
struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, to: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = TextLine { to, is_begun: false, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

/// A line of text in the making.
struct TextLine<'w> {
    to: Writer<'w>,
    is_begun: bool,
    result: fmt::Result,
}

impl Visit for TextLine<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_err() || field.name().starts_with(ONLY_JSON) {
            return;
        }
        let space = if std::mem::replace(&mut self.is_begun, true) { " " } else { "" };
        let text = format!("{value:?}");
        self.result = match field.name() {
            "message" => write!(self.to, "{space}{}", escape(&text)),
            name => write!(self.to, "{space}{name}={}", escape(&text)),
        };
    }
}

/// Writes each event as a JSON object.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warn",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG => "debug",
            tracing::Level::TRACE => "trace",
        };
        let mut found = Fields::default();
        event.record(&mut found);
        writeln!(to, "{}", object(level, &found.message, found.others))
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        let name = field.name().strip_prefix(ONLY_JSON).unwrap_or(field.name());
        self.others.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(field, escape(value).into()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_one_line_whatever_the_message() {
        let fields = [(String::from("calls"), Value::from(7))].into_iter().collect();
        let line = object("warn", "a\"b\n{\u{202e}\u{1b}[31m", fields);
        assert!(!line.contains(['\n', '\u{202e}', '\u{1b}']), "{line}");
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["level"], &object["calls"]), (&"warn".into(), &7.into()));
        assert_eq!(object["message"], &*escape("a\"b\n{\u{202e}\u{1b}[31m"));
        assert!(object["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
    }
}
