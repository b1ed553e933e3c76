//! What completes a command line, and the manual pages.

use super::{Place, Ran};
use std::process::Command;

impl Place {
    /// Completes the last word of a command line, as a shell's script asks for it.
    fn complete(&self, line: &[&str]) -> Ran {
        let mut command = self.command("--");
        command.args(line).env("WABACL_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string());
        Ran::from(command.output().unwrap())
    }

    fn completed(&self, line: &[&str]) -> Vec<String> {
        let ran = self.complete(line).ends(0);
        assert_eq!(ran.stderr, "");
        ran.stdout.lines().map(str::to_owned).collect()
    }
}

#[test]
fn names_come_from_the_manifests_on_the_command_line() {
    let place = Place::new();
    assert_eq!(place.completed(&["wabacl", "plan", "access", "--waba", "acme"]), ["acme-eu", "acme-us"]);
    assert_eq!(
        place.completed(&["wabacl", "drift", "--user", "deploy"]),
        ["deploy-bot"],
        "the folder `access`"
    );
    let waived = place.completed(&["wabacl", "apply", "access", "--waive", "not-permitted=glo"]);
    assert_eq!(waived, ["not-permitted=globex"]);
    assert_eq!(place.completed(&["wabacl", "plan", "access", "--waive", "max"]), ["max-removals"]);
    assert_eq!(place.completed(&["wabacl", "plan", "access/users.yaml", "--waba", "acme"]), [""; 0]);
    place.write("access/more.yaml", "version: 1\nwabas_from: [more.csv]\n");
    place.write("access/more.csv", "id,name\n7,initech-eu\n8\n9,\"initech-us\"\n");
    assert_eq!(place.completed(&["wabacl", "plan", "access", "--waba", "ini"]), ["initech-eu", "initech-us"]);
    assert!(place.completed(&["wabacl", "dr"]).contains(&String::from("drift")));
}

#[test]
fn broken_manifests_give_the_names_that_can_be_read() {
    let place = Place::new();
    place.write(
        "access/broken.yaml",
        "version: 1\nwabas: { acme-x: { id: 1 }, acme-\u{1b}y: { id: 2 } }\ngrants: [{ wabas: 7 }\n",
    );
    place.write(
        "access/wrong.yaml",
        "version: 9\nunknown: 1\nwabas: { acme-z: { di: x }, \"acme\\n\": {} }\n",
    );
    let names = place.completed(&["wabacl", "plan", "access", "--waba", "acme"]);
    assert_eq!(names, ["acme-eu", "acme-us", "acme-z"]);
    place.write("access/access.yaml", "\0");
    place.completed(&["wabacl", "plan", "access", "--waba", ""]);
    assert_eq!(place.completed(&["wabacl", "plan", "missing", "--waba", "acme"]), ["acme-z"]);
}

#[test]
fn completing_reads_no_secret_and_writes_nothing() {
    let place = Place::new().set("WABACL_TOKEN", "acme-token").set("WABACL_STATE_DIR", "state");
    place.write("token.yaml", "version: 1\nwabas: { acme-secret: { id: 1 } }\n");
    let names =
        place.completed(&["wabacl", "plan", "--token-file", "token.yaml", "access", "--waba", "acme"]);
    assert_eq!(names, ["acme-eu", "acme-us"]);
    assert!(!place.folder.path().join("state").exists());
}

#[test]
fn each_shell_has_a_script_and_that_of_bash_completes() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        place.run(&format!("completions {shell}")).ends(0).says("WABACL_COMPLETE").says("wabacl");
    }
    place.run("completions tcsh").ends(64).says("possible values: bash, zsh, fish, powershell, elvish");
    place.write("complete.bash", &place.run("completions bash").ends(0).stdout);
    place.write(
        "try.bash",
        "source complete.bash
COMP_WORDS=(wabacl plan access --waba glo) COMP_CWORD=4 COMP_TYPE=9
_clap_complete_wabacl wabacl glo --waba
echo \"${COMPREPLY[@]}\"
complete -p wabacl",
    );
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_wabacl")).parent().unwrap().display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.arg("try.bash").current_dir(place.folder.path()).env("PATH", format!("{program}:{path}"));
    let ran = Ran::from(bash.output().unwrap()).ends(0);
    assert!(ran.stdout.starts_with("globex\n"), "{ran}");
    assert!(ran.stdout.contains("_clap_complete_wabacl wabacl"), "{ran}");
}

#[test]
fn there_is_a_manual_page_for_the_program_and_for_each_command() {
    let place = Place::new();
    place.run("man pages").ends(0).says("The manual pages are in pages.");
    let help = place.run("--help").stdout;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A description that wraps goes on below itself.
    let commands = commands.filter(|line| !line.starts_with("   "));
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"plan") && names.contains(&"completions"), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let shown = format!("wabacl\\-{}", name.replace('-', "\\-"));
        assert!(place.read(&format!("pages/wabacl-{name}.1")).contains(&shown), "{name}");
    }
    let page = place.read("pages/wabacl.1");
    assert!(page.contains(".TH wabacl 1") && page.contains("interrupted before any write"), "{page}");
}
