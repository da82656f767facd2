"""Skeleton files: YAML in and out, strict and safe.

A skeleton file is one mapping of texts, lists and mappings of texts, so anything else (numbers,
booleans, tags, anchors) is a mistake or an attack and is refused before any object is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.files.plain import read_plain
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.files.yaml import BoundedLoader, RefusedYAML
from pyg_skeletonmae.skeleton.checks import check_key, check_missing, freeze_field

MAX_BYTES = 1024 * 1024
MAX_NODES = 25_000  # three times what a skeleton of 1024 joints with every field needs
MAX_DEPTH = 4
_TEXT = "tag:yaml.org,2002:str"


def read_skeleton_yaml(path: str | Path) -> dict[str, Any]:
    """Reads the fields of a skeleton from a file.

    Raises:
        SkeletonError: The file is missing, too large, no plain YAML or does not hold the fields of
            a skeleton; the message names the file, and the key and line.
    """
    try:
        return _fields(read_plain(Path(path), MAX_BYTES))
    except FileNotFoundError:
        raise SkeletonError(f"{path}: there is no such file") from None
    except OSError as error:
        raise SkeletonError(f"{path}: cannot be read: {error.strerror}") from None
    except SkeletonError as error:
        raise SkeletonError(f"{path}: {error}") from None


def write_skeleton_yaml(fields: Mapping[str, Any], path: str | Path) -> None:
    """Writes the fields of a skeleton, whole or not at all.

    Raises:
        SkeletonError: The file cannot be written.
    """
    # With the style "None", PyYAML writes innermost lists in one line: `- [spine, pelvis]`.
    text = yaml.safe_dump(
        dict(fields), default_flow_style=None, sort_keys=False, allow_unicode=True, width=96
    )
    try:
        Path(path).parent.stat()  # a folder that is not there may be a misspelt one
        write_text(path, text)
    except OSError as error:
        raise SkeletonError(f"{path}: cannot be written: {error.strerror}") from None


def _fields(content: bytes) -> dict[str, Any]:
    """The fields that stand in the content of a file, each with the type it has."""
    try:
        text = content.decode("utf-8-sig")
        top = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SkeletonError(f"line {line}: no UTF-8 text") from None
    except yaml.YAMLError as error:
        raise SkeletonError(_syntax_message(error, text)) from None
    if top is None:
        raise SkeletonError("the file is empty; a skeleton has a name, joints, bones and a root")
    if not isinstance(top, yaml.MappingNode):
        raise SkeletonError(f"line 1: expected keys such as 'joints', found {_kind(top)}")
    fields = {}
    for key, value in top.value:
        try:
            name = _plain(key)
            check_key(name)
            fields[name] = freeze_field(name, _plain(value, f"{name}: "))
        except SkeletonError as error:
            raise SkeletonError(f"line {key.start_mark.line + 1}: {error}") from None
    check_missing(fields)
    return fields


class _Loader(BoundedLoader):
    """Bounded as a skeleton is, and without anchors, aliases and tags."""

    max_depth, max_nodes = MAX_DEPTH, MAX_NODES

    def refusal(self, event: yaml.Event) -> str | None:
        """Why the node that begins here is not read, if it is not."""
        if getattr(event, "anchor", None) is not None:
            return "anchors and aliases (& and *) are not allowed"
        if getattr(event, "tag", None) is not None:
            return "tags (!) are not allowed; put text in quotes"
        return super().refusal(event)


def _plain(node: yaml.Node, where: str = "") -> Any:
    """Texts, lists and mappings of a node; every other scalar is refused."""
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, where) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key, value in node.value:
            name = _plain(key, where)
            if not isinstance(name, str):
                raise SkeletonError(f"{where}the key {name!r:.60} is no text")
            content[name] = _plain(value, where)
        return content
    if node.tag.endswith(":null"):
        raise SkeletonError(f"{where}expected text, found nothing")
    if node.tag != _TEXT:
        hint = (
            "joints are addressed by name"
            if node.tag.endswith(":int")
            else "quote it if it is text"
        )
        raise SkeletonError(f"{where}expected text, found {_kind(node)} {node.value!r:.60}; {hint}")
    return node.value


def _kind(node: yaml.Node) -> str:
    kind = node.tag.rsplit(":", 1)[-1]
    names = {"seq": "a list", "map": "a mapping", "str": "a text", "bool": "the boolean"}
    names |= {"int": "the whole number", "float": "the number", "null": "nothing"}
    return names.get(kind, f"the {kind}")


def _syntax_message(error: yaml.YAMLError, text: str) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
    if problem == "but found another document":
        problem = "a second document begins; a file holds one skeleton"
    kind = "" if isinstance(error, RefusedYAML | yaml.composer.ComposerError) else "syntax error: "
    mark = getattr(error, "problem_mark", None)
    line = mark.line if mark is not None else text.count("\n", 0, getattr(error, "position", 0))
    here = text.splitlines()[line : line + 1]
    hint = "; indent with blanks, not tabs" if here and "\t" in here[0] else ""
    keys = re.findall(r"^(\w+)\s*:", "\n".join(text.split("\n")[: line + 1]), re.MULTILINE)
    key = f"{keys[-1]:.60}: " if keys else ""  # the last top-level key in or before the line
    return f"line {line + 1}: {key}{kind}{problem:.120}{hint}"
