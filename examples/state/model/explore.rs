//! Plays every order of the actions of two processes on a small instance.

use super::process::Process;
use super::{Action, Breach, Config, World};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;
use wabacl::chain::Timing;

/// What was explored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Explored {
    /// The number of different worlds.
    pub(crate) worlds: usize,
    /// The number of worlds in which nothing more can happen.
    pub(crate) ends: usize,
    /// The number of worlds in which the second process has taken the lease over.
    pub(crate) takeovers: usize,
}

/// Returns the smallest instance: times in seconds, one write for each of two runs.
pub(crate) fn small(faults: u32, kills: u32, limit: u64) -> Config {
    let seconds = Duration::from_secs;
    Config {
        // A lease of the window, the time of a request and one second of slack, as in the program.
        timing: Timing {
            lease: seconds(2),
            window: seconds(0),
            beat: seconds(1),
            idle_beat: seconds(1),
            tries: seconds(1),
            pause: seconds(1),
            poll: seconds(1),
            // Nothing is removed.
            stale: seconds(1_000),
        },
        request: seconds(1),
        tick: seconds(1),
        writes: 1,
        batch: 1,
        faults,
        kills,
        limit: seconds(limit),
        is_conditional: true,
        runs: 1,
        prune: None,
    }
}

/// An action, and those before it.
struct Step {
    action: Action,
    before: Option<Rc<Step>>,
}

/// Returns the actions of a path, in order.
fn actions_to(path: Option<&Rc<Step>>) -> Vec<Action> {
    let steps = std::iter::successors(path, |step| step.before.as_ref());
    let mut actions: Vec<Action> = steps.map(|step| step.action).collect();
    actions.reverse();
    actions
}

/// Plays every order. Worlds that were reached before are not played again.
///
/// # Errors
///
/// The first promise that is broken, with the actions that lead there.
pub(crate) fn explore(config: &Config) -> Result<Explored, (Breach, Vec<Action>)> {
    let processes = (0..2).map(|number| Process::new(number, config, Duration::ZERO, 1000)).collect();
    let (one, two) = (RandomState::new(), RandomState::new());
    let mut known: HashSet<(u64, u64)> = HashSet::new();
    let mut explored = Explored::default();
    let first = World::new(processes, config);
    let mut stack = vec![(first, None)];
    while let Some((world, path)) = stack.pop() {
        // Two hashes of 64 bits instead of the world itself: a collision is less likely than a fault of the memory.
        if !known.insert((one.hash_one(&world), two.hash_one(&world))) {
            continue;
        }
        let mut actions = world.actions(config);
        if world.may_tick(config) {
            actions.push(Action::Tick);
        }
        explored.worlds += 1;
        explored.ends += usize::from(actions.is_empty());
        explored.takeovers +=
            usize::from(world.reader > 1 && world.ledger.in_flight.iter().any(|(term, _)| *term == 1));
        for action in actions {
            let mut next = world.clone();
            let path = Some(Rc::new(Step { action, before: path.clone() }));
            match next.act(action, config) {
                Ok(()) => stack.push((next, path)),
                Err(breach) => return Err((breach, actions_to(path.as_ref()))),
            }
        }
    }
    Ok(explored)
}
