"""The names of all options, read from the sources of what they belong to.

PyTorch and what stands on it take seconds to import. A misspelt option is therefore looked for
before anything is imported: the names are those of the arguments of functions and constructors, and
stand in their sources, which :mod:`ast` reads without running them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pyg_skeletonmae.commands.cli_errors import explain
from pyg_skeletonmae.errors import ConfigError

_HERE = "pyg_skeletonmae.commands"
SETTINGS = {name: f"{_HERE}.{name}" for name in ("pretrain", "finetune", "evaluate")}
SETTINGS["demo"] = f"{_HERE}.demo.demo"  # commands whose options are the arguments of a function
PATHS = {
    "import": (f"{_HERE}.import_checkpoint", "add_import_arguments"),
    "compare": (f"{_HERE}.compare", "add_compare_arguments"),
    "prepare": (f"{_HERE}.prepare", "add_prepare_arguments"),
    "cache": (f"{_HERE}.cache", "add_cache_arguments"),
    "configs": (f"{_HERE}.configs", "add_configs_arguments"),
    "check-pipeline": (f"{_HERE}.check_pipeline", "add_check_pipeline_arguments"),
    "predict": (f"{_HERE}.predict", "add_predict_arguments"),
    "embed": (f"{_HERE}.embed", "add_embed_arguments"),
    "cluster": (f"{_HERE}.cluster", "add_cluster_arguments"),
    "export": (f"{_HERE}.export", "add_export_arguments"),
    "release": (f"{_HERE}.release", "add_release_arguments"),
    "verify": (f"{_HERE}.verify", "add_verify_arguments"),
    "view": (f"{_HERE}.view", "add_view_arguments"),
}  # commands that take paths, and no settings
RELEASES = (
    "predict",
    "embed",
    "cluster",
    "export",
    "view",
)  # of those, the ones that load a release
MODELS = {"pretrain": "PRETRAINING", "finetune": "CLASSIFIERS"}
# The parts of models, and the classes of each.
PARTS = {"backbone": "BACKBONES", "mask": "MASKS", "target": "TARGETS", "decoder": "DECODERS"}
ALWAYS = ("help", "config", "print_config", "keep_memory", "quiet")
FROM_DATA = frozenset({"skeleton", "in_channels", "num_classes", "frames", "encoder"})
NOT_SETTINGS = frozenset({"resolved", "classes"})
_CLASSES = "pyg_skeletonmae.models.from_config"
_OF_CLASSES = {"class_path", "init_args", "dict_kwargs", "help"}
_OPTION = re.compile(r"--([A-Za-z][\w.-]*)\+?(?:=.*)?", re.DOTALL)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_options(command: str, arguments: Sequence[str]) -> None:
    """Refuses a misspelt option of a command; what is no such thing is left to the parser.

    Raises:
        ConfigError: Names the option, and the nearest that there is.
    """
    if {"-h", "--help"} & set(arguments):
        return
    names = option_names(command)
    own = any(argument.startswith("--allow_class") for argument in arguments)
    for argument in arguments:
        if argument == "--":
            return
        option = _OPTION.fullmatch(argument)
        key = None if option is None else _misspelt(command, option[1], names, own)
        if key is not None:
            raise ConfigError(
                explain(f"unrecognized arguments: --{key}", names, class_names(command))
            )


def _misspelt(command: str, key: str, names: list[str], own: bool) -> str | None:
    """A key that is not there for sure, as the parser writes it; None for any other."""
    parts = key.replace("-", "_").split(".")
    if parts[0] in ("model", "encoder") and command in MODELS:
        parts = [part for part in parts if part != "init_args"]
        *above, name = parts
        known = {".".join(p for p in known.split(".") if p != "init_args") for known in names}
        deep = above not in (["model"], ["encoder"], *(["model", part] for part in PARTS))
        may_be = deep or name in _OF_CLASSES | FROM_DATA or ".".join(parts) in known
        return None if own or may_be else ".init_args.".join(parts)
    above = [".".join(parts[:number]) for number in range(1, len(parts))]
    groups = {name.rpartition(".")[0] for name in names}
    leaves = [name for name in above if name in names and name not in groups]
    there = ".".join(parts) in names or parts[-1] == "help" or leaves
    return None if there else key


@cache
def option_names(command: str) -> list[str]:
    """Every key of a command, dotted; those of the parts of models with ``init_args`` and without.

    Args:
        command: Its name.
    """
    if command in PATHS:
        own = ["allow_class"] if command in RELEASES else []
        return ["help", *_added(*PATHS[command]), *own]
    names = [*ALWAYS, *_nested(SETTINGS[command], command)]
    if "data" in names:
        names += ["nan", "allow_class"]
    if "trainer" in names:
        names.append("log_every")
    if command in MODELS:
        names.append("model.help")
    if command == "pretrain":
        names.append("encoder.help")
    for place, module, name in _model_classes(command):
        for argument, _, _ in _arguments(module, name):
            if argument not in FROM_DATA:
                names += [f"{place}.init_args.{argument}", f"{place}.{argument}"]
    return list(dict.fromkeys(names))


def class_names(command: str) -> list[str]:
    """The names of the classes that a command's ``--model`` and its parts choose from."""
    return list(dict.fromkeys(name for _, _, name in _model_classes(command)))


def _model_classes(command: str) -> Iterator[tuple[str, str, str]]:
    """(the key it stands at, its module, its name) of every class that builds models."""
    if command not in MODELS:
        return
    lists = [("model", MODELS[command])]
    if command == "pretrain":
        lists.append(("encoder", "ENCODERS"))
    lists += [(f"model.init_args.{part}", classes) for part, classes in PARTS.items()]
    for place, classes in lists:
        module, node = _definition(_CLASSES, classes)
        value = getattr(node, "value", None)
        for element in value.elts if isinstance(value, ast.Tuple) else []:
            if isinstance(element, ast.Name):
                yield place, module, element.id


def _nested(module: str, name: str, prefix: str = "") -> Iterator[str]:
    """The arguments of a function or class; of those that are classes of ours, theirs as well."""
    for argument, kind, where in _arguments(module, name):
        if argument in NOT_SETTINGS:
            continue
        yield prefix + argument
        if isinstance(kind, ast.Name):
            _, node = _definition(where, kind.id)
            if isinstance(node, ast.ClassDef):
                yield from _nested(where, kind.id, f"{prefix}{argument}.")


def _arguments(module: str, name: str) -> Iterator[tuple[str, ast.expr | None, str]]:
    """(name, type, module it is written in) of each argument of a function or class."""
    module, node = _definition(module, name)
    if isinstance(node, _Function):
        given = [*node.args.args, *node.args.kwonlyargs]
        yield from ((arg.arg, arg.annotation, module) for arg in given if arg.arg != "self")
    if not isinstance(node, ast.ClassDef):
        return
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
    for method in node.body:
        if isinstance(method, _Function) and method.name == "__init__":
            given = [*method.args.args[1:], *method.args.kwonlyargs]
            yield from ((arg.arg, arg.annotation, module) for arg in given)
            return
    for base in bases:
        yield from _arguments(module, base)
    if any("dataclass" in ast.dump(decorator) for decorator in node.decorator_list):
        for field in fields:
            if isinstance(field.target, ast.Name):
                yield field.target.id, field.annotation, module


def _added(module: str, function: str) -> Iterator[str]:
    """What a function that calls ``parser.add_argument`` adds, and those of its kind it calls."""
    module, node = _definition(module, function)
    for call in ast.walk(node) if node is not None else ():
        called = call.func if isinstance(call, ast.Call) else None
        if isinstance(called, ast.Name) and re.fullmatch(r"add_\w+_arguments", called.id):
            yield from _added(module, called.id)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            name = call.args[0] if call.func.attr == "add_argument" else None
            if isinstance(name, ast.Constant):
                yield str(name.value).lstrip("-").replace("-", "_")


def _definition(module: str, name: str) -> tuple[str, ast.stmt | None]:
    """Where a name of a module is written, wherever it is imported from within this library."""
    for node in _statements(module):
        if isinstance(node, _Function | ast.ClassDef) and node.name == name:
            return module, node
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return module, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyg_skeletonmae"):
            for imported in node.names:
                if name == (imported.asname or imported.name):
                    return _definition(node.module or "", imported.name)
    return module, None


@cache
def _statements(module: str) -> list[ast.stmt]:
    """The statements of a module of this library, with those below ``if``."""
    path = Path(__file__).parents[2].joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return body + [node for block in body if isinstance(block, ast.If) for node in block.body]
