"""The main tables: what few labels give, on frozen features and trained as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tables.rows import Row, markdown, mean_and_interval, paired_difference, shown, values
from tables.variants import twin

_HEAD = """# Few labels

In brackets, seed by seed: what pre-training adds to the same network with random weights as they
are initialised; behind the stroke, to random weights whose batch norms have the statistics of
real clips. All other tables are below.

"""
PROTOCOLS = {
    "UI-PRMD 20 classes": ("semi 5 %", "semi 10 %", "label-poor", "full"),
    "Bandai-Namco 70 classes": ("1 label a class", "5 labels a class", "all labels"),
}
MEASURES = (
    "knn, pooled",
    "knn, per joint",
    "knn, per joint, quarters",
    "linear, pooled",
    "linear, per joint, quarters",
    "top1",
)
_COORDINATES = {"knn": "knn, per joint", "linear": "ridge, per joint"}
_STATISTICS = " random, statistics of clips"


def few_labels_section(rows: Sequence[Row]) -> str:
    """A table per data set and measure: a row per method, a column per protocol."""
    text = ""
    for data, protocols in PROTOCOLS.items():
        own = [row for row in rows if row["data"] == data and row["protocol"] in protocols]
        for measure in MEASURES if own else ():
            lines = list(_lines(own, measure, protocols))
            if lines:
                head = ["method", *protocols]
                text += f"## {data}: {_title(measure)}\n\n" + markdown([head, *lines])
    return _HEAD + text if text else ""


def _title(measure: str) -> str:
    return "trained as a whole" if measure == "top1" else f"frozen, {shown(measure)}"


def _lines(rows: Sequence[Row], measure: str, protocols: Sequence[str]) -> Iterator[list[str]]:
    kind = measure.partition(",")[0]
    coordinates = _COORDINATES.get(kind)
    if coordinates:
        cells = [
            mean_and_interval(values(rows, protocol=p, method="coordinates", metric=coordinates))
            for p in protocols
        ]
        yield [f"coordinates, {coordinates.partition(',')[0]}", *cells]
    methods = dict.fromkeys(row["method"] for row in rows if row["metric"] == measure)
    for method in methods:
        if method.endswith((" pre-trained", " from scratch")):
            yield [method, *(_cell(rows, measure, method, p) for p in protocols)]


def _cell(rows: Sequence[Row], measure: str, method: str, protocol: str) -> str:
    own = values(rows, protocol=protocol, method=method, metric=measure)
    text = mean_and_interval(own)
    if not method.endswith(" pre-trained"):
        return text
    random = twin(method)
    twins = (random, random.removesuffix(" random") + _STATISTICS)
    added = [
        paired_difference(own, values(rows, protocol=protocol, method=name, metric=measure))
        for name in twins
    ]
    said = " / ".join(difference for difference in added if difference)
    return f"{text} ({said})" if said else text
