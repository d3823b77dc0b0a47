"""Where log lines go: to stderr, from `CONCORD_LOG` (debug, info, warning, error) upwards; stdout is for answers."""

from __future__ import annotations

import logging
import os
import sys

import structlog

from core.errors import ConfigError

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def set_up() -> None:
    """Set logging up for this process; `ConfigError` for a level there is not."""
    said = os.environ.get("CONCORD_LOG", "warning").lower()
    if said not in _LEVELS:
        raise ConfigError(f"CONCORD_LOG is '{said}'.", remedy=f"Choose one of {', '.join(_LEVELS)}.")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[said]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
