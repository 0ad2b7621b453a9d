"""``preceptor view``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.cache import DEFAULT_STORE
from preceptor.cli.options import StorePath
from preceptor.cli.output import note
from preceptor.cli.pages import Host, Port, serve_pages
from preceptor.cli.serve import TokenEnv

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["view"]

#: Answers that are read before anybody asks for a page.
_WARM = 20_000


def view(
    host: Host = "127.0.0.1",
    port: Port = 8711,
    token_env: TokenEnv = None,
    store: StorePath = DEFAULT_STORE,
) -> None:
    """Look at the runs of the store in a browser; nothing is written. Ctrl-C ends it."""

    def made(token: str | None) -> tuple[ASGIApp, str]:
        import threading

        from preceptor.view.app import application
        from preceptor.view.finding import warm
        from preceptor.view.workspace import Workspace

        workspace = Workspace(store)
        threading.Thread(target=warm, args=(workspace, _WARM), daemon=True).start()
        app = application(workspace, host=host, token=token, tell=note)
        return app, f"{workspace.store.where}: open that address in a browser; Ctrl-C ends"

    serve_pages("view", made, host=host, port=port, token_env=token_env)
