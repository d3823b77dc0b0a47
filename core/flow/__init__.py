"""The trips, a room each: what comes in, what goes out, and what people ask of the hub.

    inward   outward   identity   reviews   brake   filters   drift   plan   undo

Each trip is a readable function of about a screen; it carries out what `core.decide` decides. What it writes is
gathered in `Changes` and written in one transaction with its checkpoint, in a number of statements that does not
depend on the number of records. What all rooms stand on lies here beside them: the hub at hand, runs, folding again.
"""
