"""What the pages link to outside of docs/, brought into the site: documents as pages, other files as files.

On a page of the repository, links lead to files beside it; on the site they have to lead to pages. This is a hook of
MkDocs, and knows no page by name. A link to a folder becomes its text: a site has no folders.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)((?:#[^)]*)?)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
BROUGHT = "project/"


def origin(source: str) -> str:
    """Where a page of the site lies in the repository."""
    if not source.startswith(BROUGHT):
        return f"docs/{source}"
    path = source.removeprefix(BROUGHT)
    folder = f"{path.removesuffix('.md')}/README.md"
    return folder if (ROOT / folder).is_file() else path


def place(path: str) -> str:
    """Where a file of the repository lies in the site's sources; the site's first page is what README.md is there."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    # A README would be the first page of a section; a page that is named as its folder is one beside others.
    return BROUGHT + re.sub(r"/README\.md$", ".md", path)


def targets(source: str, text: str) -> Iterator[str]:
    """The files of the repository that a page links to."""
    for link in LINK.finditer(FENCE.sub("", text)):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin(source)), link[2]))
        if (ROOT / path).is_file():
            yield path


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is linked to, and what that links to in its turn."""
    wanted = [origin(each) for each in named(config.nav) if each.startswith(BROUGHT)]
    for each in files.documentation_pages():
        wanted += targets(each.src_uri, (ROOT / origin(each.src_uri)).read_text())
    while wanted:
        path = wanted.pop()
        if path.startswith("docs/") or files.get_file_from_path(place(path)) is not None:
            continue
        files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
        if path.endswith(".md"):
            wanted += targets(place(path), (ROOT / path).read_text())
    return files


def named(nav: object) -> Iterator[str]:
    """The pages that the navigation names, at any depth."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict | list):
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from named(each)


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turns links between files of the repository into links between those of the site."""
    source = page.file.src_uri
    here = posixpath.dirname(origin(source))

    def turned(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(here, link[2]))
        if (ROOT / path).is_dir():
            return link[1]
        if source.startswith(BROUGHT) or not path.startswith("docs/"):
            return f"[{link[1]}]({os.path.relpath(place(path), posixpath.dirname(source) or '.')}{link[3]})"
        return link[0]

    return LINK.sub(turned, markdown)
