"""Groups of recordings that are alike: the command ``skeletonmae cluster``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.embed import add_feature_arguments, features, open_embedder
from pyg_skeletonmae.commands.row_scenes import rows_of
from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.files.write import write_text
from pyg_skeletonmae.inference import Embedder
from pyg_skeletonmae.inference.clusters import Clusters, cluster
from pyg_skeletonmae.visualize.page import Page, Scene
from pyg_skeletonmae.visualize.viewer import check_kind, save_page

_COLUMNS = 6


def add_cluster_arguments(parser: ArgumentParser) -> None:
    """Gives a parser the arguments of :func:`run_cluster`."""
    add_feature_arguments(parser)
    parser.add_argument("--method", type=str, default="kmeans", help="kmeans or hdbscan.")
    parser.add_argument("--k", type=int, default=8, help="The clusters of kmeans.")
    parser.add_argument("--min_size", type=int, default=5, help="Rows of a cluster of hdbscan.")
    parser.add_argument("--seed", type=int, default=0, help="Of kmeans.")
    parser.add_argument("--nearest", type=int, default=3, help="Clips named of each cluster.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    parser.add_argument(
        "--films", type=str, help="A .html, .gif or .mp4: the clips nearest to each centre play."
    )
    parser.add_argument("--out", type=str, help="A .csv file: the cluster of each row.")


def run_cluster(chosen: dict[str, Any], classes: Iterable[type] = ()) -> None:
    """Prints how many clips belong to each cluster, and those nearest to its centre.

    Raises:
        ConfigError: Arguments do not fit together.
        DataError: There are fewer rows than clusters.
        SkeletonMAEError: The release or a recording cannot be used.
    """
    out = chosen["out"]
    if out is not None and not out.lower().endswith(".csv"):
        raise ConfigError(f"--out {out}: expected a name that ends in .csv")
    films = chosen["films"]
    if films is not None:
        check_kind(films)
    embedder = open_embedder(chosen, classes)
    found = cluster(
        features(embedder, chosen),
        chosen["method"],
        chosen["k"],
        chosen["min_size"],
        chosen["seed"],
    )
    if out is not None:
        write_text(out, _table(found))
    if films is not None:
        save_page(_films(embedder, found, chosen), films)
    told = found.to_dict(chosen["nearest"])
    if chosen["json"]:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(f"{told['rows']} rows, {len(told['clusters'])} clusters, {told['none']} rows in none")
    for one in told["clusters"]:
        names = ", ".join(f"{row['name']} {row['start']}-{row['stop']}" for row in one["nearest"])
        names = "".join(c if c.isprintable() else "?" for c in names)
        print(f"cluster {one['cluster']}: {one['size']} rows; nearest: {names}")


def _films(embedder: Embedder, found: Clusters, chosen: dict[str, Any]) -> Page:
    """A grid of the clips nearest to each centre; of a page, a scene for each cluster."""
    count = chosen["nearest"]
    if not found.sizes:
        raise DataError("--films: there is no cluster to show; give a smaller --min_size")
    nearest = {cluster: found.nearest(cluster, count) for cluster in range(len(found.sizes))}
    shown = {row for rows in nearest.values() for row in rows}
    clips = {i: row for i, row in enumerate(rows_of(embedder, chosen)) if i in shown}
    scenes = [
        Scene(
            [clips[row].panel(f"{cluster}: {clips[row].title}") for row in rows],
            f"cluster {cluster}: {found.sizes[cluster]} rows",
            clips[rows[0]].fps,
        )
        for cluster, rows in nearest.items()
    ]
    title = f"{len(found.rows)} rows in {len(scenes)} clusters, nearest to each centre"
    if not chosen["films"].lower().endswith(".html"):  # a film shows all at once
        panels = [panel for scene in scenes for panel in scene.panels]
        scenes = [Scene(panels, title, scenes[0].fps)]
    return Page(title, scenes, columns=min(count, _COLUMNS))


def _table(found: Clusters) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "person", "start", "stop", "cluster", "distance"])
    for row in range(len(found.rows)):
        place = found.place(row)
        said = (place["name"], place.get("person", ""), place["start"], place["stop"])
        table.writerow([*said, int(found.labels[row]), f"{found.distance[row]:.4f}"])
    return text.getvalue()
