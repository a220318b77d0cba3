"""Self-supervised learning by building it: a small package under the notebooks of the course."""

from importlib.metadata import version

from ssl_course.data import ImageSet, load
from ssl_course.ready import ready
from ssl_course.train import pretrain

__all__ = ["ImageSet", "load", "pretrain", "ready"]
__version__ = version("ssl-course")
