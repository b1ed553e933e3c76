"""Renders the kustomizations of folders with kubectl, and checks what comes out.

    kubernetes.py (FOLDER IMAGE)...     IMAGE is the image of wabacl that all kustomizations of the folder must have

The published schemas of the oldest and the newest supported Kubernetes must accept each object, without unknown fields.
What schemas cannot express is checked here: see `problems`. At the end, objects with a mistake must be refused.
"""
import copy
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as prometheus

# Sidecars (an init container with `restartPolicy: Always`) are on by default since 1.29.
VERSIONS = ["1.29", kubernetes_validate.latest_version()]
# How long wabacl may take to end after `--grace`, in seconds: PATIENCE in src/cli/watchdog.rs, and as much again.
AFTER_GRACE = 4
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
ZEROS = "0" * 64


def render(folder):
    output = subprocess.run([Path(sys.executable).with_name("kubectl"), "kustomize", folder], capture_output=True, text=True)
    if output.returncode or output.stderr:
        sys.exit(f"{folder}: {output.stderr}")
    return list(yaml.safe_load_all(output.stdout))


def of_kind(objects, kind):
    return [item for item in objects if item["kind"] == kind]


def fits(selector, labels):
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


@functools.cache
def schema(text):
    """Returns what the schemas say against an object, which is JSON: most objects occur in several kustomizations."""
    item = json.loads(text)
    if item["kind"] == "ServiceMonitor":
        try:
            known = prometheus.ServiceMonitor.model_validate(json.loads(text))
        except ValueError as error:
            return [str(error)]
        # The model drops what it does not know.
        is_known = known.model_dump(by_alias=True, exclude_unset=True, mode="json") == item
        return [] if is_known else ["has a field that no ServiceMonitor has"]
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}")
    return found


def templates(objects):
    """Returns each pod template with its owner."""
    for item in objects:
        if item["kind"] == "Deployment":
            yield item, item["spec"]["template"]
        if item["kind"] == "CronJob":
            yield item, item["spec"]["jobTemplate"]["spec"]["template"]


def container(each, settings, image):
    """Checks a container of a pod."""
    security = each.get("securityContext", {})
    if not security.get("readOnlyRootFilesystem"):
        yield "its root file system can be written"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "privileges can be escalated"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities are not dropped"
    resources = each.get("resources", {})
    requested, limited = resources.get("requests", {}), resources.get("limits", {})
    if not {"cpu", "memory"} <= requested.keys() or "memory" not in limited:
        yield "its resources are not limited"
    if not DIGEST.search(each["image"]):
        yield f"{each['image']} has no digest"
    if each["name"] == "wabacl" and each["image"] != image:
        yield f"its image is {each['image']}, expected {image}"
    if each["name"] != "wabacl" and each["image"].endswith(ZEROS):
        yield "its digest is a placeholder"
    known = settings | {variable["name"] for variable in each.get("env", [])}
    used = re.findall(r"\$\((\w+)\)", " ".join(each.get("args", [])))
    yield from (f"no such setting: {name}" for name in used if name not in known)
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        if kind in each and each[kind]["httpGet"]["port"] not in [port["name"] for port in each["ports"]]:
            yield f"{kind} asks a port that it does not have"


def pod(owner, spec, objects, image):
    """Checks a pod."""
    security = spec["securityContext"]
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "has a token for the cluster"
    maps = {
        item["metadata"]["name"]: set(item["data"])
        for item in of_kind(objects, "ConfigMap")
        if item["metadata"]["namespace"] == owner["metadata"]["namespace"]
    }
    names = {volume["name"] for volume in spec["volumes"]}
    for each in spec["initContainers"] + spec["containers"]:
        sources = [source["configMapRef"]["name"] for source in each.get("envFrom", []) if "configMapRef" in source]
        for problem in (f"there is no ConfigMap {name}" for name in sources if name not in maps):
            yield f"{each['name']}: {problem}"
        settings = set().union(*(maps.get(name, set()) for name in sources))
        yield from (f"{each['name']}: {problem}" for problem in container(each, settings, image))
        for mount in each["volumeMounts"]:
            if mount["name"] not in names:
                yield f"{each['name']}: there is no volume {mount['name']}"
            is_read = mount["name"].endswith("secret") or (each["name"], mount["name"]) == ("wabacl", "manifests")
            if is_read and not mount.get("readOnly"):
                yield f"{each['name']}: {mount['name']} can be written"


def selecting(objects, kind, key, labels):
    """Returns the objects of a kind whose selector fits the labels."""
    found = of_kind(objects, kind)
    return [item for item in found if fits(item["spec"][key].get("matchLabels", item["spec"][key]), labels)]


def deployment(item, objects):
    """Checks a Deployment with what belongs to it."""
    spec = item["spec"]["template"]["spec"]
    labels = item["spec"]["template"]["metadata"]["labels"]
    if item["spec"]["replicas"] < 2 or item["spec"]["strategy"]["type"] != "RollingUpdate":
        yield "one replica is not enough"
    if not spec.get("topologySpreadConstraints"):
        yield "the replicas may be on one node"
    arguments = [argument for each in spec["containers"] for argument in each["args"]]
    grace = next((int(argument.partition("=")[2]) for argument in arguments if argument.startswith("--grace=")), 5)
    if spec["terminationGracePeriodSeconds"] < grace + AFTER_GRACE:
        yield "is killed within --grace"
    if not selecting(objects, "PodDisruptionBudget", "selector", labels):
        yield "no PodDisruptionBudget"

    containers = spec["initContainers"] + spec["containers"]
    ports = {port["name"]: port["containerPort"] for each in containers for port in each["ports"]}
    services = selecting(objects, "Service", "selector", labels)
    targets = {port["name"]: port["targetPort"] for service in services for port in service["spec"]["ports"]}
    yield from (f"no container has the port {target}" for target in targets.values() if target not in ports)
    yield from (f"no Service has the port {name}" for name in ports if name not in targets.values())
    for monitor in of_kind(objects, "ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        if not any(fits(selector, service["metadata"].get("labels", {})) for service in services):
            yield "the ServiceMonitor selects no Service"
        asked = [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]]
        yield from (f"the ServiceMonitor asks the port {name}" for name in asked if name not in targets)
    policies = selecting(objects, "NetworkPolicy", "podSelector", labels)
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress", [])]
    opened = {port["port"] for rule in rules for port in rule["ports"]}
    yield from (f"nobody may reach the port {port}" for port in ports.values() if port not in opened)
    yield from (f"the policy opens the port {port}" for port in opened if port not in ports.values())


def cronjob(item):
    """Checks that what will not change by itself is not tried again."""
    job = item["spec"]["jobTemplate"]["spec"]
    if item["spec"].get("concurrencyPolicy") != "Forbid":
        yield "two may run at the same time"
    if job["template"]["spec"].get("restartPolicy") != "Never":
        yield "a failed container is started again"
    first = (job.get("podFailurePolicy", {}).get("rules") or [{}])[0]
    codes = first.get("onExitCodes", {})
    is_final = first.get("action") == "FailJob" and codes.get("operator") == "In"
    if not is_final or not {2, 3, 64} <= set(codes.get("values", [])):
        yield "drift is tried again"
    if codes.get("containerName") not in [each["name"] for each in job["template"]["spec"]["containers"]]:
        yield "the exit code of no container counts"


def problems(objects, image):
    """Returns what is wrong with the objects of a kustomization."""
    found = []

    def note(item, texts):
        found.extend(f"{item['kind']} {item['metadata']['name']}: {text}" for text in texts)

    for item in objects:
        note(item, schema(json.dumps(item)))
    if found:
        return found
    for item in of_kind(objects, "Secret"):
        note(item, ["secrets are not in Git"])
    for owner, template in templates(objects):
        note(owner, pod(owner, template["spec"], objects, image))
        guarded = [
            policy
            for policy in selecting(objects, "NetworkPolicy", "podSelector", template["metadata"]["labels"])
            if policy["metadata"]["namespace"] == owner["metadata"]["namespace"]
            and {"Ingress", "Egress"} <= set(policy["spec"]["policyTypes"])
        ]
        note(owner, [] if guarded else ["no NetworkPolicy limits it"])
    for item in of_kind(objects, "Deployment"):
        note(item, deployment(item, objects))
    for item in of_kind(objects, "CronJob"):
        note(item, cronjob(item))
    schedules = [item["spec"]["schedule"] for item in of_kind(objects, "CronJob")]
    if len(set(schedules)) < len(schedules):
        found.append("two CronJobs begin at the same time")
    return found


# Mistakes: the kustomization, the kind of the object that has it, how it is made, and a part of the problem that must be
# found.
DRIFT = "overlays/cronjob-drift"
MISTAKES = [
    ("base", "Deployment", lambda item: item["spec"].update(replica=2), "'replica' was unexpected"),
    ("base", "Deployment", lambda item: wabacl(item).update(image="wabacl"), "has no digest"),
    ("base", "Deployment", lambda item: git_sync(item).update(image=f"git-sync@sha256:{ZEROS}"), "is a placeholder"),
    ("base", "Deployment", lambda item: wabacl(item)["securityContext"].pop("readOnlyRootFilesystem"), "can be written"),
    ("base", "Deployment", lambda item: wabacl(item)["args"].append("--mode=$(MOOD)"), "no such setting: MOOD"),
    ("base", "Deployment", lambda item: spec_of(item).update(terminationGracePeriodSeconds=30), "within --grace"),
    ("base", "Deployment", lambda item: spec_of(item).pop("automountServiceAccountToken"), "a token for the cluster"),
    ("base", "ServiceMonitor", lambda item: item["spec"]["endpoints"][0].update(period="30s"), "no ServiceMonitor has"),
    ("base", "ServiceMonitor", lambda item: item["spec"]["endpoints"][0].update(port="web"), "asks the port web"),
    ("base", "Service", lambda item: item["spec"]["ports"][0].update(targetPort="web"), "no container has the port web"),
    ("base", "NetworkPolicy", lambda item: item["spec"]["policyTypes"].remove("Egress"), "no NetworkPolicy limits it"),
    (DRIFT, "CronJob", lambda item: item["spec"].pop("concurrencyPolicy"), "at the same time"),
    (DRIFT, "CronJob", lambda item: job(item)["podFailurePolicy"]["rules"].pop(0), "drift is tried again"),
    (DRIFT, "CronJob", lambda item: spec_of(item).update(restartPolicy="OnFailure"), "is started again"),
    ("overlays/cronjobs-businesses", "CronJob", lambda item: item["spec"].update(schedule="37 6 * * *"), "two CronJobs"),
]


def job(item):
    return item["spec"]["jobTemplate"]["spec"]


def spec_of(item):
    return (job(item) if item["kind"] == "CronJob" else item["spec"])["template"]["spec"]


def wabacl(item):
    return spec_of(item)["containers"][0]


def git_sync(item):
    return spec_of(item)["initContainers"][0]


def check(top, image):
    """Checks a folder, and returns what is wrong."""
    folders = sorted(file.parent for file in top.rglob("kustomization.yaml"))
    rendered = {str(folder.relative_to(top)): render(folder) for folder in folders}
    found = [f"{folder}: {problem}" for folder, objects in rendered.items() for problem in problems(objects, image)]
    for folder, kind, mistake, expected in MISTAKES:
        objects = copy.deepcopy(rendered[folder])
        mistake(of_kind(objects, kind)[0])
        got = problems(objects, image)
        if not any(expected in problem for problem in got):
            found.append(f"{folder}: a mistake was not found: expected `{expected}`, found {got}")
    objects = sum(map(len, rendered.values()))
    print(f"{top}: {len(rendered)} kustomizations, {objects} objects, {len(MISTAKES)} mistakes, {len(found)} problems")
    return found


def main():
    folders, images = sys.argv[1::2], sys.argv[2::2]
    found = [problem for folder, image in zip(folders, images, strict=True) for problem in check(Path(folder), image)]
    print("\n".join(found), file=sys.stderr)
    sys.exit(1 if found or not folders else 0)


main()
