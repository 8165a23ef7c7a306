"""Parts of other people's packages, loaded without the rest of them.

A package's `__init__` often imports all there is: coloured lights beside one output pin, a command
line beside a web application. What is never used stays in memory for as long as the daemon runs
(docs/performance.md has the figures).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

_lock = RLock()


class PartialPackage(ModuleType):
    """A package whose submodules can be imported though its own `__init__` has not run.

    It runs, once, when somebody asks for a name that only it can give: nothing is ever missing.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _lock:
            if name in self.__dict__:  # by another thread meanwhile
                return self.__dict__[name]
            submodule = f"{self.__name__}.{name}"
            if find_spec(submodule) is not None:
                return import_module(submodule)
            if type(self) is PartialPackage:
                self.__class__ = ModuleType  # type: ignore[assignment]  # whole from now on
                assert self.__spec__ is not None
                assert self.__spec__.loader is not None
                self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def import_without_init(package: str) -> None:
    """Let parts of `package` be imported without its `__init__`; nothing when it is there already.

    Raises ModuleNotFoundError. Must come before anything else imports the package.
    """
    if package in sys.modules:
        return
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    module = module_from_spec(spec)
    module.__class__ = PartialPackage
    sys.modules[package] = module


@contextmanager
def stand_in(name: str, **members: object) -> Iterator[None]:
    """Meanwhile `name` is a module of only these members, unless it is there already.

    Who imports it later, outside, gets the real one.
    """
    if name in sys.modules:
        yield
        return
    module = ModuleType(name, "A stand-in by btrmd (btrmd/part_imports.py).")
    module.__dict__.update(members)
    sys.modules[name] = module
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]
