"""The room of a trial: a process that tries one tool with its sandbox, tells what came of it, and ends.

    stdin   one line, what is asked; whoever holds it open waits, and when it closes nobody does: the room ends
    stdout  lines of JSON: `say` what is done just now, and at last `report`, `error` or `crash`

Before anything is played the sandbox listens; from then on this process reaches its address and no other. It was
started without the settings of any installation, in an empty folder, so that there is nothing else that it could spoil.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from api.assembly import now
from api.trial.asked import Asked
from api.trial.playing import play
from api.trial.telling import told
from connectors._kit.catalogue import entry
from connectors._kit.confined import confine
from core.errors import ConcordError

Say = Callable[..., None]


def main() -> None:
    """Try what the first line asks for, in the folder in which the process was started."""
    say, folder = _voice(), Path.cwd()
    asked = Asked(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_whoever_waits, args=(folder,), daemon=True).start()
    say(**tried(asked, folder, lambda words: say(say=words)))


def tried(asked: Asked, folder: Path, tell: Callable[[str], None]) -> Mapping[str, Any]:
    """The last line. Confines this process for ever."""
    try:
        with entry(asked.tool).opened(now) as stand:
            confine(stand.lines)
            return {"report": told(play(asked, folder, stand, clock=now, tell=tell))}
    except ConcordError as error:
        return {"error": {"message": str(error), "remedy": error.remedy}}
    except Exception:
        # Nothing in it is anybody's: the people of a sandbox are invented.
        return {"crash": traceback.format_exc()[-4_000:]}


def _voice() -> Say:
    """How lines are told; whatever else is printed here goes nowhere, so that it is not taken for one."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    def say(**words: Any) -> None:
        print(json.dumps(words, ensure_ascii=False, default=str), file=out, flush=True)

    return say


def _end_with_whoever_waits(folder: Path) -> None:
    """Where stdin closes nobody waits any more: a hub that was killed leaves nothing behind."""
    while sys.stdin.readline():
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
