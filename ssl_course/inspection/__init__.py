"""What is in a folder before anything is trained: `inspect_folder`.

`files` looks at each file, `copies` finds what is there twice, `groups` what belongs together, `detail` what survives
a resolution, `cost` what memory and time it will take, and `findings` says what of it matters.
"""

from ssl_course.inspection.report import Inspection, inspect_folder

__all__ = ["Inspection", "inspect_folder"]
