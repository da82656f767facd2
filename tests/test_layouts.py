from pyg_skeletonmae import layouts
from pyg_skeletonmae.skeleton import layouts as place


def test_the_old_place_has_the_same_layouts():
    names = [name for name in vars(place) if name.isupper() and not name.startswith("_")]
    assert {"NTU25", "COCO17", "LAYOUTS"} <= set(names)
    assert all(getattr(layouts, name) is getattr(place, name) for name in names)
    assert layouts.get_layout is place.get_layout
