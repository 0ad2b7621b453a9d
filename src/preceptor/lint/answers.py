"""Rules on right answers: contradictory, leaked by the question, or unbalanced."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.lint.rows import Finding, Row, Weighted, words
from preceptor.records import Example

__all__ = ["classes", "contradictions", "leaked_criteria", "leaks"]

_encode = msgspec.json.Encoder(order="deterministic").encode
_LETTER = re.compile(r"^\s*[\[(]?\w[\]).:、．]\s*")
#: "Answer: B", "**the correct answer is** (C)": a leak if the right letter or text follows.
_GOLD = (
    r"(?:answer|key|gold|label|solution|correct(?:\s+(?:answer|option|choice))?|答案)"
    r"[\s*_]*(?:is|are|was|=|:|：|-+>|→|是|为)[\s*_\"'“(\[]*"
)
_TRUE = r"\s+is\s+(?:the\s+)?(?:correct|right)\s*(?:answer|option|choice|one)?\s*(?:[.;!)]|$)"
#: Marks of a right option.
_MARK = re.compile(r"[(\[](?:correct|right|true)(?: answer)?[)\]]|[✓✔✅]|\*\s*$", re.IGNORECASE)
#: A shorter text may be in the question without giving the answer away.
_MIN_LETTERS, _MIN_WORDS = 10, 8
#: A class is unbalanced above this share of the rows, if there are at least this many rows.
_MAX_SHARE, _MIN_ROWS = 0.8, 10
#: A letter that is never right is a fault only if the chance of that is below this.
_MIN_CHANCE = 0.005
#: Values of a field with more distinct ones are not classes.
_MAX_CLASSES = 20


def contradictions(rows: Sequence[Row]) -> Iterator[Finding]:
    """``contradictory-label``: one question with two right answers; options in any order."""
    said: dict[Hashable, tuple[Row, Hashable]] = {}
    for row in rows:
        example = row.example
        if isinstance(example.target, dict):
            earlier, right = said.setdefault(_order_free(row.asked), (row, _right(example)))
            if right != _right(example):
                problem = f"same question as line {earlier.line}, but a different right answer"
                yield row.finding("contradictory-label", problem)


def _order_free(asked: str) -> Hashable:
    """Sorted lines of a question without the letters of options."""
    lines = (words(_LETTER.sub("", line)) for line in asked.splitlines())
    return tuple(sorted(filter(None, lines)))


def _right(example: Example) -> Hashable:
    options = _options(example)
    if options is None:
        return _encode(example.target)
    return tuple(sorted(words(options.get(letter, letter)) for letter in _letters(example)))


def _options(example: Example) -> dict[str, str] | None:
    target = example.target
    if not isinstance(target, dict) or not isinstance(target.get("options"), dict):
        return None
    return {str(letter): str(text) for letter, text in target["options"].items()}


def _letters(example: Example) -> list[str]:
    answer = example.target.get("answer")
    return [str(each) for each in (answer if isinstance(answer, list) else [answer])]


def leaks(rows: Sequence[Row]) -> Iterator[Finding]:
    """``leaked-answer``: the question contains the right answer.

    That is: the right option's letter or text, or the right label, after "answer is" or similar;
    the right option's text (10 letters or more) outside the options, if no other option's text is
    there; a mark on the right option alone; the reference, the physician's answer, or a criterion
    with positive points (8 words or more).
    """
    for row in rows:
        example = row.example
        options = _options(example)
        if options is not None:
            yield from _leaked_option(row, options)
        elif _states(row.asked, _labels(example)):
            yield row.finding("leaked-answer", "the question states the right answer")
        plain = f" {words(row.asked)} "
        for name, text in _references(example):
            if _contains(plain, text):
                yield row.finding("leaked-answer", f"the question contains {name}")
        for number in leaked_criteria(plain, example.criteria):
            problem = f"the question contains criterion {number}"
            yield row.finding("leaked-answer", problem, number)


def leaked_criteria(asked: str, criteria: Sequence[Weighted]) -> Iterator[int]:
    """Numbers of the criteria with positive points within the question's ``words``."""
    for number, criterion in enumerate(criteria, start=1):
        if (criterion.points or 0) > 0 and _contains(asked, criterion.text):
            yield number


def _contains(asked: str, text: str) -> bool:
    known = words(text)
    return known.count(" ") + 1 >= _MIN_WORDS and f" {known} " in asked


def _leaked_option(row: Row, options: dict[str, str]) -> Iterator[Finding]:
    right = _letters(row.example)
    if _states(row.asked, right):
        yield row.finding("leaked-answer", "the question states the right option's letter")
        return
    if _states(row.asked, [options[letter] for letter in right if letter in options]):
        yield row.finding("leaked-answer", "the question states that the right option is right")
        return
    marked = {letter for letter, text in options.items() if _MARK.search(text)}
    if marked and marked == set(right):
        yield row.finding("leaked-answer", "only the right option is marked")
        return
    stem = " ".join(_stem(row.asked, options))
    there = {letter for letter, text in options.items() if f" {words(text)} " in f" {stem} "}
    told = [letter for letter in right if len(words(options.get(letter, ""))) >= _MIN_LETTERS]
    if told and there == set(right):
        yield row.finding("leaked-answer", "the question contains the right option's text")


def _states(asked: str, right: Sequence[str]) -> bool:
    """Whether one of these follows "answer is" or similar, or precedes "is correct"."""
    forms = (re.escape(each.strip()) for each in right if each.strip())
    return any(
        re.search(rf"{_GOLD}{form}(?!\w)|(?<!\w){form}[)\]*\"”]*{_TRUE}", asked, re.IGNORECASE)
        for form in forms
    )


def _labels(example: Example) -> list[str]:
    """Right answers of an example without options, if words or numbers."""
    target = example.target if isinstance(example.target, dict) else {}
    found = (target.get(key) for key in ("answer", "label"))
    return [str(each) for each in found if isinstance(each, str | int | float)]


def _stem(asked: str, options: dict[str, str]) -> Iterator[str]:
    """Lines other than options, in plain words."""
    texts = {words(text) for text in options.values()}
    for line in asked.splitlines():
        if words(_LETTER.sub("", line)) not in texts and words(line) not in texts:
            yield words(line)


def _references(example: Example) -> Iterator[tuple[str, str]]:
    if example.physician is not None:
        yield "the physician's answer", example.physician.text
    if isinstance(example.target, dict):
        for key in ("reference", "answer"):
            if isinstance(example.target.get(key), str) and _options(example) is None:
                yield f"the target's {key}", example.target[key]


def classes(rows: Sequence[Row]) -> Iterator[Finding]:
    """``empty-class`` and ``unbalanced-class``.

    Classes are the options if all questions share them, else their letters; and the values of every
    other field of the target that has at most 20. Empty: never right, and the chance of that is
    below 0.005. Unbalanced: one class has more than 80 % of the rows; for letters, one is right 1.5
    times as often as by chance, with p < 0.001 by a chi-squared test.
    """
    examples = [row.example for row in rows]
    lettered = [example for example in examples if _options(example) is not None]
    if lettered:
        yield from _option_classes(lettered)
    others = [e for e in examples if isinstance(e.target, dict) and _options(e) is None]
    values: dict[str, list[Any]] = defaultdict(list)
    for example in others:
        for key, value in example.target.items():
            if isinstance(value, str | int | bool):
                values[key].append(value)
    for key, found in values.items():
        counts = Counter(found)
        if len(found) == len(others) and 1 <= len(counts) <= _MAX_CLASSES:
            yield from _dominant(key, counts)


def _option_classes(examples: Sequence[Example]) -> Iterator[Finding]:
    options = [_options(example) or {} for example in examples]
    same = len({tuple(sorted(map(words, each.values()))) for each in options}) == 1
    counts: Counter[str] = Counter()
    expected: dict[str, float] = defaultdict(float)
    never: dict[str, float] = defaultdict(lambda: 1.0)
    for example, each in zip(examples, options, strict=True):
        right = [letter for letter in _letters(example) if letter in each]
        for letter, text in each.items():
            name = text if same else letter
            counts[name] += letter in right
            expected[name] += len(right) / len(each)
            never[name] *= 1 - len(right) / len(each)
    for name in sorted(counts):
        if counts[name] == 0 and never[name] < _MIN_CHANCE:
            what = f"option {sorted(counts).index(name) + 1} of all questions" if same else name
            yield Finding("empty-class", None, None, f"{what}: never right")
    if same:
        yield from _dominant("answer", counts)
    else:
        yield from _favoured_letter(counts, expected)


def _dominant(key: str, counts: Counter[Any]) -> Iterator[Finding]:
    total, (_, most) = counts.total(), counts.most_common(1)[0]
    if total >= _MIN_ROWS and most > _MAX_SHARE * total:
        problem = f"{key}: one class has {most:,} of {total:,} rows"
        yield Finding("unbalanced-class", None, None, problem)


def _favoured_letter(counts: Counter[str], expected: Mapping[str, float]) -> Iterator[Finding]:
    from scipy.stats import chisquare

    names = sorted(name for name in counts if expected[name] > 0)
    if len(names) < 2 or sum(counts.values()) < _MIN_ROWS:
        return
    p = chisquare([counts[name] for name in names], [expected[name] for name in names]).pvalue
    name = max(names, key=lambda each: counts[each] / expected[each])
    if p < 0.001 and counts[name] > 1.5 * expected[name]:
        problem = f"{name}: right {counts[name]:,} times, {expected[name]:,.0f} expected by chance"
        yield Finding("unbalanced-class", None, None, problem)
