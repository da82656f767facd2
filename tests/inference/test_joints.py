from __future__ import annotations

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonError
from pyg_skeletonmae.inference.joints import JointMap
from pyg_skeletonmae.layouts import COCO17, HAND21, MEDIAPIPE33, NTU25


def test_joints_go_by_their_names():
    pos = np.arange(2 * 4 * 33 * 3, dtype=np.float32).reshape(2, 4, 33, 3)
    valid = np.ones((2, 4, 33), bool)
    valid[0, 1, MEDIAPIPE33.index("left_knee")] = False
    fit = JointMap(MEDIAPIPE33, COCO17)
    got, there = fit(pos, valid)
    assert got.shape == (2, 4, 17, 3) and repr(fit) == "JointMap(mediapipe33, coco17)"
    knee = COCO17.index("left_knee")
    assert not there[0, 1, knee] and there.sum() == there.size - 1 and not got[0, 1, knee].any()
    nose = MEDIAPIPE33.index("nose")
    assert np.array_equal(got[:, :, COCO17.index("nose")], pos[:, :, nose])


def test_the_same_joints_are_not_copied():
    pos, valid = np.zeros((1, 2, 17, 3), np.float32), np.ones((1, 2, 17), bool)
    assert JointMap(COCO17, COCO17)(pos, valid)[0] is pos
    other = COCO17.subset(COCO17.joints[1:])
    with pytest.raises(SkeletonError, match=r"lacks 1 of the 17"):
        JointMap(other, COCO17)


def test_joints_that_lack_are_named_and_refused_unless_they_may_be_missing():
    with pytest.raises(
        SkeletonError, match=r"lacks 5 of the 17 joints of coco17.*: nose, left_eye"
    ):
        JointMap(NTU25, COCO17)
    fit = JointMap(NTU25, COCO17, partial=True)
    _, there = fit(np.ones((1, 1, 25, 3), np.float32), np.ones((1, 1, 25), bool))
    assert there.sum() == 12 and len(fit.lacking) == 5
    assert repr(fit) == "JointMap(ntu25, coco17, lacking=5)"


def test_another_body_is_refused_always():
    for partial in (False, True):
        with pytest.raises(SkeletonError, match=r"none of the joints.*skeleton="):
            JointMap(HAND21, NTU25.subset(["pelvis", "left_knee", "spine"]), partial)
