"""The dashboard trains exactly as `pretrain` does, shows where it is, and can be stopped and gone on with."""

import threading

import pytest
import torch

from ssl_course import load, pretrain
from ssl_course.live.dashboard import SHARE, Dashboard, contact_sheet, dashboard
from ssl_course.methods import MAE, Jigsaw, SimCLR
from ssl_course.networks import small_cnn
from ssl_course.vit import small_vit

IMAGES = load("shapes", size=128)
RUN = {"epochs": 2, "batch_size": 16, "device": "cpu", "precision": "fp32", "threads": 1}


def simclr():
    torch.manual_seed(0)
    return SimCLR(small_cnn(4))


def weights(method):
    return torch.cat([part.flatten() for part in method.state_dict().values()])


@pytest.fixture(scope="module")
def plain():
    method = simclr()
    return method, pretrain(method, IMAGES, progress=False, **RUN)


def losses(history):
    return [record["loss"] for record in history]


def test_it_trains_exactly_as_pretrain_does(plain):
    method = simclr()
    history = dashboard(method, IMAGES, labelled=IMAGES[:64], **RUN)
    assert torch.equal(weights(method), weights(plain[0]))
    assert losses(history) == losses(plain[1])


def test_it_shows_every_loss_and_says_where_it_is():
    board = Dashboard(simclr(), IMAGES, labelled=IMAGES[:64], **RUN)
    board.run()
    steps, values = zip(*board.losses, strict=True)
    assert steps == tuple(range(1, 17))
    assert list(board._loss_line.get_ydata()) == list(values)
    assert board.summary().startswith("Step 16 of 16, finished: loss ")
    assert "k-NN" in board.summary()
    assert board.summary() in board.picture.value
    assert board._repr_mimebundle_()["text/plain"] == board.summary()


@pytest.mark.parametrize(("voters", "passes"), [(16, [1, 2, 3, 4, 5]), (64, [4, 5])])
def test_knn_is_measured_as_often_as_it_takes_little_of_the_time_and_at_the_end(voters, passes):
    board = Dashboard(simclr(), IMAGES, labelled=IMAGES[:voters], **RUN | {"epochs": 5})
    board.run()
    assert [epoch for epoch, _ in board.knn] == passes


def test_a_saved_page_is_the_same_every_time():
    boards = [Dashboard(simclr(), IMAGES, labelled=IMAGES[:64], **RUN) for _ in range(2)]
    for board in boards:
        board.run()
    assert boards[0]._repr_mimebundle_()["image/png"] == boards[1]._repr_mimebundle_()["image/png"]


def stop_at(board, step):
    """Make the run stop as if the button were pressed during this step."""
    before = board._on_step

    def told(record):
        if record["step"] == step:
            board.stop_button.click()
        before(record)

    board._on_step = told


def test_a_run_that_was_stopped_and_gone_on_with_ends_where_one_in_one_piece_does(plain):
    board = Dashboard(simclr(), IMAGES, **RUN)
    stop_at(board, 11)
    board.run()
    assert (board.state, len(board.history), board.losses[-1][0]) == ("stopped", 1, 11)
    assert (board.stop_button.disabled, board.on_button.disabled) == (True, False)
    del board._on_step
    board.on_button.click()
    history = board.wait()
    assert board.state == "finished"
    assert losses(history) == losses(plain[1])
    assert [step for step, _ in board.losses] == list(range(1, 17))
    assert torch.equal(weights(board.method), weights(plain[0]))


def test_in_the_background_it_returns_at_once_and_the_button_stops_it():
    board = Dashboard(simclr(), IMAGES, **RUN | {"epochs": 500})
    entered = threading.Event()
    before = board._on_step
    board._on_step = lambda told: (entered.set(), before(told))
    board.run_beside()
    assert entered.wait(60)
    with pytest.raises(RuntimeError, match="going on already"):
        board.run_beside()
    board.stop_button.click()
    assert board.wait().interrupted
    assert board.state == "stopped"


def test_showing_it_takes_no_more_than_its_share_of_the_time():
    now = [0.0]
    board = Dashboard(simclr(), IMAGES, clock=lambda: now[0], **RUN | {"epochs": 1})
    drawn, move = [], board._move

    def slow():
        now[0] += 0.3
        drawn.append(now[0])
        move()

    board._move = slow
    board._begin()
    for step in range(1, 1001):
        now[0] += 0.1
        board._on_step(
            {"step": step, "steps": 1000, "loss": torch.tensor(1.0), "views": (), "learning_rate": 0.1, "images": 16}
        )
    assert len(drawn) == pytest.approx(SHARE * 100 / 0.3, abs=2)
    assert 0.3 * len(drawn) <= 0.05 * 100


def test_an_error_is_shown_and_raised():
    board = Dashboard(simclr(), IMAGES, **RUN | {"batch_size": 999})
    with pytest.raises(ValueError, match="don't fill one batch"):
        board.run()
    assert board.state == "failed"
    assert "don't fill one batch" in board.errors.outputs[0]["evalue"]


def test_an_error_in_the_background_is_shown():
    board = Dashboard(simclr(), IMAGES, **RUN | {"batch_size": 999})
    board.run_beside()
    board.wait()
    assert "don't fill one batch" in board.errors.outputs[0]["evalue"]


@pytest.mark.parametrize("make", [lambda: SimCLR(small_cnn(4)), lambda: Jigsaw(small_cnn(4)), lambda: MAE(small_vit())])
def test_views_of_any_method_are_shown_as_pictures(make):
    sheet = contact_sheet(make().views(IMAGES.images[:8].float() / 255))
    assert sheet.ndim == 3
    assert sheet.shape[2] == 3
    assert 0 <= sheet.min() < sheet.max() <= 1


def test_what_is_no_picture_is_not_shown():
    assert contact_sheet((torch.zeros(8, 5), torch.zeros(8))) is None
