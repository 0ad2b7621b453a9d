"""What the commands that serve pages on this machine share: `view`, `codes serve`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli.options import whole_number
from preceptor.cli.output import note
from preceptor.cli.serve import port_number, token_of
from preceptor.installation import MissingExtra

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["Host", "Port", "serve_pages"]

Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="The address to listen on. Any but this machine's own asks for a token.",
    ),
]
Port = Annotated[
    int, typer.Option(parser=whole_number, metavar="N", help="The port; 0 for any free one.")
]


def serve_pages(
    command: str,
    make: Callable[[str | None], tuple[ASGIApp, str]],
    *,
    host: str,
    port: int,
    token_env: str | None,
) -> None:
    """Listen, print the address, and serve until Ctrl-C.

    Parameters
    ----------
    make
        The token, None where only this machine reaches the address → the application, and what is
        said of it.

    Raises
    ------
    MissingExtra
        The extra ``view`` is not installed.
    """
    port_number(port)
    token = None if token_env is None else token_of(token_env)
    try:
        from preceptor.web.serving import is_loopback, listen, serve, url_of

        with listen(host, port) as listener:
            if token is None and not is_loopback(listener):
                token = token_of(None)
            app, said = make(token)
            url = url_of(listener)
            print(url if token is None or token_env else f"{url}?token={token}", flush=True)
            note(said)
            serve(app, listener)
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise MissingExtra(f"preceptor {command} needs {error.name}", "view") from None
