"""What every page has in common: one file that needs nothing else, and in which no text is markup.

The pages carry texts and names that models and users wrote. The templates escape them, and a
Content-Security-Policy lets run and load nothing but the page's own style, script and pictures.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from preceptor.version import VERSION

__all__ = ["environment", "fill", "printable_page"]

# Not allowed in HTML, invisible, or not UTF-8 at all.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def fill(
    template: str, context: dict[str, object], *, scripted: bool, pictures: bool = False
) -> str:
    """The page as text that can be encoded as UTF-8 whatever the context contains.

    Without ``scripted`` the policy lets no script run at all, and a picture load (from within the
    page) only with ``pictures``.
    """
    style = _asset("tokens.css") + _asset("report.css")
    script = _asset("report.js") if scripted else None
    page = (
        environment("preceptor.reports")
        .get_template(template)
        .render(
            context,
            policy=_policy(style, script, pictures or scripted),
            style=style,
            script=script,
            version=VERSION,
        )
    )
    return printable_page(page)


def printable_page(page: str) -> str:
    """The page without what HTML or UTF-8 do not allow."""
    return _CONTROL.sub("\ufffd", page)


def _policy(style: str, script: str | None, pictures: bool) -> str:
    allowed = f"style-src {_hash(style)}; "
    if script is not None:
        allowed += f"script-src {_hash(script)}; "
    if pictures:
        allowed += "img-src data:; "
    return (
        f"default-src 'none'; {allowed}"
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@cache
def _asset(name: str) -> Markup:
    text = resources.files("preceptor.reports").joinpath("assets", name).read_text("utf-8")
    return Markup(text)  # noqa: S704  ours, and hashed into the policy


@cache
def environment(*packages: str) -> jinja2.Environment:
    """The templates of these packages: the first that has one of a name is taken."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package, "templates") for package in packages]
        ),
        auto_reload=False,  # else each page looks at every file of its templates
        autoescape=jinja2.select_autoescape(enabled_extensions=("jinja",), default=True),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
