"""The hub's decisions, pure: values in, decisions out. No IO, no clock, no randomness, no ids made up here.

`rules` and `fold` say which value stands and `why` explains it; `echo`, `skew` and `flip` tell news from
noise; `keys` and `match` say whose record it is; `existence`, `route` and `outcome` say what follows.
`core.flow` acts.
"""
