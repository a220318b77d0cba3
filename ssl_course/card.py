"""What goes with an exported model: a card that says what it is, and programs that use it without this package."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from ssl_course.fingerprint import versions
from ssl_course.folders import counted
from ssl_course.reopen import Classifier, OpenRun
from ssl_course.runs import today

UNUSED = ("probe", "tuning_steps", "tuning_lr", "tuning_views")  # of a recipe: they are of a table's judges

PREPARED = """\
picture = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGBA")
picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
"""

ONNX = '''\
"""python example.py PICTURE: {says} Needs onnxruntime, numpy and pillow."""
import json, sys
from pathlib import Path
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(Path(__file__).with_name("model.onnx"))
{prepared}pixels = np.asarray(ImageOps.fit(picture, ({width}, {height}))).transpose(2, 0, 1)[None]  # uint8 (1, 3, H, W)
'''
ONNX_CLASS = """\
features, logits = session.run(None, {"images": pixels})
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
chances = np.exp(logits[0] - logits[0].max())
print(classes[chances.argmax()], f"{chances.max() / chances.sum():.4f}")
"""
ONNX_FEATURES = """\
(features,) = session.run(None, {"images": pixels})
print(*features[0])
"""

PT2 = """\
import json, sys
import torch
from PIL import Image, ImageOps

stored = {{"classes.json": ""}}
model = torch.export.load("model.pt2", extra_files=stored).module()
{prepared}picture = ImageOps.fit(picture, ({width}, {height}))
pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, {height}, {width}, 3)
"""
PT2_CLASS = """\
features, logits = model(pixels.permute(0, 3, 1, 2))
chance, place = logits[0].softmax(dim=0).max(dim=0)
print(f"{json.loads(stored['classes.json'])[place]} {chance:.4f}")
"""
PT2_FEATURES = """\
(features,) = model(pixels.permute(0, 3, 1, 2))
print(*features[0].tolist())
"""

CARD = """\
# {title}

| | |
|---|---|
{facts}

Licence: _fill in, with the licence of the images that it was trained on_

## Input and output

`images`: uint8 (N, 3, {height}, {width}), red, green and blue from 0 to 255, any N. The division by 255 and the
normalisation are inside the model: give it the bytes as they are. Pictures of another size are brought to this one by
resizing the shorter side and cropping the middle (`ImageOps.fit` of Pillow), after they were turned as their camera
said and put on white where they are transparent. Save pictures of 16 bits with 8 bits first.

{outputs}

## How well it does

{accuracy}

{checked}

## Recipe

```json
{recipe}
```

## Use

{use}With torch and Pillow, in the folder of `model.pt2`; the picture's path is the argument:

```python
{pt2}```
"""


def example(size: tuple[int, int], *, classifies: bool) -> str:
    """A program of 15 lines at most that shows model.onnx one picture; size is (height, width)."""
    says = "its class and the probability of it." if classifies else "its features."
    text = ONNX.format(says=says, prepared=PREPARED, height=size[0], width=size[1])
    return text + ONNX_CLASS if classifies else text.replace("import json, sys", "import sys") + ONNX_FEATURES


def example_pt2(size: tuple[int, int], *, classifies: bool) -> str:
    """The same with model.pt2."""
    text = PT2.format(prepared=PREPARED, height=size[0], width=size[1])
    return text + (PT2_CLASS if classifies else PT2_FEATURES)


def model_card(
    run: OpenRun, classifier: Classifier | None, accuracy: Mapping, checks: Mapping[str, float], sizes: Sequence[int]
) -> str:
    """What a model is, how it was made and how well it does, as Markdown.

    Args:
        accuracy: data (the labelled images' name), images (how many of them are for testing), and if there are any
            accuracy and majority (the share of the largest class).
        checks: by the name of each file, how far it is from the run.
        sizes: numbers of images at a time that this was measured with.
    """
    made, size = run.recipe, run.recipe["resolution"]
    onnx = "`python example.py PICTURE` asks model.onnx with onnxruntime, numpy and Pillow.\n\n"
    return CARD.format(
        title=f"{made['encoder']} trained by {made['method']} on `{Path(made['data']).name}`",
        facts="\n".join(f"| {name} | {value} |" for name, value in _facts(run, classifier).items()),
        height=size[0],
        width=size[1],
        outputs=_outputs(run, classifier),
        accuracy=_measured(classifier, accuracy),
        checked=_checked(checks, sizes, classifies=classifier is not None),
        recipe=json.dumps({key: made[key] for key in made if key not in UNUSED}, indent=1, ensure_ascii=False),
        use=onnx if "model.onnx" in checks else "",
        pt2=example_pt2(size, classifies=classifier is not None),
    )


def _facts(run: OpenRun, classifier: Classifier | None) -> dict[str, str]:
    made, trained = run.recipe, run.made_of.get("train", {})
    with_versions = versions() | {"ssl-course": version("ssl-course")}
    facts = {"Training images": f"{trained.get('images', made['size'])} of `{Path(made['data']).name}`, without labels"}
    if made["method"] == "supervised":
        facts["Training images"] = facts["Training images"].replace("without", "with")
    passes = "1 pass" if made["passes"] == 1 else f"{made['passes']} passes"
    facts["Method"] = f"{made['method']}, {passes} in batches of {made['batch_size']}, seed {made['seed']}"
    facts["Input"] = f"uint8 (N, 3, {', '.join(map(str, made['resolution']))}); normalisation inside"
    facts["Weights"] = f"{sum(part.numel() for part in run.encoder.parameters()):,} of {made['encoder']}"
    facts["Classes"] = "none, features alone" if classifier is None else ", ".join(classifier.classes)
    facts["Exported"] = f"{today()}, " + ", ".join(f"{name} {number}" for name, number in with_versions.items())
    if before := run.made_of.get("versions"):
        facts["Trained with"] = ", ".join(f"{name} {number}" for name, number in before.items())
    return facts


def _outputs(run: OpenRun, classifier: Classifier | None) -> str:
    features = f"`features`: float32 (N, {run.encoder.dim})."
    if classifier is None:
        return f"{features} There were no labels, so there are no classes."
    named = "\n".join(f"{place}. {name}" for place, name in enumerate(classifier.classes))
    return (
        f"{features} `logits`: float32 (N, {len(classifier.classes)}); their softmax is the probability of each class, "
        f"counted from 0 as here and kept in the files themselves:\n\n{named}"
    )


def _measured(classifier: Classifier | None, accuracy: Mapping) -> str:
    if classifier is None:
        return "Not measured: there were no labels."
    images = f"{counted(classifier.fitted_on, 'training image')} of `{accuracy['data']}`"
    fitted = f"The classifier is a linear probe on the frozen encoder, fitted to {images}"
    if accuracy["images"] == 0:
        return f"Not measured: there were no labelled images beside those for training. {fitted}."
    found = f"{100 * accuracy['accuracy']:.1f} % of {counted(accuracy['images'], 'test image')} get their own class."
    largest = f"Always naming the largest class would get {100 * accuracy['majority']:.1f} %."
    return f"{found} {largest} {fitted}. `ssl-course evaluate` measures in the same way."


def _checked(checks: Mapping[str, float], sizes: Sequence[int], *, classifies: bool) -> str:
    same = "the same classes, and " if classifies else ""
    at_a_time = " and ".join(map(str, sizes))
    differ = " and ".join(f"{value:.1g} ({name})" for name, value in checks.items())
    return (
        f"After export the files were read again and compared with the run on real images, {at_a_time} at a time: "
        f"{same}features that differ by at most {differ} of the largest feature."
    )
