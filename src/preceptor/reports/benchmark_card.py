"""A benchmark's card: what it measures, where it is from, how it is scored, what is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.benchmarks.datasheet import QUESTIONS, counted_answers, is_answer
from preceptor.reports.format import pretty
from preceptor.scoring import OVERALL
from preceptor.wording import count

__all__ = ["BenchmarkCard", "card_markdown", "card_of"]


class BenchmarkCard(msgspec.Struct, frozen=True):
    """What a card says; docs/benchmarks shows each. Null where nothing is known.

    Attributes
    ----------
    source
        The pinned files, each with where a person finds it and its SHA-256.
    protocol
        Its name and what it does, in one sentence; ``judge`` is who judges by default.
    metric
        What the overall score is called; ``metrics`` are names of others, and of slices.
    faults
        What is known to be wrong with the data.
    verified
        What of it was verified here, and on what data.
    brings
        The file or folder that a user gets and names with ``--data``, where none is pinned.
    datasheet
        Questions of the data sheet, by key, with their answers; empty where there is none.
    version
        Of the data, as its authors count; ``own`` where it is a folder of the user's.
    """

    name: str
    title: str
    family: str
    summary: str
    measures: str | None
    home: str | None
    source: list[dict[str, str]]
    licence: str
    citation: str
    examples: int
    criteria: int | None
    languages: list[str]
    protocol: str
    protocol_summary: str
    judge: str | None
    metric: str
    metrics: dict[str, str]
    faults: list[str]
    caution: str | None
    verified: str | None
    version: str | None = None
    brings: str | None = None
    datasheet: dict[str, str] = {}
    own: bool = False
    judged: bool = False


def card_of(benchmark: Benchmark) -> BenchmarkCard:
    """The card of a benchmark, from what its file says."""
    protocol = benchmark.protocol
    labels = dict(benchmark.labels)
    grader = protocol.judging.grader
    return BenchmarkCard(
        name=benchmark.name,
        title=benchmark.title,
        family=benchmark.family,
        summary=benchmark.summary,
        measures=_sentence(benchmark.measures),
        home=benchmark.url or next((source.page for source in benchmark.sources), None),
        source=[
            {"file": source.filename, "page": source.page, "sha256": source.sha256}
            for source in benchmark.sources
        ],
        licence=benchmark.licence,
        citation=benchmark.citation,
        examples=benchmark.n_examples,
        criteria=benchmark.n_criteria,
        languages=list(benchmark.languages),
        protocol=protocol.name,
        protocol_summary=(inspect.getdoc(type(protocol.scoring)) or "")
        .partition("\n\n")[0]
        .replace("\n", " "),
        judge=None if grader is None else grader.address,
        metric=pretty(OVERALL, labels),
        metrics={name: text for name, text in labels.items() if name != OVERALL},
        faults=[_sentence(text) or "" for text in benchmark.faults],
        caution=_sentence(benchmark.caution),
        verified=_sentence(benchmark.verified),
        version=benchmark.version,
        brings=_brings(benchmark),
        datasheet=dict(benchmark.datasheet),
        own=benchmark.own,
        judged=protocol.judging.judged,
    )


def _brings(benchmark: Benchmark) -> str | None:
    """What a user gets: as stated, or the file that the data's place ends with."""
    if benchmark.sources or benchmark.contained is not None:
        return None
    file = PurePosixPath(benchmark.folder or "")
    return benchmark.brings or (f"`{file.name}`" if file.suffix else None)


def card_markdown(card: BenchmarkCard) -> str:
    """The card as a page of Markdown."""
    lines = [f"# {card.title}", "", f"`{card.name}`: {card.summary}.", ""]
    if card.measures:
        lines += [card.measures, ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {term} | {_cell(text)} |" for term, text in _facts(card)]
    if card.faults or card.caution:
        lines += ["", "## Known faults", ""]
        lines += [f"- {text}" for text in (*card.faults, *filter(None, [card.caution]))]
    lines += ["", "## Verified here", "", card.verified or "Nothing was verified here."]
    if card.datasheet:
        lines += ["", "## Data sheet", "", f"{counted_answers(card.datasheet).sentence()}."]
        lines += _answers(card.datasheet)
    if card.metrics:
        lines += ["", "## Metrics and slices", "", "| name | what it is |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(text)} |" for name, text in card.metrics.items()]
    if card.source:
        lines += ["", "## Files", "", "| file | SHA-256 |", "|---|---|"]
        lines += [
            f"| [{_cell(each['file'])}]({each['page']}) | `{each['sha256']}` |"
            for each in card.source
        ]
    return "\n".join([*lines, ""])


def _answers(sheet: Mapping[str, str]) -> Iterator[str]:
    """What was answered, part by part."""
    part = ""
    for key, question in QUESTIONS.items():
        if not is_answer(sheet.get(key, "")):
            continue
        if question.part != part:
            yield from ("", f"**{question.part}**", "")
        part = question.part
        yield f"- {question.text} {' '.join(sheet[key].split())}"


def _facts(card: BenchmarkCard) -> Iterator[tuple[str, str]]:
    yield "Family", card.family
    if card.version is not None:
        yield "Version", card.version
    size = (count(card.examples) if card.examples else "yours") + (
        f", with {count(card.criteria)} criteria" if card.criteria is not None else ""
    )
    yield "Examples", size
    yield "Languages", ", ".join(card.languages).replace("und", "not stated")
    yield "Licence", card.licence
    if card.home:
        yield "Home", f"<{card.home}>"
    yield "Data", "pinned and verified by hash" if card.source else _unpinned(card)
    yield "Protocol", f"{card.protocol}: {card.protocol_summary}"
    yield "Grader", _judge(card)
    yield "Score", card.metric
    yield "Cite", card.citation


def _judge(card: BenchmarkCard) -> str:
    if card.judge:
        return f"by default `{card.judge}`"
    return "named by the user" if card.judged else "none: answers are right or wrong"


def _unpinned(card: BenchmarkCard) -> str:
    if card.own and not card.brings:
        return "in the benchmark's own folder"
    if not card.home:
        return "in this package"
    named = f": {card.brings}" if card.brings else ""
    return f"to be got from its home and named with `--data`{named}"


def _sentence(text: str | None) -> str | None:
    """With a capital and a full stop, however the benchmark's file has it."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else None


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
