//! Globs that match names.

/// A pattern that matches a whole name, case-sensitive: `*` matches any number of characters, `?` matches one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob(Box<str>);

impl Glob {
    /// Creates a glob from a pattern. Every text is a valid pattern.
    pub fn new(pattern: impl Into<Box<str>>) -> Self {
        Self(pattern.into())
    }

    /// Returns whether a text contains a wildcard.
    pub fn is_glob(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// Returns the pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches the whole name. Takes at most the product of both lengths in steps.
    pub fn matches(&self, name: &str) -> bool {
        if !self.0.contains('?') {
            return self.matches_parts(name);
        }
        let mut steps = u64::MAX;
        self.matches_within(name, &mut steps)
    }

    /// Returns whether a name has the parts between the stars one after the other. The first place of each is the best.
    fn matches_parts(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    /// As [`Glob::matches`]. Subtracts the steps that it takes; if they do not suffice, it returns `false` and leaves 0.
    pub fn matches_within(&self, name: &str, steps: &mut u64) -> bool {
        let (mut pattern, mut rest) = (self.0.chars(), name.chars());
        let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                return false;
            }
            let rest_before = rest.clone();
            match (pattern.next(), rest.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    rest = rest_before;
                    retry = Some((pattern.clone(), rest.clone()));
                }
                (Some('?'), Some(_)) => {}
                (Some(p), Some(n)) if p == n => {}
                _ => {
                    // Let the last star match one more character.
                    let Some((after_star, mut taken)) = retry.take() else { return false };
                    if taken.next().is_none() {
                        return false;
                    }
                    pattern = after_star.clone();
                    rest = taken.clone();
                    retry = Some((after_star, taken));
                }
            }
        }
    }
}

/// Every text is a valid pattern.
impl std::str::FromStr for Glob {
    type Err = std::convert::Infallible;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_takes_at_most_the_product_of_both_lengths_in_steps() {
        let glob = Glob::new("*a".repeat(50) + "b");
        let name = "a".repeat(100);
        let mut steps = u64::MAX;
        assert!(!glob.matches_within(&name, &mut steps));
        assert!(u64::MAX - steps <= 101 * 101);
        let mut few = 10;
        assert!(!Glob::new("*").matches_within(&name, &mut 1));
        assert!(!Glob::new("a".repeat(100)).matches_within(&name, &mut few));
        assert_eq!(few, 0);
    }

    #[test]
    fn a_glob_matches_the_whole_name_and_is_case_sensitive() {
        for (pattern, name, expected) in [
            ("acme-*", "acme-eu", true),
            ("acme-*", "acme-", true),
            ("acme-*", "Acme-eu", false),
            ("acme", "acme-eu", false),
            ("*eu", "acme-eu", true),
            ("*", "", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*a*b*c", "xxaxxbxxbxc", true),
            ("*a*b*c", "xxaxxbxxbx", false),
            ("", "", true),
            ("?", "", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("**", "x", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "abxb", false),
            ("é*é", "éaé", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern:?} on {name:?}");
        }
    }
}
