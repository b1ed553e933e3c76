"""Checks that an archive is where `cargo binstall` looks for it, by the metadata in Cargo.toml.

    binstall.py ARCHIVE
"""
import re
import sys
import tarfile
import tomllib
from pathlib import Path

archive = Path(sys.argv[1])
package = tomllib.loads(Path("Cargo.toml").read_text())["package"]
metadata = package["metadata"]["binstall"]
target = re.fullmatch(rf"wabacl-{re.escape(package['version'])}-(.+)\.tar\.gz", archive.name)[1]
values = {
    "repo": "https://github.com/OWNER/REPOSITORY", "name": package["name"], "version": package["version"],
    "target": target, "bin": "wabacl", "binary-ext": "", "archive-suffix": ".tar.gz",
}


def fill(template):
    return re.sub(r"\{ ([a-z-]+) \}", lambda found: values[found[1]], template)


url = fill(metadata["pkg-url"])
assert url == f"https://github.com/OWNER/REPOSITORY/releases/download/v{package['version']}/{archive.name}", url
assert metadata["pkg-fmt"] == "tgz", metadata
with tarfile.open(archive) as packed:
    program = packed.getmember(fill(metadata["bin-dir"]))
assert program.isfile() and program.mode & 0o111, program
print(f"binstall: {url}")
