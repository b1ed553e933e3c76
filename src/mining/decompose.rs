//! Decomposes a matrix of bits exactly into few rectangles: roles that give columns to rows.
//!
//! Every set bit is in some rectangle, and no other one is. The measure is the number of roles, of memberships (a row in a
//! role) and of pairs of a role and a column; the least one is hard to find (NP-hard), so the result is a good one. Equal
//! rows, and equal columns, are joined first. A bit that is in every rectangle in which another one can be needs no
//! rectangle of its own (Ene et al., "Fast Exact and Heuristic Methods for Role Minimization Problems", 2008): what remains
//! begins the search, and moves that lower the measure follow.

mod cover;
mod search;

use super::bits::Bits;
use search::Search;
use std::collections::{BTreeMap, BTreeSet};

/// A role: these rows have these columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rectangle {
    /// The rows, ascending.
    pub rows: Vec<u32>,
    /// The columns, ascending.
    pub columns: Vec<u32>,
}

/// Returns the measure of a decomposition: roles, memberships, and pairs of a role and a column.
pub fn measure(rectangles: &[Rectangle]) -> usize {
    rectangles.iter().map(|one| 1 + one.rows.len() + one.columns.len()).sum()
}

/// Decomposes a matrix that is given by the columns of each row.
pub fn decompose(rows: &[Vec<u32>]) -> Vec<Rectangle> {
    let joined = Joined::new(rows);
    let mut found = Vec::new();
    for part in joined.parts() {
        let matrix = part.matrix();
        let mut search = Search::new(&matrix);
        for rectangle in cover::cover(&matrix) {
            search.add(rectangle);
        }
        search.run();
        for (rows, columns) in search.rectangles() {
            let rows = rows.iter().flat_map(|row| &joined.rows[part.rows[row as usize]].members);
            let columns =
                columns.iter().flat_map(|column| &joined.columns[part.columns[column as usize]].members);
            let (mut rows, mut columns): (Vec<u32>, Vec<u32>) =
                (rows.copied().collect(), columns.copied().collect());
            rows.sort_unstable();
            columns.sort_unstable();
            found.push(Rectangle { rows, columns });
        }
    }
    found.sort();
    found
}

/// Lines of a matrix, rows or columns, that are equal.
struct Line {
    members: Vec<u32>,
    /// The joined lines of the other kind that cross it.
    crosses: Vec<u32>,
}

/// A matrix whose equal rows, and equal columns, are joined.
struct Joined {
    rows: Vec<Line>,
    columns: Vec<Line>,
}

impl Joined {
    fn new(rows: &[Vec<u32>]) -> Self {
        let mut of_column: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, columns) in (0..).zip(rows) {
            for column in columns.iter().collect::<BTreeSet<_>>() {
                of_column.entry(*column).or_default().push(row);
            }
        }
        let columns = join(of_column);
        let mut of_row: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (number, (rows, _)) in (0..).zip(&columns) {
            for row in rows {
                of_row.entry(*row).or_default().push(number);
            }
        }
        let rows = join(of_row);
        let mut crosses: Vec<Vec<u32>> = vec![Vec::new(); columns.len()];
        for (number, (columns, _)) in (0..).zip(&rows) {
            for column in columns {
                crosses[*column as usize].push(number);
            }
        }
        let columns = columns.into_iter().zip(crosses);
        Self {
            columns: columns.map(|((_, members), crosses)| Line { members, crosses }).collect(),
            rows: rows.into_iter().map(|(crosses, members)| Line { members, crosses }).collect(),
        }
    }

    /// Returns the parts that have no row and no column in common.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut part_of_row: Vec<Option<usize>> = vec![None; self.rows.len()];
        let mut parts: Vec<Part<'_>> = Vec::new();
        for start in 0..self.rows.len() {
            if part_of_row[start].is_some() {
                continue;
            }
            let mut part = Part { joined: self, rows: Vec::new(), columns: Vec::new() };
            let (mut open, mut columns) = (vec![start], BTreeSet::new());
            part_of_row[start] = Some(parts.len());
            while let Some(row) = open.pop() {
                part.rows.push(row);
                for column in &self.rows[row].crosses {
                    if columns.insert(*column as usize) {
                        for other in &self.columns[*column as usize].crosses {
                            if part_of_row[*other as usize].is_none() {
                                part_of_row[*other as usize] = Some(parts.len());
                                open.push(*other as usize);
                            }
                        }
                    }
                }
            }
            part.rows.sort_unstable();
            part.columns = columns.into_iter().collect();
            parts.push(part);
        }
        parts
    }
}

/// Joins lines that the same others cross: what crosses them, and which they are.
fn join(lines: BTreeMap<u32, Vec<u32>>) -> Vec<(Vec<u32>, Vec<u32>)> {
    let mut equal: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (line, crosses) in lines {
        equal.entry(crosses).or_default().push(line);
    }
    let mut joined: Vec<(Vec<u32>, Vec<u32>)> = equal.into_iter().collect();
    joined.sort_by(|a, b| a.1.cmp(&b.1));
    joined
}

/// A part of a joined matrix.
struct Part<'a> {
    joined: &'a Joined,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Part<'_> {
    fn matrix(&self) -> Matrix {
        let number: BTreeMap<usize, u32> = self.columns.iter().copied().zip(0..).collect();
        let mut columns = vec![Bits::new(self.rows.len()); self.columns.len()];
        let mut rows = Vec::new();
        for (index, row) in (0..).zip(&self.rows) {
            let mut bits = Bits::new(self.columns.len());
            for column in &self.joined.rows[*row].crosses {
                let column = number[&(*column as usize)];
                bits.insert(column);
                columns[column as usize].insert(index);
            }
            rows.push(bits);
        }
        let weight = |line: &Line| line.members.len();
        Matrix {
            row_weights: self.rows.iter().map(|row| weight(&self.joined.rows[*row])).collect(),
            column_weights: self.columns.iter().map(|column| weight(&self.joined.columns[*column])).collect(),
            rows,
            columns,
        }
    }
}

/// A matrix in which no two rows and no two columns are equal.
pub(super) struct Matrix {
    /// The columns of each row.
    pub(super) rows: Vec<Bits>,
    /// The rows of each column.
    pub(super) columns: Vec<Bits>,
    /// How many equal rows each row stands for.
    pub(super) row_weights: Vec<usize>,
    /// How many equal columns each column stands for.
    pub(super) column_weights: Vec<usize>,
}

impl Matrix {
    /// Returns the rows that have all of these columns.
    pub(super) fn rows_with(&self, columns: &Bits) -> Bits {
        let mut rows = Bits::of(self.rows.len(), (0..).take(self.rows.len()));
        for column in columns.iter() {
            rows.intersect(&self.columns[column as usize]);
        }
        rows
    }

    /// Returns the columns that all of these rows have.
    pub(super) fn columns_of(&self, rows: &Bits) -> Bits {
        let mut columns = Bits::of(self.columns.len(), (0..).take(self.columns.len()));
        for row in rows.iter() {
            columns.intersect(&self.rows[row as usize]);
        }
        columns
    }
}
