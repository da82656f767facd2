from __future__ import annotations

import io

import numpy as np
import pytest

from fuzz import seeds

h5py = pytest.importorskip("h5py")


def test_edits_and_the_same_content():
    from fuzz import hdf5

    files, *_ = seeds.sleap()
    data = files["a.h5"]
    edited = {hdf5.edit(data, np.random.default_rng(seed)) for seed in range(60)}
    assert len(edited) > 25
    assert hdf5.edit(data[:500], np.random.default_rng(0)) == data[:500]
    same = {hdf5.same(data, np.random.default_rng(seed)) for seed in range(10)}
    assert len(same) > 5
    with h5py.File(io.BytesIO(data)) as wanted:
        for item in same:
            with h5py.File(io.BytesIO(item)) as found:
                for key in ("tracks", "point_scores", "edge_inds"):
                    np.testing.assert_array_equal(found[key][()], wanted[key][()])
                assert list(found["node_names"].asstr()) == list(seeds.STICK.joints)
