"""The program `ssl-course`. It stands outside the package, whose import takes seconds in which Ctrl-C may come, too."""

import sys


def program() -> int:
    """`ssl_course.cli.program`; 130 if it was stopped while it was read."""
    try:
        from ssl_course.cli import program as run
    except KeyboardInterrupt:
        print("ssl-course: stopped by hand", file=sys.stderr)
        return 130
    return run()
