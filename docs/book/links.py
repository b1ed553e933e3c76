"""Checks that each link of a built site leads to a file of the site, and to an id in it.

    links.py FOLDER

Links to other sites are not followed.
"""
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOP = Path(sys.argv[1]).resolve()
# Pages that mdBook makes of others, and the one for addresses that do not exist, whose links begin at the top.
SKIPPED = {"404.html", "print.html", "toc.html"}


class Page(HTMLParser):
    """The links and ids of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids.update(values[name] for name in ("id", "name") if values.get(name))
        self.links += [values[name] for name in ("href", "src") if values.get(name)]


@cache
def read(file):
    return Page(file.read_text())


def broken(page, link):
    """Returns why a link of a page is broken, or nothing."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(TOP) or not target.is_file():
        return "no such file"
    if parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).ids:
        return "no such id"
    return None


def main():
    pages = sorted(page for page in TOP.rglob("*.html") if page.name not in SKIPPED)
    found, links = [], 0
    for page in pages:
        for link in read(page).links:
            links += 1
            why = broken(page, link)
            if why:
                found.append(f"{page.relative_to(TOP)}: {link}: {why}")
    print("\n".join(found), file=sys.stderr)
    print(f"site: {len(pages)} pages, {links} links, {len(found)} broken")
    sys.exit(1 if found or not links else 0)


main()
