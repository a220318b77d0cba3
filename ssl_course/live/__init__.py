"""Interactive demos: sliders over the functions of the course, each called in its lesson by one line.

A demo is the last expression of a cell: `live.Candidates()`. It needs a running kernel to move; where none runs, its
output shows three typical settings. `DEMOS` has all of them.
"""

from ssl_course.live.candidates import Candidates
from ssl_course.live.collapse import Collapse
from ssl_course.live.core import Demo
from ssl_course.live.dashboard import Dashboard, dashboard
from ssl_course.live.factors import Factors
from ssl_course.live.feature_map import FeatureMap
from ssl_course.live.hidden import HiddenPatches
from ssl_course.live.instruments import Instruments
from ssl_course.live.lookalikes import Lookalikes
from ssl_course.live.luck import Luck
from ssl_course.live.mining import Mining
from ssl_course.live.negative import Negative
from ssl_course.live.neighbours import Neighbours
from ssl_course.live.one_weight import OneWeight
from ssl_course.live.price import Price
from ssl_course.live.puzzle import Puzzle
from ssl_course.live.ranking import Ranking
from ssl_course.live.restoring import Restoring
from ssl_course.live.shortcut import Shortcut
from ssl_course.live.stale_keys import StaleKeys
from ssl_course.live.turned import Turned
from ssl_course.live.walk import Walk
from ssl_course.live.widths import Widths

DEMOS = (
    Factors,
    Neighbours,
    Luck,
    FeatureMap,
    Turned,
    Puzzle,
    Widths,
    Price,
    Walk,
    Negative,
    Mining,
    Candidates,
    Shortcut,
    StaleKeys,
    OneWeight,
    Collapse,
    Instruments,
    HiddenPatches,
    Restoring,
    Ranking,
    Lookalikes,
)

__all__ = [
    "DEMOS",
    "Candidates",
    "Collapse",
    "Dashboard",
    "Demo",
    "Factors",
    "FeatureMap",
    "HiddenPatches",
    "Instruments",
    "Lookalikes",
    "Luck",
    "Mining",
    "Negative",
    "Neighbours",
    "OneWeight",
    "Price",
    "Puzzle",
    "Ranking",
    "Restoring",
    "Shortcut",
    "StaleKeys",
    "Turned",
    "Walk",
    "Widths",
    "dashboard",
]
