"""What reads YAML that people write, in all its uses: what is wrong in a text is told by whoever reads it."""

from __future__ import annotations

from typing import Literal

from ruamel.yaml import YAML


def yaml_reader(typ: Literal["safe", "rt"] = "safe", *, pure: bool = False) -> YAML:
    """A reader; `rt` keeps comments and places. It reads one text, and is not shared between threads."""
    found = YAML(typ=typ, pure=pure)
    # An anchor may be given anew, as YAML has it: the library would warn of that on the standard error.
    found.composer.warn_double_anchors = False
    return found
