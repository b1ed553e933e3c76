//! The cost of a run in calls to the API, in one line.

use crate::model::Cost;
use crate::render::Style;
use crate::render::layout::{Layout, Paint, prose};
use crate::text::count;
use std::fmt::Write as _;

/// Shows the cost of a run.
pub fn cost(cost: &Cost, style: &Style) -> String {
    let number = |number: u64, one, many| count(usize::try_from(number).unwrap_or(usize::MAX), one, many);
    let mut line = format!(
        "Cost: {} in {}",
        number(cost.calls, "API call", "API calls"),
        number(cost.requests, "request", "requests")
    );
    // Writing to a string cannot fail.
    let _ =
        write!(line, ", {}, waited {} s", number(cost.retries, "retry", "retries"), cost.waited.as_secs());
    match cost.usage {
        Some(percent) => _ = write!(line, ", at most {percent} % of a limit used."),
        None => line.push_str(", no usage reported."),
    }
    let mut layout = Layout::new(style);
    layout.entry(0, 2, prose(&line, Paint::Dim));
    layout.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_run_without_usage_says_so() {
        let style = Style { width: Some(100), ..crate::render::tests::PLAIN };
        let waited = Duration::from_secs(61);
        let spent = Cost { requests: 3, calls: 102, retries: 1, waited, usage: Some(28) };
        assert_eq!(
            cost(&spent, &style),
            "Cost: 102 API calls in 3 requests, 1 retry, waited 61 s, at most 28 % of a limit used.\n"
        );
        assert_eq!(
            cost(&Cost { requests: 1, calls: 1, ..Cost::default() }, &style),
            "Cost: 1 API call in 1 request, 0 retries, waited 0 s, no usage reported.\n"
        );
    }
}
