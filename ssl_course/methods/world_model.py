"""A small world model: from the features of two frames and an action foretell the features of the next frame.

David Ha, Jürgen Schmidhuber: World Models. 2018 (encode, learn what actions do, act inside the model). Yann LeCun: A
Path Towards Autonomous Machine Intelligence. 2022 (foretell in the space of features, keep it from collapsing by a
regulariser). The loss is that of Vlad Sobal et al.: Learning from Reward-Free Offline Data: A Case for Planning with
Latent Dynamics Models. 2025 (PLDM): the error of features foretold step after step, and VICReg's variance and
covariance (Bardes et al. 2022, eq. 1 to 4). Gaoyue Zhou et al.: DINO-WM. 2025 does it on features trained before.

Otherwise than in PLDM: one weight for both parts of the regulariser; none of its two further terms (features of
neighbouring frames alike, the action read from two frames); the features of two frames stand for the state; all
networks are tiny. There is no target network and no stop-gradient.
"""

import torch
from torch import Tensor, nn

from ssl_course.frames import MiddleFrame, of_frames
from ssl_course.methods.vicreg import covariance_term, variance_term
from ssl_course.networks import at_least_float32
from ssl_course.parallel import gather


def prediction_error(foretold: Tensor, features: Tensor) -> Tensor:
    """Mean squared difference of what was foretold, (B, T - 2, D), and the features of all T frames, (B, T, D).

    The first two frames aren't foretold. A scalar, in the features' units squared.

    Raises:
        ValueError: if the shapes don't fit.
    """
    count, frames, width = features.shape if features.ndim == 3 else (0, 0, 0)
    if frames < 3 or foretold.shape != (count, frames - 2, width):
        got = f"{tuple(foretold.shape)} and {tuple(features.shape)}"
        raise ValueError(f"foretold must be (B, T - 2, D) for features (B, T, D) of at least 3 frames, got {got}")
    return (foretold - features[:, 2:]).square().mean()


def spread(features: Tensor) -> Tensor:
    """How far the features (B, T, D) are from spreading in all D directions: VICReg's variance and covariance terms.

    Over all frames of the batch as rows. 0 when every direction has a deviation of 1 or more and no two go together;
    about 1 when all are equal.

    Raises:
        ValueError: if there are fewer than two frames in all, which have no variance.
    """
    rows = features.flatten(0, 1)  # (B * T, D)
    if len(rows) < 2:
        raise ValueError("a variance needs at least two frames")
    return variance_term(rows) + covariance_term(rows)


class WorldModel(nn.Module):
    """An encoder of frames and a network that says what an action does to its features.

    Args:
        frame_encoder: maps frames (B, 3, H, W) in [0, 1] to (B, frame_encoder.dim).
        actions: how many there are.
        width: of the features that are foretold.
        hidden: width of the predictor's two hidden layers.
        regulariser: weight of `spread`; 0 lets the features collapse.

    Raises:
        ValueError: if the weight is negative, or a number of actions or widths isn't positive.
    """

    uses_labels, labels_are = True, "actions (train on pushed.Pushed)"

    def __init__(
        self,
        frame_encoder: nn.Module,
        *,
        actions: int = 5,
        width: int = 16,
        hidden: int = 128,
        regulariser: float = 1.0,
    ):
        super().__init__()
        if not regulariser >= 0:
            raise ValueError(f"regulariser is a weight and can't be negative, got {regulariser}")
        if min(actions, width, hidden) < 1:
            raise ValueError(f"actions, width and hidden must be positive, got {actions}, {width} and {hidden}")
        self.encoder = MiddleFrame(frame_encoder)  # takes films, as training and its watch have them
        self.head = nn.Linear(frame_encoder.dim, width)
        self.action = nn.Embedding(actions, width)
        layers = [nn.Linear(3 * width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
        self.predictor = nn.Sequential(*layers, nn.Linear(hidden, width))
        self.regulariser = regulariser

    def features(self, films: Tensor) -> Tensor:
        """Of every frame: (B, T, 3, H, W) in [0, 1] -> (B, T, D)."""
        return at_least_float32(self.head(of_frames(self.encoder.frame_encoder, films)))

    def step(self, before: Tensor, now: Tensor, action: Tensor) -> Tensor:
        """The next frame's features, (B, D), from those of two frames, (B, D) each, and the actions (B,)."""
        return now + self.predictor(torch.cat([before, now, self.action(action)], dim=1))

    def imagine(self, before: Tensor, now: Tensor, actions: Tensor) -> Tensor:
        """Step after step, each from what was foretold before: (B, D) twice and actions (B, K) -> (B, K, D)."""
        foretold = []
        for action in actions.unbind(dim=1):
            before, now = now, self.step(before, now, action)
            foretold.append(now)
        return torch.stack(foretold, dim=1)

    def views(self, films: Tensor) -> tuple[Tensor]:
        return (films,)

    def forward(self, films: Tensor, actions: Tensor) -> Tensor:
        if films.ndim != 5 or films.shape[1] < 3 or actions.shape != (len(films), films.shape[1] - 1):
            got = f"{tuple(films.shape)} and {tuple(actions.shape)}"
            raise ValueError(f"films must be (B, T, C, H, W) with T at least 3, actions (B, T - 1), got {got}")
        h = self.features(films)  # (B, T, D)
        foretold = self.imagine(h[:, 0], h[:, 1], actions[:, 1:])  # (B, T - 2, D); the first action is past
        with torch.autocast(films.device.type, enabled=False):
            h, foretold = gather(h), gather(at_least_float32(foretold))
            return prediction_error(foretold, h) + self.regulariser * spread(h)
