"""``preceptor serve``."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import Data, StorePath, number, whole_number
from preceptor.cli.output import note
from preceptor.cli.run_options import GraderParam, MaxCost, MaxTokens, Template
from preceptor.errors import InputError

__all__ = ["TokenEnv", "port_number", "serve", "token_of"]

#: A shorter token can be guessed.
_SHORTEST = 16


TokenEnv = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The environment variable with the token. Default: one is made and printed.",
    ),
]


def serve(  # noqa: PLR0917
    grader: Annotated[
        str,
        typer.Option(
            "--grader",
            "-g",
            metavar="ADDRESS",
            help="The grader; see `preceptor list systems`.",
        ),
    ],
    benchmark: Annotated[
        str,
        typer.Option(
            "--benchmark",
            metavar="NAME",
            help="The benchmark whose protocol and examples are used.",
        ),
    ] = "healthbench",
    data: Data = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="The port; 0 for any free one.")
    ] = 8710,
    token_env: TokenEnv = None,
    max_requests: Annotated[
        int,
        typer.Option(parser=whole_number, metavar="N", help="Most requests at once; more get 429."),
    ] = 64,
    timeout: Annotated[
        float, typer.Option(parser=number, metavar="SECONDS", help="Time limit of one request.")
    ] = 600.0,
    length_adjusted: Annotated[
        bool, typer.Option("--length-adjusted", help="Subtract the benchmark's price on length.")
    ] = False,
    min_coverage: Annotated[
        float,
        typer.Option(
            parser=number,
            metavar="SHARE",
            help="Share of an answer's criteria that must be graded for a reward.",
        ),
    ] = 1.0,
    max_cost: MaxCost = None,
    max_total_tokens: MaxTokens = None,
    grader_param: GraderParam = None,
    grader_template: Template = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Serve rewards and verdicts over HTTP, for training; Ctrl-C finishes what is under way."""
    from preceptor.rewards.rewarder import Rewarder
    from preceptor.rewards.server import Limits
    from preceptor.rewards.server import serve as work

    if max_requests < 1:
        raise InputError(f"--max-requests: expected a whole number from 1, found {max_requests}")
    if not timeout > 0:
        raise InputError(f"--timeout: expected a number above 0, found {timeout:g}")
    port_number(port)
    rewarder = Rewarder(
        grader=grader,
        benchmark=benchmark,
        data=None if data is None else Path(data),
        store=store,
        grader_params=tuple(grader_param or ()),
        grader_template=grader_template,
        length_adjusted=length_adjusted,
        min_coverage=min_coverage,
        max_cost=max_cost,
        max_total_tokens=max_total_tokens,
    )
    token = token_of(token_env)
    if token_env is None:
        note(f"token: {token}")
    for sentence in rewarder.departures:
        note(f"  • {sentence}")
    limits = Limits(requests=max_requests, timeout_s=timeout)
    work(rewarder, token, limits, host, port, note)


def port_number(port: int) -> None:
    """Raises InputError for what is no port."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port: expected 0 to 65535, found {port}")


def token_of(variable: str | None) -> str:
    """The token in that environment variable; without a name a new one. Raises InputError."""
    if variable is None:
        return secrets.token_urlsafe(32)
    token = os.environ.get(variable, "").strip()
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise InputError(
            f"--token-env {variable}: expected a token of {_SHORTEST} characters or more in that "
            f"environment variable, found {len(token)}"
        )
    return token
