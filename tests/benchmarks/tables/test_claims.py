from __future__ import annotations

from tables.claims import CLAIMS, claims_section
from tables.rows import COLUMNS
from tables.variants import PRETRAINED


def row(method: str, seed: int, value: float, metric: str = "linear, pooled") -> dict[str, str]:
    place = {"data": "D", "split": "s", "protocol": "full", "metric": metric}
    about = {"method": method, "seed": str(seed), "value": str(value)}
    return dict.fromkeys(COLUMNS, "") | place | about


def lines(rows: list[dict[str, str]], words: str) -> list[str]:
    return [line for line in claims_section(rows).splitlines() if line.startswith(f"| {words}")]


def test_claims_are_about_methods_that_can_be_run():
    for claim in CLAIMS:
        for name in (claim.better, claim.worse):
            method = name.removesuffix(" pre-trained")
            assert method.replace("STRL", "graph_mae") in PRETRAINED, name


def test_differences_are_over_common_seeds():
    mamp, vit = "mamp pre-trained", "st_mae_vit patch norm pre-trained"
    rows = [row(mamp, seed, 0.7 + seed / 100) for seed in range(3)]
    (line,) = lines(rows, "motion, masked")
    assert line.endswith("| - | - | not measured | 0 |")
    rows += [row(vit, 0, 0.5), row(mamp, 0, 0.4, "top1"), row(vit, 0, 0.5, "top1")]
    linear, trained = lines(rows, "motion, masked")
    assert linear.endswith("| full | linear, pooled | +20.0 | 1 |")
    assert trained.endswith("| full | top-1 | -10.0 | 1 |")
    rows.append(row(vit, 1, 0.51))
    rows.append(row(vit, 2, 0.9) | {"clips_seen": "7"})  # more than the other had
    assert lines(rows, "motion, masked")[0].endswith("| full | linear, pooled | +20.0 ± 0.0 | 2 |")
