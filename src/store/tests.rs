//! What a journal keeps through crashes, and when it refuses to go on.

mod filter;
mod migrate;
mod retention;
mod shared;

use super::history::Builder;
use super::state::{JOURNAL, businesses, folder, journal_path};
use super::*;
use crate::model::{
    AssignmentKey, Because, BusinessId, Change, GrantSource, Name, Position, Prune, ReportedChange, SourceId,
    Task, WhyGone,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SECRET: &str = "a\u{1b}[31m\u{202e}b\n";

fn business() -> BusinessId {
    "98".parse().expect("an id")
}

fn sources() -> Sources {
    let mut sources = Sources::default();
    sources.add("access/access.yaml", "");
    sources
}

fn plan(changes: usize) -> Plan {
    let at = Position { source: SourceId(0), line: 31, column: 5 };
    let source = Arc::new(GrantSource {
        path: "grants[2]".to_owned(),
        name: None,
        reason: Some(SECRET.into()),
        from: None,
        until: None,
        at,
    });
    let changes = (0..changes).map(|index| Change {
        key: AssignmentKey {
            waba: format!("50{index}").parse().expect("an id"),
            user: "11".parse().expect("an id"),
        },
        before: TaskSet::from_names(["DEVELOP", SECRET]),
        after: [Task::Manage].into(),
        because: Because {
            grants: vec![source.clone()],
            gone: Some((Prune::Declared, vec![WhyGone::Expired(source.clone()), WhyGone::Declared(at)])),
        },
        blocked: None,
        admin: true,
        split: false,
    });
    Plan {
        changes: changes.collect(),
        waba_names: BTreeMap::from([("500".parse().expect("an id"), "acme-eu".into())]),
        user_names: BTreeMap::from([("11".parse().expect("an id"), SECRET.into())]),
        ..Plan::empty(business(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
    }
}

fn taken(state_dir: &Path) -> Lock {
    match Lock::try_take(state_dir, business()).expect("locks work here") {
        Attempt::Taken(lock) => lock,
        Attempt::Held(holder) => panic!("held by {holder}"),
    }
}

fn proposal() -> Proposal {
    let plan = Plan {
        acting_user: "12".parse().ok(),
        ..Plan::empty(business(), crate::model::start_of_day(jiff::civil::date(2026, 11, 23)))
    };
    Proposal {
        acting_user_name: Some("ci-admin".into()),
        manifest_digest: "sha256:02".to_owned(),
        sources: sources(),
        ..Proposal::without_evidence(plan)
    }
}

async fn opened(state_dir: &Path) -> Result<(Journal, History), JournalError> {
    let clock = Clock::real();
    // A run that was given up may still hold the lock while it finishes a line.
    let lock = Lock::wait(state_dir, business(), &clock).await?;
    let in_flight = read(&journal_path(state_dir, business()), Keep::InFlight)?;
    let waivers = ["max-removals".to_owned()];
    Ok((Journal::open(lock, &in_flight, &proposal(), &waivers, &origin(), &clock).await?, in_flight))
}

fn origin() -> Origin {
    Origin::recorded([("actor".into(), SECRET.into()), ("commit".into(), "0a1b2c3".into())])
}

fn report(plan: &Plan, outcome: &Outcome) -> Report {
    let changes = plan.changes.iter().cloned();
    let changes = changes.map(|change| ReportedChange { change, outcome: outcome.clone() }).collect();
    Report { changes, stopped: Some(SECRET.to_owned()), wrote: true, ..Report::default() }
}

fn all(state_dir: &Path) -> History {
    read(&journal_path(state_dir, business()), Keep::All).expect("it can be read")
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(2);
    let (journal, earlier) = opened(state.path()).await.expect("it opens");
    assert_eq!(earlier, History::default());
    let id = journal.intent(&plan, &plan.changes[0]).await.expect("it is written");
    assert_eq!(id.number(), 1);
    let outcome = Outcome::StoredDifferently { stored: TaskSet::from_names(["MANAGE", SECRET]) };
    journal.outcome(id, &outcome, &["AbC".to_owned()]).await.expect("it is written");
    let ids = journal.intents(&plan, &plan.changes).await.expect("they are written");
    assert_eq!(ids.iter().map(|id| id.number()).collect::<Vec<_>>(), [2, 3]);
    let run = journal.run().to_owned();
    journal.end(&report(&plan, &Outcome::Applied)).await.expect("it is written");

    let history = all(state.path());
    assert_eq!((history.broken_lines, history.torn, history.runs.len()), (0, None, 1));
    let recorded = &history.runs[0];
    assert_eq!((recorded.id.as_str(), recorded.business), (&*run, business()));
    assert_eq!(recorded.acting_user, Some(("12".parse().expect("an id"), "ci-admin".into())));
    assert_eq!(recorded.by.pid, std::process::id());
    assert_eq!(recorded.origin, origin());
    assert_eq!(recorded.waivers, ["max-removals".into()]);
    assert_eq!(recorded.plan_digest.as_str(), proposal().plan_digest());
    assert_eq!(recorded.manifest_digest.as_str(), "sha256:02");
    let end = recorded.end.as_ref().expect("it ended");
    assert_eq!((end.done, end.not_done), (2, 0));
    let write = &recorded.writes[0];
    assert_eq!(
        (write.key, &write.before, &write.after),
        (plan.changes[0].key, &plan.changes[0].before, &plan.changes[0].after)
    );
    assert_eq!((write.waba_name.as_str(), write.user_name.as_str()), ("acme-eu", SECRET));
    let known = write.outcome.as_ref().expect("it has one");
    assert_eq!((&known.outcome, known.traces.as_slice()), (&outcome, &["AbC".into()][..]));
    assert_eq!((&write.because, write.more, write.admin), (&plan.changes[0].because, 0, true));
    assert_eq!(history.sources, sources());
    assert_eq!(history.in_flight().map(|(_, write)| write.number).collect::<Vec<_>>(), [2, 3]);

    let text = fs::read_to_string(journal_path(state.path(), business())).expect("a file");
    assert!(text.lines().all(|line| crate::text::escape(line).len() == line.len()), "{text}");
}

#[tokio::test]
async fn every_outcome_comes_back_as_it_went_in() {
    let state = tempfile::tempdir().expect("a folder");
    let outcomes = Outcome::one_of_each("(#200) no", &TaskSet::from_names(["VIEW_COST", "NEW"]));
    let plan = plan(outcomes.len());
    let (journal, _) = opened(state.path()).await.expect("it opens");
    let ids = journal.intents(&plan, &plan.changes).await.expect("they are written");
    for (id, outcome) in ids.iter().zip(&outcomes) {
        journal.outcome(*id, outcome, &[]).await.expect("it is written");
    }
    let history = all(state.path());
    let known =
        history.runs[0].writes.iter().map(|write| &write.outcome.as_ref().expect("it has one").outcome);
    assert_eq!(known.collect::<Vec<_>>(), outcomes.iter().collect::<Vec<_>>());
}

/// Writes many intents at once, and gives how often the disk was asked.
async fn syncs_of(intents: usize) -> u64 {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(intents);
    let (journal, _) = opened(state.path()).await.expect("it opens");
    let Log::File { file, .. } = &journal.shared.log else { panic!("a file") };
    let busy = Arc::clone(file).lock_owned().await;
    let each = plan.changes.iter().map(|change| journal.intent(&plan, change));
    // All have come once the file is let go.
    let (ids, ()) = tokio::join!(futures_util::future::join_all(each), async { drop(busy) });
    assert!(ids.iter().all(Result::is_ok));
    assert_eq!(all(state.path()).in_flight().count(), intents);
    journal.syncs()
}

#[tokio::test]
async fn one_sync_covers_all_that_wait() {
    assert_eq!(syncs_of(100).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sync_covers_all_that_wait_on_many_threads() {
    assert_eq!(syncs_of(100).await, 1);
}

#[tokio::test]
async fn a_batch_takes_one_sync() {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(50);
    let (journal, _) = opened(state.path()).await.expect("it opens");
    journal.intents(&plan, &plan.changes).await.expect("they are written");
    assert_eq!(journal.syncs(), 1);
    assert!(journal.intents(&plan, []).await.expect("nothing to do").is_empty());
}

#[tokio::test]
async fn what_is_in_flight_is_reported_until_it_is_settled() {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(3);
    let (journal, _) = opened(state.path()).await.expect("it opens");
    let ids = journal.intents(&plan, &plan.changes).await.expect("they are written");
    journal.outcome(ids[1], &Outcome::Applied, &[]).await.expect("it is written");
    let first = journal.run().to_owned();
    drop(journal);

    let (journal, earlier) = opened(state.path()).await.expect("it opens");
    let known: Vec<_> = earlier.in_flight().map(|(run, write)| (run.id.as_str(), write.number)).collect();
    assert_eq!(known, [(&*first, 1), (&*first, 3)]);
    let (run, write) = earlier.in_flight().next().expect("the first");
    journal.settled(run, write, &write.after, Settlement::TookEffect).await.expect("it is written");
    journal.end(&Report::default()).await.expect("it is written");

    let (journal, earlier) = opened(state.path()).await.expect("it opens");
    let (run, write) = earlier.in_flight().next().expect("the other one");
    assert_eq!((write.number, earlier.in_flight().count()), (3, 1));
    journal.settled(run, write, &TaskSet::EMPTY, Settlement::Different).await.expect("it is written");
    journal.end(&Report::default()).await.expect("it is written");

    let (_, earlier) = opened(state.path()).await.expect("it opens");
    assert_eq!(earlier, History::default());
    let history = all(state.path());
    assert_eq!((history.runs.len(), history.broken_lines, history.in_flight().count()), (4, 0, 0));
    let settled = history.runs[0].writes[2].settled.as_ref().expect("it is settled");
    assert_eq!((settled.how, settled.run.as_str()), (Settlement::Different, history.runs[2].id.as_str()));
}

#[tokio::test]
async fn a_line_that_was_cut_off_anywhere_harms_no_other() {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(2);
    let (journal, _) = opened(state.path()).await.expect("it opens");
    journal.intents(&plan, &plan.changes).await.expect("they are written");
    drop(journal);
    let file = journal_path(state.path(), business());
    // Only once what was given up has let go of the lock does nobody write any more.
    drop(Lock::wait(state.path(), business(), &Clock::real()).await);
    let whole = fs::read(&file).expect("a file");
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("three lines") + 1;
    for cut in last..whole.len() {
        fs::write(&file, &whole[..cut]).expect("a file");
        let is_whole = cut == whole.len() - 1;
        let history = all(state.path());
        let expected = if cut == last || is_whole { None } else { Some(3) };
        assert_eq!((history.torn, history.broken_lines), (expected, 0), "cut at {cut}");
        assert_eq!(history.in_flight().count(), 1 + usize::from(is_whole), "cut at {cut}");
        // Whoever goes on leaves the torn line alone on its line.
        let mut log = LogFile::open(&file).expect("it opens");
        let text = br#"{"kind":"end","v":1,"at":"2026-11-23T10:00:00.000Z","run":"x","writes":0,"done":0,"not_done":0,"in_flight":0}"#;
        log.append(&[text, &b"\n"[..]].concat(), false).expect("it is written");
        let after = all(state.path());
        let broken: Vec<u64> = after.broken.iter().map(|line| line.line).collect();
        let mut expected: Vec<u64> = expected.into_iter().collect();
        // That end is of a run that never began, so that it is known too, on a line of its own.
        expected.push(if cut == last { 3 } else { 4 });
        assert_eq!((broken, after.torn), (expected, None), "cut at {cut}");
        assert_eq!(after.in_flight().count(), history.in_flight().count(), "cut at {cut}");
    }
}

#[test]
fn broken_lines_are_reported_and_skipped() {
    let long = "x".repeat(line::LINE_LIMIT + 1);
    let run = |id: &str| {
        format!(
            r#"{{"kind":"run","v":1,"at":"2026-11-23T10:00:00Z","run":"{id}","business":"98","by":{{"pid":1}},"version":"0","plan_digest":"","manifest_digest":"","waivers":[],"more":"that a later version says"}}"#
        )
    };
    let newer = r#"{"kind":"new","v":3}"#;
    let strange = r#"{"kind":"new","v":1}"#;
    let orphan = r#"{"kind":"end","v":1,"at":"2026-11-23T10:00:00Z","run":"none","writes":0,"done":0,"not_done":0,"in_flight":0}"#;
    let bad_id = run("c").replace("\"98\"", "\"09\"");
    let lines = [&*run("a"), "\u{1b}[31m", &long, newer, strange, orphan, &bad_id, "", &run("a"), &run("b")];
    let text = lines.join("\n") + "\n\0\0\0";
    let (history, _) =
        read::read_lines(text.as_bytes(), Builder::new(Keep::All)).expect("memory can be read");
    assert_eq!(history.runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let known: Vec<String> =
        history.broken.iter().map(|line| format!("{}: {}", line.line, line.why)).collect();
    assert_eq!((history.broken_lines, history.torn), (known.len(), Some(11)));
    insta::assert_snapshot!(known.join("\n"), @r"
    2: it is not a line of a journal: expected value at column 1
    3: it is longer than 1048576 bytes
    4: it is of version 3, and this program reads versions 1 and 2
    5: it is not a line `new`: unknown variant `new`, expected one of `run`, `intent`, `outcome`, `settled`, `end`, `moved`, `checkpoint` at column 13
    6: it speaks of a run that never began
    7: it is not a line `run`: `09` is not valid: it begins with a zero
    9: a run of this id began before
    ");
}

#[tokio::test]
async fn lines_of_both_versions_are_read_from_one_file() {
    let state = tempfile::tempdir().expect("a folder");
    drop(taken(state.path()));
    let old = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/journal-1.jsonl"));
    fs::write(journal_path(state.path(), business()), old.expect("a file")).expect("a file");
    let (journal, earlier) = opened(state.path()).await.expect("it opens");
    let in_flight: Vec<_> = earlier.in_flight().map(|(run, write)| (run.id.as_str(), write.number)).collect();
    assert_eq!(in_flight, [("20261125T221942Z-abe28979", 7)]);
    let (run, write) = earlier.in_flight().next().expect("one");
    journal.settled(run, write, &write.after, Settlement::TookEffect).await.expect("it is written");
    journal.intents(&plan(1), &plan(1).changes).await.expect("they are written");

    let history = all(state.path());
    let broken: Vec<u64> = history.broken.iter().map(|line| line.line).collect();
    assert_eq!((broken, history.torn, history.runs.len()), (vec![14], None, 3), "line 14 was torn");
    let first = &history.runs[0];
    assert_eq!((first.by.host.as_ref(), first.by.pid), (Some(&"build-7".into()), 4711));
    assert_eq!(first.acting_user, Some(("1972385232742140".parse().expect("an id"), "CI Admin".into())));
    let [one, two, three, four, .., seven] = first.writes.as_slice() else { panic!("seven writes") };
    assert_eq!((one.waba_name.as_str(), one.user_name.as_str()), ("acme-eu", "summer-campaign"));
    assert_eq!((one.before.to_string(), one.after.is_empty()), ("MANAGE_TEMPLATES, MESSAGING".into(), true));
    assert_eq!(one.outcome.as_ref().map(|known| &known.outcome), Some(&Outcome::Applied));
    let place = |line| Position { source: SourceId(0), line, column: 0 };
    let grant = |path: &str, name: &str, reason: Option<&str>, line| GrantSource {
        path: path.to_owned(),
        name: Some(name.into()),
        reason: reason.map(Into::into),
        from: None,
        until: None,
        at: place(line),
    };
    let expired = grant("grants[4]", "summer campaign", Some("MKT-77"), 45);
    assert_eq!(one.because.gone, Some((Prune::Declared, vec![WhyGone::Expired(expired.into())])));
    assert_eq!(two.because.grants, [grant("grants[2]", "template releases", None, 33).into()]);
    let declared = Position { source: SourceId(1), line: 8, column: 0 };
    assert_eq!(three.because.gone, Some((Prune::Declared, vec![WhyGone::Declared(declared)])));
    let stored = Outcome::StoredDifferently { stored: [Task::ViewCost].into() };
    assert_eq!(four.outcome.as_ref().map(|known| &known.outcome), Some(&stored));
    assert_eq!(seven.settled.as_ref().map(|settled| settled.how), Some(Settlement::TookEffect));
    assert_eq!(history.runs[2].writes[0].because, plan_in(&history).changes[0].because);
    let paths: Vec<&str> = history.sources.iter().map(|(_, source)| &*source.path).collect();
    assert_eq!(paths[2..], ["access/access.yaml"]);
}

/// Returns a plan whose reasons refer to the last source of a history.
fn plan_in(history: &History) -> Plan {
    let last = history.sources.iter().last().expect("one").0;
    let moved = |grant: &Arc<GrantSource>| {
        Arc::new(GrantSource { at: Position { source: last, ..grant.at }, ..GrantSource::clone(grant) })
    };
    let mut plan = plan(1);
    for change in &mut plan.changes {
        change.because.grants.iter_mut().for_each(|grant| *grant = moved(grant));
        for line in change.because.gone.iter_mut().flat_map(|(_, lines)| lines) {
            match line {
                WhyGone::Expired(grant) | WhyGone::NotYet(grant) | WhyGone::Excepted(grant) => {
                    *grant = moved(grant);
                }
                WhyGone::Suspended(reason) => reason.at.source = last,
                WhyGone::Declared(at) | WhyGone::Released(at) | WhyGone::Undeclared(at) => at.source = last,
            }
        }
    }
    plan
}

#[tokio::test]
async fn a_line_with_the_longest_texts_is_within_the_limit() {
    let state = tempfile::tempdir().expect("a folder");
    let (mut journal, _) = opened(state.path()).await.expect("it opens");
    // Each of these characters takes twelve bytes in JSON.
    let long = "\u{e0001}".repeat(1000);
    let at = Position { source: SourceId(0), line: u32::MAX, column: u32::MAX };
    let (name, until) = (Some(Name::from(&*long)), Some("2027-03-31".parse().expect("a day")));
    let grant = Arc::new(GrantSource {
        path: long.clone(),
        name: name.clone(),
        reason: name,
        from: until,
        until,
        at,
    });
    let mut plan = plan(1);
    plan.changes[0].because = Because {
        grants: vec![Arc::clone(&grant); 30],
        gone: Some((Prune::Declared, vec![WhyGone::Expired(grant); 50])),
    };
    plan.waba_names.values_mut().chain(plan.user_names.values_mut()).for_each(|name| *name = (*long).into());
    journal.sources = Sources::default();
    journal.sources.add(long, "");
    journal.intents(&plan, &plan.changes).await.expect("it is written");
    let history = all(state.path());
    let write = &history.runs[0].writes[0];
    assert_eq!((write.because.grants.len(), write.more), (20, 10 + 30));
    assert_eq!(write.waba_name.as_str(), format!("{}…", "\u{e0001}".repeat(400)));
}

#[test]
fn only_the_runs_that_were_asked_for_are_kept() {
    let line =
        |run: u32, rest: &str| format!(r#"{{"v":1,"at":"2026-11-23T10:00:00Z","run":"{run}",{rest}}}"#);
    let mut text = String::new();
    for run in 1..=4 {
        let begins = r#""kind":"run","business":"98","by":{"pid":1},"version":"0","plan_digest":"","manifest_digest":"","waivers":[]"#;
        text += &(line(run, begins) + "\n");
        for write in 1..=2 {
            let intent = format!(
                r#""kind":"intent","write":{write},"waba":{{"id":"500"}},"user":{{"id":"11"}},"action":"assign","before":[],"after":["MANAGE"],"why":[]"#
            );
            text += &(line(run, &intent) + "\n");
            if run != 1 || write != 1 {
                let outcome = format!(r#""kind":"outcome","write":{write},"outcome":"applied""#);
                text += &(line(run, &outcome) + "\n");
            }
        }
    }
    let kept = |keep| -> Vec<String> {
        let (history, _) = read::read_lines(text.as_bytes(), Builder::new(keep)).expect("memory can be read");
        assert_eq!(history.broken_lines, 0);
        history.runs.iter().map(|run| format!("{}:{}", run.id, run.writes.len())).collect()
    };
    assert_eq!(kept(Keep::All), ["1:2", "2:2", "3:2", "4:2"]);
    assert_eq!(kept(Keep::Last(2)), ["1:2", "3:2", "4:2"]);
    assert_eq!(kept(Keep::InFlight), ["1:1"]);
}

#[tokio::test]
async fn a_failure_stays() {
    let state = tempfile::tempdir().expect("a folder");
    let plan = plan(1);
    let (journal, _) = opened(state.path()).await.expect("it opens");
    let file = journal_path(state.path(), business());
    let text = fs::read(&file).expect("a file");
    fs::remove_file(&file).expect("it can go");
    let taken_away = journal.intent(&plan, &plan.changes[0]).await;
    assert!(matches!(taken_away, Err(JournalError::Write { .. })), "{taken_away:?}");
    fs::write(&file, text).expect("a file");
    let again = journal.intent(&plan, &plan.changes[0]).await;
    assert!(matches!(again, Err(JournalError::Write { .. })), "{again:?}");
    assert!(journal.end(&Report::default()).await.is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let path = Path::new("/dev/full");
    let mut log = LogFile::new(path, fs::OpenOptions::new().write(true).open(path).expect("it opens"), false);
    let Err(error @ JournalError::Write { .. }) = log.append(b"x\n", true) else { panic!("it has space") };
    let source = std::error::Error::source(&error).expect("it has a source").to_string();
    assert!(source.contains("No space left"), "{source}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--state-dir")));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_a_run_before_its_first_write() {
    let state = tempfile::tempdir().expect("a folder");
    drop(taken(state.path()));
    fs::create_dir(journal_path(state.path(), business())).expect("a folder");
    let opened = opened(state.path()).await;
    assert!(matches!(opened, Err(JournalError::Read { .. } | JournalError::Write { .. })), "{opened:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_reported() {
    let state = tempfile::tempdir().expect("a folder");
    let file = state.path().join("file");
    fs::write(&file, "").expect("a file");
    let taken = Lock::try_take(&file, business());
    assert!(matches!(taken, Err(JournalError::Folder { .. })), "{taken:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let state = tempfile::tempdir().expect("a folder");
    let below = state.path().join("deep/down");
    let (journal, _) = opened(&below).await.expect("it opens");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let folder = folder(&below, business());
    assert_eq!([mode(&below), mode(&folder)], [0o700; 2]);
    assert_eq!(["journal.jsonl", "lock", "lock.holder"].map(|file| mode(&folder.join(file))), [0o600; 3]);
    drop(journal);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_pipes_in_the_state_folder_are_refused_without_waiting() {
    for name in ["journal.jsonl", "lock", "calls.lock"] {
        for is_pipe in [false, true] {
            let state = tempfile::tempdir().expect("a folder");
            drop(taken(state.path()));
            let path = folder_of(state.path()).join(name);
            let victim = state.path().join("victim");
            fs::write(&victim, "").expect("a file");
            let _ = fs::remove_file(&path);
            if is_pipe {
                let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
                assert!(made.success());
            } else {
                std::os::unix::fs::symlink(&victim, &path).expect("a link");
            }
            let refused = if name == "calls.lock" {
                CallLog::open(folder_of(state.path())).expect_err("it is refused").to_string()
            } else {
                let error = opened_or_refused(state.path()).await;
                std::error::Error::source(&error).expect("it has a source").to_string()
            };
            let expected = if is_pipe { "it is not a regular file" } else { "it is a symbolic link" };
            assert_eq!(refused, expected, "{name}");
            assert_eq!(fs::read_to_string(&victim).expect("it is there"), "");
        }
    }
}

/// Returns why the lock and journal of a state folder cannot be used.
#[cfg(unix)]
async fn opened_or_refused(state_dir: &Path) -> JournalError {
    let lock = Lock::try_take(state_dir, business()).map(drop);
    match lock {
        Err(error) => error,
        Ok(()) => opened(state_dir).await.expect_err("it is refused"),
    }
}

#[cfg(unix)]
#[test]
fn a_note_that_is_a_link_is_replaced() {
    let state = tempfile::tempdir().expect("a folder");
    drop(taken(state.path()));
    let victim = state.path().join("victim");
    fs::write(&victim, "").expect("a file");
    std::os::unix::fs::symlink(&victim, folder_of(state.path()).join("lock.holder")).expect("a link");
    drop(taken(state.path()));
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "");
}

#[test]
fn a_line_that_no_crash_explains_stops_the_next_apply() {
    let state = tempfile::tempdir().expect("a folder");
    drop(taken(state.path()));
    let path = journal_path(state.path(), business());
    let in_flight = |text: &str| {
        fs::write(&path, text).expect("a file");
        read(&path, Keep::InFlight).map(|history| history.broken_lines)
    };
    for (text, line, why) in [
        ("hello\n", 1, "it is not a line of a journal: expected value at column 1"),
        ("\n{\"kind\":\"new\",\"v\":3}\n", 2, "it is of version 3, and this program reads versions 1 and 2"),
        ("\0\0\0\n", 1, "it is not a line of a journal: expected value at column 1"),
    ] {
        let Err(JournalError::Unusable { line: found, why: because, .. }) = in_flight(text) else {
            panic!("{text:?} is read")
        };
        assert_eq!((found, because.as_str()), (line, why));
        assert!(read(&path, Keep::All).is_ok(), "it can still be shown");
    }
    // A crash cuts the last line; the next run goes on below it.
    assert_eq!(in_flight("{\"kind\":\"run\",\"v\":2,\n").ok(), Some(1));
}

#[tokio::test]
async fn one_holds_the_lock_at_a_time_and_is_known() {
    let state = tempfile::tempdir().expect("a folder");
    let lock = taken(state.path());
    let Attempt::Held(holder) = Lock::try_take(state.path(), business()).expect("locks work") else {
        panic!("it is held")
    };
    let by = holder.by.clone().expect("it is known");
    assert_eq!(by.pid, std::process::id());
    assert!(holder.to_string().starts_with(&format!("process {}", by.pid)), "{holder}");
    assert!(holder.since.is_some());
    let other = "99".parse().expect("an id");
    assert!(matches!(Lock::try_take(state.path(), other), Ok(Attempt::Taken(_))), "one for each business");
    let folder = state.path().to_owned();
    let waiting = tokio::spawn(async move { Lock::wait(&folder, business(), &Clock::real()).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(lock);
    let lock = waiting.await.expect("no panic").expect("it is free");
    drop(lock);
    assert!(!folder_of(state.path()).join("lock.holder").exists());
    drop(taken(state.path()));
}

fn folder_of(state_dir: &Path) -> PathBuf {
    folder(state_dir, business())
}

#[tokio::test]
async fn a_wait_that_is_given_up_holds_nothing() {
    let state = tempfile::tempdir().expect("a folder");
    let lock = taken(state.path());
    let waiting = tokio::spawn({
        let folder = state.path().to_owned();
        async move { Lock::wait(&folder, business(), &Clock::real()).await }
    });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.expect_err("it was given up").is_cancelled());
    drop(lock);
    drop(Lock::wait(state.path(), business(), &Clock::real()).await.expect("it comes free"));
}

#[test]
fn a_lock_whose_holder_left_a_note_and_died_is_free() {
    let state = tempfile::tempdir().expect("a folder");
    drop(taken(state.path()));
    fs::write(folder_of(state.path()).join("lock.holder"), "{\"by\":{\"pid\":1},\"since\":\"\"}")
        .expect("a file");
    drop(taken(state.path()));
}

#[test]
fn a_holder_whose_note_cannot_be_read_is_another_process() {
    let state = tempfile::tempdir().expect("a folder");
    let lock = taken(state.path());
    fs::write(folder_of(state.path()).join("lock.holder"), "nonsense").expect("a file");
    let Ok(Attempt::Held(holder)) = Lock::try_take(state.path(), business()) else { panic!("it is held") };
    assert_eq!(holder.to_string(), "another process");
    drop(lock);
}

#[test]
fn businesses_are_found_by_their_journals() {
    let state = tempfile::tempdir().expect("a folder");
    assert_eq!(businesses(&state.path().join("nowhere")).expect("no failure"), []);
    for (folder, file) in
        [("98", JOURNAL), ("7", JOURNAL), ("9", "lock"), ("other", JOURNAL), ("007", JOURNAL)]
    {
        fs::create_dir(state.path().join(folder)).expect("a folder");
        fs::write(state.path().join(folder).join(file), "").expect("a file");
    }
    let found: Vec<String> =
        businesses(state.path()).expect("it can be listed").iter().map(ToString::to_string).collect();
    assert_eq!(found, ["7", "98"]);
}
