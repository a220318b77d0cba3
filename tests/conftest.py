import matplotlib
import pytest
import torch

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
