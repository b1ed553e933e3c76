//! How assignments are read, decided from what the world looks like and what this run has seen. Pure.

use super::settings::ReadStrategy;
use std::time::Duration;

/// The share of a limit up to which being quick comes first, in percent.
const HALF: u32 = 50;
/// The rows of a page.
const PAGE: usize = 100;

/// What is known when it is decided.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How many WABAs are to be read that the manifest names.
    pub(super) named: usize,
    /// How many WABAs are still to be read for sure.
    pub(super) left: usize,
    /// The highest share of any limit that was told, in percent.
    pub(super) usage: Option<u32>,
    /// How much of it one call took so far, in percent.
    pub(super) per_call: f64,
    /// Whether some WABA has had more than half of its hour's calls.
    pub(super) half_used: bool,
    /// Whether the API refused to nest.
    pub(super) refused: bool,
    /// How long the quickest nested page took, where one was read.
    pub(super) nested: Option<Duration>,
    /// How long the quickest answer without nesting took.
    pub(super) plain: Option<Duration>,
}

/// How the next page of a list of WABAs is read, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Whether assignments come nested in it; else they are read WABA by WABA.
    pub(super) nested: bool,
    /// Whether reading WABA by WABA waits until the lists are through, since they may still bring some nested.
    pub(super) sparing: bool,
    pub(super) why: String,
}

/// Decides how the next page of a list is read.
pub(super) fn choose(strategy: ReadStrategy, seen: &Seen) -> Choice {
    let choice =
        |nested, sparing, why: &str| Choice { nested: nested && !seen.refused, sparing, why: why.into() };
    match strategy {
        ReadStrategy::Nested => choice(true, true, "as --read-strategy says"),
        ReadStrategy::Batch | ReadStrategy::Direct => choice(false, false, "as --read-strategy says"),
        ReadStrategy::Auto => auto(seen, choice),
    }
}

fn auto(seen: &Seen, choice: impl Fn(bool, bool, &str) -> Choice) -> Choice {
    if seen.refused {
        return choice(false, false, "the API does not nest assignments in lists of WABAs");
    }
    #[allow(clippy::cast_precision_loss, reason = "there are never so many WABAs")]
    let predicted = f64::from(seen.usage.unwrap_or(0)) + seen.per_call * seen.left as f64;
    if predicted >= f64::from(HALF) {
        return choice(true, true, &format!("sparing, as {predicted:.0} % of a limit would be used"));
    }
    if seen.half_used {
        return choice(true, true, "sparing, as a WABA has had half of its calls in this hour");
    }
    match (seen.nested, seen.plain) {
        // A list is a chain: each page needs the cursor before it. Where nesting costs it nothing, that is best.
        (Some(nested), Some(plain)) if nested * 4 <= plain * 5 => {
            choice(true, false, &format!("nested pages are as quick as plain ones ({nested:.0?})"))
        }
        (Some(_), _) => choice(false, false, "quick: plain pages, and batches beside them"),
        (None, _) if seen.named > PAGE => {
            choice(false, false, "quick: more WABAs are named than a page holds, so batches need no list")
        }
        (None, _) => choice(true, false, "one page may be all there is, and nested it is one call"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(seen: Seen) -> (bool, bool) {
        let choice = choose(ReadStrategy::Auto, &seen);
        (choice.nested, choice.sparing)
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn auto_is_quick_below_half_of_every_limit_and_sparing_beyond() {
        let many = Seen { named: 10_000, left: 10_000, ..Seen::default() };
        assert_eq!(auto(many), (false, false));
        assert_eq!(auto(Seen { usage: Some(49), ..many }), (false, false));
        assert_eq!(auto(Seen { usage: Some(50), ..many }), (true, true));
        assert_eq!(auto(Seen { usage: Some(10), per_call: 0.01, ..many }), (true, true), "predicted");
        assert_eq!(auto(Seen { half_used: true, ..many }), (true, true));
        assert_eq!(auto(Seen { half_used: true, refused: true, ..many }), (false, false));
    }

    #[test]
    fn auto_nests_where_that_costs_no_time() {
        let few = Seen { named: 7, left: 7, ..Seen::default() };
        assert_eq!(auto(few), (true, false));
        let second_page = |nested, plain| Seen { nested: Some(MS(nested)), plain: Some(MS(plain)), ..few };
        assert_eq!(auto(second_page(100, 50)), (false, false));
        assert_eq!(auto(second_page(60, 50)), (true, false));
    }

    #[test]
    fn a_strategy_that_is_asked_for_is_taken() {
        for (strategy, nested) in
            [(ReadStrategy::Nested, true), (ReadStrategy::Batch, false), (ReadStrategy::Direct, false)]
        {
            assert_eq!(choose(strategy, &Seen::default()).nested, nested);
            assert!(!choose(strategy, &Seen { refused: true, ..Seen::default() }).nested);
        }
    }
}
