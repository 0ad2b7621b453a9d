"""``preceptor fetch``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cli.output import note

__all__ = ["fetch"]

_TEMPLATE = "grader-template"


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A benchmark, `grader-template`, or a model `local/NAME`."
        ),
    ],
) -> None:
    """Fetch a benchmark's data, the reference grading prompt or a small model; checked by hash."""
    if name == _TEMPLATE:
        from preceptor.graders.template import fetch_reference

        print(fetch_reference())
        return
    if name.startswith("local/"):
        from preceptor.systems.local.weights import fetch as fetch_weights

        print(fetch_weights(name.removeprefix("local/"), note))
        return
    from preceptor.benchmarks import get
    from preceptor.benchmarks.download import fetch_data

    benchmark = get(name)
    print(fetch_data(benchmark))
    if benchmark.protocol.judging.prompt_choice(None) is None:
        _fetch_template_too()


def _fetch_template_too() -> None:
    """Fetch the reference grading prompt with the data, since a run needs both."""
    from preceptor.errors import Unavailable
    from preceptor.graders.template import OWN, fetch_reference, find_template

    if find_template().name != OWN.name:
        return
    try:
        print(fetch_reference())
    except Unavailable as error:
        note(f"note: {error}; until then runs are graded with Preceptor's own prompt and say so")
