"""Interactive demos: sliders over the functions of the course, each called in its lesson by one line.

A demo is the last expression of a cell: `live.Candidates()`. It needs a running kernel to move; where none runs, its
output shows three typical settings. `DEMOS` has all of them.
"""

from ssl_course.live.candidates import Candidates
from ssl_course.live.core import Demo
from ssl_course.live.factors import Factors
from ssl_course.live.hidden import HiddenPatches
from ssl_course.live.lookalikes import Lookalikes
from ssl_course.live.ranking import Ranking
from ssl_course.live.restoring import Restoring

DEMOS = (Factors, Candidates, Restoring, HiddenPatches, Ranking, Lookalikes)

__all__ = ["DEMOS", "Candidates", "Demo", "Factors", "HiddenPatches", "Lookalikes", "Ranking", "Restoring"]
