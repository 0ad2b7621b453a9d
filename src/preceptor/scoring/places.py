"""Options as a file letters, numbers and orders them, mapped to the benchmark's.

A file may have an order of its own, and name an option by letter, text, or number, counted from 0
or from 1. It is read in its own terms first, and then mapped to the benchmark's letters.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.cells import decoded
from preceptor.patterns import late
from preceptor.scoring.letters import read_choice

__all__ = [
    "RIGHT",
    "Question",
    "Stated",
    "agrees",
    "counted_from",
    "in_terms_of",
    "names_number",
    "options_in",
    "places",
    "plain",
    "question_of",
    "same_options",
    "stated_in",
    "terms_in_words",
]

#: Columns with what is right, as :func:`plain` writes them.
RIGHT = (
    *("answer_idx", "correct_option", "correct_answer", "ground_truth_answer", "ground_truth"),
    *("gold", "gold_answer", "target", "label", "answer", "answer_index", "correct_index"),
    *("correct_idx", "correct_answer_idx", "correct_answer_index", "correct_option_index"),
    *("correct_choice", "answer_key", "answer_letter", "right_answer", "right", "cop", "truth"),
    *("gold_index", "gold_idx", "gold_label", "target_index", "target_idx", "label_idx"),
    "correct",
)
_WHOLE = ("options", "choices", "candidates", "answer_choices", "answer_options", "choice_list")
_SINGLE = late(r"(?:(?:option|opt|op|choice|answer|ending|candidate)_?)?([a-j])|"
                     r"(?:option|opt|op|choice|answer|ending|candidate)_?(\d)")  # fmt: skip
_NUMBER = r"\d{1,2}(?:\.0+)?"
_NUMBERS = late(rf"\s*[\[(]?\s*{_NUMBER}(?:\s*[,;]\s*{_NUMBER})*\s*[\])]?\s*")
_ANNOUNCED = late(
    r"\s*(?:the\s+)?(?:(?:correct|right|final|best)\s+)?(?:answer|option|choice|index|prediction)?"
    rf"\s*(?:is|was|[:=#])?\s*[\[(]?({_NUMBER})[\])]?\s*[.。]?\s*",
    re.IGNORECASE,
)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTER = late(r"(?<!\w)[A-Za-z](?!\w)")


class Question(msgspec.Struct, frozen=True):
    """A question of a benchmark: label → text of its options, and the right labels."""

    options: Mapping[str, str]
    right: frozenset[str]
    several: bool


class Stated(msgspec.Struct, frozen=True, array_like=True):
    """What a row says: its options in its own order, the right one, and the answers given."""

    options: dict[str, str] | None = None
    right: str | None = None
    answers: tuple[str, ...] = ()


def question_of(target: object) -> Question | None:
    """The question in an example's target; None where it is no multiple choice."""
    if not isinstance(target, Mapping):
        return None
    options, right = target.get("options"), target.get("answer")
    if not isinstance(options, Mapping) or not options:
        return None
    if isinstance(right, str):
        return Question(options, frozenset([right]), several=False)
    if not isinstance(right, list | tuple):
        return None
    return Question(options, frozenset(right), several=True)


def options_in(row: Mapping[str, Any]) -> dict[str, str] | None:
    """The options that a row states, by label in its own order; None where it states none.

    In one column as a list, an object of label and text, a list of objects, an object of lists
    (``label``, ``text``), or either as JSON or as Python prints it; or in a column for each
    (``A``, ``option_b``, ``opc``, ``choice_1``).
    """
    names = {plain(name): name for name in row}
    for name in _WHOLE:
        if name in names and (found := _labelled(decoded(row[names[name]]))) is not None:
            return found
    single = {match: names[name] for name in names if (match := _SINGLE.fullmatch(name))}
    for group in (1, 2):
        columns = sorted((each[group], name) for each, name in single.items() if each[group])
        begins = bool(columns) and columns[0][0] in "a01"
        texts = [_text(row[name]) for _, name in columns]
        filled = [text for text in texts if text]
        if begins and len(filled) > 1 and texts[: len(filled)] == filled:
            return dict(zip(_LETTERS, filled, strict=False))
    return None


@functools.lru_cache(1_000)
def plain(name: str) -> str:
    """``Question-ID``, ``questionId`` → ``question_id``."""
    return re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", "_", name).strip("_").casefold()


def stated_in(row: Mapping[str, Any], answer: str) -> Stated:
    """What a row states besides its answer."""
    names = {plain(name): value for name, value in row.items() if value is not None}
    right = next((names[name] for name in RIGHT if name in names), None)
    text = right if right is None or isinstance(right, str) else json.dumps(right)
    return Stated(options_in(row), text, (answer,))


def places(text: str) -> tuple[int, ...] | None:
    """The numbers in a text of nothing else; None for other texts."""
    if not _NUMBERS.fullmatch(text):
        return None
    return tuple(int(number.partition(".")[0]) for number in re.findall(_NUMBER, text))


def names_number(text: str) -> bool:
    """Whether a text is the number of an option, perhaps announced ("Answer: 1")."""
    return places(text) is not None or _ANNOUNCED.fullmatch(text) is not None


def same_options(stated: Stated, question: Question) -> bool | None:
    """Whether the row's options are the question's, in any order; None where it states none."""
    return None if stated.options is None else _translation(stated.options, question) is not None


class _Tally(msgspec.Struct):
    """What rows show of how they count options.

    Right answers that are numbers, those that agree when counted from 0 and from 1, whether there
    is a 0 or a number as high as there are options, and whether an answer is a bare number.
    """

    right: int = 0
    agreed: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    zero: bool = False
    top: bool = False
    bare: bool = False


def counted_from(rows: Iterable[tuple[Stated, Question]]) -> tuple[int | None, bool]:
    """(whether numbers of options count from 0 or from 1, whether any answer is such a number).

    Right answers that are numbers decide it, if most are the benchmark's by one way of counting.
    Otherwise a 0, or a number as high as there are options, decides. None where nothing does, or
    where the answers cannot count as the right answers do.
    """
    tally = _Tally()
    outside = [False, False]
    for stated, question in rows:
        own = stated.options or question.options
        known = {_plain(text) for text in own.values()}
        right = _numbers(stated.right, known)
        given = [number for answer in stated.answers for number in _numbers(answer, known)]
        tally.bare |= any(places(each) and _plain(each) not in known for each in stated.answers)
        tally.right += bool(right)
        tally.zero |= 0 in (*right, *given)
        tally.top |= len(own) in (*right, *given)
        for first in (0, 1):
            tally.agreed[first] += bool(right) and agrees(stated, question, first) is True
            outside[first] |= any(not 0 <= number - first < len(own) for number in given)
    best = int(tally.agreed[1] > tally.agreed[0])
    if 2 * tally.agreed[best] > tally.right and tally.agreed[0] != tally.agreed[1]:
        otherwise = outside[best] and not outside[1 - best]
        return (None, True) if otherwise else (best, tally.bare)
    return (None if tally.zero == tally.top else int(tally.top)), tally.bare


def agrees(stated: Stated, question: Question, first: int | None) -> bool | None:
    """Whether the row's right answer is the question's; None where they cannot be compared."""
    if stated.right is None or not stated.right.strip():
        return None
    meant = _meant(stated.right, stated, question, first)
    return None if not meant else meant == question.right


def in_terms_of(text: str, stated: Stated, question: Question, first: int | None) -> str:
    """The answer with the benchmark's letters, where the row's own letters or numbers differ.

    Otherwise, and where nothing can be read, the text is unchanged.
    """
    labels = _by_number(text, stated, question, first)
    if labels is None:
        translation = _translation(stated.options, question) if stated.options else None
        if translation is None or all(own == label for own, label in translation.items()):
            return text
        labels = _translated(_read(text, stated.options or {}, question.several), translation)
    return ", ".join(label for label in question.options if label in labels) or text


def terms_in_words(
    moved: int, first: int | None, alike: Sequence[bool | None], foreign: int = 0
) -> list[str]:
    """Notes on a file that is read in its own terms.

    Parameters
    ----------
    moved
        Answers that :func:`in_terms_of` changed.
    alike
        Result of :func:`agrees` for each row.
    foreign
        Rows whose options are not the question's.
    """
    said, wrong, compared = [], alike.count(False), len(alike) - alike.count(None)
    if moved:
        counted = "" if first is None else f" (numbers of options count from {first})"
        said.append(
            f"{moved:,} answers name options by the file's own numbers or order{counted}: "
            f"mapped to the benchmark's letters."
        )
    if wrong:
        said.append(
            f"For {wrong:,} questions the file states another right answer than the benchmark: the "
            f"benchmark's counts."
        )
    if 2 * wrong > compared:
        said.append(
            f"These are most of the {compared:,} that could be compared: its options may be in "
            f"another order than the benchmark's, and the score may be meaningless."
        )
    if foreign:
        said.append(
            f"For {foreign:,} questions the file states other options than the benchmark: its "
            f"letters and numbers are used unchanged."
        )
    return said


def _by_number(
    text: str, stated: Stated, question: Question, first: int | None
) -> frozenset[str] | None:
    """The options named by number; None where the text names none so."""
    if first is None or _LETTER.search(text) or not any(map(str.isdigit, text)):
        return None
    own = stated.options or question.options
    known = {_plain(option) for option in own.values()}
    numbers = places(text)
    if numbers is None:
        numbered = {str(first + n): option for n, option in enumerate(own.values())}
        read = _read(text, numbered, question.several)
        if first == 1 or not read or _plain(text) in known:
            return None  # read by place as it is
        numbers = tuple(map(int, read))
    return _at(numbers, stated, question, first)


def _at(numbers: Sequence[int], stated: Stated, question: Question, first: int) -> frozenset[str]:
    own = list(stated.options or question.options)
    if any(not 0 <= number - first < len(own) for number in numbers):
        return frozenset()
    named = [own[number - first] for number in numbers]
    if stated.options is None:
        return frozenset(named)
    translation = _translation(stated.options, question)
    return _translated(named, translation or dict(zip(own, question.options, strict=False)))


def _meant(right: str, stated: Stated, question: Question, first: int | None) -> frozenset[str]:
    """The benchmark's labels for what a row calls right."""
    own = stated.options or question.options
    translation = _translation(own, question) or {label: label for label in question.options}
    by_text = [label for label, text in own.items() if _plain(text) == _plain(right)]
    numbers = places(right)
    if numbers is not None and first is not None:
        return _at(numbers, stated, question, first)
    if by_text:
        return _translated(by_text, translation)
    if numbers is not None:
        return frozenset()
    several = decoded(right)
    if isinstance(several, list):
        parts = [_meant(str(part), stated, question, first) for part in several]
        return frozenset().union(*parts) if all(parts) else frozenset()
    bare = right.strip().strip("().").upper()
    named = [bare] if bare in own else _read(right, own, question.several)
    return _translated(named, translation)


def _read(text: str, options: Mapping[str, str], several: bool) -> list[str]:
    found = read_choice(text, options, several=several)
    return [found] if isinstance(found, str) else found or []


def _translated(named: Iterable[str], translation: Mapping[str, str]) -> frozenset[str]:
    found = [translation.get(label) for label in named]
    return frozenset(label for label in found if label) if None not in found else frozenset()


def _translation(own: Mapping[str, str], question: Question) -> dict[str, str] | None:
    """Label of the row → label of the question with the same text; None where the texts differ.

    Options with equal texts keep their own labels where they can. A single text without a match
    belongs to the single option left over.
    """
    theirs = {label: _plain(text) for label, text in question.options.items()}
    plain_ = {label: _plain(text) for label, text in own.items()}
    found = {label: label for label, text in plain_.items() if theirs.get(label) == text}
    for label, text in plain_.items():
        if label not in found:
            taken = found.values()
            left = [each for each in theirs if theirs[each] == text and each not in taken]
            found |= dict.fromkeys([label], left[0]) if left else {}
    if 2 * len(found) < len(own):
        return None
    rest = [label for label in own if label not in found]
    free = [label for label in theirs if label not in found.values()]
    if len(rest) == 1 and len(free) == 1:
        found[rest[0]] = free[0]
    elif all(label == each for label, each in found.items()):
        found |= {label: label for label in rest if label in free}
    return found


def _numbers(text: str | None, known: set[str]) -> tuple[int, ...]:
    """The numbers of options in a cell that consists of numbers, and is no option's own text."""
    if text is None or _plain(text) in known:
        return ()
    announced = _ANNOUNCED.fullmatch(text)
    return places(text) or (places(announced[1]) if announced else ()) or ()


def _labelled(value: object) -> dict[str, str] | None:
    if isinstance(value, dict) and isinstance(value.get("text"), list | tuple):
        labels, texts = value.get("label"), value["text"]
        if isinstance(labels, list | tuple) and len(labels) == len(texts):
            value = dict(zip(labels, texts, strict=True))
        else:
            value = texts
    if isinstance(value, list | tuple) and value and all(isinstance(each, dict) for each in value):
        pairs = [(_first(each, _KEYS), _first(each, _TEXTS)) for each in value]
        labels = [label for label, _ in pairs]
        whole = None not in labels and len({*map(str, labels)}) == len(pairs)
        value = dict(pairs) if whole else [text for _, text in pairs]
    if isinstance(value, list | tuple):
        value = dict(zip(_LETTERS, map(_unlabelled, value), strict=False))
    if not isinstance(value, dict) or len(value) < 2:
        return None
    # Labels of their own order: "1" is the first option as "A" is.
    names = [str(label).strip().upper() for label in value]
    lettered = all(len(name) == 1 and name in _LETTERS for name in names)
    return dict(zip(names if lettered else _LETTERS, map(_text, value.values()), strict=False))


_KEYS = ("key", "label", "letter", "id", "index")
_TEXTS = ("text", "value", "content", "option", "answer")


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if name in row), None)


def _unlabelled(text: object) -> str:
    """ "A. Rest" → "Rest"."""
    return re.sub(r"^\s*\(?[A-Ja-j1-9][.):]\s+(?=\S)", "", _text(text))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _plain(text: object) -> str:
    return _compared(str(text))


@functools.lru_cache(10_000)
def _compared(text: str) -> str:
    """A text in the form for comparing: each of an option is compared many times."""
    return " ".join(text.casefold().split()).rstrip(".。 ") or text.strip()
