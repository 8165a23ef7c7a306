"""Compiles an installation without its documentation.

`python -m btrmd.compiled FOLDER...` writes the files that Python looks for; exit code 1: not all.

What functions and classes say about themselves is read in an editor and by tools; a daemon only
carries it, 1.3 MB with all libraries. Unlike `python -OO` this keeps the assertions.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKED_HASH = 0b11  # PEP 552: valid while the source has this hash, whatever its time


class _Undocumented(ast.NodeTransformer):
    """Without docstrings, with all lines where they were."""

    def _without(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body: list[ast.stmt] = node.body  # type: ignore[attr-defined]
        first = body[0]
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            # In its place: a second text behind it must not become the documentation.
            body[0] = ast.copy_location(ast.Pass(), first)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _without  # noqa: N815 - ast's names

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A decorator may make a text where there is none, as that of a dataclass does."""
        return self.generic_visit(node) if node.decorator_list else self._without(node)


def compile_file(source: Path) -> bool:
    """Write the compiled file that Python looks for beside `source`. False: it was there.

    Raises OSError, SyntaxError and ValueError (a file that is not Python).
    """
    text = source.read_bytes()
    head = importlib.util.MAGIC_NUMBER + CHECKED_HASH.to_bytes(4, "little")
    head += importlib.util.source_hash(text)
    made = Path(importlib.util.cache_from_source(str(source)))
    if made.is_file() and made.read_bytes()[: len(head)] == head:
        return False
    code = compile(_Undocumented().visit(ast.parse(text)), str(source), "exec", dont_inherit=True)
    made.parent.mkdir(parents=True, exist_ok=True)
    new = made.with_suffix(f"{made.suffix}.new")
    new.write_bytes(head + marshal.dumps(code))
    new.replace(made)
    return True


def compile_folders(folders: Sequence[Path]) -> list[str]:
    """Compile all below; a sentence for each file that could not be: Python reads its source."""
    faults = []
    for folder in folders:
        for source in sorted(folder.rglob("*.py")):
            try:
                compile_file(source)
            except (OSError, SyntaxError, ValueError, RecursionError) as error:
                faults.append(f"{source} is not compiled: {error}")
    return faults


if __name__ == "__main__":
    found = compile_folders([Path(word).absolute() for word in sys.argv[1:]])
    for sentence in found:
        sys.stderr.write(f"{sentence}\n")
    sys.exit(bool(found))
