"""YAML that nobody vouches for: bounded in size, depth and what its aliases unfold to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files.plain import read_plain

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_NODES = 20_000  # aliases unfolded; the longest of our own configurations has about 200
MAX_NUMBER = 100  # letters of a number
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# YAML 1.1 takes 1e-3 for text; dates it makes objects of, which no setting is.
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_REPLACED = ("tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")


class RefusedYAML(yaml.MarkedYAMLError):
    """YAML that is refused though it is well-formed, and where."""


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader with limits, looked at before the node in question is made.

    A few hundred bytes of aliases can unfold to more than any memory holds, and nesting to more
    than the stack does. A node counts as often as it is referred to, so that neither what is loaded
    nor a copy, a comparison or a print of it takes long.
    """

    max_depth, max_nodes = MAX_DEPTH, MAX_NODES

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0
        self._weights: dict[int, int] = {}  # nodes below a node and itself, by its id

    def refusal(self, event: yaml.Event) -> str | None:
        """Why the node that begins here is not read, if it is not."""
        if self._depth >= self.max_depth:
            return f"nested deeper than {self.max_depth} levels"
        if self._count >= self.max_nodes:
            return f"more than {self.max_nodes} entries, aliases unfolded"
        return None

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Composes a node within the limits."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._count
        self._refuse(self.refusal(event), event.start_mark)
        self._count += 1
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            itself = None if id(node) in self._weights else "an alias of what it stands in"
            self._refuse(itself, event.start_mark)
            self._count = before + self._weights[id(node)]
            self._refuse(self.refusal(event), event.start_mark)
        elif isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
            long = len(node.value) > MAX_NUMBER
            self._refuse("a number of too many digits" if long else None, event.start_mark)
        self._weights.setdefault(id(node), self._count - before)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Composes a mapping, whose keys must differ."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                twice = f"the key {key.value[:60]!r} stands twice" if key.value in keys else None
                self._refuse(twice, key.start_mark)
                keys.add(key.value)
        return node

    @staticmethod
    def _refuse(reason: str | None, mark: Any) -> None:
        if reason is not None:
            raise RefusedYAML(problem=reason, problem_mark=mark)


class _SettingsLoader(BoundedLoader):
    """Settings: numbers such as 1e-3 are numbers, and dates are text."""


_SettingsLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_SettingsLoader.add_implicit_resolver(_REPLACED[0], _FLOAT, list("-+0123456789."))


def parse_yaml(text: str) -> Any:
    """Settings in YAML, as plain values.

    At most 1 MiB, 32 levels and 20,000 entries, where what an alias stands for counts at every
    alias; no key twice, no number of more than 100 letters (our choice: far beyond any
    configuration, and read in a few seconds).

    Raises:
        yaml.YAMLError: The text is no YAML, has a tag for more than plain values, or is beyond a
            limit.
    """
    if len(text) > MAX_BYTES:
        raise RefusedYAML(problem=f"larger than {MAX_BYTES >> 10} KiB, no configuration is")
    try:
        return yaml.load(text, Loader=_SettingsLoader)
    except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError) as error:
        raise RefusedYAML(problem=f"a value that cannot be read ({error})") from None


def read_yaml(path: str | Path) -> Any:
    """Reads a YAML file of settings; the limits are those of :func:`parse_yaml`.

    Raises:
        ConfigError: The file is missing, no plain file, too large, or no YAML within the limits.
    """
    try:
        return parse_yaml(read_plain(path, MAX_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: no plain YAML: {brief_problem(error)}") from None


def brief_problem(error: Exception) -> str:
    """Line and problem of a YAML error, in one line."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f"line {mark.line + 1}: "
    return where + " ".join(str(problem).split())[:160]
