"""First numbers for images with text: CLIP on the built-in images with captions, and on glyphs with their names.

    python benchmarks/pairs.py shapes --passes 10
    python benchmarks/pairs.py glyphs --passes 2 --size 12000

Prints and stores nothing. `seconds` are those of the processor in this process; one thread.
"""

import argparse
import time

import torch

from ssl_course import captions, glyphs, pretrain
from ssl_course.bag import BagOfWords
from ssl_course.captions import MENTIONS, TEMPLATES, VALUES, prompts, split_by_combination, values_of
from ssl_course.language import TokenTransformer
from ssl_course.methods.clip import CLIP
from ssl_course.networks import small_cnn
from ssl_course.pairs import (
    Pairs,
    accuracy,
    image_vectors,
    modality_gap,
    recall,
    same_captions,
    text_vectors,
    zero_shot,
)


def trained(pairs: Pairs, options: argparse.Namespace) -> CLIP:
    torch.manual_seed(options.seed)
    words = len(pairs.vocabulary)
    if options.text == "bag":
        text = BagOfWords(words, 64)
    else:
        text = TokenTransformer(words, pairs.vocabulary.length, depth=options.depth)
    method = CLIP(small_cnn(options.width), text, loss=options.loss)
    weights = sum(parameter.numel() for parameter in method.parameters())
    began, clock = time.process_time(), time.perf_counter()
    history = pretrain(
        method,
        pairs,
        epochs=options.passes,
        batch_size=options.batch,
        lr=options.lr,
        seed=options.seed,
        threads=1,
        device=options.device,
        precision="fp32",
        watch=False,
        progress=False,
    )
    seconds, passed = time.process_time() - began, time.perf_counter() - clock
    losses = ", ".join(f"{epoch['loss']:.2f}" for epoch in history)
    print(f"{len(pairs)} pairs, {weights} weights, {seconds:.0f} s of the processor ({passed:.0f} s by the clock)")
    print(f"losses {losses}; scale {float(method.log_scale.detach().exp()):.1f}")
    return method


def shapes(options: argparse.Namespace) -> None:
    """Zero-shot classification of test images, for seen and for held-out combinations; retrieval among 1,000."""
    settings = {"mention": options.mention, "share": options.share}
    of = tuple(options.hold)
    train, _ = split_by_combination(captions.load("train", **settings), of=of, share=options.out)
    parts = dict(
        zip(("seen", "held out"), split_by_combination(captions.load("test"), of=of, share=options.out), strict=True)
    )
    method = trained(train, options)
    for name, part in parts.items():
        images, values = image_vectors(method, part.data), values_of(part.pictures.factors)
        for factor in options.mention:
            others = tuple(other for other in MENTIONS if other != factor and other in options.mention)
            said = {
                "one prompt": prompts(factor),
                f"{len(TEMPLATES)} templates": prompts(factor, templates=TEMPLATES),
                "whole captions": prompts(factor, others=others),
            }
            scores = [
                f"{how} {100 * accuracy(zero_shot(images, text_vectors(method, tokens)), values[factor]):.1f}"
                for how, tokens in said.items()
            ]
            print(f"{name} ({len(part)} images), {factor} of {len(VALUES[factor])}: {', '.join(scores)} %")
    some = captions.load("test", size=1000, mention=options.mention)
    images, texts = image_vectors(method, some.data), text_vectors(method, some.labels)
    report_retrieval(images, texts, (same_captions(some.labels),) * 2)


def glyph_names(options: argparse.Namespace) -> None:
    """The names of characters that were never seen, among their own."""
    began = time.process_time()
    train, test = glyphs.load("train", size=options.size), glyphs.load("test")
    print(f"drawn in {time.process_time() - began:.1f} s of the processor")
    method = trained(train, options)
    test = one_of_each(test).sample(options.asked)
    images, texts = image_vectors(method, test.data), text_vectors(method, test.labels)
    report_retrieval(images, texts, (test.pictures.factors["code"],) * 2)
    seen = one_of_each(train).sample(options.asked)
    found = recall(image_vectors(method, seen.data), text_vectors(method, seen.labels))
    print(f"of as many training characters {100 * found:.1f} %")


def one_of_each(pairs: Pairs) -> Pairs:
    """The first picture of every character."""
    codes = pairs.pictures.factors["code"]  # in order
    return pairs[codes.diff(prepend=codes[:1] - 1) > 0]


def report_retrieval(images: torch.Tensor, texts: torch.Tensor, groups: tuple[torch.Tensor, torch.Tensor]) -> None:
    for name, queries, candidates in (("image to text", images, texts), ("text to image", texts, images)):
        found = [f"top-{k} {100 * recall(queries, candidates, k=k, groups=groups):.1f} %" for k in (1, 5)]
        print(f"{name} among {len(candidates)}: {', '.join(found)} (chance of top-1 {100 / len(candidates):.2f} %)")
    print(f"gap between the modalities {modality_gap(images, texts):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["shapes", "glyphs"])
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loss", choices=["softmax", "sigmoid"], default="softmax")
    parser.add_argument("--text", choices=["transformer", "bag"], default="transformer")
    parser.add_argument("--width", type=int, default=16, help="of the small_cnn")
    parser.add_argument("--depth", type=int, default=1, help="of the transformer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mention", nargs="+", default=list(MENTIONS), help="shapes: what captions tell")
    parser.add_argument("--share", type=float, default=1.0, help="shapes: the chance that each of it is told")
    parser.add_argument("--hold", nargs="+", default=["class", "colour"], help="shapes: combinations of these")
    parser.add_argument("--out", type=float, default=0.17, help="shapes: share of the combinations held out")
    parser.add_argument("--size", type=int, help="glyphs: pairs to train on, default all")
    parser.add_argument("--asked", type=int, default=600, help="glyphs: characters to be named")
    options = parser.parse_args()
    torch.set_num_threads(1)
    {"shapes": shapes, "glyphs": glyph_names}[options.data](options)


if __name__ == "__main__":
    main()
