"""Answers to the exercises of lesson 05 as students write them: right ones, and each known mistake made once."""

import copy
import io

import torch
import torch.nn.functional as F

from ssl_course.methods.barlow_twins import barlow_twins_loss, cross_correlation
from ssl_course.methods.vicreg import vicreg_loss


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


def off(vectors, along):
    """The vectors without their parts along unit vectors."""
    return vectors - torch.einsum("bd,bd,be->be", vectors, along, along)


def slope_by_hand(p, t):
    return -2 * off(unit(t), unit(p)) / p.norm(dim=1, keepdim=True) / len(p)


def slope_by_image(p, t):
    rows = []
    for one, other in zip(p, t, strict=True):
        length, direction = one.norm(), other / other.norm()
        cosine = one @ direction / length
        rows.append(2 / len(p) * (cosine * one / length - direction) / length)
    return torch.stack(rows)


def slope_by_projector(p, t):
    """The derivative of p / |p| as a matrix for each image."""
    u, length = unit(p), p.norm(dim=1)
    projector = (torch.eye(p.shape[1]) - u[:, :, None] * u[:, None, :]) / length[:, None, None]
    return torch.bmm(projector, (2 * (u - unit(t)))[:, :, None])[:, :, 0] / len(p)


def slope_in_double(p, t):
    p, t = p.double(), t.double()
    dot, square = (p * t).sum(1, keepdim=True), (p * p).sum(1, keepdim=True)
    return -2 * (t * square - dot * p) / (square**1.5 * t.norm(dim=1, keepdim=True) * len(p))


def cosine_times_the_whole(p, t):
    return -2 * (unit(t) - F.cosine_similarity(p, t)[:, None] * p) / p.norm(dim=1, keepdim=True) / len(p)


def slope_by_autograd(p, t):
    p = p.detach().requires_grad_()
    return torch.autograd.grad(loss_by_cosine(p, t), p)[0]


def slope_by_backward(p, t):
    p = p.detach().requires_grad_()
    loss_by_image(p, t).backward()
    return p.grad


def slope_by_functional(p, t):
    return torch.func.grad(loss_by_cosine)(p, t)


EYE = torch.eye(4)


def covariance(z):
    return z.T.cov()


def volume(z1, z2):
    """The log-determinants of both covariances keep up the volume, the distance brings partners together."""
    spread = sum(torch.logdet(covariance(z) + 0.01 * torch.eye(z.shape[1])) for z in (z1, z2))
    return (z1 - z2).pow(2).sum(dim=1).mean() - spread


def white(z):
    centred = z - z.mean(dim=0)
    root = torch.linalg.cholesky(covariance(z) + 1e-4 * torch.eye(z.shape[1]))
    return torch.linalg.solve_triangular(root, centred.T, upper=False).T


def whitened(z1, z2):
    return F.mse_loss(white(z1), white(z2))


def towards_the_identity(z1, z2):
    both = torch.cat([z1, z2])
    return F.mse_loss(z1, z2) + 0.1 * (covariance(both) - torch.eye(z1.shape[1])).square().sum()


def across_the_views(z1, z2):
    """The covariance between the views itself has to be the identity."""
    shifted = z1 - z1.mean(dim=0)
    return (shifted.T @ z2 / len(z1) - torch.eye(z1.shape[1])).pow(2).sum()


def correlated_subspaces(z1, z2):
    """Canonical correlations: the singular values between whitened views."""
    return -torch.linalg.svdvals(white(z1).T @ white(z2) / len(z1)).sum()


def evenly_on_the_sphere(z1, z2):
    """Alignment and uniformity (Wang & Isola 2020)."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return loss_by_cosine(z1, z2) + torch.pdist(z).square().mul(-2).exp().mean().log()


def report(with_it=(59.2, 63.0, 53.8), without=(9.3, 10.6, 13.7), mean=47.467, error=3.753):
    def plain(values):
        return list(values) if isinstance(values, tuple) else values

    return {"with": plain(with_it), "without": plain(without), "mean": mean, "error": error}


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
    "byol.gradient": [
        slope_by_hand,
        slope_by_image,
        slope_by_projector,
        slope_in_double,
        lambda p, t: (unit(p) * F.cosine_similarity(p, t)[:, None] - unit(t)) / p.norm(dim=1)[:, None] * 2 / len(p),
        lambda p, t: 2 / p.shape[0] * torch.einsum("b,bd->bd", 1 / p.norm(dim=-1), -off(unit(t), unit(p))),
    ],
    "byol.own_loss": [
        volume,
        whitened,
        towards_the_identity,
        across_the_views,
        correlated_subspaces,
        evenly_on_the_sphere,
        lambda z1, z2: vicreg_loss(z1, z2, invariance=10.0, variance=25.0, covariance=5.0),
    ],
    "byol.survive": [4.0, "4", "s = 4", 4.1, 3.9, torch.tensor(4.0)],
    "byol.spread": [
        {"with": [59.2, 63.0, 53.8], "without": [9.3, 10.6, 13.7], "mean": 47.5, "error": 3.75},
        {"with": torch.tensor([59.2, 63.0, 53.8]), "without": (9.3, 10.6, 13.7), "mean": 47.4667, "error": 3.753},
        {"with": [50.5, 47.5, 49.4, 52.0], "without": [8.7, 7.5, 8.3, 9.0], "mean": 41.475, "error": 0.629},
    ],
    "byol.confound": ["b", "B)", "answer: b"],
    "byol.log": ["run b", "b", "B", "b ", "b.", "[b]"],
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
    "byol.gradient": [
        ("sign is turned round", lambda p, t: -slope_by_hand(p, t)),
        ("isn't divided by the number", lambda p, t: slope_by_hand(p, t) * len(p)),
        ("factor 2", lambda p, t: -off(unit(t), unit(p)) / p.norm(dim=1, keepdim=True) / len(p)),
        ("length is missing", lambda p, t: -2 * off(unit(t), unit(p)) / len(p)),
        ("squared length", lambda p, t: -2 * off(unit(t), unit(p)) / p.square().sum(1, keepdim=True) / len(p)),
        ("isn't taken off", lambda p, t: -2 * unit(t) / p.norm(dim=1, keepdim=True) / len(p)),
        ("isn't taken off", lambda p, t: 2 * (unit(p) - unit(t)) / p.norm(dim=1, keepdim=True) / len(p)),
        ("as a constant", lambda p, t: 2 * (unit(p) - unit(t)) / len(p)),
        ("as a constant", lambda p, t: -2 * unit(t) / len(p)),
        ("isn't scaled", lambda p, t: -2 * off(t, unit(p)) / p.norm(dim=1, keepdim=True) / len(p)),
        ("cos times p", cosine_times_the_whole),
        ("gradient at the target", lambda p, t: slope_by_hand(t, p)),
        ("autograd has made them", slope_by_autograd),
        ("autograd has made them", slope_by_backward),
        ("autograd has made them", slope_by_functional),
    ],
    "byol.own_loss": [
        ("nearly the same z", F.mse_loss),
        ("nearly the same z", loss_by_cosine),
        ("nearly the same z", lambda z1, z2: vicreg_loss(z1, z2, variance=0.0)),
        ("nearly the same z", lambda z1, z2: (z1 - z2).square().mean() + covariance(z1).add(0.01 * EYE).logdet()),
        ("copies of each other", lambda z1, z2: vicreg_loss(z1, z2, covariance=0.0)),
        ("copies of each other", lambda z1, z2: (1 - cross_correlation(z1, z2).diagonal()).square().sum()),
        ("no better readable", lambda z1, z2: volume(z1, z1) + volume(z2, z2)),
        ("no better readable", lambda z1, z2: vicreg_loss(z1, z2, invariance=0.0)),
        ("pushed apart", lambda z1, z2: -(z1 - z2).square().mean()),
        ("pushed apart", lambda z1, z2: F.cosine_similarity(z1, z2).mean()),
        ("loss of VICReg", lambda z1, z2: 2 * vicreg_loss(z1, z2)),
        ("loss of Barlow Twins", barlow_twins_loss),
        ("no gradient", lambda z1, z2: volume(z1.detach(), z2.detach())),
        ("no gradient", lambda z1, z2: torch.tensor(volume(z1, z2).item())),
        ("is one number", lambda z1, z2: volume(z1, z2).item()),
        ("is one number", lambda z1, z2: (z1 - z2).square().mean(dim=1)),
        ("nan or inf in step", lambda z1, z2: (-(z1 - z2).square().mean()).log()),
        ("stops with RuntimeError", lambda z1, z2: z1 @ z2),
        ("not enough", lambda z1, z2: vicreg_loss(z1[:, :3], z2[:, :3])),  # one dimension isn't used
        ("without brackets", torch.zeros(2)),
    ],
    "byol.survive": [
        ("factor 2 is lost", 1.5),
        ("4 of b^2 - 4ac", "19"),
        ("take the 1 off", 5),
        ("both roots meet", 0.1),
        ("4 has become a 2", 9.0),
        ("not a slip that is known", 2.5),
    ],
    "byol.spread": [
        ("keys", {"with": [1.0], "without": [1.0]}),
        ("one number for each seed", report(with_it=60.0)),
        ("'mean' must be a number", report(mean="large")),
        ("different lengths", report(with_it=[59.2, 63.0])),
        ("fewer than three", report(with_it=[59.2, 63.0], without=[9.3, 10.6])),
        ("seed isn't used", report(with_it=[59.2] * 3)),
        ("swapped", report(with_it=[9.3, 10.6, 13.7], without=[59.2, 63.0, 53.8])),
        ("measured on h", report(with_it=[32.5, 35.1, 28.9], without=[23.1, 28.2, 27.2])),
        ("mean isn't", report(mean=-47.467)),
        ("standard deviation: that of their mean", report(error=6.5)),
        ("n - 1", report(error=3.065)),
        ("unpaired", report(error=2.973)),
        ("isn't the standard error", report(error=1.0)),
    ],
    "byol.confound": [("costs are equal", "a"), ("same network", "c"), ("never sees a loss", "d")],
    "byol.log": [("no alarm by itself", "a"), ("never moves", "c"), ("learning rate too low", "d")],
}
