import numpy as np
import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.layouts import COCO17, COCO17_BODY, HAND21, LAYOUTS, MEDIAPIPE33, UIPRMD22
from pyg_skeletonmae.visualize.pose import LEFT, MASKED, MIDDLE, RECONSTRUCTED, RIGHT, draw_skeleton

figure = pytest.importorskip("matplotlib.figure")
colors = pytest.importorskip("matplotlib.colors")

POSE = torch.randn(22, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ax():
    return figure.Figure().add_subplot()


def bones_of(ax):
    """Colour and line style to the number of bones drawn so."""
    counts = {}
    for line in ax.lines:
        segments = len(line.get_xdata()) // 3
        drawn = np.asarray(line.get_xydata()).reshape(segments, 3, 2)[:, :2]
        counts[line.get_color(), line.get_linestyle()] = int(np.isfinite(drawn).all((1, 2)).sum())
    return {look: count for look, count in counts.items() if count}


def joints_of(ax):
    full, hollow = (np.asarray(points.get_offsets()) for points in ax.collections)
    return len(full), len(hollow)


def test_sides_have_colours(ax):
    draw_skeleton(ax, POSE, UIPRMD22)
    assert bones_of(ax) == {(LEFT, "-"): 8, (RIGHT, "-"): 8, (MIDDLE, "-"): 5}
    assert joints_of(ax) == (22, 0)
    assert ax.get_aspect() == 1
    found = {colors.to_hex(rgba).upper() for rgba in ax.collections[0].get_facecolors()}
    assert found == {LEFT, RIGHT, MIDDLE}


def test_bones_that_cross_the_body_belong_to_no_side(ax):
    draw_skeleton(ax, torch.randn(17, 2), COCO17_BODY)
    # Two shoulders hang from the nose; two extra edges cross.
    assert bones_of(ax) == {(LEFT, "-"): 8, (RIGHT, "-"): 8, (MIDDLE, "-"): 2}


def test_a_hand_has_no_sides(ax):
    draw_skeleton(ax, torch.randn(21, 2), HAND21)
    assert bones_of(ax) == {(MIDDLE, "-"): 20}


def test_masked_joints_are_hollow_and_their_bones_dotted(ax):
    masked = UIPRMD22.part_index == 2  # the left elbow and wrist
    draw_skeleton(ax, POSE, UIPRMD22, masked=masked)
    assert bones_of(ax)[MASKED, ":"] == 2
    assert bones_of(ax)[LEFT, "-"] == 6
    assert joints_of(ax) == (20, 2)
    assert colors.to_hex(ax.collections[1].get_facecolors()[0]) == "#ffffff"


def test_masked_joints_can_have_a_colour(ax):
    masked = UIPRMD22.part_index == 2
    draw_skeleton(ax, POSE, UIPRMD22, masked=masked, masked_color=RECONSTRUCTED)
    assert bones_of(ax)[RECONSTRUCTED, "-"] == 2
    assert colors.to_hex(ax.collections[1].get_facecolors()[0]).upper() == RECONSTRUCTED


def test_missing_joints_are_not_drawn(ax):
    valid = torch.ones(22, dtype=torch.bool)
    valid[UIPRMD22.index("left_elbow")] = False
    draw_skeleton(ax, POSE, UIPRMD22, valid=valid)
    assert bones_of(ax)[LEFT, "-"] == 6  # to the shoulder and to the wrist are gone
    assert np.isnan(np.asarray(ax.collections[0].get_offsets().filled(np.nan))).any(1).sum() == 1


def test_the_drawing_copies_and_projects(ax):
    pose = POSE.clone()
    draw_skeleton(ax, pose, UIPRMD22, valid=torch.zeros(22, dtype=torch.bool))
    assert torch.equal(pose, POSE)
    ax.clear()
    draw_skeleton(ax, pose.numpy(), UIPRMD22, axes=(2, 1))
    np.testing.assert_allclose(ax.collections[0].get_offsets(), POSE[:, [2, 1]])


@pytest.mark.parametrize(
    ("pos", "masked", "message"),
    [
        (torch.zeros(21, 3), None, r"expected a pose \[22, C\] of uiprmd22"),
        (torch.zeros(22, 1), None, r"found \[22, 1\]"),
        (torch.zeros(22, 4, 3), None, r"found \[22, 4, 3\]"),
        (torch.zeros(22, 3), torch.zeros(21), r"a mask of 22 joints is not \[21\]"),
    ],
)
def test_shapes_that_do_not_fit(ax, pos, masked, message):
    with pytest.raises(DataError, match=message):
        draw_skeleton(ax, pos, UIPRMD22, masked)


def test_a_body_that_hangs_from_its_nose_has_shoulders_and_hips(ax):
    before = MEDIAPIPE33.edge_index.clone()
    draw_skeleton(ax, torch.randn(33, 2), MEDIAPIPE33)
    assert bones_of(ax)[MIDDLE, "-"] == 2
    assert torch.equal(MEDIAPIPE33.edge_index, before)  # drawn, and no edges of the graph
    crossing = next(line for line in ax.lines if line.get_color() == MIDDLE)
    assert len(crossing.get_xdata()) == 2 * 3


def test_lines_across_the_body_are_drawn_where_the_tree_has_none():
    crossing = {}
    for name, layout in LAYOUTS.items():
        ax = figure.Figure().add_subplot()
        draw_skeleton(ax, torch.randn(layout.num_joints, 2), layout)
        crossing[name] = sum(bones_of(ax).values()) - layout.edge_index.size(1) // 2
    through_the_head = ("coco17", "mediapipe33", "wholebody133")
    assert crossing == {name: 2 * (name in through_the_head) for name in LAYOUTS}
    assert COCO17.extra_edges == ()
