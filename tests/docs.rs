//! The guides tell the truth: every command in them is run, on the emulator, in the order in which it stands there.

mod questions;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A block of commands, and its expected exit status.
#[derive(Debug)]
struct Block {
    commands: String,
    ends_with: i32,
}

/// Returns the commands of a guide: all blocks of `sh`, and the scripts of pipelines after `<!-- runs: wabacl -->`. A
/// block after `<!-- file: NAME -->` becomes a command that writes the file.
///
/// `<!-- ends with: 2 -->` before a block declares an exit status other than 0.
fn blocks(guide: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let (mut ends_with, mut marked, mut file) = (0, false, None);
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(code) = line.strip_prefix("<!-- ends with: ").and_then(|rest| rest.strip_suffix(" -->")) {
            ends_with = code.parse().expect("an exit code is a number");
        } else if line == "<!-- runs: wabacl -->" {
            marked = true;
        } else if let Some(name) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->"))
        {
            file = Some(name);
        } else if let Some(language) = line.strip_prefix("```").filter(|language| !language.is_empty()) {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            let commands = match (file, language) {
                (Some(name), _) => format!("cat >{name} <<'END'\n{}\nEND", inside.join("\n")),
                (None, "sh") => inside.join("\n"),
                (None, "yaml") if marked => pipeline_commands(&inside).join("\n"),
                _ => String::new(),
            };
            if !commands.is_empty() {
                found.push(Block { commands, ends_with });
            }
            (ends_with, marked, file) = (0, false, None);
        }
    }
    found
}

/// Returns the commands of a pipeline's script that run `wabacl`. Atlantis writes `run: ` before each.
fn pipeline_commands<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let commands = lines.iter().filter_map(|line| line.trim().strip_prefix("- "));
    let commands = commands.map(|command| command.strip_prefix("run: ").unwrap_or(command));
    commands.filter(|command| command.starts_with("wabacl ")).collect()
}

/// A `wabacl` that uses an emulator instead of Meta's API, unless its arguments name an API.
const WABACL: &str = r#"#!/bin/sh
case " $* " in
*" --emulate "* | *" --graph-url "*) exec "$PROGRAM" "$@" ;;
" plan "* | " import "* | " apply "* | " undo "* | " drift "* | " whoami "* | " snapshot "* | " who-can "* | " explain "* | " review "* | " report "*)
  exec "$PROGRAM" "$@" --emulate live.yaml ;;
" journal "*"--state"*) exec "$PROGRAM" "$@" ;;
" journal "*) exec "$PROGRAM" "$@" --state-dir live.state ;;
*) exec "$PROGRAM" "$@" ;;
esac
"#;

/// Makes a folder with a repository of the quickstart, and [`WABACL`] in `bin`.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the repository");
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    std::fs::create_dir(folder.path().join("access")).expect("folders can be made");
    for file in ["access/access.yaml", "access/users.yaml", "live.yaml"] {
        std::fs::copy(top.join(file), folder.path().join(file)).expect("files can be copied");
    }
    let program = folder.path().join("bin/wabacl");
    std::fs::create_dir(folder.path().join("bin")).expect("folders can be made");
    std::fs::write(&program, WABACL).expect("files can be written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("modes can be changed");
    let begin = "git init --quiet && git add access && git commit --quiet --message Begin && \
        sed -i 's/tasks: .template-editor, VIEW_COST./tasks: [template-editor]/' access/access.yaml && \
        git commit --quiet --all --message 'No costs for deploy-bot'";
    run(folder.path(), begin, 0, "the repository");
    folder
}

/// Returns bash with commands, as a reader copies them from the guide. Ends a program in the background.
fn command(folder: &Path, commands: &str) -> Command {
    let script = format!(
        "set -eo pipefail\n\
         PATH=$PWD/bin:$PATH\n\
         trap 'kill \"$!\" 2>/dev/null || true' EXIT\n\
         {commands}\n"
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([("PROGRAM", env!("CARGO_BIN_EXE_wabacl")), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ana"), ("GIT_COMMITTER_EMAIL", "ana@example.com")])
        .envs([("DIR", "access"), ("PLANFILE", "access-default.tfplan"), ("ATLANTIS_DATA_DIR", "data")])
        .env("HOME", folder);
    bash
}

/// Runs commands in bash.
fn run(folder: &Path, commands: &str, ends_with: i32, guide: &str) -> String {
    let output = command(folder, commands).output().expect("bash starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(ends_with), "{guide}:\n{commands}\n{stdout}{stderr}");
    stdout.into_owned()
}

/// Runs all that a guide shows, and gives what each block printed.
fn follow(guide: &str) -> Vec<String> {
    follow_text(guide, &std::fs::read_to_string(guide).expect(guide))
}

fn follow_text(guide: &str, text: &str) -> Vec<String> {
    let (place, blocks) = (place(), blocks(text));
    assert!(!blocks.is_empty(), "{guide} shows commands");
    blocks.iter().map(|block| run(place.path(), &block.commands, block.ends_with, guide)).collect()
}

#[test]
fn the_guide_for_github_works() {
    let printed = follow("docs/github.md");
    assert!(printed[0].contains("wrote access-repo/.github/workflows/wabacl-apply.yml"), "{}", printed[0]);
    assert!(printed[1].contains("<!-- wabacl-plan -->") && printed[1].contains("changes"), "{}", printed[1]);
}

#[test]
fn the_guide_for_gitlab_works() {
    let printed = follow("docs/gitlab.md");
    assert_eq!(printed[1], "kept, although it differs: .gitlab-ci.yml\nwrote .gitlab/wabacl.yml\n");
}

#[test]
fn the_guide_for_atlantis_works() {
    let printed = follow("docs/atlantis.md");
    assert!(printed[0].contains("Applied:"), "{}", printed[0]);
}

#[test]
fn the_page_about_snapshots_works() {
    let printed = follow("docs/snapshots.md");
    assert!(printed[0].contains("Snapshot: as of the snapshot of"), "{}", printed[0]);
    assert!(printed[0].contains("Applied: 8 of 8 changes."), "{}", printed[0]);
    assert!(printed[1].contains("Differences: 0 system users, 0 WABAs, 8 assignments."), "{}", printed[1]);
}

#[test]
fn the_guide_for_cron_works() {
    let printed = follow("docs/cron.md");
    assert!(printed[2].contains("No drift."), "{}", printed[2]);
}

#[test]
fn the_guide_for_running_it_works() {
    let printed = follow("docs/operating.md");
    // The last commit took the costs from deploy-bot; the plan after the revert gives them back.
    let gives_back = "): VIEW_TEMPLATES +MANAGE_TEMPLATES +VIEW_COST; by ";
    assert!(printed[1].contains(gives_back), "{}", printed[1]);
    assert!(
        printed[3].contains("takes back run") && printed[3].contains("Applied: 1 of 1 change"),
        "{}",
        printed[3]
    );
    assert!(printed[6].contains("To end:") && printed[6].contains("Review: "), "{}", printed[6]);
    assert!(printed[7].contains("Applied:") && printed[7].contains("deploy-bot"), "{}", printed[7]);
}

#[test]
fn the_guide_for_adopting_works() {
    let printed = follow("docs/adoption.md");
    assert!(
        printed[0].contains("Their plan is empty, with `prune: none`, `declared` and `all`."),
        "{}",
        printed[0]
    );
    assert!(printed[1].contains("No changes."), "{}", printed[1]);
    assert!(printed[2].contains("left out of the exceptions"), "{}", printed[2]);
    assert!(printed[3].contains("No changes.") && printed[3].contains("No drift."), "{}", printed[3]);
    assert!(printed[4].contains("wrote .github/workflows/wabacl-plan.yml"), "{}", printed[4]);
    assert!(printed[5].contains("There is nothing to add to adopted."), "{}", printed[5]);
}

/// Each recipe begins in a repository of its own.
#[test]
fn each_recipe_works() {
    let text = std::fs::read_to_string("docs/recipes.md").expect("the recipes are there");
    let printed: Vec<String> = text
        .split("\n## ")
        .skip(1)
        .map(|recipe| follow_text(recipe.lines().next().unwrap_or_default(), recipe).concat())
        .collect();
    let expected = [
        "campaign-sender on initech-shop = Initech Shop (109876123400001): +MESSAGING; applied",
        "! campaign-sender loses everything on 3 WABAs where it is declared no more",
        "deploy-bot-2 on globex = Globex (104996122399160): +MANAGE_TEMPLATES +VIEW_TEMPLATES; applied",
        "deploy-bot on support = Northwind Support (106540352242922): -MANAGE; applied",
        "campaign-sender on support = Northwind Support (106540352242922): -MESSAGING; applied",
        "by grants[0] \"reporting everywhere\" at access/analytics.yaml",
        "No drift. Live access matches the manifests.",
        "Valid: 1 system user, 1 WABA, 1 grant.",
    ];
    assert_eq!(printed.len(), expected.len());
    for (printed, expected) in printed.iter().zip(expected) {
        assert!(printed.contains(expected), "`{expected}` is missing in\n{printed}");
    }
}

#[test]
fn the_page_on_the_emulator_works() {
    let printed = follow("docs/emulator.md");
    assert!(printed[2].contains("+ deploy-bot") && printed[2].contains("Applied:"), "{}", printed[2]);
    assert!(printed[2].ends_with("No drift. Live access matches the manifests.\n"), "{}", printed[2]);
    assert!(printed[3].contains("CI Admin") && printed[3].contains("~ deploy-bot"), "{}", printed[3]);
}

#[test]
fn the_page_on_access_tests_works() {
    let printed = follow("docs/tests.md");
    assert!(printed[1].contains("Tests, on what the manifests ask for: 5 passed."), "{}", printed[1]);
    assert!(printed[2].contains("FAIL      no sender edits templates"), "{}", printed[2]);
    assert!(printed[2].contains("Tests, live: 2 failed, 3 passed."), "{}", printed[2]);
    assert!(printed[3].contains("Tests, after the plan: 5 passed."), "{}", printed[3]);
}

#[test]
fn the_page_on_guards_works() {
    let printed = follow("docs/guards.md");
    assert!(printed[0].contains("no-new-access"), "{}", printed[0]);
    assert!(printed[2].contains("Valid:"), "{}", printed[2]);
    let added = "! waivers.max-removals changes from not set to up to 120, until 2026-12-15: OPS-4711:";
    assert!(printed[3].contains(added), "{}", printed[3]);
}

#[test]
fn the_page_on_reports_works() {
    let printed = follow("docs/report.md");
    assert_eq!(printed[2].lines().count(), 9, "a head and the 8 changes: {}", printed[2]);
    assert!(printed[2].contains("\"read-back\"") && printed[2].contains("pull/12"), "{}", printed[2]);
    let outside = |line: &&str| line.contains("\"false\",\"MANAGE\"");
    assert_eq!(printed[4].lines().filter(outside).count(), 4, "{}", printed[4]);
    assert_eq!(printed[5].lines().count(), 1, "{}", printed[5]);
}

#[test]
fn the_guide_for_a_shared_state_works() {
    let printed = follow("docs/state.md");
    assert!(printed[0].contains("Applied: ") && printed[0].contains("Journal: 1 run"), "{}", printed[0]);
    assert!(printed[0].contains("lease:     free since"), "{}", printed[0]);
}

#[test]
fn the_guide_for_a_reconciler_works() {
    let printed = follow("docs/reconcile.md");
    assert!(printed[0].starts_with("ok\n{\"format_version\":"), "{}", printed[0]);
    assert!(printed[0].ends_with("wabacl_reconcile_rounds_total{end=\"applied\"} 1\n"), "{}", printed[0]);
}

#[test]
fn the_guide_for_the_webhook_works() {
    let printed = follow("docs/webhooks.md");
    assert_eq!(printed[2], "1158201444 200\n");
}

#[test]
fn every_guide_is_followed() {
    let mut guides: Vec<String> = std::fs::read_dir("docs")
        .expect("there are guides")
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    guides.sort();
    // No test runs the commands of these pages.
    guides.retain(|page| {
        // The questions have a test of their own, and so have the commands of the manifests for Kubernetes.
        ![
            "README.md",
            "book",
            "questions.md",
            "install.md",
            "kubernetes.md",
            "manifest.md",
            "tasks.md",
            "troubleshooting.md",
        ]
        .contains(&&**page)
    });
    assert_eq!(
        guides,
        [
            "adoption.md",
            "atlantis.md",
            "cron.md",
            "emulator.md",
            "github.md",
            "gitlab.md",
            "guards.md",
            "operating.md",
            "recipes.md",
            "reconcile.md",
            "report.md",
            "snapshots.md",
            "state.md",
            "tests.md",
            "webhooks.md"
        ]
    );
}
