"""Charts of a run: curves, a confusion matrix, a map of embeddings.

Figures are made without ``pyplot``, so nothing global changes and no window opens: call ``savefig``
or show them in a notebook. Matplotlib is imported on first use (extra ``viz``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pyg_skeletonmae.errors import ConfigError, DataError, check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = Tensor | NDArray[Any]

# Okabe and Ito's colours, told apart by readers with any colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
METHODS = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", ":", "-.")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("pictures need matplotlib: pip install 'pyg_skeletonmae[viz]'") from None
    return Figure(figsize=(width, height), layout="constrained", dpi=120)


def to_numpy(x: Array) -> NDArray[Any]:
    """A tensor on any device, or an array, as an array."""
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)


def draw_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str = "",
    ylabel: str = "",
    xlabel: str = "epoch",
) -> Figure:
    """Curves in one chart.

    Args:
        curves: Name of a curve to its steps and its values, of equal length.
        title: Above the chart.
        ylabel: What the values are.
        xlabel: What the steps are.

    Raises:
        DataError: There is no curve, or steps and values differ in number.
    """
    if not curves:
        raise DataError("no curves to draw")
    figure = new_figure(5.5, 3.4)
    ax = figure.add_subplot()
    for i, (name, (steps, values)) in enumerate(curves.items()):
        if len(steps) != len(values):
            raise DataError(f"curve {name!r}: {len(steps)} steps but {len(values)} values")
        color, line = PALETTE[i % len(PALETTE)], _LINES[i // len(PALETTE) % len(_LINES)]
        # A single value has no line: it needs a marker to be seen.
        marker = "o" if len(steps) == 1 else None
        ax.plot(steps, values, line, color=color, marker=marker, label=name, linewidth=1.8)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        ax.legend(frameon=False, fontsize="small")
    return figure


def draw_bars(values: Mapping[str, float], xlabel: str = "") -> Figure:
    """A bar for each of some values, the first one on top.

    Args:
        values: What each bar is called, and how long it is.
        xlabel: What the values are.

    Raises:
        DataError: There is no value.
    """
    if not values:
        raise DataError("no values to draw")
    figure = new_figure(6.0, 0.9 + 0.3 * len(values))
    ax = figure.add_subplot()
    places = range(len(values))
    bars = ax.barh(places, list(values.values()), color=PALETTE[0], height=0.6)
    ax.bar_label(bars, fmt=" %.4g", fontsize=8)
    ax.set_yticks(places, list(values), parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel(xlabel, parse_math=False)
    ax.margins(x=0.12)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def draw_confusion(matrix: Array, class_names: Sequence[str], title: str = "") -> Figure:
    """A confusion matrix in per cent of each true class; cells below half a per cent stay empty.

    Args:
        matrix: ``[K, K]`` counts, rows are true classes, columns predicted ones.
        class_names: The ``K`` classes.
        title: Above the matrix; by default the accuracy.

    Raises:
        DataError: The matrix is not ``[K, K]``.
    """
    counts = to_numpy(matrix).astype(float)
    size = len(class_names)
    if not size or counts.shape != (size, size):
        raise DataError(f"a confusion matrix of {size} classes is not {list(counts.shape)}")
    percent = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    cells, left = 0.3 * size, 0.4 + 0.06 * max(len(name) for name in class_names)  # inches
    width, height = left + max(cells, 2.0) + 0.2, cells + 1.0
    figure = new_figure(width, height)
    # Placed by hand: the automatic layout cuts long names of a matrix with square cells.
    figure.set_layout_engine("none")
    ax = figure.add_axes((left / width, 0.35 / height, cells / width, cells / height))
    ax.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(percent >= 0.5), strict=True):
        value = percent[row, column]
        color = "white" if value > 55 else "black"
        ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=color, fontsize=7)
    # Long names would take more room below than the matrix itself: the columns are numbered.
    ax.set_xticks(range(size), [f"{i + 1}" for i in range(size)])
    ax.set_yticks(range(size), [f"{name}  {i + 1}" for i, name in enumerate(class_names)])
    ax.xaxis.tick_top()
    ax.tick_params(labelsize=8, length=0)
    ax.spines[:].set_visible(False)
    accuracy = 100 * np.trace(counts) / max(counts.sum(), 1)
    ax.set_xlabel("predicted class, in per cent of the true one", fontsize=9)
    ax.set_title(title or f"accuracy {accuracy:.1f} %", fontsize=10)
    return figure


def embedding_map(
    x: Array,
    labels: Array,
    class_names: Sequence[str],
    method: str = "pca",
    title: str = "",
    seed: int = 0,
) -> Figure:
    """Features in the plane, one colour and marker per class.

    Args:
        x: ``[N, D]`` features, ``N >= 3``, ``D >= 2``.
        labels: ``[N]`` classes.
        class_names: Their names.
        method: ``"pca"`` (linear, distances mean something), ``"tsne"`` or ``"umap"``, see
            :func:`project`.
        title: Above the map; by default the method.
        seed: Of the random start of t-SNE.

    Raises:
        ConfigError: The method is unknown.
        DataError: Features and labels do not fit together.
    """
    features, classes = to_numpy(x), to_numpy(labels)
    if features.ndim != 2 or min(features.shape[0] - 1, features.shape[1]) < 2:
        raise DataError(f"features: N >= 3 and D >= 2 expected, found {list(features.shape)}")
    if classes.shape != features.shape[:1]:
        raise DataError(
            f"one label per row expected, found {list(features.shape)} and {list(classes.shape)}"
        )
    if not 0 <= classes.min() <= classes.max() < len(class_names):
        worst = classes.max() if classes.min() >= 0 else classes.min()
        raise DataError(f"label {worst}, but there are {len(class_names)} class names")
    points = project(features, method, seed)
    figure = new_figure(5.2 + 0.06 * max(len(name) for name in class_names), 4.6)
    ax = figure.add_subplot()
    for number in np.unique(classes).tolist():
        color, marker = PALETTE[number % 7], _MARKERS[number // 7 % len(_MARKERS)]
        x0, x1 = points[classes == number].T
        ax.scatter(
            x0,
            x1,
            s=14,
            color=color,
            marker=marker,
            linewidths=0,
            alpha=0.75,
            label=class_names[number],
        )
    ax.set_title(title or METHODS[method], fontsize=10)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    return figure


def project(features: NDArray[Any], method: str, seed: int = 0) -> NDArray[Any]:
    """Features ``[N, D]`` in the plane ``[N, 2]``.

    Args:
        features: ``N >= 3``, ``D >= 2``.
        method: ``"pca"``, principal components; ``"tsne"`` (`van der Maaten and Hinton
            <https://www.jmlr.org/papers/v9/vandermaaten08a.html>`_), neighbourhoods only, with a
            perplexity of 30 or, of fewer than 91 rows, a third of them; ``"umap"`` (`McInnes et al.
            <https://arxiv.org/abs/1802.03426>`_), if ``umap-learn`` is installed.
        seed: Of t-SNE and UMAP.

    Raises:
        ConfigError: The method is unknown, or not installed.
    """
    check_choice("method", method, METHODS)
    if method == "pca":
        from sklearn.decomposition import PCA

        return np.asarray(PCA(2, svd_solver="full").fit_transform(features))
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(features) - 1) / 3)
        tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
        return np.asarray(tsne.fit_transform(features))
    try:
        from umap import UMAP
    except ImportError:
        raise ConfigError("method 'umap': pip install umap-learn") from None
    return np.asarray(UMAP(random_state=seed).fit_transform(features))
