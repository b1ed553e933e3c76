"""Writes the pages of the reference from what the program prints: its help and its schemas.

    reference.py PROGRAM SUMMARY FOLDER

Writes FOLDER/reference, FOLDER/schema, and FOLDER/SUMMARY.md from SUMMARY, whose line FORMATS becomes the list of formats.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

PROGRAM, SUMMARY, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), Path(sys.argv[3])
GENERATED = "<!-- Written by docs/book/reference.py from what the program prints. -->\n\n"


def run(*arguments):
    return subprocess.check_output([PROGRAM, *arguments], text=True, env={"NO_COLOR": "1", "COLUMNS": "100"})


def write(path, text):
    file = FOLDER / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(GENERATED + text)


def names_below(text, heading):
    """Returns name and text of the entries below a heading of the help, up to the next heading."""
    lines = text.split(f"\n{heading}:\n", 1)[1].split("\n\n")[0].splitlines()
    found = [re.match(r"  (\S+)\s+(.*)", line) for line in lines]
    return [(entry[1], entry[2]) for entry in found if entry]


def commands():
    """The help of each command, as the program prints it."""
    top = run("--help")
    text = f"# Commands\n\n```text\n{top.split('Exit codes')[0].strip()}\n```\n"
    for name, _ in names_below(top, "Commands"):
        if name != "help":
            text += f"\n## {name}\n\n```text\n{run(name, '--help').split('Exit codes')[0].strip()}\n```\n"
    return text


def exit_codes():
    """The table of exit codes at the end of the help."""
    table = run("--help").split("Exit codes", 1)[1]
    codes = re.findall(r"^ *(\d+)  (.*(?:\n {6,}\S.*)*)", table, re.MULTILINE)
    rows = "".join(f"| {code} | {' '.join(meaning.split())} |\n" for code, meaning in codes)
    return (
        "# Exit codes\n\nIf several codes fit, the first in this order is used. [Troubleshooting](../docs/troubleshooting.md) "
        f"says what to do.\n\n| code | meaning |\n|---|---|\n{rows}")


class Reference:
    """The page of a JSON Schema: a table of keys for the document, and one for each kind of object in it."""

    def __init__(self, schema):
        self.schema = schema
        self.kinds = schema.get("$defs", {})

    def page(self, title, more=""):
        text = f"# {title}\n\n{self.schema.get('description', '')}\n\n{more}{self.keys(self.schema)}"
        for name, kind in sorted(self.kinds.items()):
            text += f"\n## {name}\n\n{kind.get('description', '')}\n\n{self.keys(kind)}"
        return text

    def keys(self, kind):
        """Returns the table of an object's keys, or the values that are possible."""
        if "properties" not in kind:
            return f"Possible: {self.type_of(kind)}.\n"
        required = kind.get("required", [])
        rows = ""
        for name, value in kind["properties"].items():
            mark = ", required" if name in required else ""
            rows += f"| `{name}` | {self.type_of(value)}{mark} | {cell(value.get('description', ''))} |\n"
        return f"| key | value | meaning |\n|---|---|---|\n{rows}"

    def type_of(self, value):
        """Describes the values that a schema allows."""
        if value is True or value == {}:
            return "any value"
        if "$ref" in value:
            name = value["$ref"].rsplit("/", 1)[1]
            return f"[{name}](#{name.lower()})"
        if "const" in value:
            return f"`{json.dumps(value['const'])}`"
        if "enum" in value:
            return values(value["enum"])
        for word in ("anyOf", "oneOf"):
            if word in value:
                return " or ".join(dict.fromkeys(self.type_of(one) for one in value[word]))
        kinds = value.get("type", "any value")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return " or ".join(self.simple(kind, value) for kind in kinds)

    def simple(self, kind, value):
        if kind == "array":
            return f"list of {self.type_of(value.get('items', True))}"
        if kind == "object" and isinstance(value.get("additionalProperties"), dict):
            return f"mapping to {self.type_of(value['additionalProperties'])}"
        return {"integer": "whole number", "null": "nothing"}.get(kind, kind)


def values(enum):
    """Lists the values of an enumeration. A long one is cut; its schema has all."""
    shown = [f"`{one}`" for one in enum]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:2], f"and {len(shown) - 2} more"])


def cell(text):
    """Makes a text fit into a cell of a table. A pipe would end the cell, even in code."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main():
    write("reference/commands.md", commands())
    write("reference/exit-codes.md", exit_codes())
    names = re.findall(r"[\w-]+", re.search(r"\[possible values: ([^\]]*)\]", run("schema", "-h"))[1])
    pages, table = "", ""
    for name in names:
        schema = json.loads(run("schema", name))
        title = schema.get("title", name)
        (FOLDER / "schema").mkdir(exist_ok=True)
        (FOLDER / f"schema/{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n")
        link = f"[`{name}.schema.json`](../schema/{name}.schema.json)"
        more = f"The JSON Schema is {link}; `wabacl schema {name}` prints it.\n\n"
        path = f"reference/{name}.md"
        write(path, Reference(schema).page("Manifest" if name == "manifest" else title, more))
        if name != "manifest":
            pages += f"  - [{title}]({path})\n"
        table += f"| [{title}](../{path}) | [`{name}.schema.json`]({name}.schema.json) |\n"
    write("schema/index.md", f"# Formats\n\nEach document has a JSON Schema.\n\n| document | schema |\n|---|---|\n{table}")
    (FOLDER / "SUMMARY.md").write_text(SUMMARY.read_text().replace("FORMATS\n", pages))


main()
