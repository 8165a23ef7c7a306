"""Docstrings name what there is: parameters, fields, functions that were renamed are found."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest
from test_structure_imports import PACKAGE, modules_of, uses_of

QUOTED = re.compile(r"`([^`]+)`")
NAME = re.compile(r"_?[a-z][a-z0-9_]*")
CALL = re.compile(r"(?P<name>_?[a-z][a-z0-9_]*)\((?P<given>([a-z0-9_]+(, [a-z0-9_]+)*)?)\)")
SHORT = 60  # characters of a text in the code that may be the name of something: a key, a code

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module


def names_in(tree: ast.AST) -> set[str]:
    """Whatever a module defines, imports or uses by name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found |= set((node.asname or node.name).split("."))
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return found


def texts_in(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and len(node.value) <= SHORT
    }


def parameters_of(tree: ast.AST) -> dict[str, set[str]]:
    """Function -> the parameters of all functions of that name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
            found.setdefault(node.name, set()).update(names)
    return found


def unknown_names(tree: ast.AST, known: set[str]) -> Iterator[tuple[int, str]]:
    """(line, name) of what a docstring quotes and nobody has; `f(x)` needs an f with an x."""
    parameters = parameters_of(tree)
    for node in ast.walk(tree):
        if not isinstance(node, Documented):
            continue
        for quoted in QUOTED.findall(ast.get_docstring(node) or ""):
            line = getattr(node, "lineno", 1)
            call = CALL.fullmatch(quoted)
            if call is None:
                if NAME.fullmatch(quoted) and quoted not in known:
                    yield line, quoted
            elif call["name"] not in known:
                yield line, quoted
            elif call["name"] in parameters and call["given"]:
                given = {one.strip() for one in call["given"].split(",")}
                if not given <= parameters[call["name"]]:
                    yield line, quoted


@pytest.fixture(scope="module")
def unknown() -> list[str]:
    """What is wrong in the whole package: a module may quote its own names, those of the modules it
    imports, modules (Python's own too), and texts of the code (keys, codes)."""
    paths = modules_of(PACKAGE)
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    names = {name: names_in(tree) for name, tree in trees.items()}
    texts = {text for tree in trees.values() for text in texts_in(tree)}
    parts = {part for name in trees for part in name.split(".")} | set(sys.stdlib_module_names)
    uses = uses_of(PACKAGE)
    return [
        f"{paths[name].relative_to(PACKAGE.parent)}:{line}: `{quoted}`"
        for name, tree in trees.items()
        for line, quoted in unknown_names(
            tree, names[name].union(texts, parts, *(names[one] for one in uses[name]))
        )
    ]


def test_docstrings_name_what_there_is(unknown: list[str]) -> None:
    assert unknown == []


def test_a_renamed_parameter_is_found() -> None:
    source = '''
def tell(events, on_stored):
    """`on_told()` once `events` are published, see `tell(events, on_told)` and `gone`."""

class Held:
    """`since`: s; `fired` until released; `tell(events)`."""
    since: float
'''
    tree = ast.parse(source)
    assert [quoted for _, quoted in unknown_names(tree, names_in(tree))] == [
        "on_told()", "tell(events, on_told)", "gone", "fired"
    ]  # fmt: skip
