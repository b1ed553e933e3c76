"""The archives of a release, which all packages are made from: the program is built once."""
import gzip
import io
import os
import re
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
CARGO = tomllib.loads((TOP / "Cargo.toml").read_text())["package"]
# The version as crates.io, npm and the archives write it, such as 1.2.3-rc.1.
VERSION = CARGO["version"]
DESCRIPTION = CARGO["description"]
# OWNER/REPOSITORY of the release.
REPOSITORY = os.environ.get("GITHUB_REPOSITORY", "OWNER/REPOSITORY")
# The time of the commit: two builds of a commit are identical.
EPOCH = int(subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=TOP, text=True))


@dataclass(frozen=True)
class Platform:
    """A system for which packages are made, as each package format names it."""

    target: str
    wheel: str
    npm: tuple[str, str]
    deb: str | None = None


LINUX_WHEEL = "manylinux2014_{0}.manylinux_2_17_{0}.musllinux_1_1_{0}"
PLATFORMS = [
    Platform("x86_64-unknown-linux-musl", LINUX_WHEEL.format("x86_64"), ("linux", "x64"), "amd64"),
    Platform("aarch64-unknown-linux-musl", LINUX_WHEEL.format("aarch64"), ("linux", "arm64"), "arm64"),
    Platform("x86_64-apple-darwin", "macosx_10_12_x86_64", ("darwin", "x64")),
    Platform("aarch64-apple-darwin", "macosx_11_0_arm64", ("darwin", "arm64")),
    Platform("x86_64-pc-windows-msvc", "win_amd64", ("win32", "x64")),
]


@dataclass(frozen=True)
class Archive:
    """The archive of a release for a platform."""

    file: Path
    platform: Platform

    @cached_property
    def files(self):
        """The content of each file, by its path in the archive without the folder that all are in."""
        with tarfile.open(self.file) as archive:
            return {member.name.split("/", 1)[1]: archive.extractfile(member).read()
                    for member in archive.getmembers() if member.isfile()}

    @property
    def program_name(self):
        return "wabacl.exe" if self.platform.npm[0] == "win32" else "wabacl"

    @property
    def program(self):
        return self.files[self.program_name]


def archives(folder):
    """Returns the archives in a folder. On Linux, only static programs run everywhere: those for musl; a static one for
    glibc takes the place of one that is missing."""
    found = []
    for platform in PLATFORMS:
        for target in (platform.target, platform.target.replace("-musl", "-gnu")):
            file = Path(folder, f"wabacl-{VERSION}-{target}.tar.gz")
            if file.exists():
                found.append(Archive(file, platform))
                if target.endswith("-gnu"):
                    require_static(found[-1])
                break
    if not found:
        raise SystemExit(f"no archives of version {VERSION} in {folder}")
    return found


def require_static(archive):
    with tempfile.NamedTemporaryFile() as file:
        file.write(archive.program)
        file.flush()
        # The exit status of ldd for static programs differs between C libraries.
        if "=>" in subprocess.run(["ldd", file.name], capture_output=True, text=True).stdout:
            raise SystemExit(f"{archive.file}: the program is not static")


def tar_gz(files):
    """Returns a tar.gz of {path: (content, mode)}, the same for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, (content, mode) in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.mtime = len(content), mode, EPOCH
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 9, mtime=EPOCH)


def version_for(prerelease):
    """Returns the version with its pre-release part changed: `prerelease` gets the kind (rc) and the number."""
    found = re.fullmatch(r"(\d+\.\d+\.\d+)(?:-([a-z]+)\.?(\d+))?", VERSION)
    if not found:
        raise SystemExit(f"a version of another form: {VERSION}")
    return found[1] + (prerelease(found[2], found[3]) if found[2] else "")
