"""InfoNCE with a queue against its formula; the queue as a list that forgets; the key network without a gradient."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.methods.moco import MoCo, info_nce
from ssl_course.networks import small_cnn

TEMPERATURES = [0.05, 0.07, 0.2, 1.0]


def problem(count=5, length=9, width=4, dtype=torch.float64):
    """Queries and keys that resemble each other, as they do in training, and a queue of others."""
    queries = torch.randn(count, width, dtype=dtype)
    keys = queries + 0.3 * torch.randn(count, width, dtype=dtype)
    return queries, keys, torch.randn(length, width, dtype=dtype)


def formula(queries, keys, queue, temperature):
    """Equation 1 of He et al. 2020, one query and one candidate at a time."""
    total = 0.0
    for query, key in zip(queries, keys, strict=True):
        candidates = [key, *queue]
        scores = [torch.dot(query, k) / (query.norm() * k.norm()) / temperature for k in candidates]
        total = total - torch.log(torch.exp(scores[0]) / sum(torch.exp(score) for score in scores))
    return total / len(queries)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_info_nce_and_its_gradient_are_the_papers_formula(temperature):
    queries, *others = problem()
    queries.requires_grad_()
    losses = [loss(queries, *others, temperature) for loss in (info_nce, formula)]
    torch.testing.assert_close(*losses, atol=1e-8, rtol=0)
    gradients = [torch.autograd.grad(loss, queries) for loss in losses]
    torch.testing.assert_close(*gradients, atol=1e-8, rtol=0)


def test_info_nce_keeps_double_precision():
    assert info_nce(*problem()).dtype == torch.float64


def key_among_negatives(queries, keys, queue, temperature):
    """A mistake: takes the other keys of the batch for negatives, too."""
    return formula(queries, keys, torch.cat([keys, queue]), temperature)


def not_normalised(queries, keys, queue, temperature):
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), queries @ queue.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long))


def key_last(queries, keys, queue, temperature):
    q, k, others = (F.normalize(part, dim=1) for part in (queries, keys, queue))
    logits = torch.cat([q @ others.T, (q * k).sum(1, keepdim=True)], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long))


@pytest.mark.parametrize("mistake", [key_among_negatives, not_normalised, key_last])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_formula_tells_this_mistake_from_info_nce(mistake, temperature):
    parts = problem()
    assert abs(mistake(*parts, temperature) - formula(*parts, temperature)) > 0.1


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("length", [1, 63])
def test_info_nce_of_equal_vectors_is_log_of_candidates(length, temperature):
    z = torch.randn(1, 8).expand(4, 8)
    loss = info_nce(z, z, z[:1].expand(length, 8), temperature)
    assert loss.item() == pytest.approx(math.log(length + 1), abs=1e-5)


def test_info_nce_ignores_lengths_and_the_order_of_the_queue():
    queries, keys, queue = problem()
    expected = info_nce(queries, keys, queue)
    torch.testing.assert_close(info_nce(3 * queries, keys / 7, queue[torch.randperm(9)] * 2), expected)
    assert abs(info_nce(queries, keys.roll(1, dims=0), queue) - expected) > 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_info_nce_is_computed_in_float32_from_half_precision_and_under_autocast(dtype):
    parts = [100 * part.to(dtype) for part in problem(dtype=torch.float32)]
    with torch.autocast("cpu", torch.bfloat16):
        loss = info_nce(*parts, 0.05)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, info_nce(*(part.float() for part in parts), 0.05))


Z = torch.ones(4, 3)


@pytest.mark.parametrize(
    ("queries", "keys", "queue", "temperature", "message"),
    [
        (Z, Z[1:], Z, 0.1, r"queue \(K, D\), got \[\(4, 3\), \(3, 3\), \(4, 3\)\]"),
        (Z, Z, Z[:, :2], 0.1, r"queue \(K, D\), got \[\(4, 3\), \(4, 3\), \(4, 2\)\]"),
        (Z[0], Z[0], Z, 0.1, r"queries and keys must be \(B, D\)"),
        (Z, Z, Z, 0, "temperature must be positive, got 0"),
        (Z, Z, Z, -1, "temperature must be positive, got -1"),
        (Z, Z, Z, float("nan"), "temperature must be positive, got nan"),
    ],
)
def test_info_nce_refuses(queries, keys, queue, temperature, message):
    with pytest.raises(ValueError, match=message):
        info_nce(queries, keys, queue, temperature)


def test_a_symmetric_step_is_the_mean_of_both_ways_and_its_keys_are_those_of_both_views():
    torch.manual_seed(0)
    method, (one, two) = moco(symmetric=True, groups=1, length=12), (images(), images())
    with torch.no_grad():
        keys = [F.normalize(method.target(view), dim=1) for view in (one, two)]
        queries = [method.head(method.encoder(view)) for view in (one, two)]
    ways = [info_nce(queries[k], keys[1 - k], method.queue, method.temperature) for k in (0, 1)]
    torch.testing.assert_close(method(one, two), torch.stack(ways).mean(), rtol=1e-4, atol=1e-5)
    method.after_step(0.5)
    assert torch.allclose(method.queue[:8], torch.cat([keys[1], keys[0]]), atol=1e-5)
    assert int(method.oldest) == 8


# --- the queue


def moco(**options):
    return MoCo(small_cnn(4), **{"length": 10} | options)


def images(count=4):
    return torch.rand(count, 3, 16, 16)


@pytest.mark.parametrize(("length", "count"), [(10, 4), (12, 4), (7, 3), (4, 4), (3, 8), (1, 2)])
def test_the_queue_holds_the_last_keys_first_in_first_out(length, count):
    method = moco(length=length)
    expected = list(method.queue.clone())  # a list, oldest first
    for _ in range(7):
        method(images(count), images(count))
        expected = (expected + list(method._keys))[-length:]
        method.after_step(0.5)
        held = method.queue.roll(-int(method.oldest), dims=0)  # oldest first, too
        assert torch.equal(held, torch.stack(expected))


def test_a_step_overwrites_the_oldest_and_leaves_the_others_in_their_places():
    method = moco(length=10)
    before = method.queue.clone()
    method(images(4), images(4))
    method.after_step(0.5)
    assert (method.queue != before).any(dim=1).tolist() == [True] * 4 + [False] * 6
    assert method.oldest == 4


def test_what_stands_in_the_queue_has_length_1_before_and_after_a_step():
    method = moco()
    for _ in range(3):
        torch.testing.assert_close(method.queue.norm(dim=1), torch.ones(10))
        method(images(), images())
        method.after_step(0.5)


def test_the_keys_of_this_step_are_not_yet_among_its_negatives():
    method = moco().eval()
    view1, view2 = images(), images()
    queries, keys = method.head(method.encoder(view1)), method.target(view2)
    torch.testing.assert_close(
        method(view1, view2), info_nce(queries, keys, method.queue, method.temperature), atol=1e-5, rtol=0
    )


def test_a_later_change_of_the_queue_does_not_reach_an_earlier_loss():
    """after_step writes into the queue: a loss that keeps it for its gradient must hold its own copy."""
    method = moco()
    loss = method(images(), images())
    method.after_step(0.5)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.encoder.parameters())


# --- the key network


def test_the_target_begins_as_a_copy_and_then_moves_by_its_decay():
    method = moco(decay=0.8)
    online, target = nn.Sequential(method.encoder, method.head), method.target.copy
    assert all(torch.equal(a, b) for a, b in zip(online.parameters(), target.parameters(), strict=True))
    before = [parameter.clone() for parameter in target.parameters()]
    with torch.no_grad():
        for parameter in online.parameters():
            parameter.add_(torch.randn_like(parameter))
    method(images(), images())
    method.after_step(1.0)  # the paper's decay is the same all the time
    for old, mine, theirs in zip(before, target.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(mine, 0.8 * old + 0.2 * theirs)


def test_no_gradient_reaches_the_keys_and_one_reaches_the_queries():
    method, view1, view2 = moco(), images().requires_grad_(), images().requires_grad_()
    method(view1, view2).backward()
    assert view2.grad is None
    assert view1.grad.abs().amax(dim=(1, 2, 3)).min() > 0
    assert not method._keys.requires_grad
    assert not method.queue.requires_grad


def test_perturbing_the_target_or_the_queue_changes_the_loss():
    method, views = moco().eval(), [images(), images()]
    before = method(*views)
    method.queue.copy_(method.queue.roll(1, dims=1))
    between = method(*views)
    assert abs(between - before) > 1e-3
    for parameter in method.target.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    assert abs(method(*views) - between) > 1e-3


@pytest.mark.parametrize(("groups", "count"), [(1, 16), (2, 16), (4, 37), (4, 3), (8, 64)])
def test_keys_computed_in_shuffled_groups_come_back_in_order(groups, count):
    method, batch = moco(groups=groups).eval(), images(count)
    expected = F.normalize(method.target(batch), dim=1)
    torch.testing.assert_close(method._encode_keys(batch), expected, atol=1e-5, rtol=0)
    assert abs(expected[1:] - expected[:-1]).amax(dim=1).min() > 1e-4  # so that order shows


@pytest.mark.parametrize(
    ("groups", "count", "sizes"), [(1, 32, [32]), (4, 32, [8] * 4), (4, 20, [10] * 2), (4, 5, [5])]
)
def test_batch_norm_of_the_keys_sees_random_groups_of_eight_or_more(groups, count, sizes):
    method, seen = moco(groups=groups, augment=nn.Identity()), []
    method.target.copy.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    batch = torch.arange(count).view(-1, 1, 1, 1).expand(count, 3, 16, 16) / count
    method._encode_keys(batch)
    assert [len(group) for group in seen] == sizes
    members = torch.cat(seen)[:, 0, 0, 0] * count
    assert sorted(members.round().int().tolist()) == list(range(count))
    assert members.diff().min() < 0  # shuffled


@pytest.mark.parametrize("groups", [4, 36])
def test_no_group_of_any_batch_has_less_than_eight_and_sizes_differ_by_one_at_most(groups):
    method, sizes = moco(groups=groups), []
    method.target.copy = nn.Identity()
    method.target.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    for count in range(16, 301):
        sizes.clear()
        method._encode_keys(torch.zeros(count, 1))
        assert sum(sizes) == count
        assert len(sizes) == min(groups, count // 8)
        assert min(sizes) >= 8
        assert max(sizes) - min(sizes) <= 1


def test_the_loss_of_a_view_with_itself_is_lower_than_with_another_images():
    method, view = moco(temperature=0.1).eval(), images(8)
    losses = [method(view, view.roll(k, dims=0)) for k in range(4)]
    assert all(losses[0] < other for other in losses[1:])
    assert all(abs(a - b) > 1e-6 for a, b in itertools.pairwise(losses))


@pytest.mark.parametrize("width", [3, 20])
def test_the_queue_is_as_wide_as_the_head_and_as_long_as_stated(width):
    method = moco(length=6, head=nn.Linear(16, width))
    assert method.queue.shape == (6, width)
    assert method(images(), images()).isfinite()


def test_building_it_leaves_batch_norm_unmoved_and_the_method_ready_to_train():
    method = moco()
    assert method.training
    assert method.encoder.stem_norm.training
    assert method.encoder.stem_norm.num_batches_tracked == 0
    assert method.target.copy[0].stem_norm.num_batches_tracked == 0
