//! The digest of what a manifest means: desired state, scope, prune and guards, not how they are written.

use crate::guard::Policy;
use crate::model::Desired;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Gives `sha256:` and 64 hexadecimal digits over the canonical form of what is desired.
///
/// Two manifests that mean the same in the same business have the same digest.
pub fn manifest_digest(desired: &Desired, policy: &Policy) -> String {
    let mut lines = Lines { hasher: Sha256::new(), line: String::new() };
    lines.add(&format_args!("business {}", desired.business));
    for (waba, scoped) in &desired.scope.wabas {
        lines.add(&format_args!("waba {waba} {:?}", scoped.prune));
    }
    for (user, declared) in &desired.scope.users {
        lines.add(&format_args!("user {user} {}", declared.by_role));
    }
    for (key, tasks) in desired.state.iter() {
        lines.add(&format_args!("assignment {} {} {tasks}", key.waba, key.user));
    }
    for (task, beside) in &desired.implied {
        lines.add(&format_args!("implied {task} {beside}"));
    }
    lines.add(&format_args!("max_removals {} {}", policy.max_removals, policy.max_removals_percent));
    for (task, min) in &policy.min_holders {
        lines.add(&format_args!("min_holders {task} {min}"));
    }
    for user in &policy.protected_users {
        lines.add(&format_args!("protected {user}"));
    }
    lines.finish()
}

/// Text lines on their way into a hash, through one buffer.
struct Lines {
    hasher: Sha256,
    line: String,
}

impl Lines {
    fn add(&mut self, line: &std::fmt::Arguments<'_>) {
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = writeln!(self.line, "{line}");
        self.hasher.update(self.line.as_bytes());
    }

    fn finish(self) -> String {
        self.hasher.finalize().iter().fold(String::from("sha256:"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
