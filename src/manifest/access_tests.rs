//! Access tests as a manifest declares them.

use super::{Glob, LabelSelector, WabaSelection, WabaSelector};
use crate::model::{At, Name, Position, RequiredKey, TaskSet, UserId, Who};
use std::collections::BTreeSet;
use std::fmt;

/// An access test. A selection without names and labels is every WABA in scope.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredTest {
    /// The position of the test.
    pub at: Position,
    /// The path in its document: `tests[0]`.
    pub path: String,
    /// The name.
    pub name: Name,
    /// The system users that it judges; `None` is everybody.
    pub users: Option<Vec<UserSelector>>,
    /// Whose access it judges.
    pub who: Who,
    /// The WABAs on which it judges.
    pub selection: WabaSelection,
    /// What it asserts.
    pub claim: TestClaim,
}

/// What a test asserts.
#[derive(Debug, Clone, PartialEq)]
pub enum TestClaim {
    /// Only these users hold any of these tasks.
    Only {
        /// The tasks.
        tasks: TaskSet,
        /// The users.
        users: Vec<UserSelector>,
    },
    /// No user holds two of these at once. Each is a task, or all tasks of a role.
    NeverTogether(Vec<TaskSet>),
    /// Each grant in force that gives one of the tasks has these keys.
    Require {
        /// The keys.
        keys: BTreeSet<RequiredKey>,
        /// The tasks; `None` is all of them.
        tasks: Option<TaskSet>,
    },
    /// So many users hold all of these tasks.
    AtLeast {
        /// The tasks.
        tasks: TaskSet,
        /// The number.
        number: u64,
    },
    /// Each user holds all of these tasks.
    Holds(TaskSet),
}

/// An item of the users of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSelector {
    /// The name of a declared system user.
    Name(Name),
    /// An id.
    Id(UserId),
    /// A glob on the names of declared system users, and on the live names of others.
    Glob(Glob),
}

/// Shows the name, the id or the glob, raw.
impl fmt::Display for UserSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::Id(id) => id.fmt(f),
            Self::Glob(glob) => f.write_str(glob.as_str()),
        }
    }
}

/// Shows what the test asserts and selects, raw, for the comparison of two manifests.
impl fmt::Display for DeclaredTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            |users: &[UserSelector]| users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &self.claim {
            TestClaim::Only { tasks, users } => write!(f, "{tasks} only: {}", names(users))?,
            TestClaim::NeverTogether(sets) => {
                let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
                write!(f, "never together: {}", sets.join(" / "))?;
            }
            TestClaim::Require { keys, tasks } => {
                let keys: Vec<&str> = keys.iter().map(|key| key.key()).collect();
                write!(f, "require {}", keys.join(", "))?;
                tasks.iter().try_for_each(|tasks| write!(f, " of {tasks}"))?;
            }
            TestClaim::AtLeast { tasks, number } => write!(f, "{tasks} at least {number}")?,
            TestClaim::Holds(tasks) => write!(f, "{tasks} everywhere")?,
        }
        if let Some(users) = &self.users {
            write!(f, "; users: {}", names(users))?;
        }
        if self.who == Who::Everybody {
            f.write_str("; who: everybody")?;
        }
        fmt_selection(&self.selection, f)
    }
}

fn fmt_selection(selection: &WabaSelection, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let names = |wabas: &[At<WabaSelector>]| {
        wabas.iter().map(|waba| waba.value.to_string()).collect::<Vec<_>>().join(", ")
    };
    let labels = |labels: &Option<LabelSelector>| labels.as_ref().map(ToString::to_string);
    if let Some(wabas) = &selection.wabas {
        write!(f, "; wabas: {}", names(wabas))?;
    }
    if let Some(labels) = labels(&selection.labels) {
        write!(f, "; labels: {labels}")?;
    }
    if let Some(except) = &selection.except {
        let labels = labels(&except.labels).unwrap_or_default();
        write!(f, "; except: {} {labels}", names(&except.wabas))?;
    }
    Ok(())
}
