"""Surprise: how far the next frame is from what a small network expected of it, in the space of features.

Learning a predictor in feature space from what usually happens, and reading surprise off its error, is how tests of
intuitive physics are scored: Riochet et al. 2018, IntPhys; the pairs of a possible and an impossible event come from
studies of infants (Baillargeon, Spelke & Wasserman 1985, Object Permanence in Five-Month-Old Infants).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NextFrame(nn.Module):
    """From the features of some frames to those of the next: (B, past, D) -> (B, D).

    It works on features scaled to mean 0 and deviation 1, and says how the thing moved on: what it adds to the last.

    Args:
        features: of ordinary clips, (N, T, D), which say how to scale.
        past: how many frames it sees; from one alone no motion can be known.
        hidden: width of its two hidden layers.
    """

    def __init__(self, features: Tensor, *, past: int = 3, hidden: int = 128):
        super().__init__()
        check_windows(features, past)
        self.past, width = past, features.shape[2]
        self.register_buffer("mean", features.mean(dim=(0, 1)))
        self.register_buffer("deviation", features.std(dim=(0, 1)) + 1e-6)
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(past * width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.out = nn.Linear(hidden, width)

    def scaled(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.deviation

    def forward(self, seen: Tensor) -> Tensor:
        """The next frame's features, scaled."""
        seen = self.scaled(seen)
        return seen[:, -1] + self.out(self.layers(seen))

    def errors(self, features: Tensor) -> Tensor:
        """The mean squared error of every frame after the first `past`: (N, T, D) -> (N, T - past)."""
        seen, following = windows(features, self.past)
        expected = self(seen.flatten(0, 1)).unflatten(0, seen.shape[:2])  # (N, T - past, D)
        return (expected - self.scaled(following)).square().mean(dim=2)


def windows(features: Tensor, past: int) -> tuple[Tensor, Tensor]:
    """What comes before each frame, and the frame: (N, T, D) -> (N, T - past, past, D) and (N, T - past, D).

    Raises:
        ValueError: if past is below 1, or no frame is left.
    """
    check_windows(features, past)
    return features.unfold(1, past, 1)[:, :-1].transpose(2, 3), features[:, past:]


def check_windows(features: Tensor, past: int) -> None:
    """ValueError if features aren't (N, T, D), or not `past` and one more frames of each clip."""
    if features.ndim != 3 or not 1 <= past < features.shape[1]:
        got = f"{past} for features {tuple(features.shape)}"
        raise ValueError(f"past must be from 1 to one less than the frames of (N, T, D), got {got}")


def fit(features: Tensor, *, past: int = 3, steps: int = 600, lr: float = 3e-3, seed: int = 0) -> NextFrame:
    """A predictor trained on the features (N, T, D) of ordinary clips, by Adam on 512 random windows a step."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        predictor = NextFrame(features, past=past)
        seen, following = (part.flatten(0, 1) for part in windows(features, past))
        optimizer = torch.optim.Adam(predictor.parameters(), lr=lr)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
            chosen = torch.randint(len(seen), (512,))
            loss = F.mse_loss(predictor(seen[chosen]), predictor.scaled(following[chosen]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return predictor.eval()


@torch.no_grad()
def surprise(predictor: NextFrame, features: Tensor) -> Tensor:
    """How surprising every frame is: (N, T, D) -> (N, T), 0 for the first `past` frames, of which nothing was expected.

    The root of the mean squared error over the features, in their deviations.
    """
    return F.pad(predictor.errors(features).sqrt(), (predictor.past, 0))
