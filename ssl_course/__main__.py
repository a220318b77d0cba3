"""`python -m ssl_course COMMAND`, the same as `ssl-course COMMAND`; `torchrun -m ssl_course train …` starts this."""

import sys

from ssl_course.cli import program

sys.exit(program())
