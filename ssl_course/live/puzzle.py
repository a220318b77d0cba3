"""Lesson 01: order the tiles yourself, against a network, with light and normalisation switched on and off."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course.live.core import Demo, slider, switch
from ssl_course.methods import Jigsaw, jigsaw
from ssl_course.networks import small_cnn
from ssl_course.plots import COLOURS
from ssl_course.train import pretrain

ASKED = 40  # pictures to choose from
ENOUGH = 2000  # pictures to train on under the lamp


def lamplit(images: Tensor) -> Tensor:
    """Images (..., H, W) in [0, 1], brighter towards the upper left and darker towards the lower right."""
    height, width = images.shape[-2:]
    slope = torch.linspace(0, 0.5, height).view(-1, 1) + torch.linspace(0, 0.5, width) - 0.5  # -0.5 to 0.5
    return (images - 0.4 * slope).clamp(0, 1)


def lamp_network(images: Tensor, *, width: int = 8) -> Jigsaw:
    """A small jigsaw network after one pass over lamplit pictures (N, 3, H, W) of bytes, with tiles as they are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        method = Jigsaw(small_cnn(width), normalise=False, augment=nn.Identity())
    lit = (255 * lamplit(images / 255)).byte()
    pretrain(method, lit, epochs=1, batch_size=16, lr=1e-2, device="cpu", threads=1, watch=False, progress=False)
    return method.eval()


def question(picture: Tensor, orders: Tensor, number: int, *, lamp: bool, normalise: bool) -> tuple[Tensor, int]:
    """The shuffled tiles (9, 3, h, w) of a picture (3, H, W), and in which of the orders (24, 9) they are.

    Args:
        number: decides the order and the places of the tiles in their cells.
    """
    with torch.random.fork_rng():
        torch.manual_seed(number)
        tiles = jigsaw.cut_tiles((lamplit(picture) if lamp else picture)[None])  # (1, 9, 3, h, w)
        answer = int(torch.randint(len(orders), ()))
    tiles = jigsaw.normalise_tiles(tiles) if normalise else tiles
    return jigsaw.shuffle_tiles(tiles, orders[answer : answer + 1])[0], answer


@torch.no_grad()
def confidence(method: Jigsaw, tiles: Tensor) -> Tensor:
    """The probability (24,) that a network gives to each order of nine tiles."""
    device = next(method.parameters()).device
    return method.head(method.encoder(tiles.to(device)).view(1, -1)).softmax(dim=1)[0].cpu()


def assembled(tiles: Tensor) -> np.ndarray:
    """Nine tiles (9, 3, h, w) as one picture (3 h + 2, 3 w + 2, 3) with white lines of one pixel between them."""
    _, _, height, width = tiles.shape
    whole = torch.ones(3 * height + 2, 3 * width + 2, 3)
    for number, tile in enumerate(tiles.permute(0, 2, 3, 1)):
        top, left = number // 3 * (height + 1), number % 3 * (width + 1)
        whole[top : top + height, left : left + width] = tile
    return whole.numpy()


class Puzzle(Demo):
    """Shuffled tiles, your order, the network's order and how sure it is; with light, normalisation and no content.

    One network solves it with normalised tiles, and another one, trained here in two seconds on pictures under a lamp,
    with tiles as they are.

    Args:
        images: (N, 3, 32, 32) of bytes to ask about; at most 40 of them.
        network: trained with normalised tiles.
        train: images like them for the other network, which sees at most 2,000.
    """

    title = "Jigsaw: you against the network"
    hint = "Slide through the 24 orders until the picture is right, then compare. What is left of it without content?"
    size = (9.6, 3.1)

    def __init__(self, images: Tensor, network: Jigsaw, train: Tensor):
        self.images = images[:ASKED].float() / 255
        self.networks = {True: network.eval(), False: lamp_network(train[:ENOUGH])}
        self.orders = network.orders.cpu()
        first = min(25, len(self.images) - 1)
        _, answer = question(self.images[first], self.orders, first, lamp=False, normalise=True)
        solved = {"yours": answer + 1, "reveal": True}
        self.typical = (
            {"lamp": True} | solved,
            {"normalise": False, "lamp": True, "empty": True} | solved,
            {"normalise": False, "lamp": False} | solved,
        )
        super().__init__(
            picture=slider("picture", 0, len(self.images) - 1, first),
            yours=slider("your order", 1, len(self.orders), 1),
            reveal=switch("show the network's answer", False),
            normalise=switch("tiles normalised", True),
            lamp=switch("lamp at the upper left", False),
            empty=switch("nothing in the picture", False),
        )

    @classmethod
    def example(cls) -> "Puzzle":
        torch.manual_seed(0)
        images = torch.randint(256, (32, 3, 32, 32), dtype=torch.uint8)
        return cls(images[:3], Jigsaw(small_cnn(4)), images)

    def start(self, figure: Figure) -> None:
        *places, self.axis = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.25))
        self.shown = [axis.imshow([[0.0]], extent=(0, 3, 3, 0)) for axis in places]
        self.numbers = []
        for axis, title in zip(places, ("shuffled", "your order", "the network's order"), strict=True):
            axis.set(xticks=[], yticks=[])
            axis.set_title(title, fontsize=10)
            outlined = {"color": "white", "fontsize": 10, "bbox": {"color": "#333333", "pad": 1.5}}
            cells = [(place % 3 + 0.17, place // 3 + 0.17) for place in range(9)]
            self.numbers.append([axis.text(*at, "", ha="center", va="center", **outlined) for at in cells])
        self.bars = self.axis.bar(range(1, 25), [0.0] * 24, color=COLOURS[1])
        self.yours = self.axis.plot([], [], "v", color=COLOURS[4], mec="white", ms=10, label="yours")[0]
        self.axis.set(xlabel="order", ylabel="network's answer (%)", ylim=(0, 108), xlim=(0, 25))
        self.axis.set_title("how sure it is (dark: the truth)", fontsize=10)
        self.axis.legend(frameon=False, fontsize=9, loc="upper right")
        self.axis.spines[["top", "right"]].set_visible(False)

    def draw(self, *, picture: int, yours: int, reveal: bool, normalise: bool, lamp: bool, empty: bool) -> str:
        shape, network = self.images[picture], self.networks[normalise]
        seen = shape[:, :1, :1].expand_as(shape) if empty else shape
        tiles, answer = question(seen, self.orders, picture, lamp=lamp, normalise=normalise)
        chance = confidence(network, tiles)
        theirs = int(chance.argmax())
        orders = torch.arange(9), self.orders[yours - 1].argsort(), self.orders[theirs].argsort()
        for image, texts, order, on in zip(self.shown, self.numbers, orders, (True, True, reveal), strict=True):
            image.set_data(assembled(tiles[order] if on else torch.full_like(tiles, 0.9)))
            for text, number in zip(texts, order.tolist(), strict=True):
                text.set(text=str(number + 1), visible=on)
        for number, bar in enumerate(self.bars):
            bar.set(height=100 * float(chance[number]) * reveal, color=COLOURS[0 if number == answer else 1])
        self.yours.set_data([yours], [3])
        told = f"Your order is {yours} of 24."
        if not reveal:
            kind = ("normalised" if normalise else "as they are") + (", under the lamp" if lamp else "")
            return f"{told} Nine tiles of {'nothing' if empty else 'a picture'}, {kind}: which order puts them right?"
        right = [int((self.orders[guess] == self.orders[answer]).sum()) for guess in (yours - 1, theirs)]
        kind = "normalised tiles" if normalise else "tiles as they are, under the lamp"
        told += f" You have {right[0]} of 9 tiles at their places; the network (trained on {kind}) has {right[1]}, "
        return told + f"{100 * float(chance[theirs]):.0f} % sure."
