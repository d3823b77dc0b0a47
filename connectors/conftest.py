"""The contract's assertions explain themselves as those of test files do."""

from __future__ import annotations

import pytest

for _part in ("base", "about", "reading", "writing", "sending", "receiving", "trouble"):
    pytest.register_assert_rewrite(f"connectors._kit.contract.{_part}")
