"""What `make bench` measures: the hub beside the tools a user would pick instead, in the same run on the same machine.

`python -m tests.bench [NAME…] [--quick] [--json]` runs the benches, named in `__main__.py`. They measure and never
assert; a peer that is not installed is skipped with a sentence. `stage.py` has what they share, `figures.py` what they
give back, `report.py` how it is shown. `CONCORD_BENCH_KEPT` names a folder in which `agreement` keeps its stores.
"""
