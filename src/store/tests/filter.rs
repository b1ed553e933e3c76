//! A filter takes while it reads what could also be taken afterwards.

use super::*;
use crate::model::{Glob, HistoryFilter, LeftOut, TimeLimit};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

/// A write of a generated journal: its minute, its user, its WABA, and what became of it.
pub(super) type Written = (i8, u64, u64, u8);

const NAMES: [&str; 3] = ["ann", "bob", ""];

pub(super) fn at(minute: i8) -> String {
    Timestamp::from_second(i64::from(minute) * 60).expect("a moment").to_string()
}

fn line(kind: &str, run: usize, minute: i8, more: &Value) -> String {
    let mut line = json!({ "v": 2, "kind": kind, "at": at(minute), "run": format!("run-{run}") });
    line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    format!("{line}\n")
}

/// Returns a journal. Writes without an outcome are settled by the next run, or never.
pub(super) fn journal(runs: &[(i8, Vec<Written>)]) -> String {
    let mut text = String::new();
    let mut to_settle = Vec::new();
    for (run, (minute, writes)) in runs.iter().enumerate() {
        text += &line(
            "run",
            run,
            *minute,
            &json!({
                "business": "98", "by": { "pid": 1 }, "version": "0", "plan_digest": "", "manifest_digest": "", "waivers": []
            }),
        );
        for (of, write) in to_settle.drain(..) {
            let of: usize = of;
            text += &line(
                "settled",
                run,
                *minute,
                &json!({
                    "of": format!("run-{of}"), "write": write, "found": [], "how": "no-effect"
                }),
            );
        }
        for ((minute, user, waba, then), number) in writes.iter().zip(1_u64..) {
            let name = |id: &u64| NAMES[usize::try_from(*id % 3).expect("small")];
            text += &line(
                "intent",
                run,
                *minute,
                &json!({ "write": number, "change": {
                    "action": "assign", "waba": { "id": (500 + waba).to_string(), "name": name(waba) },
                    "user": { "id": (10 + user).to_string(), "name": name(user) },
                    "before": [], "after": ["DEVELOP"], "because": [], "admin": false
                }}),
            );
            match then {
                0 => {
                    text += &line("outcome", run, *minute, &json!({ "write": number, "outcome": "applied" }));
                }
                1 => to_settle.push((run, number)),
                _ => {}
            }
        }
        text += &line("end", run, *minute, &json!({ "writes": 0, "done": 0, "not_done": 0, "in_flight": 1 }));
    }
    text
}

pub(super) fn runs() -> impl Strategy<Value = Vec<(i8, Vec<Written>)>> {
    let write = (0_i8..9, 0_u64..4, 0_u64..4, 0_u8..3);
    prop::collection::vec((0_i8..9, prop::collection::vec(write, 0..5)), 0..6)
}

fn filters() -> impl Strategy<Value = HistoryFilter> {
    let limit = || {
        prop::option::of((0_i8..9).prop_map(|minute| at(minute).parse::<TimeLimit>().expect("an instant")))
    };
    let names = || subsequence(vec!["ann", "bob", "11", "13", "eve"], 0..3);
    let globs = || subsequence(vec!["a*", "bob", "50?", "503", "x*"], 0..3);
    let of = || subsequence(vec!["run-0", "run-2", "run-9"], 0..3);
    (limit(), limit(), globs(), names(), of()).prop_map(|(since, until, wabas, users, runs)| HistoryFilter {
        since,
        until,
        wabas: wabas.into_iter().map(Glob::new).collect(),
        users: users.into_iter().map(Name::from).collect(),
        runs: runs.into_iter().map(Name::from).collect(),
    })
}

/// Takes from a whole history what a filter takes.
fn taken(filter: &HistoryFilter, all: &History) -> History {
    let mut taken = all.clone();
    for run in &mut taken.runs {
        let id = run.id.clone();
        run.writes.retain(|write| {
            let (waba, user) = (write.waba_name.as_str(), write.user_name.as_str());
            filter.takes_write(id.as_str(), write.at, write.key, waba, user)
        });
    }
    taken.runs.retain(|run| filter.takes_rest_of(run));
    let writes = |history: &History| history.runs.iter().map(|run| run.writes.len()).sum::<usize>();
    taken.left_out = LeftOut {
        runs: all.runs.len() - taken.runs.len(),
        writes: writes(all) - writes(&taken),
        in_flight: all.in_flight().count() - taken.in_flight().count(),
    };
    taken
}

proptest! {
    #[test]
    fn a_filter_takes_while_it_reads_what_it_would_take_afterwards(runs in runs(), filter in filters()) {
        let text = journal(&runs);
        let read = |builder| read::read_lines(text.as_bytes(), builder).expect("memory can be read");
        let (all, _) = read(Builder::new(Keep::All));
        prop_assert_eq!(&all.broken, &[]);
        let (filtered, _) = read(Builder::filtered(Keep::All, filter.clone()));
        prop_assert_eq!(&filtered, &taken(&filter, &all));
    }
}
