"""Wheels with the program as a script, so that `uvx wabacl` and `pip install wabacl` work."""
import base64
import hashlib
import io
import time
import zipfile

from release import CARGO, DESCRIPTION, EPOCH, REPOSITORY, version_for

# PEP 440 writes 1.2.3rc1.
KINDS = {"alpha": "a", "beta": "b", "rc": "rc"}

README = f"""# wabacl

{DESCRIPTION}. This package contains the program:

```sh
uvx wabacl --help
```

Documentation: <https://github.com/{REPOSITORY}#readme>
"""


def metadata(version):
    keywords = ",".join(CARGO["keywords"])
    return (
        f"Metadata-Version: 2.4\nName: wabacl\nVersion: {version}\nSummary: {DESCRIPTION}\nKeywords: {keywords}\n"
        f"License-Expression: {CARGO['license']}\nLicense-File: LICENSE-APACHE\nLicense-File: LICENSE-MIT\n"
        f"Project-URL: Source, https://github.com/{REPOSITORY}\nClassifier: Environment :: Console\n"
        "Classifier: Programming Language :: Rust\nRequires-Python: >=3.8\n"
        f"Description-Content-Type: text/markdown\n\n{README}")


def write(archive, folder):
    """Writes the wheel of an archive and returns its path."""
    version = version_for(lambda kind, number: KINDS[kind] + number)
    tags = archive.platform.wheel
    info = f"wabacl-{version}.dist-info"
    tag_lines = "".join(f"Tag: py3-none-{tag}\n" for tag in tags.split("."))
    files = {
        f"wabacl-{version}.data/scripts/{archive.program_name}": archive.program,
        **{f"{info}/licenses/{name}": archive.files[name] for name in ("LICENSE-APACHE", "LICENSE-MIT")},
        f"{info}/METADATA": metadata(version).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: wabacl\nRoot-Is-Purelib: false\n{tag_lines}".encode(),
    }
    record = "".join(f"{path},sha256={digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, time.gmtime(EPOCH)[:6])
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)
    file = folder / f"wabacl-{version}-py3-none-{tags}.whl"
    file.write_bytes(packed.getvalue())
    return file


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
