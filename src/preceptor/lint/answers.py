"""What is right: said differently of one question, given away by it, or nearly always the same."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from preceptor.lint.rows import Finding, Row, words
from preceptor.records import Example

__all__ = ["classes", "contradictions", "leaks"]

_encode = msgspec.json.Encoder(order="deterministic").encode
_LETTER = re.compile(r"^\s*[\[(]?\w[\]).:、．]\s*")
#: "Answer: B", "**the correct answer is** (C)": with the letter or text that is right, a leak.
_GOLD = (
    r"(?:answer|key|gold|label|solution|correct(?:\s+(?:answer|option|choice))?|答案)"
    r"[\s*_]*(?:is|are|was|=|:|：|-+>|→|是|为)[\s*_\"'“(\[]*"
)
_TRUE = r"\s+is\s+(?:the\s+)?(?:correct|right)\s*(?:answer|option|choice|one)?\s*(?:[.;!)]|$)"
#: What only the right option would be marked with.
_MARK = re.compile(r"[(\[](?:correct|right|true)(?: answer)?[)\]]|[✓✔✅]|\*\s*$", re.IGNORECASE)
#: A text that is shorter may well stand in a question without giving anything away.
_LEAST_LETTERS, _LEAST_WORDS = 10, 8
#: Share of the rows from which one class is nearly all; fewer rows than this say nothing of it.
_NEARLY_ALL, _FEWEST_ROWS = 0.8, 10
#: A letter is never right in fewer rows than this chance allows: it is left out, not unlucky.
_UNLUCKY = 0.005
#: More different values than this are no classes.
_MOST_CLASSES = 20


def contradictions(rows: Sequence[Row]) -> Iterator[Finding]:
    """``contradictory-label``: one question, options in whatever order, with two right answers.

    In a rubric: one criterion that gives points and takes them, in one example.
    """
    said: dict[Hashable, tuple[Row, Hashable]] = {}
    for row in rows:
        example = row.example
        if isinstance(example.target, dict):
            earlier, right = said.setdefault(_lines(row.asked), (row, _right(example)))
            if right != _right(example):
                problem = f"asks what line {earlier.line} asks, and another answer is right"
                yield row.finding("contradictory-label", problem)
        signs: dict[str, bool] = {}
        for number, criterion in enumerate(example.criteria):
            gives = criterion.points > 0
            if signs.setdefault(words(criterion.text), gives) != gives:
                problem = f"criterion {number + 1} is there with points of the other sign too"
                yield row.finding("contradictory-label", problem)


def _lines(asked: str) -> Hashable:
    """The lines of a question without the letters of options, sorted."""
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
    """``leaked-answer``: what is right stands in what is asked.

    The right option's letter or text, or the right label, after "answer is" or the like; the right
    option's text (from 10 letters) outside the options where no other option's text does so, or a
    mark that it alone has; the reference or the physician's answer, from 8 words; a criterion that
    gives points, from 8 words.
    """
    for row in rows:
        example = row.example
        options = _options(example)
        if options is not None:
            yield from _leaked_option(row, options)
        elif _said(row.asked, _labels(example)):
            yield row.finding("leaked-answer", "what is right is said")
        plain = f" {words(row.asked)} "
        for name, text in _references(example):
            known = words(text)
            if len(known.split()) >= _LEAST_WORDS and f" {known} " in plain:
                yield row.finding("leaked-answer", f"{name} stands in what is asked")


def _leaked_option(row: Row, options: dict[str, str]) -> Iterator[Finding]:
    right = _letters(row.example)
    if _said(row.asked, right):
        yield row.finding("leaked-answer", "the letter of the right option is said")
        return
    if _said(row.asked, [options[letter] for letter in right if letter in options]):
        yield row.finding("leaked-answer", "the right option is said to be right")
        return
    marked = {letter for letter, text in options.items() if _MARK.search(text)}
    if marked and marked == set(right):
        yield row.finding("leaked-answer", "the right option alone has a mark")
        return
    stem = " ".join(_stem(row.asked, options))
    there = {letter for letter, text in options.items() if f" {words(text)} " in f" {stem} "}
    told = [letter for letter in right if len(words(options.get(letter, ""))) >= _LEAST_LETTERS]
    if told and there == set(right):
        yield row.finding("leaked-answer", "the right option's text stands in the question")


def _said(asked: str, right: Sequence[str]) -> bool:
    """Whether one of these stands after "answer is" or the like, or before "is correct"."""
    forms = (re.escape(each.strip()) for each in right if each.strip())
    return any(
        re.search(rf"{_GOLD}{form}(?!\w)|(?<!\w){form}[)\]*\"”]*{_TRUE}", asked, re.IGNORECASE)
        for form in forms
    )


def _labels(example: Example) -> list[str]:
    """What is right where there are no options, if it is a word or a number."""
    target = example.target if isinstance(example.target, dict) else {}
    found = (target.get(key) for key in ("answer", "label"))
    return [str(each) for each in found if isinstance(each, str | int | float)]


def _stem(asked: str, options: dict[str, str]) -> Iterator[str]:
    """The lines that are no option, in plain words."""
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
    for number, criterion in enumerate(example.criteria):
        if criterion.points > 0:
            yield f"criterion {number + 1}", criterion.text


def classes(rows: Sequence[Row]) -> Iterator[Finding]:
    """``empty-class`` and ``unbalanced-class``.

    The classes are the options where all questions have the same ones, else their letters; and the
    values of every other part of the target that has at most 20 different ones. Empty: never right,
    where the chance of that is below 0.005. Unbalanced: more than 80 % of the rows are
    of one class; of letters, one is right 1.5 times as often as by chance and a chi-squared test
    has p < 0.001.
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
        if len(found) == len(others) and 1 <= len(counts) <= _MOST_CLASSES:
            yield from _nearly_all(key, counts)


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
        if counts[name] == 0 and never[name] < _UNLUCKY:
            what = f"option {sorted(counts).index(name) + 1} of all questions" if same else name
            yield Finding("empty-class", None, None, f"{what}: is never right")
    if same:
        yield from _nearly_all("answer", counts)
    else:
        yield from _favoured(counts, expected)


def _nearly_all(key: str, counts: Counter[Any]) -> Iterator[Finding]:
    total, (_, most) = counts.total(), counts.most_common(1)[0]
    if total >= _FEWEST_ROWS and most > _NEARLY_ALL * total:
        problem = f"{key}: one class has {most:,} of {total:,} rows"
        yield Finding("unbalanced-class", None, None, problem)


def _favoured(counts: Counter[str], expected: Mapping[str, float]) -> Iterator[Finding]:
    from scipy.stats import chisquare

    names = sorted(name for name in counts if expected[name] > 0)
    if len(names) < 2 or sum(counts.values()) < _FEWEST_ROWS:
        return
    p = chisquare([counts[name] for name in names], [expected[name] for name in names]).pvalue
    name = max(names, key=lambda each: counts[each] / expected[each])
    if p < 0.001 and counts[name] > 1.5 * expected[name]:
        problem = f"{name}: is right {counts[name]:,} times; by chance {expected[name]:,.0f}"
        yield Finding("unbalanced-class", None, None, problem)
