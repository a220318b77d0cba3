"""A folder of pictures to practise on: images written to files, and the troubles that real folders have."""

from pathlib import Path

from PIL import Image

from ssl_course.data import ImageSet


def write(images: ImageSet, folder: Path) -> None:
    """Write images as PNG files: in one folder for each class, or flat when there are no classes."""
    for number, pixels in enumerate(images.images.permute(0, 2, 3, 1).numpy()):
        place = folder / (images.classes[images.labels[number]] if images.classes else "")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:05}.png")


def spoil(folder: Path) -> None:
    """Give a folder the troubles that real folders have: copies, other sizes, black pictures, a broken file, twins.

    Args:
        folder: with `unlabelled` (more than 60 PNG files) and `labelled/train` and `labelled/test` by class.
    """
    pictures = sorted((folder / "unlabelled").iterdir())
    for file in pictures[:40]:  # a camera that releases twice
        file.with_stem(file.stem + "_2").write_bytes(file.read_bytes())
    for file in pictures[40:50]:
        Image.open(file).resize((48, 48)).save(file)
    for number in range(6):  # the lens cap was on
        Image.new("RGB", (32, 32)).save(folder / "unlabelled" / f"x{number}.png")
    (folder / "unlabelled" / "x_broken.png").write_bytes(pictures[60].read_bytes()[:300])
    for file in sorted((folder / "labelled/train").rglob("*.png"))[::40]:
        place = folder / "labelled/test" / file.parent.name  # saved again, as a JPEG
        Image.open(file).resize((40, 40)).save(place / f"again{file.stem}.jpg", quality=85)
