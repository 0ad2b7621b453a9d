"""Pages of a server: templates of its own before those of the report, which they share."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import sha256
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from preceptor.errors import InputError, PreceptorError, StoreError, Unavailable, UnknownName
from preceptor.reports.page import environment, printable_page
from preceptor.version import VERSION
from preceptor.web.guard import Refusal

__all__ = ["Pages", "refusal_of"]

#: Class of an error → status.
_STATUS: tuple[tuple[type[PreceptorError], int], ...] = (
    (UnknownName, 404),
    (InputError, 400),
    (Unavailable, 503),
    (StoreError, 503),
)
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
#: A file's address has its hash: it never changes.
_FOREVER = "private, max-age=31536000, immutable"


class Pages:
    """Templates and files of one server.

    Parameters
    ----------
    package
        Has ``templates/`` and ``assets/``.
    shared
        What every page of the server is given.
    tell
        Called with a line for each error that is ours. It has no text of a request or an answer.
    """

    def __init__(
        self, package: str, shared: Mapping[str, object], tell: Callable[[str], None]
    ) -> None:
        self._package, self._shared, self._tell = package, shared, tell

    @cached_property
    def files(self) -> dict[str, tuple[bytes, str]]:
        """Name → content and media type; the server's own after the report's."""
        return {
            each.name: (each.read_bytes(), _TYPES[each.name.rpartition(".")[2]])
            for package in ("preceptor.reports", self._package)
            for each in resources.files(package).joinpath("assets").iterdir()
            if each.name.rpartition(".")[2] in _TYPES
        }

    def _address(self, name: str) -> str:
        return f"/assets/{sha256(self.files[name][0]).hexdigest()[:12]}/{name}"

    def asset(self, request: Request) -> Response:
        """Send a file; the hash in its address is for the browser's store of files."""
        found = self.files.get(request.path_params["name"])
        if found is None:
            raise UnknownName("no such file: open the first page again")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": _FOREVER})

    def page(
        self, template: str, context: Mapping[str, object], *, status: int = 200
    ) -> HTMLResponse:
        found = environment(self._package, "preceptor.reports").get_template(template)
        text = found.render(self._shared, version=VERSION, asset=self._address, **context)
        return HTMLResponse(printable_page(text), status)

    def refusal(self, refusal: Refusal) -> Response:
        """A page of one line."""
        return self.page("refusal.html.jinja", {"refusal": refusal}, status=refusal.status)

    def explain(self, request: Request, error: Exception) -> Response:
        """The page of an error."""
        del request
        if isinstance(error, HTTPException):
            words = "no such page: begin at the first" if error.status_code == 404 else error.detail
            return self.refusal(Refusal(error.status_code, words))
        if isinstance(error, PreceptorError):
            return self.refusal(refusal_of(error))
        last = traceback.extract_tb(error.__traceback__)[-1]
        self._tell(f"internal error: {type(error).__name__} in {last.name} ({last.lineno})")
        return self.refusal(Refusal(500, "internal error: the terminal of the server says where"))


def refusal_of(error: PreceptorError) -> Refusal:
    """Status and sentence of an error."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return Refusal(status, str(error))
