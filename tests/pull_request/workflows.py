"""Tests the scripts in the pipelines that `wabacl init` writes, for GitHub and for GitLab."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from action import TOP, read_yaml
from world import HERE, PROGRAM, GitHub, contains, equal, git, program


class Pipelines:
    """A repository with two sets of manifests, and the pipelines that `wabacl init` writes for them."""

    def __init__(self, folder):
        self.folder = folder
        for name, business in (("emea", 100), ("apac", 200)):
            self.write(f"access/{name}/access.yaml", f"version: 1\nbusiness: {business}\n")
        subprocess.run([PROGRAM, "init", folder, "--github"], check=True, capture_output=True)
        git(".", "init", "--quiet", "--initial-branch", "main", folder)
        self.first = self.commit()

    def write(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, **files):
        """Commits files, with `__` for `/` in their names, and returns the commit."""
        for name, text in files.items():
            self.write(name.replace("__", "/").replace("_yaml", ".yaml").replace("_yml", ".yml"), text)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "x")
        return git(self.folder, "rev-parse", "HEAD")

    def step(self, workflow, job, cwd=None, **environment):
        """Runs the script of a job. Returns its exit status, log, outputs and summary."""
        job = read_yaml(self.folder / f".github/workflows/wabacl-{workflow}.yml")["jobs"][job]
        (step,) = [step for step in job["steps"] if "run" in step]
        fixed = {name: value for name, value in step["env"].items() if "${{" not in value}
        missing = step["env"].keys() - fixed.keys() - environment.keys()
        assert not missing, f"expressions without a value here: {missing}"
        temp = Path(tempfile.mkdtemp())
        files = {name: temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=cwd or self.folder, text=True,
            env={"PATH": f"{HERE}:{os.environ['PATH']}"} | {name: str(file) for name, file in files.items()} | fixed | environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, summary = (file.read_text() if file.exists() else "" for file in files.values())
        return ran.returncode, ran.stdout, dict(line.split("=", 1) for line in output.splitlines()), summary

    def changed(self, event, before="", config=""):
        status, log, outputs, _ = self.step("sets", "sets", EVENT=event, BEFORE=before, CONFIG=config)
        equal(status, 0)
        names = [one["config"] for one in json.loads(outputs["changed"])]
        contains(log, f"Changed: {', '.join(names)}")
        return names


def test_sets(work):
    """A run plans the sets that its commits change; a change of the workflows concerns all of them."""
    pipelines = Pipelines(work / "sets")
    equal(pipelines.changed("schedule"), ["apac", "emea"])
    equal(pipelines.changed("workflow_dispatch", config="emea"), ["emea"])
    second = pipelines.commit(README="Text")
    for event, before in (("push", pipelines.first), ("pull_request", ""), ("merge_group", pipelines.first)):
        equal(pipelines.changed(event, before), [])
    pipelines.commit(access__apac__more_yaml="version: 1\ngrants: []\n")
    for event, before in (("push", second), ("pull_request", ""), ("merge_group", pipelines.first)):
        equal(pipelines.changed(event, before), ["apac"])
    # A new branch, or a commit that a forced push took away: everything may have changed.
    for before in ("0" * 40, "1" * 40):
        equal(pipelines.changed("push", before), ["apac", "emea"])
    pipelines.write(".github/workflows/wabacl-plan.yml", "changed")
    pipelines.commit()
    equal(pipelines.changed("pull_request"), ["apac", "emea"])
    status, log, outputs, _ = pipelines.step("sets", "sets", EVENT="schedule", BEFORE="", CONFIG="latam")
    equal((status, outputs), (1, {}))
    contains(log, "::error::There is no set latam.")


def test_tables_beside_a_manifest(work):
    """A set of one file also changes with the tables beside it."""
    pipelines = Pipelines(work / "tables")
    shutil.rmtree(pipelines.folder / ".github")
    for name, business in (("emea", 100), ("apac", 200)):
        (pipelines.folder / f"access/{name}/access.yaml").rename(pipelines.folder / f"{name}.yaml")
    subprocess.run([PROGRAM, "init", pipelines.folder, "--github"], check=True, capture_output=True)
    before = pipelines.commit()
    pipelines.write("customers.csv", "id\n1\n")
    pipelines.commit()
    equal(pipelines.changed("push", before), ["apac", "emea"])


def test_required_check(work):
    """The required check succeeds if nothing is to be planned, and fails unless all plans were made."""
    pipelines = Pipelines(work / "required")
    for sets, plan, expected in [
        ("success", "success", 0), ("success", "skipped", 0), ("success", "failure", 1), ("success", "cancelled", 1),
        ("failure", "skipped", 1), ("cancelled", "skipped", 1),
    ]:
        status, log, _, summary = pipelines.step("plan", "planned", SETS=sets, PLAN=plan)
        equal(status, expected)
        equal("Nothing to plan" in log, (sets, plan) == ("success", "skipped"))
        equal("Nothing to plan" in summary, "Nothing to plan" in log)
    job = read_yaml(pipelines.folder / ".github/workflows/wabacl-plan.yml")["jobs"]["planned"]
    equal((job["if"], job["needs"]), ("${{ always() }}", ["sets", "plan"]))


def test_notification(work):
    """A failure opens an issue; the next one is a comment on it, until somebody closes it."""
    pipelines, github = Pipelines(work / "notify"), GitHub(work / "notify-github")
    environment = {
        "FAKE_GITHUB": str(github.folder), "GH_TOKEN": "github-token-not-a-secret", "TITLE": "Access apply failed",
        "GITHUB_WORKFLOW": "Access apply", "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "northwind/access", "GITHUB_RUN_ID": "7"}
    for _ in range(2):
        equal(pipelines.step("notify", "notify", **environment)[0], 0)
    (issue,), (comment,) = github.state["issues"], github.state["comments"]
    equal((issue["title"], comment["on"]), ("Access apply failed", issue["number"]))
    for text in (issue["body"], comment["body"]):
        equal(text, "Access apply failed: https://github.example/northwind/access/actions/runs/7")
    state = github.state
    state["issues"][0]["state"] = "closed"
    github.state = state
    equal(pipelines.step("notify", "notify", **environment)[0], 0)
    equal(len(github.state["issues"]), 2)


class GitLab:
    """A repository of the quickstart with GitLab's pipeline, whose jobs run here with the emulator."""

    def __init__(self, work):
        self.folder = work / "gitlab"
        shutil.copytree(TOP / "examples/quickstart", self.folder / "quickstart")
        (self.folder / "quickstart/access").rename(self.folder / "access")
        stub = program(work / "gitlab-bin", (
            "case $1 in\n"
            f'  plan | apply | drift) exec "{PROGRAM}" "$@" --emulate "{self.folder}/quickstart/live.yaml" ;;\n'
            f'  *) exec "{PROGRAM}" "$@" ;;\n'
            "esac\n"))
        self.path = f"{stub}:{os.environ['PATH']}"
        # live.yaml is no manifest, so the folder of the manifests is passed.
        subprocess.run([PROGRAM, "init", self.folder, "--gitlab"], check=True, capture_output=True)
        self.jobs = read_yaml(self.folder / ".gitlab/wabacl.yml")
        git(".", "init", "--quiet", "--initial-branch", "main", self.folder)

    def commit(self):
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "x")
        return git(self.folder, "rev-parse", "HEAD")

    def run(self, name, **environment):
        """Runs a job for its only set. Returns its exit status and log."""
        common, job = self.jobs[".wabacl"], self.jobs[name]
        (variables,) = common["parallel"]["matrix"]
        script = "\n".join(common["before_script"] + job["script"])
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            env={"PATH": self.path, "HOME": str(self.folder)} | variables | environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return ran.returncode, ran.stdout


def test_gitlab(work):
    """GitLab's pipeline plans a merge request, applies the plan of the branch, and compares on a schedule."""
    gitlab = GitLab(work)
    first = gitlab.commit()
    status, log = gitlab.run("wabacl-drift")
    equal(status, 2)
    # A new branch has no commit before.
    status, log = gitlab.run("wabacl-plan", CI_COMMIT_BEFORE_SHA="0" * 40)
    equal(status, 0)
    contains(log, "Plan: 4 to assign")
    status, log = gitlab.run("wabacl-apply", CI_COMMIT_BEFORE_SHA="0" * 40)
    equal(status, 0)
    contains(log, "Applied:")
    equal(gitlab.run("wabacl-drift")[0], 0)
    status, log = gitlab.run("wabacl-expire")
    equal(status, 0)

    # A user that the merge request declares no more loses its access: the base is passed.
    users, access = gitlab.folder / "access/users.yaml", gitlab.folder / "access/access.yaml"
    access.write_text(access.read_text().replace("[campaign-sender]", "[deploy-bot]"))
    lines = [line for line in users.read_text().splitlines() if "campaign-sender" not in line]
    users.write_text("\n".join(lines) + "\n")
    second = gitlab.commit()
    status, log = gitlab.run("wabacl-plan", CI_MERGE_REQUEST_DIFF_BASE_SHA=first)
    equal(status, 0)
    contains(log, "campaign-sender loses everything on 4 WABAs where it is declared no more")
    contains((gitlab.folder / "wabacl-plans/default.md").read_text(), "campaign-sender")

    (gitlab.folder / "README").write_text("Text\n")
    gitlab.commit()
    status, log = gitlab.run("wabacl-plan", CI_COMMIT_BEFORE_SHA=second)
    equal(status, 0)
    contains(log, "Nothing to plan")
    assert "Plan:" not in log, log
    contains(gitlab.run("wabacl-apply", CI_COMMIT_BEFORE_SHA=second)[1], "Nothing to apply")


def tests(work):
    return [(test, work) for test in (
        test_sets, test_tables_beside_a_manifest, test_required_check, test_notification, test_gitlab)]
