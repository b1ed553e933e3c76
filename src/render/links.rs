//! Links to lines of manifests, where a pipeline says which repository and commit they come from.

use std::fmt::Write as _;

/// Where the files of a run can be seen: a repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLinks {
    /// The address of the top folder, with `/` at its end.
    base: String,
    /// The folder of the run below the top folder, with `/` at its end, or empty.
    folder: String,
}

impl SourceLinks {
    /// Links to files below an address; `None` if it or the commit cannot be one.
    ///
    /// `address` is that of the repository, `between` leads from there to the files of a commit, such as `/blob/`.
    pub fn new(address: &str, between: &str, commit: &str, folder: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        let is_commit =
            (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_web && is_commit && address.chars().all(is_plain)).then(|| Self {
            base: format!("{}{between}{commit}/", address.trim_end_matches('/')),
            folder: folder.to_owned(),
        })
    }

    /// Returns the address of a line of a file; `None` for one outside of the repository. `path` is relative to the folder
    /// of the run.
    pub(super) fn line(&self, path: &str, line: u32) -> Option<String> {
        // Standard input is shown as `<stdin>`. Neither it nor an absolute path is known to be in the repository.
        if path.starts_with(['/', '<']) || path.contains(['\\', '\0']) {
            return None;
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in self.folder.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        let mut url = self.base.clone();
        for (index, part) in parts.iter().enumerate() {
            url.push_str(if index > 0 { "/" } else { "" });
            for byte in part.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    url.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(url, "%{byte:02X}");
                }
            }
        }
        let _ = write!(url, "#L{line}");
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn links(folder: &str) -> SourceLinks {
        SourceLinks::new("https://example.com/o/r", "/blob/", COMMIT, folder).unwrap()
    }

    #[test]
    fn a_link_names_repository_commit_path_and_line() {
        let base = format!("https://example.com/o/r/blob/{COMMIT}/");
        let at = |folder: &str, path: &str| links(folder).line(path, 7).map(|url| url.replace(&base, ""));
        assert_eq!(at("", "access/a.yaml").as_deref(), Some("access/a.yaml#L7"));
        assert_eq!(at("infra/", "./access//a.yaml").as_deref(), Some("infra/access/a.yaml#L7"));
        assert_eq!(at("infra/", "../a b|]).yaml").as_deref(), Some("a%20b%7C%5D%29.yaml#L7"));
        for outside in ["../a.yaml", "/etc/a.yaml", "<stdin>", "a/../../b.yaml"] {
            assert_eq!(at("", outside), None, "{outside}");
        }
    }

    #[test]
    fn what_is_no_address_or_commit_makes_no_links() {
        for (address, commit) in [
            ("javascript:x", COMMIT),
            ("https://example.com/a b", COMMIT),
            ("https://example.com/a)[x](http://y", COMMIT),
            ("https://example.com/o/r", "main"),
            ("https://example.com/o/r", "0123456789abcdef0123456789abcdef0123456x"),
        ] {
            assert_eq!(SourceLinks::new(address, "/blob/", commit, ""), None, "{address} {commit}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves_its_address(path in "\\PC*|.*|[./)\\](|#?% a-z]*", folder in "[a-z/.]*") {
            if let Some(url) = links(&folder).line(&path, 1) {
                let rest = url.strip_prefix(&format!("https://example.com/o/r/blob/{COMMIT}/")).unwrap();
                let (path, line) = rest.split_once('#').unwrap();
                prop_assert_eq!(line, "L1");
                let is_inert = path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/%".contains(c));
                prop_assert!(is_inert, "{}", url);
                prop_assert!(!path.split('/').any(|part| part == ".." || part == "."));
            }
        }
    }
}
