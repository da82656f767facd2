"""Published claims as differences between two methods, and what our runs say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tables.rows import Row, by_seed, markdown, paired_difference, shown


@dataclass(frozen=True)
class Claim:
    """One method is said to be better than another.

    Args:
        words: The claim.
        source: Who makes it.
        better: The method that should be better, as tables call it.
        worse: The other.
    """

    words: str
    source: str
    better: str
    worse: str


def _claims(words: str, source: str, *pairs: tuple[str, str]) -> list[Claim]:
    ends = " pre-trained"
    return [Claim(words, source, better + ends, worse + ends) for better, worse in pairs]


CLAIMS = [
    *_claims(
        "masked body parts beat random joints",
        "SkeletonMAE (ICCV 2023), ablations",
        ("graph_mae", "graph_mae random joints"),
        ("STRL", "STRL random joints"),
    ),
    *_claims(
        "GIN beats GCN",
        "SkeletonMAE (ICCV 2023), ablations",
        ("graph_mae", "graph_mae gcn"),
        ("STRL", "STRL gcn"),
    ),
    *_claims(
        "tubes of some length beat single tokens",
        "Skeleton2vec, ablations: 5 of 30 is best; here 4 of 8",
        ("skeleton2vec", "skeleton2vec tube 1"),
    ),
    *_claims(
        "tubes may be too long",
        "Skeleton2vec, ablations: 5 of 30 is best; here 4 of 8",
        ("skeleton2vec", "skeleton2vec tube 8"),
    ),
    *_claims(
        "motion beats coordinates as a target, all else equal",
        "MAMP",
        ("st_mae_vit motion", "st_mae_vit coordinates"),
    ),
    *_claims(
        "motion, masked where there is motion, beats coordinates, both normalised by patches",
        "MAMP, against the SkeletonMAE of its comparison",
        ("mamp", "st_mae_vit patch norm"),
    ),
    *_claims(
        "normalising over time, not over patches, repairs coordinates",
        "normalisation among timestamps (NAT, AAAI 2025)",
        ("st_mae_vit", "st_mae_vit patch norm"),
        ("st_mae_vit", "st_mae_vit coordinates"),
    ),
    *_claims(
        "the decoder should see visible tokens at their places",
        "ours, of Skeleton2vec's public code",
        ("skeleton2vec", "skeleton2vec published order"),
    ),
]


def claims_section(rows: Sequence[Row]) -> str:
    """A line per claim, protocol and measure: the difference over seeds, at equal budgets."""
    lines = [["claim", "source", "better", "minus", "protocol", "measure", "points", "seeds"]]
    for claim in CLAIMS:
        about = [claim.words, claim.source, claim.better, claim.worse]
        found = list(_measured(claim, rows))
        lines += [[*about, *cells] for cells in found or [["-", "-", "not measured", "0"]]]
    return "## Claims, and what these runs say\n\n" + markdown(lines)


def _measured(claim: Claim, rows: Sequence[Row]) -> list[list[str]]:
    places = dict.fromkeys(
        (row["data"], row["split"], row["protocol"], row["metric"], row["pipeline"])
        for row in rows
        if row["method"] == claim.better
    )
    lines = []
    for data, split, protocol, metric, pipeline in places:
        same = {"data": data, "split": split, "protocol": protocol, "metric": metric}
        same["pipeline"] = pipeline
        better, worse = (by_seed(rows, method=m, **same) for m in (claim.better, claim.worse))
        common = sorted(better.keys() & worse.keys())
        seeds = [s for s in common if better[s]["clips_seen"] == worse[s]["clips_seen"]]
        if seeds:
            a, b = ({s: float(side[s]["value"]) for s in seeds} for side in (better, worse))
            points = paired_difference(a, b) or f"{100 * (a[seeds[0]] - b[seeds[0]]):+.1f}"
            lines.append([protocol, shown(metric), points, str(len(seeds))])
    return lines
