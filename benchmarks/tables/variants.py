"""The methods that UI-PRMD is measured with, and the variants that published claims are about."""

from __future__ import annotations

from dataclasses import replace

from tables.protocols import METHODS, SMALL, Method, Settings

_MODEL = "--model.init_args."
# PartMask hides one to three of the six parts: a third of the joints, on average.
_RANDOM_JOINTS = (f"{_MODEL}mask=RandomMask", f"{_MODEL}mask.init_args.ratio=0.333")
# For the yaw protocol: pre-trained on clips that are turned anew in each epoch.
_TURNED = ("--data.rotate=[10.0,180.0,10.0]",)
_GCN = (f"{_MODEL}conv=gcn",)
_SQUARED = (f"{_MODEL}target=coordinates", f"{_MODEL}loss=squared")
_DROP = (f"{_MODEL}hidden=drop",)
_NO_AVERAGE = f"{_MODEL}decoder.init_args.average_weight=0"


def _tube(length: int) -> Settings:
    return (f"{_MODEL}mask.init_args.tube={length}",)


# A variant's method, what differs in its pre-training, and what in its network.
_VARIANTS: dict[str, tuple[str, Settings, Settings]] = {
    "graph_mae random joints": ("graph_mae", _RANDOM_JOINTS, ()),
    "graph_mae gcn": ("graph_mae", (), _GCN),
    "graph_mae squared": ("graph_mae", _SQUARED, ()),
    "graph_mae squared drop": ("graph_mae", (*_SQUARED, *_DROP), ()),
    "st_gcn_mae token": ("st_gcn_mae", (f"{_MODEL}decoder.init_args.hidden=token",), ()),
    "st_mae_vit coordinates": ("st_mae_vit", (f"{_MODEL}target_norm=none",), ()),
    "st_mae_vit motion": (
        "st_mae_vit",
        (f"{_MODEL}target=motion", f"{_MODEL}target_norm=none"),
        (),
    ),
    "st_mae_vit patch norm": ("st_mae_vit", (f"{_MODEL}target_norm=patch",), ()),
    "skeleton2vec published order": (
        "skeleton2vec",
        (f"{_MODEL}decoder_order=published",),
        (),
    ),
    "skeleton2vec tube 1": ("skeleton2vec", _tube(1), ()),  # the preset's tube: 4 of 8 tokens
    "skeleton2vec tube 8": ("skeleton2vec", _tube(8), ()),
    "graph_temporal tubes": (
        "graph_temporal",
        (f"{_MODEL}mask=TubeMask", f"{_MODEL}mask.init_args={{ratio: 0.3, tube: 4}}"),
        (),
    ),
    "graph_temporal whole joints": (
        "graph_temporal",
        (f"{_MODEL}mask=RandomMask", f"{_MODEL}mask.init_args.ratio=0.3"),
        (),
    ),
    "graph_temporal where it moves": (
        "graph_temporal",
        (f"{_MODEL}mask=MotionMask", f"{_MODEL}mask.init_args.ratio=0.3"),
        (),
    ),
    "graph_temporal ratio 0.75": (
        "graph_temporal",
        (f"{_MODEL}mask.init_args.ratio=0.75",),
        (),
    ),
    "graph_temporal no average": ("graph_temporal", (_NO_AVERAGE,), ()),
    "graph_temporal no gain": (
        "graph_temporal",
        (),
        ("--encoder.init_args.joint_gain=false",),
    ),
    "graph_temporal motion": ("graph_temporal", (f"{_MODEL}target=MotionTarget",), ()),
    "graph_temporal hidden alone": ("graph_temporal", (f"{_MODEL}visible_weight=0",), ()),
    "graph_temporal norm of joints": (
        "graph_temporal",
        (),
        ("--encoder.init_args.data_norm=joint",),
    ),
    "graph_temporal decoder of two": (
        "graph_temporal",
        (f"{_MODEL}decoder.init_args.depth=2",),
        (),
    ),
    "graph_temporal graph decoder": (
        "graph_temporal",
        (f"{_MODEL}decoder=MixingDecoder", f"{_MODEL}decoder.init_args.hidden=drop"),
        (),
    ),
    "graph_temporal rate 4e-3": ("graph_temporal", ("--trainer.optim.lr=4e-3",), ()),
    "graph_temporal layer norm": ("graph_temporal", (), ("--encoder.init_args.norm=layer",)),
    "graph_temporal depth 4": ("graph_temporal", (), ("--encoder.init_args.depth=4",)),
    **{f"{name} turned": (name, _TURNED, ()) for name in SMALL if name != "mamp"},
}


def _method(base: str, training: Settings, network: Settings) -> Method:
    own = SMALL[base]
    settings = (*own.settings, *training, *network)
    return Method(own.config, settings, own.finetune, (*own.finetune_settings, *network))


# STRL's own options: nothing of the pre-training differs.
_KEEPS_JOINTS = (f"{_MODEL}local=true", f"{_MODEL}learn_adjacency=true")
VARIANTS = {
    **{name: _method(*spec) for name, spec in _VARIANTS.items()},
    "graph_mae adjacency": Method("graph_mae_small", _SQUARED, "strl_small", _KEEPS_JOINTS),
}
# Presets of the publications bring the pipelines of their codes, which are for NTU RGB+D.
_OURS = ("--data.pipeline=ours",)
_ON_OWN_CLIPS = {
    **dict.fromkeys(("st_mae_vit", "mamp", "st_mae_sttformer"), _OURS),
    "skeleton2vec": (*_OURS, "--data.crop=null", "--data.center=first", "--data.scale=null"),
}
FULL_SIZE = {
    f"{name} full size": replace(method, settings=(*method.settings, *_ON_OWN_CLIPS.get(name, ())))
    for name, method in METHODS.items()
}
# The pre-training of each method, and the fine-tuning that fits it.
PRETRAINED = {**SMALL, **VARIANTS, **FULL_SIZE}
# All others 32: the numbers of frames that models were pre-trained on.
FRAMES = {
    "st_mae_sttformer": 30,
    "st_mae_sttformer turned": 30,
    "graph_mae full size": 64,
    "st_mae_vit full size": 120,
    "mamp full size": 120,
    "st_mae_sttformer full size": 120,
    "skeleton2vec full size": 90,
}
# All others by the mean of their joints and the deviation: centre and unit of pre-training.
NORMALISED = {"skeleton2vec full size": ("first", "null")}


# With another decoder a seed draws other random weights.
_OWN_TWIN = {
    "graph_mae squared",
    "graph_mae squared drop",
    "st_gcn_mae token",
    "graph_temporal no average",
    "graph_temporal decoder of two",
    "graph_temporal graph decoder",
}
# What differs in pre-training only has the random weights of another method.
_SAME_NETWORK = {
    "mamp": "st_mae_vit",
    **{
        name: base
        for name, (base, _, network) in _VARIANTS.items()
        if not network and name not in _OWN_TWIN
    },
}


def shares_network(method: str) -> bool:
    """Whether another method, that differs in pre-training alone, has the same random weights."""
    return method in _SAME_NETWORK


def has_statistics(method: str) -> bool:
    """Whether the network normalises by statistics of batches, which random weights lack."""
    return PRETRAINED[method].config.startswith(("graph_", "st_gcn_mae"))


def starts(method: str) -> tuple[str, ...]:
    """What a network is measured after: its pre-training, and random weights that are its own."""
    if shares_network(method):
        return ("pre-trained",)
    scratch = "from scratch" if method.startswith("graph_mae") else "random"
    return (scratch, "pre-trained")


def twin(name: str) -> str:
    """The method without pre-training that a pre-trained one is compared with, as tables call them.

    >>> twin("mamp pre-trained"), twin("STRL random joints pre-trained")
    ('st_mae_vit random', 'STRL from scratch')
    """
    method = name.removesuffix(" pre-trained")
    if method.startswith("STRL"):
        own = method.replace("STRL", "graph_mae")
        return tuned_name(_SAME_NETWORK.get(own, own), "from scratch")
    return f"{_SAME_NETWORK.get(method, method)} random"


def tuned_name(method: str, start: str) -> str:
    """How a fine-tuned model is called in tables: by the classifier, where it is not the encoder.

    >>> tuned_name("graph_mae gcn", "pre-trained"), tuned_name("mamp", "random")
    ('STRL gcn pre-trained', 'mamp random')
    """
    return f"{method.replace('graph_mae', 'STRL')} {start}"
