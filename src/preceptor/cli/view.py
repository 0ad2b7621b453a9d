"""``preceptor view``."""

from __future__ import annotations

from typing import Annotated

import typer

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import StorePath, whole_number
from preceptor.cli.output import note
from preceptor.cli.serve import TokenEnv, port_number, token_of
from preceptor.installation import MissingExtra

__all__ = ["view"]

#: Answers that are read before anybody asks for a page.
_WARM = 20_000


def view(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address to listen on. Any but this machine's own asks for a token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="The port; 0 for any free one.")
    ] = 8711,
    token_env: TokenEnv = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Look at the runs of the store in a browser; nothing is written. Ctrl-C ends it."""
    import threading

    try:
        from preceptor.view.app import application
        from preceptor.web.serving import is_loopback, listen, serve, url_of
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise MissingExtra(f"preceptor view needs {error.name}", "view") from None
    from preceptor.view.finding import warm
    from preceptor.view.workspace import Workspace

    port_number(port)
    token = None if token_env is None else token_of(token_env)
    workspace = Workspace(store)
    with listen(host, port) as listener:
        if token is None and not is_loopback(listener):
            token = token_of(None)
        app = application(workspace, host=host, token=token, tell=note)
        url = url_of(listener)
        print(url if token is None or token_env else f"{url}?token={token}", flush=True)
        note(f"{workspace.store.where}: open that address in a browser; Ctrl-C ends")
        threading.Thread(target=warm, args=(workspace, _WARM), daemon=True).start()
        serve(app, listener)
