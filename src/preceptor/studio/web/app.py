"""The application: its guard, its screens, its files."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from preceptor.errors import PreceptorError, StoreError
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.project import project
from preceptor.studio.people.single_sign_on import SingleSignOn
from preceptor.studio.web import (
    account,
    adjudicating,
    agreeing,
    answering,
    authoring,
    board,
    categorising,
    doors,
    entering,
    events,
    home,
    labelling,
    people,
    qualifying,
    reviewing,
    sampling,
    scoring,
    settings,
    settling,
    timing,
)
from preceptor.studio.web.chatting import Chats
from preceptor.studio.web.middleware import Cookie
from preceptor.studio.web.screens import Screen, Web
from preceptor.web.guard import Guard
from preceptor.web.pages import Pages

if TYPE_CHECKING:
    from preceptor.studio.people.provider import Provider

__all__ = ["application", "screens"]

_PACKAGE = "preceptor.studio.web"
#: Modules with screens, in the order of their addresses.
_SCREENS = (
    home,
    entering,
    account,
    people,
    settings,
    authoring,
    reviewing,
    adjudicating,
    board,
    answering,
    labelling,
    qualifying,
    settling,
    categorising,
    sampling,
    agreeing,
    scoring,
    events,
    timing,
    doors,
)


def application(
    accounts: Accounts,
    *,
    address: str,
    proxied: bool = False,
    links: doors.Doors | None = None,
    provider: Provider | None = None,
    tell: Callable[[str], None] = lambda _: None,
    store: str | Path | None = None,
) -> Guard:
    """The studio as an ASGI application.

    Parameters
    ----------
    address
        Under which browsers know it; over TLS if it begins with ``https``.
    proxied
        Whether a proxy of ours is before it, and says which address a browser has.
    links
        Those that sign made-up people in, of a demo.
    provider
        With whose accounts people may sign in.
    tell
        Called with a line for each internal error. It has no text of a request or an answer.
    store
        The run store, for answers of the project's systems and verdicts of its grader; made when
        the first is asked. Without one nobody asks them.
    """
    with accounts.studio.read() as connection:
        found = project(connection)
    pages = Pages(_PACKAGE, {}, tell)
    where = urlsplit(address)
    chats = Chats(accounts.studio, str(store)) if store else None
    web = Web(
        accounts=accounts,
        project=found,
        pages=pages,
        cookie=Cookie(found.id, where.scheme == "https"),
        address=address.rstrip("/"),
        proxied=proxied,
        sso=None if provider is None else SingleSignOn(accounts, provider),
        tell=tell,
        chats=chats,
        doors=links,
    )
    kinds = (HTTPException, PreceptorError, Exception)
    app = Starlette(
        routes=[*screens(web), Route("/assets/{hash:str}/{name:str}", pages.asset)],
        lifespan=lambda _: _chatting(chats, tell),
        exception_handlers=dict.fromkeys(kinds, pages.explain),
    )
    return Guard(
        app,
        pages.refusal,
        host=where.hostname or "localhost",
        methods=("GET", "HEAD", "POST"),
        trusted_types="preceptor-studio",
        encrypted=where.scheme == "https",
    )


@contextlib.asynccontextmanager
async def _chatting(chats: Chats | None, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """What is asked of a system when the server ends is ``interrupted``, and can be asked again."""
    if chats is not None:
        try:
            await chats.settle()
        except StoreError as error:  # those who ask hear of it; all else works
            tell(str(error))
    yield
    if chats is not None:
        await chats.close()


def screens(web: Web) -> list[Screen]:
    """Every screen of the studio."""
    return [screen for module in _SCREENS for screen in module.screens(web)]
