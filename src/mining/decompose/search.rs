//! Lowers the measure of a decomposition by moves: rectangles are added, grown, joined and taken out, and what is in others
//! as well is removed.

use super::Matrix;
use crate::mining::bits::Bits;
use std::collections::BTreeSet;

/// How much work the moves of one search may be, about in words of bits. A guess: some seconds.
const STEPS: u64 = 1_500_000_000;
/// How much work follows the first result. A guess: a second.
const MORE_STEPS: u64 = 150_000_000;
/// How often a result is disturbed, and after how many times without success that ends. Guesses. Tests try less.
const ROUNDS: usize = if cfg!(test) { 40 } else { 2_000 };
const IDLE_ROUNDS: usize = 300;
/// Up to how many sets all pairs are tried, and how many partners each has where there are more. Guesses.
const ALL_PAIRS: usize = 500;
const PARTNERS: usize = 6;

/// A change of the rectangles, to be undone.
enum Step {
    AddRow(usize, u32),
    RemoveRow(usize, u32),
    AddColumn(usize, u32),
    RemoveColumn(usize, u32),
}

/// A rectangle.
#[derive(Clone)]
struct Role {
    rows: Bits,
    columns: Bits,
    /// Whether it exists: it has rows and columns.
    exists: bool,
}

/// A decomposition that is being improved.
pub(super) struct Search<'a> {
    matrix: &'a Matrix,
    roles: Vec<Role>,
    /// In how many rectangles each bit is, row by row.
    counts: Vec<u32>,
    cost: usize,
    log: Vec<Step>,
    steps: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(matrix: &'a Matrix) -> Self {
        let counts = vec![0; matrix.rows.len() * matrix.columns.len()];
        Self { matrix, roles: Vec::new(), counts, cost: 0, log: Vec::new(), steps: STEPS }
    }

    /// Adds a rectangle and returns its number.
    pub(super) fn add(&mut self, (rows, columns): (Bits, Bits)) -> usize {
        let number = self.roles.iter().position(|role| role.rows.is_empty() && role.columns.is_empty());
        let number = number.unwrap_or(self.roles.len());
        if number == self.roles.len() {
            let (rows, columns) = (Bits::new(self.matrix.rows.len()), Bits::new(self.matrix.columns.len()));
            self.roles.push(Role { rows, columns, exists: false });
        }
        for row in rows.iter() {
            self.add_row(number, row);
        }
        for column in columns.iter() {
            self.add_column(number, column);
        }
        number
    }

    /// Returns the rectangles.
    pub(super) fn rectangles(&self) -> impl Iterator<Item = (&Bits, &Bits)> {
        self.roles.iter().filter(|role| role.exists).map(|role| (&role.rows, &role.columns))
    }

    /// Notes work.
    fn spend(&mut self, words: usize) {
        self.steps = self.steps.saturating_sub(words as u64);
    }

    /// Returns the number of words of a set of rows and one of columns.
    fn words(&self) -> usize {
        (self.matrix.rows.len() + self.matrix.columns.len()) / 64 + 2
    }

    /// Returns the rows that have all of these columns.
    fn rows_with(&mut self, columns: &Bits) -> Bits {
        self.spend((columns.len() + 1) * (self.matrix.rows.len() / 64 + 1));
        self.matrix.rows_with(columns)
    }

    /// Returns the columns that all of these rows have.
    fn columns_of(&mut self, rows: &Bits) -> Bits {
        self.spend((rows.len() + 1) * (self.matrix.columns.len() / 64 + 1));
        self.matrix.columns_of(rows)
    }

    fn count(&mut self, row: u32, column: u32) -> &mut u32 {
        &mut self.counts[row as usize * self.matrix.columns.len() + column as usize]
    }

    fn adjust(&mut self, number: usize) {
        let role = &mut self.roles[number];
        let exists = !role.rows.is_empty() || !role.columns.is_empty();
        if exists != role.exists {
            self.cost = if exists { self.cost + 1 } else { self.cost - 1 };
            role.exists = exists;
        }
    }

    fn change_row(&mut self, number: usize, row: u32, is_added: bool) {
        let columns: Vec<u32> = self.roles[number].columns.iter().collect();
        self.spend(columns.len());
        for column in columns {
            let count = self.count(row, column);
            *count = if is_added { *count + 1 } else { *count - 1 };
        }
        let weight = self.matrix.row_weights[row as usize];
        if is_added {
            self.roles[number].rows.insert(row);
            self.cost += weight;
        } else {
            self.roles[number].rows.remove(row);
            self.cost -= weight;
        }
        self.adjust(number);
    }

    fn change_column(&mut self, number: usize, column: u32, is_added: bool) {
        let rows: Vec<u32> = self.roles[number].rows.iter().collect();
        self.spend(rows.len());
        for row in rows {
            let count = self.count(row, column);
            *count = if is_added { *count + 1 } else { *count - 1 };
        }
        let weight = self.matrix.column_weights[column as usize];
        if is_added {
            self.roles[number].columns.insert(column);
            self.cost += weight;
        } else {
            self.roles[number].columns.remove(column);
            self.cost -= weight;
        }
        self.adjust(number);
    }

    fn add_row(&mut self, number: usize, row: u32) {
        if !self.roles[number].rows.contains(row) {
            self.change_row(number, row, true);
            self.log.push(Step::AddRow(number, row));
        }
    }

    fn remove_row(&mut self, number: usize, row: u32) {
        self.change_row(number, row, false);
        self.log.push(Step::RemoveRow(number, row));
    }

    fn add_column(&mut self, number: usize, column: u32) {
        if !self.roles[number].columns.contains(column) {
            self.change_column(number, column, true);
            self.log.push(Step::AddColumn(number, column));
        }
    }

    fn remove_column(&mut self, number: usize, column: u32) {
        self.change_column(number, column, false);
        self.log.push(Step::RemoveColumn(number, column));
    }

    /// Undoes all since a length of the log.
    fn undo(&mut self, length: usize) {
        while self.log.len() > length {
            match self.log.pop() {
                Some(Step::AddRow(number, row)) => self.change_row(number, row, false),
                Some(Step::RemoveRow(number, row)) => self.change_row(number, row, true),
                Some(Step::AddColumn(number, column)) => self.change_column(number, column, false),
                Some(Step::RemoveColumn(number, column)) => self.change_column(number, column, true),
                None => return,
            }
        }
    }

    fn is_row_needless(&self, number: usize, row: u32) -> bool {
        let start = row as usize * self.matrix.columns.len();
        self.roles[number].columns.iter().all(|column| self.counts[start + column as usize] > 1)
    }

    fn is_column_needless(&self, number: usize, column: u32) -> bool {
        let width = self.matrix.columns.len();
        self.roles[number].rows.iter().all(|row| self.counts[row as usize * width + column as usize] > 1)
    }

    /// Removes rows and columns of a rectangle whose bits are in others as well, the heaviest first.
    fn trim(&mut self, number: usize) {
        let role = &self.roles[number];
        let size = role.rows.len() * 2 + role.columns.len() * 2;
        let rows = role.rows.iter().map(|row| (self.matrix.row_weights[row as usize], true, row));
        let columns =
            role.columns.iter().map(|column| (self.matrix.column_weights[column as usize], false, column));
        let mut lines: Vec<(usize, bool, u32)> = rows.chain(columns).collect();
        lines.sort_unstable_by(|a, b| b.cmp(a));
        self.spend(size);
        for (_, is_row, line) in lines {
            if is_row && self.is_row_needless(number, line) {
                self.remove_row(number, line);
            } else if !is_row && self.is_column_needless(number, line) {
                self.remove_column(number, line);
            }
        }
        self.drop_empty(number);
    }

    /// Removes what is left of a rectangle without bits.
    fn drop_empty(&mut self, number: usize) {
        if self.roles[number].rows.is_empty() {
            for column in self.roles[number].columns.iter().collect::<Vec<_>>() {
                self.remove_column(number, column);
            }
        } else if self.roles[number].columns.is_empty() {
            for row in self.roles[number].rows.iter().collect::<Vec<_>>() {
                self.remove_row(number, row);
            }
        }
    }

    /// Trims the rectangles that overlap some others, and then these.
    fn trim_around(&mut self, numbers: &[usize]) {
        let overlaps = |role: &Role, number: &usize| {
            let other = &self.roles[*number];
            role.rows.intersects(&other.rows) && role.columns.intersects(&other.columns)
        };
        let around: Vec<usize> = (0..self.roles.len())
            .filter(|number| !numbers.contains(number) && self.roles[*number].exists)
            .filter(|number| numbers.iter().any(|other| overlaps(&self.roles[*number], other)))
            .collect();
        self.spend(self.roles.len() * numbers.len() * (self.words() + 1));
        for number in around.into_iter().chain(numbers.iter().copied()) {
            self.trim(number);
        }
    }

    /// Keeps a move if it lowers the measure, or else undoes it.
    fn attempt(&mut self, make: impl FnOnce(&mut Self)) -> bool {
        let (length, cost) = (self.log.len(), self.cost);
        make(self);
        let is_better = self.cost < cost;
        if is_better {
            self.log.clear();
        } else {
            self.undo(length);
        }
        is_better
    }

    /// Makes moves until none lowers the measure, and then disturbs the result again and again.
    pub(super) fn run(&mut self) {
        for number in 0..self.roles.len() {
            self.trim(number);
        }
        self.log.clear();
        self.descend();
        self.steps = self.steps.min(MORE_STEPS);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |limit: usize| {
            // A xorshift generator: the result must be the same each time.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % limit.max(1) as u64).unwrap_or(0)
        };
        let mut idle = 0;
        for _ in 0..ROUNDS {
            let existing = self.existing();
            if self.steps == 0 || existing.len() < 3 || idle > IDLE_ROUNDS {
                return;
            }
            let before = (self.roles.clone(), self.counts.clone(), self.cost);
            for _ in 0..=below(3) {
                self.take_out(existing[below(existing.len())]);
            }
            self.log.clear();
            self.descend();
            idle = if self.cost < before.2 { 0 } else { idle + 1 };
            if self.cost > before.2 {
                (self.roles, self.counts, self.cost) = before;
            }
        }
    }

    fn descend(&mut self) {
        loop {
            let before = self.cost;
            self.grow_all();
            self.join_all();
            self.take_out_all();
            self.add_all();
            if self.cost == before || self.steps == 0 {
                return;
            }
        }
    }

    fn existing(&self) -> Vec<usize> {
        (0..self.roles.len()).filter(|number| self.roles[*number].exists).collect()
    }

    /// Grows each rectangle by all rows that have its columns, or all columns that its rows have.
    fn grow_all(&mut self) {
        for number in self.existing() {
            self.attempt(|search| {
                let rows = search.rows_with(&search.roles[number].columns.clone());
                for row in rows.iter() {
                    search.add_row(number, row);
                }
                search.trim_around(&[number]);
            });
            self.attempt(|search| {
                let columns = search.columns_of(&search.roles[number].rows.clone());
                for column in columns.iter() {
                    search.add_column(number, column);
                }
                search.trim_around(&[number]);
            });
        }
    }

    /// Joins each two rectangles: what both have is one of its own.
    fn join_all(&mut self) {
        for a in self.existing() {
            for b in self.existing() {
                self.spend(self.words() / 2);
                if self.steps == 0 || a == b || !self.roles[a].exists || !self.roles[b].exists {
                    continue;
                }
                let columns = self.roles[a].columns.and(&self.roles[b].columns);
                if a < b && !columns.is_empty() {
                    let mut rows = self.roles[a].rows.clone();
                    rows.add(&self.roles[b].rows);
                    self.attempt(|search| search.insert(rows, columns));
                }
                let rows = self.roles[a].rows.and(&self.roles[b].rows);
                if a < b && !rows.is_empty() && self.roles[a].exists && self.roles[b].exists {
                    let mut columns = self.roles[a].columns.clone();
                    columns.add(&self.roles[b].columns);
                    self.attempt(|search| search.insert(rows, columns));
                }
                self.replace_by(a, b);
            }
        }
    }

    /// Lets one rectangle take the place of a part of another one, if its columns or its rows are among those.
    fn replace_by(&mut self, a: usize, b: usize) {
        if !self.roles[a].exists || !self.roles[b].exists {
            return;
        }
        if self.roles[a].columns.is_subset(&self.roles[b].columns)
            && self.roles[a].columns != self.roles[b].columns
        {
            self.attempt(|search| {
                for row in search.roles[b].rows.iter().collect::<Vec<_>>() {
                    search.add_row(a, row);
                }
                search.trim(b);
                search.trim_around(&[a]);
            });
        }
        if self.roles[a].exists
            && self.roles[b].exists
            && self.roles[a].rows.is_subset(&self.roles[b].rows)
            && self.roles[a].rows != self.roles[b].rows
        {
            self.attempt(|search| {
                for column in search.roles[b].columns.iter().collect::<Vec<_>>() {
                    search.add_column(a, column);
                }
                search.trim(b);
                search.trim_around(&[a]);
            });
        }
    }

    fn insert(&mut self, rows: Bits, columns: Bits) {
        let number = self.add((rows, columns));
        self.trim_around(&[number]);
    }

    /// Takes each rectangle out, and gives its bits to others.
    fn take_out_all(&mut self) {
        for number in self.existing() {
            if self.steps == 0 || !self.roles[number].exists {
                continue;
            }
            self.attempt(|search| search.take_out(number));
        }
    }

    fn take_out(&mut self, number: usize) {
        let (rows, columns) = (self.roles[number].rows.clone(), self.roles[number].columns.clone());
        for row in rows.iter() {
            self.remove_row(number, row);
        }
        self.drop_empty(number);
        let mut changed = BTreeSet::new();
        for row in rows.iter() {
            let mut missing: Vec<u32> =
                columns.iter().filter(|column| *self.count(row, *column) == 0).collect();
            while let Some(column) = missing.first().copied() {
                let wanted = Bits::of(self.matrix.columns.len(), missing.iter().copied());
                let all = &self.matrix.rows[row as usize];
                let fits = |other: &usize| {
                    let role = &self.roles[*other];
                    role.exists && role.columns.contains(column) && role.columns.is_subset(all)
                };
                let best = (0..self.roles.len()).filter(fits).max_by_key(|other| {
                    (self.roles[*other].columns.common(&wanted), std::cmp::Reverse(*other))
                });
                let by_column = self.by_column(row, column);
                match (best, by_column) {
                    (Some(other), by_column)
                        if by_column.is_none_or(|_| {
                            self.matrix.row_weights[row as usize]
                                <= self.matrix.column_weights[column as usize]
                        }) =>
                    {
                        self.add_row(other, row);
                        changed.insert(other);
                    }
                    (_, Some(other)) => {
                        self.add_column(other, column);
                        changed.insert(other);
                    }
                    (_, None) => {
                        let rows = Bits::of(self.matrix.rows.len(), [row]);
                        let new = self.add((rows, wanted));
                        changed.insert(new);
                    }
                }
                missing.retain(|column| *self.count(row, *column) == 0);
            }
        }
        self.trim_around(&changed.into_iter().collect::<Vec<_>>());
    }

    /// Returns a rectangle of a row that a column can be added to.
    fn by_column(&self, row: u32, column: u32) -> Option<usize> {
        let all = &self.matrix.columns[column as usize];
        let fits = |other: &usize| {
            let role = &self.roles[*other];
            role.exists && role.rows.contains(row) && role.rows.is_subset(all)
        };
        (0..self.roles.len())
            .filter(fits)
            .max_by_key(|other| (self.roles[*other].rows.len(), std::cmp::Reverse(*other)))
    }

    /// Adds rectangles of the lattice: what rows have in common with other rows and with rectangles.
    fn add_all(&mut self) {
        let mut tried: BTreeSet<Bits> = BTreeSet::new();
        let mut sets: Vec<Bits> = self.matrix.rows.clone();
        sets.extend(self.existing().into_iter().map(|number| self.roles[number].columns.clone()));
        for a in 0..sets.len() {
            for b in self.partners(a, &sets) {
                if self.steps == 0 {
                    return;
                }
                let columns = sets[a].and(&sets[b]);
                self.spend(4);
                if columns.is_empty() || !tried.insert(columns.clone()) {
                    continue;
                }
                let rows = self.rows_with(&columns);
                self.attempt(|search| {
                    let columns = search.columns_of(&rows);
                    search.insert(rows, columns);
                });
            }
        }
    }

    /// Returns the sets with which a set is intersected: itself and all later ones, or those with most in common.
    fn partners(&mut self, a: usize, sets: &[Bits]) -> Vec<usize> {
        if sets.len() <= ALL_PAIRS {
            return (a..sets.len()).collect();
        }
        self.spend(sets.len() * (self.matrix.columns.len() / 64 + 1));
        let mut common: Vec<(usize, usize)> = (0..sets.len())
            .filter(|b| *b != a && !sets[a].is_subset(&sets[*b]))
            .map(|b| (sets[a].common(&sets[b]), b))
            .filter(|(common, _)| *common > 0)
            .collect();
        common.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let best = common.into_iter().take(PARTNERS).map(|(_, b)| b);
        std::iter::once(a).chain(best).collect()
    }
}
