//! Where a run comes from, by the environment of a pipeline of GitHub or GitLab: repository, commit, and who started it.

use super::exit::Exit;
use super::failure::Failure;
use crate::model::{Origin, OriginEntry, OriginError};
use crate::render::SourceLinks;
use std::path::{Path, PathBuf};

/// Returns links to the files of the commit that a pipeline of GitHub or GitLab checked out.
pub(crate) fn source_links() -> Option<SourceLinks> {
    let folder = |workspace: Option<String>| folder_below(&top(workspace.as_deref())?);
    links(|name| std::env::var(name).ok(), folder)
}

/// Returns what the run comes from: what the pipeline says, replaced by what is given.
pub(crate) fn origin(given: &[OriginEntry]) -> Result<Origin, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let usage = |error: OriginError| Failure::plain(Exit::Usage, format!("--origin: {error}"));
    let mut origin = Pipeline::of(&variable).map(|pipeline| pipeline.origin(&variable)).unwrap_or_default();
    for (index, entry) in given.iter().enumerate() {
        if given[..index].iter().any(|earlier| earlier.key() == entry.key()) {
            let message = format!("--origin: the key `{}` is given twice", entry.key());
            return Err(Failure::plain(Exit::Usage, message));
        }
        origin.set(entry.clone()).map_err(usage)?;
    }
    Ok(origin)
}

/// Makes links from variables of an environment. `folder` returns the folder of the run, by the one of the checkout.
fn links(
    variable: impl Fn(&str) -> Option<String>,
    folder: impl Fn(Option<String>) -> Option<String>,
) -> Option<SourceLinks> {
    let pipeline = Pipeline::of(&variable)?;
    let folder = folder(variable(pipeline.workspace()))?;
    SourceLinks::new(&pipeline.address(&variable)?, pipeline.files(), &pipeline.commit(&variable)?, &folder)
}

/// A pipeline whose environment is known.
#[derive(Debug, Clone, Copy)]
enum Pipeline {
    Github,
    Gitlab,
}

impl Pipeline {
    fn of(variable: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_set = |name| variable(name).is_some_and(|value| value == "true");
        if is_set("GITHUB_ACTIONS") {
            Some(Self::Github)
        } else if is_set("GITLAB_CI") {
            Some(Self::Gitlab)
        } else {
            None
        }
    }

    /// Returns the variable with the folder of the checkout.
    fn workspace(self) -> &'static str {
        match self {
            Self::Github => "GITHUB_WORKSPACE",
            Self::Gitlab => "CI_PROJECT_DIR",
        }
    }

    /// Returns what leads from the address of a repository to the files of a commit.
    fn files(self) -> &'static str {
        match self {
            Self::Github => "/blob/",
            Self::Gitlab => "/-/blob/",
        }
    }

    /// Returns the address of the repository.
    fn address(self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Github => {
                let server = variable("GITHUB_SERVER_URL")?;
                Some(format!("{}/{}", server.trim_end_matches('/'), variable("GITHUB_REPOSITORY")?))
            }
            Self::Gitlab => variable("CI_PROJECT_URL"),
        }
    }

    /// Returns the commit that was checked out.
    fn commit(self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        variable(match self {
            Self::Github => "GITHUB_SHA",
            Self::Gitlab => "CI_COMMIT_SHA",
        })
    }

    /// Returns what the run comes from. A value that no origin can have is left out.
    fn origin(self, variable: &impl Fn(&str) -> Option<String>) -> Origin {
        let values = [
            ("commit", self.commit(variable)),
            ("pull_request", self.pull_request(variable)),
            ("run_url", self.run(variable)),
            ("actor", self.actor(variable)),
        ];
        let mut origin = Origin::default();
        for (key, value) in values {
            let entry = OriginEntry::new(key, &value.unwrap_or_default());
            if let Err(error) = entry.and_then(|entry| origin.set(entry)) {
                tracing::warn!("the pipeline's environment is not recorded: {error}");
            }
        }
        origin
    }

    /// Returns the address of the pull request, if the pipeline runs for one. After a merge it no longer says.
    fn pull_request(self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Github => {
                let reference = variable("GITHUB_REF")?;
                let number = reference.strip_prefix("refs/pull/")?.split('/').next()?;
                Some(format!("{}/pull/{number}", self.address(variable)?))
            }
            Self::Gitlab => {
                let project = variable("CI_MERGE_REQUEST_PROJECT_URL")?;
                Some(format!("{project}/-/merge_requests/{}", variable("CI_MERGE_REQUEST_IID")?))
            }
        }
    }

    /// Returns the address of the run.
    fn run(self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Github => {
                let run = format!("{}/actions/runs/{}", self.address(variable)?, variable("GITHUB_RUN_ID")?);
                // The first attempt has the address of the run.
                let attempt = variable("GITHUB_RUN_ATTEMPT").filter(|attempt| attempt != "1");
                Some(attempt.map_or_else(|| run.clone(), |attempt| format!("{run}/attempts/{attempt}")))
            }
            Self::Gitlab => variable("CI_JOB_URL"),
        }
    }

    /// Returns who started the run, or started it again.
    fn actor(self, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Github => variable("GITHUB_TRIGGERING_ACTOR").or_else(|| variable("GITHUB_ACTOR")),
            Self::Gitlab => variable("GITLAB_USER_LOGIN"),
        }
    }
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

    fn origin_of(variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value))
        };
        let origin = Pipeline::of(&variable).map(|pipeline| pipeline.origin(&variable)).unwrap_or_default();
        let entries = origin.entries().map(|(key, value)| format!("{}={}\n", key.as_str(), value.as_str()));
        entries.collect()
    }

    #[test]
    fn github_says_what_a_run_comes_from() {
        let push = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SHA", COMMIT),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_RUN_ID", "34"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_ACTOR", "ann"),
        ];
        let expected =
            format!("actor=ann\ncommit={COMMIT}\nrun_url=https://github.example/o/r/actions/runs/34\n");
        assert_eq!(origin_of(&push), expected);
        let mut again = push.to_vec();
        again.retain(|(name, _)| !["GITHUB_REF", "GITHUB_RUN_ATTEMPT"].contains(name));
        again.extend([
            ("GITHUB_REF", "refs/pull/12/merge"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_TRIGGERING_ACTOR", "bob"),
        ]);
        let expected = format!(
            "actor=bob\ncommit={COMMIT}\npull_request=https://github.example/o/r/pull/12\n\
             run_url=https://github.example/o/r/actions/runs/34/attempts/2\n"
        );
        assert_eq!(origin_of(&again), expected);
    }

    #[test]
    fn gitlab_says_what_a_run_comes_from() {
        let variables = [
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", COMMIT),
            ("CI_JOB_URL", "https://gitlab.example/g/p/-/jobs/5"),
            ("GITLAB_USER_LOGIN", "ann"),
            ("CI_MERGE_REQUEST_PROJECT_URL", "https://gitlab.example/g/p"),
            ("CI_MERGE_REQUEST_IID", "12"),
        ];
        let (job, request) = ("gitlab.example/g/p/-/jobs/5", "gitlab.example/g/p/-/merge_requests/12");
        let expected =
            format!("actor=ann\ncommit={COMMIT}\npull_request=https://{request}\nrun_url=https://{job}\n");
        assert_eq!(origin_of(&variables), expected);
        assert_eq!(origin_of(&variables[1..]), "", "these names mean nothing elsewhere");
    }

    #[test]
    fn what_cannot_be_an_origin_is_left_out() {
        let variables = [
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", "main"),
            ("CI_JOB_URL", "javascript:alert(1)"),
            ("GITLAB_USER_LOGIN", "\u{1b}[31mann"),
        ];
        assert_eq!(origin_of(&variables), "actor=\u{1b}[31mann\n");
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
