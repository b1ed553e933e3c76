//! The commands that explain what is shown.

use super::View;
use crate::model::{AssignmentKey, Name, Undeclared, Unmanaged, UnmanagedReason};
use std::collections::BTreeSet;

impl View<'_> {
    /// Returns a command for each entry, the most important first, and then for each undeclared system user: so many at most,
    /// and the number of the others. Of several WABAs a command names the first.
    pub(in crate::render) fn explain_commands(self, most: usize) -> (Vec<String>, usize) {
        let plan = self.plan();
        let entries = self.entries(true);
        let changes = entries.iter().map(|entry| {
            let key = entry.first().key;
            (key, plan.user_names.get(&key.user))
        });
        let mut seen = BTreeSet::new();
        let is_drift =
            |row: &&Unmanaged| row.why == UnmanagedReason::Undeclared && plan.undeclared == Undeclared::Drift;
        let undeclared = plan.unmanaged.iter().filter(is_drift).filter(|row| seen.insert(row.key.user));
        let mut all = changes.chain(undeclared.map(|row| (row.key, Some(&row.name))));
        let shown = all.by_ref().take(most).map(|(key, user)| self.explain_command(key, user)).collect();
        (shown, all.count())
    }

    fn explain_command(self, key: AssignmentKey, user: Option<&Name>) -> String {
        let user = user.and_then(word).unwrap_or_else(|| key.user.to_string());
        let waba = self.plan().waba_names.get(&key.waba).and_then(word);
        let waba = waba.unwrap_or_else(|| key.waba.to_string());
        format!("wabacl explain {user} {waba}")
    }
}

/// Returns a name as a word of a command line; `None` if a shell or a reader could take it for something else. Then the id
/// stands in its place.
fn word(name: &Name) -> Option<String> {
    let text = name.as_str();
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_quotable = |c: char| is_safe(c) || " ()+,@".contains(c);
    if text.is_empty() || text.starts_with('-') || text.len() > 60 {
        None
    } else if text.chars().all(is_safe) {
        Some(text.to_owned())
    } else {
        text.chars().all(is_quotable).then(|| format!("'{text}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_could_take_for_something_else_is_left_out() {
        for (name, expected) in [
            ("deploy-bot", Some("deploy-bot")),
            ("Ops Lead", Some("'Ops Lead'")),
            ("Reporting (prod)", Some("'Reporting (prod)'")),
            ("-rf", None),
            ("", None),
            ("a'b", None),
            ("$(id)", None),
            ("a\nb", None),
            ("株式会社", None),
        ] {
            assert_eq!(word(&Name::from(name)).as_deref(), expected, "{name}");
        }
    }
}
