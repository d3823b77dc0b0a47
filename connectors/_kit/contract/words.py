"""Small words of the suite that are not about edits: what the manifest announced, what shows a secret."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from connectors._kit.contract.harness import Harness
from connectors._kit.mischief import Mischief, Switch
from connectors._kit.quality import Point


def announced(tool: Harness, name: Point) -> None:
    """Go on unless the manifest says that this point is still to do or does not apply."""
    quality = tool.manifest.quality
    for word, reasons in (("does not apply", quality.exempt), ("is still to do", quality.todo)):
        if name in reasons:
            pytest.skip(f"{name} {word}: {reasons[name]}")


def troublemaker(tool: Harness) -> Mischief:
    """The tool's mischief; a tool without any must say so in its manifest."""
    if tool.mischief is None:
        announced(tool, Point.MISCHIEF)
        pytest.fail("the stand-in has no mischief, and the manifest does not say so")
    return tool.mischief


def needs_switch(mischief: Mischief, switch: Switch) -> None:
    """Go on only if the trouble that was asked for did happen."""
    if not mischief.happened[switch]:
        pytest.skip(f"the stand-in has no switch '{switch}'")


def shown_anywhere(thing: Any, secret: str) -> bool:
    """Whether a secret is in an object's printed forms, its error's facts or its traceback's messages."""
    printed = [repr(thing), str(thing)]
    if isinstance(thing, BaseException):
        printed += traceback.format_exception_only(thing)
        printed.append(repr(getattr(thing, "facts", "")))
    return any(secret in text for text in printed)
