//! Chooses how assignments are read, from usage and response times. Pure.

use crate::graph::settings::ReadStrategy;
use std::time::Duration;

/// The usage of a limit up to which speed comes before few calls, in percent. A guess: half is left for other users of
/// the limit.
const SPEED_FIRST: f64 = 50.0;
/// The rows of a page: Meta's documented maximum.
const PAGE: usize = 100;
/// How many times slower than a plain page a nested page may be and still be preferred: a quarter, a guess. The pages of
/// a list are a chain, so nested pages delay the whole list; but they save a call for each WABA.
const NESTED_FACTOR: f64 = 1.25;

/// The facts for a choice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StrategyInputs {
    /// The number of WABAs in scope whose ids are known in advance.
    pub(super) declared: usize,
    /// The number of known WABAs that are still to be read.
    pub(super) queued: usize,
    /// The highest usage of any limit, in percent.
    pub(super) usage: Option<u32>,
    /// How much one call has added to the usage so far, in percent.
    pub(super) usage_per_call: f64,
    /// Whether a WABA has used half of its calls of this hour.
    pub(super) half_used: bool,
    /// Whether the API rejected a nested list.
    pub(super) nesting_rejected: bool,
    /// The quickest nested page, if there was one.
    pub(super) nested_took: Option<Duration>,
    /// The quickest plain page.
    pub(super) plain_took: Option<Duration>,
}

/// How the next page of a list of WABAs is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadChoice {
    /// Whether assignments are nested in the page; otherwise they are read WABA by WABA.
    pub(super) nested: bool,
    /// Whether reading WABA by WABA waits for the end of the lists, which may bring assignments nested.
    pub(super) pause_reads: bool,
    /// The reason, for the log.
    pub(super) why: String,
}

/// Chooses how the next page of a list is read.
pub(super) fn choose(strategy: ReadStrategy, inputs: &StrategyInputs) -> ReadChoice {
    match strategy {
        ReadStrategy::Nested if inputs.nesting_rejected => {
            choice(false, true, "the API does not support nested lists")
        }
        ReadStrategy::Nested => choice(true, true, "as --read-strategy says"),
        ReadStrategy::Batch | ReadStrategy::Direct => choice(false, false, "as --read-strategy says"),
        ReadStrategy::Auto => choose_auto(inputs),
    }
}

fn choose_auto(inputs: &StrategyInputs) -> ReadChoice {
    if inputs.nesting_rejected {
        return choice(false, false, "the API does not support nested lists");
    }
    #[allow(clippy::cast_precision_loss, reason = "there are never so many WABAs")]
    let predicted = f64::from(inputs.usage.unwrap_or(0)) + inputs.usage_per_call * inputs.queued as f64;
    if predicted >= SPEED_FIRST {
        return choice(true, true, &format!("few calls, as a limit would reach {predicted:.0} %"));
    }
    if inputs.half_used {
        return choice(true, true, "few calls, as a WABA has used half of its calls of this hour");
    }
    match (inputs.nested_took, inputs.plain_took) {
        (Some(nested), Some(plain)) if nested <= plain.mul_f64(NESTED_FACTOR) => {
            choice(true, false, &format!("nested pages are about as quick as plain ones ({nested:.0?})"))
        }
        (Some(_), _) => choice(false, false, "speed: plain pages, and batches at the same time"),
        (None, _) if inputs.declared > PAGE => {
            choice(false, false, "speed: more WABAs are declared than a page holds, and batches need no list")
        }
        (None, _) => choice(true, false, "one page may be enough, and nested it is one call"),
    }
}

fn choice(nested: bool, pause_reads: bool, why: &str) -> ReadChoice {
    ReadChoice { nested, pause_reads, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(inputs: StrategyInputs) -> (bool, bool) {
        let choice = choose(ReadStrategy::Auto, &inputs);
        (choice.nested, choice.pause_reads)
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn auto_prefers_speed_below_half_of_every_limit_and_few_calls_beyond() {
        let many = StrategyInputs { declared: 10_000, queued: 10_000, ..StrategyInputs::default() };
        assert_eq!(auto(many), (false, false));
        assert_eq!(auto(StrategyInputs { usage: Some(49), ..many }), (false, false));
        assert_eq!(auto(StrategyInputs { usage: Some(50), ..many }), (true, true));
        assert_eq!(
            auto(StrategyInputs { usage: Some(10), usage_per_call: 0.01, ..many }),
            (true, true),
            "predicted"
        );
        assert_eq!(auto(StrategyInputs { half_used: true, ..many }), (true, true));
        assert_eq!(auto(StrategyInputs { half_used: true, nesting_rejected: true, ..many }), (false, false));
    }

    #[test]
    fn auto_nests_if_nested_pages_are_about_as_quick() {
        let few = StrategyInputs { declared: 7, queued: 7, ..StrategyInputs::default() };
        assert_eq!(auto(few), (true, false));
        let second_page = |nested, plain| StrategyInputs {
            nested_took: Some(MS(nested)),
            plain_took: Some(MS(plain)),
            ..few
        };
        assert_eq!(auto(second_page(100, 50)), (false, false));
        assert_eq!(auto(second_page(60, 50)), (true, false));
    }

    #[test]
    fn an_explicit_strategy_is_obeyed_unless_nesting_is_rejected() {
        for (strategy, nested) in
            [(ReadStrategy::Nested, true), (ReadStrategy::Batch, false), (ReadStrategy::Direct, false)]
        {
            assert_eq!(choose(strategy, &StrategyInputs::default()).nested, nested);
            assert!(
                !choose(strategy, &StrategyInputs { nesting_rejected: true, ..StrategyInputs::default() })
                    .nested
            );
        }
    }
}
