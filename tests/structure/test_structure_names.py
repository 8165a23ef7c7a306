"""Names: the trade's words, and one meaning for each class name (docs/glossary.md)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Metaphors that once stood for a context, an action, a socket, a recipient, an idle core ...
METAPHORS = frozenset(
    (
        *("calm", "deed", "deeds", "desk", "desks", "door", "doors", "furniture", "glance"),
        *("glances", "guest", "guests", "heap", "heaps", "house", "houses", "upkeep"),
    )
)
# In prose these are plain English ("tick the box", "no room left"); as names they say nothing.
ONLY_NAMES = frozenset(["box", "boxes", "pace", "room", "rooms", "said", "say", "told"])
FOLDERS = ("btrmd", "contrib", "deb", "docs", "etc", "mibs", "scripts", "systemd")
TEXTS = ("", ".cfg", ".conf", ".css", ".html", ".js", ".md", ".mib", ".service", ".sh", ".socket",
         ".sql", ".toml", ".txt", ".xml", ".yaml", ".yml")  # fmt: skip
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@cache
def suspect(allowed: tuple[str, ...]) -> re.Pattern[str]:
    """A text without any of these needs no reading token by token."""
    banned = sorted((METAPHORS | ONLY_NAMES) - set(allowed))
    small, title, upper = (
        "|".join(made(w) for w in banned) for made in (str, str.title, str.upper)
    )
    return re.compile(rf"(?:(?<![a-z])(?:{small})|{title}|{upper})(?![a-z])")


def words(name: str) -> set[str]:
    return {word.lower() for word in WORD.findall(name)}


def metaphors(text: str, allowed: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """(line, word) that must not be there: in names, comments, docstrings; not in messages."""
    if not suspect(allowed).search(text):
        return
    previous = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        banned: frozenset[str] = frozenset()
        if token.type == tokenize.NAME:
            is_sentence = token.string.startswith("test_")
            banned = METAPHORS if is_sentence else METAPHORS | ONLY_NAMES
        elif token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING
            and previous in (tokenize.NEWLINE, tokenize.INDENT, tokenize.NL, tokenize.COMMENT)
        ):
            banned = METAPHORS
        for word in sorted(banned & words(token.string) - set(allowed)):
            yield token.start[0], word
        previous = token.type


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("btrmd", ()),
        ("tests", ("said", "say", "told")),  # what a program has said or was told
        ("scripts", ("said", "say", "told")),
    ],
)
def test_no_metaphors(folder: str, allowed: tuple[str, ...]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__)
        for line, word in metaphors(path.read_text(), allowed)
    ]
    assert found == []


def test_no_metaphors_outside_python() -> None:
    """In documents, units, pages, shell scripts: the words as a whole."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    found = []
    for path in [*paths, *ROOT.glob("*.md")]:
        if path.suffix not in TEXTS or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for word in sorted(METAPHORS & set(re.findall(r"[a-z]+", line.lower()))):
                found.append(f"{path.relative_to(ROOT)}:{number}: {word}")
    assert len(paths) > 300
    assert found == []


def test_metaphors_are_found() -> None:
    source = '"""The desk."""\nopenDoor = make_room(box)  # a deed\nx = "a door"\n'
    assert [word for _, word in metaphors(source)] == ["desk", "door", "room", "box", "deed"]
    for name in ("door", "x_door", "openDoor", "Door", "DOOR", "theDOOR", "door2", "doorBell"):
        assert [word for _, word in metaphors(f"{name} = 1\n")] == ["door"], name
    assert list(metaphors("told = said = box = 1\n", ("said", "told"))) == [(1, "box")]
    assert not suspect(()).search("doorstep space indoor outdoors Indoor")


def test_a_class_name_has_one_meaning() -> None:
    """Also of private ones: `_Client` beside `Client` is read as its helper."""
    places = defaultdict(set)
    for path in (ROOT / "btrmd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].add(str(path.relative_to(ROOT)))
    assert {name: sorted(where) for name, where in places.items() if len(where) > 1} == {}


LONGEST_TEST = 700  # lines


def strays(tests: Path, package: Path) -> list[str]:
    """What is no test file of a module of `package`, named by it, or is too long for one."""
    modules = {path.stem for path in package.rglob("*.py")}
    found = []
    for path in sorted(tests.glob("test_*.py")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if path.stem.removeprefix(f"test_{package.name}_") not in modules:
            found.append(f"{path.name} is named by no module of {package.name}")
        if lines > LONGEST_TEST:
            found.append(f"{path.name} has {lines} lines")
    return found


def test_a_module_of_the_core_has_one_test_file() -> None:
    assert strays(ROOT / "tests" / "core", ROOT / "btrmd" / "core") == []


def test_a_test_file_of_no_module_and_a_long_one_are_found(tmp_path: Path) -> None:
    tests, package = tmp_path / "tests", tmp_path / "core"
    for folder in (tests, package):
        folder.mkdir()
    (package / "lvd.py").touch()
    (tests / "test_core_lvd_step.py").touch()
    (tests / "test_core_lvd.py").write_text("\n" * (LONGEST_TEST + 1))
    assert strays(tests, package) == [
        "test_core_lvd.py has 701 lines",
        "test_core_lvd_step.py is named by no module of core",
    ]
