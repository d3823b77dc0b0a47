"""What `make bench` measures: the hub beside the tools a user would pick instead, in the same run on the same machine.

`python -m tests.bench [NAME…] [--quick] [--json]` runs the benches `load`, `scale`, `writes`, `addressbooks` and
`core`. They measure and never assert; a peer that is not installed is skipped with a sentence. `stage.py` has what
they share, `figures.py` what they give back, `report.py` how it is shown.
"""
