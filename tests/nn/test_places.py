import torch

from pyg_skeletonmae.nn.places import Places


def test_rows_are_the_visible_places_and_go_back_to_them() -> None:
    x, visible = torch.randn(3, 4, 5, 6), torch.rand(3, 4, 5) > 0.5
    places = Places(visible)
    assert torch.equal(places.rows(x), x[visible])
    assert torch.equal(places.tracks(x[visible]), x * visible[..., None])
    assert torch.equal(places.rows(x.transpose(0, 1).contiguous().transpose(0, 1)), x[visible])


def test_nothing_is_visible() -> None:
    places = Places(torch.zeros(2, 3, 4, dtype=torch.bool))
    assert places.rows(torch.ones(2, 3, 4, 5)).shape == (0, 5)
    assert places.tracks(torch.ones(0, 5)).eq(0).all()
