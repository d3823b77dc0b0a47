"""A hub that can be killed, as the kit's hostile room has it for every connector."""

from connectors._kit.hostile.mortal import Fate, Killed, Meanwhile, MortalConnector, MortalStore, SameThread

__all__ = ["Fate", "Killed", "Meanwhile", "MortalConnector", "MortalStore", "SameThread"]
