//! Mutations of an input.

use super::INPUT_LIMIT;
use fastrand::Rng;

/// The most mutations of one input. A guess: nearly all inputs with more are refused at their first lines. Half of
/// the inputs have one or two.
const MOST: usize = 4;
/// The longest piece that is copied, moved or deleted, in bytes. A guess: some lines.
const PIECE: usize = 256;
/// The deepest nesting that is inserted. A guess: far deeper than each limit of the parsers.
const DEPTH: usize = 2_000;

/// Texts at which parsers go wrong: limits of numbers and dates, foreign characters, and syntax of YAML and JSON.
const TOKENS: [&str; 44] = [
    "0",
    "-1",
    "1e999",
    "-0.0",
    "NaN",
    "255",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0000-00-00",
    "-9999-01-01",
    "9999-12-31",
    "2024-02-30",
    "9999-12-31T23:59:60Z",
    "null",
    "~",
    "true",
    "*",
    "**",
    "*a*b*c*d*e*",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "? ",
    "- ",
    "\t",
    "\r",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{2028}",
    "\u{1f600}",
    "\\u0000",
    "\\ud800",
    "${{ x }}",
];

/// Brackets, keys and items of which thousands may be open.
const NESTS: [(&str, &str); 5] = [("[", "]"), ("{\"a\":", "}"), ("{a: ", "}"), ("- ", ""), ("? ", "")];

/// Returns a mutated copy of one of some inputs. It has at most [`INPUT_LIMIT`] bytes.
pub(crate) fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = rng.choice(corpus).cloned().unwrap_or_default();
    let most = rng.usize(1..=MOST);
    for _ in 0..rng.usize(1..=most) {
        mutate(rng, &mut input, corpus);
        input.truncate(INPUT_LIMIT);
    }
    input
}

fn mutate(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = rng.usize(0..=input.len());
    match rng.u8(0..11) {
        0 => flip_bit(rng, input),
        1 => input.insert(at, rng.u8(..)),
        2 => drop(input.drain(piece(rng, input))),
        3 => input.truncate(at),
        4 => insert(input, at, rng.choice(TOKENS).unwrap_or_default().as_bytes()),
        5 => replace_word(rng, input),
        6 => insert(input, at, &nested(rng)),
        7 => {
            let copy = input[piece(rng, input)].to_vec();
            insert(input, at, &copy);
        }
        8 => repeat_line(rng, input),
        9 => {
            let Some(other) = rng.choice(corpus) else { return };
            let from = piece(rng, other);
            let to = piece(rng, input);
            drop(input.splice(to, other[from].iter().copied()));
        }
        _ => swap_lines(rng, input),
    }
}

/// Returns a random range of at most [`PIECE`] bytes.
fn piece(rng: &mut Rng, of: &[u8]) -> std::ops::Range<usize> {
    let start = rng.usize(0..=of.len());
    start..of.len().min(start + rng.usize(0..=PIECE))
}

fn insert(input: &mut Vec<u8>, at: usize, new: &[u8]) {
    drop(input.splice(at..at, new.iter().copied()));
}

fn flip_bit(rng: &mut Rng, input: &mut [u8]) {
    if !input.is_empty() {
        let at = rng.usize(0..input.len());
        input[at] ^= 1 << rng.u8(0..8);
    }
}

/// Replaces a word or a number by a token.
fn replace_word(rng: &mut Rng, input: &mut Vec<u8>) {
    let at = rng.usize(0..=input.len());
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let start = input[..at].iter().rposition(|byte| !is_word(byte)).map_or(0, |before| before + 1);
    let end = input[at..].iter().position(|byte| !is_word(byte)).map_or(input.len(), |length| at + length);
    let token = rng.choice(TOKENS).unwrap_or_default();
    drop(input.splice(start..end, token.bytes()));
}

fn nested(rng: &mut Rng) -> Vec<u8> {
    let (open, close) = rng.choice(NESTS).unwrap_or_default();
    let depth = rng.usize(1..=DEPTH);
    let close = if rng.bool() { close } else { "" };
    [open.repeat(depth), String::from("1"), close.repeat(depth)].concat().into_bytes()
}

/// Repeats a line up to a thousand times.
fn repeat_line(rng: &mut Rng, input: &mut Vec<u8>) {
    let at = rng.usize(0..=input.len());
    let start = input[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let end =
        input[at..].iter().position(|byte| *byte == b'\n').map_or(input.len(), |length| at + length + 1);
    let line = input[start..end].to_vec();
    let most = (INPUT_LIMIT / line.len().max(1)).min(1_000);
    insert(input, start, &line.repeat(rng.usize(0..=most)));
}

fn swap_lines(rng: &mut Rng, input: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if !lines.is_empty() {
        let (one, other) = (rng.usize(0..lines.len()), rng.usize(0..lines.len()));
        lines.swap(one, other);
        *input = lines.concat();
    }
}
