"""The program: its commands, its one-line errors and its exit codes."""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer

from preceptor.cli import (
    analysis,
    audit,
    baseline,
    card,
    codes,
    compare,
    correct,
    distil,
    export,
    fetch,
    figures,
    frontier,
    imports,
    leaderboard,
    lint,
    listing,
    manage,
    marks,
    measure_forms,
    report,
    run,
    runs,
    score,
    serve,
    studio,
    studio_demo,
    studio_exchange,
    studio_labels,
    studio_settings,
    suite,
    sweep,
    tasks,
    thresholds,
    view,
)
from preceptor.cli import demo as demo_command
from preceptor.cli import doctor as doctor_command
from preceptor.cli.groups import Group
from preceptor.engine.collector import rare_collections
from preceptor.errors import DataWarning, Faults, PreceptorError
from preceptor.plugins import load, plugins
from preceptor.version import VERSION

__all__ = ["app", "main"]

DONE, INCOMPLETE, WRONG, INTERRUPTED = 0, 1, 2, 130

# Some versions of typer depend on click, later ones contain it. All export BadParameter, whose
# bases include that of all errors.
_BadUse: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="preceptor",
    cls=Group,
    help="Evaluate health AI against physicians' rubrics and published benchmarks.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(VERSION)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


#: Heading of the help → its commands.
GROUPS: dict[str, dict[str, Callable[..., Any] | typer.Typer]] = {
    "Begin": {
        "demo": demo_command.demo,
        "doctor": doctor_command.doctor,
        "list": listing.app,
        "card": card.card,
        "fetch": fetch.fetch,
    },
    "Run": {
        "run": run.run,
        "resume": run.resume,
        "suite": suite.app,
        "sweep": sweep.sweep,
        "import": imports.import_files,
        "baseline": baseline.baseline,
        "measure": measure_forms.app,
        "serve": serve.serve,
    },
    "Tasks of your own": {"tasks": tasks.app, "lint": lint.lint, "studio": studio.app},
    "Look": {
        "runs": runs.runs,
        "show": runs.show,
        "score": score.score,
        "view": view.view,
        "report": report.report,
        "compare": compare.compare,
        "leaderboard": leaderboard.leaderboard,
        "figures": figures.figures,
        "export": export.export,
        "rename": manage.rename,
        "rm": manage.remove,
    },
    "Trust the grader": {
        "check-grader": marks.check_grader,
        "audit": audit.audit,
        "correct": correct.correct,
        "frontier": frontier.frontier,
        "thresholds": thresholds.thresholds,
        "distil": distil.distil,
    },
    "Search": {"codes": codes.app},
    "Plan and explain": {
        "power": analysis.power,
        "estimate": analysis.estimate,
        "reliability": analysis.reliability,
        "length": analysis.length,
        "efficiency": analysis.efficiency,
    },
}
tasks.app.command("review")(marks.review)
tasks.app.command("read")(marks.read)
studio.app.command("demo")(studio_demo.demo)
for _name, _made_by in studio_exchange.COMMANDS.items():
    studio.app.command(_name)(_made_by)
studio.app.command("settings")(studio_settings.settings)
studio.app.command("signatures")(studio_settings.signatures)
studio.app.command("pull")(studio_labels.pull)
studio.app.command("labels")(studio_labels.labels)
studio.app.command("estimate")(studio_labels.estimate)
studio.app.command("references")(studio_labels.references)
studio.app.command("categories")(studio_labels.categories)
studio.app.command("scores")(studio_labels.scores)

for _heading, _commands in GROUPS.items():
    for _name, _made_by in _commands.items():
        if isinstance(_made_by, typer.Typer):
            app.add_typer(_made_by, name=_name, rich_help_panel=_heading)
        else:
            app.command(_name, rich_help_panel=_heading)(_made_by)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code.

    0 done, 1 finished but incomplete, 2 usage or input, 130 interrupted (and resumable).
    """
    try:
        # A program that imports Preceptor keeps its own setting of the garbage collector.
        with _stoppable(), _warned(), rare_collections:
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except PreceptorError as error:
        return _complain(*(error.lines if isinstance(error, Faults) else [str(error)]))
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone (`preceptor runs | head`): not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _complain(f"{place}{error.strerror or error}")
    return code


@contextlib.contextmanager
def _warned() -> Iterator[None]:
    """Print what is left out of a file or may be meant otherwise, each sentence once."""
    said: set[str] = set()
    usual = warnings.showwarning

    def show(message: Warning | str, kind: type[Warning], *place: Any) -> None:
        if not issubclass(kind, DataWarning):
            usual(message, kind, *place)
        elif str(message) not in said:
            said.add(str(message))
            print(f"warning: {_line(str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Treat SIGTERM, with which clusters and containers stop a program, as Ctrl-C."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # only the main thread may set it
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:  # typer imports pydantic for any option
        typer.echo(VERSION)
        return DONE
    # Not app(), which handles a broken pipe and an interrupt itself.
    command = _program(arguments)
    try:
        with command.make_context("preceptor", arguments) as context:
            result = command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    except _BadUse as error:
        return _complain(_usage(error))
    return result if isinstance(result, int) else DONE


def _program(arguments: list[str]) -> Any:
    """The program, with the commands of other packages where the line may name one."""
    asked = next((word for word in arguments if not word.startswith("-")), None)
    program = _made(asked)
    if asked not in program.commands and "--version" not in arguments:
        program = copy.copy(program)
        program.commands = dict(program.commands)
        for entry in plugins("commands"):
            alone = typer.Typer(add_completion=False)
            alone.command(entry.name)(load(entry))
            program.commands.setdefault(entry.name, typer.main.get_command(alone))
    return program


@functools.cache
def _made(asked: str | None) -> Any:
    """The program with the one command that is asked for; with all, where that is none of ours.

    Making them all takes longer than many a command.
    """
    alone = copy.copy(app)
    alone.registered_commands = [each for each in app.registered_commands if each.name == asked]
    alone.registered_groups = [each for each in app.registered_groups if each.name == asked]
    known = asked is not None and (alone.registered_commands or alone.registered_groups)
    return typer.main.get_command(alone if known else app)


def _usage(error: Exception) -> str:
    """The error in the command line, and the command that shows its help."""
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "preceptor"
    said = said.strip().rstrip(".")
    return f"{path}: {said[:1].lower()}{said[1:]} (see `{path} --help`)"


def _complain(*messages: str) -> int:
    """Print each message as one line, whatever it contains; returns the exit code."""
    for message in messages:
        plain = re.sub(r"\[Errno \d+\] ", "", message)
        print(f"error: {_line(plain)}", file=sys.stderr)
    return WRONG


def _line(message: str) -> str:
    line = " ".join(message.split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
