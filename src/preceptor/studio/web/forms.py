"""What a form sent: fields of bounded length, without what no text may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import python_multipart  # noqa: F401  Starlette looks for it at the first form only
from starlette.datastructures import FormData
from starlette.requests import Request

from preceptor.errors import InputError

__all__ = ["Given", "read_form"]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: Fields of one form, and characters of the longest.
_FIELDS, _LONGEST = 2_000, 200_000
#: Names of fields that no page shows again, nor keeps: what proves who somebody is.
_SECRET = frozenset({"token", "password", "again", "present", "sign_email", "proof", "prove"})


class Given:
    """The fields of a form, or none. Each question raises InputError, in one line."""

    def __init__(self, fields: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._fields = dict(fields or {})

    def __bool__(self) -> bool:
        return bool(self._fields)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """Every field as it came, to be sent again later, without what proves who sends it."""
        return tuple(
            (name, each)
            for name, found in self._fields.items()
            if name not in _SECRET
            for each in found
        )

    def raw(self, name: str, default: str = "") -> str:
        """A field as it came: to be shown again, or compared."""
        return next(iter(self._fields.get(name, ())), default)

    def raws(self, name: str) -> tuple[str, ...]:
        """All fields of a name as they came."""
        return self._fields.get(name, ())

    def pressed(self) -> Given:
        """The form with the field that its button sets: ``do`` is ``VERB:NAME=VALUE`` then."""
        verb, colon, field = self.raw("do").partition(":")
        name, _, value = field.partition("=")
        return Given({**self._fields, "do": (verb,), name: (value,)}) if colon else self

    def line(self, name: str, *, most: int = 200, label: str = "") -> str:
        """One line of text."""
        return " ".join(self.text(name, most=most, label=label).split())

    def text(self, name: str, *, most: int = 20_000, label: str = "") -> str:
        """A text of any number of lines."""
        found = self.raw(name).replace("\r\n", "\n").replace("\r", "\n")
        label = label or name
        if len(found) > most:
            raise InputError(f"{label}: expected at most {most:,} characters, found {len(found):,}")
        if sign := _CONTROL.search(found):
            place = f"at place {sign.start() + 1:,}"
            code = f"U+{ord(sign.group()):04X}"
            raise InputError(f"{label}: a control character ({code}) {place}: delete it")
        return found

    def lines(self, name: str, *, most: int = 50, label: str = "") -> tuple[str, ...]:
        """The lines of a text that have something in them."""
        found = self.text(name, label=label).split("\n")
        kept = tuple(line for each in found if (line := " ".join(each.split())))
        if len(kept) > most or any(len(line) > 200 for line in kept):
            raise InputError(
                f"{label or name}: expected at most {most} lines of 200 characters, "
                f"found {len(kept)}, the longest of {max(map(len, kept))}"
            )
        return kept

    def one(self, name: str, known: Collection[str], *, label: str = "") -> str:
        """One of some words."""
        found = self.raw(name)
        if found not in known:
            raise InputError(f"{label or name}: expected {', '.join(known)}, found {found[:40]!r}")
        return found

    def many(self, name: str, known: Collection[str], *, label: str = "") -> tuple[str, ...]:
        """Any of some words."""
        found = self.raws(name)
        for each in found:
            if each not in known:
                words = ", ".join(known)
                raise InputError(f"{label or name}: expected {words}, found {each[:40]!r}")
        return tuple(dict.fromkeys(found))

    def whole(self, name: str, least: int, most: int, *, label: str = "") -> int:
        """A whole number."""
        found = self.raw(name).strip().replace("\N{MINUS SIGN}", "-")
        if not re.fullmatch(r"[-+]?[0-9]{1,9}", found) or not least <= int(found) <= most:
            raise InputError(
                f"{label or name}: expected a whole number from {least} to {most}, "
                f"found {found[:20]!r}"
            )
        return int(found)

    def number(self, name: str, least: float, most: float, *, label: str = "") -> float:
        """A number, with a point or a comma."""
        found = self.raw(name).strip().replace(",", ".")
        if not re.fullmatch(r"[0-9]{1,9}([.][0-9]{1,9})?", found) or not (
            least <= float(found) <= most
        ):
            raise InputError(
                f"{label or name}: expected a number from {least:g} to {most:g}, "
                f"found {found[:20]!r}"
            )
        return float(found)


async def read_form(request: Request) -> Given:
    """The form of a request; files are refused. Raises InputError, HTTPException."""
    form: FormData = await request.form(max_files=0, max_fields=_FIELDS, max_part_size=5 * _LONGEST)
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            raise InputError(f"{name[:40]}: expected text, found a file")
        fields[name] = (*fields.get(name, ()), value)
    return Given(fields)
