//! Fills in the templates of `src/init/`: `@NAME@` in a line is a value, alone on a line a block with its indentation.

use super::TokenFrom;
use super::sets::Set;
use std::collections::BTreeSet;

/// A path in the repository, and a template or a text.
type File<T> = (&'static str, T);

const MANIFEST: File<&str> = ("access/access.yaml", include_str!("../../init/access.yaml"));
const WORKFLOWS: [File<&str>; 5] = [
    (".github/workflows/wabacl-plan.yml", include_str!("../../init/github/plan.yml")),
    (".github/workflows/wabacl-apply.yml", include_str!("../../init/github/apply.yml")),
    (".github/workflows/wabacl-drift.yml", include_str!("../../init/github/drift.yml")),
    (".github/workflows/wabacl-sets.yml", include_str!("../../init/github/sets.yml")),
    (".github/workflows/wabacl-notify.yml", include_str!("../../init/github/notify.yml")),
];
const PIPELINE: [File<&str>; 2] = [
    (".gitlab-ci.yml", include_str!("../../init/gitlab/gitlab-ci.yml")),
    (".gitlab/wabacl.yml", include_str!("../../init/gitlab/wabacl.yml")),
];

/// Returns the first manifest.
pub(super) fn manifest(set: &Set) -> File<String> {
    (MANIFEST.0, fill(MANIFEST.1, &[("BUSINESS", &set.business)]))
}

/// Returns the workflows for GitHub Actions.
pub(super) fn github(sets: &[Set], action: &str, token_from: TokenFrom) -> Vec<File<String>> {
    let entry = |set: &Set| {
        let (config, paths, business) = (json(&set.config), json(&set.paths.join("\n")), json(&set.business));
        format!("{{ \"config\": {config}, \"paths\": {paths}, \"business\": {business} }}")
    };
    let entries = sets.iter().map(entry).collect::<Vec<_>>().join(",\n");
    let (token, steps, permission) = match token_from {
        TokenFrom::Pipeline => ("secrets.WABACL_TOKEN", "", ""),
        TokenFrom::Vault => {
            ("steps.vault.outputs.token", include_str!("../../init/github/token-vault.yml"), ID_TOKEN)
        }
        TokenFrom::Aws => {
            ("steps.aws.outputs.token", include_str!("../../init/github/token-aws.yml"), ID_TOKEN)
        }
    };
    let suffix = if sets.len() == 1 { "" } else { "-${{ matrix.config }}" };
    let serial = if share_a_business(sets) { "max-parallel: 1 # some sets share a business" } else { "" };
    let values = [
        ("SETS", &*entries),
        ("SUFFIX", suffix),
        ("ACTION", action),
        ("TOKEN", token),
        ("TOKEN_STEPS", steps),
        ("ID_TOKEN", permission),
        ("SERIAL", serial),
    ];
    filled(&WORKFLOWS, &values)
}

/// The permission that a workflow needs to log in by OpenID Connect.
const ID_TOKEN: &str = "id-token: write # to log in to the secret manager";

/// Returns the pipeline for GitLab.
pub(super) fn gitlab(sets: &[Set], image: &str, token_from: TokenFrom) -> Vec<File<String>> {
    let entry = |set: &Set| {
        let (config, paths, business) = (json(&set.config), json(&set.paths.join(" ")), json(&set.business));
        format!("- {{ WABACL_SET: {config}, WABACL_PATHS: {paths}, WABACL_BUSINESS: {business} }}")
    };
    let entries = sets.iter().map(entry).collect::<Vec<_>>().join("\n");
    let token = match token_from {
        TokenFrom::Pipeline => "",
        TokenFrom::Vault => include_str!("../../init/gitlab/token-vault.yml"),
        TokenFrom::Aws => include_str!("../../init/gitlab/token-aws.yml"),
    };
    let suffix = if sets.len() == 1 { "" } else { "-$WABACL_SET" };
    filled(&PIPELINE, &[("SETS", &entries), ("SUFFIX", suffix), ("IMAGE", image), ("TOKEN", token)])
}

/// Returns whether two sets are for the same business: then their runs must not overlap.
fn share_a_business(sets: &[Set]) -> bool {
    sets.iter().map(|set| &set.business).collect::<BTreeSet<_>>().len() < sets.len()
}

fn filled(files: &[File<&str>], values: &[(&str, &str)]) -> Vec<File<String>> {
    files.iter().map(|(path, template)| (*path, fill(template, values))).collect()
}

/// Fills in a template. A line that is only the name of an empty value is left out.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    for line in template.lines() {
        let (indentation, text) = line.split_at(line.len() - line.trim_start().len());
        let block = values
            .iter()
            .find(|(name, _)| text.strip_prefix('@').and_then(|text| text.strip_suffix('@')) == Some(name));
        if let Some((_, block)) = block {
            block.lines().for_each(|line| filled.extend([indentation, line, "\n"]));
        } else {
            let replace =
                |line: String, (name, value): &(&str, &str)| line.replace(&format!("@{name}@"), value);
            filled += &values.iter().fold(line.to_owned(), replace);
            filled.push('\n');
        }
    }
    filled
}

/// Quotes a text for JSON, which YAML reads too.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(config: &str, business: &str) -> Set {
        Set { config: config.into(), paths: vec![format!("access/{config}")], business: business.into() }
    }

    #[test]
    fn no_placeholder_is_left_in_the_files() {
        let sets = [set("emea", "1"), set("apac", "1")];
        for token_from in [TokenFrom::Pipeline, TokenFrom::Vault, TokenFrom::Aws] {
            let files = github(&sets, "OWNER/wabacl@COMMIT", token_from).into_iter();
            for (path, text) in files.chain(gitlab(&sets, "image", token_from)).chain([manifest(&sets[0])]) {
                let is_name = |part: &&str| {
                    !part.is_empty() && part.chars().all(|c| c == '_' || c.is_ascii_uppercase())
                };
                assert_eq!(text.split('@').skip(1).find(is_name), None, "{path}");
            }
        }
    }

    #[test]
    fn blocks_keep_their_indentation_and_empty_ones_leave_no_line() {
        let template = "a:\n  @BLOCK@\n  @NONE@\n  b: @VALUE@-@VALUE@\n";
        let values = [("BLOCK", "x: 1\ny:\n  z: 2\n"), ("NONE", ""), ("VALUE", "v")];
        assert_eq!(fill(template, &values), "a:\n  x: 1\n  y:\n    z: 2\n  b: v-v\n");
    }
}
