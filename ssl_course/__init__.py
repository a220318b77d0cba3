"""Self-supervised learning by building it: a small package under the notebooks of the course."""

from importlib.metadata import version

from ssl_course.data import ImageSet, load
from ssl_course.inspection import Inspection, inspect_folder
from ssl_course.nearest import leave_one_out, neighbours, twins
from ssl_course.ready import ready
from ssl_course.samples import Samples
from ssl_course.splits import split_by_group
from ssl_course.train import pretrain

__all__ = [
    "ImageSet",
    "Inspection",
    "Samples",
    "inspect_folder",
    "leave_one_out",
    "load",
    "neighbours",
    "pretrain",
    "ready",
    "split_by_group",
    "twins",
]
__version__ = version("ssl-course")
