import os

import matplotlib
import pytest
import torch

matplotlib.use("agg")
os.environ["SSL_COURSE_THREADS"] = "1"  # small tensors: a second thread costs more than it brings
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
