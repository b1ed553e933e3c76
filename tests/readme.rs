//! The README tells the truth: what it says that a command prints is what the command prints.

use crate::support::terminal::on_terminal;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the program on a terminal with words as the README writes them, in a folder with a copy of the quickstart.
fn run(folder: &Path, words: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
    command.args(words.split_whitespace()).current_dir(folder).env_clear().env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    on_terminal(command, 100)
}

/// Gives the text block that follows the comment `<!-- output of: WORDS -->`.
fn block<'a>(readme: &'a str, words: &str) -> &'a str {
    let (_, after) = readme.split_once(&format!("<!-- output of: {words} -->\n```text\n")).expect(words);
    after.split_once("```").expect("the block ends").0
}

#[test]
fn the_quickstart_prints_what_the_readme_shows() {
    let readme = std::fs::read_to_string("README.md").expect("the README is there");
    let folder = tempfile::tempdir().expect("a folder for the copy");
    for file in ["access/access.yaml", "access/users.yaml", "live.yaml"] {
        let to = folder.path().join("examples/quickstart").join(file);
        std::fs::create_dir_all(to.parent().expect("files lie in folders")).expect("folders can be made");
        std::fs::copy(Path::new("examples/quickstart").join(file), to).expect("files can be copied");
    }
    let words =
        |verb: &str| format!("{verb} examples/quickstart/access --emulate examples/quickstart/live.yaml");
    let (plan, drift) = (words("plan"), words("drift"));
    assert!(readme.contains(&format!("cargo run --release -- {plan}\n")), "the README leads with the plan");
    assert_eq!(run(folder.path(), &plan), block(&readme, &plan));
    run(folder.path(), &format!("{} --auto-approve", words("apply")));
    assert_eq!(run(folder.path(), &drift), block(&readme, &format!("{drift}, after apply")));
}

#[test]
fn the_manifest_of_the_readme_is_good() {
    let readme = std::fs::read_to_string("README.md").expect("the README is there");
    let (_, after) = readme.split_once("```yaml\n").expect("the README shows a manifest");
    let (manifest, _) = after.split_once("```").expect("the block ends");
    let mut sources = wabacl::model::Sources::default();
    let id = sources.add("README.md", manifest);
    let (_, after) = readme.split_once("```csv\n").expect("the README shows a table");
    let (table, _) = after.split_once("```").expect("the block ends");
    let table = sources.add("customers.csv", table);
    sources.add_table(id, "customers.csv", Ok(table));
    let (manifest, diagnostics) = wabacl::manifest::parse(&sources);
    let manifest = manifest.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let mut diagnostics =
        wabacl::resolve::check_offline(&manifest, "2026-11-23T00:00:00Z".parse().expect("an instant"));
    diagnostics.extend(wabacl::resolve::check_labels(&manifest, &wabacl::model::Earlier::default()));
    assert_eq!(diagnostics, []);
}

/// Returns what a command prints as its help.
fn help_of(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
    let output = command.args(words).arg("--help").env_clear().output().expect("the program starts");
    String::from_utf8(output.stdout).expect("the help is text")
}

#[test]
fn the_readme_has_each_command_and_each_schema() {
    let readme = std::fs::read_to_string("README.md").expect("the README is there");
    let help = help_of(&[]);
    let (_, commands) = help.split_once("\nCommands:\n").expect("the help lists the commands");
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ").filter(|name| !name.starts_with(' ')));
    let names = names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help");
    let missing: Vec<&str> = names
        .filter(|name| ![' ', '`'].iter().any(|end| readme.contains(&format!("\n| `{name}{end}"))))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "a row for each command in the table of commands");

    let row = readme.lines().find(|line| line.starts_with("| `schema NAME`")).expect("a row for schema");
    let help = help_of(&["schema"]);
    let (_, names) = help.split_once("Possible values:\n").expect("the help lists the schemas");
    let names = names.lines().map_while(|line| line.trim().strip_prefix("- "));
    let names: Vec<&str> = names.map(|name| name.split(':').next().unwrap_or(name)).collect();
    assert!(names.contains(&"manifest"), "{names:?}");
    let missing: Vec<&&str> = names.iter().filter(|name| !row.contains(&format!("`{name}`"))).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "{row}");
}

#[test]
fn every_command_of_the_documents_is_one_that_the_program_knows() {
    let mut commands = 0;
    for document in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benches/README.md"] {
        let text = std::fs::read_to_string(document).expect(document);
        let shells = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
        for line in shells.flat_map(str::lines) {
            let line = line.trim().replace("cargo run --release -- ", "wabacl ");
            let Some(words) = line.strip_prefix("wabacl ") else { continue };
            // What comes before `--help` is checked first.
            let words = format!("{} --help", words.split(" | ").next().unwrap_or(words));
            let output = Command::new(env!("CARGO_BIN_EXE_wabacl"))
                .args(words.split_whitespace())
                .env_clear()
                .output()
                .expect("the program starts");
            assert!(
                output.status.success(),
                "{document}: {line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            commands += 1;
        }
    }
    assert!(commands >= 8, "the documents show commands, {commands} were found");
}
