"""Writing a task in the studio: the author's page, its drafts, revising, and the outcome."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.studio.differences import Piece, differences


def test_differences_are_those_of_words() -> None:
    """What was removed stands before what was added; a sign is a word, spaces are not compared."""
    assert differences("Names aspirin, 81 mg daily.", "Names aspirin 75 mg once  daily.") == [
        Piece("same", "Names aspirin "),
        Piece("removed", ", 81 "),
        Piece("added", "75 "),
        Piece("same", "mg "),
        Piece("added", "once  "),
        Piece("same", "daily."),
    ]
    assert differences("发热三天", "发热五天") == [
        Piece("same", "发热"),
        Piece("removed", "三"),
        Piece("added", "五"),
        Piece("same", "天"),
    ]
    assert differences("a  b\n", "a b") == [Piece("same", "a b")]
    assert differences("", "") == []


@given(*[st.text(st.sampled_from("ab ,\n\u064e热"))] * 2)
def test_no_text_is_lost_in_differences(before: str, after: str) -> None:
    """The same and the added make the later text; the same and the removed the words before."""
    pieces = differences(before, after)
    assert "".join(each.text for each in pieces if each.kind != "removed") == after
    words = "".join(each.text for each in pieces if each.kind != "added")
    assert words.split() == before.split() or "".join(words.split()) == "".join(before.split())
