"""One file per method. Each is an nn.Module with `encoder`, `views`, `forward` and, where it needs it, `after_step`."""

from ssl_course.methods.simclr import SimCLR
from ssl_course.methods.supervised import Supervised

METHODS = {"simclr": SimCLR}  # by the name on the command line

__all__ = ["METHODS", "SimCLR", "Supervised"]
