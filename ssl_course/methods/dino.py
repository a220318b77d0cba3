"""DINO: a student that sees a part of a picture names it as its own slow copy, the teacher, names the whole.

Mathilde Caron, Hugo Touvron, Ishan Misra, Hervé Jégou, Julien Mairal, Piotr Bojanowski, Armand Joulin: Emerging
Properties in Self-Supervised Vision Transformers. ICCV 2021. The loss is equation 3, the centre equation 4; head, crops
and the schedule of the moving average are those of section 3.1, entropy and KL those of section 5.3.

Otherwise than in the paper: a small picture is a window cut out of one more view, not a crop that is enlarged; places
are counted from its own corner (there they are stretched); the teacher's temperature, the weight decay and the last
layer are as they are from the first step on (there they rise, rise, and wait); the decay starts lower, since runs are
short; the head is smaller and has batch norm between its layers, with hundreds of prototypes (there 65,536, and no norm
for transformers); features are the mean over patches, not a class token's, and the student's are kept (there the
teacher's, which are better all through training).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.methods.byol import decay_at
from ssl_course.networks import MovingAverage, at_least_float32, projection_head
from ssl_course.parallel import gather


def named(scores: Tensor, centre: Tensor | float, temperature: float) -> Tensor:
    """The shares (…, K) that a network gives each prototype: its scores less the centre, sharpened (eq. 1)."""
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    return ((at_least_float32(scores) - centre) / temperature).softmax(dim=-1)


def dino_loss(
    student: Tensor,
    teacher: Tensor,
    centre: Tensor | float = 0.0,
    *,
    temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    """Cross-entropy of what the student says of a view with what the teacher says of another one (eq. 3).

    Args:
        student: scores (V, B, K) of all views, those that the teacher sees first.
        teacher: scores (G, B, K) of the first G views. Detach them yourself: this function doesn't.
        centre: (K,), taken from the teacher's scores; 0 takes nothing.
        temperature, teacher_temperature: positive; the teacher's is lower, which sharpens.

    Returns:
        Scalar, in nats: the mean over images and all pairs of different views; log(K) where everything is uniform.

    Raises:
        ValueError: if the shapes don't fit, there is no pair of different views, or a temperature isn't positive.
    """
    if student.ndim != 3 or teacher.shape[1:] != student.shape[1:] or not len(teacher) <= len(student) > 1:
        got = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ValueError(f"student must be (V, B, K) and teacher (G, B, K), V at least 2 and G, got {got}")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    with torch.autocast(student.device.type, enabled=False):
        targets = named(teacher, centre, teacher_temperature)  # (G, B, K)
        logs = (at_least_float32(student) / temperature).log_softmax(dim=-1)  # (V, B, K)
        crossed = -torch.einsum("gbk,vbk->gv", targets, logs) / student.shape[1]  # (G, V)
        same = torch.eye(*crossed.shape, device=crossed.device, dtype=torch.bool)  # a view doesn't teach itself
        return crossed.masked_fill(same, 0).sum() / (crossed.numel() - len(crossed))


def entropies(shares: Tensor) -> dict[str, float]:
    """What tells the two collapses from learning, of a teacher's shares (N, K) of N images; all in nats.

    Returns:
        `entropy`, the mean of the single images' (section 5.3): log(K) if each is uniform, 0 if each is one-hot;
        `of_mean`, of all images' mean: low if all are given the same prototype, at most log(K). What an image's
        shares tell of it is the second less the first: 0 in both collapses.
    """
    mean = shares.mean(dim=0)
    entropy = torch.special.entr(shares).sum(dim=1).mean()
    return {"entropy": float(entropy), "of_mean": float(torch.special.entr(mean).sum())}


def windows(images: Tensor, height: int, width: int) -> Tensor:
    """A window (B, C, height, width) of each image, at a random place."""
    spare = torch.rand(len(images), 2, device=images.device)
    top = (spare[:, 0] * (images.shape[2] - height + 1)).long()
    left = (spare[:, 1] * (images.shape[3] - width + 1)).long()
    rows = top[:, None] + torch.arange(height, device=images.device)  # (B, height)
    columns = left[:, None] + torch.arange(width, device=images.device)
    rows = rows[:, None, :, None].expand(-1, images.shape[1], -1, images.shape[3])
    columns = columns[:, None, None, :].expand(-1, images.shape[1], height, -1)
    return images.gather(2, rows).gather(3, columns)


class PrototypeHead(nn.Module):
    """Features (…, inputs) -> scores (…, prototypes), the cosines of a narrow vector with each prototype."""

    def __init__(self, inputs: int, *, hidden: int, bottleneck: int, prototypes: int):
        super().__init__()
        self.narrow = projection_head(inputs, hidden, bottleneck, layers=3)
        self.prototypes = nn.Parameter(torch.randn(prototypes, bottleneck))

    def forward(self, h: Tensor) -> Tensor:
        return F.normalize(self.narrow(h), dim=-1) @ F.normalize(self.prototypes, dim=-1).T


class DINO(nn.Module):
    """Student (encoder and head), teacher (its moving average), and a centre (the moving average of what it says).

    Args:
        encoder: what is kept; a `VisionTransformer`, or any that takes pictures of several sizes.
        local: how many small pictures of every image the student sees beside the two large ones.
        share: of a picture's height and width that a small one has, in whole patches.
        temperature, teacher_temperature: of the loss; both alike is without sharpening.
        centring: whether the centre is taken from what the teacher says.
        decay: of the teacher at the start, from where it rises to 1; with 0 the teacher is a copy of the student.
        centre_decay: of the centre.
        hidden, bottleneck, prototypes: widths of the head.
        augment: makes one random view of a batch; default `Augment()`.

    Raises:
        ValueError: if an option is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        local: int = 4,
        share: float = 0.6,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        centring: bool = True,
        decay: float = 0.99,
        centre_decay: float = 0.9,
        hidden: int = 256,
        bottleneck: int = 64,
        prototypes: int = 256,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if local < 0 or not 0 < share <= 1:
            raise ValueError(f"local can't be negative and share must be in (0, 1], got {local} and {share}")
        if not (temperature > 0 and teacher_temperature > 0):
            raise ValueError(f"both temperatures must be positive, got {temperature} and {teacher_temperature}")
        if not 0 <= centre_decay <= 1:
            raise ValueError(f"centre_decay must be in [0, 1], got {centre_decay}")
        self.encoder, self.local, self.share = encoder, local, share
        self.temperature, self.teacher_temperature = temperature, teacher_temperature
        self.centring, self.centre_decay = centring, centre_decay
        self.head = PrototypeHead(encoder.dim, hidden=hidden, bottleneck=bottleneck, prototypes=prototypes)
        self.augment = augment if augment is not None else Augment()
        self.target = MovingAverage(nn.Sequential(self.encoder, self.head), decay)
        self.register_buffer("centre", torch.zeros(prototypes))
        self._mean: Tensor | None = None

    def views(self, images: Tensor) -> tuple[Tensor, ...]:
        """Two views of every image, (B, 3, H, W), and `local` small ones."""
        step = getattr(self.encoder, "patch", 4)
        small = (max(1, round(self.share * side / step)) * step for side in images.shape[2:])
        height, width = small
        large = [self.augment(images) for _ in range(2)]
        return (*large, *(windows(self.augment(images), height, width) for _ in range(self.local)))

    def features(self, *views: Tensor) -> Tensor:
        """What the student's encoder makes of all views, (V, B, D); pictures of one size pass in one batch."""
        h = [self.encoder(torch.cat(part)) for part in (views[:2], views[2:]) if part]
        return torch.cat(h).unflatten(0, (len(views), -1))

    def scores(self, *views: Tensor) -> tuple[Tensor, Tensor]:
        """What student (V, B, K) and teacher (2, B, K) say."""
        student = self.head(self.features(*views).flatten(0, 1)).unflatten(0, (len(views), -1))
        return student, self.target(torch.cat(views[:2])).unflatten(0, (2, -1))

    def forward(self, *views: Tensor) -> Tensor:
        student, teacher = self.scores(*views)
        mean = at_least_float32(teacher).mean(dim=(0, 1)).unsqueeze(0)
        self._mean = gather(mean).mean(dim=0)  # (K,), of the whole batch
        temperatures = {"temperature": self.temperature, "teacher_temperature": self.teacher_temperature}
        return dino_loss(student, teacher, self.centre, **temperatures)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """The teacher follows the student, and the centre what the teacher said (eq. 4)."""
        if self._mean is None:
            raise RuntimeError("after_step comes after a forward pass: the teacher has said nothing yet")
        decay = decay_at(progress, self.target.decay) if self.target.decay > 0 else 0.0
        self.target.update(nn.Sequential(self.encoder, self.head), decay)
        if self.centring:
            self.centre.lerp_(self._mean.to(self.centre.dtype), 1 - self.centre_decay)

    @torch.no_grad()
    def measure(self, images: Tensor, seed: int = 0) -> dict[str, float]:
        """`entropies` of the teacher on a batch, and `kl`: how far from it the student is on another view, in nats."""
        training, device = self.training, [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices=device):
            torch.manual_seed(seed)
            student, teacher = self.eval().scores(*self.views(images)[:2])
        self.train(training)
        shares = named(teacher, self.centre, self.teacher_temperature)  # (2, B, K)
        options = {"temperature": self.temperature, "teacher_temperature": self.teacher_temperature}
        told = entropies(shares.flatten(0, 1))
        return told | {"kl": float(dino_loss(student, teacher, self.centre, **options)) - told["entropy"]}
