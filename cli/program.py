"""What both commands share: exit codes, one-line errors, modules loaded after parsing.

Exit codes: 0 done, 1 failed, 2 misuse, 130 interrupted. Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import click

from ..errors import OptionError, PenstockError

__all__ = ["Program", "ProgramGroup", "late", "version_option"]

FAILED, MISUSE, INTERRUPTED = 1, 2, 130


def late(module: str) -> ModuleType:
    """A module of this package that is heavy, and so loaded only once the command line has been understood."""
    return importlib.import_module(f".{module}", __package__)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        # Of the package itself, which a source tree has without being installed. It loads the core: not at import.
        version = importlib.import_module(__name__.partition(".")[0]).__version__
        click.echo(f"{context.find_root().info_name}, version {version}")
        context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
"""The decorator of both commands' `--version`."""


class _ExitCodes(click.Command):
    """A command whose process ends with one of our exit codes, and never with a traceback for what a user did."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            sys.exit(super().main(args, prog_name, complete_var, standalone_mode=False, **extra) or 0)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            sys.exit(INTERRUPTED)
        except PenstockError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(MISUSE if isinstance(error, OptionError) else FAILED)
        except OSError as error:  # the user's machine: a full disk behind stdout, a folder without permission ...
            click.echo(f"Error: {_described(error)}", err=True)
            _leave_full_stdout()
            sys.exit(FAILED)


class Program(_ExitCodes):
    """A single command. Its function returns the exit code; None is 0."""


class ProgramGroup(_ExitCodes, click.Group):
    """A command with sub-commands."""


def _described(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _leave_full_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        sys.stdout = io.StringIO()  # or Python tries again at exit, and says so in lines of its own
