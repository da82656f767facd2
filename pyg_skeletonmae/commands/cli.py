"""The command ``skeletonmae``: what it is called with, and what it makes of errors.

Nothing here imports PyTorch: that is left to the subcommands that need it.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from pyg_skeletonmae.commands.option_names import PATHS, RELEASES, SETTINGS, check_options
from pyg_skeletonmae.commands.parser import COMMANDS, build_parser, parse, positionals_first
from pyg_skeletonmae.commands.settings_file import check_arguments
from pyg_skeletonmae.errors import SkeletonMAEError

USAGE, INTERRUPTED, CLOSED = 2, 130, 141
_log = logging.getLogger("pyg_skeletonmae")


class _Stderr(logging.Handler):
    """Writes what the library says to the standard error output of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        kinds = {logging.WARNING: "note: ", logging.ERROR: "skeletonmae: error: "}
        kind = kinds.get(record.levelno, "skeletonmae: ")
        print(kind + " ".join(record.getMessage().split()), file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line.

    What the library says on the way goes to the logger ``pyg_skeletonmae``, and from there to the
    standard error output unless the logger has a handler.

    Args:
        argv: The arguments; None = the program's.

    Returns:
        0; 2 for input that cannot be used, said in one line; 3 for a training whose numbers are no
        longer finite; 130 after Ctrl-C; 141 where whoever reads the output went away, as ``head``
        does.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a console of few letters shows others as \u4e00
        sys.stdout.reconfigure(errors="backslashreplace")
    handler, level = _Stderr(), _log.level
    if not _log.handlers:
        _log.addHandler(handler)
    if level == logging.NOTSET:
        _log.setLevel(logging.INFO)
    try:
        return _answer(list(sys.argv[1:] if argv is None else argv))
    except BrokenPipeError:
        _discard_output()
        return CLOSED
    except (SkeletonMAEError, OSError) as error:
        _log.error("%s", error)
        _discard_output()
        return getattr(error, "exit_code", USAGE)
    except KeyboardInterrupt:
        _log.info("interrupted; prepare goes on when it is called again, a run with --resume")
        return INTERRUPTED
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)


def _answer(argv: list[str]) -> int:
    """Runs a command line and writes all that it answers."""
    code = 0
    try:
        results = _run(argv)
        if results:
            print(json.dumps(results, indent=2, default=str))
    except SystemExit as end:  # from the parser: --help, --version, --print_config
        code = end.code if isinstance(end.code, int) else USAGE
    if sys.stdout is not None:
        sys.stdout.flush()  # here an error can still be told
    return code


def _discard_output() -> None:
    """What cannot be written goes nowhere, so that Python does not fail again at its end."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(argv: list[str]) -> dict[str, Any] | None:
    name = argv[0] if argv else ""
    if name in COMMANDS:
        check_options(name, argv[1:])
    if name in SETTINGS:
        check_arguments(argv[1:])
        from pyg_skeletonmae.commands.settings_commands import run_settings

        return run_settings(argv)
    classes: tuple[type, ...] = ()
    if name in RELEASES:
        from pyg_skeletonmae.commands.class_paths import allowed_classes

        argv, classes = allowed_classes(argv)
    parser = build_parser([name] if name in PATHS else [])
    if name in RELEASES:
        argv = positionals_first(parser.below[name], argv)
    chosen = parse(parser, argv)[name]
    if name in RELEASES:
        run = getattr(import_module(PATHS[name][0]), f"run_{name}")
        results: dict[str, Any] | None = run(vars(chosen), classes)
        return results
    if name == "import":
        from pyg_skeletonmae.commands.import_checkpoint import import_official

        given = {key: chosen[key] for key in ("absent", "skeleton", "heads", "frames")}
        return import_official(chosen.path, chosen["from"], chosen.out, **given)
    if name == "compare":
        from pyg_skeletonmae.commands.compare import compare

        compare(chosen.runs, chosen.plot, chosen.curve, chosen.json)
    elif name == "check-pipeline":
        from pyg_skeletonmae.commands.check_pipeline import check_pipeline

        check_pipeline(**{key: value for key, value in vars(chosen).items() if key != "config"})
    elif name == "cache":
        from pyg_skeletonmae.commands.cache import cache

        cache(chosen.folders, chosen.remove, chosen.all)
    elif name == "release":
        from pyg_skeletonmae.commands.release import pack_release

        pack_release(chosen.run, chosen.out)
    elif name == "verify":
        from pyg_skeletonmae.commands.verify import verify

        verify(chosen.paths)
    elif name == "configs":
        from pyg_skeletonmae.commands.configs import configs

        configs(chosen.name)
    else:
        from pyg_skeletonmae.commands.prepare import run_prepare

        run_prepare(vars(chosen))
    return None
