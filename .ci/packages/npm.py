"""Installs the packages for npm from a registry on this machine, and runs them with npx.

    npm.py PACKAGES FOLDER

Writes FOLDER/fast, installed with scripts, and FOLDER/plain, without: then the launcher runs the program.
"""
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PACKAGES, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def manifest(file):
    with tarfile.open(file) as archive:
        return json.load(archive.extractfile("package/package.json"))


FILES = {manifest(file)["name"]: file for file in PACKAGES.glob("*.tgz")}


class Registry(BaseHTTPRequestHandler):
    """The part of the protocol of npm's registry that an installation needs."""

    def do_GET(self):
        path = unquote(self.path).lstrip("/")
        if path.startswith("-/"):
            self.answer(200, (PACKAGES / path[2:]).read_bytes(), "application/octet-stream")
        elif path in FILES:
            self.answer(200, json.dumps(self.document(path)).encode(), "application/json")
        else:
            self.answer(404, b"{}", "application/json")

    def document(self, name):
        file, package = FILES[name], manifest(FILES[name])
        digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        dist = {"tarball": f"{self.server.url}/-/{file.name}", "integrity": f"sha512-{digest}"}
        # npm adds the field for packages with install scripts.
        package |= {"dist": dist, "hasInstallScript": "scripts" in package}
        return {"name": name, "dist-tags": {"latest": package["version"]}, "versions": {package["version"]: package}}

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def npm(*arguments, folder=FOLDER):
    environment = os.environ | {"npm_config_cache": str(FOLDER / "cache"), "npm_config_update_notifier": "false"}
    return subprocess.check_output(arguments, cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL)


def is_native(program):
    return program.read_bytes()[:4] == b"\x7fELF"


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    version = manifest(FILES["wabacl"])["version"]
    for name, options in (("fast", []), ("plain", ["--ignore-scripts"])):
        folder = FOLDER / name
        folder.mkdir(parents=True)
        npm("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "--registry", server.url, *options, "wabacl")
        program = folder / "node_modules/.bin/wabacl"
        assert is_native(program) == (name == "fast"), f"{name}: {program} is not as expected"
    printed = npm("npx", "--yes", "--registry", server.url, "wabacl", "--version")
    assert printed == f"wabacl {version}\n", printed
    server.shutdown()
    check_launcher(FOLDER / "plain/node_modules/.bin/wabacl")
    print(f"npx: wabacl {version}")


def check_launcher(launcher):
    """The launcher ends with the program's exit status, passes SIGTERM on, and says which package is missing."""
    assert subprocess.run([launcher, "frobnicate"], capture_output=True).returncode == 64
    serving = subprocess.Popen(
        [launcher, "emulator", "--state", Path("examples/quickstart/live.yaml")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert b"http://" in serving.stdout.readline()
    serving.send_signal(signal.SIGTERM)
    ended = serving.wait(timeout=30)
    # The program ends with 130; a launcher that did not pass the signal on would have been killed by it.
    assert ended == 130, ended
    missing = launcher.parents[1] / "@wabacl"
    missing.rename(missing.with_name("away"))
    ran = subprocess.run([launcher], capture_output=True, text=True)
    missing.with_name("away").rename(missing)
    assert ran.returncode == 1 and "is not installed" in ran.stderr, ran


main()
