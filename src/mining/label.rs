//! Latent labels: sets of WABAs that several users have in common and that no name tells.

use super::Column;
use super::bits::Bits;
use super::cover::Cover;
use std::collections::BTreeSet;

/// How alike what is left of two columns is, in percent of what is left of either, to be the same label. A guess.
const ALIKE: usize = 60;
/// The smallest share of the WABAs that a label of a single user has, in percent. A guess: fewer may be mistakes.
const ALONE: usize = 3;

/// What a cover leaves of a column.
struct Rest {
    user: u32,
    wabas: Bits,
    len: usize,
    /// Whether the WABAs are to be left out.
    is_wrong: bool,
}

/// Returns the next label: the set that spares most exceptions. `known` are the labels so far, whose WABAs have a line
/// already.
pub(super) fn next(
    columns: &[Column],
    covers: &[Cover],
    known: &[Bits],
    wabas: usize,
    gain: usize,
) -> Option<Bits> {
    let mut rests: Vec<Rest> = Vec::new();
    for (column, cover) in columns.iter().zip(covers) {
        let (missing, wrong) = cover.errors(&column.wabas);
        for (wabas, is_wrong) in [(missing, false), (wrong, true)] {
            let len = wabas.len();
            if len > gain {
                rests.push(Rest { user: column.user, wabas, len, is_wrong });
            }
        }
    }
    let mut labelled = Bits::new(wabas);
    for label in known {
        labelled.add(label);
    }
    let mut best: Option<(usize, Bits)> = None;
    for seed in &rests {
        let alike: Vec<&Rest> = rests.iter().filter(|rest| is_alike(seed, rest)).collect();
        let label = majority(&alike, wabas);
        let size = label.len();
        let users: BTreeSet<u32> = alike.iter().map(|rest| rest.user).collect();
        if size <= gain || known.contains(&label) || (users.len() < 2 && size * 100 < wabas * ALONE) {
            continue;
        }
        let spared = |user: &u32| {
            let of_user = alike.iter().filter(|rest| rest.user == *user);
            of_user.map(|rest| (2 * rest.wabas.common(&label)).saturating_sub(size)).max().unwrap_or(0)
        };
        let spared: usize = users.iter().map(spared).sum();
        let lines = size - label.common(&labelled);
        let Some(value) = spared.checked_sub(lines) else { continue };
        if best.as_ref().is_none_or(|(known, _)| value > *known) {
            best = Some((value, label));
        }
    }
    best.map(|(_, label)| label)
}

fn is_alike(a: &Rest, b: &Rest) -> bool {
    // Sets of too different a size are not alike.
    if a.is_wrong != b.is_wrong || a.len.min(b.len) * 100 < a.len.max(b.len) * ALIKE {
        return false;
    }
    let common = a.wabas.common(&b.wabas);
    common * 100 >= (a.len + b.len - common) * ALIKE
}

/// Returns the WABAs of more than half of the users.
fn majority(alike: &[&Rest], wabas: usize) -> Bits {
    let mut counts = vec![0_u32; wabas];
    let mut users: Vec<(u32, Bits)> = Vec::new();
    for rest in alike {
        match users.last_mut().filter(|(user, _)| *user == rest.user) {
            Some((_, of_user)) => of_user.add(&rest.wabas),
            None => users.push((rest.user, rest.wabas.clone())),
        }
    }
    for waba in users.iter().flat_map(|(_, of_user)| of_user.iter()) {
        counts[waba as usize] += 1;
    }
    let is_in = |(_, count): &(u32, u32)| 2 * *count as usize > users.len();
    Bits::of(wabas, (0..).zip(counts).filter(is_in).map(|(waba, _)| waba))
}
