from __future__ import annotations

import sys
from functools import partial

import pytest
import torch
from speed.rates import PRODUCTS, flops, peak_memory, product_rate
from torch.nn.functional import scaled_dot_product_attention


def test_attention_is_counted():
    tensors = [torch.randn(2, 4, 50, 8, requires_grad=True) for _ in range(3)]
    with torch.no_grad():
        found = flops(partial(scaled_dot_product_attention, *tensors))
    assert found == pytest.approx(2 * 2 * 2 * 4 * 50 * 50 * 8 / 1e9)
    trained = flops(lambda: scaled_dot_product_attention(*tensors).sum().backward())
    assert trained > 2.9 * found


def test_the_rate_is_that_of_all_multiplications_and_sums():
    rows, inner, columns = PRODUCTS["rows x 64 x 64"]
    expected = 2e-9 * rows * inner * columns
    assert product_rate("rows x 64 x 64", 1e3) == pytest.approx(expected)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_that_of_the_step():
    found = peak_memory(lambda: torch.ones(2**25).sum())
    assert 120 < found < 200
