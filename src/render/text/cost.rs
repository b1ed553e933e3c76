//! What a run cost at the API, in one line.

use super::count;
use crate::model::Cost;
use crate::render::Style;
use crate::render::layout::{Layout, Paint, prose};
use std::fmt::Write as _;

/// Shows what a run cost, for people.
pub fn cost(cost: &Cost, style: &Style) -> String {
    let number = |number: u64, one, many| count(usize::try_from(number).unwrap_or(usize::MAX), one, many);
    let mut line = format!(
        "Cost: {} in {}",
        number(cost.calls, "API call", "API calls"),
        number(cost.requests, "request", "requests")
    );
    // Writing into a string cannot fail.
    let _ =
        write!(line, ", {}, waited {} s", number(cost.retries, "retry", "retries"), cost.waited.as_secs());
    match cost.usage {
        Some(percent) => _ = write!(line, ", at most {percent} % of a limit used."),
        None => line.push_str(", no usage told."),
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
    fn one_line_tells_what_a_run_cost() {
        let style = Style { colour: false, width: 100, verbose: false };
        let waited = Duration::from_secs(61);
        let told = Cost { requests: 3, calls: 102, retries: 1, waited, usage: Some(28) };
        assert_eq!(
            cost(&told, &style),
            "Cost: 102 API calls in 3 requests, 1 retry, waited 61 s, at most 28 % of a limit used.\n"
        );
        assert_eq!(
            cost(&Cost { requests: 1, calls: 1, ..Cost::default() }, &style),
            "Cost: 1 API call in 1 request, 0 retries, waited 0 s, no usage told.\n"
        );
    }
}
