"""The program: its commands, its one-line errors and its exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from click import ClickException
from click.exceptions import Abort, Exit

from preceptor.cli import demo as demo_command
from preceptor.cli import export, fetch, imports, listing, report, run, runs, score
from preceptor.errors import PreceptorError
from preceptor.version import VERSION

__all__ = ["app", "main"]

DONE, INCOMPLETE, WRONG, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="preceptor",
    help="Measures health AI the way a physician supervises a trainee.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(VERSION)
        raise typer.Exit


app.command("demo")(demo_command.demo)
app.add_typer(listing.app, name="list")
app.command("fetch")(fetch.fetch)
app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("runs")(runs.runs)
app.command("show")(runs.show)
app.command("score")(score.score)
app.add_typer(imports.app, name="import")
app.command("report")(report.report)
app.command("export")(export.export)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code.

    0 done, 1 finished but incomplete, 2 usage or input, 130 interrupted (and resumable).
    """
    try:
        result = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except Exit as leaving:
        return leaving.exit_code
    except ClickException as error:
        context = getattr(error, "ctx", None)
        where = f"{context.command_path}: " if context else ""
        return _complain(f"{where}{error.format_message()}")
    except PreceptorError as error:
        return _complain(str(error))
    except (KeyboardInterrupt, Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`preceptor runs | head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return result if isinstance(result, int) else DONE


def _complain(message: str) -> int:
    line = " ".join(message.split())
    print(f"error: {line}", file=sys.stderr)
    return WRONG
