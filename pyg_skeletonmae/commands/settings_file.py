"""Settings files that nobody vouches for: plain files of bounded size, depth and number of values.

YAML is looked at event by event before any of it is built: a short file can ask for endless memory
by aliases of aliases, and a deeply nested one overruns the stack of the reader.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.files.plain import not_plain, read_plain
from pyg_skeletonmae.files.yaml import parse_yaml

MAX_BYTES = 2**20
MAX_EVENTS = 50_000
MAX_DEPTH = 32  # settings have six levels
_ALIAS = re.compile(r"&\w.*\*\w", re.DOTALL)  # an anchor, and what may refer to it
_Events = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_settings(path: Path) -> str:
    """The text of a settings file.

    Raises:
        ConfigError: It is missing, no plain file, larger than 1 MiB, unreadable or no UTF-8.
    """
    try:
        return read_plain(path, MAX_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected text in UTF-8") from None


def parse_settings(text: str) -> Any:
    """Plain values from YAML.

    Raises:
        yaml.YAMLError: It is no YAML, or beyond the limits of :func:`check_settings_text`.
    """
    check_settings_text(text)
    return parse_yaml(text)


def check_settings_text(text: str) -> None:
    """Refuses YAML that would take memory, time or stack out of proportion to what settings are.

    Texts in it are looked at as well, because a parser of options reads them as YAML again, or as
    the paths of further files: those have to be plain ones.

    Raises:
        yaml.YAMLError: It is no YAML, holds anchors, aliases or tags, or is too large or too deep.
    """
    if len(text) > MAX_BYTES:
        raise yaml.YAMLError(f"more than {MAX_BYTES} characters")
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Events)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        refusal = None
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            refusal = "anchors and aliases (& and *) are not allowed; quote them if they are text"
        elif isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
            refusal = "tags (!) are not allowed; quote them if they are text"
        elif depth > MAX_DEPTH:
            refusal = f"nested deeper than {MAX_DEPTH} levels"
        elif number > MAX_EVENTS:
            refusal = f"more than {MAX_EVENTS} entries"
        elif isinstance(event, yaml.ScalarEvent):
            refusal = _hidden(event.value)
        if refusal is not None:
            line = event.start_mark.line if event.start_mark is not None else 0
            raise yaml.YAMLError(f"line {line + 1}: {refusal}")


def check_arguments(arguments: Iterable[str]) -> None:
    """Refuses pipes, sockets and devices on a command line, before a parser opens them.

    Raises:
        ConfigError: Names the first.
    """
    for argument in arguments:
        option, _, value = argument.partition("=")
        text = value if option.startswith("--") else argument
        if not _plain(text):
            raise ConfigError(f"{text}: cannot be read: {not_plain(text)}, not a plain file")


def _hidden(text: str) -> str | None:
    """What is wrong with a text within settings."""
    if any(sign in text for sign in "[{&"):
        depth = text.count("[") + text.count("{")
        if depth > MAX_DEPTH or _ALIAS.search(text):
            return "a text that would be read as nested lists or aliases"
    return None if _plain(text) else f"{text}: neither a plain file nor a folder"


def _plain(text: str) -> bool:
    """Whether a text names no pipe, socket or device, which a parser would wait for."""
    try:
        mode = Path(text).stat().st_mode
    except (OSError, ValueError):  # no path of anything
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
