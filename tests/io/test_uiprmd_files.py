from pyg_skeletonmae.io.uiprmd_files import all_paths, relative_paths


def test_names():
    assert relative_paths(3, 1, 10, False) == (
        "Incorrect Segmented Movements/Kinect/Positions/m03_s01_e10_positions_inc.txt",
        "Incorrect Segmented Movements/Kinect/Angles/m03_s01_e10_angles_inc.txt",
    )
    assert len(set(all_paths())) == 4000
