"""A page is made of one view: the template is that of the view's type, and sees nothing else.

So what a role may not see cannot get into a page by a template: it is not in the view.
"""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from preceptor.web.pages import Pages

__all__ = ["Frame", "Link", "Saved", "View", "render"]


class Link(msgspec.Struct, frozen=True):
    """A way to another page."""

    name: str
    address: str
    current: bool = False
    #: What is said of it beside its name.
    note: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one page shows to one role in one state. Subclasses are frozen, too."""

    title: str


class Saved(View, frozen=True, kw_only=True):
    """What changes in the page of a form that a script saved: which save the next goes on from."""

    title: str = "Saved"
    rev: int


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What is around every page. ``person`` is the reader's own id; empty for nobody."""

    project: str
    token: str
    person: str = ""
    links: tuple[Link, ...] = ()
    #: Host of the provider that one may sign in with.
    provider: str = ""
    #: What was done, and what was wrong with what the form sent.
    notice: str = ""
    problem: str = ""
    idle_s: int = 0
    #: The key with which the browser keeps what is typed, until it is saved.
    outbox: str = ""


def render(pages: Pages, view: View, frame: Frame, *, status: int = 200) -> Response:
    """The page of a view."""
    return pages.page(template_of(type(view)), {"view": view, "frame": frame}, status=status)


def template_of(kind: type[View]) -> str:
    """``RubricDraft`` → ``rubric-draft.html.jinja``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower() + ".html.jinja"
