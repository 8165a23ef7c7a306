"""The template cache: what Jinja compiles, kept where Python keeps compiled modules."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

import jinja2
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

TEMPLATES: Final = Path(__file__).parent / "templates"
_DIGEST: Final = 32  # octets before the code: its SHA-256
# In the name of the file, as Python does with -O: another Jinja compiles otherwise.
_COMPILER: Final = "jinja" + "".join(filter(str.isalnum, jinja2.__version__))


class TemplateCache(BytecodeCache):
    """A compiled template is used while its source is the one it was made from.

    One that is missing, damaged or of another Python or Jinja is compiled again, and stored if
    files may be written (a unit's package is read-only: its installation has compiled them).
    """

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return cache_from_source(filename or name, optimization=_COMPILER)

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            data = Path(bucket.key).read_bytes()
        except OSError:
            return
        if sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
            bucket.bytecode_from_string(data[_DIGEST:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        code = bucket.bytecode_to_string()
        path = Path(bucket.key)
        new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        with suppress(OSError):  # without it the next daemon compiles again
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(sha256(code).digest() + code)
            new.replace(path)


def set_up(app: Flask) -> None:
    """Have `app` compile as this program does, and keep what it has compiled."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.bytecode_cache = TemplateCache()


def compile_all() -> int:
    """For the installation: compile every template. How many; raises TemplateSyntaxError."""
    app = Flask(__name__, static_folder=None, template_folder=str(TEMPLATES))
    set_up(app)
    names = [path.relative_to(TEMPLATES).as_posix() for path in sorted(TEMPLATES.rglob("*.html"))]
    for name in names:
        app.jinja_env.get_template(name)
    return len(names)
