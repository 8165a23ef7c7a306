"""Compiled templates: used while they fit their source, made anew when not, never in the way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import Environment

from btrmd.servers.web import template_cache


@pytest.fixture(autouse=True)
def _beside_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The names of the templates that Jinja itself has compiled."""
    names: list[str | None] = []
    generate = Environment._generate

    def counted(
        self: Environment, source: object, name: str | None, *rest: Any, **more: Any
    ) -> str:
        names.append(name)
        return generate(self, source, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Environment, "_generate", counted)
    return names


def rendered(folder: Path) -> str:
    """`page.html` of `folder` by a new application, as after a restart."""
    app = Flask("sample", template_folder=str(folder))
    template_cache.set_up(app)
    with app.app_context():
        return app.jinja_env.get_template("page.html").render(name="<a>")


def cache_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.pyc"))


def test_a_template_is_compiled_once_for_all_daemons(
    tmp_path: Path, compiled: list[str | None]
) -> None:
    (tmp_path / "page.html").write_text("Hello {{ name }}.")
    assert rendered(tmp_path) == "Hello &lt;a&gt;."
    assert rendered(tmp_path) == "Hello &lt;a&gt;."
    assert compiled == ["page.html"]
    assert [file.parent.name for file in cache_files(tmp_path)] == ["__pycache__"]


def test_a_template_that_was_changed_is_compiled_again(
    tmp_path: Path, compiled: list[str | None]
) -> None:
    """By its contents: files of two versions may have time and size in common."""
    source = tmp_path / "page.html"
    for text in ("one", "two"):
        source.write_text(text)
        os.utime(source, (1_700_000_000, 1_700_000_000))
        assert rendered(tmp_path) == text
    assert compiled == ["page.html"] * 2


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped"])
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, compiled: list[str | None], damage: str
) -> None:
    (tmp_path / "page.html").write_text("Hello {{ name }}.")
    rendered(tmp_path)
    (file,) = cache_files(tmp_path)
    whole = file.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes((whole[middle] ^ 0x10,)) + whole[middle + 1 :]
    file.write_bytes({"empty": b"", "cut": whole[:-1], "flipped": flipped}[damage])
    assert rendered(tmp_path) == "Hello &lt;a&gt;."
    assert compiled == ["page.html"] * 2
    assert file.read_bytes() == whole


def test_where_nothing_can_be_written_pages_come_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("Hello.")
    (tmp_path / "__pycache__").write_text("no folder")
    assert rendered(tmp_path) == "Hello."


def test_nothing_is_written_where_python_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.html").write_text("Hello.")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(tmp_path) == "Hello."
    assert os.listdir(tmp_path) == ["page.html"]


def test_an_installation_compiles_every_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    names = {path.stem for path in template_cache.TEMPLATES.rglob("*.html")}
    assert template_cache.compile_all() == len(names) > 30
    assert {file.name.partition(".")[0] for file in cache_files(tmp_path)} == names
