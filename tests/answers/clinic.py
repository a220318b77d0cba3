"""The clinic's programs are those of the notebook's source, which holds them broken and mended.

Beside them stand mends that are right and written oddly, and mends that print plausible numbers and are wrong.
"""

import copy
import dataclasses
import functools
import re
from pathlib import Path

import nbformat
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

from ssl_course.methods.simclr import nt_xent

SOURCE = Path(__file__).parent.parent.parent / "exercises" / "source" / "clinic_find_the_bug.ipynb"
PROGRAM_NAMES = (
    "contrastive classification triplet margin unseen seen cropping probe schedule byol workers accumulation average "
    "softmax projection rare threshold scaler mask padding negatives shuffled captions "
    "distillation prototypes prediction"
)


def definitions():
    """All functions and classes of the notebook, without the cells that run or check them."""
    namespace = {"__name__": "clinic"}
    for cell in nbformat.read(SOURCE, as_version=4).cells:
        if cell.cell_type == "code" and re.search(r"^(def|class|import|from|STEADY) ", cell.source, re.MULTILINE):
            source = "\n".join(line for line in cell.source.split("\n") if not line.startswith("_ = "))
            exec(source, namespace)
    namespace["show"] = lambda losses: None
    namespace["print"] = lambda *words: None
    return namespace


NOTEBOOK = definitions()
PROGRAMS = {
    name: (NOTEBOOK[name], NOTEBOOK[f"symptom_{number}"], NOTEBOOK[f"{name}_mended"])
    for number, name in enumerate(PROGRAM_NAMES.split(), start=1)
}
head, draw, view, pretrain = (NOTEBOOK[name] for name in ("head", "draw", "view", "pretrain"))


SOURCES = {
    name: cell.source
    for cell in nbformat.read(SOURCE, as_version=4).cells
    for name in re.findall(r"^def (\w+)", cell.source, re.MULTILINE)
}
SOURCES = {name: "\n".join(line for line in text.split("\n") if line[:4] != "_ = ") for name, text in SOURCES.items()}


def again(program):
    """The same program by another name, which is run only once: it gives copies of its result."""
    kept = []

    def wrapped():
        kept[:] = kept or [program()]
        return copy.deepcopy(kept[0])

    return wrapped


def changed(name, *replacements, **names):
    """A program of the notebook with pieces of its source replaced, and other names that it may use."""
    namespace = NOTEBOOK | names
    source = SOURCES[name]
    for old, new in replacements:
        assert old in source, old
        source = source.replace(old, new)
    exec(source, namespace)
    return namespace[name]


def run(name, result):
    """A program that does what the mended one does, and returns something else made of its result."""
    return lambda: result(*MENDED[name]())


@functools.cache
def value_of_the_broken(name):
    return float(PROGRAMS[name][1](*BROKEN[name]()))


BROKEN = {name: again(program) for name, (program, _, _) in PROGRAMS.items()}
MENDED = {name: again(mended) for name, (_, _, mended) in PROGRAMS.items()}
RIGHT, WRONG = {}, {}
for name, (program, symptom, mended) in PROGRAMS.items():
    broken, well = BROKEN[name], MENDED[name]
    off = lambda *result, symptom=symptom: 2 * float(symptom(*result)) + 1  # noqa: E731
    RIGHT[f"clinic.{name}_symptom"] = [
        (program, symptom),
        (lambda broken=broken: broken(), symptom),
        (broken, lambda *result, symptom=symptom: torch.tensor(symptom(*result))),
    ]
    RIGHT[f"clinic.{name}_mended"] = [mended, well, lambda well=well: well()]
    WRONG[f"clinic.{name}_symptom"] = [
        ("compare with what is asked", (broken, off)),
        ("compare with what is asked", (broken, lambda *result: float("nan"))),
        ("has it been changed", (well, symptom)),
        ("must return a number", (broken, lambda *result: None)),
        ("hand over the program", program),
        ("of a healthy one", (broken, lambda *result, name=name: value_of_the_broken(name))),
    ]
    WRONG[f"clinic.{name}_mended"] = [
        ("the symptom is still there", broken),
        ("returns nothing", lambda: None),
        ("must return the same things", lambda: ({}, "loss", 1, 2)),
        ("it stops with KeyError", lambda: {}["loss"]),
    ]
for name, words in {"columns": "special about this matrix", "byol_too": "target's .grad"}.items():
    RIGHT[f"clinic.{name}"] = ["right", "Right", " right "]
    WRONG[f"clinic.{name}"] = [(words, "wrong")]


# --- 1 and 2: losses


def masked(scores):
    return scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), float("-inf"))


def partners(z):
    return torch.arange(len(z)).roll(len(z) // 2)


def cosines(z1, z2):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return z @ z.T / 0.2


def in_a_loop(z1, z2):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    losses = []
    for row, partner in enumerate(partners(z).tolist()):
        others = [other for other in range(len(z)) if other != row]
        losses.append(F.cross_entropy(z[others] @ z[row] / 0.2, torch.tensor(others.index(partner))))
    return sum(losses) / len(losses)


def interleaved_twice(z1, z2):
    z = torch.stack([z1, z2], dim=1).flatten(0, 1)
    z = z / z.norm(dim=1, keepdim=True)
    return F.cross_entropy(masked(z @ z.T / 0.2), torch.arange(len(z)) ^ 1)


def of_shares(z1, z2):
    scores = cosines(z1, z2).exp() * (1 - torch.eye(2 * len(z1)))
    return -(scores[torch.arange(len(scores)), partners(scores)] / scores.sum(dim=1)).log().mean()


def large_minus(z1, z2):
    scores = cosines(z1, z2) - 1e9 * torch.eye(2 * len(z1))
    return F.cross_entropy(scores, partners(scores), reduction="sum")


def one_way(z1, z2):
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.2
    return F.cross_entropy(logits, torch.arange(len(z1)))


def both_ways(z1, z2):
    return (one_way(z1, z2) + one_way(z2, z1)) / 2


RIGHT_LOSSES = [
    lambda z1, z2: nt_xent(z1, z2, 0.2),
    lambda z1, z2: nt_xent(z2, z1, temperature=0.2),
    interleaved_twice,
    of_shares,
    large_minus,
    one_way,
    both_ways,
]


def spoiled(scores=cosines, mask=masked, last=lambda logits: logits):
    def objective(z1, z2):
        logits = last(mask(scores(z1, z2)))
        return F.cross_entropy(logits, partners(logits))

    return objective


def lengthy(z1, z2):
    z = torch.cat([z1, z2])
    return z @ z.T / 0.2


def by_columns(z1, z2):
    z = F.normalize(torch.cat([z1, z2]), dim=0)
    return z @ z.T / 0.2


SPOILED_LOSSES = [
    ("still its own candidate", spoiled(mask=lambda scores: scores)),
    ("set to 0", spoiled(mask=lambda scores: scores * (1 - torch.eye(len(scores))))),
    ("aren't brought to length 1", spoiled(scores=lengthy)),
    ("aren't brought to length 1", lambda z1, z2: F.cross_entropy(z1 @ z2.T / 0.2, torch.arange(len(z1)))),
    ("down the columns", spoiled(scores=by_columns)),
    ("taken twice", spoiled(last=lambda logits: logits.softmax(dim=1))),
    ("temperature isn't 0.2", lambda z1, z2: nt_xent(z1, z2, 0.5)),
    ("the loss is another one", lambda z1, z2: 0.9 * nt_xent(z1, z2, 0.2)),
    ("the symptom is still there", lambda z1, z2: 1 - F.cosine_similarity(z1, z2).mean()),
    ("the symptom is still there", lambda z1, z2: (F.normalize(z1, dim=1) - F.normalize(z2, dim=1)).square().mean()),
    ("the symptom is still there", lambda z1, z2: nt_xent(z1, z2.roll(1, dims=0), 0.2)),
    ("the symptom is still there", lambda z1, z2: nt_xent(z1.detach(), z2.detach(), 0.2) + 0 * z1.sum()),
]
for name in ("contrastive", "classification"):
    RIGHT[f"clinic.{name}_mended"] += [lambda loss=loss: pretrain(loss) for loss in RIGHT_LOSSES]
    WRONG[f"clinic.{name}_mended"] += [(words, lambda loss=loss: pretrain(loss)) for words, loss in SPOILED_LOSSES]
    WRONG[f"clinic.{name}_mended"] += [
        ("the symptom is still there", lambda: (RIGHT_LOSSES[0], head(), draw())),
        ("the symptom is still there", lambda name=name: (RIGHT_LOSSES[0], *BROKEN[name]()[1:])),
    ]
RIGHT["clinic.contrastive_mended"] += [lambda: pretrain(in_a_loop, steps=100)]
contrastive = BROKEN["contrastive"]


def alike(step):
    """Partners above strangers, with another choice of strangers."""

    def ruler(objective, net, data):
        torch.manual_seed(1)
        z1, z2 = net(view(data)), net(view(data))
        return (F.cosine_similarity(z1, z2) - F.cosine_similarity(z1, z2.roll(step, dims=0))).mean()

    return ruler


def above_all(objective, net, data):
    torch.manual_seed(1)
    z1, z2 = (F.normalize(net(view(data)), dim=1) for _ in range(2))
    table = z1 @ z2.T
    strangers = table[~torch.eye(len(table), dtype=torch.bool)]
    return table.diagonal().mean() - strangers.mean()


RIGHT["clinic.contrastive_symptom"] += [(contrastive, alike(-1)), (contrastive, alike(1)), (contrastive, above_all)]
WRONG["clinic.contrastive_symptom"] += [
    ("of a healthy one", (contrastive, lambda *result: 0.0)),
    ("of a healthy one", (contrastive, lambda objective, net, data: alike(-1)(objective, net, data) ** 2)),
    ("compare with what is asked", (contrastive, lambda objective, net, data: alike(128)(objective, net, data) + 0.1)),
    (
        "compare with what is asked",
        (contrastive, lambda o, net, data: F.cosine_similarity(net(view(data)), net(view(data))).mean()),
    ),
]


# --- 3: triplets


def triplets(loss):
    """The notebook's training with a loss of (near, far, margin), squared distances."""

    class Loss(NOTEBOOK["TripletLoss"]):
        def forward(self, anchor, positive, negative):
            near, far = ((anchor - other).square().sum(dim=1) for other in (positive, negative))
            return loss(near, far, self.margin)

    return lambda: NOTEBOOK["triplet"](Loss)


RIGHT["clinic.triplet_mended"] += [
    lambda: NOTEBOOK["triplet"](lambda: nn.TripletMarginLoss(margin=1.0)),
    triplets(lambda near, far, margin: (near.sqrt() - far.sqrt() + margin).clamp(min=0).mean()),
    triplets(lambda near, far, margin: torch.relu(near - far + margin).sum() / 64),
    triplets(lambda near, far, margin: torch.where(far > near + margin, 0, near + margin - far).mean()),
    triplets(lambda near, far, margin: F.softplus(4 * (near - far + margin)).mean()),
    triplets(lambda near, far, margin: F.margin_ranking_loss(far, near, torch.ones(len(far)), margin=margin)),
]
WRONG["clinic.triplet_mended"] += [
    ("wrong way round", triplets(lambda near, far, margin: F.relu(far - near + margin).mean())),
    ("must cost nothing", triplets(lambda near, far, margin: (near - far + margin).mean())),
    ("must cost nothing", triplets(lambda near, far, margin: (near - far + margin).abs().mean())),
    ("where is the margin", triplets(lambda near, far, margin: F.relu(near - far).mean())),
    ("where is the margin", triplets(lambda near, far, margin: F.relu(near - far - margin).mean())),
    ("still there", triplets(lambda near, far, margin: F.relu(near.sum() - far.sum() + 64 * margin) / 64)),
    ("wrong way round", triplets(lambda near, far, margin: (near + far).mean())),
    ("still there", lambda: (NOTEBOOK["MendedTripletLoss"](), head(), draw())),
    ("still there", lambda: (NOTEBOOK["MendedTripletLoss"](), *BROKEN["triplet"]()[1:])),
    ("nineteen right ones", lambda: (NOTEBOOK["TripletLoss"](), *MENDED["triplet"]()[1:])),
]


def squared_and_previous(criterion, net, data):
    torch.manual_seed(1)
    anchor, positive = net(view(data)), net(view(data))
    near, far = ((anchor - other).square().sum(dim=1) for other in (positive, positive.roll(1, dims=0)))
    return (near > far).float().mean().item() * 100


RIGHT["clinic.triplet_symptom"] += [(BROKEN["triplet"], squared_and_previous)]
WRONG["clinic.triplet_symptom"] += [
    ("compare with what is asked", (BROKEN["triplet"], lambda *given: 100 - squared_and_previous(*given))),
    ("compare with what is asked", (BROKEN["triplet"], lambda *given: squared_and_previous(*given) / 100)),
    ("compare with what is asked", (BROKEN["triplet"], lambda *given: 0.0)),
]


# --- 4: pairs


def with_pairs(change):
    """The notebook's training on pairs that are the mended ones, changed."""
    mended = NOTEBOOK["mended_pairs"]

    def pairs(count, seed):
        return change(*(part.clone() for part in mended(count, seed)))

    return lambda: NOTEBOOK["margin"](pairs)


def label_in(a, b, same, size=3.0, of=0):
    (a, b)[of][:, 5] = size * same.float()
    return a, b, same


def label_in_both(a, b, same):
    """Nothing to recognise but one number of b."""
    b = torch.randn_like(b)
    b[:, 0], a[:, 0] = torch.where(same, 3.0, -3.0), 3.0
    return a, b, same


def partly_alike(a, b, same):
    """Strangers share half of their numbers."""
    b[:, :4] = a[:, :4] + 0.3 * torch.randn(len(a), 4, generator=torch.Generator().manual_seed(1))
    return a, b, same


def by_rows(count, seed, every=2):
    random = torch.Generator().manual_seed(seed)
    rows, same = [], torch.arange(count) % every == 0
    for alike_ in same:
        a = torch.randn(16, generator=random)
        b = a if alike_ else torch.randn(16, generator=random)
        rows.append((a, b + 0.3 * torch.randn(16, generator=random)))
    a, b = (torch.stack(part) for part in zip(*rows, strict=True))
    return a, b, same


RIGHT["clinic.margin_mended"] += [
    lambda: NOTEBOOK["margin"](by_rows),
    with_pairs(lambda a, b, same: (b, a, same)),
    with_pairs(lambda a, b, same: (a.flip(0), b.flip(0), same.flip(0))),
    with_pairs(lambda a, b, same: (a, b, same.bool())),
]
WRONG["clinic.margin_mended"] += [
    ("gives the answer away", with_pairs(label_in)),
    ("gives the answer away", with_pairs(lambda a, b, same: label_in(a, b, same, of=1))),
    ("gives the answer away", with_pairs(label_in_both)),
    ("noise of", with_pairs(lambda a, b, same: (a, torch.where(same.unsqueeze(1), a, b), same))),
    ("strangers are as near", with_pairs(partly_alike)),
    ("half of the pairs", lambda: NOTEBOOK["margin"](lambda count, seed: by_rows(count, seed, every=5))),
    ("the same pairs", lambda: NOTEBOOK["margin"](lambda count, seed: NOTEBOOK["mended_pairs"](count, 0))),
    ("still there", with_pairs(lambda a, b, same: (a, b, ~same))),
    ("still there", with_pairs(lambda a, b, same: (a, b, same.roll(1)))),
    ("still there", lambda: (head(), NOTEBOOK["random_pairs"])),
]


# --- 5 and 6: evaluations


def tested_on(images):
    """Another choice of what `images()` gives in program 5."""
    return changed("unseen_mended", images=images)


def both_sets():
    train, test = NOTEBOOK["images"]()
    images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])
    return dataclasses.replace(train, images=images, labels=labels), test


def half_of_the_training():
    train, _ = NOTEBOOK["images"]()
    return train, dataclasses.replace(train, images=train.images[:150], labels=train.labels[:150])


RIGHT["clinic.unseen_mended"] += [
    tested_on(lambda: (NOTEBOOK["images"]()[0], NOTEBOOK["load"]("shapes", "test", size=500, seed=1))),
    changed("unseen_mended", ("small_cnn(32)", "small_cnn(24)")),
    changed("unseen_mended", ("train.labels)\n    model", "train.labels, steps=150)\n    model")),
    changed("unseen_mended", ("small_cnn(32)", "small_cnn(32).eval()")),
    changed("unseen", ("augment(pixels), train.labels", "test.images / 255, test.labels")),
]
WRONG["clinic.unseen_mended"] += [
    ("fitted on what it is tested on", tested_on(lambda: NOTEBOOK["images"]()[::-1][:1] * 2)),
    ("fitted on what it is tested on", tested_on(both_sets)),
    ("are training images", tested_on(lambda: (NOTEBOOK["images"]()[0],) * 2)),
    ("are training images", tested_on(half_of_the_training)),
    ("still there", run("unseen", lambda reported, model, test: (50.0, model, test))),
    ("has it been fitted", changed("unseen_mended", ("train.labels)\n", "train.labels, steps=1)\n"))),
    ("has it been fitted", changed("unseen_mended", ("train.labels)\n    model", "train.labels.flip(0))\n    model"))),
]


def normalised_with(mean, deviation):
    return changed(
        "seen_mended",
        ("(pixels - mean) / deviation", f"(pixels - torch.tensor({mean}).view(3, 1, 1)) / {deviation}"),
    )


class Normalise(nn.Module):
    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def forward(self, pixels):
        return (pixels - self.mean) / self.deviation


def label_in_a_pixel():
    """The label stands in a corner of each picture, in training and in evaluation."""
    return changed(
        "seen_mended",
        ("/ deviation\n", "/ deviation\n    pixels[..., :4, :4] = train.labels.view(-1, 1, 1, 1) - 5.0\n"),
    )


RIGHT["clinic.seen_mended"] += [
    changed("seen_mended", ("    pixels = (pixels - mean) / deviation\n", "")),  # in neither place
    normalised_with([0.5, 0.5, 0.5], 0.5),
    changed(  # the network normalises by itself, as the course's encoders do
        "seen_mended",
        (
            "    pixels = (pixels - mean) / deviation\n",
            "    encoder = nn.Sequential(Normalise(mean, deviation), encoder)\n",
        ),
        Normalise=Normalise,
    ),
]
WRONG["clinic.seen_mended"] += [
    ("still there", changed("seen_mended", ("accuracy(model, pixels,", "accuracy(model, 2 * pixels + 3,"))),
    ("still there", label_in_a_pixel()),
    ("still there", run("seen", lambda reported, model, train: (100.0, model, train))),
    ("Which images", changed("seen_mended", ("fit(features", "(lambda h, labels: fit(h, 0 * labels))(features"))),
    ("Which images", changed("seen_mended", ("train.labels)\n    model", "train.labels, steps=2)\n    model"))),
    (
        "Which images",
        changed(
            "seen_mended",
            ("train.labels)\n    model", "test.labels)\n    model"),
            ("fit(features(encoder, pixels)", "fit(features(encoder, test.images / 255)"),
            ("accuracy(model, pixels", "accuracy(model, train.images / 255"),
        ),
    ),
]


# --- 7: crops


def pixels():
    return NOTEBOOK["images"]()[0].images.float() / 255


def with_views(make):
    """The mended program's encoder, and other views."""
    return run("cropping", lambda encoder, view1, view2: (encoder, *make()))


def noise(of=torch.rand):
    return with_views(lambda: (of(64, 3, 32, 32), of(64, 3, 32, 32)))


def a_little_noise():
    view1 = torch.rand(64, 3, 32, 32)
    return view1, view1 + 0.05 * torch.randn_like(view1)


def cropped_by_augment():
    return changed(
        "cropping",
        ("crop(batch, size), crop(batch, size)", "augment(batch), augment(batch)"),
        augment=NOTEBOOK["Augment"](crop=0.3, jitter=0, grayscale=0, flip=0),
    )


crop = NOTEBOOK["crop"]
RIGHT["clinic.cropping_mended"] += [
    lambda: NOTEBOOK["cropping"](size=16),
    lambda: NOTEBOOK["cropping"](24),
    changed("cropping", ("size=32", "size=20")),
    changed("cropping", ("crop(batch, size), crop(batch, size)", "crop(batch, 22), crop(batch, 18)")),
    cropped_by_augment(),
]
WRONG["clinic.cropping_mended"] += [
    ("is noise", noise()),
    ("is noise", noise(of=lambda *shape: torch.rand(shape).clamp(0.3, 0.7))),
    ("is noise", with_views(a_little_noise)),
    ("isn't the same image", with_views(lambda: (crop(pixels()[:64], 24), crop(pixels()[64:128], 24)))),
    ("isn't enlarged", with_views(lambda: (pixels()[:64], pixels()[:64].flip(-1)))),
    ("isn't enlarged", with_views(lambda: (pixels()[:64], pixels()[:64].roll(3, dims=-1)))),
    ("isn't enlarged", with_views(lambda: (pixels()[:64], pixels()[:64] * 0.7))),
    (
        "still there",
        changed("cropping", ("size=32", "size=20"), ("crop(batch, size), crop", "(batch,) * 2\n        crop")),
    ),
    ("has the network been trained", changed("cropping", ("size=32", "size=20"), ("        optimizer.step()\n", ""))),
    ("has the network been trained", changed("cropping", ("size=32", "size=20"), ("lr=3e-3", "lr=0"))),
]


# --- 8: a probe


def frozen():
    """The optimizer has all parameters, and those of the encoder ask for no gradient."""
    return changed(
        "probe",
        ("    model = nn", "    encoder.requires_grad_(False).eval()\n    model = nn"),
    )


def forgotten_running_means():
    return changed("probe", ("    model = nn", "    encoder.requires_grad_(False)\n    model = nn"))


def put_back():
    """Fine-tuned, and at the end the encoder is set back, which the classifier has never seen."""
    return changed("probe", ("    return start", "    encoder.load_state_dict(start)\n    return start"))


RIGHT["clinic.probe_mended"] += [
    frozen(),
    changed("probe", ("    model = nn", "    encoder.eval()\n    model = nn"), ("Adam(model", "Adam(classifier")),
    changed("probe_mended", ("features(encoder, pixels)", "features(copy.deepcopy(encoder), pixels)")),
    changed("probe_mended", ("range(100)", "range(200)")),
]
WRONG["clinic.probe_mended"] += [
    ("still there", forgotten_running_means()),
    ("still there", changed("probe", ("Adam(model", "Adam(classifier"))),
    (
        "from before training",
        changed("probe", ("    return start", "    start = encoder.state_dict()\n    return start")),
    ),
    ("whole state_dict", run("probe", lambda start, encoder, classifier: ({}, encoder, classifier))),
    ("has the classifier been trained", put_back()),
    ("has the classifier been trained", changed("probe_mended", ("        optimizer.step()\n", ""))),
    ("has the classifier been trained", changed("probe_mended", ("range(100)", "range(1)"))),
]


# --- 9: a schedule


def scheduled(scheduler):
    """The mended program with another scheduler."""
    return changed("schedule", ("LambdaLR(optimizer, cosine)", scheduler))


def with_rates(change):
    return run("schedule", lambda rates, net, data: (change(rates), net, data))


def by_epochs():
    """The other way to mend it: the length in epochs, and one step in each."""
    return changed(
        "schedule",
        ("            scheduler.step()\n", ""),
        ("losses.append(loss.item())\n", "losses.append(loss.item())\n        scheduler.step()\n"),
    )


RIGHT["clinic.schedule_mended"] += [
    by_epochs(),
    changed("schedule", ("done / epochs", "done / 160")),
    scheduled("CosineAnnealingLR(optimizer, T_max=epochs * steps_per_epoch)"),
    scheduled("OneCycleLR(optimizer, max_lr=1e-2, total_steps=161)"),
    scheduled("LinearLR(optimizer, 1.0, 0.01, total_iters=160)"),
    scheduled("PolynomialLR(optimizer, total_iters=161, power=2)"),
]
WRONG["clinic.schedule_mended"] += [
    ("never falls", scheduled("LambdaLR(optimizer, lambda done: 1.0)")),
    ("never falls", changed("schedule", ("            scheduler.step()\n", ""))),
    ("never falls", with_rates(lambda rates: [1e-2] * len(rates))),
    ("like a wave", scheduled("CosineAnnealingLR(optimizer, T_max=epochs)")),
    ("like a wave", scheduled("CosineAnnealingWarmRestarts(optimizer, T_0=40)")),
    ("longer than the run", changed("schedule", ("done / epochs", "done / 320"))),
    ("no schedule", with_rates(lambda rates: [1e-2, 1e-3])),
    ("no schedule", with_rates(lambda rates: [0.0] * len(rates))),
    ("still there", changed("schedule", ("done / epochs", "done / steps_per_epoch"))),
    ("has the network been trained", changed("schedule_mended", ("lr=1e-2", "lr=1e-6"))),
    ("has the network been trained", run("schedule", lambda rates, net, data: (rates, head(), data))),
]
schedule = BROKEN["schedule"]
RIGHT["clinic.schedule_symptom"] += [
    (schedule, lambda rates, net, data: 100 * (torch.tensor(rates) / rates[0] < 0.01).float().mean()),
]
WRONG["clinic.schedule_symptom"] += [
    ("compare with what is asked", (schedule, lambda rates, net, data: sum(r < 1e-4 for r in rates) / len(rates))),
    ("compare with what is asked", (schedule, lambda rates, net, data: sum(r < 1e-4 for r in rates))),
    ("of a healthy one", (schedule, lambda rates, net, data: 100 * sum(r < 1e-4 for r in rates) / len(rates))),
]


# --- 10: BYOL


def following(line):
    return changed("byol_mended", ("mine.lerp_(theirs, 0.01)", line))


RIGHT["clinic.byol_mended"] += [
    following("mine.mul_(0.99).add_(theirs, alpha=0.01)"),
    following("mine.copy_(0.98 * mine + 0.02 * theirs)"),
    NOTEBOOK["byol_too"],
    changed("byol", ("target(view2))", "target(view2).detach())")),
]
WRONG["clinic.byol_mended"] += [
    ("never follows", following("pass")),
    ("never follows", following("mine.lerp_(theirs, 0.0)")),
    ("is the online network", following("mine.lerp_(theirs, 0.99)")),
    ("is the online network", following("mine.copy_(theirs)")),
    ("is the online network", changed("byol_mended", ("return online, target", "return online, online"))),
    ("still there", changed("byol_mended", ("        optimizer.step()\n", ""))),
    ("still there", run("byol", lambda online, target, data: (head(), target, data))),
    ("still there", changed("byol", ("predictor(online(view1))", "predictor(online(view1)).detach()"))),
]
WRONG["clinic.byol_symptom"] += [("of a healthy one", (BROKEN["byol"], lambda *result: 0.04))]


# --- 11: workers


def working(first="Worker(seed=1)", second="Worker(seed=2)", **names):
    return changed("workers_mended", ("Worker(seed=1), Worker(seed=2)", f"{first}, {second}"), **names)


class Shared(NOTEBOOK["Worker"]):
    """All workers draw from torch's own generator."""

    def __init__(self):
        self.random = torch.default_generator


class Colourless(NOTEBOOK["Worker"]):
    def view(self, batch):
        return torch.cat([batch + 0.3 * torch.randn(len(batch), 8), torch.zeros(len(batch), 8)], dim=1)


class Pale(NOTEBOOK["Worker"]):
    def view(self, batch):
        return super().view(batch) * torch.cat([torch.ones(8), torch.full((8,), 0.1)])


class Forgetful(NOTEBOOK["Worker"]):
    """Begins anew with each batch, as workers do that seed everything when they start."""

    def __init__(self, seed):
        self.seed = seed

    def view(self, batch):
        self.random = torch.default_generator
        torch.manual_seed(self.seed)
        return super().view(batch)


RIGHT["clinic.workers_mended"] += [
    working("Worker(seed=0)", "Worker(seed=1)"),
    working("(one := Worker())", "one"),
    working("Shared()", "Shared()", Shared=Shared),
    changed("workers_mended", ("first.view(batch)", "view(batch)"), ("second.view(batch)", "view(batch)")),
]
WRONG["clinic.workers_mended"] += [
    ("still there", working("Worker(seed=1)", "Worker(seed=1)")),
    ("still there", working("copy.deepcopy(Worker())", "copy.deepcopy(Worker())")),
    ("new colours", working("Forgetful(1)", "Forgetful(2)", Forgetful=Forgetful)),
    ("still there", working("Colourless()", "Colourless()", Colourless=Colourless)),
    ("new colours", working("Pale(1)", "Pale(2)", Pale=Pale)),
    ("still there", changed("workers_mended", ("        optimizer.step()\n", ""))),
    ("still there", lambda: (head(), draw())),
]
workers = BROKEN["workers"]


def looks(step, swapped=False):
    def ruler(net, data):
        torch.manual_seed(1)
        both = view(data)
        recoloured = torch.cat([both[:, :8], both[:, 8:].roll(step, 0)], dim=1)
        exchanged = torch.cat([both[:, :8].roll(step, 0), both[:, 8:]], dim=1)
        same, other = (F.cosine_similarity(net(both), net(new)).mean() for new in (recoloured, exchanged))
        return other - same if swapped else same - other

    return ruler


RIGHT["clinic.workers_symptom"] += [(workers, looks(1)), (workers, looks(-1))]
WRONG["clinic.workers_symptom"] += [("compare with what is asked", (workers, looks(-1, swapped=True)))]


# --- 12: a large batch


def gradients(net):
    return [weight.grad.clone() for weight in net.parameters()]


def whole(net, view1, view2):
    net.zero_grad()
    loss = nt_xent(net(view1), net(view2), 0.1)
    loss.backward()
    return loss.item(), gradients(net)


def checkpointed(net, view1, view2):
    net.zero_grad()
    z = [torch.cat([checkpoint(net, part, use_reentrant=False) for part in views.split(8)]) for views in (view1, view2)]
    loss = nt_xent(*z, 0.1)
    loss.backward()
    return loss.item(), gradients(net)


def by_products(net, view1, view2):
    """Gradient caching with torch.autograd.grad, four views at a time."""
    views, weights = torch.cat([view1, view2]), list(net.parameters())
    with torch.no_grad():
        z = net(views)
    z.requires_grad_()
    loss = nt_xent(z[: len(view1)], z[len(view1) :], 0.1)
    (slopes,) = torch.autograd.grad(loss, z)
    parts = zip(views.split(4), slopes.split(4), strict=True)
    found = [torch.autograd.grad(net(part), weights, slope) for part, slope in parts]
    return loss, [sum(slope) for slope in zip(*found, strict=True)]


def one_after_the_other(net, view1, view2):
    """Only the part in hand has a gradient, all others are constants; and so 16 times."""
    net.zero_grad()
    with torch.no_grad():
        z1, z2 = net(view1), net(view2)
    for start in range(0, len(view1), 8):
        rows = slice(start, start + 8)
        new1, new2 = z1.clone(), z2.clone()
        new1[rows], new2[rows] = net(view1[rows]), net(view2[rows])
        loss = nt_xent(new1, new2, 0.1)
        loss.backward()
    return loss.item(), gradients(net)


def anchors_only(net, view1, view2):
    """All views are candidates, and only those in hand look for their partner: candidates get no gradient."""
    net.zero_grad()
    with torch.no_grad():
        candidates = F.normalize(torch.cat([net(view2), net(view1)]), dim=1)
    total, count = 0.0, len(view1)
    for part, start in zip(torch.cat([view1, view2]).split(16), range(0, 2 * count, 16), strict=True):
        rows = torch.arange(start, start + 16)
        logits = F.normalize(net(part), dim=1) @ candidates.T / 0.1
        itself = F.one_hot((rows + count) % (2 * count), 2 * count).bool()
        loss = F.cross_entropy(logits.masked_fill(itself, float("-inf")), rows) * 16 / (2 * count)
        loss.backward()
        total += loss.item()
    return total, gradients(net)


def wrong_step(*replacements):
    return lambda: NOTEBOOK["accumulation"](changed("cached", *replacements))


def accumulated_with(step):
    return lambda: NOTEBOOK["accumulation"](step)


RIGHT["clinic.accumulation_mended"] += [
    accumulated_with(checkpointed),
    accumulated_with(by_products),
    accumulated_with(one_after_the_other),
    wrong_step(("split(16)", "split(5)")),
]
WRONG["clinic.accumulation_mended"] += [
    ("at once with gradients on", accumulated_with(whole)),
    ("at once with gradients on", wrong_step(("split(16)", "split(64)"))),
    ("still there", accumulated_with(anchors_only)),
    (
        "still there",
        wrong_step(("    net.zero_grad()\n", ""), ("        net(part)", "        net.zero_grad()\n        net(part)")),
    ),
    ("still there", wrong_step(("backward(slope)", "backward(slope / 16)"))),
    ("still there", wrong_step(("0.1)", "0.5)"))),
    ("still there", lambda: NOTEBOOK["accumulation"](changed("accumulated", ("split(8)", "split(4)")))),
    ("away from that of the whole batch", wrong_step(("return loss.item(),", "return loss.item() / 16,"))),
    ("has the network been trained", run("accumulation", lambda step, net, data: (step, head(), data))),
    (
        "has the network been trained",
        run("accumulation", lambda step, net, data: (step, *BROKEN["accumulation"]()[1:])),
    ),
]


# --- 13: an average


def averaging(update):
    """The broken program, with an update of its own: update(averaged, network, decay)."""
    lines = SOURCES["average"].split("        for mine")[1].split("\n    show")[0]
    return changed("average", ("        for mine" + lines, "        update(averaged, network, decay)"), update=update)


def of_the_state(averaged, network, decay):
    for mine, theirs in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        mine.copy_(decay * mine + (1 - decay) * theirs if mine.is_floating_point() else theirs)


def swapped(averaged, network, decay):
    of_the_state(averaged, network, 1 - decay if decay == 0.99 else 0.01)


def buffers_only(averaged, network, decay):
    for mine, theirs in zip(averaged.buffers(), network.buffers(), strict=True):
        mine.copy_(theirs)


def weights_only(averaged, network, decay):
    for mine, theirs in zip(averaged.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)


def recalibrated():
    """Running means of its own: the average sees the images once more, in training mode."""

    def program():
        network, averaged = BROKEN["average"]()
        averaged.train()
        with torch.no_grad():
            for _ in range(50):
                averaged(pixels())
        return network, averaged

    return program


def of_torch():
    return changed(
        "average",
        (
            "copy.deepcopy(network), []",
            "AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True), []",
        ),
        (
            SOURCES["average"].split("losses.append(loss.item())\n")[1].split("    show")[0],
            "        averaged.update_parameters(network)\n",
        ),
        AveragedModel=AveragedModel,
        get_ema_multi_avg_fn=get_ema_multi_avg_fn,
    )


def untrained():
    return nn.Sequential(NOTEBOOK["small_cnn"](8), nn.Linear(32, 10))


RIGHT["clinic.average_mended"] += [
    averaging(of_the_state),
    averaging(lambda averaged, network, decay: of_the_state(averaged, network, 0.8)),
    recalibrated(),
    of_torch(),
]
WRONG["clinic.average_mended"] += [
    ("nothing is averaged", averaging(swapped)),
    ("nothing is averaged", averaging(lambda averaged, network, decay: averaged.load_state_dict(network.state_dict()))),
    ("nothing is averaged", run("average", lambda network, averaged: (network, network))),
    ("still there", averaging(buffers_only)),
    ("still there", averaging(lambda averaged, network, decay: None)),
    ("still there", averaging(lambda averaged, network, decay: weights_only(averaged, network, 0.5))),
    ("as good as the network", lambda: tuple(untrained() for _ in range(2))),
]


# --- 14: a softmax too many


def answering(net, loss="F.cross_entropy(net(views[rows]), right[rows])", **names):
    source = "net = head()  # cross_entropy takes the softmax itself"
    changes = [(source, f"net = {net}"), ("F.cross_entropy(net(views[rows]), right[rows])", loss)]
    return changed("softmax_mended", *changes, **names)


RIGHT["clinic.softmax_mended"] += [
    answering("nn.Sequential(head(), nn.LogSoftmax(dim=1))", "F.nll_loss(net(views[rows]), right[rows])"),
    answering("nn.Sequential(head(), nn.LogSoftmax(dim=1))"),
    answering("head()", "-net(views[rows]).log_softmax(dim=1)[torch.arange(64), right[rows]].mean()"),
    answering("nn.Sequential(head(), nn.Softmax(dim=1))", "F.nll_loss((net(views[rows]) + 1e-9).log(), right[rows])"),
]
WRONG["clinic.softmax_mended"] += [
    ("still there", answering("nn.Sequential(head(), nn.Sigmoid())")),
    ("isn't the cross-entropy", answering("head()", "F.cross_entropy(net(views[rows]).softmax(1), right[rows])")),
    ("can't be negative", answering("head()", "F.nll_loss(net(views[rows]).tanh(), right[rows])")),
    (
        "isn't the cross-entropy",
        answering("nn.Sequential(head(), nn.Softmax(dim=1))", "F.cross_entropy(20 * net(views[rows]), right[rows])"),
    ),
    (
        "isn't the cross-entropy",
        answering("head()", "F.mse_loss(net(views[rows]).softmax(1), F.one_hot(right[rows], 8).float())"),
    ),
    ("still there", answering("head()", "F.cross_entropy(net(views[rows]), right[rows].roll(1))")),
    ("isn't the cross-entropy", run("softmax", lambda net, losses: (nn.Sequential(head(), nn.Linear(8, 8)), losses))),
]


# --- 15: h and z

RIGHT["clinic.projection_mended"] += [
    changed("projection", ("worth(model)", "worth(model[0])")),
    changed("projection", ("worth(model)", "worth(model[:2])")),  # a linear map of h tells as much
    changed("projection", ("worth(model)", "worth(nn.Sequential(*list(model)[:1]))")),
    changed("projection", ("worth(model)", "worth(copy.deepcopy(encoder).eval())")),
]
WRONG["clinic.projection_mended"] += [
    ("still there", changed("projection", ("worth(model)", "worth(lambda views: F.normalize(model(views), dim=1))"))),
    ("still there", run("projection", lambda reported, encoder, model: (95.0, encoder, model))),
    ("hardly more than before", changed("projection", ("return reported, encoder", "return reported, model"))),
    ("hardly more than before", changed("projection_mended", ("        optimizer.step()\n", ""))),
    ("has the encoder been trained", run("projection", lambda reported, encoder, model: (reported, encoder, head()))),
    (
        "hardly more than before",
        changed("projection_mended", ("    optimizer = ", "    encoder.requires_grad_(False)\n    optimizer = ")),
    ),
]


# --- 16: accuracy where defects are rare


def measuring(measure):
    return lambda: NOTEBOOK["rare"](measure)


def of_the_alarms(combine):
    """A measure of found, missed, false and quiet photographs, in per cent."""

    def measure(scores, labels):
        alarm, bad = scores > 0, labels == 1
        counts = [int(part.sum()) for part in (alarm & bad, ~alarm & bad, alarm & ~bad, ~alarm & ~bad)]
        return 100 * combine(*counts)

    return measure


def down_the_list(scores, labels):
    ordered = labels[scores.argsort(descending=True)].double()
    return float(100 * (ordered.cumsum(0) / torch.arange(1, len(ordered) + 1) * ordered).sum() / ordered.sum())


def correlation(scores, labels):
    alarm, bad = scores > 0, labels == 1
    if alarm.all() or not alarm.any():
        return 0.0
    return 100 * torch.corrcoef(torch.stack([alarm, bad]).double())[0, 1]


def ordered_pairs(scores, labels):
    return 100 * (scores[labels == 1][:, None] > scores[labels == 0]).float().mean()


def on_halves(scores, labels):
    """The accuracy on as many good photographs as scratches."""
    kept = torch.cat([(labels == 1).nonzero(), (labels == 0).nonzero()[: int(labels.sum())]]).flatten()
    return NOTEBOOK["share_right"](scores[kept], labels[kept])


accuracy_ = NOTEBOOK["share_right"]
precision = NOTEBOOK["average_precision_score"]
RIGHT["clinic.rare_mended"] += [
    measuring(down_the_list),
    measuring(lambda scores, labels: torch.tensor(100 * precision(labels.numpy(), scores.numpy()))),
    measuring(of_the_alarms(lambda found, missed, false, quiet: 2 * found / (2 * found + missed + false))),
    measuring(of_the_alarms(lambda found, missed, false, quiet: found / (found + missed + false))),
    measuring(
        of_the_alarms(lambda found, missed, false, quiet: min(found / (found + missed), found / (found + false + 1e-9)))
    ),
    measuring(correlation),
    changed("rare", ("measure=share_right", "measure=mended_measure"), ("range(300)", "range(200)")),
]
WRONG["clinic.rare_mended"] += [
    ("the symptom is still there", measuring(lambda scores, labels: accuracy_(scores[:500], labels[:500]))),
    ("the symptom is still there", measuring(lambda scores, labels: accuracy_(scores - 1, labels))),
    (
        "the symptom is still there",
        measuring(lambda scores, labels: accuracy_(scores[labels == 0], labels[labels == 0])),
    ),
    ("the symptom is still there", measuring(on_halves)),
    ("the symptom is still there", measuring(ordered_pairs)),
    (
        "the symptom is still there",
        measuring(of_the_alarms(lambda tp, fn, fp, tn: (tp / (tp + fn) + tn / (tn + fp)) / 2)),
    ),
    ("the symptom is still there", run("rare", lambda measure, model, test: (accuracy_, model, test))),
    ("always rings", measuring(of_the_alarms(lambda tp, fn, fp, tn: tp / (tp + fn)))),
    ("misses every other", measuring(of_the_alarms(lambda tp, fn, fp, tn: tp / (tp + fp + 1e-9)))),
    ("half of whose alarms", measuring(of_the_alarms(lambda tp, fn, fp, tn: tp / (tp + fn) - fp / (tn + fp)))),
    ("better than nothing", measuring(lambda scores, labels: 20 * (accuracy_(scores, labels) - 95))),
    ("better than nothing", measuring(lambda scores, labels: 100.0 * (accuracy_(scores, labels) == 100))),
    ("return per cent", measuring(lambda scores, labels: precision(labels, scores))),
    ("of a perfect model it says", measuring(lambda scores, labels: accuracy_(scores + 9, labels))),
    ("of a perfect model it says", measuring(lambda scores, labels: 0.0)),
    (
        "never rings",
        run("rare", lambda measure, model, test: (of_the_alarms(lambda tp, fn, fp, tn: tp / (tp + fp)), model, test)),
    ),
    ("never rings", run("rare", lambda measure, model, test: (lambda scores, labels: float("nan"), model, test))),
    ("never rings", run("rare", lambda measure, model, test: (lambda scores, labels: None, model, test))),
    (
        "% of your test are defects",
        run(
            "rare", lambda measure, model, test: (measure, model, tuple(torch.cat([p, *[p[::20]] * 19]) for p in test))
        ),
    ),
    ("has the network been trained", run("rare", lambda measure, model, test: (measure, nn.Linear(8, 1), test))),
]
rare = BROKEN["rare"]
WRONG["clinic.rare_symptom"] += [
    ("compare with what is asked", (rare, lambda measure, model, test: 100 - measure(-torch.ones(1000), test[1]))),
    ("of a healthy one", (rare, lambda measure, model, test: 100 * (test[1] == 0).float().mean())),
]


# --- 17: a threshold

cheapest, price = NOTEBOOK["cheapest"], NOTEBOOK["price"]


def deciding(line, report=lambda line, known, test: price(*test, line)):
    """A threshold and a report, functions of the labelled photographs and the test."""

    def decide(known, test):
        chosen = line(known, test)
        return chosen, report(chosen, known, test)

    return lambda: NOTEBOOK["threshold"](decide)


def joined(known, test):
    return tuple(torch.cat(parts) for parts in zip(known, test, strict=True))


def in_the_gap(known, test):
    """In the middle between the cheapest and the next score below it."""
    scores, labels = known
    line = cheapest(scores, labels)
    below = scores[scores < line]
    return (line + below.max().item()) / 2


def by_table(known, test):
    scores, labels = known
    alarm = scores[None] >= scores[:, None]
    costs = 50 * (~alarm & (labels == 1)).sum(1) + (alarm & (labels == 0)).sum(1)
    return scores[costs.argmin()]


def half_of_the_test(known, test):
    return cheapest(*(part[:50] for part in test))


RIGHT["clinic.threshold_mended"] += [
    deciding(by_table),
    deciding(in_the_gap),
    deciding(lambda known, test: cheapest(*known) - 0.3),
    deciding(
        lambda known, test: np.float64(cheapest(*known)), lambda line, known, test: torch.tensor(price(*test, line))
    ),
    changed("threshold_mended", ("threshold(mended_decide)", "threshold(lambda *given: [*mended_decide(*given)])")),
    deciding(lambda known, test: known[0][known[1] == 1].min().item()),  # the same, at these prices
]
WRONG["clinic.threshold_mended"] += [
    ("the symptom is still there", deciding(lambda known, test: cheapest(*joined(known, test)))),
    (
        "the symptom is still there",
        deciding(lambda known, test: cheapest(*known), lambda line, known, test: price(*known, line)),
    ),
    (
        "the symptom is still there",
        deciding(lambda known, test: min(cheapest(*known), cheapest(*test))),
    ),
    (
        "changes with the test",
        deciding(half_of_the_test, lambda line, known, test: price(*(p[50:] for p in test), line)),
    ),
    (
        "changes with the test",
        deciding(lambda known, test: cheapest(*test), lambda line, known, test: price(*test, line) + 0.36),
    ),
    (
        "changes with the test",
        deciding(lambda known, test: cheapest(*test), lambda line, known, test: price(*known, line)),
    ),
    ("whatever the labelled", deciding(lambda known, test: 2.0)),
    ("whatever the labelled", deciding(lambda known, test: -torch.inf)),
    (
        "report that",
        deciding(lambda known, test: cheapest(*known), lambda line, known, test: price(*test, line) + 0.1),
    ),
    ("report that", deciding(lambda known, test: cheapest(*known), lambda line, known, test: 0.4)),
    ("chosen by these prices", deciding(lambda known, test: known[0].max().item())),
    ("chosen by these prices", deciding(lambda known, test: known[0].min().item())),
    ("two numbers", run("threshold", lambda decide: lambda known, test: 3.0)),
    ("is nan", deciding(lambda known, test: float("nan"))),
]
threshold = BROKEN["threshold"]


def weeks(gap):
    """The mean of gap(line, reported, test, tomorrow) over twenty tries."""
    scored = NOTEBOOK["scored"]

    def ruler(decide):
        gaps = []
        for seed in range(20):
            test, tomorrow = scored(100, 1000 + seed), scored(4000, 2000 + seed)
            gaps.append(gap(*decide(scored(100, seed), test), test, tomorrow))
        return sum(gaps) / len(gaps)

    return ruler


RIGHT["clinic.threshold_symptom"] += [
    (threshold, weeks(lambda line, reported, test, tomorrow: torch.tensor(price(*tomorrow, line) - reported))),
]
WRONG["clinic.threshold_symptom"] += [
    ("of a healthy one", (threshold, weeks(lambda line, reported, test, later: price(*later, line)))),
    (
        "compare with what is asked",
        (threshold, weeks(lambda line, reported, test, later: reported - price(*later, line))),
    ),
    (
        "compare with what is asked",
        (threshold, weeks(lambda line, reported, test, later: price(*test, line) - reported)),
    ),
    (
        "of a healthy one",
        (
            threshold,
            weeks(lambda line, reported, test, later: price(*later, cheapest(*test)) - price(*test, cheapest(*test))),
        ),
    ),
]


# --- 18: a scaler


def scaling(fit, apply=lambda part, middle, unit: (part - middle) / unit):
    """fit(train, test) -> middle and unit, by which both are scaled."""

    def scaled(train, test):
        middle, unit = fit(train, test)
        return apply(train, middle, unit), apply(test, middle, unit)

    return lambda: NOTEBOOK["scaler"](scaled)


def both(function):
    return lambda: NOTEBOOK["scaler"](function)


def of(part):
    return part.mean(0), part.std(0)


mended_scaled = NOTEBOOK["mended_scaled"]


def looks_at_the_test(train, test):
    """The training photographs, which no ruler asks for, are moved to the test's middle."""
    first, second = mended_scaled(train, test)
    return first + (train.mean(0) - test.mean(0)) / train.std(0), second


def of_scikit(train, test):
    scaler = StandardScaler().fit(train)
    return tuple(torch.from_numpy(scaler.transform(part)) for part in (train, test))


def robust(train, test):
    low, middle, high = train.quantile(torch.tensor([0.16, 0.5, 0.84]), dim=0)
    return middle, (high - low) / 2


def white(train, test):
    """Features that go together are taken apart, too: more than was asked, and by the training's numbers alone."""
    turned = torch.linalg.inv(torch.linalg.cholesky(torch.cov(train.T))).T
    return (train - train.mean(0)) @ turned, (test - train.mean(0)) @ turned


RIGHT["clinic.scaler_mended"] += [
    both(of_scikit),
    scaling(robust),
    both(white),
    scaling(lambda train, test: (train.double().mean(0), train.double().std(0, correction=0))),
    both(lambda train, test: [(part - train.mean(0)) / train.var(0).sqrt() for part in (train, test)]),
    scaling(lambda train, test: of(train[:60])),
]
WRONG["clinic.scaler_mended"] += [
    ("the symptom is still there", scaling(lambda train, test: (torch.cat([train, test]).mean(0), train.std(0)))),
    ("the symptom is still there", scaling(lambda train, test: (train.mean(0), torch.cat([train, test]).std(0)))),
    (
        "the symptom is still there",
        both(lambda train, test: ((train - train.mean(0)) / train.std(0), (test - test.mean(0)) / train.std(0))),
    ),
    ("the symptom is still there", scaling(lambda train, test: of(torch.cat([train, test[::2]])))),
    ("of a single photograph it makes nan", scaling(lambda train, test: of(test))),
    (
        "of a single photograph it makes nan",
        both(lambda train, test: tuple((part - part.mean(0)) / part.std(0) for part in (train, test))),
    ),
    ("has to have mean 0", both(lambda train, test: (train, test))),
    ("has to have mean 0", scaling(lambda train, test: (train.mean(0), 1.0))),
    ("has to have mean 0", scaling(lambda train, test: (train.mean(), train.std()))),
    ("become other numbers in training", both(lambda train, test: (train, (test - train.mean(0)) / train.std(0)))),
    (
        "when the test is another",
        both(looks_at_the_test),
    ),
    ("in their shapes", run("scaler", lambda scaled: lambda train, test: mended_scaled(train, test)[1])),
    ("in their shapes", run("scaler", lambda scaled: lambda train, test: mended_scaled(train, test)[::-1])),
]


# --- 19: a causal mask

Reader, texts = NOTEBOOK["Reader"], NOTEBOOK["texts"]


def seeing(mask):
    """Program 19 with a mask (L, L) of ones and zeros, or bool."""
    return lambda: NOTEBOOK["mask"](lambda length: mask(length).bool())


def row_by_row(length):
    table = torch.zeros(length, length, dtype=torch.bool)
    for place in range(length):
        table[place, : place + 1] = True
    return table


def by_places(length):
    places = torch.arange(length)
    return places[:, None] >= places


def half_mended(length):
    """The first six places are right."""
    return torch.ones(length, length).tril(1) - F.pad(torch.ones(length, length).diagonal(1)[:6].diag(1), (0, 3, 0, 3))


def in_front(length):
    """A place doesn't look at itself, whose word it has anyway; the first one does, so as to see something."""
    table = torch.ones(length, length).tril(-1)
    table[0, 0] = 1
    return table


class Itself(nn.Module):
    """Tells each place's own word."""

    def forward(self, words):
        earlier = F.pad(words[:, :-1], (1, 0))
        return 9 * F.one_hot(words, 4).float() + 0.1 * F.one_hot(earlier, 4)


SHIFTED = (
    ("logits = net(words)[:, 1:-1]", "logits = net(words[:, :-1])[:, 1:]"),
    ("def mask(sees=sees)", "def mask(sees=mended_sees)"),
)
RIGHT["clinic.mask_mended"] += [
    seeing(row_by_row),
    seeing(by_places),
    seeing(in_front),
    seeing(lambda length: torch.from_numpy(np.tri(length))),
    seeing(lambda length: ~torch.ones(length, length).triu(1).bool()),
    seeing(lambda length: torch.eye(length).cumsum(0).T.flip(0, 1)),
    lambda: NOTEBOOK["mask"](lambda length: nn.Transformer.generate_square_subsequent_mask(length) == 0),
    changed("mask", *SHIFTED),
]
WRONG["clinic.mask_mended"] += [
    ("outputs are nan", seeing(lambda length: torch.ones(length, length).tril(-1))),
    ("outputs are nan", seeing(lambda length: ~torch.ones(length, length).tril().bool())),
    ("outputs are nan", seeing(lambda length: torch.ones(length, length).tril(1) == 0)),
    ("wrong way round", seeing(lambda length: torch.ones(length, length).triu())),
    ("wrong way round", seeing(lambda length: torch.ones(length, length).tril().T)),
    ("the symptom is still there", seeing(lambda length: torch.ones(length, length))),
    ("the symptom is still there", seeing(lambda length: torch.ones(length, length).tril(2))),
    ("the symptom is still there", lambda: (Reader(NOTEBOOK["sees"]).requires_grad_(False),)),
    ("which comes later", seeing(half_mended)),
    ("no place sees any word before", seeing(lambda length: torch.eye(length))),
    ("of that place", lambda: (Itself(),)),
    ("of that place", changed("mask", ("words[:, 2:].flatten()", "words[:, 1:-1].flatten()"), SHIFTED[1])),
    ("has the network been trained", lambda: (Reader(NOTEBOOK["mended_sees"]),)),
    ("has the network been trained", changed("mask", ("range(150)", "range(5)"), SHIFTED[1])),
    ("it stops with", lambda: NOTEBOOK["mask"](lambda length: torch.ones(length, length).tril())),  # no bool
]


def moved(size, places=slice(0, 6)):
    """A ruler of program 19: how the difference of the probabilities (N, 10, 4) becomes a number."""

    def ruler(net):
        first, second = texts(500, seed=1), texts(500, seed=2)
        second[:, :6] = first[:, :6]
        return size((net(first).softmax(2) - net(second).softmax(2))[:, places])

    return ruler


mask = BROKEN["mask"]
RIGHT["clinic.mask_symptom"] += [(mask, moved(lambda parts: parts.abs().amax()))]
WRONG["clinic.mask_symptom"] += [
    ("compare with what is asked", (mask, moved(lambda parts: parts.abs().mean()))),
    ("of a healthy one", (mask, moved(lambda parts: parts.abs().max(), slice(0, 10)))),
]


# --- 20: padding


def counting(word_loss):
    return lambda: NOTEBOOK["padding"](word_loss)


def costs(logits, words):
    return F.cross_entropy(logits.transpose(1, 2), words, reduction="none")  # (B, L)


def of_costs(mean):
    """A loss made of the costs of all places (B, L), and of which words are real."""
    return counting(lambda logits, words: mean(costs(logits, words), words > 0))


def word_by_word(logits, words):
    found = []
    for row, text in zip(logits, words.tolist(), strict=True):
        for place, word in enumerate(text):
            if word:
                found.append(-row[place].log_softmax(0)[word])
    return torch.stack(found).mean()


def with_minus_100(logits, words):
    return F.cross_entropy(logits.permute(0, 2, 1), words.masked_fill(words == 0, -100))


def weighted(logits, words):
    return F.cross_entropy(logits.flatten(0, 1), words.flatten(), weight=torch.tensor([0.0, 1, 1, 1, 1]))


def among_words(logits, words):
    """Padding isn't even an answer."""
    return F.cross_entropy(logits[words > 0][:, 1:], words[words > 0] - 1)


def first_padding_too(logits, words):
    kept = F.pad(words[:, :-1], (1, 0), value=1) > 0
    return F.cross_entropy(logits[kept], words[kept])


def trained_as_before(word_loss):
    """The mended loss is only reported."""
    return lambda: (word_loss, BROKEN["padding"]()[1])


RIGHT["clinic.padding_mended"] += [
    counting(with_minus_100),
    counting(weighted),
    counting(among_words),
    counting(lambda logits, words: F.cross_entropy(logits[words != 0], words[words.bool()])),
    counting(lambda logits, words: F.nll_loss(logits.log_softmax(2).flatten(0, 1), words.flatten(), ignore_index=0)),
    of_costs(lambda cost, real: (cost * real).sum() / real.sum()),
    of_costs(lambda cost, real: cost.masked_select(real).double().mean()),
    of_costs(lambda cost, real: cost.masked_fill(~real, torch.nan).nanmean()),
    lambda: (word_by_word, MENDED["padding"]()[1]),
]
WRONG["clinic.padding_mended"] += [
    ("mean of the texts' means", of_costs(lambda cost, real: ((cost * real).sum(1) / real.sum(1).clamp(1)).mean())),
    ("each place counts", of_costs(lambda cost, real: ((cost * real).sum(0) / real.sum(0).clamp(1)).mean())),
    ("still in the number", of_costs(lambda cost, real: (cost * real).mean())),
    ("it is a sum and no mean", of_costs(lambda cost, real: (cost * real).sum())),
    ("long texts cost more", of_costs(lambda cost, real: (cost * real).sum(1).mean())),
    ("the first padding behind", counting(first_padding_too)),
    ("last word of each text", of_costs(lambda cost, real: cost[F.pad(real[:, 1:], (0, 1))].mean())),
    ("left out as a whole", of_costs(lambda cost, real: cost[real.all(1)].mean())),
    ("only padding is counted", of_costs(lambda cost, real: cost[~real].mean())),
    ("the symptom is still there", of_costs(lambda cost, real: cost[:, ::2].mean())),
    ("the symptom is still there", of_costs(lambda cost, real: 0.9 * cost[real].mean())),
    ("for a batch of chance", of_costs(lambda cost, real: cost[1:][real[1:]].mean())),
    ("the symptom is still there", of_costs(lambda cost, real: cost[real].median())),
    ("and by it alone", trained_as_before(NOTEBOOK["mended_word_loss"])),
    ("and by it alone", lambda: (NOTEBOOK["mended_word_loss"], nn.Embedding(25, 5))),
]
padding = BROKEN["padding"]


def dearer(cost):
    """A ruler of program 20, of the logits and words of new texts and of what is reported."""

    def ruler(word_loss, net):
        words = NOTEBOOK["padded"](1000, seed=1)
        logits, right = NOTEBOOK["guessed"](net, words), words[:, 2:]
        return cost(logits, right, word_loss(logits, right))

    return ruler


RIGHT["clinic.padding_symptom"] += [
    (padding, dearer(lambda logits, right, said: costs(logits, right)[right != 0].mean() - said)),
]
WRONG["clinic.padding_symptom"] += [
    ("compare with what is asked", (padding, dearer(lambda logits, right, said: said - word_by_word(logits, right)))),
    (
        "of a healthy one",
        (padding, dearer(lambda logits, right, said: weighted(logits, right) - costs(logits, right).mean())),
    ),
    ("compare with what is asked", (padding, dearer(lambda logits, right, said: weighted(logits, right)))),
]


# --- 21: negatives


def beside(others):
    return lambda: NOTEBOOK["negatives"](others)


def offset(low, high):
    """As the notebook's, other distances."""
    return beside(lambda present, length: (present[:, None] + torch.randint(low, high, (len(present), 7))) % length)


def drawn_again(present, length):
    """Anywhere, until it is far enough."""
    rows = []
    for place in present.tolist():
        row = []
        while len(row) < 7:
            found = int(torch.randint(length, ()))
            if abs(found - place) >= 100:
                row.append(found)
        rows.append(row)
    return torch.tensor(rows)


def the_other_half(present, length):
    """From the half in which the present isn't, and not from its border."""
    half = length // 2
    low = torch.where(present < half, half + 100, 0)
    return low[:, None] + torch.randint(half - 100, (len(present), 7))


def of_other_questions(present, length):
    return torch.stack([present.roll(step) + 1 for step in range(1, 8)], dim=1)


RIGHT["clinic.negatives_mended"] += [
    beside(drawn_again),
    beside(the_other_half),
    offset(300, 700),
    beside(lambda present, length: (present[:, None] + torch.arange(100, 107)) % length),
    beside(lambda present, length: (present.view(-1, 1) - 101 * torch.arange(1, 8)) % length),
    beside(
        lambda present, length: torch.remainder(
            present[:, None] + 100 + torch.rand(len(present), 7).mul(length - 200).long(), length
        )
    ),
    beside(
        lambda present, length: (
            torch.tensor(
                np.random.default_rng(0).integers(100, length - 100, (len(present), 7)) + present[:, None].numpy()
            )
            % length
        )
    ),
]
WRONG["clinic.negatives_mended"] += [
    ("not 7", beside(lambda present, length: present[:, None] + torch.arange(2, 4))),
    ("must be seven frames", beside(lambda present, length: (present[:, None] + 100).expand(-1, 7) % length)),
    (
        "must be seven frames",
        beside(lambda present, length: (present[:, None] + 100 * torch.arange(7).clamp(4)) % length),
    ),
    ("not 7", beside(lambda present, length: NOTEBOOK["mended_others"](present, length)[:, :3])),
    ("not 7", beside(lambda present, length: NOTEBOOK["mended_others"](present, length).repeat(1, 2))),
    ("the right answer is among", beside(lambda present, length: present[:, None] + torch.arange(1, 8))),
    (
        "the right answer is among",
        beside(
            lambda present, length: torch.cat(
                [present[:, None] + 1, NOTEBOOK["mended_others"](present, length)[:, 1:]], 1
            )
        ),
    ),
    ("the symptom is still there", beside(lambda present, length: (present[:, None] - torch.arange(1, 8)) % length)),
    ("the symptom is still there", beside(lambda present, length: (present[:, None] + torch.arange(9, 16)) % length)),
    ("it stops with IndexError", beside(lambda present, length: present[:, None] + 100 * torch.arange(1, 8))),
    (
        "must be within it",
        run("negatives", lambda others, *nets: (lambda now, length: now[:, None] + 100 * torch.arange(1, 8), *nets)),
    ),
    (
        "must be within it",
        run("negatives", lambda others, *nets: (lambda present, length: others(present, 4000), *nets)),
    ),
    ("less than 100 frames", beside(lambda present, length: torch.randint(length, (len(present), 7)))),
    ("less than 100 frames", beside(of_other_questions)),
    ("less than 100 frames", offset(60, 3940)),
    (
        "whole numbers",
        run("negatives", lambda others, *nets: (lambda present, length: others(present, length).float(), *nets)),
    ),
    (
        "whole numbers",
        run("negatives", lambda others, *nets: (lambda present, length: others(present, length)[0], *nets)),
    ),
    (
        "the symptom is still there",
        run("negatives", lambda others, net, predictor: (others, *BROKEN["negatives"]()[1:])),
    ),
]
negatives = BROKEN["negatives"]


def found(count):
    """A ruler of program 21, of how well the candidates of 1,000 questions fit (N, 8)."""

    def ruler(others, net, predictor):
        torch.manual_seed(1)
        present, far = torch.randint(1000, (1000,)), torch.randint(2000, 4000, (1000, 7))
        return count(NOTEBOOK["answers"](net, predictor, NOTEBOOK["signal"](1), present, far))

    return ruler


RIGHT["clinic.negatives_symptom"] += [
    (negatives, found(lambda fits: 100 * (fits[:, :1] > fits[:, 1:]).all(dim=1).double().mean())),
]
WRONG["clinic.negatives_symptom"] += [
    ("compare with what is asked", (negatives, found(lambda fits: (fits.argmax(1) == 0).float().mean()))),
    ("compare with what is asked", (negatives, found(lambda fits: 100 * (fits[:, :1] > fits[:, 1:]).float().mean()))),
    ("compare with what is asked", (negatives, found(lambda fits: 100 * (fits.argmax(1) != 0).float().mean()))),
]


# --- 22: an order


def asking(asked):
    return lambda: NOTEBOOK["shuffled"](asked)


def arranged(part, order):
    return part.take_along_dim(order[:, :, None], dim=1)


def by_gather(encoder, film, order):
    return encoder(film.gather(1, order[..., None].expand(-1, -1, film.shape[2])))


def frame_by_frame(encoder, film, order):
    return torch.stack([encoder(one[places][None])[0] for one, places in zip(film, order, strict=True)])


def in_place(encoder, film, order):
    shown = torch.empty_like(film)
    for place in range(4):
        shown[:, place] = film[torch.arange(len(film)), order[:, place]]
    return encoder(shown)


def without_places(encoder, film, order):
    """Each frame by itself, and not its place: then it may be shuffled afterwards."""
    return arranged(F.relu(encoder.frame(film)), order)


RIGHT["clinic.shuffled_mended"] += [
    asking(by_gather),
    asking(in_place),
    asking(without_places),
    asking(lambda encoder, film, order: encoder(film[torch.arange(len(film))[:, None], order])),
    asking(lambda encoder, film, order: encoder(arranged(film, order.flip(1)))),
    asking(lambda encoder, film, order: encoder(F.one_hot(order, 4).float() @ film)),
    asking(lambda encoder, film, order: encoder(arranged(film, order.argsort(1)))),  # mixed and steady stay so
    lambda: (frame_by_frame, *MENDED["shuffled"]()[1:]),
]
WRONG["clinic.shuffled_mended"] += [
    ("nothing is shuffled", asking(lambda encoder, film, order: encoder(film))),
    ("nothing is shuffled", asking(lambda encoder, film, order: encoder(film).flip(1))),
    ("other features each time", asking(lambda encoder, film, order: encoder(film[:, torch.randperm(4)]))),
    ("orders of other films", asking(lambda encoder, film, order: encoder(arranged(film, order.roll(1, 0))))),
    ("once is enough", asking(lambda encoder, film, order: arranged(encoder(arranged(film, order)), order))),
    (
        "put back into the order",
        asking(lambda encoder, film, order: arranged(encoder(arranged(film, order)), order.argsort(1))),
    ),
    ("orders of other films", asking(lambda encoder, film, order: encoder(film[:, order[0]]))),
    ("their frames get mixed", asking(lambda encoder, film, order: encoder(arranged(film, order).roll(1, 0)))),
    ("the symptom is still there", asking(lambda encoder, film, order: arranged(encoder(film), order.flip(1)))),
    (
        "the symptom is still there",
        asking(lambda encoder, film, order: encoder(arranged(film, order)) + order[:, :, None]),
    ),
    (
        "has the network been trained",
        run(
            "shuffled", lambda asked, encoder, verifier: (asked, encoder, nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))
        ),
    ),
    ("nothing is shuffled", asking(lambda encoder, film, order: 0 * encoder(arranged(film, order)))),
]
shuffled = BROKEN["shuffled"]


def judged(count, film=lambda: NOTEBOOK["films"](1000, seed=1)[:, :1].expand(-1, 4, -1)):
    """A ruler of program 22, of logits (N, 2) and answers (N,)."""

    def ruler(asked, encoder, verifier):
        torch.manual_seed(1)
        order, steady = NOTEBOOK["drawn"](1000)
        return count(verifier(asked(encoder, film(), order)), steady)

    return ruler


RIGHT["clinic.shuffled_symptom"] += [
    (shuffled, judged(lambda said, steady: 100 * ((said[:, 1] > said[:, 0]) == steady.bool()).double().mean())),
]
WRONG["clinic.shuffled_symptom"] += [
    ("compare with what is asked", (shuffled, judged(lambda said, steady: (said.argmax(1) == steady).float().mean()))),
    ("compare with what is asked", (shuffled, judged(lambda said, steady: 100 * (said.argmax(1) == 1).float().mean()))),
    (
        "of a healthy one",
        (
            shuffled,
            judged(
                lambda said, steady: 100 * (said.argmax(1) == steady).float().mean(), lambda: NOTEBOOK["films"](1000, 1)
            ),
        ),
    ),
]


# --- 23: pictures and captions


def pairing(pair_loss):
    return lambda: NOTEBOOK["captions"](pair_loss)


def rows_and_columns(of):
    """A loss made of logits, places, and owners: whose caption each column holds."""
    return pairing(lambda logits, places: of(logits, places, places.argsort()))


def two_sides(logits, row_labels, column_labels):
    return (F.cross_entropy(logits, row_labels) + F.cross_entropy(logits.T, column_labels)) / 2


def in_order_again(logits, places):
    logits, counted = logits[:, places], torch.arange(len(places))
    return two_sides(logits, counted, counted)


def owners_by_search(logits, places):
    owners = torch.tensor([places.tolist().index(column) for column in range(len(places))])
    return two_sides(logits, places, owners)


def owners_by_writing(logits, places):
    owners = torch.empty_like(places)
    owners[places] = torch.arange(len(places))
    return F.cross_entropy(logits, places) + F.cross_entropy(logits.T, owners)


def with_probabilities(logits, places):
    pair = F.one_hot(places, len(places)).float()  # (B, B)
    return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair.T)) / 2


def of_diagonals(logits, places):
    rows = torch.arange(len(places))
    own = logits.double()[rows, places]
    return (logits.double().logsumexp(1) - own).mean() / 2 + (logits.double().logsumexp(0)[places] - own).mean() / 2


def of_turned_rows(logits, places):
    sides = F.cross_entropy(logits, places), F.cross_entropy(logits[places.argsort()].t(), counted(logits))
    return torch.stack(sides).mean()


def from_numpy(logits, places):
    return two_sides(logits, places, torch.from_numpy(np.argsort(places.numpy())))


def along_rows(logits, labels, others):
    return F.cross_entropy(logits, labels) + F.cross_entropy(logits, others)


def counted(logits):
    return torch.arange(len(logits))


RIGHT["clinic.captions_mended"] += [
    pairing(in_order_again),
    pairing(owners_by_search),
    pairing(owners_by_writing),
    pairing(with_probabilities),
    pairing(of_diagonals),
    pairing(from_numpy),
    pairing(of_turned_rows),
]
WRONG["clinic.captions_mended"] += [
    ("captions no longer look", pairing(F.cross_entropy)),
    ("pictures no longer look", rows_and_columns(lambda logits, places, owners: F.cross_entropy(logits.T, owners))),
    ("on the wrong side", rows_and_columns(lambda logits, places, owners: two_sides(logits, owners, places))),
    ("the symptom is still there", rows_and_columns(lambda logits, places, owners: two_sides(logits, owners, owners))),
    ("in the order of the pictures", pairing(lambda logits, places: two_sides(logits, places, counted(logits)))),
    (
        "in the order of the pictures",
        pairing(lambda logits, places: two_sides(logits, counted(logits), counted(logits))),
    ),
    ("look along the rows", rows_and_columns(lambda logits, places, owners: along_rows(logits, places, owners))),
    ("look along the rows", pairing(lambda logits, places: along_rows(logits, places, places))),
    ("summed over the pairs", pairing(lambda logits, places: len(places) * in_order_again(logits, places))),
    ("divided by 4", pairing(lambda logits, places: in_order_again(logits, places) / 2)),
    ("the sign is turned round", pairing(lambda logits, places: -in_order_again(logits, places))),
    (
        "softmax is taken twice",
        rows_and_columns(
            lambda logits, places, owners: (
                (F.cross_entropy(logits.softmax(1), places) + F.cross_entropy(logits.T.softmax(1), owners)) / 2
            )
        ),
    ),
    (
        "is one of the sides detached",
        rows_and_columns(
            lambda logits, places, owners: (
                (F.cross_entropy(logits, places) + F.cross_entropy(logits.T, owners).detach()) / 2
            )
        ),
    ),
    ("for logits of chance", pairing(lambda logits, places: 2 * in_order_again(logits, places) / 3)),
    ("for logits of chance", pairing(lambda logits, places: 0.9 * F.cross_entropy(logits, places))),
    ("the symptom is still there", run("captions", lambda pair_loss, net, reader: (pair_loss, head(), reader))),
    ("it stops with", pairing(lambda logits, places: in_order_again(logits, places).item())),
    (
        "must return the same things",
        run("captions", lambda pair_loss, net, reader: (lambda logits, places: None, net, reader)),
    ),
]
captions = BROKEN["captions"]


def of_pairs(size):
    """A ruler of program 23, of the outputs for new pictures and for their captions (N, 8)."""

    def ruler(pair_loss, net, reader):
        torch.manual_seed(1)
        new = draw(256, seed=1)
        return size(net(view(new)), reader(NOTEBOOK["captions_of"](new)))

    return ruler


def own_and_next(z, t):
    return F.cosine_similarity(z, t), F.cosine_similarity(z, torch.cat([t[1:], t[:1]]))


RIGHT["clinic.captions_symptom"] += [
    (
        captions,
        of_pairs(lambda z, t: (F.normalize(z) * (F.normalize(t) - F.normalize(t).roll(-1, 0))).sum(1).double().mean()),
    ),
    (captions, of_pairs(lambda z, t: F.cosine_similarity(z, t).mean() - F.cosine_similarity(z, t.roll(1, 0)).mean())),
    (captions, of_pairs(lambda z, t: (own_and_next(z, t)[0] - own_and_next(z, t)[1]).mean().detach().numpy())),
]
WRONG["clinic.captions_symptom"] += [
    (
        "the sign is turned round",
        (captions, of_pairs(lambda z, t: (own_and_next(z, t)[1] - own_and_next(z, t)[0]).mean())),
    ),
    ("in per cent", (captions, of_pairs(lambda z, t: 100 * (own_and_next(z, t)[0] - own_and_next(z, t)[1]).mean()))),
    (
        "of a healthy one",
        (captions, of_pairs(lambda z, t: (own_and_next(z, t)[0] - own_and_next(z, t)[1]).abs().mean())),
    ),
    ("compare with what is asked", (captions, of_pairs(lambda z, t: F.cosine_similarity(z, t).mean()))),
    ("compare with what is asked", (captions, of_pairs(lambda z, t: NOTEBOOK["found"](z, t)))),
]


# --- 24: a student and its teacher


def following(followed):
    return lambda: NOTEBOOK["distillation"](followed)


def shares(own, other):
    """A teacher of so much of its own and so much of the net, without a gradient."""
    return following(
        lambda teacher, net: {
            name: own * teacher[name] + other * weight.detach() for name, weight in net.named_parameters()
        }
    )


@torch.no_grad()
def without_gradient(teacher, net):
    return NOTEBOOK["followed"](teacher, net)


def written_into(teacher, net):
    with torch.no_grad():
        for name, weight in net.named_parameters():
            teacher[name].lerp_(weight, 0.1)
    return teacher


def cut_afterwards(teacher, net):
    return {name: weight.detach() for name, weight in NOTEBOOK["followed"](teacher, net).items()}


def of_state(teacher, net):
    return {name: torch.lerp(teacher[name], weight, 0.1) for name, weight in net.state_dict().items()}


def in_numpy(teacher, net):
    weights = {name: weight.detach().numpy() for name, weight in net.named_parameters()}
    return {name: torch.from_numpy(0.9 * teacher[name].numpy() + 0.1 * weights[name]) for name in weights}


def asking_itself(teacher, net):
    """Leaves that ask for a gradient: it ends there."""
    return {name: weight.requires_grad_() for name, weight in cut_afterwards(teacher, net).items()}


def some_cut(teacher, net):
    """The biases still hang on the net."""
    new = NOTEBOOK["followed"](teacher, net)
    return {name: weight.detach() if "weight" in name else weight for name, weight in new.items()}


def only_the_first(teacher, net):
    new = cut_afterwards(teacher, net)
    return {name: weight if name.startswith("0") else teacher[name] for name, weight in new.items()}


@torch.no_grad()
def backwards(teacher, net):
    new = {name: 0.9 * teacher[name] + 0.1 * weight for name, weight in net.named_parameters()}
    for name, weight in net.named_parameters():
        weight.copy_(new[name])
    return new


def looking_at_colours():
    net = nn.Linear(16, 8, bias=False)
    net.weight.data[:, :8] = 0
    return net


RIGHT["clinic.distillation_mended"] += [
    following(without_gradient),
    following(written_into),
    following(cut_afterwards),
    following(of_state),
    following(in_numpy),
    following(asking_itself),
]
WRONG["clinic.distillation_mended"] += [
    ("stays as it was", shares(1, 0)),
    ("the teacher is the net", shares(0, 1)),
    ("belong to the teacher's own", shares(0.1, 0.9)),
    ("name by name", shares(0.5, 0.5)),
    ("name by name", shares(0.9, 0.9)),
    ("name by name", following(only_the_first)),
    ("a gradient still gets", lambda: (some_cut, *MENDED["distillation"]()[1:])),
    ("changes the net's own weights", following(backwards)),
    ("the symptom is still there", lambda: (without_gradient, *BROKEN["distillation"]()[1:])),
    (
        "has the network been trained",
        run("distillation", lambda followed, net, data: (followed, looking_at_colours(), data)),
    ),
    ("the same things", run("distillation", lambda followed, net, data: (lambda teacher, net: None, net, data))),
]
distillation = BROKEN["distillation"]


def of_views(size):
    """A ruler of program 24, of the outputs for two views of all pictures."""

    def ruler(followed, net, data):
        torch.manual_seed(1)
        return size(net(view(data)), net(view(data)))

    return ruler


def all_strangers(z1, z2):
    table = F.normalize(z1) @ F.normalize(z2).T
    return table[~torch.eye(len(table), dtype=torch.bool)].mean()


RIGHT["clinic.distillation_symptom"] += [
    (distillation, of_views(lambda z1, z2: F.cosine_similarity(z1.roll(1, 0), z2).double().mean())),
    (distillation, of_views(lambda z1, z2: F.cosine_similarity(z1.roll(-1, 0), z2).mean())),
    (distillation, of_views(all_strangers)),
]
WRONG["clinic.distillation_symptom"] += [
    ("compare with what is asked", (distillation, of_views(lambda z1, z2: 1 - all_strangers(z1, z2)))),
    ("compare with what is asked", (distillation, of_views(lambda z1, z2: (z1 * z2.roll(-1, 0)).sum(1).mean()))),
    ("of a healthy one", (distillation, of_views(lambda z1, z2: F.cosine_similarity(z1, z2).mean() - 0.044))),
]


# --- 25: prototypes


def costing(dino_loss):
    return lambda: NOTEBOOK["prototypes"](dino_loss)


def telling(aim, told):
    """A loss of two functions that make logits of (teacher, centre) and (student, centre)."""
    return costing(
        lambda teacher, student, centre: F.cross_entropy(told(student, centre), aim(teacher, centre).softmax(1))
    )


def row_of_row(teacher, student, centre):
    costs = []
    for says, told in zip(teacher, student, strict=True):
        aim = torch.exp((says - centre) / 0.04 - torch.logsumexp((says - centre) / 0.04, 0))
        costs.append(torch.dot(aim, torch.logsumexp(told / 0.1, 0) - told / 0.1))
    return sum(costs) / len(costs)


def divergence_and_entropy(teacher, student, centre):
    aim = ((teacher - centre) * 25).softmax(dim=-1)
    told = (10 * student).log_softmax(dim=-1)
    return F.kl_div(told, aim, reduction="batchmean") + torch.special.entr(aim).sum(-1).mean()


def divergence(teacher, student, centre):
    """Less by what the student can't change."""
    aim = ((teacher - centre) / 0.04).softmax(dim=1)
    return F.kl_div((student / 0.1).log_softmax(dim=1), aim, reduction="batchmean")


def weighed(aim, told):
    """A mistake that is told by its value: a loss of both functions of probabilities and logarithms."""

    def loss(teacher, student, centre):
        return -(aim((teacher - centre) / 0.04) * told(student / 0.1)).sum(dim=1).mean()

    return valued(loss)


def valued(loss):
    """With a network that has learnt: what the loss gives is looked at first."""
    return lambda: (loss, *MENDED["prototypes"]()[1:])


def in_double(teacher, student, centre):
    aim = ((teacher.double() - centre) / 0.04).softmax(dim=1)
    return -(aim * (student.double() / 0.1).log_softmax(dim=1)).sum() / len(teacher)


def plain(outputs, centre):
    return outputs / 0.1


def centred(outputs, centre):
    return (outputs - centre) / 0.04


RIGHT["clinic.prototypes_mended"] += [
    telling(centred, plain),
    costing(divergence_and_entropy),
    costing(in_double),
    lambda: (row_of_row, *MENDED["prototypes"]()[1:]),
    telling(lambda teacher, centre: torch.sub(teacher, centre[None]).div(0.04), plain),
    telling(lambda teacher, centre: (teacher - centre).detach() / 0.04, lambda student, centre: 10 * student),
    costing(divergence),
]
WRONG["clinic.prototypes_mended"] += [
    ("from the student, too", telling(centred, lambda student, centre: (student - centre) / 0.1)),
    ("isn't used at all", telling(lambda teacher, centre: teacher / 0.04, plain)),
    ("added to the teacher's", telling(lambda teacher, centre: (teacher + centre) / 0.04, plain)),
    (
        "added to the student's",
        telling(lambda teacher, centre: teacher / 0.04, lambda student, centre: (student + centre) / 0.1),
    ),
    ("before they are divided", telling(lambda teacher, centre: teacher / 0.04 - centre, plain)),
    (
        "before the softmax",
        costing(
            lambda teacher, student, centre: (
                -(((teacher / 0.04).softmax(1) - centre) * (student / 0.1).log_softmax(1)).sum(1).mean()
            )
        ),
    ),
    (
        "temperatures are exchanged",
        telling(lambda teacher, centre: (teacher - centre) / 0.1, lambda student, centre: student / 0.04),
    ),
    ("the same temperature", telling(lambda teacher, centre: (teacher - centre) / 0.1, plain)),
    ("the same temperature", telling(centred, lambda student, centre: student / 0.04)),
    (
        "teacher and student are exchanged",
        costing(lambda teacher, student, centre: F.cross_entropy(centred(teacher, centre), (student / 0.1).softmax(1))),
    ),
    (
        "teacher and student are exchanged",
        valued(lambda teacher, student, centre: row_of_row(student, teacher, centre)),
    ),
    ("temperatures are missing", telling(torch.sub, lambda student, centre: student)),
    (
        "temperatures are missing",
        telling(lambda teacher, centre: 0.04 * (teacher - centre), lambda student, centre: student / 10),
    ),
    ("softmax is over the batch", weighed(lambda x: x.softmax(0), lambda x: x.log_softmax(0))),
    ("the log is missing", weighed(lambda x: x.softmax(1), lambda x: x.softmax(1))),
    ("without a log", weighed(lambda x: x.log_softmax(1), lambda x: x.log_softmax(1))),
    ("the sign is lost", valued(lambda *given: -row_of_row(*given))),
    ("mean is over all numbers", valued(lambda *given: row_of_row(*given) / 32)),
    ("summed over the pictures", valued(lambda *given: row_of_row(*given) * len(given[0]))),
    ("centre of this batch", telling(lambda teacher, centre: centred(teacher, teacher.mean(0)), plain)),
    (
        "names one prototype alone",
        valued(lambda teacher, student, centre: F.cross_entropy(student / 0.1, (teacher - centre).argmax(1))),
    ),
    ("subtracted from the centre", telling(lambda teacher, centre: (centre - teacher) / 0.04, plain)),
    ("added to the student's output", telling(centred, lambda student, centre: (student + centre) / 0.1)),
    ("for outputs of chance", lambda: (lambda *given: 2 * row_of_row(*given), *MENDED["prototypes"]()[1:])),
    ("the symptom is still there", lambda: (row_of_row, *BROKEN["prototypes"]()[1:])),
    ("the symptom is still there", run("prototypes", lambda dino_loss, net: (dino_loss, head(16, 32)))),
    ("the same things", run("prototypes", lambda dino_loss, net: (lambda *given: None, net))),
]
prototypes = BROKEN["prototypes"]


def of_prototypes(size):
    """A ruler of program 25, of the outputs for 1,000 new pictures (N, 32)."""

    def ruler(dino_loss, net):
        torch.manual_seed(1)
        return size(net(view(draw(1000, seed=1))))

    return ruler


RIGHT["clinic.prototypes_symptom"] += [
    (prototypes, of_prototypes(lambda said: 100 * F.one_hot(said.argmax(1)).double().mean(0).max())),
    (prototypes, of_prototypes(lambda said: (said.argmax(1) == said.argmax(1).mode().values).float().mean() * 100)),
]
WRONG["clinic.prototypes_symptom"] += [
    ("isn't in per cent", (prototypes, of_prototypes(lambda said: said.argmax(1).bincount().max() / len(said)))),
    ("compare with what is asked", (prototypes, of_prototypes(lambda said: len(said.argmax(1).unique())))),
    ("of a healthy one", (prototypes, of_prototypes(lambda said: 100 - len(said.argmax(1).unique()) + 1))),
]


# --- 26: what is hidden


def showing(shown):
    return lambda: NOTEBOOK["prediction"](shown)


def blanked(pictures, hidden):
    return pictures.masked_fill(hidden.unsqueeze(2), 0.0)


def cloned(pictures, hidden):
    context = pictures.clone()
    context[hidden] = 0.0
    return context, pictures


def times_the_rest(pictures, hidden):
    return [pictures * (~hidden)[..., None], pictures]


def whole_kept(pictures, hidden):
    """The picture itself is written into, and the teacher gets a copy that was made before."""
    whole = pictures.clone()
    pictures[hidden] = 0.0
    return pictures, whole


def by_where(pictures, hidden):
    return torch.where(hidden[:, :, None], torch.zeros(()), pictures), pictures.detach()


def patch_by_patch(pictures, hidden):
    context = torch.zeros_like(pictures)
    for picture, patch in (~hidden).nonzero().tolist():
        context[picture, patch] = pictures[picture, patch]
    return context, pictures


def with_noise(pictures, hidden):
    context = copy.deepcopy(pictures)
    context[hidden] = torch.randn(int(hidden.sum()), 16)
    return context, pictures


def through_numpy(pictures, hidden):
    context = pictures.numpy().copy()
    context[hidden.numpy()] = 0
    return torch.from_numpy(context), pictures


RIGHT["clinic.prediction_mended"] += [
    showing(cloned),
    showing(times_the_rest),
    showing(whole_kept),
    showing(by_where),
    showing(patch_by_patch),
    showing(with_noise),
    showing(through_numpy),
]
WRONG["clinic.prediction_mended"] += [
    ("the student sees all", showing(lambda pictures, hidden: (pictures, pictures))),
    ("the student sees all", showing(lambda pictures, hidden: (pictures.clone(), blanked(pictures, hidden)))),
    ("the wrong patches", showing(lambda pictures, hidden: (blanked(pictures, ~hidden), pictures))),
    (
        "not all of the others",
        showing(lambda pictures, hidden: (blanked(pictures, hidden), blanked(pictures, ~hidden))),
    ),
    ("each in its place", showing(lambda pictures, hidden: (torch.zeros_like(pictures), pictures))),
    ("each in its place", showing(lambda pictures, hidden: (blanked(pictures, hidden).flip(1), pictures))),
    ("what has been changed in it", showing(lambda pictures, hidden: (blanked(pictures, hidden), pictures.flip(0)))),
    ("what has been changed in it", showing(lambda pictures, hidden: (blanked(pictures, hidden), 2 * pictures))),
    (
        "still changes with what is hidden",
        showing(lambda pictures, hidden: (blanked(pictures, hidden) + 0.1 * blanked(pictures, ~hidden), pictures)),
    ),
    ("the symptom is still there", showing(lambda pictures, hidden: (blanked(pictures, hidden),) * 2)),
    (
        "has the network been trained",
        run("prediction", lambda shown, net, teacher: (shown, NOTEBOOK["PatchEncoder"](), teacher)),
    ),
    ("has the network been trained", lambda: (cloned, *BROKEN["prediction"]()[1:])),
    ("the same things", run("prediction", lambda shown, net, teacher: (lambda *given: given[0], net, teacher))),
]
prediction = BROKEN["prediction"]


def moved_aims(size, other=1, of=-1):
    """A ruler of program 26, of how the teacher's answers differ (N, 6, 32), and what is hidden (N, 6)."""

    def ruler(shown, *networks):
        says = networks[of]
        torch.manual_seed(1)
        hidden = torch.rand(256, 6).argsort(dim=1) < 3
        first, second = NOTEBOOK["patches"](draw(256, seed=1)), NOTEBOOK["patches"](draw(256, seed=2))
        second[~hidden] = first[~hidden]
        return size(says(shown(first, hidden)[other]) - says(shown(second, hidden)[other]), hidden)

    return ruler


RIGHT["clinic.prediction_symptom"] += [
    (prediction, moved_aims(lambda change, hidden: F.l1_loss(change[hidden], torch.zeros(768, 32)))),
    (prediction, moved_aims(lambda change, hidden: (change.abs().mean(2) * hidden).double().sum() / hidden.sum())),
]
WRONG["clinic.prediction_symptom"] += [
    ("of a healthy one", (prediction, moved_aims(lambda change, hidden: change[~hidden].abs().mean()))),
    ("of a healthy one", (prediction, moved_aims(lambda change, hidden: change[hidden].abs().mean(), other=0))),
    ("of a healthy one", (prediction, moved_aims(lambda change, hidden: change[hidden].abs().mean(), of=0))),
    ("of a healthy one", (prediction, moved_aims(lambda change, hidden: change[hidden].pow(2).mean()))),
    ("of a healthy one", (prediction, moved_aims(lambda change, hidden: change[hidden].mean()))),
]
