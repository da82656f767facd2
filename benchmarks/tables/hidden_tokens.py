"""Hidden tokens left out of message passing against a learned token in their places."""

from __future__ import annotations

from collections.abc import Sequence

from tables.rows import Row, markdown, paired_difference, shown, values

_HEAD = """## Hidden tokens: left out minus a learned token

Everything else equal, frozen features, seed by seed; points.

"""
# The method whose hidden tokens are left out, and the one that has a token there.
PAIRS = {"graph_mae squared drop": "graph_mae squared", "st_gcn_mae": "st_gcn_mae token"}
_MEASURES = [
    f"{kind}, {joints}{quarters}"
    for kind in ("knn", "linear")
    for joints in ("pooled", "per joint")
    for quarters in ("", ", quarters")
]


def hidden_tokens_section(rows: Sequence[Row]) -> str:
    """A line for each pair of methods and protocol where both were measured; "" if none."""
    protocols = dict.fromkeys((row["data"], row["protocol"]) for row in rows)
    lines = []
    for dropped, token in PAIRS.items():
        for data, protocol in protocols:
            own = [row for row in rows if (row["data"], row["protocol"]) == (data, protocol)]
            pairs = [
                [
                    values(own, method=f"{name} pre-trained", metric=measure)
                    for name in (dropped, token)
                ]
                for measure in _MEASURES
            ]
            cells = [paired_difference(*pair) or "-" for pair in pairs]
            if any(cell != "-" for cell in cells):
                lines.append([f"{dropped}, {data}, {protocol}", *cells])
    head = ["method, data", *map(shown, _MEASURES)]
    return _HEAD + markdown([head, *lines]) if lines else ""
