"""`concord demo`: a small business comes into agreement before one's eyes, and goes on living.

`facts` invents the business, and one file a tool says what that tool knows of it; `configuration` is what is put in
force, `stage` sets up tools and files, `show` draws the live table, `tour` tells what to try.
"""

from __future__ import annotations

from api.demo.show import run

__all__ = ["run"]
