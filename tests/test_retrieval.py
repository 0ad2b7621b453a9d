"""Retrieval: measures of ranked lists against formulas written out here, and how lists are read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.protocols.retrieval import query, retrieval
from preceptor.records import Graded, Response
from preceptor.records.ranked import Ranked, in_order, ranked_text, read_ranked
from preceptor.scoring.retrieval import measures
from preceptor.scoring.rubric import OVERALL

IDS = st.text(
    st.characters(exclude_characters="\t", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), min_size=1
)
FOUND = st.lists(
    st.builds(Ranked, IDS, st.floats(allow_nan=False, allow_infinity=False)), max_size=20
)


def by_hand(ranking: list[str], grades: dict[str, int]) -> dict[str, float]:
    """The textbook formulas, in double precision."""
    gains = [max(0, grades.get(id, 0)) for id in ranking]
    ideal = sorted((max(0, grade) for grade in grades.values()), reverse=True)
    relevant = [place for place, gain in enumerate(gains, 1) if gain > 0]
    n = sum(gain > 0 for gain in ideal)

    def dcg(of: list[int]) -> float:
        return sum(gain / math.log2(place + 1) for place, gain in enumerate(of[:10], 1))

    return {
        "ndcg@10": dcg(gains) / dcg(ideal),
        "mrr@10": next((1 / place for place in relevant if place <= 10), 0.0),
        "recall@10": sum(place <= 10 for place in relevant) / n,
        "recall@100": sum(place <= 100 for place in relevant) / n,
        "map": sum(number / place for number, place in enumerate(relevant, 1)) / n,
        "p@10": sum(place <= 10 for place in relevant) / 10,
    }


@given(
    st.permutations([f"d{n}" for n in range(130)]),
    st.integers(0, 130),
    st.dictionaries(st.sampled_from([f"d{n}" for n in range(150)]), st.integers(-2, 3), min_size=1),
)
def test_measures_are_those_of_the_textbook(
    order: list[str], depth: int, grades: dict[str, int]
) -> None:
    """Whatever is found, judged, unjudged or graded below 0."""
    grades |= {"d7": 2}
    ranking = order[:depth]
    assert measures(ranking, grades) == pytest.approx(by_hand(ranking, grades), abs=1e-9)


def test_scores_that_single_precision_cannot_tell_apart_keep_their_order() -> None:
    """And of equal scores the lower id is first, where trec_eval alone takes the higher."""
    close = [Ranked("a", 1.0), Ranked("z", 1.0 + 1e-12)]
    assert [each.id for each in in_order(close)] == ["z", "a"]
    tied = [Ranked("b", 0.5), Ranked("a", 0.5)]
    assert value(ranked_text(tied), {"a": 1})["mrr@10"] == 1.0
    assert value(ranked_text(close), {"z": 1})["mrr@10"] == 1.0


def value(text: str | None, grades: dict[str, int]) -> dict[str, float]:
    example = query("q", "chest pain", grades, None)
    response = Response("k", text or "", failure=None if text is not None else "timeout")
    return retrieval().score(Graded(example, 0, response, ())).values


@given(FOUND)
def test_a_list_comes_back_from_its_text_as_it_was(found: list[Ranked]) -> None:
    """Ids and scores exactly."""
    assert read_ranked(ranked_text(found)) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["b", "a"]', ["b", "a"]),
        ('[{"id": "a", "score": 1}, {"id": "b", "score": 2}]', ["b", "a"]),
        ("", []),
        ("The best document is b.", None),
        ("[1, 2]", None),
        ('[{"id": "a", "score": "NaN"}]', None),
    ],
)
def test_lists_of_users_code_are_read(text: str, expected: list[str] | None) -> None:
    """A JSON list is one with or without scores; prose is none, and an empty answer is empty."""
    said = read_ranked(text)
    assert (said if said is None else [each.id for each in in_order(said)]) == expected


def test_what_counts_0_and_what_is_left_out() -> None:
    """Nothing found is 0, a failed call has no score, and neither has a query without relevant."""
    nothing = value("", {"a": 1})
    assert (nothing[OVERALL], nothing["map"], nothing["nothing_found"]) == (0.0, 0.0, 1.0)
    assert value(None, {"a": 1}) == {}
    assert OVERALL not in value('["a"]', {"a": 0})
    assert retrieval().scoring.unscorable(query("q", "t", {"a": 0}, None)) == "no relevant document"


def test_a_document_that_is_there_twice_counts_once_at_its_better_place() -> None:
    """And the query is counted; unjudged documents are too."""
    twice = value('["a", "b", "a", "c"]', {"a": 1, "c": 1})
    once = value('["a", "b", "c"]', {"a": 1, "c": 1})
    assert twice == {**once, "document_twice": 1.0}
    assert once["judged@10"] == pytest.approx(2 / 3)
