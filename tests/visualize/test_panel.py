from __future__ import annotations

import numpy as np
import pytest
import torch

from pyg_skeletonmae.errors import DataError
from pyg_skeletonmae.layouts import COCO17, UIPRMD22
from pyg_skeletonmae.visualize import Panel

CLIP = torch.randn(17, 6, 2, generator=torch.Generator().manual_seed(0))


def test_persons_of_an_image_stand_upright():
    pose = CLIP.clone()
    pose[COCO17.index("nose"), :, 1] -= 50  # rows of an image count downwards
    panel = Panel(pose, COCO17)
    assert panel.up == "y down" and panel.pos.shape == (1, 17, 6, 2)
    np.testing.assert_allclose(panel.pos[0, ..., 1], -pose[..., 1])
    assert Panel(pose, COCO17, up="y up").pos[0, 0, 0, 1] < -40
    assert repr(panel) == "Panel(coco17, persons=1, frames=6, up='y down')"


def test_what_is_not_finite_is_missing():
    pose = CLIP.clone()
    pose[3, 2] = torch.nan
    pose[4, 1, 0] = torch.inf
    valid = torch.ones(17, 6, dtype=torch.bool)
    valid[5, 0] = False
    panel = Panel(pose, COCO17, valid=valid)
    assert sorted(zip(*np.nonzero(~panel.valid[0]), strict=True)) == [(3, 2), (4, 1), (5, 0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos": CLIP[:16]}, r"expected a track \[17, T, C\] of coco17, found \[16, 6, 2\]"),
        ({"pos": CLIP[..., :1]}, "two or three coordinates"),
        ({"pos": CLIP[None, None]}, r"expected a track \[17, T, C\]"),
        ({"pos": CLIP[:, :0]}, r"expected a track \[17, T, C\]"),
        ({"weight": CLIP[:, :3, 0]}, r"weight: expected \[17, 6\], found \[17, 3\]"),
    ],
)
def test_shapes_that_do_not_fit(change, message):
    with pytest.raises(DataError, match=message):
        Panel(**({"pos": CLIP, "skeleton": COCO17} | change))


def test_weights_are_drawn():
    pytest.importorskip("matplotlib")
    from pyg_skeletonmae.visualize.charts import new_figure

    weight = torch.zeros(22, 3)
    weight[4] = 1.0
    ax = new_figure(2, 2).add_subplot()
    Panel(torch.randn(22, 3, 3), UIPRMD22, weight=weight).draw(ax, 0)
    sizes = ax.collections[0].get_sizes()
    assert sizes.argmax() == 4 and sizes[4] > 2 * sizes[0]
