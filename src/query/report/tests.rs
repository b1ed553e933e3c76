//! The numbers of a report add up on random worlds, and what differs from a snapshot is explained by the journal or called
//! outside.

use super::*;
use crate::model::{
    AdminRole, EarlierHolding, EarlierWabaAccess, HolderOf, Name, Outcome, RowReviews, Settled, Settlement,
    SnapshotMark, SystemUser, UserId,
};
use crate::plan::plan;
use crate::plan::tests::{desired, key, observed, state};
use crate::query::tests::{World, any_world};
use proptest::prelude::*;

const TAKEN: i64 = 100;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Makes a report of a world, and returns what `look` finds in it.
fn with_report<T>(
    world: &World,
    history: &History,
    period: Option<&HistoryFilter>,
    earlier: Option<&EarlierAccess>,
    look: impl FnOnce(&AccessReport<'_>) -> T,
) -> T {
    let (sources, policy, reviews) = (Sources::default(), Policy::default(), RowReviews::new());
    let planned = plan(&world.desired, &world.observed);
    let report = AccessReport::new(ReportBasis {
        evidence: Evidence { desired: &world.desired, observed: &world.observed, plan: &planned },
        sources: &sources,
        manifest_digest: "sha256:m",
        policy: &policy,
        narrowed_to: &[],
        live_source: &LiveSource::Api,
        created_at: at(900),
        journal: ReportJournal { history, is_kept: true, unreadable: None },
        period,
        earlier,
        last_review: None,
        reviews: &reviews,
        unread_reviews: &[],
    });
    look(&report)
}

proptest! {
    #[test]
    fn numbers_add_up(world in any_world()) {
        let nothing = History::default();
        let (counts, rows, managed) = with_report(&world, &nothing, None, None, |report| {
            let managed = report.answer.holders.iter().filter(|one| report.is_managed(one)).count();
            (report.counts(), report.answer.holders.len(), managed)
        });
        prop_assert!(counts.add_up(), "{:?}", counts);
        prop_assert_eq!((counts.holders, counts.managed), (rows, managed));
        prop_assert_eq!(counts.wabas, world.desired.scope.wabas.len());
        prop_assert_eq!(counts.wabas_unreadable, world.observed.unreadable.len());
    }
}

fn write(second: i64, user: u64, sets: [&str; 2], outcome: Option<Outcome>) -> RecordedWrite {
    let sets = sets.map(|names| TaskSet::from_names(names.split_whitespace()));
    RecordedWrite::example(at(second), key(1, user), sets, outcome)
}

fn set(names: &str) -> TaskSet {
    TaskSet::from_names(names.split_whitespace())
}

/// Compares an earlier set of user 1 on WABA 1 with a live one, and returns the difference: the number of writes that took
/// effect since, and what was gained and lost outside with the seconds between which that was.
fn compared(before: &str, writes: Vec<RecordedWrite>, after: &str) -> Option<(usize, Vec<String>)> {
    let live = (!after.is_empty()).then(|| (key(1, 1), set(after))).into_iter().collect();
    let world = World {
        desired: desired(crate::model::Prune::Declared, crate::model::State::default()),
        observed: observed(live),
    };
    let earlier = earlier(before);
    with_report(&world, &History::example(writes), None, Some(&earlier), |report| {
        let comparison = report.comparison.as_ref().unwrap();
        assert!(comparison.differences.len() <= 1, "{comparison:?}");
        let difference = comparison.differences.first()?;
        let outside = difference.outside.iter().map(|one| {
            let from = one.after.as_second();
            format!("+[{}] -[{}] {from}..{}", one.gained, one.lost, one.before.as_second())
        });
        Some((difference.writes.len(), outside.collect()))
    })
}

/// Returns a snapshot in which user 1 holds something on WABA 1.
fn earlier(held: &str) -> EarlierAccess {
    let waba = key(1, 1).waba;
    let mark = SnapshotMark {
        taken: at(TAKEN),
        business: "98".parse().unwrap(),
        acting_user: None,
        without_names: false,
        changed: false,
        left_out: BTreeSet::new(),
    };
    let known = EarlierWabaAccess { name: Name::from("one"), is_known: true };
    let mut earlier = EarlierAccess {
        mark,
        wabas: BTreeMap::from([(waba, known)]),
        held: BTreeMap::new(),
        system_users: BTreeMap::new(),
    };
    if !held.is_empty() {
        let holding =
            EarlierHolding { name: Name::from("bot"), holder: HolderOf::SystemUser, tasks: set(held) };
        earlier.held.insert(key(1, 1), holding);
    }
    earlier
}

#[test]
fn a_difference_that_runs_explain_is_not_outside() {
    let done = || Some(Outcome::Applied);
    assert_eq!(compared("DEVELOP", vec![], "DEVELOP"), None);
    let written = vec![write(200, 1, ["", "DEVELOP"], done())];
    assert_eq!(compared("", written, "DEVELOP"), Some((1, vec![])));
    let twice = vec![
        write(200, 1, ["DEVELOP", "VIEW_COST"], done()),
        write(
            300,
            1,
            ["VIEW_COST", "MANAGE"],
            Some(Outcome::StoredDifferently { stored: set("MANAGE VIEW_COST") }),
        ),
    ];
    assert_eq!(compared("DEVELOP", twice, "MANAGE VIEW_COST"), Some((2, vec![])));
    let before_the_snapshot = vec![write(50, 1, ["", "DEVELOP"], done())];
    assert_eq!(compared("DEVELOP", before_the_snapshot, "DEVELOP"), None);
}

#[test]
fn a_write_of_the_second_of_the_snapshot_may_be_in_it() {
    let at_once = |before| vec![write(TAKEN, 1, [before, "DEVELOP"], Some(Outcome::Applied))];
    assert_eq!(compared("DEVELOP", at_once(""), "DEVELOP"), None);
    assert_eq!(compared("", at_once(""), "DEVELOP"), Some((1, vec![])));
    let mut later = at_once("");
    later[0].at = at(TAKEN + 1);
    assert_eq!(compared("DEVELOP", later, "DEVELOP"), Some((1, vec!["+[] -[DEVELOP] 100..101".to_owned()])));
}

#[test]
fn what_no_run_explains_is_outside_even_if_a_run_took_it_back() {
    let done = || Some(Outcome::Applied);
    let gained = Some((0, vec!["+[MANAGE] -[] 100..900".to_owned()]));
    assert_eq!(compared("DEVELOP", vec![], "DEVELOP MANAGE"), gained);
    let failed =
        vec![write(200, 1, ["DEVELOP", "DEVELOP MANAGE"], Some(Outcome::Failed { error: "no".into() }))];
    assert_eq!(compared("DEVELOP", failed, "DEVELOP MANAGE"), gained);
    let restored = vec![write(200, 1, ["MANAGE", "DEVELOP"], done())];
    let back = Some((1, vec!["+[MANAGE] -[DEVELOP] 100..200".to_owned()]));
    assert_eq!(compared("DEVELOP", restored, "DEVELOP"), back);
    let after = vec![write(200, 1, ["", "DEVELOP"], done())];
    assert_eq!(compared("", after, ""), Some((1, vec!["+[] -[DEVELOP] 200..900".to_owned()])));
}

#[test]
fn a_write_of_unknown_outcome_explains_what_followed_if_that_is_what_it_wrote() {
    let unknown = |after| vec![write(200, 1, ["", after], None)];
    assert_eq!(compared("", unknown("DEVELOP"), "DEVELOP"), Some((1, vec![])));
    assert_eq!(
        compared("", unknown("DEVELOP"), "MANAGE"),
        Some((0, vec!["+[MANAGE] -[] 100..900".to_owned()]))
    );
    assert_eq!(compared("", unknown("DEVELOP"), ""), None);
}

#[test]
fn wabas_that_are_not_known_are_not_compared_and_new_admins_are_found() {
    let live = state(&["1 1 DEVELOP", "2 1 DEVELOP"]);
    let mut world = World {
        desired: desired(crate::model::Prune::Declared, crate::model::State::default()),
        observed: observed(live),
    };
    let user: UserId = "1".parse().unwrap();
    world.desired.own_users.insert(user, SystemUser { name: Name::from("bot"), role: AdminRole::Admin });
    let mut earlier = earlier("");
    earlier.wabas.get_mut(&key(1, 1).waba).unwrap().is_known = false;
    earlier.system_users.insert(user, (Name::from("bot"), AdminRole::Employee));
    with_report(&world, &History::default(), None, Some(&earlier), |report| {
        let comparison = report.comparison.as_ref().unwrap();
        assert_eq!(comparison.not_compared, BTreeMap::from([(key(1, 1).waba, NotCompared::UnreadableThen)]));
        assert_eq!(comparison.compared + comparison.not_compared.len(), world.desired.scope.wabas.len());
        let differ: Vec<_> = comparison.differences.iter().map(|one| one.key).collect();
        assert_eq!(differ, [key(2, 1)], "a WABA that is new to the snapshot is compared");
        let became = comparison.roles.iter().any(|role| role.user == user && role.is_admin);
        assert!(became, "{comparison:?}");
        assert!(report.gaps().contains(&Gap::NotCompared(key(1, 1).waba, NotCompared::UnreadableThen)));
    });
}

#[test]
fn changes_of_a_period_have_their_proof_and_add_up() {
    let one_of_each = Outcome::one_of_each("no", &set("DEVELOP"));
    let number = one_of_each.len();
    let mut writes: Vec<RecordedWrite> = one_of_each
        .into_iter()
        .map(Some)
        .chain([None])
        .zip(0..)
        .map(|(outcome, second)| write(second, 1, ["", "DEVELOP"], outcome))
        .collect();
    let mut settled = write(50, 1, ["", "DEVELOP"], None);
    let found = set("DEVELOP");
    settled.settled = Some(Settled { at: at(60), run: "later".into(), found, how: Settlement::TookEffect });
    writes.push(settled);
    writes.push(write(86_400, 1, ["", "DEVELOP"], Some(Outcome::Applied)));
    let period = HistoryFilter { until: "1970-01-01".parse().ok(), ..HistoryFilter::default() };
    let world = World {
        desired: desired(crate::model::Prune::Declared, crate::model::State::default()),
        observed: observed(crate::model::State::default()),
    };
    with_report(&world, &History::example(writes), Some(&period), None, |report| {
        let changes = report.changes.as_ref().unwrap();
        let counts = PeriodCounts::of(changes);
        assert!(counts.add_up(), "{counts:?}");
        assert_eq!((counts.changes, counts.runs), (number + 2, 1), "the last one is of the next day");
        assert_eq!((counts.proven, counts.accepted_not_listed, counts.unknown), (3, 1, 2), "{counts:?}");
        assert_eq!((counts.otherwise, counts.without_effect), (3, 2), "{counts:?}");
        assert_eq!(changes.last().unwrap().proof, Proof::LaterRead(at(60), "later"));
    });
}
