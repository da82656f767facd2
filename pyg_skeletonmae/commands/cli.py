"""The command ``skeletonmae``: what it is called with, and what it makes of errors.

Nothing here imports PyTorch: that is left to the subcommands that need it.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from pyg_skeletonmae.commands.option_names import PATHS, RELEASES, SETTINGS, check_options
from pyg_skeletonmae.commands.parser import COMMANDS, build_parser, parse, positionals_first
from pyg_skeletonmae.commands.settings_file import check_arguments
from pyg_skeletonmae.errors import SkeletonMAEError

USAGE, INTERRUPTED = 2, 130
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
        0; 2 for input that cannot be used, said in one line; 130 after Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a console of few letters shows others as \u4e00
        sys.stdout.reconfigure(errors="backslashreplace")
    handler, level = _Stderr(), _log.level
    if not _log.handlers:
        _log.addHandler(handler)
    if level == logging.NOTSET:
        _log.setLevel(logging.INFO)
    try:
        results = _run(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as end:  # from the parser: --help, --version, --print_config
        return end.code if isinstance(end.code, int) else USAGE
    except (SkeletonMAEError, OSError) as error:
        _log.error("%s", error)
        return USAGE
    except KeyboardInterrupt:
        _log.info("interrupted; prepare goes on when it is called again, a run with --resume")
        return INTERRUPTED
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
    if results:
        print(json.dumps(results, indent=2, default=str))
    return 0


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
