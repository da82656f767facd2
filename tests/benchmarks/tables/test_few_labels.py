from __future__ import annotations

from tables.few_labels import few_labels_section
from tables.rows import Row


def rows(method: str, metric: str, *values: float, protocol: str = "semi 5 %") -> list[Row]:
    about = {"data": "UI-PRMD 20 classes", "protocol": protocol, "method": method}
    return [
        about | {"seed": seed, "metric": metric, "value": value}
        for seed, value in enumerate(values)
    ]


def test_a_row_says_what_pre_training_adds_to_both_twins():
    text = few_labels_section(
        rows("graph_mae pre-trained", "knn, pooled", 0.6, 0.7)
        + rows("graph_mae random", "knn, pooled", 0.5, 0.6)
        + rows("graph_mae random, statistics of clips", "knn, pooled", 0.55, 0.65)
        + rows("coordinates", "knn, per joint", 0.4)
    )
    lines = text.splitlines()
    assert "## UI-PRMD 20 classes: frozen, knn, pooled" in lines
    assert "| coordinates, knn | 40.0 | - | - | - |" in lines
    (line,) = (line for line in lines if line.startswith("| graph_mae"))
    assert "(+10.0 ± 0.0 / +5.0 ± 0.0) | - | - | - |" in line
    assert line.startswith("| graph_mae pre-trained | 65.0 ± ")


def test_classifiers_from_scratch_stand_beside_pre_trained_ones():
    text = few_labels_section(
        rows("ST-GCN from scratch", "top1", 0.8, 0.8, protocol="full")
        + rows("st_mae_vit pre-trained", "top1", 0.7, protocol="full")
    )
    assert "## UI-PRMD 20 classes: trained as a whole" in text
    assert "| ST-GCN from scratch | - | - | - | 80.0 ± 0.0 |" in text
    assert "| st_mae_vit pre-trained | - | - | - | 70.0 |" in text


def test_other_data_sets_have_no_such_table():
    row = {"data": "NTU RGB+D 60", "protocol": "linear", "method": "m", "metric": "top1"}
    assert few_labels_section([row | {"seed": 0, "value": 0.5}]) == ""
