"""What is put into a file, and what is left alone."""

from __future__ import annotations

import ast

import pytest

from mutants.operators import Mutant, mutants


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants("a.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> a <= b"]),
        ("a is not b", ["a is not b -> a is b"]),
        ("a <= b < c", ["a <= b < c -> a < b < c", "a <= b < c -> a <= b <= c"]),
        ("a + b", ["a + b -> a - b"]),
        ("a // b", ["a // b -> a * b"]),
        ("a and b", ["a and b -> a or b"]),
        ("not a", ["not a -> a"]),
        ("-a", ["-a -> a"]),
        ("3", ["3 -> 4"]),
        ("0.5", ["0.5 -> 1.0"]),
        ("0.0", ["0.0 -> 1.0"]),
        ("True", ["True -> False"]),
        ("'a'", []),
        ("f(a, b, c)", ["f(a, b, c) -> f(b, a, c)"]),
        ("f(a, *b)", []),
        ("a.expand(b, b)", []),
        ("torch.promote_types(a, b)", []),
        ("max(a)", ["max(a) -> min(a)"]),
        ("a.amin()", ["a.amin() -> a.amax()"]),
        ("a if b else c", ["b -> not b"]),
    ],
)
def test_expressions(source: str, expected: list[str]) -> None:
    assert changes(f"x = {source}") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f()", ["f() -> pass"]),
        ("a.b = c", ["a.b = c -> pass"]),
        ("a += b", ["a += b -> a -= b", "a += b -> pass"]),
        ("raise E(1 + 2)", ["raise E(1 + 2) -> pass"]),
        ("for a in b:\n    continue", ["continue -> break"]),
        ("for a in b:\n    break", ["break -> pass"]),
        ("while a:\n    f()", ["a -> not a", "f() -> pass"]),
        ("def f(a=1):\n    return a", ["1 -> 2", "return a -> return None"]),
        ("def f():\n    return None", []),
        ("def f():\n    return False", ["False -> True"]),
        (
            "for a in zip(b, c, strict=True):\n    f()",
            ["zip(b, c, strict=True) -> zip(c, b, strict=True)", "f() -> pass"],
        ),
    ],
)
def test_statements(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "'''A text.'''",
        "a: Literal[1]",
        "def f(a: Literal[1]) -> Literal[2]: ...",
        "@cache(1)\ndef f(): ...",
        "if TYPE_CHECKING:\n    f()",
        "__all__ = [1]",
        "x = f'{a + b}'",
        "warnings.warn(f(a, b))",
        "def __repr__(self):\n    return a + b",
    ],
)
def test_words_are_left_alone(source: str) -> None:
    assert changes(source) == []


def test_only_the_place_is_changed() -> None:
    source = 'é = "ü"; a = [\n    é <\n    3,  # why\n]\n'
    flipped = next(m for m in mutants("a.py", source) if "<=" in m.change)
    assert flipped.source == 'é = "ü"; a = [\n    (é <= 3),  # why\n]\n'
    assert (flipped.line, flipped.text, flipped.change) == (2, "é <", "é < 3 -> é <= 3")
    assert str(flipped) == "a.py:2: é < 3 -> é <= 3"
    for mutant in mutants("a.py", source):
        ast.parse(mutant.source)


def test_a_mutant_is_known_by_its_line_and_not_its_number() -> None:
    first, second = (Mutant("a.py", line, "a < b", "a < b -> a <= b", "") for line in (3, 4))
    assert first.key == second.key
