"""Self-supervised learning by building it: a small package under the notebooks of the course."""

from ssl_course.data import ImageSet, load
from ssl_course.train import pretrain

__all__ = ["ImageSet", "load", "pretrain"]
__version__ = "0.2.0"
