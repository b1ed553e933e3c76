use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace { interval: Duration::from_secs(600), longest: Duration::from_secs(3600) };

/// Returns the pauses after rounds that end so, one after the other, in seconds.
fn pauses(ends: &[RoundEnd], random: f64) -> Vec<u64> {
    let mut standing = Standing::default();
    let next = |end: &RoundEnd| {
        PACE.next(&mut standing, end.clone(), Extent::Whole, Duration::ZERO, random).wait.as_secs()
    };
    ends.iter().map(next).collect()
}

fn refused(digest: &str) -> RoundEnd {
    RoundEnd::Refused { digest: digest.to_owned() }
}

#[test]
fn pauses_after_failures_double_up_to_the_interval_and_begin_anew_after_a_success() {
    let failed = vec![RoundEnd::Failed; 9];
    assert_eq!(pauses(&failed, 1.0), [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    assert_eq!(pauses(&failed, 0.0), [2, 5, 10, 20, 40, 80, 160, 300, 300]);
    let (failed, good) = (RoundEnd::Failed, RoundEnd::InSync);
    assert_eq!(pauses(&[failed.clone(), failed.clone(), good, failed], 1.0), [5, 10, 600, 5]);
    let forever = vec![RoundEnd::TokenRefused; 200];
    assert_eq!(pauses(&forever, 1.0).last(), Some(&600), "however often");
}

#[test]
fn each_end_has_its_pause() {
    for (end, seconds) in [
        (RoundEnd::InSync, 600),
        (RoundEnd::Drift, 600),
        (RoundEnd::Applied, 600),
        (refused("a"), 600),
        (RoundEnd::Held, 120),
        (RoundEnd::Partial, 5),
        (RoundEnd::NoManifests, 5),
        (RoundEnd::TokenRefused, 5),
        (RoundEnd::Throttled, 5),
        (RoundEnd::Failed, 5),
    ] {
        assert_eq!(pauses(std::slice::from_ref(&end), 1.0), [seconds], "{end:?}");
    }
}

#[test]
fn a_short_interval_limits_every_pause() {
    let pace = Pace { interval: Duration::from_secs(1), ..PACE };
    for end in [RoundEnd::Held, RoundEnd::Failed, RoundEnd::InSync] {
        let next = pace.next(&mut Standing::default(), end, Extent::Whole, Duration::ZERO, 1.0);
        assert_eq!(next.wait, Duration::from_secs(1));
    }
}

#[test]
fn a_refused_plan_is_news_once_and_waits_until_another_plan_is_made() {
    let mut standing = Standing::default();
    let mut round = |end: RoundEnd, minute: u32| {
        let next = PACE.next(&mut standing, end, Extent::Whole, MINUTE * minute, 0.0);
        let since = standing.refused.as_ref().map(|(digest, since)| (digest.clone(), since.as_secs() / 60));
        (next.is_news, since)
    };
    let since = |digest: &str, minute| Some((digest.to_owned(), minute));
    assert_eq!(round(refused("a"), 1), (true, since("a", 1)));
    assert_eq!(round(refused("a"), 11), (false, since("a", 1)));
    assert_eq!(round(RoundEnd::Failed, 21), (true, since("a", 1)), "nothing is known of the plan");
    assert_eq!(round(refused("a"), 31), (true, since("a", 1)));
    assert_eq!(round(refused("b"), 41), (true, since("b", 41)));
    assert_eq!(round(RoundEnd::Applied, 51), (true, None));
}

#[test]
fn a_round_of_some_wabas_says_nothing_about_the_others() {
    let mut standing = Standing::default();
    PACE.next(&mut standing, refused("a"), Extent::Whole, MINUTE, 0.0);
    PACE.next(&mut standing, RoundEnd::Applied, Extent::Some, MINUTE * 2, 0.0);
    assert_eq!(standing.refused, Some((String::from("a"), MINUTE)));
    assert_eq!((standing.last_read, standing.last_success), (Some(MINUTE), Some(MINUTE)));
}

#[test]
fn it_is_ready_after_a_read_until_that_is_too_old_or_token_or_manifests_cannot_be_used() {
    let mut standing = Standing::default();
    assert!(PACE.unready(&standing, Duration::ZERO).is_some(), "nothing was read");
    PACE.next(&mut standing, RoundEnd::Failed, Extent::Whole, MINUTE, 0.0);
    assert!(PACE.unready(&standing, MINUTE).is_some(), "still nothing");
    PACE.next(&mut standing, RoundEnd::Partial, Extent::Whole, MINUTE * 2, 0.0);
    assert_eq!(PACE.unready(&standing, MINUTE * 33), None);
    assert_eq!(PACE.unready(&standing, MINUTE * 34), Some("the last read of live access is too old"));
    PACE.next(&mut standing, RoundEnd::Failed, Extent::Whole, MINUTE * 3, 0.0);
    assert_eq!(PACE.unready(&standing, MINUTE * 4), None, "one failure is none yet");
    for end in [RoundEnd::TokenRefused, RoundEnd::NoManifests] {
        PACE.next(&mut standing, end, Extent::Whole, MINUTE * 5, 0.0);
        assert!(PACE.unready(&standing, MINUTE * 5).is_some());
    }
}

#[test]
fn a_round_is_stuck_after_the_longest_time() {
    assert!(!PACE.is_stuck(MINUTE, MINUTE * 61));
    assert!(PACE.is_stuck(MINUTE, MINUTE * 61 + Duration::from_secs(1)));
}

#[test]
fn each_end_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<&str> = RoundEnd::WORDS.into();
    assert_eq!(words.len(), RoundEnd::WORDS.len());
    assert_eq!(RoundEnd::Interrupted.word(), "interrupted");
    assert_eq!(refused("a").word(), "refused");
}
