"""Tests single scripts of the action, most with hostile inputs, artifacts and manifests."""
import json
import os
import re
import stat
import subprocess
import tempfile
import warnings
import zipfile
from pathlib import Path

from action import TOP, add_artifact
from world import HERE, PROGRAM, REVIEWS, GitHub, contains, equal, git, program, step_environment

HEAD, MERGE = "a" * 40, "b" * 40
JOURNAL = "9876543210987654/journal.jsonl"
HERE_REPOSITORY, FORK = {"id": 1, "full_name": "northwind/access"}, {"id": 2, "full_name": "somebody/access"}


def real_program(folder):
    """Writes a `wabacl` for the path that is the real one."""
    return program(folder, f'exec "{PROGRAM}" "$@"\n')


class Step:
    """A script of the action, run once in a folder of its own."""

    def __init__(self, script, path, event=None, cwd=None, **environment):
        self.temp = Path(tempfile.mkdtemp())
        environment = step_environment(self.temp, path, event or {}, **environment)
        ran = subprocess.run(
            [TOP / "action" / script], env=environment, cwd=cwd or self.temp, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.status, self.log = ran.returncode, ran.stdout

    def read(self, name):
        file = self.temp / name
        return file.read_text() if file.exists() else ""

    @property
    def outputs(self):
        return dict(line.split("=", 1) for line in self.read("output.txt").splitlines())

    @property
    def state(self):
        """The files of the state folder, by path."""
        folder = self.temp / "wabacl/default/state"
        return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if not file.is_dir()}


def test_inputs(work):
    """Inputs become arguments of wabacl only if each line is a known option or a waiver."""
    # Keeps its arguments, one per line, beside the files of the step.
    stub = program(work / "arguments", 'printf "%s\\n" "$@" >>"$RUNNER_TEMP/arguments.txt"\n')
    path = f"{stub}:{os.environ['PATH']}"

    def run(command="apply", **inputs):
        inputs = {f"INPUT_{name.upper().replace('-', '_')}": value for name, value in inputs.items()}
        return Step("run.sh", path, INPUT_COMMAND=command, INPUT_AUTO_APPROVE="true", **inputs)

    step = run(waive="max-removals, not-permitted=acme eu\nmin-holders=102290129340402", args="--waba=a*\n\n--verbose")
    equal(step.status, 0)
    previous = work / "previous.txt"
    previous.write_text("/base/1/access\n/base/2/-x y\n")
    equal(run(previous=str(previous)).read("arguments.txt").splitlines()[-4:], [
        "--previous", "/base/1/access", "--previous", "/base/2/-x y"])
    equal(step.read("arguments.txt").splitlines()[-5:], [
        "--waba=a*", "--verbose", "--waive=max-removals", "--waive=not-permitted=acme eu",
        "--waive=min-holders=102290129340402"])
    # A refused apply plans, without the options that only apply takes.
    refused = program(work / "refused", 'echo "$@" >>"$RUNNER_TEMP/arguments.txt"\n[ "$1" != apply ] || exit 3\n')
    step = Step("run.sh", f"{refused}:{os.environ['PATH']}", INPUT_COMMAND="apply", INPUT_AUTO_APPROVE="true",
                INPUT_ARGS="--grace=9\n--waba=a")
    apply, plan = (line.split() for line in step.read("arguments.txt").splitlines())
    equal((apply[-2:], plan[-1], "--grace=9" in plan), (["--waba=a", "--grace=9"], "--waba=a", False))
    # What the run comes from is passed on, unless `args` says so.
    origin = {"pull-request": "https://github.example/o/r/pull/7", "approver": "ann, carol"}
    equal(run(**origin).read("arguments.txt").splitlines()[-2:], [
        "--origin=pull_request=https://github.example/o/r/pull/7", "--origin=approver=ann, carol"])
    equal(run(args="--origin=approver=eve\n--origin=ticket=OPS-1", **origin).read("arguments.txt").splitlines()[-3:], [
        "--origin=approver=eve", "--origin=ticket=OPS-1", "--origin=pull_request=https://github.example/o/r/pull/7"])
    contains("\n".join(run(emulate="live.yaml").read("arguments.txt").splitlines()), "--emulate=live.yaml")

    evil = "https://evil.example"
    for inputs, message in [
        ({"waive": f"max-removals\n--graph-url={evil}"}, "waive: expected the code of a guard"),
        ({"waive": f"max-removals,--graph-url={evil}"}, "waive: expected the code of a guard"),
        ({"waive": "max-removals=a$(id)"}, "waive: expected the code of a guard"),
        ({"waive": "max-removals=a\r--graph-url=b"}, "waive: expected the code of a guard"),
        ({"waive": "max-removals=" + "a" * 101}, "waive: expected the code of a guard"),
        ({"waive": "all"}, "waive: \"all\" is not a guard; the guards are max-removals, min-holders, "),
        ({"args": f"--graph-url={evil}"}, "args: --graph-url is not taken, because it chooses where the token goes"),
        ({"args": f"--graph-url\n{evil}"}, "args: --graph-url is not taken"),
        ({"args": "--allow-host=evil.example"}, "args: --allow-host is not taken"),
        ({"args": "--token-file=/proc/self/environ"}, "args: --token-file is not taken"),
        ({"args": "--app-secret-file=x"}, "args: --app-secret-file is not taken"),
        ({"args": "--graph-version=v1.0"}, "args: --graph-version is not taken"),
        ({"args": "--ca-file=x"}, "args: --ca-file is not taken"),
        ({"args": "--emulate=x"}, "args: --emulate is not taken; to try things out, use the input emulate"),
        ({"args": "--graph-u=x"}, "args: \"--graph-u\" is not an option that apply takes here"),
        ({"args": "--waive=max-removals"}, "args: --waive has an input of its own"),
        ({"args": "--out=/etc/x"}, "args: --out is not taken, because the action sets it"),
        ({"args": "--waba\nacme"}, "args: expected one option on each line"),
        ({"args": "--expiring=7d"}, "args: \"--expiring\" is not an option that apply takes here"),
        ({"command": "plan", "args": "--grace=9"}, "args: \"--grace\" is not an option that plan takes here"),
        ({"args": "/etc/passwd"}, "args: expected one option on each line"),
        ({"args": "--"}, "args: \"--\" is not an option that apply takes here"),
        ({"paths": f"access\n--graph-url={evil}"}, "paths: expected a path"),
        ({"paths": " \n"}, "paths: expected at least one path"),
        ({"command": "drift", "waive": "self"}, "waive: only plan and apply have guards"),
        ({"command": "id"}, "command: expected validate, plan, apply, drift or snapshot"),
    ]:
        step = run(**inputs)
        equal((step.status, step.read("arguments.txt"), inputs), (64, "", inputs))
        contains(step.log, message)
        equal(len(step.log.splitlines()), 1)


def test_log(work):
    """Text in the log starts no workflow command, and text in the summary stays in its block."""
    stub = program(work / "noise", 'printf "a ##[add-mask]e\\n  ::add-mask::f" | tee /dev/stderr\nprintf "\\n::notice::g\\n" >&2\n')
    step = Step("run.sh", f"{stub}:{os.environ['PATH']}", INPUT_COMMAND="apply", INPUT_AUTO_APPROVE="true")
    equal(step.status, 0)
    text = re.sub(r"^::stop-commands::([0-9a-f]{32})\n.*?^::\1::$", "", step.log, flags=re.DOTALL | re.MULTILINE)
    equal([line for line in text.splitlines() if line], ["a # #[add-mask]e", "|  ::add-mask::f", "::notice::g"])

    access = work / "markup.yaml"
    access.write_text('version: 1\nbusiness: 1\n"````[look](https://evil.example)": 1\n')
    fork = {"pull_request": {"number": 1, "head": {"sha": HEAD, "repo": FORK}}}
    step = Step("run.sh", f"{real_program(work / 'real')}:{os.environ['PATH']}", fork, INPUT_COMMAND="plan", INPUT_PATHS=str(access))
    equal((step.status, step.outputs["exit-code"]), (0, "1"))
    lines = step.read("summary.md").splitlines()
    start, end = lines.index("``````text"), lines.index("``````")
    inside = [at for at, line in enumerate(lines) if "look" in line]
    assert inside and all(start < at < end for at in inside), lines
    assert not any("``````" in lines[at] for at in range(start + 1, end)), lines


def test_drift_outputs(work):
    """Drift is what the exit status says; where not everything could be read, what the document says."""
    quiet = {"changes": [], "notices": [], "kept": [], "left": [], "violations": [], "undeclared": "drift",
             "summary": {"assign": 0, "change": 0, "revoke": 0, "undeclared": 0}}
    undeclared = quiet | {"summary": quiet["summary"] | {"undeclared": 2}}
    no_drift = "No drift. Live access matches the manifests."
    for number, (document, status, has_changes, comment) in enumerate([
        (quiet, 0, "false", no_drift),
        (undeclared | {"undeclared": "allow"}, 0, "false", "# Markdown"),
        (quiet | {"kept": [{}]}, 0, "false", "# Markdown"),
        (undeclared, 2, "true", "# Markdown"),
        (quiet, 3, "true", "# Markdown"),
        (quiet, 4, "false", "# Markdown"),
        (undeclared, 4, "true", "# Markdown"),
        (undeclared | {"undeclared": "allow"}, 4, "false", "# Markdown"),
        (quiet | {"changes": [{}]}, 4, "true", "# Markdown"),
        (None, 1, None, "### No plan for"),
    ]):
        answer = work / f"drift-{number}.json"
        answer.write_text(json.dumps(document) if document else "")
        stub = program(
            work / f"drift-{number}",
            f"case $* in\ndrift*json) cat {answer}; exit {status} ;;\ndrift*markdown) echo '# Markdown'; exit {status} ;;\nesac\n")
        step = Step("run.sh", f"{stub}:{os.environ['PATH']}", INPUT_COMMAND="drift")
        equal((step.status, step.outputs["exit-code"], step.outputs.get("has-changes"), number),
              (0, str(status), has_changes, number))
        contains(step.read("wabacl/default/comment.md"), comment)


class Earlier:
    """The artifacts of earlier runs of northwind/access, and the step that takes them."""

    def __init__(self, folder, plan):
        self.github = GitHub(folder)
        self.plan = plan
        self.path = f"{HERE}:{real_program(folder / 'bin')}:{os.environ['PATH']}"
        self.change(lambda state: state.update(
            main=[MERGE],
            pulls=[{"merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": MERGE, "head": {"sha": HEAD},
                    "base": {"repo": HERE_REPOSITORY}, "number": 7, "reviews": REVIEWS}]))

    def change(self, edit):
        state = self.github.state
        result = edit(state)
        self.github.state = state
        return result

    def run(self, file="plan", **other):
        """Records a run, by default of the pull request's head in this repository. Returns it."""
        ids = {"plan": 11, "apply": 12, "other": 14}

        def edit(state):
            run = {
                "id": state["next"], "path": f".github/workflows/wabacl-{file}.yml@main", "workflow_id": ids[file],
                "event": "pull_request" if file == "plan" else "push",
                "head_branch": "feature" if file == "plan" else "main", "head_sha": HEAD if file == "plan" else MERGE,
                "repository": HERE_REPOSITORY, "head_repository": HERE_REPOSITORY,
            } | other
            state["next"] += 1
            state["runs"].append(run)
            return run

        return self.change(edit)

    def upload(self, run, name, entries, size=1000):
        """Adds an artifact of a run. `entries` are names with contents, or entries that `zipfile` writes."""
        number = self.change(lambda state: add_artifact(state, name, run, size))
        with zipfile.ZipFile(self.github.folder / f"artifact-{number}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries:
                if isinstance(entry, str):
                    entry = entry_of(entry, stat.S_IFREG | 0o644)
                with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a name that is there twice
                    archive.writestr(entry, content)
        return number

    def upload_plan(self, run, plan=None, attempt=1, commit=HEAD):
        return self.upload(run, f"wabacl-plan-default-{commit}-{attempt}", [("plan.json", plan or self.plan)])

    def upload_journal(self, run, text, name=JOURNAL):
        return self.upload(run, "wabacl-journal-default", [(name, text)])

    def take(self, command="apply", event_name="push", sha=MERGE):
        return Step("earlier.sh", self.path, FAKE_GITHUB=str(self.github.folder), INPUT_COMMAND=command, GITHUB_EVENT_NAME=event_name, GITHUB_SHA=sha)


def entry_of(name, mode):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def test_plans(work, new):
    """Only a plan that a run of the plan workflow made for the merged commit, in this repository, is taken."""
    earlier = new()
    run = earlier.run()
    number = earlier.upload_plan(run)
    # 101 runs of a fork for the same commit, with artifacts of the same name, hide nothing.
    for _ in range(101):
        earlier.upload_plan(earlier.run(head_repository=FORK), "forged")
    step = earlier.take()
    equal(step.status, 0)
    contains(step.log, f"Found the reviewed plan of {HEAD}: artifact {number} of attempt 1 of run {run['id']}.")
    equal(Path(step.outputs["plan-file"]).read_text(), earlier.plan)
    equal((step.outputs["pull-request"], step.outputs["approver"]), (
        "https://github.example/northwind/access/pull/7", "ann, carol"))

    for other in (
        {"head_repository": FORK},
        {"repository": FORK, "head_repository": FORK},
        {"event": "push"},
        {"event": "workflow_dispatch"},
        {"head_sha": "c" * 40},
        {"workflow_id": 14},
        {"path": ".github/workflows/wabacl-other.yml"},
    ):
        earlier = new()
        earlier.upload_plan(earlier.run(**other), "forged")
        step = earlier.take()
        equal((step.status, step.outputs.get("plan-file"), other), (0, None, other))
        contains(step.log, f"No reviewed plan found for {HEAD}.")


def test_plans_of_one_commit(work, new):
    """Of a commit that was planned again, all plans must agree; of manual runs the newest counts."""
    document = json.loads(new().plan)
    earlier = new()
    run = earlier.run()
    earlier.upload_plan(run)
    again = earlier.upload_plan(run, attempt=2)
    contains(earlier.take().log, f"artifact {again} of attempt 2")

    assert document["changes"], "the plan changes nothing"
    other = new(live=("tasks: [VIEW_TEMPLATES]", "tasks: [DEVELOP]")).plan
    for upload in (
        lambda: earlier.upload_plan(run, other, attempt=3),
        lambda: earlier.upload_plan(earlier.run(), other),
    ):
        earlier = new()
        run = earlier.run()
        earlier.upload_plan(run)
        upload()
        step = earlier.take()
        equal((step.status, step.outputs.get("plan-file")), (0, None))
        contains(step.log, "was planned more than once, and the plans differ", "No reviewed plan found")

    earlier = new()
    for plan in (earlier.plan, other):
        earlier.upload_plan(earlier.run("apply"), plan, commit=MERGE)
    earlier.upload_plan(earlier.run("apply", head_branch="feature", event="workflow_dispatch"), "forged", commit=MERGE)
    step = earlier.take(event_name="workflow_dispatch")
    equal(Path(step.outputs["plan-file"]).read_text(), other)


def test_archives(work, new):
    """Of an archive, only regular files with expected names are read, and only within limits."""
    link = entry_of("plan.json", stat.S_IFLNK | 0o777)
    folder = entry_of("folder/", stat.S_IFDIR | 0o755)
    fifo = entry_of("plan.json", stat.S_IFIFO | 0o644)
    plan = new().plan
    for entries, message in [
        ([(link, "/etc/passwd")], "holds more than regular files"),
        ([(fifo, "")], "holds more than regular files"),
        ([(folder, ""), ("plan.json", plan)], "holds more than regular files"),
        ([(entry_of("x\n-y", stat.S_IFLNK | 0o777), "/etc/passwd")], "holds more than regular files"),
        ([("plan.json", plan), ("../../evil", "x")], "is not a plan that this action uploaded"),
        ([("plan.json", plan), ("plan.json", plan)], "is not a plan that this action uploaded"),
        ([("other.json", plan)], "is not a plan that this action uploaded"),
        ([], "cannot be unpacked"),
        ([("plan.json", "{}")], "is no plan that this version of wabacl can read"),
    ]:
        earlier = new()
        earlier.upload(earlier.run(), f"wabacl-plan-default-{HEAD}-1", entries)
        step = earlier.take()
        equal((step.status, step.outputs.get("plan-file"), message), (1, None, message))
        contains(step.log, message)
    earlier = new()
    earlier.upload(earlier.run(), f"wabacl-plan-default-{HEAD}-1", [("plan.json", plan)], size=2 ** 30)
    contains(earlier.take().log, "is larger than 268435456 bytes")


def test_journals(work, new):
    """Only a journal that a run of the apply workflow on the default branch left is taken, without links."""
    for command in ("apply", "drift"):
        earlier = new()
        earlier.upload_journal(earlier.run("apply"), "old\n")
        run = earlier.run("apply", event="workflow_dispatch")
        earlier.upload(run, "wabacl-journal-default", [
            (JOURNAL, "new\n"), ("9876543210987654/calls-12.log", "1 2\n"), ("applied-default.json", "{}"),
            ("9876543210987654/inventory.messaging.json", "{}"),
            ("9876543210987654/lock", ""), ("9876543210987654/lock.holder", "x"), ("../../.bashrc", "x"),
            ("applied-other.json", "{}"), ("9876543210987654/.profile", "x"), ("notes.txt", "x")])
        for other in (
            {"head_repository": FORK},
            {"head_sha": "c" * 40},  # a tag or branch called main, whose commit main does not have
            {"head_branch": "feature"},
            {"event": "pull_request"},
            {"workflow_id": 14},
            {"path": ".github/workflows/wabacl-other.yml"},
        ):
            earlier.upload_journal(earlier.run("apply", **other), "forged\n")
        step = earlier.take(command)
        equal(step.status, 0)
        equal(step.state, {
            JOURNAL: "new\n", "9876543210987654/calls-12.log": "1 2\n", "applied-default.json": "{}",
            "9876543210987654/inventory.messaging.json": "{}"})
        contains(step.log, f"of run {run['id']}.")

    earlier = new()
    for _ in range(101):
        earlier.upload_journal(earlier.run("apply", head_repository=FORK), "forged\n")
    equal(earlier.take("drift").state, {})

    victim = work / "bashrc"
    victim.write_text("before\n")
    earlier = new()
    earlier.upload_journal(earlier.run("apply"), str(victim), entry_of(JOURNAL, stat.S_IFLNK | 0o777))
    step = earlier.take()
    equal((step.status, step.state), (1, {}))
    contains(step.log, "holds more than regular files")

    # Whoever can push can upload many artifacts: none is passed over in silence.
    earlier = new()
    earlier.upload_journal(earlier.run("apply"), "old\n")
    for _ in range(21):
        earlier.upload_journal(earlier.run("apply", head_sha="c" * 40), "forged\n")
    step = earlier.take("drift")
    equal(step.status, 1)
    contains(step.log, "More than 20 artifacts are named wabacl-journal-default, but no run of wabacl-apply.yml made them")


class Checkout:
    """A repository with a base commit, a branch and its merge, and the step that copies the base's manifests."""

    def __init__(self, folder):
        self.folder = folder
        git(".", "init", "--quiet", "--initial-branch", "main", folder)
        self.first = self.commit({"infra/access/a.yaml": "first", "infra/access/deep/b.csv": "b", "infra/one.yaml": "1",
                                  "infra/two.yaml": "2", "infra/t.csv": "t", "infra/access/c d\n.yml": "c"})
        (folder / "infra/access/link.yaml").symlink_to("/etc/passwd")
        (folder / "infra/alias").symlink_to("access")
        self.base = self.commit({"infra/access/a.yaml": "base"})
        git(folder, "checkout", "--quiet", "-b", "feature")
        self.head = self.commit({"infra/access/a.yaml": "head"})
        git(folder, "checkout", "--quiet", "main")
        self.later = self.commit({"infra/access/a.yaml": "base", "README.md": "later"})
        git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge", "feature")
        self.merge = git(folder, "rev-parse", "HEAD")
        git(folder, "checkout", "--quiet", "--orphan", "elsewhere")
        self.elsewhere = self.commit({"other": "x"})
        git(folder, "checkout", "--quiet", "main")

    def commit(self, files):
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "x")
        return git(self.folder, "rev-parse", "HEAD")

    def copy(self, event_name="push", event=None, paths="access", folder=None, command="apply", base=""):
        """Runs the step. Returns it and the copied files by their paths in the repository, with a `>` on given ones."""
        step = Step(
            "base.sh", os.environ["PATH"], event, cwd=(folder or self.folder) / "infra", GITHUB_EVENT_NAME=event_name,
            INPUT_COMMAND=command, INPUT_PATHS=paths, INPUT_BASE=base)
        copied = step.temp / "wabacl/default/previous"
        files = [file for file in copied.rglob("*") if file.is_symlink() or not file.is_dir()]
        assert not any(file.is_symlink() for file in files), files
        given = step.read("wabacl/default/previous.txt").splitlines() if "previous" in step.outputs else []
        return step, {
            str(file.relative_to(copied)): file.read_text() for file in files
        }, [str(Path(path).relative_to(copied)) for path in given]


def test_base(work):
    """The base is an ancestor that the event names; regular files of its manifests are copied, and passed to wabacl."""
    checkout = Checkout(work / "checkout")
    pull_request = {"pull_request": {"number": 1, "base": {"sha": checkout.later},
                                     "head": {"sha": checkout.head, "repo": HERE_REPOSITORY}}}
    push = {"before": checkout.later, "forced": False}
    access = {f"1/infra/access/{name}": text for name, text in [
        ("a.yaml", "base"), ("deep/b.csv", "b"), ("c d\n.yml", "c")]}
    for command, event_name, event, base in [
        ("plan", "pull_request", pull_request, checkout.base),
        ("apply", "push", push, checkout.later),
        ("plan", "merge_group", {"merge_group": {"base_sha": checkout.later}}, checkout.later),
        ("apply", "workflow_dispatch", {}, checkout.later),
    ]:
        step, files, given = checkout.copy(event_name, event, command=command)
        equal((step.status, files, given), (0, access, ["1/infra/access"]))
        equal(step.outputs["base"], base)

    for paths, expected, given in [
        ("./access/\none.yaml", access | {"2/infra/one.yaml": "1", "2/infra/t.csv": "t", "2/infra/access/deep/b.csv": "b"},
         ["1/infra/access", "2/infra/one.yaml"]),
        ("new\nalias\naccess/link.yaml\n/etc\n../../etc", {}, []),
        ("../infra/two.yaml", {"1/infra/two.yaml": "2", "1/infra/t.csv": "t", "1/infra/access/deep/b.csv": "b"},
         ["1/infra/two.yaml"]),
    ]:
        step, files, passed = checkout.copy(event=push, paths=paths)
        equal((step.status, files, passed), (0, expected, given))
    step, files, given = checkout.copy(event=push, paths=".")
    equal((step.status, given, files["1/infra/one.yaml"]), (0, ["1/infra"], "1"))

    shallow = work / "shallow"
    git(".", "clone", "--quiet", "--depth", "1", f"file://{checkout.folder}", shallow)
    for event_name, event, base, folder, message in [
        ("push", {"before": "0" * 40}, "", None, "the push made a new branch"),
        ("push", {}, "", None, "the push made a new branch"),
        ("push", push | {"forced": True}, "", None, "the push was forced"),
        ("push", {"before": checkout.elsewhere}, "", None, f"does not descend from {checkout.elsewhere}"),
        ("push", push, checkout.elsewhere, None, f"does not descend from {checkout.elsewhere}"),
        ("push", push, "d" * 40, None, f"this clone does not have commit {'d' * 40}"),
        ("push", push, "", shallow, "set fetch-depth: 0"),
        ("workflow_dispatch", {}, "", shallow, "set fetch-depth: 0"),
        ("pull_request", pull_request, "", shallow, "set fetch-depth: 0"),
    ]:
        step, files, given = checkout.copy(event_name, event, folder=folder, base=base)
        equal((step.status, files, given, message), (0, {}, [], message))
        contains(step.log, "::warning::No base commit: ", message)
    step, files, given = checkout.copy(event=push, base=checkout.first)
    equal((step.outputs["base"], files["1/infra/access/a.yaml"]), (checkout.first, "first"))
    for base in ("main", "--output=x", checkout.base[:39], checkout.base + "\n"):
        step, files, given = checkout.copy(event=push, base=base)
        equal((step.status, files), (64, {}))
    step, files, given = checkout.copy("schedule", {}, command="drift")
    equal((step.status, step.log, files), (0, "", {}))
    fork = {"pull_request": pull_request["pull_request"] | {"head": {"sha": checkout.head, "repo": FORK}}}
    equal(checkout.copy("pull_request", fork, command="plan")[1], {})


def tests(work):
    """Returns the tests with their arguments."""
    count = iter(range(1000))
    live = (TOP / "examples/quickstart/live.yaml").read_text()

    plans = {}

    def saved(edit):
        """Returns a saved plan of the quickstart, with an edit of its live access."""
        if edit not in plans:
            folder = work / f"plan-{next(count)}"
            folder.mkdir()
            text = live
            if edit:
                contains(text, edit[0])
                text = text.replace(*edit)
            (folder / "live.yaml").write_text(text)
            subprocess.run(
                [PROGRAM, "plan", TOP / "examples/quickstart/access", "--emulate", "live.yaml", "--out", "plan.json"],
                cwd=folder, check=True, capture_output=True)
            plans[edit] = (folder / "plan.json").read_text()
        return plans[edit]

    def new(live=None):
        return Earlier(work / f"github-{next(count)}", saved(live))

    return [
        (test_inputs, work),
        (test_log, work),
        (test_drift_outputs, work),
        (test_plans, work, new),
        (test_plans_of_one_commit, work, new),
        (test_archives, work, new),
        (test_journals, work, new),
        (test_base, work),
    ]
