"""The blocks of the documentation, and a folder in which they run as a reader would run them."""

from __future__ import annotations

import _thread
import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyg_skeletonmae.commands.cli import main
from pyg_skeletonmae.skeleton import Skeleton

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
RUN = ("python", "bash", "yaml", "text")  # of text, lines that begin with $
SHOWN = ("bibtex",)
# What makes the trainings of the pages short, instead of the length that they have there.
LEAST = {
    "pretrain": ("--trainer.max_steps=2", "--keep_memory=false"),
    "finetune": ("--trainer.max_steps=2", "--keep_memory=false"),
    "evaluate": ("--keep_memory=false",),
}
CURVE = ("--curve.labels=[1]", "--curve.draws=1", "--tune.clips=8")


@dataclass(frozen=True)
class Block:
    """What stands between two fences.

    Args:
        line: Where it begins.
        language: Behind the first fence.
        code: The text.
        reason: Why no test can run it, of the comment before it; empty: a test runs it.
    """

    line: int
    language: str
    code: str
    reason: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, but for the directives of Sphinx."""
    lines = page.read_text(encoding="utf-8").splitlines()
    begin = None
    for number, line in enumerate(lines):
        if begin is None and line.startswith("```"):
            begin = number
        elif begin is not None and line == "```":
            before = re.fullmatch(r"<!-- not run: (.+) -->", lines[begin - 1])
            language, code = lines[begin][3:], "\n".join(lines[begin + 1 : number]) + "\n"
            if not language.startswith("{"):
                yield Block(begin + 1, language, code, before[1] if before else "")
            begin = None


@dataclass
class Reader:
    """Somebody who does what a page says, in the folder of the moment.

    Args:
        names: What Python knows from the beginning.
        shorter: Texts of the page, and what stands for each of them to be done sooner.
    """

    names: dict[str, object] = field(default_factory=dict)
    shorter: Mapping[str, str] = field(default_factory=dict)

    def follow(self, page: Path) -> str:
        """Runs all blocks of a page from its top; gives what was printed."""
        text = page.read_text(encoding="utf-8")
        assert [old for old in self.shorter if old not in text] == []
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            for block in blocks(page):
                if not block.reason and block.language in RUN:
                    code = block.code
                    for old, new in self.shorter.items():
                        code = code.replace(old, new)
                    getattr(self, f"run_{block.language}")(code, f"{page.name}:{block.line}")
        return said.getvalue()

    def run_python(self, code: str, where: str) -> None:
        """Code that begins with the name of a file is that file."""
        if name := re.match(r"# (\w+\.py)\n", code):
            Path(name[1]).write_text(code)
        else:
            self.names.setdefault("__name__", "page")
            exec(compile(code, where, "exec"), self.names)

    def run_yaml(self, code: str, where: str) -> None:
        """A skeleton becomes the file of its name; settings have to be some."""
        if re.search(r"^joints:", code, re.MULTILINE):
            path = Path(f"{re.findall(r'^name: (.*)$', code, re.MULTILINE)[0]}.yaml")
            path.write_text(code)
            assert Skeleton.from_yaml(path).num_joints > 1, where
        else:
            Path("settings.yaml").write_text(code)
            command = ["pretrain", "--config", "settings.yaml", "--print_config"]
            assert main(command) == 0, where

    def run_bash(self, code: str, where: str) -> None:
        for line in code.replace("\\\n", " ").splitlines():
            if line.split("#")[0].strip():
                found, said = run_line(line)
                assert found == (130 if "--watch" in line else 0), f"{where}: {line}\n{said}"
                print(said)

    def run_text(self, code: str, where: str) -> None:
        """Lines behind ``$`` are run, and answer what stands below them; ... is anything."""
        for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", code, re.MULTILINE):
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            said = run_line(command)[1]
            same = doctest.OutputChecker().check_output(wanted, said, flags)
            assert same, f"{where}: {command}\n{said}"


def run_line(line: str) -> tuple[int, str]:
    """The exit code and all that a line of a shell prints: our commands, and scripts before them.

    Known are values of the environment before a command, a pipe into one, and a file for the
    output.
    """
    words, said = shlex.split(line, comments=True), io.StringIO()
    feed, target = "", None
    if "|" in words:
        first, words = words[: words.index("|")], words[words.index("|") + 1 :]
        assert first[0] == "python", line
        script = [sys.executable, *first[1:]]
        feed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    if ">" in words:
        target = Path(words.pop()).expanduser()
        words.pop()
    while re.match(r"\w+=", words[0]):
        assert words.pop(0) == "PYTHONPATH=.", line
    assert words[0] == "skeletonmae", line
    if "--print_config" not in words:
        words = re.sub(r"\0--trainer\.max_(?:clips|epochs)\0\d+", "", "\0".join(words)).split("\0")
        words += LEAST.get(words[1], ())
    if "curve" in words:
        words += CURVE
    if "--watch" in words:
        words += ["--poll=0.05"]
        threading.Timer(1.5, _thread.interrupt_main).start()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(feed.encode()))
    sys.path.insert(0, str(Path.cwd()))
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(words[1:])
    finally:
        sys.stdin = before
        sys.path.remove(str(Path.cwd()))
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(said.getvalue())
    return code, said.getvalue()
