"""People under names that say nothing, and events without who they are."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.studio.ledger.acts import ACTS, Event
from preceptor.studio.ledger.chain import recorded
from preceptor.studio.people.tables import persons

__all__ = ["Aliases", "public_events"]

#: The alias of a person without one.
_NOBODY = "P?"
#: Modules whose acts are published with what they say, where they are about a released task.
_PUBLISHED = ("preceptor.studio.items.acts",)


class Aliases:
    """``P01``, ``P02``, …: drawn anew for each release, so that two cannot be joined.

    They stand for a person's id, e-mail address and name, and for each word of the name that has
    three letters or more and is written as a name is: ``Hand``, and not ``hand``.
    """

    def __init__(self, connection: sa.Connection) -> None:
        query = sa.select(persons.c.id, persons.c.name, persons.c.email)
        rows = list(connection.execute(query))
        secrets.SystemRandom().shuffle(rows)
        digits = len(str(len(rows)))
        self._known: dict[str, str] = {}
        self._words: dict[str, str] = {}
        for number, row in enumerate(rows, start=1):
            alias = f"P{number:0{max(digits, 2)}}"
            said = {str(each).casefold() for each in row if len(each) > 2}
            self._known |= dict.fromkeys(said, alias)
            for word in _name_words(row.name):
                # A name that two people share stands for neither.
                self._words[word] = alias if self._words.get(word, alias) == alias else _NOBODY
        whole, words = (_any_of(each) for each in (self._known, self._words))
        self._pattern = re.compile(rf"(?<!\w)(?:(?i:{whole})|{words})(?!\w)")

    def of(self, person: str | None) -> str | None:
        """The alias of a person's id; None for the command line."""
        return None if not person else self._known.get(person.casefold(), _NOBODY)

    def _of_text(self, found: re.Match[str]) -> str:
        return self._known.get(found[0].casefold()) or self._words.get(found[0], _NOBODY)

    def hide(self, value: Any) -> Any:
        """JSON without the ids, names and e-mail addresses of people."""
        if isinstance(value, str):
            return self._pattern.sub(self._of_text, value)
        if isinstance(value, list):
            return [self.hide(each) for each in value]
        if isinstance(value, dict):
            return {name: self.hide(each) for name, each in value.items()}
        return value


def _any_of(known: Iterable[str]) -> str:
    """The longest first, so that a name goes before its words."""
    return "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)"


def _name_words(name: str) -> Iterator[str]:
    """As they stand in a sentence, and in capitals."""
    for word in re.findall(r"[^\W\d_]{3,}", name):
        yield from {word[:1].upper() + word[1:], word.upper()}


def public_events(
    connection: sa.Connection, items: Collection[str], aliases: Aliases
) -> Iterator[dict[str, Any]]:
    """Every event in order. Of those about released tasks, what they say, with days for times.

    The others have their hashes alone: with them the chain can be compared with a copy of it.
    """
    for event, _, body in recorded(connection):
        line: dict[str, Any] = {"seq": event.seq, "kind": event.kind}
        if event.subject in items and _is_public(event):
            payload = None if body is None else aliases.hide(msgspec.json.decode(body))
            line |= {
                "day": event.at[:10],
                "person": aliases.of(event.person),
                "subject": event.subject,
                "outcome": event.outcome,
                "reason": aliases.hide(event.reason),
                "payload": payload,
            }
        yield line | {"payload_hash": event.payload_hash, "prev": event.prev, "hash": event.hash}


def _is_public(event: Event) -> bool:
    act = ACTS.get(event.kind)
    return act is not None and act.__module__ in _PUBLISHED
