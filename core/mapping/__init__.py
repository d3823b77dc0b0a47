"""The mapping language: what an admin writes in `mappings/*.yaml`, checked and made ready for translating records.

`load` reads a file, `check` finds what is wrong with it, `translator` turns records by it, `taker` says which stream
a new record belongs to, `lineage` tells which tools feed which fields, `schema` lets editors complete it and
`reference_page` prints its words. Nothing here does IO or knows a tool.
"""

from __future__ import annotations

from core.mapping.check import check, check_text
from core.mapping.language import Line, Mapping, StepUse, StreamMapping
from core.mapping.lineage import Lineage, Thread, lineage
from core.mapping.load import load
from core.mapping.problem import MappingError, Problem
from core.mapping.reference import reference_page
from core.mapping.schema import schema
from core.mapping.steps import STEPS
from core.mapping.translator import Reading, Translator, Written, translator
from core.mapping.vocabulary import Vocabulary
from core.mapping.when import When, taker

__all__ = [
    "STEPS",
    "Line",
    "Lineage",
    "Mapping",
    "MappingError",
    "Problem",
    "Reading",
    "StepUse",
    "StreamMapping",
    "Thread",
    "Translator",
    "Vocabulary",
    "When",
    "Written",
    "check",
    "check_text",
    "lineage",
    "load",
    "reference_page",
    "schema",
    "taker",
    "translator",
]
