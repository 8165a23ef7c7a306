"""Mutants: every small change of a source file that a good test must notice, one at a time.

A mutant's id is file, function, kind and its number in that function, so that it keeps its name
while other functions change. Which of them are tried is told by a hash of the id, for the same
reason.
"""

from __future__ import annotations

import ast
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
LEAST = 1e-3  # smaller numbers are guards against rounding, not decisions


class Mutant(NamedTuple):
    """`function` "" for what is evaluated at import; `text` what is changed into what.

    `first` to `last`: the lines of the statement it stands in; a test that runs none of them
    cannot notice it.
    """

    id: str
    file: str  # below the root
    function: str
    line: int
    text: str
    first: int
    last: int

    @property
    def share(self) -> float:
        """0..1, the same for this id for ever: those below a limit are tried."""
        return int.from_bytes(sha1(self.id.encode()).digest()[:8], "big") / 2.0**64


class _Mutator(ast.NodeTransformer):
    """Numbers every possible change; carries out the one that is `wanted`."""

    def __init__(self, file: str, wanted: str = "") -> None:
        self.file = file
        self.wanted = wanted
        self.found: list[Mutant] = []
        self._scope: list[str] = []
        self._in_function = 0
        self._lines = (0, 0)  # of the statement, or of the head of a compound one
        self._numbers: dict[str, int] = {}

    def _offer(self, kind: str, node: ast.AST, made: ast.AST) -> bool:
        """Note a mutant; True when it is the one to be made."""
        scope = ".".join(self._scope)
        key = f"{self.file}:{scope}:{kind}"
        number = self._numbers[key] = self._numbers.get(key, 0) + 1
        id_ = f"{key}:{number}"
        if self.wanted:
            return id_ == self.wanted
        before, after = (ast.unparse(n).replace("\n", " ") for n in (node, made))
        if len(before) > 60 and len(after) > 60:
            before, after = before[:60], after[:60]
        text = f"{before[:70]} -> {after[:70]}"
        function = scope if self._in_function else ""
        line = getattr(node, "lineno", 0)
        self.found.append(Mutant(id_, self.file, function, line, text, *self._lines))
        return False

    # --- where nothing is to be changed --------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._scope.append(node.name)
        node.args.defaults = [self.visit(default) for default in node.args.defaults]
        self._in_function += 1
        node.body = self._block(node.body)
        self._in_function -= 1
        self._scope.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._scope.append(node.name)
        node.body = self._block(node.body)
        self._scope.pop()
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = self._block(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in body:
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, ast.Import | ast.ImportFrom) or is_text:
                made.append(statement)
                continue
            if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
                made.append(statement)
                continue
            self._lines = _lines_of(statement)
            called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            if called and self._offer("call", statement, ast.Pass()):
                made.append(ast.Pass())
                continue
            made.append(self.visit(statement))
        return made

    # --- what is changed -----------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> ast.AST:
        for kind, value in (("if-true", True), ("if-false", False)):
            constant = ast.Constant(value)
            if self._offer(kind, node.test, constant):
                node.test = constant
        node.test = self.visit(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self.visit(node.iter)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        """Never with a condition that is always true: that would only hang."""
        never = ast.Constant(False)
        is_constant = isinstance(node.test, ast.Constant)  # it is changed as a number is
        if not is_constant and self._offer("while-false", node.test, never):
            node.test = never
        node.test = self.visit(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        node.items = [self.visit(item) for item in node.items]
        node.body = self._block(node.body)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        node.body = self._block(node.body)
        for handler in node.handlers:
            handler.body = self._block(handler.body)
        node.orelse, node.finalbody = self._block(node.orelse), self._block(node.finalbody)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.body = self._block(case.body)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if self._offer("choice", node, node.body):
            return node.body
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        swapped = ast.BoolOp(other, node.values)
        if self._offer("and-or", node, swapped):
            return swapped
        for place in range(len(node.values)):
            rest = [*node.values[:place], *node.values[place + 1 :]]
            less = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            if self._offer("term", node, less):
                return less
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for place, operator in enumerate(node.ops):
            ops = [*node.ops]
            ops[place] = COMPARE[type(operator)]()
            made = ast.Compare(node.left, ops, node.comparators)
            if self._offer("compare", node, made):
                return made
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        other = ARITHMETIC.get(type(node.op))
        texts = any(isinstance(n, ast.JoinedStr) or _is_text(n) for n in (node.left, node.right))
        if other is None or texts:
            return node
        made = ast.BinOp(node.left, other(), node.right)
        return made if self._offer("arithmetic", node, made) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        node.value = self.visit(node.value)
        other = ARITHMETIC.get(type(node.op))
        if other is None or isinstance(node.value, ast.JoinedStr) or _is_text(node.value):
            return node
        made = ast.AugAssign(node.target, other(), node.value)
        return made if self._offer("augmented", node, made) else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not | ast.USub) and self._offer("unary", node, node.operand):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            made = ast.Constant(not value)
        elif isinstance(value, int | float) and (abs(value) >= LEAST or value == 0):
            made = ast.Constant(value * 1.5 if isinstance(value, float) and value else value + 1)
        else:
            return node
        return made if self._offer("number", node, made) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_replace = isinstance(node.func, ast.Attribute) and node.func.attr == "_replace"
        if not is_replace or not node.keywords:
            return node
        for place in range(len(node.keywords)):
            rest = [*node.keywords[:place], *node.keywords[place + 1 :]]
            made = ast.Call(node.func, node.args, rest)
            if self._offer("replace", node, made):
                return made
        return node


def _lines_of(statement: ast.stmt) -> tuple[int, int]:
    """First and last line; of a compound statement only its head."""
    last = statement.end_lineno or statement.lineno
    body = getattr(statement, "body", None)
    if body:
        last = max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, last


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def find_mutants(root: Path, file: str) -> list[Mutant]:
    """Every mutant of root/`file`, in the order of the source."""
    mutator = _Mutator(file)
    mutator.visit(ast.parse((root / file).read_text(encoding="utf-8")))
    return mutator.found


def mutated(root: Path, mutant: Mutant) -> str:
    """The source of the mutant's file with its change. Raises ValueError when there is no such."""
    tree = ast.parse((root / mutant.file).read_text(encoding="utf-8"))
    before = ast.unparse(tree)
    made = _Mutator(mutant.file, mutant.id).visit(tree)
    source = ast.unparse(ast.fix_missing_locations(made))
    if source == before:
        raise ValueError(f"no mutant {mutant.id}")
    return source
