"""The palette: every step a mapping line may use, by name.

One module a family; each step is declared whole in its module's `STEPS`. A step belongs here when it is pure, knows
no tool, and has an example.
"""

from __future__ import annotations

from core.mapping.steps import flags, lists, numbers, text, times
from core.mapping.steps.step import REQUIRED, SAME, Example, Form, Pair, Parameter, Step, Turn

STEPS: dict[str, Step] = {step.name: step for family in (text, lists, flags, times, numbers) for step in family.STEPS}

__all__ = ["REQUIRED", "SAME", "STEPS", "Example", "Form", "Pair", "Parameter", "Step", "Turn"]
