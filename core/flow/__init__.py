"""The trips: pull, inbound, outbound, reconcile, replay. They carry out what `core.decide` decides.

Each trip is a readable function of about a screen; what it writes is gathered in `Changes` and written in one
transaction with its checkpoint, in a number of statements that does not depend on the number of records.
"""
