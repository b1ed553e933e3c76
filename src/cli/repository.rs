//! The repository and the commit of a run, from the environment of a pipeline.

use crate::render::SourceLinks;
use std::path::{Path, PathBuf};

/// Returns links to the files of the commit that a pipeline of GitHub or GitLab checked out.
pub(crate) fn source_links() -> Option<SourceLinks> {
    let folder = |workspace: Option<String>| folder_below(&top(workspace.as_deref())?);
    links(|name| std::env::var(name).ok(), folder)
}

/// Makes links from variables of an environment. `folder` returns the folder of the run, by the one of the checkout.
fn links(
    variable: impl Fn(&str) -> Option<String>,
    folder: impl Fn(Option<String>) -> Option<String>,
) -> Option<SourceLinks> {
    let is_set = |name| variable(name).is_some_and(|value| value == "true");
    if is_set("GITHUB_ACTIONS") {
        let server = variable("GITHUB_SERVER_URL")?;
        let address = format!("{}/{}", server.trim_end_matches('/'), variable("GITHUB_REPOSITORY")?);
        let folder = folder(variable("GITHUB_WORKSPACE"))?;
        return SourceLinks::new(&address, "/blob/", &variable("GITHUB_SHA")?, &folder);
    }
    if is_set("GITLAB_CI") {
        let folder = folder(variable("CI_PROJECT_DIR"))?;
        return SourceLinks::new(
            &variable("CI_PROJECT_URL")?,
            "/-/blob/",
            &variable("CI_COMMIT_SHA")?,
            &folder,
        );
    }
    None
}

/// Returns the top folder of the repository: the nearest one with `.git`, or else that of the checkout.
fn top(workspace: Option<&str>) -> Option<PathBuf> {
    let here = here()?;
    let nearest = here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
    nearest.or_else(|| Path::new(workspace?).canonicalize().ok())
}

fn here() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

/// Returns the path from a folder above to the current one, with `/` at its end, or empty.
pub(crate) fn folder_below(top: &Path) -> Option<String> {
    let here = here()?;
    let below = here.strip_prefix(top).ok()?.to_str()?.replace('\\', "/");
    Some(if below.is_empty() { below } else { below + "/" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn made(variables: &[(&str, &str)]) -> Option<SourceLinks> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value))
        };
        links(variable, |workspace| workspace.map(|_| String::from("infra/")))
    }

    #[test]
    fn github_and_gitlab_say_where_files_can_be_seen() {
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SHA", COMMIT),
            ("GITHUB_WORKSPACE", "/w"),
        ];
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_URL", "https://gitlab.example/g/p"),
            ("CI_COMMIT_SHA", COMMIT),
            ("CI_PROJECT_DIR", "/w"),
        ];
        let expected = |address: &str, between: &str| SourceLinks::new(address, between, COMMIT, "infra/");
        assert!(made(&github).is_some());
        assert_eq!(made(&github), expected("https://github.example/o/r", "/blob/"));
        assert_eq!(made(&gitlab), expected("https://gitlab.example/g/p", "/-/blob/"));
        for missing in 0..github.len() {
            let rest: Vec<_> =
                github.into_iter().enumerate().filter(|(index, _)| *index != missing).collect();
            assert_eq!(made(&rest.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>()), None, "{missing}");
        }
        assert_eq!(made(&[]), None);
    }
}
