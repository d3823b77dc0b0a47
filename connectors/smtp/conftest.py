"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.smtp.sandbox_certificate import Certificate, certificate_in


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate that nobody else trusts."""
    return certificate_in(tmp_path)
