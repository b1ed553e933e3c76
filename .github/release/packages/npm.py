"""Packages for npm: one for each platform with the program, and `wabacl`, which depends on all of them as options."""
import json
from pathlib import Path

from release import CARGO, DESCRIPTION, REPOSITORY, VERSION, tar_gz

HERE = Path(__file__).parent / "npm"
NODE = ">=18"


def name_of(archive):
    return f"@wabacl/{'-'.join(archive.platform.npm)}"


def manifest(**more):
    return {
        "version": VERSION, "description": DESCRIPTION, "license": CARGO["license"],
        "repository": {"type": "git", "url": f"git+https://github.com/{REPOSITORY}.git"}, **more,
    }


def pack(package, files, folder):
    """Writes a package as `npm pack` does, and returns its path."""
    text = json.dumps(package, indent=2).encode() + b"\n"
    entries = {"package/package.json": (text, 0o644)}
    entries |= {f"package/{path}": entry for path, entry in files.items()}
    file = folder / f"{package['name'].lstrip('@').replace('/', '-')}-{VERSION}.tgz"
    file.write_bytes(tar_gz(entries))
    return file


def licences(archive):
    return {name: (archive.files[name], 0o644) for name in ("LICENSE-APACHE", "LICENSE-MIT")}


def write_platform(archive, folder):
    system, processor = archive.platform.npm
    package = manifest(name=name_of(archive), os=[system], cpu=[processor], preferUnplugged=True)
    readme = f"# {name_of(archive)}\n\nThe program of the package `wabacl` for {system} on {processor}.\n".encode()
    files = {f"bin/{archive.program_name}": (archive.program, 0o755), "README.md": (readme, 0o644)}
    return pack(package, files | licences(archive), folder)


def write(archives, folder):
    """Writes all packages and returns their paths, the one that depends on the others last."""
    written = [write_platform(archive, folder) for archive in archives]
    package = manifest(
        name="wabacl", keywords=CARGO["keywords"], engines={"node": NODE}, bin={"wabacl": "bin/wabacl"},
        scripts={"postinstall": "node install.js"}, optionalDependencies={name_of(one): VERSION for one in archives})
    files = {path: ((HERE / path).read_bytes(), mode) for path, mode in [
        ("README.md", 0o644), ("find.js", 0o644), ("install.js", 0o644), ("bin/wabacl", 0o755)]}
    written.append(pack(package, files | licences(archives[0]), folder))
    return written
