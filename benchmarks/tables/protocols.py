"""Protocols as lists of runs: what is pre-trained, what it is measured by, and how rows name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyg_skeletonmae.commands.configs import CONFIGS
from pyg_skeletonmae.commands.publications import Publication
from pyg_skeletonmae.files.yaml import read_yaml
from tables.recipes import finetuning, pretraining
from tables.runner import Run

Settings = tuple[str, ...]


@dataclass(frozen=True)
class Method:
    """How a system is pre-trained and fine-tuned.

    Args:
        config: The configuration of its pre-training.
        settings: What differs from it.
        finetune: The configuration of its fine-tuning.
        finetune_settings: What differs from that.
        more: What is laid over either configuration.
        flat: The same of 2-D poses.
        publication: Whose classifiers are trained on it, by their own recipes; None: the paper's
            are in the configurations, or it has none.
    """

    config: str
    settings: Settings = ()
    finetune: str = "joints_mlp"
    finetune_settings: Settings = ()
    more: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    publication: Publication | None = None


_NO_LAYERS = ("--drop_path=null", "--trainer.optim.layer_decay=1.0")  # STTFormer has none
METHODS = {
    "graph_mae": Method(
        "graph_mae",
        finetune="strl",
        more=("finetune/strl_two_encoders",),
        flat=("pretrain/graph_mae_2d", "finetune/strl_2d"),
    ),
    "st_mae_vit": Method("st_mae_vit", publication="mamp"),
    "mamp": Method("mamp", publication="mamp"),
    "st_mae_sttformer": Method("st_mae_sttformer", finetune="sttformer", publication="sttformer"),
    "skeleton2vec": Method("skeleton2vec", publication="skeleton2vec"),
}
# The same for two CPU cores.
_MAMP = (
    "--model.init_args.target=motion",
    "--model.init_args.target_norm=patch",
    "--model.init_args.mask=MotionMask",
    "--model.init_args.mask.init_args.ratio=0.8",
)
_SMALL = "joints_mlp_small"
# The paper's form of the graph SkeletonMAE; its preset has another target.
_PAPER = ("--model.init_args.target=embedding", "--model.init_args.loss=cosine")
SMALL = {
    "graph_mae": Method("graph_mae_small", _PAPER, finetune="strl_small"),
    "st_mae_vit": Method("st_mae_vit_small", (), _SMALL),
    "mamp": Method("st_mae_vit_small", _MAMP, _SMALL),
    "st_mae_sttformer": Method(
        "st_mae_sttformer_small", (), _SMALL, (*_NO_LAYERS, "--data.frames=30")
    ),
    "skeleton2vec": Method("skeleton2vec_small", (), _SMALL),
    "st_gcn_mae": Method("st_gcn_mae_small", (), _SMALL),
    "graph_temporal": Method("graph_temporal_small", (), "graph_temporal_mlp_small"),
}
_TESTED = {"test/top1": "top1", "test/mean_class": "mean_class"}
_DETECTED = {
    f"map_{over}_{iou}": f"mAP over {over}s, IoU {iou}"
    for iou in ("0.5", "0.1")
    for over in ("action", "video")
}
# How coordinates are normalised where they are the features.
_RAW = ("--data.frames=32", "--data.center=mean", "--data.scale=std")
# Two steps on two clips, short windows: proves that a list runs, and nothing else.
_SMOKE = {
    "pretrain": ("--trainer.max_steps=2", "--trainer.progress=false", "--data.batch_size=2"),
    "finetune": ("--trainer.max_steps=2", "--trainer.progress=false", "--data.batch_size=2"),
    "evaluate": ("--tune.epochs=1", "--data.batch_size=2"),
    "detect": ("--temporal.window=8", "--temporal.stride=4", "--temporal.train_stride=4"),
}


@dataclass(frozen=True)
class Clips:
    """A data set with a split.

    Args:
        data: Its name in tables.
        split: The split's name in tables.
        key: What run folders start with.
        settings: Of the data section.
        pipeline: The pipeline where a preset has one of a public code that is not for this data
            set; None: it is.
    """

    data: str
    split: str
    key: str
    settings: Settings = ()
    pipeline: str | None = None


@dataclass(frozen=True)
class Bench:
    """Runs on one data set.

    Args:
        clips: The data set.
        small: Presets for two CPU cores instead of those of the publications.
        smoke: Two steps each.
        select: Which weights a training is judged by; rows of ``test-best`` are marked.
        settings: Further settings of every run.
    """

    clips: Clips
    small: bool = False
    smoke: bool = False
    select: str = "last"
    settings: Settings = field(default=())

    def method(self, name: str) -> Method:
        """How a system is trained here."""
        return (SMALL if self.small else METHODS)[name]

    def pretraining(self, name: str, seed: int, settings: Settings = (), variant: str = "") -> Run:
        """A pre-training, or a variant of it."""
        method = self.method(name)
        command = self._command("pretrain", f"pretrain/{method.config}", seed, method)
        folder = self._folder(name, variant, seed)
        own = (*method.settings, *(() if self.small else pretraining(name, self.clips.key)))
        return Run(folder, [*command, *own, *settings])

    def linear(self, name: str, seed: int, variant: str = "", row: str = "linear") -> Iterator[Run]:
        """The linear probe of the publications, and of a network that is not trained.

        A variant of a method, in the row's protocol, goes by its own name, pre-trained only.
        """
        whose = self.method(name).publication
        published = whose in ("mamp", "skeleton2vec")  # nobody has probed STTFormer
        how = f"--tune.recipe={whose}" if published else "--data.batch_size=256"
        settings = ("--protocol=linear-sgd", how, f"--select={self.select}")
        found = self._marked({"top1": "top1", "mean_class": "mean_class"})
        for start in ("pre-trained",) if variant else ("pre-trained", "random"):
            yield self._probe(
                f"linear{self._selection}", name, start, seed, settings, found, row, variant
            )

    def neighbours(self, name: str, seed: int) -> Iterator[Run]:
        """Nearest neighbours by cosine of features averaged over joints and time."""
        ks = (1,) if self.smoke else (1, 5, 20)
        found = {f"top1_k{k}": "top1" if k == 1 else f"k = {k}" for k in ks}
        settings = ("--protocol=knn", f"--k={list(ks)}", "--joints=mean")
        for start in ("pre-trained", "random"):
            yield self._probe("knn", name, start, seed, settings, found, "knn")

    def detection(self, name: str, seed: int) -> Iterator[Run]:
        """Actions found in untrimmed recordings by a linear classifier on frozen features."""
        settings = (*self._detection(), "--joints=mean")
        for start in ("pre-trained", "random"):
            yield self._probe("detection", name, start, seed, settings, _DETECTED, "detection")

    def detection_reference(self, seed: int) -> Iterator[Run]:
        """The same classifier on features of the supervised reference, trained on cut actions."""
        start = self.reference(seed, "finetune")
        command = self._command("evaluate", f"finetune/{start.row['config']}", seed)
        command += [*self._detection(), "--joints=mean"]
        row = self._row("detection", "ST-GCN, supervised", start.row["config"], seed)
        folder = self._folder("st_gcn-detection", "", seed)
        yield from (start, Run(folder, command, row, _DETECTED, start.folder))

    def detection_by_coordinates(self, seed: int) -> Run:
        """The same classifier on the coordinates of the windows."""
        command = ["evaluate", f"--seed={seed}", *_RAW, *self._detection()]
        command += [*self.clips.settings, *self.settings]
        row = self._row("detection", "coordinates, linear", "", seed)
        return Run(self._folder("coordinates-detection", "", seed), command, row, _DETECTED)

    def finetuning(
        self,
        name: str,
        seed: int,
        protocol: str = "finetune",
        settings: Settings = (),
        variant: str = "",
        pretrained: str | None = None,
        scratch: bool = False,
    ) -> Run:
        """Fine-tuning after a pre-training, that of the same name unless told, or from scratch."""
        method = self.method(name)
        command = self._command("finetune", f"finetune/{method.finetune}", seed, method)
        command += [f"--select={self.select}", *method.finetune_settings]
        if method.publication is not None:
            command += finetuning(method.publication, self.clips.key)
        command += settings
        folder = self._folder(f"{protocol}{self._selection}-{name}", variant, seed)
        start = None if scratch else pretrained or self._folder(name, variant, seed)
        row = self._row(protocol, variant or f"{name} pre-trained", method.finetune, seed)
        return Run(folder, command, row, self._marked(_TESTED), start)

    def reference(self, seed: int, protocol: str, settings: Settings = ()) -> Run:
        """ST-GCN from scratch: the supervised anchor of a table."""
        config = "st_gcn_small" if self.small else "st_gcn"
        command = self._command("finetune", f"finetune/{config}", seed)
        command += [f"--select={self.select}", *settings]
        folder = self._folder(f"st_gcn{self._selection}", _plain(*settings), seed)
        row = self._row(protocol, "ST-GCN from scratch", config, seed)
        return Run(folder, command, row, self._marked(_TESTED))

    def coordinates(self, seed: int, protocol: str, settings: Settings = ()) -> Iterator[Run]:
        """Nearest neighbour and least squares on the coordinates: the bar to beat.

        Nothing is drawn but labels: where all are used, one seed is all seeds.
        """
        seed = seed if settings else 0
        for kind in ("knn", "ridge"):
            command = ["evaluate", f"--protocol={kind}", f"--seed={seed}", *_RAW]
            command += [*self.clips.settings, *self.settings, *settings]
            folder = self._folder(f"coordinates-{kind}", _plain(*settings), seed)
            row = self._row(protocol, f"coordinates, {'1-NN' if kind == 'knn' else kind}", "", seed)
            yield Run(folder, command, row, {"top1": "top1", "mean_class": "mean_class"})

    def anchors(self, seed: int, protocol: str, settings: Settings = ()) -> Iterator[Run]:
        """What stands in every table: coordinates, and the supervised reference."""
        yield from self.coordinates(seed, protocol, settings)
        yield self.reference(seed, protocol, settings)

    def _detection(self) -> Settings:
        windows = _SMOKE["detect"] if self.smoke else ()
        return "--protocol=temporal", "--data.policy=untrimmed", *windows

    def _probe(
        self,
        kind: str,
        name: str,
        start: str,
        seed: int,
        settings: Settings,
        found: dict[str, str],
        row: str,
        variant: str = "",
    ) -> Run:
        method = self.method(name)
        config = f"pretrain/{method.config}"
        command = [*self._command("evaluate", config, seed, method), *settings]
        if start == "random":
            command.append("--random_init")
        if self.smoke:
            command += _SMOKE["evaluate"]
        folder = self._folder(f"{kind}-{name}-{start}", variant, seed)
        pretrained = self._folder(name, variant, seed)
        about = self._row(row, variant or f"{name} {start}", method.config, seed)
        budget = pretrained if start == "pre-trained" else folder
        return Run(folder, command, about, found, pretrained, budget)

    @property
    def _selection(self) -> str:
        return "" if self.select == "last" else f"-{self.select}"

    def _command(
        self, subcommand: str, config: str, seed: int, method: Method | None = None
    ) -> list[str]:
        path, flat = CONFIGS / f"{config}.yaml", self.clips.pipeline == "pyskl2d"
        over = () if method is None else (*method.more, *(method.flat if flat else ()))
        stage, _, _ = config.partition("/")
        own = [f"--config={CONFIGS / more}.yaml" for more in over if more.startswith(stage)]
        command = [subcommand, f"--config={path}", *own, f"--seed={seed}"]
        if self.clips.pipeline is not None and "pipeline" in read_yaml(path)["data"]:
            command.append(f"--data.pipeline={self.clips.pipeline}")
        command += [*self.clips.settings, *self.settings]
        return command + list(_SMOKE[subcommand] if self.smoke else ())

    def _folder(self, name: str, variant: str, seed: int) -> str:
        parts = (self.clips.key, _plain(name), _plain(variant), _plain(*self._changes), str(seed))
        return "-".join(part for part in parts if part)

    def _row(self, protocol: str, method: str, config: str, seed: int) -> dict[str, str]:
        protocol = ", ".join((protocol, *(_plain(change) for change in self._changes)))
        about = {"data": self.clips.data, "split": self.clips.split, "protocol": protocol}
        return about | {"method": method, "config": config, "seed": str(seed)}

    @property
    def _changes(self) -> Settings:
        """What all runs have in another way than published; rows and folders say so."""
        small = ("small",) if self.small and not self.smoke else ()
        return small + self.settings

    def _marked(self, found: dict[str, str]) -> dict[str, str]:
        if self.select == "last":
            return found
        return {key: f"{metric}, {self.select}" for key, metric in found.items()}


def _plain(*words: str) -> str:
    """A part of a folder's name."""
    text = "-".join(word.removeprefix("--data.").removeprefix("--") for word in words)
    return "".join(c if c.isalnum() or c in "-_.=" else "_" for c in text)
