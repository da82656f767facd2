import csv

import numpy as np
import pytest

from pyg_skeletonmae.errors import SkeletonFormatError
from pyg_skeletonmae.io.poses import PoseOptions
from pyg_skeletonmae.io.trc import read_trc
from pyg_skeletonmae.skeleton import Skeleton

LEG = Skeleton.from_parents("leg", ["hip", "foot"], [-1, 0], aliases={"R.Heel": "foot"})
TEXT = """PathFileType\t4\t(X/Y/Z)\ttrial.trc
DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames
120.00\t120.00\t3\t3\tmm\t120.00\t1\t3
Frame#\tTime\tR.Heel\t\t\tC7\t\t\thip\t\t
\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3

1\t0.000\t1.5\t2\t-3e1\t4\t5\t6\t7\t8\t9\t
2\t0.008\t\t\t\t4\t5\t6\t7\t8\t9
3\t0.017\t1\t2\t3\t4\t5\t6\tNaN\tNaN\tNaN
"""


def test_markers_are_joints_by_name(tmp_path):
    path = tmp_path / "a.trc"
    for text in (TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.replace("\tNaN" * 3, "")):
        path.write_bytes(text.encode())
        tracks = read_trc(path, LEG)
        assert repr(tracks) == "PoseTracks(leg, tracks=1, frames=3, channels=3, fps=120.0)"
        rows = list(csv.reader(TEXT.splitlines()[6:], delimiter="\t"))
        cells = np.array([[float(c or "nan") for c in row[2:11]] for row in rows])
        wanted = cells.reshape(3, 3, 3)[:, [2, 0]].astype(np.float32)
        np.testing.assert_array_equal(tracks.valid[0], ~np.isnan(wanted[..., 0]))
        np.testing.assert_array_equal(tracks.pos[0], np.nan_to_num(wanted))
        assert tracks.notes == ("in mm", "markers left out: C7")
    assert read_trc(path, LEG, PoseOptions(fps=100)).fps == 100


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PathFileType", "Path", "of a TRC file"),
        ("Frame#", "Frame", "line 4: expected 'Frame#', 'Time'"),
        ("\t3\t3\tmm", "\t3\t4\tmm", "line 4: expected the 4 markers of line 3"),
        ("\t3\t3\tmm", "\t2\t3\tmm", "the 2 frames of line 3, found 3"),
        ("120.00\t", "0\t", "a DataRate above 0"),
        ("120.00\t", "fast\t", "a DataRate above 0, found 'fast'"),
        ("Z2", "A2", "X, Y and Z of every marker"),
        ("hip", "knee", "the joint 'hip' .* only R.Heel, C7, knee"),
        ("C7", "hip", "'hip' twice"),
        ("\t9\t\n", "\t9\t9\n", "line 7: expected 11 numbers"),
        ("1.5", "1_5", "line 7: expected 11 numbers"),
        ("1.5", "inf", "line 7"),
        ("1.5", "1e39", "float32"),
        ("1.5", "", "all coordinates or none"),
        ("2\t0.008", "5\t0.008", "numbers that grow by one"),
        ("mm", "\xff", "UTF-8"),
    ],
)
def test_damage_is_refused(tmp_path, old: str, new: str, message: str):
    assert old in TEXT
    (tmp_path / "a.trc").write_bytes(TEXT.replace(old, new, 1).encode("latin-1"))
    with pytest.raises(SkeletonFormatError, match=message) as caught:
        read_trc(tmp_path / "a.trc", LEG)
    assert "\n" not in str(caught.value)
