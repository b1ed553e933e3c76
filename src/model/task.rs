//! Tasks, and sets of them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! tasks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A task that Meta's documentation or SDK names.
        ///
        /// Live state can hold names besides these; a [`TaskSet`] carries them through.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Task {
            $($(#[$doc])* $variant,)*
        }

        impl Task {
            /// All known tasks, by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name that the API uses.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

// Sorted by name, so the order of the bits is the order of the names.
tasks! {
    /// Developer access.
    Develop = "DEVELOP";
    /// All access.
    FullControl = "FULL_CONTROL";
    /// Admin access.
    Manage = "MANAGE";
    /// Managing payment methods and lines of credit.
    ManageBilling = "MANAGE_BILLING";
    /// Managing extensions (flows).
    ManageExtensions = "MANAGE_EXTENSIONS";
    /// Managing phone numbers.
    ManagePhone = "MANAGE_PHONE";
    /// Managing phone numbers and what belongs to them.
    ManagePhoneAssets = "MANAGE_PHONE_ASSETS";
    /// Managing message templates.
    ManageTemplates = "MANAGE_TEMPLATES";
    /// Managing who has access.
    ManageUsers = "MANAGE_USERS";
    /// Sending and receiving messages.
    Messaging = "MESSAGING";
    /// Receiving messages.
    ReceiveIncomingMessages = "RECEIVE_INCOMING_MESSAGES";
    /// Seeing what messages cost.
    ViewCost = "VIEW_COST";
    /// Seeing insights.
    ViewInsights = "VIEW_INSIGHTS";
    /// Seeing phone numbers and what belongs to them.
    ViewPhoneAssets = "VIEW_PHONE_ASSETS";
    /// Seeing message templates.
    ViewTemplates = "VIEW_TEMPLATES";
}

impl Task {
    /// The tasks that can be assigned on a WABA whose solution does not grant `MESSAGING`. From Meta's guide "Manage System
    /// Users" (updated 2025-11-14).
    pub const GRANULAR: [Self; 11] = [
        Self::Develop,
        Self::ManageTemplates,
        Self::ManagePhone,
        Self::ViewCost,
        Self::ManageExtensions,
        Self::ViewPhoneAssets,
        Self::ManagePhoneAssets,
        Self::ViewTemplates,
        Self::ViewInsights,
        Self::ManageUsers,
        Self::ManageBilling,
    ];

    /// Returns whether this task includes another one: `MANAGE` includes `MESSAGING`,
    /// `FULL_CONTROL` includes every task.
    pub const fn covers(self, other: Self) -> bool {
        self as u8 == other as u8
            || matches!((self, other), (Self::FullControl, _) | (Self::Manage, Self::Messaging))
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of parsing a task: no known task has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no known task has this name")]
pub struct UnknownTask;

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(text: &str) -> Result<Self, UnknownTask> {
        Self::ALL.iter().copied().find(|task| task.name() == text).ok_or(UnknownTask)
    }
}

/// A set of tasks: a bit for each known task, and the names of unknown ones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TaskSet {
    known: u16,
    other: Other,
}

/// The names of unknown tasks. Most sets have none, so they take the size of a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(clippy::box_collection, reason = "a set is three times as large as a pointer")]
struct Other(Option<Box<BTreeSet<Box<str>>>>);

impl Other {
    fn names(&self) -> &BTreeSet<Box<str>> {
        static NONE: BTreeSet<Box<str>> = BTreeSet::new();
        self.0.as_deref().unwrap_or(&NONE)
    }

    fn names_mut(&mut self) -> &mut BTreeSet<Box<str>> {
        self.0.get_or_insert_default()
    }
}

/// Collects names. An empty set is always `None`, so equal sets compare equal.
impl FromIterator<Box<str>> for Other {
    fn from_iter<I: IntoIterator<Item = Box<str>>>(names: I) -> Self {
        let names: BTreeSet<Box<str>> = names.into_iter().collect();
        Self((!names.is_empty()).then(|| Box::new(names)))
    }
}

impl TaskSet {
    /// The empty set.
    pub const EMPTY: Self = Self { known: 0, other: Other(None) };
    /// The set of `FULL_CONTROL`, which includes every task.
    pub const FULL: Self = Self { known: Task::FullControl.bit(), other: Other(None) };

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.known == 0 && self.other.0.is_none()
    }

    /// Returns the number of tasks in the set.
    pub fn len(&self) -> usize {
        self.known.count_ones() as usize + self.other.names().len()
    }

    /// Adds a known task.
    pub fn insert(&mut self, task: Task) {
        self.known |= task.bit();
    }

    /// Adds a task by the name that the API uses, known or not.
    pub fn insert_name(&mut self, name: &str) {
        match name.parse::<Task>() {
            Ok(task) => self.insert(task),
            Err(UnknownTask) => {
                self.other.names_mut().insert(name.into());
            }
        }
    }

    /// Collects tasks by the names that the API uses, known or not.
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut set = Self::EMPTY;
        for name in names {
            set.insert_name(name.as_ref());
        }
        set
    }

    /// Returns whether the set has exactly this task.
    pub fn contains(&self, task: Task) -> bool {
        self.known & task.bit() != 0
    }

    /// Returns whether the set includes a task, directly or by a wider one (see [`Task::covers`]).
    pub fn grants(&self, task: Task) -> bool {
        self.known().any(|held| held.covers(task))
    }

    /// Returns whether the set includes every task of another one, directly or by wider ones. `FULL_CONTROL` includes unknown
    /// tasks as well.
    pub fn grants_all(&self, asked: &Self) -> bool {
        asked.is_subset(self)
            || self.contains(Task::FullControl)
            || (asked.known().all(|task| self.grants(task))
                && asked.other.names().is_subset(self.other.names()))
    }

    /// Returns whether the set includes one of the tasks of another one, directly or by a wider one.
    pub fn grants_any(&self, asked: &Self) -> bool {
        (self.contains(Task::FullControl) && !asked.is_empty())
            || asked.known().any(|task| self.grants(task))
            || !asked.other.names().is_disjoint(self.other.names())
    }

    /// Returns whether the set gives admin access: `MANAGE` or `FULL_CONTROL`.
    pub fn is_full(&self) -> bool {
        self.grants(Task::Manage)
    }

    /// Returns whether every task of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.known & !other.known == 0 && self.other.names().is_subset(other.other.names())
    }

    /// Returns the tasks that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.extend(other);
        both
    }

    /// Adds all tasks of another set.
    pub fn extend(&mut self, other: &Self) {
        self.known |= other.known;
        if !other.other.names().is_empty() {
            self.other.names_mut().extend(other.other.names().iter().cloned());
        }
    }

    /// Returns the tasks that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            known: self.known & other.known,
            other: self.other.names().intersection(other.other.names()).cloned().collect(),
        }
    }

    /// Returns the tasks of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            known: self.known & !other.known,
            other: self.other.names().difference(other.other.names()).cloned().collect(),
        }
    }

    /// Returns the tasks of another set that this one does not include, directly or by a wider task.
    #[must_use]
    pub fn missing(&self, other: &Self) -> Self {
        if self.contains(Task::FullControl) {
            return Self::EMPTY;
        }
        let covered: Self = other.known().filter(|task| self.grants(*task)).collect();
        other.difference(self).difference(&covered)
    }

    /// Returns the known tasks, by name.
    pub fn known(&self) -> impl Iterator<Item = Task> {
        let known = self.known;
        Task::ALL.iter().copied().filter(move |task| known & task.bit() != 0)
    }

    /// Returns the raw names of unknown tasks, sorted.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.other.names().iter().map(|name| &**name)
    }

    /// Returns the raw names of all tasks in the set, by name. Show unknown ones through
    /// [`escape`](crate::text::escape).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.known().map(Task::name).collect();
        if !self.other.names().is_empty() {
            names.extend(self.unknown());
            names.sort_unstable();
        }
        names.into_iter()
    }
}

impl FromIterator<Task> for TaskSet {
    fn from_iter<I: IntoIterator<Item = Task>>(tasks: I) -> Self {
        let mut set = Self::EMPTY;
        for task in tasks {
            set.insert(task);
        }
        set
    }
}

impl<const N: usize> From<[Task; N]> for TaskSet {
    fn from(tasks: [Task; N]) -> Self {
        tasks.into_iter().collect()
    }
}

/// Formats the sorted names, escaped, with `, ` between them.
impl fmt::Display for TaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&crate::text::escape(name))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_stand_by_name_and_fit_the_bits() {
        assert!(Task::ALL.is_sorted_by_key(|task| task.name()));
        assert_eq!(Task::ALL.len(), 15);
    }

    #[test]
    fn an_unknown_name_is_carried_through_in_its_place() {
        let mut set = TaskSet::from([Task::ViewCost, Task::Manage]);
        set.insert_name("NEW\u{1b}");
        assert_eq!(set.to_string(), "MANAGE, NEW\\u{1b}, VIEW_COST");
        assert_eq!(set.len(), 3);
        assert!(!set.is_subset(&TaskSet::from([Task::ViewCost, Task::Manage])));
        assert_eq!(set.difference(&TaskSet::from([Task::ViewCost])).to_string(), "MANAGE, NEW\\u{1b}");
    }

    #[test]
    fn all_or_one_of_several_tasks_are_included() {
        let asked = TaskSet::from_names(["MESSAGING", "NEW"]);
        for (held, all, any) in [
            (&["FULL_CONTROL"][..], true, true),
            (&["MANAGE", "NEW"], true, true),
            (&["MANAGE"], false, true),
            (&["NEW"], false, true),
            (&["DEVELOP"], false, false),
            (&[], false, false),
        ] {
            let held = TaskSet::from_names(held);
            assert_eq!((held.grants_all(&asked), held.grants_any(&asked)), (all, any), "{held:?}");
        }
        assert!(TaskSet::EMPTY.grants_all(&TaskSet::EMPTY) && !TaskSet::FULL.grants_any(&TaskSet::EMPTY));
    }

    #[test]
    fn what_a_wider_task_includes_is_not_missing() {
        let [manage, both] =
            [TaskSet::from([Task::Manage]), TaskSet::from([Task::Messaging, Task::ViewCost])];
        assert_eq!(manage.missing(&both), TaskSet::from([Task::ViewCost]));
        assert_eq!(both.missing(&manage), manage);
        assert_eq!(TaskSet::FULL.missing(&TaskSet::from_names(["NEW", "MANAGE"])), TaskSet::EMPTY);
        assert_eq!(manage.missing(&TaskSet::from_names(["NEW"])).to_string(), "NEW");
    }

    #[test]
    fn manage_is_wider_than_messaging_and_full_control_than_all() {
        assert!(TaskSet::from([Task::Manage]).grants(Task::Messaging));
        assert!(!TaskSet::from([Task::Messaging]).grants(Task::Manage));
        assert!(Task::ALL.iter().all(|&task| TaskSet::from([Task::FullControl]).grants(task)));
    }
}
