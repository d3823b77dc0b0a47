"""The contract every connector passes: `class TestCsv(ContractSuite): harness = CsvHarness`.

A `Harness` is a fresh tool, a connector on it and a person who works in the tool. The tests follow the
manifest: a test is skipped only because the manifest says that the connector cannot do this. `quality.py`
turns what passed into a tier. Importing this needs pytest; nothing that runs in production does.
"""

from __future__ import annotations

from connectors._kit.clock import VirtualTime
from connectors._kit.contract.about import AboutTests
from connectors._kit.contract.harness import Harness
from connectors._kit.contract.preparing import PreparingTests
from connectors._kit.contract.reading import ReadingTests
from connectors._kit.contract.receiving import ReceivingTests
from connectors._kit.contract.sending import SendingTests
from connectors._kit.contract.subscribing import SubscribingTests
from connectors._kit.contract.trouble import TroubleTests
from connectors._kit.contract.writing import WritingTests

__all__ = ["ContractSuite", "Harness", "VirtualTime"]


class ContractSuite(
    AboutTests, PreparingTests, ReadingTests, WritingTests, SendingTests, ReceivingTests, SubscribingTests, TroubleTests
):  # fmt: skip
    """Everything the hub relies on. A subclass names its `harness` and is called `Test…`."""
