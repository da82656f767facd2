from pathlib import Path

import numpy as np

from pyg_skeletonmae.io.bvh_parser import Channel, parse_bvh

TEXT = """hierarchy
root hip {
  offset 0 0 0.5
  channels 2 Yposition xROTATION
  joint knee { offset 0 -1e0 0
    channels 0
  }
  end site { offset +.5 2. 0 }
}
motion
frames:2
FRAME  TIME: .5
1 2
3\t4
"""


def test_the_text_is_read_as_it_stands(tmp_path: Path):
    for newline, start in (("\n", ""), ("\r\n", ""), ("\n", "\ufeff")):
        path = tmp_path / "hip.bvh"
        path.write_bytes(start.encode() + TEXT.replace("\n", newline).encode())
        motion = parse_bvh(path)
        assert [joint.name for joint in motion.joints] == ["hip", "knee", "hip_End"]
        assert [joint.parent for joint in motion.joints] == [-1, 0, 0]
        assert [joint.is_end for joint in motion.joints] == [False, False, True]
        assert [joint.offset for joint in motion.joints] == [[0, 0, 0.5], [0, -1, 0], [0.5, 2, 0]]
        assert motion.joints[0].channels == [Channel(1, False), Channel(0, True)]
        assert motion.frame_time == 0.5
        np.testing.assert_array_equal(motion.values, [[1, 2], [3, 4]])
