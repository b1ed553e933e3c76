"""Debian packages of the static programs."""
import gzip
import os
import subprocess
import tempfile
from email.utils import formatdate
from pathlib import Path

from release import CARGO, DESCRIPTION, EPOCH, REPOSITORY, version_for

MAINTAINER = "The wabacl contributors <contributors@wabacl.invalid>"
COPYRIGHT = f"""Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wabacl
Source: https://github.com/{REPOSITORY}

Files: *
Copyright: The wabacl contributors
License: Apache-2.0 or MIT
"""
# lintian takes a static position-independent program for a library.
OVERRIDES = "wabacl: shared-library-lacks-prerequisites [usr/bin/wabacl]\n"


def control(archive, version, size):
    return f"""Package: wabacl
Version: {version}
Architecture: {archive.platform.deb}
Maintainer: {MAINTAINER}
Installed-Size: {size}
Depends: ca-certificates
Section: admin
Priority: optional
Homepage: https://github.com/{REPOSITORY}
Description: manages access to WhatsApp Business Accounts as code
 YAML manifests declare which system users hold which tasks on which WhatsApp
 Business Accounts. The program compares them with the live state from Meta's
 Graph API, shows a plan with a reason for each change, and applies only the
 assignments that differ.
"""


def changelog(version):
    date = formatdate(EPOCH)
    return f"wabacl ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- {MAINTAINER}  {date}\n"


def licence(archive):
    text = archive.files["LICENSE-MIT"].decode()
    lines = [f" {line}" if line.strip() else " ." for line in text.strip().splitlines()]
    return (f"{COPYRIGHT}\nLicense: Apache-2.0\n On Debian systems, the text is in\n /usr/share/common-licenses/Apache-2.0.\n"
            f"\nLicense: MIT\n" + "\n".join(lines) + "\n")


# Where Debian's shells look for completions.
COMPLETIONS = {
    "bash": "bash-completion/completions/wabacl",
    "zsh": "zsh/vendor-completions/_wabacl",
    "fish": "fish/vendor_completions.d/wabacl.fish",
}


def tree(archive, version):
    """Returns the files of the package: the content and mode by path."""
    packed = {
        "doc/wabacl/changelog.gz": archive.files["CHANGELOG.md"],
        "doc/wabacl/changelog.Debian.gz": changelog(version).encode(),
    }
    packed |= {f"man/man1/{path.removeprefix('man/')}.gz": content
               for path, content in archive.files.items() if path.startswith("man/")}
    files = {
        "usr/bin/wabacl": (archive.program, 0o755),
        "usr/share/doc/wabacl/copyright": (licence(archive).encode(), 0o644),
        "usr/share/lintian/overrides/wabacl": (OVERRIDES.encode(), 0o644),
    }
    for shell, path in COMPLETIONS.items():
        files[f"usr/share/{path}"] = (archive.files[f"completions/wabacl.{shell}"], 0o644)
    for path, content in packed.items():
        files[f"usr/share/{path}"] = (gzip.compress(content, 9, mtime=0), 0o644)
    return files


def write(archive, folder):
    """Writes the package of an archive and returns its path."""
    # Debian sorts 1.2.3~rc1 before 1.2.3.
    version = version_for(lambda kind, number: f"~{kind}{number}")
    files = tree(archive, version)
    size = sum(-(-len(content) // 1024) for content, _ in files.values())
    file = folder / f"wabacl_{version}_{archive.platform.deb}.deb"
    with tempfile.TemporaryDirectory() as root:
        files["DEBIAN/control"] = (control(archive, version, size).encode(), 0o644)
        for path, (content, mode) in files.items():
            target = Path(root, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(mode)
        for directory in [Path(root), *(path for path in Path(root).rglob("*") if path.is_dir())]:
            directory.chmod(0o755)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, file], check=True, stdout=subprocess.DEVNULL,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)})
    return file
