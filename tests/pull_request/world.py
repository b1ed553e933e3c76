"""The repository, GitHub and Meta of the action's tests."""
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from action import TOP, Action, parse_yaml, read_yaml

HERE = Path(__file__).resolve().parent
PROGRAM = Path(sys.argv[1]).resolve()
# The token of the quickstart's live state, which is valid only for the emulator.
TOKEN = "quickstart-not-a-secret"
BUSINESS, ACME_US = "9876543210987654", "102290129340402"
DEPLOY_BOT, SENDER = "1972385232742147", "1972385232742151"
# The expressions in the workflows of `wabacl init`, and their values in this test.
WORKFLOW_INPUTS = {
    "${{ secrets.WABACL_TOKEN }}": TOKEN,
    "${{ inputs.waive }}": "",
    "${{ inputs.base }}": "",
    "${{ matrix.config }}": "default",
    "${{ matrix.paths }}": "access",
}
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.com",
    "GIT_COMMITTER_NAME": "Ana", "GIT_COMMITTER_EMAIL": "ana@example.com",
}


def equal(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def contains(text, *parts):
    for part in parts:
        assert part in text, f"not found: {part!r}"


def git(folder, *arguments):
    """Runs git in a folder, without the user's settings. Returns what it prints."""
    return subprocess.check_output(["git", *arguments], cwd=folder, env=os.environ | GIT, text=True).strip()


# The reviews of each pull request: Bob took his approval back.
REVIEWS = [
    {"user": {"login": login}, "state": state}
    for login, state in [
        ("bob", "APPROVED"), ("ann", "CHANGES_REQUESTED"), ("ann", "APPROVED"), ("bob", "DISMISSED"), ("ann", "COMMENTED"),
        ("carol", "APPROVED"),
    ]
]


class GitHub:
    """The state that the fake `gh` keeps in files."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.state = {"next": 1, "comments": [], "issues": [], "pulls": [], "artifacts": [], "runs": [], "main": [], "visibility": "private"}

    @property
    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    @state.setter
    def state(self, state):
        (self.folder / "state.json").write_text(json.dumps(state, indent=1))

    @property
    def calls(self):
        return (self.folder / "calls.txt").read_text().splitlines()

    def comments(self, number):
        return [one["body"] for one in self.state["comments"] if one["on"] == number]

    def artifacts(self, name):
        return [one for one in self.state["artifacts"] if one["name"] == name]

    def holds(self, text):
        return any(text.encode() in file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


class Meta:
    """Live access in the emulator."""

    def __init__(self, url, live_state):
        self.url, self.live_state = url, live_state

    def call(self, waba, data=None, query=""):
        request = Request(f"{self.url}/v25.0/{waba}/assigned_users{query}", data)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        with urlopen(request) as response:
            return json.load(response)

    def tasks(self, user):
        """Returns the tasks that a user has on acme-us."""
        query = "?" + urlencode({"business": BUSINESS, "limit": 100, "fields": "id,tasks"})
        return sorted(task for one in self.call(ACME_US, query=query)["data"] if one["id"] == user for task in one["tasks"])

    def assign(self, user, *tasks):
        """Changes the tasks of a user on acme-us without wabacl."""
        self.call(ACME_US, urlencode({"user": user, "tasks": json.dumps(tasks)}).encode())

    @property
    def written(self):
        return self.live_state.read_bytes()


def documented_workflow(name):
    """Returns the text of a workflow in docs/github.md, or None."""
    found = re.search(rf"<!-- workflow: {name} -->\n```yaml\n(.*?)```", (TOP / "docs/github.md").read_text(), re.DOTALL)
    return found and found[1]


class Repository:
    """A repository with manifests and the workflows of `wabacl init`, and the action that these call."""

    def __init__(self, work, github, path):
        self.folder, self.github, self.path = work / "repository", github, path
        self.action = Action(self.folder, github.folder, path)
        self.pull_request = None
        self.log = ""
        self.wabacl("init", self.folder, "--github", "--business", BUSINESS)
        self.manifest = self.folder / "access/access.yaml"
        shutil.rmtree(self.folder / "access")
        shutil.copytree(TOP / "examples/quickstart/access", self.folder / "access")
        self.users = self.folder / "access/users.yaml"
        if "ignored_users:" not in self.users.read_text():
            self.users.write_text(self.users.read_text() + "\nignored_users: [legacy-import]\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Access as code")

    def wabacl(self, *arguments, **environment):
        environment = os.environ | {"PATH": self.path} | environment
        return subprocess.run(["wabacl", *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def git(self, *arguments):
        return git(self.folder, *arguments)

    @property
    def head(self):
        return self.git("rev-parse", "HEAD")

    def edit(self, old, new, file=None):
        file = file or self.manifest
        text = file.read_text()
        contains(text, old)
        file.write_text(text.replace(old, new, 1))

    def open_pull_request(self, number, branch):
        self.git("checkout", "--quiet", "-b", branch)
        self.pull_request = number

    def push(self, message):
        """Commits all edits and runs the workflow of the pull request."""
        self.git("commit", "--quiet", "--all", "--message", message)
        return self.run("plan", "pull_request")

    def merge(self):
        """Merges the pull request and runs the workflow that applies its plan."""
        branch, head = self.git("branch", "--show-current"), self.head
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        number, self.pull_request = self.pull_request, None
        state = self.github.state
        state["pulls"].append({
            "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": self.head, "head": {"sha": head},
            "base": {"repo": {"full_name": "northwind/access"}}, "number": number, "reviews": REVIEWS,
        })
        self.github.state = state
        return self.run("apply", "push")

    def run(self, workflow, event_name, head_repository="northwind/access", rerun=False, **inputs):
        """Runs the action as a workflow of `wabacl init` does, with other inputs if any are given."""
        event = {"repository": {"default_branch": "main"}}
        if self.pull_request:
            head = {"ref": self.git("branch", "--show-current"), "sha": self.head, "repo": {"full_name": head_repository}}
            event["pull_request"] = {
                "number": self.pull_request, "head": head, "base": {"sha": self.git("rev-parse", "main")}}
        elif event_name == "push":
            event |= {"before": self.git("rev-parse", "HEAD^"), "forced": False}
        state = self.github.state
        state["main"] = self.git("rev-list", "main").split()
        self.github.state = state
        inputs = self.inputs(workflow) | {name.replace("_", "-"): value for name, value in inputs.items()}
        result = self.action.run(workflow, event_name, event, self.head, inputs, rerun)
        self.log = result.log
        shown = [line for line in result.log.splitlines() if not line.startswith("::add-mask::")]
        assert TOKEN not in "\n".join(shown), "the log shows the token"
        assert not self.github.holds(TOKEN), "the token was sent to GitHub"
        return result

    def inputs(self, workflow):
        """Returns the inputs that a workflow of `wabacl init`, or of docs/github.md, gives to the action."""
        documented = documented_workflow(workflow)
        file = self.folder / f".github/workflows/wabacl-{workflow}.yml"
        job = (parse_yaml(documented) if documented else read_yaml(file))["jobs"][workflow]
        (step,) = [step for step in job["steps"] if "/wabacl@" in step.get("uses", "")]
        inputs = {name: WORKFLOW_INPUTS.get(value, value) for name, value in step["with"].items()}
        assert not any("${{" in value for value in inputs.values()), inputs
        return inputs


def program(folder, script):
    """Writes a `wabacl` for the path: a script in a new folder, which is returned."""
    folder.mkdir()
    (folder / "wabacl").write_text(f"#!/usr/bin/env bash\n{script}")
    (folder / "wabacl").chmod(0o755)
    return folder


def step_environment(temp, path, event, **own):
    """Returns the environment of one step of the action, whose files are in `temp`."""
    (temp / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}} | event))
    inputs = (
        "app-secret", "approver", "args", "auto-approve", "base", "business", "emulate", "plan-file", "previous", "pull-request",
        "snapshot", "snapshot-file", "token", "waive")
    return {f"INPUT_{name.upper().replace('-', '_')}": "" for name in inputs} | {
        "ACTION": str(TOP),
        "GH_TOKEN": "github-token-not-a-secret",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(temp / "event.json"),
        "GITHUB_OUTPUT": str(temp / "output.txt"),
        "GITHUB_REPOSITORY": "northwind/access",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_SHA": "0" * 40,
        "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
        "GITHUB_WORKFLOW_REF": "northwind/access/.github/workflows/wabacl-apply.yml@refs/heads/main",
        "HOME": os.environ["HOME"],
        "INPUT_APPLY_WORKFLOW": "wabacl-apply.yml",
        "INPUT_CONFIG": "default",
        "INPUT_PATHS": "access",
        "INPUT_PLAN_WORKFLOW": "wabacl-plan.yml",
        "INPUT_SNAPSHOT_WORKFLOW": "wabacl-snapshot.yml",
        "PATH": path,
        "RUNNER_TEMP": str(temp),
    } | own


@contextmanager
def emulator(work):
    """Starts the emulator with the quickstart's live state, and writes a `wabacl` that connects to it."""
    live, bin_folder = work / "live.yaml", work / "bin"
    shutil.copy(TOP / "examples/quickstart/live.yaml", live)
    process = subprocess.Popen(
        [PROGRAM, "emulator", "--state", live], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = re.search(r"http://[\d.:]+", process.stdout.readline())[0]
        program(
            bin_folder,
            "case $1-$* in\n"
            f'  *--emulate=*) exec "{PROGRAM}" "$@" ;;\n'
            f'  plan-* | apply-* | drift-* | snapshot-*) exec "{PROGRAM}" "$@" --graph-url "{url}" ;;\n'
            f'  *) exec "{PROGRAM}" "$@" ;;\n'
            "esac\n")
        yield Meta(url, work / "live.state.yaml"), f"{bin_folder}:{HERE}:{os.environ['PATH']}"
    finally:
        process.terminate()
        process.wait()
