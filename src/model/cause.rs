//! Formats errors with their causes.

use crate::text::escape;
use std::error::Error;

/// Returns the messages of an error and its causes, outermost first.
pub fn causes(error: &dyn Error) -> impl Iterator<Item = String> {
    let deeper = std::iter::successors(error.source(), |cause| (**cause).source());
    std::iter::once(error.to_string()).chain(deeper.map(ToString::to_string))
}

/// Formats an error with its causes in one line, escaped.
pub fn chain(error: &dyn Error) -> String {
    escape(&causes(error).collect::<Vec<_>>().join(": ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{what}")]
    struct Failure {
        what: &'static str,
        source: Option<Box<Failure>>,
    }

    #[test]
    fn an_error_is_formatted_with_its_causes() {
        let of = |what, source: Option<Failure>| Failure { what, source: source.map(Box::new) };
        let error = of("reading", Some(of("connecting", Some(of("\u{1b}[31mred\n", None)))));
        assert_eq!(causes(&error).collect::<Vec<_>>(), ["reading", "connecting", "\u{1b}[31mred\n"]);
        assert_eq!(chain(&error), "reading: connecting: \\u{1b}[31mred\\n");
    }
}
