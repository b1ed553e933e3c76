//! Versions of the API: which exist, and which of them answers.

/// The oldest version that still answers, and the newest, from Meta's changelog as of November 2026.
const ANSWERING: std::ops::RangeInclusive<u16> = 21..=26;
/// The versions with several minor numbers and their last one: 2.0 to 2.12, 3.0 to 3.3.
const LAST_MINOR: [(u16, u16); 2] = [(2, 12), (3, 3)];

/// Returns the version that answers a request for `version`: an older one is answered by the oldest that is left.
/// `None` if there never was such a version.
pub(crate) fn answering(version: &str) -> Option<String> {
    let (major, minor) = version.strip_prefix('v')?.split_once('.')?;
    let (major, minor): (u16, u16) = (major.parse().ok()?, minor.parse().ok()?);
    let last_minor = LAST_MINOR.iter().find(|(number, _)| *number == major).map_or(0, |(_, last)| *last);
    if !(1..=*ANSWERING.end()).contains(&major) || minor > last_minor {
        return None;
    }
    Some(if ANSWERING.contains(&major) { version.to_owned() } else { format!("v{}.0", ANSWERING.start()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_versions_are_answered_by_the_oldest_and_unknown_ones_by_none() {
        for (version, expected) in [
            ("v25.0", Some("v25.0")),
            ("v26.0", Some("v26.0")),
            ("v3.3", Some("v21.0")),
            ("v20.0", Some("v21.0")),
            ("v27.0", None),
            ("v25.1", None),
            ("v0.0", None),
        ] {
            assert_eq!(answering(version).as_deref(), expected, "{version}");
        }
    }
}
