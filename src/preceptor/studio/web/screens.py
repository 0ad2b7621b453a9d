"""A screen: one address, who may open it, and what it answers to GET and to its forms.

A handler gets a :class:`Visit` and returns a :class:`View`, or a response. It reads and writes by
commands alone. A form whose command raises InputError gets the same page again, with the sentence
and what was written: ``visit.given`` has it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from preceptor.errors import InputError, PreceptorError, StoreError, UnknownName
from preceptor.studio.ledger.acts import Who
from preceptor.studio.people import sessions
from preceptor.studio.people.accounts import Accounts
from preceptor.studio.people.identities import Attempt
from preceptor.studio.people.members import Member
from preceptor.studio.people.project import Project
from preceptor.studio.people.sessions import Session
from preceptor.studio.people.single_sign_on import SingleSignOn
from preceptor.studio.people.tries import TooMany
from preceptor.studio.web.chatting import Chats
from preceptor.studio.web.forms import Given, read_form
from preceptor.studio.web.middleware import Cookie, address_of, cross_site, is_scripted
from preceptor.studio.web.render import Frame, Link, View, render
from preceptor.web.guard import Refusal
from preceptor.web.pages import Pages, refusal_of

__all__ = ["EVERYBODY", "LEAD", "NOBODY", "WAYS", "Screen", "Visit", "Web", "leave_for", "see"]

_T = TypeVar("_T")
#: Who may open a screen: roles, or one of these.
EVERYBODY = frozenset({"signed in"})
NOBODY = frozenset({"nobody"})
LEAD = frozenset({"lead"})
#: Links above every page: address, name, for whom.
WAYS = (
    ("/", "My work", EVERYBODY),
    ("/reviews", "Reviews", frozenset({"reviewer"})),
    ("/adjudications", "Decisions", frozenset({"adjudicator"})),
    ("/known", "Known answers", LEAD | {"adjudicator"}),
    ("/board", "Board", LEAD),
    ("/people", "People", LEAD),
    ("/project", "Project", LEAD),
    ("/sampling", "Sample", LEAD),
    ("/agreement", "Agreement", LEAD | {"reviewer", "labeller"}),
    ("/log", "Log", LEAD),
    ("/account", "Account", EVERYBODY),
)


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """What every screen shares."""

    accounts: Accounts
    project: Project
    pages: Pages
    cookie: Cookie
    #: The address under which browsers know the studio, as ``https://studio.example.org``.
    address: str
    tell: Callable[[str], None]
    proxied: bool = False
    #: The systems that authors may ask; None where the project has none.
    chats: Chats | None = None
    #: A :class:`~preceptor.studio.web.doors.Doors` where made-up people sign in by links.
    doors: object = None
    sso: SingleSignOn | None = None


class Keep(View, frozen=True, kw_only=True):
    """What a form had sent whose session was over: sent when its writer says so."""

    address: str
    fields: tuple[tuple[str, str], ...]


class Visit:
    """One request: who asks, what the form says, and how to read, write and answer."""

    def __init__(self, web: Web, request: Request, secret: str, session: Session | None) -> None:
        self.web, self.request, self.secret, self.session = web, request, secret, session
        self.given = Given()
        self.problem = ""
        self.notice = ""
        #: Status of the page; other than 200 only by :meth:`refuse` and for a refused form.
        self.status = 200

    @property
    def now(self) -> float:
        return self.web.accounts.clock()

    @property
    def member(self) -> Member:
        """Who is signed in. A screen that is open to nobody in particular has none."""
        if self.session is None:
            raise UnknownName("no such page: sign in first")
        return self.session.member

    @property
    def who(self) -> Who:
        return Who(self.member.id, "" if self.session is None else self.session.id)

    @property
    def network(self) -> str:
        return address_of(self.request, proxied=self.web.proxied)

    def place(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, "")

    async def read(self, question: Callable[[sa.Connection], _T]) -> _T:
        """Ask the database."""
        return await self.web.accounts.read(question)

    async def write(self, command: Callable[[sa.Connection], _T]) -> _T:
        """Do what a form says; returns once it is on disk."""
        return await self.web.accounts.studio.write(command)

    def frame(self) -> Frame:
        session, token = self.session, self.web.cookie.token(self.secret)
        provider = "" if self.web.sso is None else self.web.sso.name
        if session is None:
            return Frame(
                project=self.web.project.name,
                token=token,
                provider=provider,
                notice=self.notice,
                problem=self.problem,
            )
        path = self.request.url.path
        mine = {"signed in", *session.member.offer.roles}
        return Frame(
            project=self.web.project.name,
            token=token,
            provider=provider,
            person=session.member.id,
            links=tuple(
                Link(name, where, path == where or (where != "/" and path.startswith(where + "/")))
                for where, name, roles in WAYS
                if roles & mine
            ),
            notice=self.notice,
            problem=self.problem,
            idle_s=self.web.accounts.limits.idle_s,
            outbox=self.web.cookie.outbox(self.secret),
        )

    def page(self, view: View, *, status: int | None = None) -> Response:
        found = self.status if status is None else status
        return render(self.web.pages, view, self.frame(), status=found)


class ToProvider(View, frozen=True, kw_only=True):
    """On the way to the provider."""

    address: str


async def leave_for(visit: Visit, attempt: Attempt) -> Response:
    """A page that goes on by itself: no redirection, which a form's policy forbids to others."""
    if (sso := visit.web.sso) is None:
        raise InputError("sign-in: this studio has no provider: use your password")
    address = await sso.begin(attempt, visit.secret, visit.network)
    response = visit.page(ToProvider(title=f"Sign in at {sso.name}", address=address))
    response.headers["Refresh"] = f"0; url={address}"
    return response


Handler = Callable[[Visit], Awaitable[View | Response]]


class Screen(Route):
    """A route.

    Parameters
    ----------
    roles
        Those who may open it: roles, :data:`EVERYBODY` who is signed in, or :data:`NOBODY` in
        particular.
    said
        Key of the address's ``done`` → the sentence that is shown.
    passive
        A GET does not count as use of the session.
    """

    def __init__(
        self,
        path: str,
        web: Web,
        *,
        get: Handler | None = None,
        post: Handler | None = None,
        roles: frozenset[str] = EVERYBODY,
        said: dict[str, str] | None = None,
        passive: bool = False,
    ) -> None:
        self._web, self._get, self._post = web, get, post
        self.roles, self._said, self._passive = roles, said or {}, passive
        methods = [*(["GET"] if get else []), *(["POST"] if post else [])]
        super().__init__(path, self._answer, methods=methods)

    async def _answer(self, request: Request) -> Response:
        web, posted = self._web, request.method == "POST"
        if posted and (refusal := cross_site(request)):
            return web.pages.refusal(refusal)
        secret = web.cookie.of(request)
        now, limits = web.accounts.clock(), web.accounts.limits
        session = await web.accounts.look_up(
            lambda connection: sessions.find(connection, secret, now, limits)
        )
        visit = Visit(web, request, secret, session)
        visit.notice = self._said.get(visit.asked("done"), "")
        try:
            response = await (self._posted(visit) if posted else self._opened(visit))
        except StoreError as error:  # its words are for who runs the server
            web.tell(str(error))
            response = _refusal(visit, Refusal(503, _STORE))
        except PreceptorError as error:
            response = _refusal(visit, refusal_of(error))
        if request.cookies.get(web.cookie.name) != secret and not _gives(response, web.cookie):
            web.cookie.give(response, secret)
        return response

    async def _opened(self, visit: Visit) -> Response:
        if (refused := self._refused(visit)) is not None:
            return refused
        await self._note_use(visit)
        assert self._get is not None
        return _response(visit, await self._get(visit))

    async def _posted(self, visit: Visit) -> Response:
        visit.given = await read_form(visit.request)
        own = visit.web.cookie.is_ours(visit.secret, visit.given)
        if self.roles >= NOBODY and not own:
            words = "this form was too old, or the browser keeps no cookies: send it again"
            return await self._again(visit, words, 403)
        if not own:
            # Written before somebody signed in anew, perhaps as another: nothing is done unasked.
            return _kept(visit)
        if (refused := self._refused(visit)) is not None:
            return refused
        await self._note_use(visit)
        assert self._post is not None
        try:
            return _response(visit, await self._post(visit))
        except UnknownName:
            raise
        except InputError as error:
            if self._get is None:
                raise
            if not isinstance(error, TooMany):
                return await self._again(visit, str(error), 422)
            response = await self._again(visit, str(error), 429)
            response.headers["Retry-After"] = str(error.wait_s)
            return response

    async def _again(self, visit: Visit, problem: str, status: int) -> Response:
        """The page of a form that was refused, with what was written."""
        assert self._get is not None
        visit.problem, visit.notice, visit.status = problem, "", status
        return _response(visit, await self._get(visit))

    def _refused(self, visit: Visit) -> Response | None:
        """The answer to those who may not open it."""
        if self.roles >= NOBODY:
            return None
        if visit.session is None:
            return _kept(visit) if visit.given else _sign_in_first(visit)
        if self.roles >= EVERYBODY or self.roles & set(visit.member.offer.roles):
            return None
        words = f"this page is for the role {' or '.join(sorted(self.roles))}: ask a lead for it"
        return _refusal(visit, Refusal(403, words))

    async def _note_use(self, visit: Visit) -> None:
        session, now = visit.session, visit.now
        if session is not None and session.is_due(now) and not self._passive:
            await visit.write(lambda connection: sessions.mark(connection, session.id, now))


class Refused(View, frozen=True, kw_only=True):
    """Why something is not shown or done."""

    message: str


def _refusal(visit: Visit, refusal: Refusal) -> Response:
    """A refusal with the ways to other pages around it."""
    view = Refused(title=_TITLES.get(refusal.status, "Not done"), message=refusal.message)
    return visit.page(view, status=refusal.status)


_TITLES = {401: "Signed out", 403: "Not yours", 404: "Not found", 503: "Not now"}


def see(address: str, done: str = "") -> Response:
    """Send the browser on, where ``done`` is said."""
    return RedirectResponse(address + (f"?{urlencode({'done': done})}" if done else ""), 303)


def _response(visit: Visit, answer: View | Response) -> Response:
    return answer if isinstance(answer, Response) else visit.page(answer)


def _gives(response: Response, cookie: Cookie) -> bool:
    return any(
        each.startswith(f"{cookie.name}=") for each in response.headers.getlist("set-cookie")
    )


def _sign_in_first(visit: Visit) -> Response:
    if is_scripted(visit.request):
        return _refusal(visit, Refusal(401, _OVER))
    url = visit.request.url
    wanted = url.path + (f"?{url.query}" if url.query else "")
    return see(f"/login?{urlencode({'next': wanted})}" if wanted != "/" else "/login")


_STORE = "the studio cannot read or write its database: keep this page open, and tell a lead"
_OVER = "you are signed out: sign in, and what you wrote is sent"


def _kept(visit: Visit) -> Response:
    """Ask for signing in, or for a word, before what a form had sent is sent again."""
    if is_scripted(visit.request):
        return _refusal(visit, Refusal(401, _OVER))
    fields = visit.given.kept
    visit.problem = "you were signed out meanwhile: nothing is sent yet, nothing is lost"
    view: Any = Keep(title="Not sent yet", address=visit.request.url.path, fields=fields)
    if visit.session is None:
        visit.problem = _OVER
        view = SignIn(title="Sign in", next=visit.request.url.path, kept=fields)
    return visit.page(view, status=401)


class SignIn(View, frozen=True, kw_only=True):
    """E-mail and password. ``kept`` is what a form had sent."""

    next: str = "/"
    email: str = ""
    kept: tuple[tuple[str, str], ...] = ()
