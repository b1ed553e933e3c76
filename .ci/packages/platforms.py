"""Packs small archives of all platforms, as a release has them, and checks what is packed for each.

    platforms.py FOLDER
"""
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((TOP / "Cargo.toml").read_text())["package"]["version"]
# The targets of a release: the platform in npm's words, and Debian's architecture.
TARGETS = {
    "x86_64-unknown-linux-gnu": (None, None),
    "x86_64-unknown-linux-musl": ("linux-x64", "amd64"),
    "aarch64-unknown-linux-gnu": (None, None),
    "aarch64-unknown-linux-musl": ("linux-arm64", "arm64"),
    "x86_64-apple-darwin": ("darwin-x64", None),
    "aarch64-apple-darwin": ("darwin-arm64", None),
    "x86_64-pc-windows-msvc": ("win32-x64", None),
}


def program(target):
    return "wabacl.exe" if "windows" in target else "wabacl"


def write_archive(folder, target):
    """Writes an archive in which the text of the program is its target."""
    name = f"wabacl-{VERSION}-{target}"
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        texts = {program(target): target, "man/wabacl.1": ".TH wabacl 1\n"}
        texts |= {f"completions/wabacl.{shell}": shell for shell in ("bash", "zsh", "fish", "powershell")}
        for file in (*texts, "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"):
            content = texts[file].encode() if file in texts else (TOP / file).read_bytes()
            member = tarfile.TarInfo(f"{name}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def packed_json(file):
    with tarfile.open(file) as archive:
        return json.load(archive.extractfile("package/package.json"))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    for target in TARGETS:
        write_archive(folder, target)
    subprocess.run([TOP / ".github/release/packages/pack", folder], check=True, stdout=subprocess.DEVNULL)
    # The script of the release workflow builds these targets.
    built = re.findall(r"target: ([\w-]+)", (TOP / ".github/workflows/release.yml").read_text())
    assert sorted(built) == sorted(TARGETS), built
    platforms = {target: words for target, words in TARGETS.items() if words[0]}
    main_package = packed_json(folder / f"npm/wabacl-{VERSION}.tgz")
    assert main_package["optionalDependencies"] == {f"@wabacl/{npm}": VERSION for npm, _ in platforms.values()}
    for target, (npm, deb) in platforms.items():
        file = folder / f"npm/wabacl-{npm}-{VERSION}.tgz"
        package = packed_json(file)
        assert [*package["os"], *package["cpu"]] == npm.split("-"), package
        with tarfile.open(file) as archive:
            member = archive.getmember(f"package/bin/{program(target)}")
            assert member.mode == 0o755 and archive.extractfile(member).read().decode() == target
        if deb:
            (file,) = folder.glob(f"wabacl_*_{deb}.deb")
            content = subprocess.check_output(["dpkg-deb", "--fsys-tarfile", file])
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                assert archive.extractfile("./usr/bin/wabacl").read().decode() == target
    wheels = {}
    for file in (folder / "pypi").glob("*.whl"):
        with zipfile.ZipFile(file) as wheel:
            (script,) = [name for name in wheel.namelist() if "/scripts/" in name]
            wheels[wheel.read(script).decode()] = script.rsplit("/", 1)[1]
    assert wheels == {target: program(target) for target in platforms}, wheels
    formula = (folder / "wabacl.rb").read_text()
    urls = re.findall(r'wabacl-[\d.]+-([\w-]+)\.tar\.gz"', formula)
    assert sorted(urls) == sorted(target for target in platforms if "windows" not in target), urls
    print(f"platforms: {len(platforms)} packed, of {len(TARGETS)} archives")


main()
