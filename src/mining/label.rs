//! Latent labels: sets of WABAs that several users have in common and that no name tells.

use super::Column;
use super::bits::Bits;
use super::cover::Cover;
use std::collections::BTreeSet;

/// How alike what is left of two columns is, in percent of what is left of either, to be the same label. A guess.
const ALIKE: usize = 60;
/// The smallest share of the WABAs that a label of a single user has, in percent. A guess: fewer may be mistakes.
const ALONE: usize = 3;

/// How many times as much as by chance two users have in common to be the core of a label. A guess.
const CHANCE: usize = 4;
/// How many cores are tried for each label. A guess.
const CORES: usize = 40;

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
    let like = |seed: &Rest| -> Vec<&Rest> { rests.iter().filter(|rest| is_alike(seed, rest)).collect() };
    let alone = rests.iter().map(like);
    let together = shared(&rests, wabas, gain);
    let together = together.iter().map(|(core, is_wrong)| -> Vec<&Rest> {
        let holds =
            |rest: &&Rest| rest.is_wrong == *is_wrong && rest.wabas.common(core) * 100 >= core.len() * ALIKE;
        rests.iter().filter(holds).collect()
    });
    let mut best: Option<(usize, Bits)> = None;
    for alike in alone.chain(together) {
        let Some((value, label)) = value(&alike, &labelled, wabas, gain) else { continue };
        if !known.contains(&label) && best.as_ref().is_none_or(|(known, _)| value > *known) {
            best = Some((value, label));
        }
    }
    best.map(|(_, label)| label)
}

/// Returns the label that columns have in common, and how many lines it spares; `None` if it is of no use.
fn value(alike: &[&Rest], labelled: &Bits, wabas: usize, gain: usize) -> Option<(usize, Bits)> {
    let label = majority(alike, wabas);
    let size = label.len();
    let users: BTreeSet<u32> = alike.iter().map(|rest| rest.user).collect();
    if size <= gain || (users.len() < 2 && size * 100 < wabas * ALONE) {
        return None;
    }
    let spared = |user: &u32| {
        let of_user = alike.iter().filter(|rest| rest.user == *user);
        of_user.map(|rest| (2 * rest.wabas.common(&label)).saturating_sub(size)).max().unwrap_or(0)
    };
    let spared: usize = users.iter().map(spared).sum();
    Some((spared.checked_sub(size - label.common(labelled))?, label))
}

/// Returns what two users have in common that is more than chance, the largest first, and whether it is to be left out.
fn shared(rests: &[Rest], wabas: usize, gain: usize) -> Vec<(Bits, bool)> {
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for (a, first) in rests.iter().enumerate() {
        for (b, second) in rests.iter().enumerate().skip(a + 1) {
            if first.user == second.user || first.is_wrong != second.is_wrong {
                continue;
            }
            let common = first.wabas.common(&second.wabas);
            if common > gain && (common - gain) * wabas > CHANCE * first.len * second.len {
                found.push((common, a, b));
            }
        }
    }
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let core = |(_, a, b): (usize, usize, usize)| (rests[a].wabas.and(&rests[b].wabas), rests[a].is_wrong);
    found.into_iter().take(CORES).map(core).collect()
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
