"""What a list of runs has in another way than the publication, said before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyg_skeletonmae.files.yaml import read_yaml
from tables.protocols import CONFIGS, METHODS, Bench
from tables.rows import OURS

# Presets leave out what the public code gets wrong; see docs/fidelity.md.
_REPAIRED = {"skeleton2vec": "decoder_order"}
_LISTED = ("ntu60", "ntu120")  # whose owners list incomplete clips


def announced(bench: Bench, methods: Sequence[str]) -> Iterator[str]:
    """A line for each method: the pipeline of its clips, and what differs from the publication.

    The presets of the publications, with :mod:`tables.recipes`, differ in nothing.
    """
    where = f"{bench.clips.data}, {bench.clips.split}"
    for name in methods:
        told = "; ".join(differences(bench, name)) or "nothing"
        line = f"{where}: {name}: pipeline {pipeline_of(bench, name)}; differs from the "
        line += f"publication: {told}"
        if name in _REPAIRED and not bench.small:
            line += f"; repaired on purpose: {_REPAIRED[name]} (docs/fidelity.md)"
        yield line


def pipeline_of(bench: Bench, name: str) -> str:
    """The pipeline that brings clips to a method."""
    for setting in reversed(bench.settings):
        key, _, value = setting.partition("=")
        if key == "--data.pipeline":
            return value
    told = _preset_pipeline(bench.method(name).config)
    return bench.clips.pipeline or told if told != OURS else OURS


def differences(bench: Bench, name: str) -> Iterator[str]:
    """What a method has in another way here than in its publication, a phrase each."""
    published, own = METHODS.get(name), bench.method(name)
    if published is None:
        yield "it is ours, nobody has published it"
    elif bench.small:
        yield f"{own.config}.yaml instead of {published.config}.yaml"
    if bench.smoke:
        yield "two steps on two clips"
    if published is not None:
        expected, found = _preset_pipeline(published.config), pipeline_of(bench, name)
        if found != expected:
            yield f"pipeline {found} instead of {expected}"
    if bench.clips.key.startswith(_LISTED) and not any(
        setting.startswith("--data.incomplete=") for setting in bench.clips.settings
    ):
        yield "clips on the owners' list are kept (--incomplete fetch leaves them out)"
    yield from (setting.removeprefix("--") for setting in bench.settings)


def _preset_pipeline(config: str) -> str:
    data = read_yaml(CONFIGS / "pretrain" / f"{config}.yaml")["data"]
    return str(data.get("pipeline", OURS))
