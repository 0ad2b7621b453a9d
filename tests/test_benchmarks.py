"""How rows become examples, and how a benchmark is found and sampled."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from data_fixtures import isolate, professional_row, row, write_rows
from preceptor import benchmarks
from preceptor.benchmarks.base import Dataset
from preceptor.errors import DataError, InputError, Unavailable, UnknownName
from preceptor.files import file_sha256
from preceptor.records import Example


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def load(tmp_path: Path, *rows: dict[str, Any], name: str = "healthbench") -> list[Example]:
    return benchmarks.get(name).load(write_rows(tmp_path / "rows.jsonl", rows)).examples


# HealthBench


def test_a_row_becomes_an_example(tmp_path: Path) -> None:
    """Conversation, criteria with points and tags, example tags and the physician's answer."""
    physician = {
        "ideal_completion": "made-up ideal",
        "ideal_completions_group": "Group 2",
        "ideal_completions_ref_completions": ["a", "b", "c", "d"],
    }
    turns = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "three"},
    ]
    (found,) = load(tmp_path, row("x", (7, -4), prompt=turns, ideal_completions_data=physician))
    assert found.id == "x"
    assert [(m.role, m.content) for m in found.messages] == [
        ("user", "one"),
        ("assistant", ""),
        ("user", "three"),
    ]
    assert [(c.points, c.tags) for c in found.criteria] == [
        (7, ("level:example", "axis:accuracy")),
        (-4, ("level:example", "axis:accuracy")),
    ]
    assert found.tags == ("theme:hedging",)
    assert found.physician is not None
    assert found.physician.group == "Group 2"
    assert found.physician.references == ("a", "b", "c", "d")


def test_absent_tags_and_physicians_are_none(tmp_path: Path) -> None:
    """Null and absent count alike: no tags, no answer."""
    bare = row("x", example_tags=None)
    del bare["ideal_completions_data"], bare["canary"]
    bare["rubrics"][0]["tags"] = None
    del bare["rubrics"][1]["tags"]
    (found,) = load(tmp_path, bare)
    assert (found.tags, found.physician) == ((), None)
    assert [c.tags for c in found.criteria] == [(), ()]


def test_points_that_a_table_made_floats_are_integers(tmp_path: Path) -> None:
    """5.0 is what a column of floats makes of 5."""
    (found,) = load(tmp_path, row("x", (5.0, -10)))  # type: ignore[arg-type]
    assert [c.points for c in found.criteria] == [5, -10]
    assert all(type(c.points) is int for c in found.criteria)


def test_a_byte_order_mark_crlf_and_blank_lines_are_accepted(tmp_path: Path) -> None:
    """Files that went through Windows tools give the same examples."""
    plain = write_rows(tmp_path / "plain.jsonl", [row("a"), row("b")])
    expected = benchmarks.get("healthbench").load(plain).examples
    windows = tmp_path / "windows.jsonl"
    windows.write_bytes(
        b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n") + b"\r\n  \r\n"
    )
    assert benchmarks.get("healthbench").load(windows).examples == expected
    in_list = tmp_path / "windows.json"
    lines = plain.read_bytes().splitlines()
    in_list.write_bytes(b"\xef\xbb\xbf[" + b",\r\n".join(lines) + b"]")
    assert benchmarks.get("healthbench").load(in_list).examples == expected


def test_a_conversation_may_have_any_line_separator_inside(tmp_path: Path) -> None:
    """U+2028 and friends inside a text are part of the text, not ends of lines."""
    odd = "one\u2028two\x85three\x0cfour"
    (found,) = load(tmp_path, row("x", prompt=[{"role": "user", "content": odd}]))
    assert found.messages[0].content == odd


def test_the_same_content_has_the_same_key(tmp_path: Path) -> None:
    """Two files with the same example agree on its key; another rubric is another key."""
    first = load(tmp_path, row("x"))[0]
    assert load(tmp_path, row("x"))[0].key == first.key
    assert load(tmp_path, row("x", (5, -4)))[0].key != first.key


def test_duplicate_ids_name_both_lines(tmp_path: Path) -> None:
    """An id that comes twice is an error, however the rows differ."""
    with pytest.raises(DataError, match=r"rows\.jsonl:3: id: 'a' is already on line 1"):
        load(tmp_path, row("a"), row("b"), row("a", (1,)))


# Professional


def test_a_professional_row_becomes_an_example(tmp_path: Path) -> None:
    """Messages within an object, criteria without tags, four slices, the physician's answer."""
    (found,) = load(tmp_path, professional_row("p"), name="healthbench-professional")
    assert found.id == "p"
    assert [(c.text, c.points, c.tags) for c in found.criteria] == [
        ("made-up wanted thing", 8, ()),
        ("made-up unwanted thing", -6, ()),
    ]
    assert found.tags == (
        "use_case:consult",
        "type:red_teaming",
        "difficulty:difficult",
        "specialty:Medical genetics",
    )
    assert found.physician is not None
    assert found.physician.text == "made-up answer of a physician"
    assert found.physician.references == ()


def test_a_professional_row_without_slices_or_physician(tmp_path: Path) -> None:
    """What is missing or null is in no slice and has no answer."""
    bare = professional_row("p", specialty=None, physician_response=None)
    del bare["use_case"]
    (found,) = load(tmp_path, bare, name="healthbench-professional")
    assert found.tags == ("type:red_teaming", "difficulty:difficult")
    assert found.physician is None


def test_the_schemas_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    """A file of another benchmark is an error that shows what the row has."""
    with pytest.raises(DataError, match=r"rows\.jsonl:1: prompt: missing.*conversation"):
        load(tmp_path, professional_row())
    with pytest.raises(DataError, match=r"rows\.jsonl:1: conversation: missing.*prompt_id"):
        load(tmp_path, row(), name="healthbench-professional")


def test_starter_is_contained() -> None:
    """The starter tasks need no download, and every score of theirs comes with a caution."""
    starter = benchmarks.get("starter")
    dataset = starter.load()
    assert len(dataset.examples) == starter.n_examples
    assert dataset.official
    assert starter.caution is not None
    for example in dataset.examples:
        assert any(c.points > 0 for c in example.criteria), example.id
        assert example.physician is not None, example.id


# Names, places, samples


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MEDQA", "medqa"),
        ("ncer", "ncer-bc5cdr or ncer-ncbi or ncer-ncbi-abstracts"),
        ("multimedqa-long", "liveqa-med or medication-qa"),
        ("bioprobench", "bioprobench-pqa or bioprobench-ord or bioprobench-err or bioprobench-gen"),
        ("patient_safety", "patient-safety-bench or patient-safety-bench-dialogue"),
        ("base", None),
    ],
)
def test_a_family_or_a_spelling_suggests_its_names(name: str, meant: str | None) -> None:
    """What several are called together is met with all of them."""
    with pytest.raises(UnknownName) as raised:
        benchmarks.get(name)
    said = str(raised.value)
    assert (f"did you mean {meant}? all" in said) if meant else ("did you mean" not in said)


def test_an_unknown_name_suggests_the_nearest() -> None:
    """A typing error is met with the name that was meant."""
    with pytest.raises(UnknownName, match="did you mean healthbench-hard"):
        benchmarks.get("healthbench-hrad")
    with pytest.raises(LookupError, match=r"all \d+ are in .preceptor list benchmarks"):
        benchmarks.get("xyz")


def test_every_benchmark_is_described() -> None:
    """Names are unique; each states its licence, citation, size, and a pinned source."""
    everything = benchmarks.all_benchmarks()
    assert len({b.name for b in everything}) == len(everything)
    for each in everything:
        assert all((each.title, each.summary, each.licence, each.citation))
        assert each.n_examples > 0 or each.own  # of the user's own files nobody knows
        for source in each.sources:
            assert (len(source.revision), len(source.sha256)) == (40, 64)
        assert each.sources or each.contained or each.url
        assert each.protocol.name


def test_missing_data_says_how_to_get_it() -> None:
    """Nothing was fetched: the message names the command and the alternative."""
    with pytest.raises(Unavailable, match="preceptor fetch healthbench`, or name a copy with"):
        benchmarks.get("healthbench").load()


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    """No rows is not a benchmark of no examples."""
    with pytest.raises(InputError, match="found an empty file"):
        load(tmp_path)


def test_official_means_the_pinned_hash(tmp_path: Path) -> None:
    """A file with another hash is used, but is not called the release."""
    path = write_rows(tmp_path / "rows.jsonl", [row()])
    dataset = benchmarks.get("healthbench").load(path)
    assert (dataset.official, dataset.sha256) == (False, file_sha256(path))


def test_a_limit_draws_what_the_reference_draws(tmp_path: Path) -> None:
    """The sample is `random.Random(0).sample`, and the whole set where the limit is no limit."""
    examples = load(tmp_path, *(row(f"e{i}") for i in range(20)))
    dataset = Dataset(examples, "", official=False)
    assert dataset.sample(5) == random.Random(0).sample(examples, 5)
    assert dataset.sample(None) == dataset.sample(20) == dataset.sample(99) == examples
