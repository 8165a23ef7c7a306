"""The rules on imports: down the floors only, each third-party library in one package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "btrmd"

# top-level name of a library -> the only folder or file of btrmd that may import it
PACKAGES = {
    "flask": "servers/web",
    "werkzeug": "servers/web",
    "jinja2": "servers/web",
    "waitress": "servers/web",
    "gpiozero": "hal",
    "colorzero": "hal",
    "smbus2": "hal",
    "adafruit_ina219": "hal",
    "busio": "hal",
    "micropython": "hal",
    "py1815": "servers/fieldbus",
    "serial": "servers",
    "paho": "notify/mqtt",
    "cryptography": "servers/web or appliance or snmp/usm",
    "systemd": "daemon",
}


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute imports anywhere in a file, lazy ones and import_module too: (module, line)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            name = node.args[0]
            if isinstance(name, ast.Constant) and not str(name.value).startswith("."):
                yield str(name.value), node.lineno


def strangers(path: Path, where: str) -> list[str]:
    """Third-party imports in `path` (at `where`, relative to btrmd/) that do not belong there."""
    found = []
    for module, line in imports_of(path):
        top = module.split(".")[0]
        if top in sys.stdlib_module_names or top == "btrmd":
            continue
        package = PACKAGES.get(top)
        packages = package.split(" or ") if package else ()
        if not any((where + "/").startswith(f"{one}/") for one in packages):
            found.append(
                f"{where}:{line} imports {top}, which belongs in {package or 'no package yet'}"
            )
    return found


def modules_of(package: Path) -> dict[str, Path]:
    """Dotted name -> file of every module below `package`."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def used_by(name: str, path: Path, known: Collection[str]) -> set[str]:
    """The modules of `known` that a file imports anywhere, also lazily or for types only."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *(node.module or "").split(".")]).rstrip(".")
            names = (f"{base}.{alias.name}" for alias in node.names)
            found |= {name if name in known else base for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return (found & set(known)) - {name}


def circle(uses: Mapping[str, Collection[str]]) -> list[str]:
    """Names each of which uses the next one and the last one the first; [] where there are none."""
    done: set[str] = set()
    way: list[str] = []

    def follow(name: str) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        way.append(name)
        for other in sorted(uses.get(name, ())):
            if found := follow(other):
                return found
        way.pop()
        done.add(name)
        return []

    return next((found for name in sorted(uses) if (found := follow(name))), [])


def uses_of(package: Path) -> dict[str, set[str]]:
    modules = modules_of(package)
    return {name: used_by(name, path, modules) for name, path in modules.items()}


def uses_of_packages(uses: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """The same between what stands directly below the root package."""

    def top(name: str) -> str:
        return ".".join(name.split(".")[:2])

    found: dict[str, set[str]] = {top(name): set() for name in uses}
    for name, others in uses.items():
        found[top(name)] |= {top(other) for other in others} - {top(name)}
    return found


def uses_of_folders(uses: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """The same between folders, those inside a package too; a module beside the packages is one of
    its own."""
    packages = {name.rpartition(".")[0] for name in uses}

    def folder(name: str) -> str:
        above = name.rpartition(".")[0]
        return name if name in packages or "." not in above else above

    found: dict[str, set[str]] = {folder(name): set() for name in uses}
    for name, others in uses.items():
        found[folder(name)] |= {folder(other) for other in others} - {folder(name)}
    return found


def test_no_imports_go_in_a_circle() -> None:
    """Not of modules, not of folders; neither lazily nor for type checking only."""
    uses = uses_of(PACKAGE)
    assert len(uses) > 400
    assert circle(uses) == []
    assert circle(uses_of_packages(uses)) == []
    assert circle(uses_of_folders(uses)) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    root = tmp_path / "unit"
    for name, text in {
        "__init__": "",
        "cli/__init__": "",
        "cli/main": "from ..daemon import run\n",
        "cli/place": "",
        "daemon/__init__": "from ..cli.place import HERE\n",
        "sim": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import truth\n",
        "truth": "def f():\n    import unit.sim\n",
    }.items():
        path = root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    uses = uses_of(root)
    assert circle(uses) == ["unit.sim", "unit.truth"]
    (root / "truth.py").write_text("")
    uses = uses_of(root)
    assert circle(uses) == []
    assert circle(uses_of_packages(uses)) == ["unit.cli", "unit.daemon"]
    for name, text in {
        "cli/main": "",
        "core/__init__": "",
        "core/state": "from .test.phase import PHASE\n",
        "core/due": "",
        "core/test/__init__": "",
        "core/test/phase": "from ..due import DUE\n",
    }.items():
        path = root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    uses = uses_of(root)
    assert circle(uses) == circle(uses_of_packages(uses)) == []
    assert circle(uses_of_folders(uses)) == ["unit.core", "unit.core.test"]


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def test_each_library_stays_in_its_package() -> None:
    found = [
        text for path in sorted(PACKAGE.rglob("*.py")) for text in strangers(path, package_of(path))
    ]
    assert found == []


def test_a_stranger_is_found(tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    path.write_text("def f():\n    import flask\n    import numpy.linalg\n    import json\n")
    assert strangers(path, "core/step") == [
        "core/step:2 imports flask, which belongs in servers/web",
        "core/step:3 imports numpy, which belongs in no package yet",
    ]
    path.write_text("from importlib import import_module\nimport_module('smbus2')\n")
    assert strangers(path, "daemon") == ["daemon:2 imports smbus2, which belongs in hal"]
    path.write_text("import flask\n")
    assert strangers(path, "servers/web/app") == []


def test_floors() -> None:
    """import-linter's rules of setup.cfg hold."""
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=package_of)
def test_a_module_says_what_it_is_for_and_stays_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.strip():
        return
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    assert first.endswith((".", "?", ":")), "the first line of the docstring is one sentence"
    assert len(text.splitlines()) <= 450, "more than 450 lines: does it hold two nouns?"
