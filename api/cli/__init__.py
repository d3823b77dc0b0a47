"""The command line: `concord`. Each file holds a group of commands; `output` prints, `opening` opens the hub.

Nothing heavy is imported before a command runs, so that `--help` is quick. Expected errors end here: what happened,
who acts and what to do, never a traceback.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import typer

from api.cli.alerting import register as register_alerting
from api.cli.asking import register as register_asking
from api.cli.auditing import register as register_auditing
from api.cli.building import register as register_building
from api.cli.configuring import register as register_configuring
from api.cli.consent import register as register_consent
from api.cli.deciding import register as register_deciding
from api.cli.erasing import register as register_erasing
from api.cli.forms import register as register_forms
from api.cli.holding import register as register_holding
from api.cli.hooks import register as register_hooks
from api.cli.identity import register as register_identity
from api.cli.keeping import register as register_keeping
from api.cli.keys import register as register_keys
from api.cli.mending import register as register_mending
from api.cli.movement import register as register_movement
from api.cli.output import exit_code, tell_error
from api.cli.people import register as register_people
from api.cli.planning import register as register_planning
from api.cli.remote import register as register_remote
from api.cli.requesting import register as register_requesting
from api.cli.running import register as register_running
from api.cli.serving import register as register_serving
from api.cli.trial import register as register_trial
from api.cli.undoing import register as register_undoing
from api.cli.vault import register as register_vault
from core.errors import ConcordError

app = typer.Typer(
    name="concord",
    help="Keeps contacts, companies and deals in agreement across the tools a business uses.",
    epilog="State is in CONCORD_DATA (./data) or CONCORD_DATABASE_URL. Begin with `concord demo` or `concord connect`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

for _register in (
    register_running,
    register_serving,
    register_asking,
    register_alerting,
    register_auditing,
    register_mending,
    register_holding,
    register_movement,
    register_hooks,
    register_deciding,
    register_identity,
    register_consent,
    register_people,
    register_keys,
    register_forms,
    register_erasing,
    register_requesting,
    register_keeping,
    register_vault,
    register_planning,
    register_undoing,
    register_configuring,
    register_trial,
    register_building,
    register_remote,
):
    _register(app)


@cache
def _commands() -> Callable[..., Any]:
    """All commands, read from their functions; that takes longer than many a command, so once is enough."""
    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0 well, 1 tool or store trouble, 2 configuration."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # While a program is read in there is nothing to collect; whoever opens a hub has it collect again.
    gc.disable()
    try:
        _commands()(words, prog_name="concord")
    except ConcordError as error:
        tell_error(error, as_json="--json" in words)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    finally:
        gc.enable()
