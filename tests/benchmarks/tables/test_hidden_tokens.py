from __future__ import annotations

from tables.hidden_tokens import hidden_tokens_section
from tables.rows import Row


def rows(method: str, *values: float, metric: str = "knn, pooled") -> list[Row]:
    about = {"data": "d", "protocol": "full", "method": method, "metric": metric}
    return [about | {"seed": seed, "value": value} for seed, value in enumerate(values)]


def test_pairs_are_compared_seed_by_seed():
    text = hidden_tokens_section(
        rows("st_gcn_mae pre-trained", 0.6, 0.7)
        + rows("st_gcn_mae token pre-trained", 0.5, 0.6)
        + rows("st_gcn_mae token pre-trained", 0.5, 0.6, metric="linear, pooled")
    )
    (line,) = (line for line in text.splitlines() if line.startswith("| st_gcn_mae"))
    assert line == "| st_gcn_mae, d, full | +10.0 ± 0.0 |" + " - |" * 7


def test_without_a_pair_there_is_no_table():
    assert hidden_tokens_section(rows("st_gcn_mae pre-trained", 0.6, 0.7)) == ""
