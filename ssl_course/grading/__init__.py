"""Grading of submitted notebooks: the student's code in one process, the judge and its references in another.

reading.py    the cells of a notebook, whatever its encoding and format
sandbox.py    what keeps a submission off the machine: bubblewrap, else a guard in its own process
worker.py     the submission's process: runs the cells
wire.py       what the two processes say to each other
judge.py      the judge's side: answers of the other process as functions to be checked
session.py    one submission from its start to its end, with its limits
report.py     grades.csv and report.md
"""
