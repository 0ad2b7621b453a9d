"""Named entities: IOB and PubTator, answers in four forms, and three kinds of F1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from preceptor.benchmarks.ncer import BENCHMARKS, read_iob, read_pubtator
from preceptor.errors import DataError
from preceptor.protocols.extraction import extraction, span_example
from preceptor.records import Example
from preceptor.scoring.spans import (
    Span,
    Text,
    read_spans,
    spans_of_characters,
    spans_of_tags,
    tags_of_spans,
    tally,
)
from suite_answers import DATA, graded, needs, run

CDR, NCBI, ABSTRACTS = BENCHMARKS
PROTOCOL = extraction()

TOKENS = ["Tinol", "(", "TNL", ")", "caused", "mild", "toe", "ache", ";", "TNL", "stopped", "."]
TAGS = ["B-Chemical", "O", "B-Chemical", "O", "O", "O", "B-Disease", "I-Disease", "O"]
TAGS += ["B-Chemical", "O", "O"]
SPANS: list[Span] = [
    (0, 0, "Chemical"),
    (2, 2, "Chemical"),
    (6, 7, "Disease"),
    (9, 9, "Chemical"),
]
SOURCE = Text(" ".join(TOKENS), TOKENS, ["Chemical", "Disease"])
CASE = span_example("s1", TOKENS, ("Chemical", "Disease"), tags=TAGS)

LISTED = [
    {"text": "Tinol", "label": "Chemical"},
    {"text": "TNL", "label": "chemical"},
    {"text": "toe ache", "label": "Disease"},
    {"text": "TNL", "label": "Chemical"},
]
OFFSETS = [
    {"start": 0, "end": 5, "label": "Chemical"},
    {"start": 8, "end": 11, "label": "Chemical"},
    {"start": 26, "end": 34, "label": "Disease"},
    {"start": 37, "end": 40, "label": "Chemical"},
]
MARKED = (
    "<Chemical>Tinol</Chemical> (<Chemical>TNL</Chemical>) caused mild "
    "<Disease>toe ache</Disease>; <chemical>TNL</chemical> stopped."
)


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(LISTED),
        f"Here they are:\n```json\n{json.dumps({'entities': LISTED})}\n```",
        json.dumps({"Chemical": ["Tinol", "TNL", "TNL"], "Disease": ["toe ache"]}),
        json.dumps(OFFSETS),
        json.dumps(TAGS),
        "\n".join(f"{token}\t{tag}" for token, tag in zip(TOKENS, TAGS, strict=True)),
        MARKED,
        f"The text with marks: {MARKED}",
    ],
)
def test_all_forms_of_an_answer_say_the_same(answer: str) -> None:
    """A list of texts, offsets, tags, types with texts, lines and marks are read alike."""
    assert read_spans(answer, SOURCE) == SPANS


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ("[]", []),
        ("{}", []),
        ('{"Disease": []}', []),
        ('{"answer": "gout"}', None),
        ("None.", []),
        ('{"entities": []}', []),
        ("Tinol (TNL) caused mild toe ache; TNL stopped.", []),
        ('[{"text": "gout", "label": "Disease"}]', []),
        ('[{"text": "Tinol", "label": "Person"}]', []),
        ('[{"text": "ache", "label": "Disease"}]', [(7, 7, "Disease")]),
        ('[{"text": "mild toe", "label": "Disease"}]', [(5, 6, "Disease")]),
        ('["B-Disease", "O"]', None),
        ("I do not know.", None),
        ("", None),
    ],
)
def test_what_names_nothing_is_told_from_what_cannot_be_read(
    answer: str, spans: list[Span] | None
) -> None:
    """An empty list is an answer; prose, or tags for another number of tokens, are not."""
    assert read_spans(answer, SOURCE) == spans


@given(st.text(max_size=200))
def test_no_answer_breaks_the_reader(answer: str) -> None:
    """Whatever stands in an answer, spans that come out lie in the text."""
    for first, last, label in read_spans(answer, SOURCE) or []:
        assert 0 <= first <= last < len(TOKENS)
        assert label in SOURCE.labels


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=12))
def test_tags_and_spans_are_two_forms_of_one_thing(tags: list[str]) -> None:
    """Spans of tags, as tags and back, are the same; an entity may begin with I."""
    spans = spans_of_tags(tags)
    assert spans_of_tags(tags_of_spans(spans, len(tags))) == spans


def test_spans_by_characters_touch_tokens() -> None:
    """A span that begins or ends within a token takes all of it; one in a space takes none."""
    text, tokens = "toe  ache-like", ["toe", "ache", "-", "like"]
    found = spans_of_characters(text, tokens, [(1, 7, "X"), (3, 5, "X"), (9, 14, "Y")])
    assert found == [(0, 1, "X"), (2, 3, "Y")]


_LABELLED = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 2), st.sampled_from("XY")), max_size=4
)


def _apart(raw: list[tuple[int, int, str]]) -> list[Span]:
    return spans_of_tags(tags_of_spans([(a, min(a + b, 9), label) for a, b, label in raw], 10))


@given(_LABELLED, _LABELLED)
def test_exact_and_partial_are_those_of_nervaluate(
    gold: list[tuple[int, int, str]], said: list[tuple[int, int, str]]
) -> None:
    """For one type alone, F1 is what nervaluate's own evaluator gives."""
    right, shown = (_apart([(a, b, "X") for a, b, _ in raw]) for raw in (gold, said))
    as_dicts = [
        [{"label": label, "start": first, "end": last} for first, last, label in spans]
        for spans in (right, shown)
    ]
    overall = Evaluator([as_dicts[0]], [as_dicts[1]], tags=["X"], loader="dict").evaluate()
    counts = tally(right, shown, "X")
    for kind, (hits, total) in (("exact", counts.exact), ("partial", counts.partial)):
        expected = overall["overall"][kind].f1
        assert (hits / total if total else 0) == pytest.approx(expected)


def test_f1_by_type_and_over_all() -> None:
    """A wrong type is no hit; an overlap is half a one; tokens count for themselves."""
    answer = json.dumps(
        [
            {"text": "Tinol", "label": "Disease"},
            {"text": "mild toe ache", "label": "Disease"},
            {"text": "TNL", "label": "Chemical"},
        ]
    )
    scores, metrics = run(CDR, [CASE], lambda _: answer)
    assert metrics["exact_f1"].value == pytest.approx(2 / 7)
    assert metrics["exact_f1:Disease"].value == 0
    assert metrics["partial_f1:Disease"].value == pytest.approx(1 / 3)
    assert metrics["token_f1:Disease"].value == pytest.approx(4 / 6)
    assert scores[0].values["overall_score"] == pytest.approx(2 / 7)
    assert scores[0].values["token_accuracy"] == pytest.approx(8 / 12)


def test_an_unreadable_answer_names_nothing_and_a_failed_one_is_missing() -> None:
    """Prose misses all entities and counts as unparsed; a failed call leaves the set."""
    _, metrics = run(CDR, [CASE], lambda _: "I do not know.")
    assert (metrics["exact_f1"].value, metrics["parse_rate"].value) == (0, 0)
    score = PROTOCOL.score(graded(CASE, None))
    assert score.values == {}
    empty = span_example("s2", ["No", "ache"], ("Disease",), tags=["O", "O"])
    assert PROTOCOL.score(graded(empty, "[]")).values["overall_score"] == 1
    assert PROTOCOL.score(graded(empty, "Who knows?")).values["overall_score"] == 0


def test_a_wrong_tag_is_named(tmp_path: Path) -> None:
    """A line whose tag is not of the types is refused with its number."""
    path = tmp_path / "rows.tsv"
    path.write_text("Toe\tB-Disease\nache\tI-Disease\n\nred\tB-Colour\n")
    with pytest.raises(DataError, match=r"rows\.tsv:4: tag: expected O, or .* 'B-Colour'"):
        list(read_iob(path, ("Disease",)))


def test_a_mention_must_stand_where_it_says(tmp_path: Path) -> None:
    """PubTator's offsets run over title and abstract; a wrong one is refused with its line."""
    path = tmp_path / "rows.txt"
    head = "9|t|Toe ache.\n9|a|Gout hurts.\n"
    path.write_text(f"{head}9\t0\t8\tToe ache\tModifier\tD1\n9\t10\t14\tGout\tDiseaseClass\tD2\n")
    (case,) = read_pubtator(path)
    assert case.target["spans"] == [[0, 1, "Disease"], [3, 3, "Disease"]]
    path.write_text(f"{head}9\t1\t8\tToe ache\tModifier\tD1\n")
    with pytest.raises(DataError, match=r"rows\.txt:3: start: expected 'Toe ache' there"):
        list(read_pubtator(path))
    path.write_text(f"{head}9\tx\t8\tToe ache\tModifier\tD1\n")
    with pytest.raises(DataError, match=r"rows\.txt:3: expected id, start, end"):
        list(read_pubtator(path))


def _quoted(case: Example) -> str:
    tokens = case.target["tokens"]
    return json.dumps(
        [
            {"text": " ".join(tokens[first : last + 1]), "label": label}
            for first, last, label in case.target["spans"]
        ]
    )


@needs("ncer")
def test_the_truth_of_the_ncbi_sentences_given_back_is_right() -> None:
    """As tags it scores 1; quoted, .994: a text does not say which of equal words is meant."""
    examples = NCBI.load(DATA).examples
    _, tagged = run(NCBI, examples, lambda case: json.dumps(case.target["tags"]))
    assert [tagged[f"{kind}_f1"].value for kind in ("exact", "partial", "token")] == [1, 1, 1]
    _, quoted = run(NCBI, examples, _quoted)
    assert quoted["exact_f1"].value == pytest.approx(0.99375)


@needs("ncer")
def test_all_files_have_their_counts() -> None:
    """4,797 and 940 sentences, 100 abstracts with 960 mentions."""
    assert len(CDR.load(DATA).examples) == 4797
    assert len(NCBI.load(DATA).examples) == 940
    abstracts = ABSTRACTS.load(DATA).examples
    assert (len(abstracts), sum(len(each.target["spans"]) for each in abstracts)) == (100, 960)
