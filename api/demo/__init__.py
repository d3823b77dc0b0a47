"""`concord demo`: a small business comes into agreement before one's eyes, and goes on living.

`business` invents the people, `stage` sets up files and servers, `show` draws the live table.
"""

from __future__ import annotations

from api.demo.show import run

__all__ = ["run"]
