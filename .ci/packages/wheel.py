"""Checks the metadata of wheels, and that RECORD lists each file with its digest.

    wheel.py WHEEL...
"""
import base64
import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path

from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename

for path in map(Path, sys.argv[1:]):
    name, version, _, tags = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as wheel:
        (info,) = {entry.split("/")[0] for entry in wheel.namelist() if ".dist-info/" in entry}
        metadata = Metadata.from_email(wheel.read(f"{info}/METADATA"), validate=True)
        assert (metadata.name, metadata.version) == (name, version), metadata
        lines = wheel.read(f"{info}/WHEEL").decode().splitlines()
        assert {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")} == {str(tag) for tag in tags}
        record = {row[0]: row[1] for row in csv.reader(io.StringIO(wheel.read(f"{info}/RECORD").decode()))}
        assert record.keys() == set(wheel.namelist()), record
        for entry, digest in record.items():
            if entry != f"{info}/RECORD":
                found = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(entry)).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={found}", entry
    print(f"wheel: {path.name}")
