"""A grader's card: on one screen, how far it can be trusted.

It has names and numbers only, so that a report can show the card of its grader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from preceptor.audit.card import Cost, GraderCard
from preceptor.audit.failures import Slice
from preceptor.errors import InputError, shorten
from preceptor.files import decode_json
from preceptor.reports.agreement_view import (
    UnitAxis,
    decimal,
    decimals,
    name_of,
    signed_decimal,
    with_interval,
)
from preceptor.reports.charts import Span
from preceptor.reports.checking import check_clause, check_sentences
from preceptor.reports.files import write_text
from preceptor.reports.format import interval, points
from preceptor.wording import count, plural

__all__ = [
    "CardView",
    "card_of",
    "card_sentence",
    "card_sentences",
    "card_view",
    "cards_for",
    "is_card_of",
    "read_card",
    "verdict_on",
    "write_card",
]

#: An address without a method.
_ADDRESS = re.compile(r"(?:https?://[^#]+#|[\w.-]+/)(?P<model>.+)")


class CardView(msgspec.Struct, frozen=True):
    """A card in finished words; ``at``, ``span`` and ``physicians_at`` are percent of the axis."""

    grader: str
    source: str
    claim: str
    value: str
    interval: str
    pairs: str
    chance: str
    physicians: str
    difference: str
    at: str | None
    span: Span | None
    physicians_at: str | None
    axis: UnitAxis
    facts: list[tuple[str, list[str]]]


# Files


def write_card(card: GraderCard, path: Path) -> Path:
    """Write a card as JSON; of the file that it is from, the name without its folders."""
    named = msgspec.structs.replace(card, source=Path(card.source).name)
    return write_text(path, msgspec.json.format(msgspec.json.encode(named), indent=2).decode())


def read_card(path: Path) -> GraderCard:
    """Read what :func:`write_card` wrote.

    Raises InputError where the file cannot be read or is no card.
    """
    try:
        return msgspec.convert(decode_json(path), GraderCard)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except msgspec.ValidationError as error:
        raise InputError(
            f"{path}: expected a grader's card, as `preceptor audit --card` writes it: "
            f"{shorten(error, 120)}"
        ) from None


def is_card_of(card: GraderCard, grader: str) -> bool:
    """Whether a card is of the grader at an address.

    The name is the address itself, or the model's name in it. A method before the address
    (``yesno:``) is a part of the grader: it asks otherwise, and so has a card of its own.
    """
    plain = _ADDRESS.fullmatch(grader)
    models = () if plain is None else (plain["model"], plain["model"].rpartition("/")[2])
    return card.grader == grader or card.grader in models


# Words


def card_view(card: GraderCard) -> CardView:
    """A card in finished words and positions."""
    axis, own, theirs = UnitAxis(), card.macro_f1, card.among_physicians
    return CardView(
        grader=card.grader,
        source=Path(card.source).name,
        claim=card_sentence(card),
        value=decimal(own.value),
        interval=decimals(own.ci95),
        pairs=count(card.labels),
        chance=decimal(card.chance),
        physicians="" if theirs is None else with_interval(theirs),
        difference=""
        if theirs is None
        else f"{signed_decimal(card.gap.value)} ({decimals(card.gap.ci95)})",
        at=None if own.value is None else axis.at(own.value),
        span=axis.span(own.ci95),
        physicians_at=None if theirs is None or theirs.value is None else axis.at(theirs.value),
        axis=axis,
        facts=[(term, lines) for term, lines in _facts(card) if lines],
    )


def card_sentence(card: GraderCard) -> str:
    """How far the grader can be trusted, in a few sentences."""
    return _by_labels(card) if card.check is None else " ".join(check_sentences(card))


def card_sentences(card: GraderCard) -> list[str]:
    """The same in sentences for a reader who has no use for coefficients."""
    return [_by_labels(card)] if card.check is None else check_sentences(card, brief=True)


def _by_labels(card: GraderCard) -> str:
    own, theirs, gap = card.macro_f1, card.among_physicians, card.gap.ci95
    tested = f"on {plural(card.judged, 'row')} of {Path(card.source).name}"
    if own.value is None:
        return f"Nothing can be said: {tested} one of the classes never occurs."
    text = f"Macro F1 {with_interval(own)} with single physicians {tested}"
    if card.chance is not None:
        text += f", {decimal(card.chance)} by chance"
    if theirs is None or theirs.value is None:
        return f"{text}. No two physicians judged one row, so there is nothing to measure it by."
    text += f"; physicians with each other {with_interval(theirs)}. "
    if gap is None:
        return f"{text}Whether it agrees less than they do cannot be said."
    if gap[1] < 0:
        return f"{text}It agrees with physicians less than they do with each other."
    if gap[0] > 0:
        return f"{text}It agrees with physicians more than they do with each other."
    return (
        f"{text}A difference from physicians’ own agreement is not shown: it may lie anywhere "
        f"from {signed_decimal(gap[0])} to {signed_decimal(gap[1])}."
    )


def verdict_on(card: GraderCard) -> str:
    """The same in a clause."""
    if card.check is not None:
        return check_clause(card.check)
    gap = card.gap.ci95
    if card.macro_f1.value is None:
        return "the grader could not be checked"
    if card.among_physicians is None or card.among_physicians.value is None:
        return f"the grader was checked on {plural(card.labels, 'label')} by people"
    if gap is None or gap[0] <= 0 <= gap[1]:
        return "no difference was shown between the grader’s agreement with people and their own"
    less = "less" if gap[1] < 0 else "more"
    return f"the grader agrees with people {less} than they do with each other"


def card_of(cards: Sequence[GraderCard], grader: str) -> GraderCard | None:
    """The first card of the grader at this address."""
    return next((card for card in cards if is_card_of(card, grader)), None)


def _facts(card: GraderCard) -> Iterator[tuple[str, list[str]]]:
    people = f" by {plural(card.physicians, 'physician')}" if card.physicians else ""
    tested = f"{plural(card.labels, 'label')}{people} on {plural(card.prompts, 'prompt')}"
    if card.judged < card.rows:
        tested += f"; a verdict on {count(card.judged)} of {plural(card.rows, 'row')}"
    yield "Tested on", [tested]
    yield "Beyond chance", [f"kappa {with_interval(card.kappa)}", f"AC1 {with_interval(card.ac1)}"]
    ranked = [band for band in card.themes if band.percentile is not None]
    yield (
        "Percentile among physicians",
        [f"{name_of('theme', band.name)} {band.percentile:.0f}" for band in ranked],
    )
    yield "Agrees least in", [_slice(one) for one in card.worst[:3]]
    yield "Points of the criterion", _slices(card.by_points)
    yield "Length of the criterion", _slices(card.by_length, " characters")
    yield "Asked again", [_repeat(card)] if card.repeat is not None else []
    yield "1,000 verdicts cost", [_cost(card.cost)]


def _slices(slices: Iterable[Slice], unit: str = "") -> list[str]:
    return [_slice(one, unit) for one in slices if one.macro_f1.value is not None]


def _slice(one: Slice, unit: str = "") -> str:
    return f"{name_of(one.kind, one.name)}{unit} {with_interval(one.macro_f1)}, {_direction(one)}"


def _direction(one: Slice) -> str:
    cells = one.confusion
    wrong = cells.only_grader + cells.only_physician
    if not wrong:
        return "no errors"
    kind = cells.only_grader / wrong
    return f"{100 * kind:.0f} % of errors too kind"


def _repeat(card: GraderCard) -> str:
    found = card.repeat
    assert found is not None
    changed = f"{points(found.changed.value)} % ({interval(found.changed.ci95)})"
    return f"{changed} of the verdicts change on {plural(found.rows, 'row')} ({found.second})"


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "unknown: stored without tokens and price"
    tokens = (
        f"{count(cost.input_tokens)} tokens in, {count(cost.output_tokens)} out "
        f"(from {plural(cost.verdicts, 'verdict')})"
    )
    return tokens if not cost.usd else f"${cost.usd:,.2f}; {tokens}"


def cards_for(cards: Sequence[GraderCard], graders: Iterable[str]) -> list[CardView]:
    """Those of these graders, each once, in the order of the graders."""
    found = [
        card for grader in dict.fromkeys(graders) for card in cards if is_card_of(card, grader)
    ]
    return [card_view(card) for index, card in enumerate(found) if card not in found[:index]]
