"""The file of a checkpoint: whatever happens to its bytes, it is never read as something else."""

import pytest
import torch

from ssl_course.checkpoint import read_checkpoint, save

CONTENTS = {
    "settings": {"method": "SimCLR", "epochs": 3, "lr": 0.003},
    "history": [{"epoch": 1, "loss": 4.5}],
    "method": {"encoder.stem.weight": torch.arange(1200.0).view(40, 30), "queue": torch.arange(7)},
    "optimizer": {"state": {0: {"step": torch.tensor(5.0)}}},
    "scaler": {},
}


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return one == other


def test_what_was_saved_is_read(tmp_path):
    save(tmp_path / "run.pt", CONTENTS)
    assert same(read_checkpoint(tmp_path / "run.pt"), CONTENTS | {"format": 2})


def test_a_byte_that_changed_on_the_disk_is_refused_or_harmless(tmp_path):
    path = tmp_path / "run.pt"
    save(path, CONTENTS)
    whole = path.read_bytes()
    said = [what_is_read(path, whole, place) for place in range(0, len(whole), 64)]
    assert set(said) == {"the same", "refused"}
    assert said.count("refused") > len(said) / 2  # the rest is what fills the gaps between parts


def what_is_read(path, whole, place):
    damaged = bytearray(whole)
    damaged[place] ^= 0x41
    path.write_bytes(damaged)
    try:
        return "the same" if same(read_checkpoint(path), CONTENTS | {"format": 2}) else f"another, by byte {place}"
    except ValueError as failure:
        return "refused" if "delete it to start afresh" in str(failure) else str(failure)


def test_a_changed_weight_is_called_damage(tmp_path):
    path = tmp_path / "run.pt"
    save(path, CONTENTS)
    whole = path.read_bytes()
    weight = torch.tensor([600.0, 601.0]).numpy().tobytes()
    assert whole.count(weight) == 1
    path.write_bytes(whole.replace(weight, torch.tensor([600.0, 602.0]).numpy().tobytes()))
    with pytest.raises(ValueError, match=r"run\.pt is damaged .* delete it to start afresh"):
        read_checkpoint(path)
