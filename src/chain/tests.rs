//! The operations alone, with answers that are written down. `examples/state` plays them against each other.

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn claim(run: &str) -> Claim {
    Claim {
        run: run.into(),
        at: "2026-11-23T10:00:00Z".into(),
        holder: serde_json::json!({ "pid": 7 }),
        copies_from: None,
    }
}

fn body(at: u64, run: &str, what: What) -> Body {
    let (run, at_time) = (run.to_owned(), String::from("2026-11-23T10:00:00Z"));
    let lease = seconds(120);
    let (holder, copies_from, moved_to) = (None, None, None);
    Header { seq: at, run, what, term: 1, at: at_time, lease, holder, copies_from, moved_to }
        .with_lines(b"")
        .into()
}

fn append() -> Append {
    Append::new(7, body(7, "mine", What::Write), seconds(100), &Timing::default())
}

#[test]
fn an_answer_other_than_created_is_settled_by_reading() {
    for answer in [Answer::Exists, Answer::Failed] {
        let mut append = append();
        assert_eq!(append.answer(&answer, seconds(101)), None);
        assert_eq!(append.ask(), Ask::Get(7));
        let mine = Answer::Found(body(7, "mine", What::Write));
        assert_eq!(append.clone().answer(&mine, seconds(101)), Some(Appended::Mine));
        let other = body(7, "other", What::Takeover);
        assert_eq!(append.answer(&Answer::Found(other.clone()), seconds(101)), Some(Appended::Theirs(other)));
    }
}

#[test]
fn the_same_object_is_put_again_until_the_time_is_over() {
    let mut append = append();
    let first = append.ask();
    for (now, expected) in [(100, None), (107, None), (114, None), (115, Some(Appended::Unsettled))] {
        assert_eq!(append.ask(), first);
        assert_eq!(append.answer(&Answer::Failed, seconds(now)), None);
        assert_eq!(append.answer(&Answer::Missing, seconds(now)), expected, "{now}");
        append.answer(&Answer::Waited, seconds(now));
    }
}

/// Plays answers, and returns what was asked and the result.
fn play(acquire: &mut Acquire, answers: &[(u64, Answer)]) -> (Vec<String>, Option<Acquired>) {
    let mut asked = Vec::new();
    for (now, answer) in answers {
        asked.push(match acquire.ask() {
            Ask::Put(at, body) => format!("put {at} {:?}", split(at, &body).expect("a header").0.what),
            other @ (Ask::Get(_) | Ask::List(_) | Ask::Wait(_)) => format!("{other:?}"),
        });
        if let Some(result) = acquire.answer(answer.clone(), seconds(*now)) {
            return (asked, Some(result));
        }
    }
    (asked, None)
}

#[test]
fn a_free_lease_is_taken_at_the_end_of_the_chain() {
    let mut empty = Acquire::new(claim("mine"), 0, false, seconds(0), Timing::default());
    let (asked, taken) = play(&mut empty, &[(1, Answer::Listed(Vec::new())), (2, Answer::Created)]);
    assert_eq!(asked, ["List(0)", "put 1 Take"]);
    assert_eq!(taken, Some(Acquired::Taken { at: 1, began: seconds(1), from: None }));
    let mut later = Acquire::new(claim("mine"), 3, false, seconds(0), Timing::default());
    let released = Answer::Found(body(5, "other", What::Release));
    let (asked, taken) =
        play(&mut later, &[(1, Answer::Listed(vec![4, 5])), (2, released), (3, Answer::Created)]);
    assert_eq!(asked, ["List(3)", "Get(5)", "put 6 Take"]);
    assert_eq!(taken, Some(Acquired::Taken { at: 6, began: seconds(2), from: None }));
}

#[test]
fn a_lease_is_taken_over_only_after_the_chain_stood_still_for_its_time() {
    let held = |at| Answer::Found(body(at, "other", What::Beat));
    let nothing = || Answer::Listed(Vec::new());
    let mut acquire = Acquire::new(claim("mine"), 0, true, seconds(0), Timing::default());
    let answers = [
        (1, Answer::Listed(vec![1])),
        (1, held(1)),
        (6, Answer::Waited),
        (6, nothing()),
        (100, Answer::Waited),
        // The holder is alive: its time begins again.
        (100, Answer::Listed(vec![2])),
        (101, held(2)),
        (219, Answer::Waited),
        (220, nothing()),
        (221, Answer::Waited),
        (221, nothing()),
    ];
    assert_eq!(play(&mut acquire, &answers).1, None);
    let Ask::Put(3, body) = acquire.ask() else { panic!("{:?}", acquire.ask()) };
    assert_eq!(split(3, &body).map(|(header, _)| header.what), Ok(What::Takeover));
    let Some(Acquired::Taken { at: 3, from: Some(from), .. }) = acquire.answer(Answer::Created, seconds(222))
    else {
        panic!("it is taken")
    };
    assert_eq!((&*from.run, from.what), ("other", What::Beat));
}

#[test]
fn without_waiting_the_holder_is_the_result() {
    let mut acquire = Acquire::new(claim("mine"), 0, false, seconds(0), Timing::default());
    let held = Answer::Found(body(1, "other", What::Take));
    let (_, result) = play(&mut acquire, &[(1, Answer::Listed(vec![1])), (1, held)]);
    let Some(Acquired::Held(header)) = result else { panic!("{result:?}") };
    assert_eq!(header.run, "other");
}

#[test]
fn a_gap_and_an_unknown_object_are_refused() {
    let gap = || (1, Answer::Listed(vec![1, 3]));
    let mut acquire = Acquire::new(claim("mine"), 0, true, seconds(0), Timing::default());
    assert_eq!(
        play(&mut acquire, &[gap(), gap(), gap()]).1,
        Some(Acquired::Gap(2)),
        "a list may miss a file once"
    );
    let mut acquire = Acquire::new(claim("mine"), 9, true, seconds(0), Timing::default());
    let lost = [(1, Answer::Listed(Vec::new())), (1, Answer::Missing)];
    assert_eq!(play(&mut acquire, &lost).1, Some(Acquired::Gap(9)), "the journal was removed");
    let newer = String::from_utf8_lossy(&body(1, "other", What::Take)).replace("\"v\":1", "\"v\":2");
    for (text, expected) in [
        (newer.as_str(), BadSegment::Newer(2)),
        ("{}", BadSegment::Other("it has no first line".into())),
        ("{\"v\":1}\n", BadSegment::Other("missing field `kind`".into())),
    ] {
        let mut acquire = Acquire::new(claim("mine"), 0, true, seconds(0), Timing::default());
        let found = Answer::Found(text.as_bytes().into());
        let (_, result) = play(&mut acquire, &[(1, Answer::Listed(vec![1])), (1, found)]);
        assert_eq!(result, Some(Acquired::Bad(1, expected)));
    }
}

#[test]
fn a_holder_sends_only_while_its_newest_put_is_new_and_never_after_a_loss() {
    let timing = Timing::default();
    let mut tenure = Tenure::new(&claim("mine"), 4, seconds(10), timing);
    assert!(tenure.may_send(seconds(40)) && !tenure.may_send(seconds(41)));
    assert_eq!(tenure.until_beat(true, seconds(20)), seconds(5));
    assert_eq!(tenure.until_beat(false, seconds(20)), seconds(35));
    let append = tenure.append(What::Beat, b"", "now", seconds(41)).expect("it is held");
    assert_eq!(append.at(), 5);
    assert_eq!(tenure.note(&append, What::Beat, &Appended::Mine, seconds(41)), Ok(()));
    assert!(tenure.may_send(seconds(71)), "by the time at which the put began");
    let append = tenure.append(What::Write, b"{}\n", "now", seconds(60)).expect("it is held");
    let other = body(6, "other", What::Takeover);
    assert_eq!(tenure.note(&append, What::Write, &Appended::Theirs(other), seconds(60)), Err(Lost::Fenced));
    assert!(!tenure.may_send(seconds(60)));
    assert_eq!(tenure.append(What::Beat, b"", "now", seconds(60)), Err(Lost::Fenced));
}

#[test]
fn after_a_long_silence_nothing_is_appended_and_no_answer_counts() {
    let day = 24 * 3600;
    let mut tenure = Tenure::new(&claim("mine"), 4, seconds(10), Timing::default());
    assert_eq!(tenure.append(What::Beat, b"", "now", seconds(11 + day)), Err(Lost::Stale));
    let append = tenure.append(What::Beat, b"", "now", seconds(10 + day)).expect("it is held");
    // Its position may have been used, and removed, since it was asked for.
    assert_eq!(tenure.note(&append, What::Beat, &Appended::Mine, seconds(11 + 2 * day)), Err(Lost::Stale));
    assert!(!tenure.may_send(seconds(11 + 2 * day)));
    let mut acquire = Acquire::new(claim("mine"), 0, true, seconds(0), Timing::default());
    assert_eq!(acquire.answer(Answer::Listed(Vec::new()), seconds(1)), None);
    assert_eq!(acquire.answer(Answer::Created, seconds(2 + day)), Some(Acquired::Unsettled));
    let mut acquire = Acquire::new(claim("mine"), 0, true, seconds(0), Timing::default());
    assert_eq!(acquire.answer(Answer::Listed(Vec::new()), seconds(1 + day)), Some(Acquired::Unsettled));
}

#[test]
fn a_chain_that_moved_is_taken_by_nobody_and_an_incomplete_copy_only_to_complete_it() {
    let (from, other) = (String::from("file:///a"), String::from("file:///b"));
    let mut tenure = Tenure::new(&claim("mine"), 4, seconds(10), Timing::default());
    let moved = tenure.append_moved("s3://a/b", "now", seconds(11)).expect("it is held");
    let Ask::Put(5, moved_body) = moved.ask() else { panic!("{:?}", moved.ask()) };
    assert_eq!(tenure.note(&moved, What::Moved, &Appended::Mine, seconds(11)), Ok(()));
    assert_eq!(tenure.append(What::Beat, b"", "now", seconds(11)), Err(Lost::Released));
    let copying = |copies_from: Option<&String>| Claim { copies_from: copies_from.cloned(), ..claim("mine") };
    let taken = |claim: Claim, at, body: Body| {
        let mut acquire = Acquire::new(claim, at - 1, true, seconds(0), Timing::default());
        acquire.answer(Answer::Listed(vec![at]), seconds(1));
        acquire.answer(Answer::Found(body), seconds(1))
    };
    for claim in [copying(None), copying(Some(&from))] {
        assert_eq!(taken(claim, 5, moved_body.clone()), Some(Acquired::Moved("s3://a/b".into())));
    }
    let mut copier = Tenure::new(&copying(Some(&from)), 1, seconds(10), Timing::default());
    let part = copier.append(What::Import, b"{}\n", "now", seconds(11)).expect("it is held");
    let Ask::Put(2, incomplete) = part.ask() else { panic!("{:?}", part.ask()) };
    assert_eq!(
        taken(copying(Some(&from)), 2, incomplete.clone()),
        None,
        "it waits until the other one is silent"
    );
    for claim in [copying(None), copying(Some(&other))] {
        let taken = taken(claim, 2, incomplete.clone());
        assert!(matches!(taken, Some(Acquired::Incomplete(_))), "{taken:?}");
    }
    assert_eq!(copier.note(&part, What::Import, &Appended::Mine, seconds(11)), Ok(()));
    copier.note_copied();
    let end = copier.append(What::Release, b"", "now", seconds(12)).expect("it is held");
    let Ask::Put(3, complete) = end.ask() else { panic!("{:?}", end.ask()) };
    assert_eq!(taken(copying(None), 3, complete.clone()), None, "it can be taken");
    assert_eq!(taken(copying(Some(&from)), 3, complete), Some(Acquired::NotEmpty));
}

#[test]
fn a_release_by_force_takes_the_lease_only_from_the_run_that_is_named() {
    let release = |of: &str| Release::new(claim("mine"), of.into(), 0, seconds(0), Timing::default());
    let held = Answer::Found(body(1, "other", What::Write));
    let mut of_other = release("someone");
    assert_eq!(of_other.answer(Answer::Listed(vec![1]), seconds(1)), None);
    assert!(matches!(of_other.answer(held.clone(), seconds(1)), Some(Forced::OfOther(_))));
    let mut forced = release("other");
    forced.answer(Answer::Listed(vec![1]), seconds(1));
    assert_eq!(forced.answer(held, seconds(1)), None);
    // The holder appends at the same time; its next append finds the release.
    forced.answer(Answer::Exists, seconds(1));
    assert_eq!(forced.answer(Answer::Found(body(2, "other", What::Beat)), seconds(1)), None);
    let Ask::Put(3, put) = forced.ask() else { panic!("{:?}", forced.ask()) };
    assert_eq!(split(3, &put).map(|(header, _)| header.what), Ok(What::ForcedRelease));
    let Some(Forced::Released(last)) = forced.answer(Answer::Created, seconds(2)) else { panic!("released") };
    assert_eq!(last.what, What::Beat);
    let mut free = release("other");
    free.answer(Answer::Listed(vec![1]), seconds(1));
    let released = Answer::Found(body(1, "other", What::Release));
    assert_eq!(free.answer(released, seconds(1)), Some(Forced::Free));
}

#[test]
fn an_object_survives_a_round_trip() {
    let header = Header {
        seq: 12,
        run: "a\u{1b}b".into(),
        what: What::Import,
        term: 9,
        at: "2026-11-23T10:00:00Z".into(),
        lease: seconds(120),
        holder: Some(serde_json::json!({ "pid": 4711 })),
        copies_from: Some("file:///a".into()),
        moved_to: None,
    };
    let body = header.with_lines(b"{\"kind\":\"run\"}\n");
    assert_eq!(split(12, &body), Ok((header.clone(), &b"{\"kind\":\"run\"}\n"[..])));
    assert!(split(13, &body).is_err(), "of another position");
    assert!(split(12, &body[..body.len() - 1]).is_err(), "cut off");
}
