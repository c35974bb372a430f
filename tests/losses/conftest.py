"""Torch on one thread: the machine is shared, and sums come out the same everywhere."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
