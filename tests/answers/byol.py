"""Answers to the exercises of lesson 05 as students write them: right ones, and each known mistake made once."""

import copy
import io
import math

import numpy as np
import torch
import torch.nn.functional as F


def unit(z, dim=1):
    return z / z.norm(dim=dim, keepdim=True)


def loss_by_image(p, t):
    total = 0.0
    for one, other in zip(p, t, strict=True):
        total = total + (one / one.norm() - other / other.norm()).pow(2).sum()
    return total / len(p)


def loss_by_cosine(p, t):
    return (2 - 2 * F.cosine_similarity(p, t)).mean()


def loss_by_product(p, t):
    return 2 - 2 * torch.einsum("bd,bd->b", unit(p), unit(t)).mean()


def loss_by_distance(p, t):
    return torch.cdist(F.normalize(p, dim=-1)[:, None], F.normalize(t, dim=-1)[:, None]).pow(2).mean()


def loss_in_double(p, t):
    p, t = p.double(), t.double()
    p = p / (p * p).sum(1).sqrt()[:, None]
    t = t / torch.linalg.vector_norm(t, dim=1)[:, None]
    return torch.stack([2 - 2 * torch.dot(*pair) for pair in zip(p, t, strict=True)]).mean()


def loss_by_matrix(p, t):
    """The cosines of partners are the diagonal of all."""
    cosines = F.normalize(p, dim=1).matmul(F.normalize(t, dim=1).transpose(0, 1))
    return 2 - 2 * cosines.trace() / cosines.shape[0]


def loss_as_a_module(p, t):
    ones = torch.ones(len(p))
    return 2 * torch.nn.CosineEmbeddingLoss()(p, t, ones)


def unit_lengths(z):
    """Lengths that count as constants, which is a mistake."""
    return z.norm(dim=1, keepdim=True).detach()


def at_once(online, predictor, target, view1, view2, *, held=True, shares=(1, 1), shift=1):
    """Both views in one go, as the package does it, with the parts that mistakes are made in as options."""
    views = torch.cat([view1, view2])
    p1, p2 = predictor(online(views)).chunk(2)
    t = target(views)
    t = (t.detach() if held else t).chunk(2)
    return shares[0] * loss_by_cosine(p1, t[shift]) + shares[1] * loss_by_cosine(p2, t[1 - shift])


def without_gradient(online, predictor, target, view1, view2):
    with torch.no_grad():
        t1, t2 = target(view1), target(view2)
    return loss_by_image(predictor(online(view1)), t2) + loss_by_image(predictor(online(view2)), t1)


def with_a_loop(online, predictor, target, view1, view2):
    losses = []
    for here, there in ((view1, view2), (view2, view1)):
        losses.append(loss_by_product(predictor(online(here)), target(there).detach()))
    return sum(losses)


def frozen_inside(online, predictor, target, view1, view2):
    target.requires_grad_(False)
    return at_once(online, predictor, target, view1, view2, held=False)


def frozen_one_after_the_other(online, predictor, target, view1, view2):
    for weight in target.parameters():
        weight.requires_grad = False
    return with_a_loop(online, predictor, target, view1, view2)


def a_copy_asked(online, predictor, target, view1, view2):
    target = copy.deepcopy(target).eval()
    return with_a_loop(online, predictor, target, view1, view2)


@torch.enable_grad()
def new_tensors_for_the_target(online, predictor, target, view1, view2):
    t1, t2 = (torch.tensor(target(view).tolist()) for view in (view1, view2))
    return torch.stack(
        [loss_by_cosine(predictor(online(view1)), t2), loss_by_cosine(predictor(online(view2)), t1)]
    ).sum()


def twice_the_mean(online, predictor, target, view1, view2):
    p = predictor(online(torch.vstack((view1, view2))))
    with torch.inference_mode():
        t = target(torch.vstack((view2, view1)))
    return 2 * loss_by_image(p, t.clone())


def one_detached(first):
    def loss(online, predictor, target, view1, view2):
        t1, t2 = target(view1), target(view2)
        t1, t2 = (t1.detach(), t2) if first else (t1, t2.detach())
        return loss_by_image(predictor(online(view1)), t2) + loss_by_image(predictor(online(view2)), t1)

    return loss


def nothing_learns(*parts):
    with torch.no_grad():
        return with_a_loop(*parts)


def wrong_side(online, predictor, target, view1, view2):
    p1, p2 = predictor(online(view1)).detach(), predictor(online(view2)).detach()
    return loss_by_cosine(p1, target(view2)) + loss_by_cosine(p2, target(view1))


def only_the_predictor(online, predictor, target, view1, view2):
    with torch.no_grad():
        z1, z2, t1, t2 = online(view1), online(view2), target(view1), target(view2)
    return loss_by_cosine(predictor(z1), t2) + loss_by_cosine(predictor(z2), t1)


def two_predictors(online, predictor, target, view1, view2):
    return with_a_loop(online, predictor, torch.nn.Sequential(target, predictor), view1, view2)


def frozen(online):
    target = copy.deepcopy(online)
    for weight in target.parameters():
        weight.requires_grad = False
    return target


def frozen_by_state(online):
    target = copy.deepcopy(online)
    target.load_state_dict(online.state_dict())
    return target.eval().requires_grad_(False)


def frozen_one_by_one(online):
    parts = [copy.deepcopy(part).requires_grad_(False) for part in online]
    return torch.nn.Sequential(*parts)


def frozen_by_pickle(online):
    file = io.BytesIO()
    torch.save(online, file)
    file.seek(0)
    return torch.load(file, weights_only=False).requires_grad_(False)


def frozen_layer_by_layer(online):
    layers = []
    for layer in online:
        new = copy.deepcopy(layer)
        new.requires_grad_(False)
        layers.append(new)
    return torch.nn.Sequential(*layers).train(online.training)


def without_statistics(online):
    target = frozen(online)
    target[1] = torch.nn.BatchNorm1d(1)
    target[1].load_state_dict(online[1].state_dict() | torch.nn.BatchNorm1d(1).state_dict())
    with torch.no_grad():
        target[1].weight.copy_(online[1].weight)
        target[1].bias.copy_(online[1].bias)
    return target.requires_grad_(False)


def shallow(online):
    return copy.copy(online)


def frozen_under_another_name(online):
    target = online
    for weight in target.parameters():
        weight.requires_grad = False
    return target


def frozen_first(online):
    for weight in online.parameters():
        weight.requires_grad = False
    return copy.deepcopy(online)


def by_state(target, online, decay):
    new = {}
    for name, mine in target.state_dict().items():
        theirs = online.state_dict()[name]
        new[name] = decay * mine + (1 - decay) * theirs if mine.is_floating_point() else theirs
    target.load_state_dict(new)
    return target


@torch.no_grad()
def in_place(target, online, decay):
    for mine, theirs in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        if mine.is_floating_point():
            mine.mul_(decay).add_(theirs, alpha=1 - decay)
    return target


def by_data(target, online, decay):
    pairs = [*zip(target.parameters(), online.parameters(), strict=True)]
    pairs += [*zip(target.buffers(), online.buffers(), strict=True)]
    for mine, theirs in pairs:
        if mine.is_floating_point():
            mine.data += (1 - decay) * (theirs.data - mine.data)
    return target


@torch.no_grad()
def with_lerp(target, online, decay):
    for mine, theirs in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - decay)
    return target


def by_state_without_no_grad(target, online, decay):
    """The tensors of state_dict are detached, so nothing is recorded."""
    theirs = online.state_dict()
    for name, mine in target.state_dict().items():
        if mine.is_floating_point():
            mine.copy_(decay * mine + (1 - decay) * theirs[name])
    return target


def through_numpy(target, online, decay):
    for mine, theirs in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        if torch.is_floating_point(mine):
            array = mine.numpy()
            array[...] = decay * array + (1 - decay) * theirs.detach().numpy()
    return target


def module_by_module(target, online, decay):
    with torch.no_grad():
        for mine, theirs in zip(target.modules(), online.modules(), strict=True):
            for name, value in [*mine.named_parameters(recurse=False), *mine.named_buffers(recurse=False)]:
                if value.is_floating_point():
                    value.set_(value * decay + getattr(theirs, name).detach() * (1 - decay))
    return target


def in_a_new_network(target, online, decay):
    return in_place(copy.deepcopy(target), online, decay)


def weights_recorded(target, online, decay):
    for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
        mine.copy_(decay * mine + (1 - decay) * theirs)
    return target


def recorded(target, online, decay):
    for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
        mine.mul_(decay).add_(theirs, alpha=1 - decay)
    for mine, theirs in zip(target.buffers(), online.buffers(), strict=True):
        if mine.is_floating_point():
            mine.mul_(decay).add_(theirs, alpha=1 - decay)
    return target


@torch.no_grad()
def weights_alone(target, online, decay):
    for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
        mine.copy_(decay * mine + (1 - decay) * theirs)
    return target


@torch.no_grad()
def buffers_copied(target, online, decay):
    weights_alone(target, online, decay)
    for mine, theirs in zip(target.buffers(), online.buffers(), strict=True):
        mine.copy_(theirs)
    return target


def only_a_name(target, online, decay):
    for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
        mine = decay * mine + (1 - decay) * theirs
    return target


def taken_over(target, online, decay):
    target.load_state_dict(online.state_dict())
    return target


@torch.no_grad()
def wrong_way(target, online, decay):
    for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
        theirs.copy_(decay * theirs + (1 - decay) * mine)
    return target


def summed(target, online, decay, *, share=1.0):
    states = zip(target.state_dict().values(), online.state_dict().values(), strict=True)
    for mine, theirs in states:
        if mine.is_floating_point():
            mine.copy_(decay * mine + share * theirs)
    return target


def schedule(progress, base):
    """Written as a mean of base and 1 with weights that sum to 1."""
    early = math.cos(math.pi * progress / 2) ** 2
    return early * base + (1 - early)


def emptied(online):
    """A right copy that costs the online network its weights."""
    target = copy.deepcopy(online).requires_grad_(False)
    for weight in online.parameters():
        weight.data.zero_()
    return target


def averaged(fixed=None, *, weights=lambda decay: decay, buffers=lambda decay: decay):
    """The moving average, with other shares that stay for the weights and for batch norm's numbers."""

    def update(target, online, decay):
        for kind, share in (("parameters", weights), ("buffers", buffers)):
            for mine, theirs in zip(getattr(target, kind)(), getattr(online, kind)(), strict=True):
                if mine.is_floating_point():
                    mine.data.lerp_(theirs.data, 1 - share(fixed or decay))
        return target

    return update


RIGHT = {
    "byol.loss": [
        lambda p, t: 4 * torch.sin(torch.acos(F.cosine_similarity(p, t)) / 2).pow(2).mean(),
        lambda p, t: torch.cdist(F.normalize(p), F.normalize(t)).diag().pow(2).mean(),
        loss_by_image,
        loss_by_cosine,
        loss_by_product,
        loss_by_distance,
        loss_in_double,
        loss_by_matrix,
        loss_as_a_module,
    ],
    "byol.both_ways": [
        at_once,
        without_gradient,
        with_a_loop,
        frozen_inside,
        frozen_one_after_the_other,
        a_copy_asked,
        new_tensors_for_the_target,
        twice_the_mean,
    ],
    "byol.copy": [frozen, frozen_by_state, frozen_one_by_one, frozen_by_pickle, frozen_layer_by_layer],
    "byol.follow": [
        by_state,
        in_place,
        by_data,
        with_lerp,
        by_state_without_no_grad,
        through_numpy,
        module_by_module,
    ],
    "byol.decay": [
        lambda progress, base: np.array(1 - (1 - base) * (np.cos(np.pi * progress) + 1) / 2),
        lambda progress, base: base + (1 - base) * math.sin(math.pi / 2 * progress) ** 2,
        schedule,
        lambda progress, base: torch.tensor(1 - (1 - base) * (1 + math.cos(math.pi * progress)) / 2),
        lambda progress, base: base + (1 - base) * math.sin(math.pi * progress / 2) ** 2,
        lambda progress, base: np.float32(1 - (1 - base) * 0.5 * (np.cos(np.pi * progress) + 1)),
        lambda progress, base: 1.0 if progress == 1 else (1 + base - (1 - base) * math.cos(progress * math.pi)) / 2,
        lambda progress, base: torch.lerp(
            torch.tensor(1.0), torch.tensor(base), (1 + math.cos(math.pi * progress)) / 2
        ),
    ],
    "byol.clouds": ["cloud c", "c (the ring)", "c", "C", " c", "c)", "(C)"],
    "byol.table": ["row b", "run b", "b", "B", "b ", "b.", "[b]"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "byol.loss": [
        ("only one of the two lengths", lambda p, t: (2 - 2 * (p / p.norm(dim=1, keepdim=True) * t).sum(1)).mean()),
        ("making them short", lambda p, t: F.mse_loss(p, t) * p.shape[1]),
        ("only the predictions", lambda p, t: (unit(p) - t).pow(2).sum(1).mean()),
        ("only the targets", lambda p, t: (p - unit(t)).pow(2).sum(1).mean()),
        ("each column", lambda p, t: (unit(p, 0) - unit(t, 0)).pow(2).sum(1).mean()),
        ("each column", lambda p, t: 2 - 2 * (unit(p, 0) * unit(t, 0)).sum(0).mean()),
        ("all pairs", lambda p, t: 2 - 2 * torch.einsum("id,jd->ij", unit(p), unit(t)).mean()),
        ("1 - cos", lambda p, t: 1 - F.cosine_similarity(p, t).mean()),
        ("SimSiam", lambda p, t: -(unit(p) * unit(t)).sum(1).mean()),
        ("opposite", lambda p, t: 2 + 2 * F.cosine_similarity(p, t).mean()),
        ("over all numbers", lambda p, t: (unit(p) - unit(t)).pow(2).mean()),
        ("over the images and the mean", lambda p, t: (unit(p) - unit(t)).pow(2).sum(0).mean()),
        ("summed", lambda p, t: (2 - 2 * F.cosine_similarity(p, t)).sum()),
        ("isn't squared", lambda p, t: F.pairwise_distance(unit(p), unit(t), eps=0).mean()),
        ("brackets are missing", lambda p, t: (2 - 2 * (p * t).sum(1) / p.norm(dim=1) * t.norm(dim=1)).mean()),
        ("brackets are missing", lambda p, t: (2 - 2 * (p * t).sum(1) / t.norm(dim=1) * p.norm(dim=1)).mean()),
        ("one common length", lambda p, t: (2 - 2 * (p @ t.T).diag() / (p.norm() * t.norm())).mean()),
        ("no gradient gets to prediction and target", torch.no_grad()(loss_by_image)),
        ("no gradient gets to prediction and target", lambda p, t: loss_by_cosine(p, t).detach()),
        ("no gradient gets to prediction and target", lambda p, t: torch.tensor(loss_by_cosine(p, t).item())),
        ("no gradient gets to prediction,", lambda p, t: loss_by_cosine(p.detach(), t)),
        ("no gradient gets to target", lambda p, t: loss_by_cosine(p, t.detach())),
        ("the gradient at prediction isn't", lambda p, t: (p / unit_lengths(p) - unit(t)).square().sum(1).mean()),
        ("cut the gradient", lambda p, t: float(loss_by_image(p, t))),
        ("one long vector", lambda p, t: (p / p.norm() - t / t.norm()).pow(2).sum()),
    ],
    "byol.both_ways": [
        (
            "other direction is missing",
            lambda o, p, t, a, b: 4 - 4 * F.cosine_similarity(p(o(a)), t(b).detach()).mean(),
        ),
        ("isn't held fixed", lambda *parts: at_once(*parts, held=False)),
        ("only one of the two targets", one_detached(True)),
        ("only one of the two targets", one_detached(False)),
        ("wrong side", wrong_side),
        ("online network is held fixed", only_the_predictor),
        ("nothing has a gradient", nothing_learns),
        ("other direction", lambda *parts: at_once(*parts, shares=(1, 0))),
        ("predicts itself", lambda *parts: at_once(*parts, shift=0)),
        ("mean of the two", lambda *parts: at_once(*parts, shares=(0.5, 0.5))),
        ("has the predictor, too", two_predictors),
        ("predictor is missing", lambda f, q, target, a, b: with_a_loop(f, lambda z: z, target, a, b)),
        ("isn't used", lambda f, q, target, a, b: without_gradient(f, q, f, a, b)),
        ("networks are swapped", lambda f, q, target, a, b: at_once(target, q, f, a, b)),
    ],
    "byol.copy": [
        ("evaluation mode", lambda online: copy.deepcopy(online.eval()).requires_grad_(False)),
        ("the online network's numbers", emptied),
        ("two names", shallow),
        ("now it is frozen", frozen_under_another_name),
        ("as in a new network", without_statistics),
        ("still asks", lambda online: copy.deepcopy(online)),
        ("as well", frozen_first),
        ("must be returned", lambda online: frozen(online).state_dict()),
    ],
    "byol.follow": [
        ("fixed number", averaged(0.99)),
        ("changed places for batch norm", averaged(buffers=lambda decay: 1 - decay)),
        ("weights stay", averaged(weights=lambda decay: 1.0)),
        ("both slips", lambda target, online, decay: weights_alone(target, online, 1 - decay)),
        ("changed places: decay is", lambda target, online, decay: in_place(target, online, 1 - decay)),
        ("doesn't list them", weights_alone),
        ("taken over as they are", buffers_copied),
        ("wrong way round", wrong_way),
        ("stays as it is", only_a_name),
        ("at once", taken_over),
        ("in full", summed),
        ("only shrinks", lambda target, online, decay: summed(target, online, decay, share=0.0)),
        ("plain mean", lambda target, online, decay: in_place(target, online, 0.5)),
        ("recorded for the gradient, so the target", recorded),
        ("torch.no_grad()), and batch norm's", weights_recorded),
        ("torch.no_grad()), and decay", lambda target, online, decay: recorded(target, online, 1 - decay)),
        ("torch.no_grad()), and both", lambda target, online, decay: weights_recorded(target, online, 1 - decay)),
        ("in a new network", in_a_new_network),
    ],
    "byol.decay": [
        ("angle is the progress", lambda progress, base: 1 - (1 - base) * (math.cos(progress) + 1) / 2),
        ("fixed number", lambda progress, base: 1 - 0.1 * (math.cos(math.pi * progress) + 1) / 2),
        ("brackets are missing", lambda progress, base: 1.5 - (1 - base) * math.cos(math.pi * progress)),
        ("falls from 1", lambda progress, base: 1 - (1 - base) * (1 - math.cos(math.pi * progress)) / 2),
        ("kept of the old", lambda progress, base: 1 - schedule(progress, base)),
        ("straight line", lambda progress, base: (1 - progress) * base + progress),
        ("stays at the base", lambda progress, base: base),
        ("isn't halved", lambda progress, base: 2 * schedule(progress, base) - 1),
        ("isn't added", lambda progress, base: 1 - 0.5 * (1 - base) * math.cos(math.pi * progress)),
        ("multiplied by", lambda progress, base: base * math.cos(math.pi * progress / 2) ** 2),
        ("quarter of a turn", lambda progress, base: 1 - (1 - base) * math.cos(progress * math.pi / 2)),
        ("radians", lambda progress, base: 1 - (1 - base) * math.cos(90 * progress) ** 2),
    ],
    "byol.clouds": [("nothing is lost", "a"), ("it does notice", "b"), ("one corner", "d")],
    "byol.table": [("no collapse", "a"), ("never moves", "c"), ("hardly any directions", "d")],
}
