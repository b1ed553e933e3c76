"""Runs the steps of action.yml: the action's scripts, with the environment that GitHub sets, and its uploads.

GitHub's expressions are not evaluated here. References such as `inputs.paths` are looked up, CONDITIONS lists every
condition that action.yml uses, and anything else is an error. The workflow try-action.yml runs the action on GitHub.
"""
import json
import os
import re
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

TOP = Path(__file__).resolve().parents[2]
RUN = re.compile(r'"\$ACTION/(action/[a-z]+\.sh)"')
REFERENCE = re.compile(r"\$\{\{ ([\w.-]+) \}\}")

# The text of each condition in action.yml, and what it means.
CONDITIONS = {
    None: lambda _: True,
    "${{ always() && steps.run.outputs.plan-file != '' && steps.run.outputs.plan-artifact != '' }}":
        lambda of: of["steps.run.outputs.plan-file"] != "" and of["steps.run.outputs.plan-artifact"] != "",
    "${{ always() && steps.run.outputs.snapshot != '' }}": lambda of: of["steps.run.outputs.snapshot"] != "",
    "${{ always() && inputs.command == 'apply' && steps.earlier.outputs.state-dir != '' }}":
        lambda of: of["inputs.command"] == "apply" and of["steps.earlier.outputs.state-dir"] != "",
    "${{ inputs.comment == 'on' && steps.run.outputs.comment-file != '' }}":
        lambda of: of["inputs.comment"] == "on" and of["steps.run.outputs.comment-file"] != "",
    "${{ inputs.issue == 'on' && inputs.command == 'drift' }}":
        lambda of: of["inputs.issue"] == "on" and of["inputs.command"] == "drift",
}


def parse_yaml(text):
    return YAML(typ="safe").load(text)


def read_yaml(file):
    return parse_yaml(Path(file).read_text())


class Values(dict):
    """Values by reference. Outputs that no step has set are empty; other unknown references are errors."""

    def __missing__(self, reference):
        if re.fullmatch(r"steps\.[a-z]+\.outputs\.[a-z-]+", reference):
            return ""
        raise KeyError(f"unknown reference in action.yml: {reference}")

    def fill(self, text):
        text = REFERENCE.sub(lambda found: self[found[1]], str(text))
        assert "${{" not in text, f"not a plain reference: {text}"
        return text


@dataclass
class Result:
    """What a run of the action left: the exit status of its first failed step, its outputs, its log and its files."""

    failed_with: int = 0
    outputs: dict = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    files: Path = None
    run: int = 0


@dataclass
class Action:
    """The action, run in a checkout against the fake GitHub in `github`."""

    checkout: Path
    github: Path
    path: str
    steps_run: set = field(default_factory=set)
    # Variables that the workflow sets for the job.
    job_environment: dict = field(default_factory=dict)

    def __post_init__(self):
        self.definition = read_yaml(TOP / "action.yml")
        self.steps = self.definition["runs"]["steps"]

    def run(self, workflow, event_name, event, sha, given, rerun=False):
        """Runs all steps for an event, with the inputs of a workflow; or runs them again, as another attempt."""
        run, attempt = self.new_run(workflow, event_name, event, sha, rerun)
        temp = Path(tempfile.mkdtemp())
        event_file = temp / "event.json"
        event_file.write_text(json.dumps(event))
        environment = self.job_environment | {
            "PATH": self.path,
            "HOME": os.environ["HOME"],
            "FAKE_GITHUB": str(self.github),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "dora",
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_EVENT_PATH": str(event_file),
            "GITHUB_REPOSITORY": "northwind/access",
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_RUN_ID": str(run["id"]),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
            "GITHUB_WORKFLOW_REF": f"northwind/access/{run['path']}@refs/heads/main",
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(temp),
        }
        values, result = self.values(given), Result(files=temp / "wabacl" / "default", run=run["id"])
        for step in self.steps:
            condition = step.get("if")
            runs_after_failure = condition is not None and "always()" in condition
            if (result.failed_with and not runs_after_failure) or not CONDITIONS[condition](values):
                continue
            self.steps_run.add(step["name"])
            if "uses" in step:
                self.upload(step, values, run)
            else:
                self.run_script(step, values, environment, result)
        if (temp / "summary.md").exists():
            result.summary = (temp / "summary.md").read_text()
        # A folder of the runner, such as that of the base's manifests, means nothing to readers.
        for file in (result.files / "comment.md", result.files / "plan.json"):
            assert not file.is_file() or str(temp) not in file.read_text(), f"{file} names a folder of the runner"
        return result

    def new_run(self, workflow, event_name, event, sha, rerun):
        """Records a run as GitHub does, or finds the last one again. Returns it and the number of the attempt."""
        state_file = self.github / "state.json"
        state = json.loads(state_file.read_text())
        if rerun:
            run = state["runs"][-1]
            run["run_attempt"] += 1
        else:
            here = {"id": 1, "full_name": "northwind/access"}
            head = event.get("pull_request", {}).get("head", {"ref": "main", "sha": sha, "repo": here})
            fork = {"id": 2, "full_name": head["repo"]["full_name"]}
            run = {
                "id": state["next"],
                "run_attempt": 1,
                "path": f".github/workflows/wabacl-{workflow}.yml",
                "workflow_id": {"plan": 11, "apply": 12, "drift": 13, "snapshot": 15}[workflow],
                "event": event_name,
                "head_branch": head["ref"],
                "head_sha": head["sha"],
                "repository": here,
                "head_repository": here if fork["full_name"] == here["full_name"] else fork,
            }
            state["next"] += 1
            state["runs"].append(run)
        state_file.write_text(json.dumps(state, indent=1))
        return run, run["run_attempt"]

    def values(self, given):
        unknown = given.keys() - self.definition["inputs"].keys()
        assert not unknown, f"the action has no such input: {unknown}"
        values = Values({
            "github.action_path": str(TOP),
            "github.action_repository": "northwind/wabacl",
            "github.token": "github-token-not-a-secret",
        })
        for name, declared in self.definition["inputs"].items():
            values[f"inputs.{name}"] = given.get(name, values.fill(declared.get("default", "")))
        return values

    def run_script(self, step, values, environment, result):
        unexpected = step.keys() - {"name", "id", "if", "shell", "working-directory", "run", "env"}
        assert not unexpected and step["shell"] == "bash", f"{step['name']}: {unexpected}, {step['shell']}"
        script = TOP / RUN.fullmatch(step["run"])[1]
        files = {name: Path(environment["RUNNER_TEMP"], name) for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        own = {name: values.fill(value) for name, value in step["env"].items()}
        ran = subprocess.run(
            [script],
            env=environment | own | {name: str(file) for name, file in files.items()},
            cwd=self.checkout / values.fill(step.get("working-directory", ".")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        result.log += f"# {step['name']}\n{ran.stdout}# exit status {ran.returncode}\n"
        result.failed_with = result.failed_with or ran.returncode
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, value = line.split("=", 1)
            values[f"steps.{step['id']}.outputs.{name}"] = value
            result.outputs[name] = value

    def upload(self, step, values, run):
        """Stores an artifact where the fake `gh` finds it, as actions/upload-artifact does."""
        assert step["uses"].startswith("actions/upload-artifact@"), step["uses"]
        settings = {name: values.fill(value) for name, value in step["with"].items()}
        source = self.checkout / settings["path"]
        files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
        assert files or settings["if-no-files-found"] == "ignore", f"no files to upload in {source}"
        state_file = self.github / "state.json"
        state = json.loads(state_file.read_text())
        same = [one for one in state["artifacts"] if (one["name"], one["workflow_run"]["id"]) == (settings["name"], run["id"])]
        assert not same or settings.get("overwrite") == "True", f"the run has an artifact {settings['name']} already"
        state["artifacts"] = [one for one in state["artifacts"] if one not in same]
        root = source.parent if source.is_file() else source
        with zipfile.ZipFile(self.github / f"artifact-{state['next']}.zip", "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(root))
        add_artifact(state, settings["name"], run)
        state_file.write_text(json.dumps(state, indent=1))


def add_artifact(state, name, run, size=1000):
    """Lists an artifact of a run. Returns its number."""
    number, state["next"] = state["next"], state["next"] + 1
    state["artifacts"].append({
        "id": number,
        "name": name,
        "size_in_bytes": size,
        "expired": False,
        "created_at": f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "workflow_run": {
            "id": run["id"],
            "repository_id": run["repository"]["id"],
            "head_repository_id": run["head_repository"]["id"],
            "head_branch": run["head_branch"],
            "head_sha": run["head_sha"],
        },
    })
    return number
