import matplotlib
import pytest
import torch

matplotlib.use("agg")
torch.set_num_threads(1)  # small tensors: a second thread costs more than it brings


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
