"""The repository as its own tests see it: what is in it, and what its Python files import."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Every file that is, or would be, committed; with these suffixes only, if any are given."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    found = (ROOT / line for line in sorted(set(listed.splitlines())))
    return tuple(each for each in found if each.is_file() and (not suffixes or each.suffix in suffixes))


def name(path: Path) -> str:
    """A file's place in the repository, as people write it."""
    return path.relative_to(ROOT).as_posix()


def below(folder: str, *suffixes: str) -> tuple[Path, ...]:
    """The files below a folder."""
    return tuple(each for each in files(*suffixes) if name(each).startswith(f"{folder}/"))


def module(path: Path) -> str:
    """The dotted name of a module of the package."""
    parts = path.relative_to(ROOT / "python").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, at_load: bool = False) -> set[str]:
    """The modules, and names in them, that a file imports; at load alone: not in functions, not for types only."""
    tree = ast.parse(path.read_text())
    return {each for node in _nodes(tree, at_load) for each in _imported(node)}


def _nodes(node: ast.AST, at_load: bool) -> Iterator[ast.AST]:
    if at_load and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, at_load)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        yield node.module
        yield from (f"{node.module}.{each.name}" for each in node.names)
