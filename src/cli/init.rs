//! `wabacl init`: writes the files that a repository for access begins with.
//!
//! The files themselves stand in `src/init/`; this only fills in what differs from place to place.

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::model::BusinessId;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The manifest.
const MANIFEST: (&str, &str) = ("access/access.yaml", include_str!("../init/access.yaml"));
/// The workflows of GitHub Actions.
const WORKFLOWS: [(&str, &str); 3] = [
    (".github/workflows/wabacl-plan.yml", include_str!("../init/plan.yml")),
    (".github/workflows/wabacl-apply.yml", include_str!("../init/apply.yml")),
    (".github/workflows/wabacl-drift.yml", include_str!("../init/drift.yml")),
];
/// A business that stands in the manifest where none is named.
const EXAMPLE_BUSINESS: &str = "9876543210987654";
/// What stands for the action where none is named: well formed, and nothing that could run.
const NO_ACTION: &str = "OWNER/wabacl@0000000000000000000000000000000000000000";

/// Writes a manifest to begin with, and workflows for GitHub
///
/// It never writes over a file: where one is there already, nothing is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the repository
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Writes three workflows too: plan on pull requests, apply after the merge, drift on a schedule
    #[arg(long)]
    github: bool,
    /// The business portfolio, which the manifest and the names of the workflows' queues begin with
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// Where the workflows find the action: OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit
    #[arg(long, value_name = "REF", requires = "github", value_parser = action)]
    action: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = files(args);
    let there: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.symlink_metadata().is_ok())
        .map(|(path, _)| shown(path))
        .collect();
    if !there.is_empty() {
        let message = format!("nothing was written: there is already {}", there.join(", "));
        return Err(Failure::plain(Exit::Failed, message).hint("name another folder, or move these away"));
    }
    for (path, text) in &files {
        write(path, text).map_err(|error| Failure::failed(&format!("writing {}", shown(path)), error))?;
        terminal.product(&format!("wrote {}\n", shown(path)))?;
    }
    if args.business.is_none() {
        terminal.say(&format!("The business {EXAMPLE_BUSINESS} is an example: put yours in its place."));
    }
    if args.github && args.action.is_none() {
        terminal
            .say(&format!("The workflows name {NO_ACTION}: put the action's repository and commit there."));
    }
    Ok(Exit::Done)
}

/// Returns the files that are asked for, filled in.
fn files(args: &Args) -> Vec<(PathBuf, String)> {
    let business = args.business.map_or_else(|| String::from(EXAMPLE_BUSINESS), |id| id.to_string());
    let action = args.action.as_deref().unwrap_or(NO_ACTION);
    let workflows = WORKFLOWS.into_iter().filter(|_| args.github);
    std::iter::once(MANIFEST)
        .chain(workflows)
        .map(|(path, text)| {
            let text = text.replace("@BUSINESS@", &business).replace("@ACTION@", action);
            (args.folder.join(path), text)
        })
        .collect()
}

/// Writes a file that is not there yet, with the folders above it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Shows a path as it was asked for, without the folder that the program runs in.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// Reads where the action is. A tag or a branch can be moved by whoever owns it, so only a commit will do.
fn action(text: &str) -> Result<String, String> {
    let plain = |part: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(good)
    };
    let (place, commit) = text.split_once('@').ok_or("it names no commit")?;
    if place.split('/').count() < 2 || !place.split('/').all(plain) {
        return Err(String::from("it names no repository"));
    }
    if commit.len() != 40 || !commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(String::from("a commit has 40 hexadecimal digits"));
    }
    Ok(String::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_a_repository_and_a_whole_commit() {
        let commit = "3d3c42e5aac5ba805825da76410c181273ba90b1";
        for good in ["northwind/wabacl", "northwind/tools/wabacl"] {
            assert!(action(&format!("{good}@{commit}")).is_ok(), "{good}");
        }
        assert!(action(NO_ACTION).is_ok());
        for bad in ["northwind/wabacl", "northwind/wabacl@v1", "northwind/wabacl@main", "@", "a/b@"] {
            assert!(action(bad).is_err(), "{bad}");
        }
        for bad in ["wabacl", "/wabacl", "a b/wabacl", "a/wabacl\n", ""] {
            assert!(action(&format!("{bad}@{commit}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let args = Args { folder: PathBuf::new(), github: true, business: None, action: None };
        for (path, text) in files(&args) {
            assert!(!text.contains("@BUSINESS@") && !text.contains("@ACTION@"), "{}", path.display());
        }
    }
}
