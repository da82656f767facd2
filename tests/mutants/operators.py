"""Every small fault that can be put into a source file, by its syntax tree.

Left alone are words: docstrings, annotations, texts of errors and warnings, and what a class says
of itself in ``__repr__``; and ``strict`` of ``zip``, which only repeats what was looked at before.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_PAIRS = (("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("any", "all"))
_PAIRS += (("floor", "ceil"), ("zeros", "ones"), ("zeros_like", "ones_like"))
_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
# The same whichever argument comes first.
_SYMMETRIC = ("min", "max", "promote_types", "transpose", "swapaxes", "equal", "array_equal")
_SYMMETRIC += ("isclose", "accuracy_score", "add", "gcd")
_WORDS = ("__repr__", "extra_repr", "warn", "warning")


@dataclass(frozen=True)
class Mutant:
    """One fault in one file.

    Args:
        file: The file, from the folder of the package.
        line: The number of its line, from 1.
        text: That line.
        change: What stood there and what stands there now.
        source: The whole file with the fault.
    """

    file: str
    line: int
    text: str
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.change}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same when lines above come and go."""
        return self.file, self.text, self.change


def mutants(file: str, source: str) -> list[Mutant]:
    """All faults of a file, in the order of their places."""
    found = []
    lines = source.splitlines()
    for node, new in _changes(ast.parse(source)):
        start, end = _place(source, node)
        old = source[start:end]
        text = new if isinstance(new, str) else f"({ast.unparse(new)})"
        shown = text if isinstance(new, str) else text[1:-1]
        changed = source[:start] + text + source[end:]
        change = f"{' '.join(old.split())} -> {' '.join(shown.split())}"
        found.append(Mutant(file, node.lineno, lines[node.lineno - 1].strip(), change, changed))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.change))


def _place(source: str, node: Any) -> tuple[int, int]:
    """Where the text of a node begins and ends; columns are counted in bytes."""
    lines = source.splitlines(keepends=True)

    def position(line: int, column: int) -> int:
        before = sum(map(len, lines[: line - 1]))
        return before + len(lines[line - 1].encode()[:column].decode())

    return position(node.lineno, node.col_offset), position(node.end_lineno, node.end_col_offset)


def _changes(node: ast.AST) -> Iterator[tuple[Any, ast.AST | str]]:
    """Each node with what may stand in its place, a node or a text."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.expr):
        yield from ((node, new) for new in _expressions(node))
    elif isinstance(node, ast.stmt):
        yield from ((node, new) for new in _statements(node))
    test = getattr(node, "test", None)
    if isinstance(test, ast.expr) and not isinstance(test, ast.Compare | ast.UnaryOp):
        yield test, ast.UnaryOp(ast.Not(), test)
    for child in _children(node):
        yield from _changes(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that compute."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_words(child):
                yield child


def _is_words(node: ast.AST) -> bool:
    name = getattr(node, "name", None)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = getattr(node.value.func, "attr", None)
    return name in _WORDS


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=operators):
            for place, operator in enumerate(operators):
                other = _COMPARISONS[type(operator)]()
                yield _with(node, ops=[*operators[:place], other, *operators[place + 1 :]])
        case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(operator)]())
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float() as value):
            yield ast.Constant(value * 2 if value else 1.0)
        case ast.Call(args=[first, second, *rest]) if _order_matters(node):
            yield _with(node, args=[second, first, *rest])
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _NAMES:
            yield _with(node, func=ast.Name(_NAMES[name]))
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in _NAMES:
            yield _with(node, func=_with(function, attr=_NAMES[name]))


def _order_matters(node: ast.Call) -> bool:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first, second = node.args[:2]
    different = ast.unparse(first) != ast.unparse(second)
    return different and not isinstance(second, ast.Starred) and name not in _SYMMETRIC


def _statements(node: ast.stmt) -> Iterator[ast.stmt | str]:
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Expr() | ast.Raise() | ast.Break():
            yield "pass"
        case ast.Continue():
            yield "break"
        case ast.AugAssign(op=operator):
            yield "pass"
            if type(operator) in _ARITHMETIC:
                yield ast.unparse(_with(node, op=_ARITHMETIC[type(operator)]()))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) not in ("None", "False"):
            yield "return None"


def _with(node: Any, **fields: Any) -> Any:
    """A copy with other parts."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
