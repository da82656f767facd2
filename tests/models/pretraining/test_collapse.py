import warnings

import pytest
import torch
from torch.nn import functional as F

from pyg_skeletonmae.models.pretraining.collapse import CollapseWatch, mean_pairwise_cosine


def test_mean_pairwise_cosine() -> None:
    x = torch.randn(6, 4)
    cosine = F.cosine_similarity(x[:, None], x[None], dim=-1)
    expected = cosine[~torch.eye(6, dtype=torch.bool)].mean()
    torch.testing.assert_close(mean_pairwise_cosine(x), expected)
    assert mean_pairwise_cosine(x[:1]) == 0
    assert mean_pairwise_cosine(torch.ones(5, 3)).item() == pytest.approx(1.0)


def test_warns_after_a_streak() -> None:
    watch = CollapseWatch(patience=3)
    mask = torch.ones(2, 3, 4, dtype=torch.bool)
    same = torch.ones(2, 3, 4, 5)
    for _ in range(2):
        watch(same, mask)
        watch.check()
    watch(same, mask)
    with pytest.warns(UserWarning, match="collapsed: .* 3 steps"):
        watch.check()


def test_a_single_good_step_ends_the_streak() -> None:
    watch = CollapseWatch(patience=2)
    mask = torch.ones(2, 3, 4, dtype=torch.bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for target in (torch.ones(2, 3, 4, 5), torch.randn(2, 3, 4, 5)) * 2:
            watch(target, mask)
            watch.check()
    assert watch.streak == 0


def test_evaluation_does_not_count() -> None:
    watch = CollapseWatch().eval()
    watch(torch.ones(1, 2, 2, 3), torch.ones(1, 2, 2, dtype=torch.bool))
    assert watch.streak == 0 and not watch.state_dict()
