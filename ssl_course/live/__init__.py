"""Interactive demos: sliders over the functions of the course, each called in its lesson by one line.

A demo is the last expression of a cell: `live.Candidates()`. It needs a running kernel to move; where none runs, its
output shows three typical settings. `DEMOS` has all of them.
"""

from ssl_course.live.candidates import Candidates
from ssl_course.live.collapse import Collapse
from ssl_course.live.core import Demo
from ssl_course.live.factors import Factors
from ssl_course.live.instruments import Instruments
from ssl_course.live.one_weight import OneWeight
from ssl_course.live.shortcut import Shortcut
from ssl_course.live.stale_keys import StaleKeys

DEMOS = (Factors, Shortcut, Candidates, StaleKeys, Instruments, Collapse, OneWeight)

__all__ = [
    "DEMOS",
    "Candidates",
    "Collapse",
    "Demo",
    "Factors",
    "Instruments",
    "OneWeight",
    "Shortcut",
    "StaleKeys",
]
