//! Removes secrets from everything that leaves the program, and from everything that the API answers.
//!
//! A secret is found in each form that an echo can have: as it is, percent-encoded, HTML-escaped, JSON-escaped, any of
//! these within another, in base64, and cut at either end. The secrets are known to the whole process, because each of
//! its outputs has to be free of them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// The length of a part of a secret that is removed wherever it occurs, in bytes; shorter parts are not recognised.
///
/// Of a token of Meta (about 200 characters of 6 bits) 11 characters are worthless, and ordinary text does not share 12
/// with it. Secrets that are shorter are those of trials: they are not removed.
const PART: usize = 12;

/// How often encodings are undone: JSON in JSON, as in the response to a batch, and one more.
const DEPTH: usize = 3;

/// The bytes that [`Redacting`] collects while there is no line feed. A guess.
const CHUNK: usize = 64 * 1024;

/// The number of bytes that one byte of a secret may take in a text: `\\u0041` and more backslashes.
const BYTES_EACH: usize = 12;

/// The secrets of this process.
static SECRETS: RwLock<Option<Secrets>> = RwLock::new(None);

/// The parts of all secrets.
#[derive(Default)]
struct Secrets {
    parts: HashMap<[u8; PART], &'static str>,
    /// The hashes of the first four bytes of each part, one bit each.
    begins: Vec<u64>,
    /// The length of the longest secret.
    longest: usize,
    /// The bytes that are in a part.
    in_parts: HashSet<u8>,
}

/// Protects a secret: from now on `(redacted label)` replaces it and its parts.
pub fn protect(label: &'static str, secret: &SecretString) {
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    secrets.get_or_insert_default().add(label, secret.expose_secret().as_bytes());
}

/// Removes the secrets from bytes.
pub fn bytes(text: &[u8]) -> Cow<'_, [u8]> {
    with_secrets(|secrets| secrets.redact(text)).unwrap_or(Cow::Borrowed(text))
}

/// Calls a function with the secrets, if there are any.
fn with_secrets<T>(call: impl FnOnce(&Secrets) -> T) -> Option<T> {
    SECRETS.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(call)
}

/// Removes the secrets from a text.
pub fn text(text: &str) -> Cow<'_, str> {
    match bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // A secret is ASCII, so nothing is cut within a character.
        Cow::Owned(redacted) => Cow::Owned(String::from_utf8_lossy(&redacted).into_owned()),
    }
}

impl Secrets {
    fn add(&mut self, label: &'static str, secret: &[u8]) {
        if self.begins.is_empty() {
            self.begins = vec![0; 1 << 10];
        }
        self.longest = self.longest.max(secret.len());
        self.add_parts(label, secret);
        for shift in 0..3 {
            let shifted = [&[0; 2][..shift.min(2)], secret].concat();
            // The characters at both ends also depend on what surrounds the secret.
            let inner = |text: String| {
                text.get((shift * 8).div_ceil(6)..text.len().saturating_sub(1)).map(str::to_owned)
            };
            for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
                self.add_parts(label, inner(encoded).unwrap_or_default().as_bytes());
            }
        }
    }

    fn add_parts(&mut self, label: &'static str, secret: &[u8]) {
        for part in secret.windows(PART) {
            // The ids of an app are in the tokens of the app itself, and in many answers.
            if let Ok(part) = <[u8; PART]>::try_from(part)
                && !part.iter().all(u8::is_ascii_digit)
            {
                self.parts.insert(part, label);
                self.in_parts.extend(part);
                let hash = hash(first_four(&part));
                self.begins[hash / 64] |= 1 << (hash % 64);
            }
        }
    }

    fn redact<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = Vec::with_capacity(text.len());
        let mut end = 0;
        for (range, label) in found {
            redacted.extend_from_slice(&text[end..range.start]);
            redacted.extend_from_slice(format!("(redacted {label})").as_bytes());
            end = range.end;
        }
        redacted.extend_from_slice(&text[end..]);
        Cow::Owned(redacted)
    }

    /// Returns the places of secrets, in order and without overlaps.
    ///
    /// A long text is searched in pieces that overlap by the longest encoded secret, so that decoding takes little memory.
    fn find(&self, text: &[u8]) -> Vec<(Range<usize>, &'static str)> {
        let overlap = self.longest * BYTES_EACH;
        let mut found = Vec::new();
        for start in (0..text.len()).step_by(CHUNK) {
            let piece = &text[start..text.len().min(start + CHUNK + overlap)];
            self.find_in_piece(piece, |range| range.start + start..range.end + start, &mut found);
        }
        found.sort_unstable_by_key(|(range, _)| (range.start, range.end));
        let mut merged: Vec<(Range<usize>, &'static str)> = Vec::new();
        for (range, label) in found {
            match merged.last_mut() {
                Some((last, _)) if range.start <= last.end => last.end = last.end.max(range.end),
                Some(_) | None => merged.push((range, label)),
            }
        }
        merged
    }

    fn find_in_piece(
        &self,
        piece: &[u8],
        source: impl Fn(Range<usize>) -> Range<usize>,
        found: &mut Vec<(Range<usize>, &'static str)>,
    ) {
        self.find_plain(piece, &source, found);
        let mut view = View::of(piece);
        for _ in 0..DEPTH {
            if !self.may_be_encoded(&view.text) {
                return;
            }
            let Some(decoded) = view.decoded() else { return };
            self.find_plain(&decoded.text, |range| source(decoded.source(&range)), found);
            view = decoded;
        }
    }

    /// Returns whether undoing a layer of encodings can show a part of a secret: whether an encoded character is in a part, or
    /// begins an encoding itself. Most text has only escaped quotes.
    fn may_be_encoded(&self, text: &[u8]) -> bool {
        let begins = |byte: &u8| matches!(byte, b'%' | b'&' | b'\\');
        let mut rest = text;
        while let Some(at) = rest.iter().position(begins) {
            rest = &rest[at..];
            let (byte, length) = unit(rest).unwrap_or((b' ', 1));
            if length > 1 && (begins(&byte) || self.in_parts.contains(&byte)) {
                return true;
            }
            rest = &rest[length..];
        }
        false
    }

    fn find_plain(
        &self,
        text: &[u8],
        source: impl Fn(Range<usize>) -> Range<usize>,
        found: &mut Vec<(Range<usize>, &'static str)>,
    ) {
        let mut known: Option<(Range<usize>, &'static str)> = None;
        let mut number = 0;
        for (start, part) in text.windows(PART).enumerate() {
            number = if start == 0 { first_four(part) } else { number << 8 | u32::from(part[3]) };
            let hash = hash(number);
            if self.begins[hash / 64] & (1 << (hash % 64)) == 0 {
                continue;
            }
            let Some(label) = self.parts.get(part).copied() else { continue };
            match &mut known {
                Some((range, _)) if start <= range.end => range.end = start + PART,
                _ => {
                    let before = known.replace((start..start + PART, label));
                    found.extend(before.map(|(range, label)| (source(range), label)));
                }
            }
        }
        found.extend(known.map(|(range, label)| (source(range), label)));
    }
}

/// Returns the first four bytes as a number.
fn first_four(part: &[u8]) -> u32 {
    part.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Returns a hash of 16 bits: Knuth's multiplicative one.
fn hash(number: u32) -> usize {
    (number.wrapping_mul(2_654_435_761) >> 16) as usize
}

/// A text, and where in the original text each of its bytes begins.
struct View<'t> {
    text: Cow<'t, [u8]>,
    /// One more than there are bytes; empty if the text is the original.
    starts: Vec<usize>,
}

impl<'t> View<'t> {
    fn of(text: &'t [u8]) -> Self {
        Self { text: Cow::Borrowed(text), starts: Vec::new() }
    }

    /// Returns the range in the original text.
    fn source(&self, range: &Range<usize>) -> Range<usize> {
        if self.starts.is_empty() { range.clone() } else { self.starts[range.start]..self.starts[range.end] }
    }

    /// Undoes one layer of encodings; `None` if there is none.
    fn decoded(&self) -> Option<View<'static>> {
        let first = self.text.iter().position(|byte| matches!(byte, b'%' | b'&' | b'\\'))?;
        let at = |index: usize| if self.starts.is_empty() { index } else { self.starts[index] };
        let (mut text, mut starts) = (self.text[..first].to_vec(), (0..first).map(at).collect::<Vec<_>>());
        let (mut index, mut changed) = (first, false);
        while index < self.text.len() {
            let (byte, length) = unit(&self.text[index..]).unwrap_or((self.text[index], 1));
            changed |= length > 1;
            text.push(byte);
            starts.push(at(index));
            index += length;
        }
        starts.push(at(index));
        changed.then_some(View { text: Cow::Owned(text), starts })
    }
}

/// Decodes the encoded ASCII character at the start of a text. Returns it with the length of its encoding.
fn unit(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%', rest @ ..] => number(rest, 16, 2..=2).map(|(byte, length)| (byte, 1 + length)),
        [b'\\', b'u', b'{', rest @ ..] => closed(rest, 16, b'}').map(|(byte, length)| (byte, 3 + length)),
        [b'\\', b'u', rest @ ..] => number(rest, 16, 4..=4).map(|(byte, length)| (byte, 2 + length)),
        [b'\\', b'x', rest @ ..] => number(rest, 16, 2..=2).map(|(byte, length)| (byte, 2 + length)),
        [b'\\', byte @ (b'"' | b'\'' | b'/' | b'\\'), ..] => Some((*byte, 2)),
        [b'&', b'#', b'x' | b'X', rest @ ..] => {
            closed(rest, 16, b';').map(|(byte, length)| (byte, 3 + length))
        }
        [b'&', b'#', rest @ ..] => closed(rest, 10, b';').map(|(byte, length)| (byte, 2 + length)),
        [b'&', ..] => {
            ENTITIES.iter().find(|(name, _)| text.starts_with(name)).map(|(name, byte)| (*byte, name.len()))
        }
        _ => None,
    }
}

/// The named entities of HTML for characters that tokens may have.
const ENTITIES: [(&[u8], u8); 11] = [
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&quot;", b'"'),
    (b"&apos;", b'\''),
    (b"&vert;", b'|'),
    (b"&verbar;", b'|'),
    (b"&lowbar;", b'_'),
    (b"&period;", b'.'),
    (b"&sol;", b'/'),
    (b"&equals;", b'='),
];

/// Parses digits at the start of a text as an ASCII character. Returns it with their number.
fn number(text: &[u8], base: u32, digits: std::ops::RangeInclusive<usize>) -> Option<(u8, usize)> {
    let found = text.iter().take(*digits.end()).take_while(|byte| char::from(**byte).is_digit(base)).count();
    let number = std::str::from_utf8(text.get(..found).filter(|_| digits.contains(&found))?).ok()?;
    let byte = u8::from_str_radix(number.trim_start_matches('0'), base).ok()?;
    byte.is_ascii().then_some((byte, found))
}

/// As [`number`], with up to eight digits and a last character.
fn closed(text: &[u8], base: u32, end: u8) -> Option<(u8, usize)> {
    let (byte, length) = number(text, base, 1..=8)?;
    (text.get(length) == Some(&end)).then_some((byte, length + 1))
}

/// A writer that removes the secrets. It passes on whole lines, and long lines in chunks.
pub struct Redacting<W: Write> {
    to: W,
    pending: Vec<u8>,
}

impl<W: Write> Redacting<W> {
    /// Returns a writer in front of another one. What is pending is written when it is flushed or dropped.
    pub fn new(to: W) -> Self {
        Self { to, pending: Vec::new() }
    }

    /// Writes what is pending up to an end that splits no secret.
    fn pass(&mut self, end: usize) -> io::Result<()> {
        let ready = &self.pending[..end];
        let redacted = with_secrets(|secrets| secrets.redact(ready)).unwrap_or(Cow::Borrowed(ready));
        self.to.write_all(&redacted)?;
        self.pending.drain(..end);
        Ok(())
    }

    /// Returns the end of the part of a long line in which every secret is complete.
    fn end(&self) -> usize {
        let end = with_secrets(|secrets| {
            let end =
                self.pending.len().checked_sub(CHUNK)?.checked_sub(secrets.longest * BYTES_EACH)? + CHUNK;
            let split = secrets.find(&self.pending).into_iter().find(|(range, _)| range.end >= end);
            Some(split.map_or(end, |(range, _)| range.start.min(end)))
        });
        end.map_or(self.pending.len(), Option::unwrap_or_default)
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for bytes in bytes.chunks(CHUNK) {
            self.pending.extend_from_slice(bytes);
            let feed = bytes.iter().rposition(|byte| *byte == b'\n').map(|feed| bytes.len() - feed - 1);
            match feed {
                Some(after) => self.pass(self.pending.len() - after)?,
                None if self.pending.len() >= CHUNK => self.pass(self.end())?,
                None => {}
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.pending.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Redacting<W> {
    fn drop(&mut self) {
        // Whoever needs to know of an error flushes.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As long as a token of Meta, with characters that encodings change.
    const TOKEN: &str = "EAAJ|zR_w/8Qp5\"Kx7Vb&c2=Lm9%Tn4+Hd6<Gf3>sY1'uWq0.eXo-iA";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("token", TOKEN.as_bytes());
        secrets
    }

    fn redacted(text: &str) -> String {
        String::from_utf8(secrets().redact(text.as_bytes()).into_owned()).unwrap()
    }

    fn percent(text: &str, all: bool, upper: bool) -> String {
        text.bytes().fold(String::new(), |text, byte| match (byte.is_ascii_alphanumeric() && !all, upper) {
            (true, _) => format!("{text}{}", char::from(byte)),
            (false, true) => format!("{text}%{byte:02X}"),
            (false, false) => format!("{text}%{byte:02x}"),
        })
    }

    fn html(text: &str) -> String {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;").replace('\'', "&#39;").replace('|', "&#x7c;").replace('_', "&lowbar;")
    }

    fn json(text: &str) -> String {
        let json = serde_json::to_string(text).unwrap();
        json[1..json.len() - 1].replace('/', "\\/").replace('<', "\\u003C").replace('&', "\\u0026")
    }

    /// Returns the encodings in which a text can be echoed.
    fn encodings(text: &str) -> Vec<String> {
        let base64 = |shift: usize| STANDARD_NO_PAD.encode(format!("{}{text}", "x".repeat(shift)));
        vec![
            text.to_owned(),
            percent(text, false, true),
            percent(text, false, false),
            percent(text, true, true),
            html(text),
            json(text),
            json(&json(text)),
            json(&html(text)),
            percent(&json(text), false, true),
            json(&percent(text, false, false)),
            text.escape_unicode().to_string(),
            URL_SAFE_NO_PAD.encode(text),
            base64(0),
            base64(1),
            base64(2),
        ]
    }

    #[test]
    fn a_secret_is_removed_in_every_encoding() {
        for encoded in encodings(TOKEN) {
            let text = redacted(&format!("before {encoded} after"));
            let (before, rest) =
                text.split_once("(redacted token)").unwrap_or_else(|| panic!("{encoded} is kept: {text}"));
            let after = rest.strip_suffix(" after").unwrap();
            // Of base64 the characters at both ends are no part of the secret alone.
            assert!(before.starts_with("before ") && before.len() < 12 && after.len() < 4, "{text}");
        }
    }

    #[test]
    fn a_secret_that_is_cut_is_removed_from_twelve_characters_on() {
        for length in PART..TOKEN.len() {
            for cut in [&TOKEN[..length], &TOKEN[TOKEN.len() - length..]] {
                for encoded in encodings(cut).into_iter().take(11) {
                    assert_eq!(redacted(&format!("({encoded})")), "((redacted token))", "{encoded}");
                }
            }
        }
        assert_eq!(redacted(&TOKEN[..PART - 1]), TOKEN[..PART - 1]);
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = "Acme 株式会社 100% &amp; \\u0041 \\\\ %41 EAAJ ids 670000000000001";
        assert_eq!(redacted(text), text);
        let mut secrets = Secrets::default();
        secrets.add("token", b"670000000000001|abcdefghijklmnop");
        assert!(
            matches!(secrets.redact(b"app 670000000000001"), Cow::Borrowed(_)),
            "an app's id is no secret"
        );
        secrets.add("token", b"short");
        assert!(matches!(secrets.redact(b"short"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_writer_removes_secrets_however_the_text_is_cut() {
        // Its own secret: the registry is shared by all tests of this process.
        let secret = "writerSecret_0123456789_abcdefghijklmnopqrstuvwxyz";
        protect("writer", &SecretString::from(secret));
        for pad in [0, 5, CHUNK - 30, CHUNK, CHUNK + 700, 3 * CHUNK] {
            let text = format!("{}{secret}{}\n{secret}", "x".repeat(pad), "y".repeat(pad));
            let expected =
                format!("{}(redacted writer){}\n(redacted writer)", "x".repeat(pad), "y".repeat(pad));
            for piece in [7, 1000, CHUNK, text.len()] {
                let mut out = Vec::new();
                let mut writer = Redacting::new(&mut out);
                text.as_bytes().chunks(piece).for_each(|piece| writer.write_all(piece).unwrap());
                drop(writer);
                assert!(String::from_utf8(out).unwrap() == expected, "{pad} {piece}");
            }
            assert!(super::text(&text) == expected, "{pad}");
        }
    }

    proptest! {
        #[test]
        fn other_text_is_never_changed(text in "(\\PC|[%&\\\\u0-9a-f{};#x]){0,200}") {
            prop_assert_eq!(redacted(&text), text);
        }
    }
}
