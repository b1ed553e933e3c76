//! Few rectangles that have all bits: one for each bit that no other one decides.

use super::Matrix;
use crate::mining::bits::Bits;

/// A bit, and the bits with which it can be in a rectangle.
struct Cell {
    row: u32,
    column: u32,
}

/// Returns rectangles, as rows and columns, that have all bits.
pub(super) fn cover(matrix: &Matrix) -> Vec<(Bits, Bits)> {
    let deciding = minimal(matrix);
    let (cells, decided) = reduce(matrix, deciding);
    let mut rectangles: Vec<(Bits, Bits)> = Vec::new();
    for clique in cliques(matrix, &cells) {
        let mut rows = Bits::new(matrix.rows.len());
        let mut columns = Bits::new(matrix.columns.len());
        for cell in clique {
            for cell in std::iter::once(&cells[cell]).chain(&decided[cell]) {
                rows.insert(cell.row);
                columns.insert(cell.column);
            }
        }
        // All that can be in it: the search removes what is not needed.
        let columns = matrix.columns_of(&rows);
        let rows = matrix.rows_with(&columns);
        rectangles.push((rows, columns));
    }
    rectangles.extend(rest(matrix, &rectangles));
    rectangles
}

/// Returns the bits for which no row with fewer columns, and no column with fewer rows, has a bit that decides them.
fn minimal(matrix: &Matrix) -> Vec<Cell> {
    let smaller = |lines: &[Bits]| -> Vec<Vec<u32>> {
        let is_smaller = |a: usize, b: usize| a != b && lines[a].is_subset(&lines[b]);
        let of = |b: usize| {
            (0_u32..).zip(0..lines.len()).filter(|(_, a)| is_smaller(*a, b)).map(|(a, _)| a).collect()
        };
        (0..lines.len()).map(of).collect()
    };
    let (smaller_rows, smaller_columns) = (smaller(&matrix.rows), smaller(&matrix.columns));
    let mut cells = Vec::new();
    for (row, columns) in (0_u32..).zip(&matrix.rows) {
        for column in columns.iter() {
            let rows = smaller_rows[row as usize].iter().chain([&row]);
            let mut decides = rows.flat_map(|row| {
                let columns = smaller_columns[column as usize].iter().chain([&column]);
                columns.map(move |column| (*row, *column))
            });
            let is_decided =
                decides.any(|(r, c)| (r, c) != (row, column) && matrix.rows[r as usize].contains(c));
            if !is_decided {
                cells.push(Cell { row, column });
            }
        }
    }
    cells
}

fn fit(matrix: &Matrix, a: &Cell, b: &Cell) -> bool {
    matrix.rows[a.row as usize].contains(b.column) && matrix.rows[b.row as usize].contains(a.column)
}

/// Removes cells that fit with all with which another one fits, until there are none. Returns the others, each with those
/// that it decides.
fn reduce(matrix: &Matrix, cells: Vec<Cell>) -> (Vec<Cell>, Vec<Vec<Cell>>) {
    let count = cells.len();
    let mut fits: Vec<Bits> = cells
        .iter()
        .map(|a| Bits::of(count, (0_u32..).zip(&cells).filter(|(_, b)| fit(matrix, a, b)).map(|(b, _)| b)))
        .collect();
    let mut decider: Vec<Option<usize>> = vec![None; count];
    loop {
        let mut changed = false;
        for a in 0..count {
            if decider[a].is_some() {
                continue;
            }
            let others: Vec<u32> = fits[a].iter().collect();
            for b in others.into_iter().map(|b| b as usize) {
                if b != a && decider[b].is_none() && fits[a].is_subset(&fits[b]) {
                    decider[b] = Some(a);
                    changed = true;
                    let with_b: Vec<u32> = fits[b].iter().collect();
                    for other in with_b {
                        fits[other as usize].remove(u32::try_from(b).unwrap_or(u32::MAX));
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    let last = |mut cell: usize| {
        while let Some(next) = decider[cell] {
            cell = next;
        }
        cell
    };
    let owner: Vec<usize> = (0..count).map(last).collect();
    let kept: Vec<usize> = (0..count).filter(|cell| decider[*cell].is_none()).collect();
    let mut followers: Vec<Vec<Cell>> = kept.iter().map(|_| Vec::new()).collect();
    let mut remaining = Vec::new();
    for (index, cell) in cells.into_iter().enumerate() {
        match kept.binary_search(&owner[index]) {
            Ok(place) if owner[index] != index => followers[place].push(cell),
            Ok(_) | Err(_) => remaining.push(cell),
        }
    }
    (remaining, followers)
}

/// Joins cells that fit with each other: few sets, not the fewest.
fn cliques(matrix: &Matrix, cells: &[Cell]) -> Vec<Vec<usize>> {
    let fits = |a: usize, b: usize| fit(matrix, &cells[a], &cells[b]);
    let degree = |a: &usize| (0..cells.len()).filter(|b| fits(*a, *b)).count();
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_cached_key(degree);
    let mut cliques: Vec<Vec<usize>> = Vec::new();
    for cell in order {
        match cliques.iter_mut().find(|clique| clique.iter().all(|other| fits(cell, *other))) {
            Some(clique) => clique.push(cell),
            None => cliques.push(vec![cell]),
        }
    }
    cliques
}

/// Returns a rectangle for each row that has a bit in none of the rectangles.
fn rest(matrix: &Matrix, rectangles: &[(Bits, Bits)]) -> Vec<(Bits, Bits)> {
    let mut missing = matrix.rows.clone();
    for (rows, columns) in rectangles {
        for row in rows.iter() {
            missing[row as usize].subtract(columns);
        }
    }
    let with_rows = |columns: &Bits| (matrix.rows_with(columns), columns.clone());
    missing.iter().filter(|columns| !columns.is_empty()).map(with_rows).collect()
}
