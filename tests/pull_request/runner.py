"""Plays a runner of GitHub Actions: runs the one job of a workflow, with the action of this repository in it.

    runner.py --workflow FILE --event-name NAME --event FILE --secret TOKEN

It runs in the checkout. What it knows of workflows is what the workflows of `wabacl init` and action.yml use, and
anything else is a fault: expressions of names, texts, ==, !=, &&, || and format; the actions for checkout and
artifacts; composite actions. Artifacts go where the fake `gh` finds them. The log is printed; the exit status is 1
where a step failed.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ruamel.yaml import YAML

ACTION = Path(__file__).resolve().parents[2]
HOME = Path(os.environ["FAKE_GITHUB"])
TOKENS = re.compile(r"\s*('(?:[^']|'')*'|==|!=|&&|\|\||[(),]|[A-Za-z_][\w.-]*)")
# What the environment of the runner itself may hand on to the steps.
HANDED_ON = ["PATH", "HOME", "FAKE_GITHUB", "LANG"]


def load(file):
    return YAML(typ="safe").load(Path(file).read_text())


class Expression:
    """Works out what stands between `${{` and `}}`."""

    def __init__(self, text, contexts, failed):
        self.words, self.contexts, self.failed = [], contexts, failed
        at = 0
        while at < len(text.rstrip()):
            found = TOKENS.match(text, at)
            assert found, f"the expression is not understood: {text}"
            self.words.append(found[1])
            at = found.end()

    def next(self):
        return self.words.pop(0)

    def sees(self, word):
        return self.words[:1] == [word]

    def either(self):
        value = self.both()
        while self.sees("||"):
            self.next()
            other = self.both()
            value = value or other
        return value

    def both(self):
        value = self.compared()
        while self.sees("&&"):
            self.next()
            other = self.compared()
            value = value and other
        return value

    def compared(self):
        value = self.one()
        if self.sees("=="):
            self.next()
            return value == self.one()
        if self.sees("!="):
            self.next()
            return value != self.one()
        return value

    def one(self):
        word = self.next()
        if word == "(":
            value = self.either()
            assert self.next() == ")"
            return value
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if self.sees("("):
            return self.call(word)
        value = self.contexts
        for name in word.split("."):
            value = value.get(name, "") if isinstance(value, dict) else ""
        return value

    def call(self, function):
        self.next()
        given = []
        while not self.sees(")"):
            given.append(self.either())
            if self.sees(","):
                self.next()
        self.next()
        if function == "always":
            return True
        assert function == "format", f"{function} is not played"
        return given[0].replace("{0}", given[1])


class Job:
    """A job that runs: the workspace, the secrets, what goes wrong."""

    def __init__(self, asked):
        self.event = json.loads(Path(asked.event).read_text())
        self.secret = asked.secret
        self.failed = False
        self.temp = Path(tempfile.mkdtemp(prefix="runner-"))
        self.sha = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
        self.base = {name: os.environ[name] for name in HANDED_ON if name in os.environ} | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": asked.event_name,
            "GITHUB_EVENT_PATH": str(Path(asked.event).resolve()),
            "GITHUB_REPOSITORY": "northwind/access",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": self.sha,
            "GITHUB_WORKSPACE": os.getcwd(),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
        }
        self.github = {
            "token": "github-token-not-a-secret",
            "action_path": str(ACTION),
            "action_repository": "northwind/wabacl",
            "event": self.event,
        }

    def fill(self, text, contexts):
        """Puts values in the place of expressions."""
        if not isinstance(text, str):
            return str(text)
        contexts = contexts | {"github": self.github}
        return re.sub(
            r"\$\{\{(.*?)\}\}",
            lambda found: str(Expression(found[1].strip(), contexts, self.failed).either()),
            text,
        )

    def runs(self, step, contexts):
        """Tells whether a step runs: after a failure only where it says `always()`."""
        condition = str(step.get("if", "")).strip()
        if self.failed and "always()" not in condition:
            return False
        inner = condition.removeprefix("${{").removesuffix("}}").strip()
        return not inner or bool(Expression(inner, contexts | {"github": self.github}, self.failed).either())

    def workflow(self, workflow):
        (job,) = workflow["jobs"].values()
        allowed = {"secrets": {"WABACL_TOKEN": self.secret}, "inputs": self.event.get("inputs") or {}}
        for step in job["steps"]:
            if not self.runs(step, allowed):
                continue
            given = {name: self.fill(value, allowed) for name, value in (step.get("with") or {}).items()}
            name = step["uses"].split("@")[0]
            if name.endswith("/wabacl"):
                self.composite(given)
            else:
                assert name == "actions/checkout", name

    def composite(self, given):
        action = load(ACTION / "action.yml")
        unknown = given.keys() - action["inputs"].keys()
        assert not unknown, f"the action has no such input: {unknown}"
        inputs = {
            name: given.get(name, self.fill(one.get("default", ""), {})) for name, one in action["inputs"].items()
        }
        steps = {}
        for step in action["runs"]["steps"]:
            contexts = {"inputs": inputs, "steps": steps}
            if not self.runs(step, contexts):
                continue
            print(f"##[group]{step['name']}", flush=True)
            if "uses" in step:
                assert step["uses"].startswith("actions/upload-artifact@")
                self.upload({name: self.fill(value, contexts) for name, value in step["with"].items()})
            else:
                steps[step.get("id", step["name"])] = {"outputs": self.shell(step, contexts)}
        self.show_summary()

    def shell(self, step, contexts):
        """Runs a step in bash, as a runner does, and gives its outputs."""
        assert step["shell"] == "bash" and "${{" not in step["run"], "only the environment brings inputs to the shell"
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        own = {name: self.fill(value, contexts) for name, value in step["env"].items()}
        environment = self.base | own | {name: str(file) for name, file in files.items()}
        environment["GITHUB_STEP_SUMMARY"] = str(self.temp / "summary.md")
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env=environment,
            cwd=self.fill(step.get("working-directory", "."), contexts),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        if ran.returncode != 0:
            print(f"##[error]{step['name']} ended with {ran.returncode}", flush=True)
            self.failed = True
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        for name, value in outputs.items():
            print(f"##[output]{name}={value}", flush=True)
        return outputs

    def upload(self, given):
        """Plays actions/upload-artifact: what is in a folder stands at the top of the archive."""
        source = Path(given["path"])
        files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
        assert files or given["if-no-files-found"] == "ignore", f"{source}: there is nothing to keep"
        file = HOME / "state.json"
        kept = json.loads(file.read_text())
        number, kept["next"] = kept["next"], kept["next"] + 1
        top = source.parent if source.is_file() else source
        with zipfile.ZipFile(HOME / f"artifact-{number}.zip", "w") as archive:
            for one in files:
                archive.write(one, one.relative_to(top))
        pull = self.event.get("pull_request")
        kept["artifacts"].append({
            "id": number,
            "name": given["name"],
            "expired": False,
            "created_at": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            "workflow_run": {
                "repository_id": 1,
                "head_repository_id": 1,
                "head_branch": pull["head"]["ref"] if pull else "main",
                "head_sha": pull["head"]["sha"] if pull else self.sha,
            },
        })
        file.write_text(json.dumps(kept, indent=1))
        print(f"kept {given['name']} as artifact {number}", flush=True)

    def show_summary(self):
        file = self.temp / "summary.md"
        if file.exists():
            print("##[group]Summary of the job", file.read_text(), sep="\n", flush=True)


def main():
    asked = argparse.ArgumentParser()
    for name in ("--workflow", "--event-name", "--event", "--secret"):
        asked.add_argument(name, required=True)
    asked = asked.parse_args()
    job = Job(asked)
    job.workflow(load(asked.workflow))
    sys.exit(1 if job.failed else 0)


main()
