"""The runs of open data sets: every method, by its frozen features or trained as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tables.protocols import CONFIGS, Settings
from tables.rows import Row
from tables.runner import Run
from tables.variants import (
    FRAMES,
    NORMALISED,
    PRETRAINED,
    has_statistics,
    shares_network,
    starts,
    tuned_name,
)

# Features averaged over the clip, and kept apart for each of its quarters.
_PROBES = {
    f"{kind}_{joints}{key}": f"{kind}, {joints.replace('_', ' ')}{of}"
    for key, of in (("", ""), ("_segments4", ", quarters"))
    for kind in ("knn", "linear")
    for joints in ("pooled", "per_joint")
}


@dataclass(frozen=True)
class Protocol:
    """Which labels may be used, and how clips are seen.

    Args:
        split: The split's name in tables.
        settings: Of the data section, by the seed.
        draws: Whether another seed means other labels.
        clips: The clips that a training of few labels sees, by its preset; all others as it says.
        probe: Of classifiers on frozen features: a penalty, where there are too few labels to
            choose one.
    """

    split: str
    settings: Callable[[int], Settings] = lambda seed: ()
    draws: bool = False
    clips: dict[str, int] = field(default_factory=dict)
    probe: Settings = ()


@dataclass(frozen=True)
class OpenSet:
    """A data set, its protocols, and the runs on it.

    Args:
        data: Its name in tables.
        settings: The settings that open it.
        protocols: By their names in tables.
        pretraining: Of every pre-training, beside its preset.
    """

    data: str
    settings: Settings
    protocols: dict[str, Protocol]
    pretraining: Settings = ()

    def runs(
        self, measure: str, methods: Iterable[str], protocols: Iterable[str], seeds: list[int]
    ) -> Iterator[Run]:
        """Methods by their frozen features, or trained as a whole, each after its pre-training."""
        for protocol in protocols:
            for method in methods:
                yield from self._measured(measure, method, protocol, seeds)

    def row(self, protocol: str, method: str, config: str, seed: int) -> Row:
        """What a run is called in tables."""
        about = {"data": self.data, "split": self.protocols[protocol].split, "protocol": protocol}
        return about | {"method": method, "config": config, "seed": str(seed)}

    def _measured(
        self, measure: str, method: str, protocol: str, seeds: list[int]
    ) -> Iterator[Run]:
        if method == "coordinates":
            yield from self._coordinates(protocol, seeds) if measure == "frozen" else ()
            return
        for seed in seeds:
            if method == "ST-GCN":
                yield from [self._stgcn(protocol, seed)] if measure == "trained" else ()
                continue
            yield self._pretraining(method, seed)
            if measure == "trained":
                yield from self._trained(method, protocol, seed)
            else:
                yield from self._probes(method, protocol, seed)

    def _clips(self, protocol: str, seed: int) -> list[str]:
        return [*self.settings, *self.protocols[protocol].settings(seed)]

    def _pretraining(self, method: str, seed: int) -> Run:
        own = PRETRAINED[method]
        command = ["pretrain", f"--config={CONFIGS}/pretrain/{own.config}.yaml", f"--seed={seed}"]
        settings = (*self.settings, *own.settings, *self.pretraining)
        return Run(_folder(method, seed), [*command, *settings])

    def _coordinates(self, protocol: str, seeds: Iterable[int]) -> Iterator[Run]:
        """Nothing is drawn where all labels are used: one seed."""
        draws = self.protocols[protocol].draws
        for seed in seeds if draws else [0]:
            for kind in ("knn", "linear", "ridge"):
                command = ["evaluate", f"--protocol={kind}", *_seen(32)]
                command += [*self._clips(protocol, seed), *self.protocols[protocol].probe]
                row = self.row(protocol, "coordinates", "", seed)
                folder = f"{plain(protocol)}-coordinates-{kind}"
                folder += f"-{seed}" if draws else ""
                yield Run(folder, command, row, {"top1": f"{kind}, per joint"})

    def _probes(self, method: str, protocol: str, seed: int) -> Iterator[Run]:
        """Pre-trained features, and those of random weights, which have rows of their own."""
        clips = _seen(FRAMES.get(method, 32), *NORMALISED.get(method, ("mean", "std")))
        for start in ("pre-trained",) if shares_network(method) else ("pre-trained", "random"):
            twins = start == "random" and has_statistics(method)
            how = ["--random_init"] if start == "random" else []
            how += ["--statistics=both"] if twins else []
            command = ["evaluate", "--protocol=all", *how, f"--seed={seed}", *clips]
            command += [*self._clips(protocol, seed), *self.protocols[protocol].probe]
            folder = f"{plain(protocol)}-{method.replace(' ', '-')}-{start}-{seed}"
            pretrained = _folder(method, seed)
            budget = pretrained if start == "pre-trained" else folder
            for key, of in {"": "", "_clips": ", statistics of clips"}.items():
                if twins or not key:
                    name = f"{method} {start}{of}"
                    row = self.row(protocol, name, PRETRAINED[method].config, seed)
                    metrics = {probe + key: metric for probe, metric in _PROBES.items()}
                    yield Run(folder, command, row, metrics, pretrained, budget)

    def _trained(self, method: str, protocol: str, seed: int) -> Iterator[Run]:
        """A classifier on the architecture alone, and one that starts from the pre-training."""
        own, pretrained = PRETRAINED[method], _folder(method, seed)
        command = self._tuning(own.finetune, protocol, seed, own.finetune_settings)
        for start in starts(method):
            kind = "strl" if method == "graph_mae" else f"tuned-{method.replace(' ', '-')}"
            folder = trained_folder(protocol, kind, start, seed)
            row = self.row(protocol, tuned_name(method, start), own.finetune, seed)
            more = ["--random_init"] if start == "random" else []
            needed = None if start == "from scratch" else pretrained
            yield Run(folder, [*command, *more], row, {"test/top1": "top1"}, needed)

    def _stgcn(self, protocol: str, seed: int) -> Run:
        command = self._tuning("st_gcn_small", protocol, seed)
        row = self.row(protocol, "ST-GCN from scratch", "st_gcn_small", seed)
        return Run(f"{plain(protocol)}-st_gcn-{seed}", command, row, {"test/top1": "top1"})

    def _tuning(
        self, config: str, protocol: str, seed: int, settings: Iterable[str] = ()
    ) -> list[str]:
        command = ["finetune", f"--config={CONFIGS}/finetune/{config}.yaml", f"--seed={seed}"]
        clips = self.protocols[protocol].clips.get(config)
        budget = [] if clips is None else [f"--trainer.max_clips={clips}"]
        return [*command, *settings, *self._clips(protocol, seed), *budget]


def trained_folder(protocol: str, kind: str, start: str, seed: int) -> str:
    """Where a classifier is trained."""
    return f"{plain(protocol)}-{kind}-{start.split()[-1]}-{seed}"


def plain(words: str) -> str:
    """Words as a part of a folder's name."""
    return words.replace(" %", "").replace(",", "").replace(" ", "-")


def _folder(method: str, seed: int) -> str:
    return f"{method.replace(' ', '-')}-{seed}"


def _seen(frames: int, center: str = "mean", scale: str = "std") -> tuple[str, ...]:
    """Frozen features are measured on whole clips, normalised as in pre-training."""
    return f"--data.frames={frames}", f"--data.center={center}", f"--data.scale={scale}"
