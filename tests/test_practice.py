"""The folder of lesson 08 has what the lesson finds in it."""

import pytest

from ssl_course import ImageSet, load
from ssl_course.practice import spoil, write


@pytest.mark.filterwarnings("ignore:.*brought to")
def test_a_spoiled_folder_has_every_trouble_of_the_lesson(tmp_path):
    write(ImageSet(load("shapes", size=70).images), tmp_path / "unlabelled")
    write(load("shapes", size=80), tmp_path / "labelled/train")
    write(load("shapes", "test", size=20), tmp_path / "labelled/test")
    spoil(tmp_path)
    with pytest.raises(ValueError, match="x_broken"):
        load(tmp_path / "unlabelled")
    with pytest.warns(UserWarning, match="left out"):
        opened = load(tmp_path / "unlabelled", unreadable="skip", resolution=32)
    distinct = {image.tobytes() for image in opened.images.numpy()}
    assert (len(opened), len(distinct)) == (116, 71)  # 40 released twice; the six black ones are one picture
    assert len(list((tmp_path / "labelled/test").rglob("again*.jpg"))) == 2
