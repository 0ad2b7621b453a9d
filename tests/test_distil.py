"""The distilled grader: what it learns, what it says of itself, and files that mean harm."""

from __future__ import annotations

import contextlib
import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import preceptor
from data_fixtures import graded_row, isolate, needs_data, row, write_rows
from preceptor import cli
from preceptor.cli.distil import distil as command
from preceptor.distil import Card, Distilled, Measures
from preceptor.distil import features as f
from preceptor.distil.measures import macro_f1
from preceptor.distil.texts import BUCKETS, sentences, text, words
from preceptor.distil.train import _folds, distil, examine
from preceptor.distil.trees import from_predictors
from preceptor.errors import InputError
from preceptor.records import Criterion, Example, Graded, Message, Response, Verdict

sklearn = pytest.importorskip("sklearn", reason="scikit-learn: pip install 'preceptor[distil]'")

DOCS = Path(__file__).parent.parent / "docs"
WORDS = [f"{a}{b}{c}" for a in ("bal", "dor", "fen", "gum") for b in "aeio" for c in ("rk", "st")]


def answered(seed: int, prompts: int = 45, criteria: int = 14) -> list[Graded]:
    """Answers that mention some of the words asked for; met where they do, but for 4 %."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(prompts):
        asked = rng.choice(WORDS, criteria, replace=False)
        said = [word for word in asked if rng.random() < 0.45]
        filler = rng.choice(["well", "then", "so", "now"], 12)
        said_text = ". ".join(
            f"{a} take {b}" for a, b in zip(filler, [*said, *filler], strict=False)
        )
        example = Example(
            id=f"e{number}",
            messages=(Message("user", f"made-up question {number}"),),
            criteria=tuple(
                Criterion(f"Mentions taking {word}", int(points))
                for word, points in zip(asked, rng.choice([-5, 3, 5, 8], criteria), strict=True)
            ),
        )
        verdicts = tuple(
            Verdict(f"v{seed}-{number}-{k}", bool((word in said) != (rng.random() < 0.04)))
            for k, word in enumerate(asked)
        )
        response = Response(f"r{seed}-{number}", text=said_text)
        found.append(Graded(example, 0, response, verdicts))
    return found


@pytest.fixture(scope="module")
def made() -> Distilled:
    return distil({"one": answered(1), "two": answered(2)}, grader="made-up", benchmarks=["hb"])


@pytest.fixture(scope="module")
def saved(made: Distilled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.save(tmp_path_factory.mktemp("distilled") / "grader.npz")


# What it learns


def test_it_learns_what_can_be_seen_in_words(made: Distilled) -> None:
    """Where a mentioned word decides, unseen prompts are judged right, and it knows how surely."""
    held_out = made.card.held_out
    assert held_out.auroc > 0.9
    assert held_out.auroc_ci95 is not None
    assert held_out.auroc_ci95[0] < held_out.auroc < held_out.auroc_ci95[1]
    assert held_out.macro_f1 > 0.85
    assert held_out.brier < 0.6 * held_out.brier_base
    assert held_out.calibration_error < 0.06
    assert made.card.verdicts == held_out.verdicts == 2 * 45 * 14
    assert (made.card.runs, made.card.grader) == (["one", "two"], "made-up")


def test_it_judges_new_answers(made: Distilled) -> None:
    """What is mentioned is likelier met than what is not, for one criterion and for several."""
    asked = (Message("user", "made-up question"),)
    criteria = [("Mentions taking balark", 5.0), ("Mentions taking gumost", 5.0)]
    several = made.probabilities(asked, "Well take balark. So now.", criteria)
    assert several[0] > 0.75
    assert several[1] < 0.25
    for each, expected in zip(criteria, several, strict=True):
        one = made.probability(asked, "Well take balark. So now.", *each)
        assert one == pytest.approx(expected)
    records = [Criterion(content, int(points)) for content, points in criteria]
    again = made.probabilities(asked, "Well take balark. So now.", records)
    assert again.tolist() == several.tolist()
    assert made.probabilities(asked, "Well", []).shape == (0,)


@given(
    asked=st.text(max_size=80),
    said=st.text(max_size=120),
    criterion=st.text(max_size=60),
    points=st.integers(-10, 10),
)
def test_any_text_gets_a_probability(
    asked: str, said: str, criterion: str, points: int, made: Distilled
) -> None:
    """Empty, foreign or broken text: a number from 0.005 to 0.995, never NaN."""
    p = made.probability((Message("user", asked),), said, criterion, points)
    assert 0.005 <= p <= 0.995


def test_no_prompt_is_on_both_sides_of_a_fold() -> None:
    """Each prompt has one fold, also where several runs answer it; folds are of like size."""
    prompts = np.repeat(np.arange(53), 3)
    folds = _folds(prompts, 0)
    assert all(len(set(folds[prompts == each])) == 1 for each in range(53))
    assert np.bincount(folds).min() >= 30
    weights = f.inverse_frequencies([text("a")])
    data = examine({"one": answered(1), "two": answered(2)}, weights)
    assert len(np.unique(data.prompts)) == 45
    assert len(np.unique(data.answers)) == 90


def test_what_was_not_graded_is_left_out() -> None:
    """An ungraded verdict is no verdict, and an answer that failed has none."""
    items = answered(1, prompts=3, criteria=4)
    lost = Verdict("lost", None, reason="timeout")
    items[0] = msgspec.structs.replace(items[0], verdicts=(lost, *items[0].verdicts[1:]))
    failed = Response("failed", failure="timeout")
    items[1] = msgspec.structs.replace(items[1], response=failed)
    data = examine({"one": items}, f.inverse_frequencies([text("a")]))
    assert len(data.met) == len(data.terms) == len(data.rows) == 3 + 4
    attainable = sum(max(0, each.points) for each in items[2].example.criteria)
    points = [each.points / attainable for each in items[2].example.criteria]
    assert data.weights[3:].tolist() == pytest.approx(points)


@pytest.mark.parametrize(
    ("graded", "problem"),
    [
        (lambda: {"one": answered(1, prompts=10)}, "at least 500 verdicts on 20 prompts"),
        (dict, "found 0 on 0"),
        (
            lambda: {
                "one": [
                    msgspec.structs.replace(
                        each, verdicts=tuple(Verdict(v.key, True) for v in each.verdicts)
                    )
                    for each in answered(1)
                ]
            },
            "found one kind only",
        ),
    ],
)
def test_too_little_to_learn_from_is_said(
    graded: Callable[[], dict[str, list[Graded]]], problem: str
) -> None:
    """Too few verdicts or prompts, or all alike: one line, and no file."""
    with pytest.raises(InputError, match=problem):
        distil(graded(), grader="made-up")


# Its parts, against other code


def test_the_trees_are_scikit_learn_s() -> None:
    """The exported arrays give the same log-odds as the model that they come from."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (3000, 6)).round(2)
    y = x[:, 0] * x[:, 1] + rng.normal(0, 0.5, 3000) > 0
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x, y)
    trees = from_predictors([each[0].nodes for each in model._predictors])
    expected = model.decision_function(x) - float(np.ravel(model._baseline_prediction)[0])
    assert trees.total(x) == pytest.approx(expected)
    assert trees.total(x[:1]) == pytest.approx(expected[:1])


def test_likeness_is_scikit_learn_s() -> None:
    """Cosines of TF-IDF as TfidfVectorizer has them, with logarithmic counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["one two two red", "two red blue", "one one sky blue blue", "red sky"]
    other = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).toarray()
    weights = f.inverse_frequencies([text(each) for each in texts])
    answer = f.answer_of((Message("user", texts[1]),), texts[2], weights)
    found = dict(
        zip(f.NAMES, f.criterion_features(answer, texts[0], 5, weights).tolist(), strict=True)
    )
    assert found["criterion.cosine"] == pytest.approx(float(other[0] @ other[2]), abs=1e-6)
    expected = float(other[0] @ other[1])
    assert found["criterion.cosine_conversation"] == pytest.approx(expected, abs=1e-6)
    assert found["answer.cosine_conversation"] == pytest.approx(
        float(other[2] @ other[1]), abs=1e-6
    )


def test_features_by_hand() -> None:
    """Coverage, numbers, signs and cues of a criterion that one can read off."""
    weights = f.Weights(*(np.ones(BUCKETS, dtype=np.float32) for _ in range(3)))
    said = "Take 500 mg daily. Is it red?\n- Rest"
    answer = f.answer_of((Message("user", "Which dose?"),), said, weights)
    row_ = f.criterion_features(answer, "Should not take 500 mg or 20 mg", -4, weights)
    found = dict(zip(f.NAMES, row_.tolist(), strict=True))
    assert found["criterion.covered"] == pytest.approx(3 / 7)  # take, 500, mg of seven words
    assert found["criterion.numbers_covered"] == pytest.approx(1 / 2)
    assert (found["criterion.points"], found["criterion.negative"]) == (-4, 1)
    assert (found["cue.not"], found["cue.mg"], found["cue.urgent"]) == (1, 1, 0)
    assert (found["answer.questions"], found["answer.bullets"]) == (1, 1)
    assert found["answer.sentences"] == 3
    assert len(row_) == len(f.NAMES) == len(set(f.NAMES))


def test_words_are_counted_without_case_or_ending() -> None:
    """'Doses' is 'dose'; a text of many lines is cut into a bounded number of sentences."""
    assert words("DOSING doses, dosed").tolist() == [words("dosing")[0]] * 3
    assert len(sentences("a. " * 500)) == 60
    assert sentences("") == []


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_macro_f1_is_scikit_learn_s(pairs: list[tuple[float, bool]]) -> None:
    """The unweighted mean over both classes, a class without hits counting 0."""
    p, y = np.array(pairs, dtype=float).T
    other = sklearn.metrics.f1_score(y, p >= 0.5, average="macro", labels=[0, 1], zero_division=0.0)
    assert macro_f1(p, y) == pytest.approx(other)


# The file


def test_a_file_gives_back_the_same_grader(made: Distilled, saved: Path) -> None:
    """Card and probabilities survive; saving again writes the same bytes and leaves no litter."""
    loaded = Distilled.load(saved)
    assert loaded.card == made.card
    item = answered(9)[0]
    given_ = (item.example.messages, item.response.text if item.response else "")
    expected = made.probabilities(*given_, item.example.criteria)
    assert loaded.probabilities(*given_, item.example.criteria).tolist() == expected.tolist()
    before = saved.read_bytes()
    assert loaded.save(saved).read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == ["grader.npz"]


def test_the_file_holds_no_text_of_what_it_learnt(saved: Path) -> None:
    """No word of an answer or a criterion is in it, packed or unpacked."""
    with zipfile.ZipFile(saved) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"made-up" in content  # the grader's name: what is searched for can be found
    for word in ("balark", "Mentions", "take", "question"):
        assert word.encode() not in content


def rewritten(path: Path, to: Path, **changes: bytes | None) -> Path:
    """The file with members replaced, added or, for None, left out."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {n: archive.read(n) for n in archive.namelist()}
    members |= {f"{name}.npy": content for name, content in changes.items()}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return to


def array(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, version=(1, 0))
    return stream.getvalue()


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def claims(kind: str, shape: str) -> bytes:
    """An array's header that claims a size, with nothing behind it."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


HOSTILE: dict[str, Callable[[Distilled], dict[str, bytes | None]]] = {
    "pickled objects": lambda _: {"linear": array(np.array([Bomb()], dtype=object))},
    "a pickle for an array": lambda _: {"linear": pickle.dumps(Bomb())},
    "a member too many": lambda _: {"more": array(np.zeros(1))},
    "a member missing": lambda _: {"tree_roots": None},
    "another kind": lambda _: {"intercepts": array(np.zeros(2, dtype=np.float32))},
    "another length": lambda _: {"intercepts": array(np.zeros(3))},
    "two dimensions": lambda _: {"curve_scores": array(np.zeros((2, 2)))},
    "a size that is only claimed": lambda _: {"tree_value": claims("<f8", "(10**14,)")},
    "a huge size that is only claimed": lambda _: {
        "tree_value": claims("<f8", "(100000000000000,)")
    },
    "a negative size": lambda _: {"tree_value": claims("<f8", "(-1,)")},
    "code for a header": lambda _: {"tree_value": claims("<f8", "__import__('os')")},
    "NaN": lambda _: {"intercepts": array(np.array([np.nan, 0.0]))},
    "a number beyond reason": lambda _: {
        "idf_words": array(np.full(BUCKETS, 3e38, dtype=np.float32))
    },
    "no tree": lambda _: {
        f"tree_{name}": array(np.zeros(0, dtype=np.float64 if name in "threshold value" else "<i4"))
        for name in ("feature", "threshold", "left", "right", "value", "roots")
    },
    "trees of unlike length": lambda m: {"tree_left": array(m.trees.left[:-1])},
    "a tree in a circle": lambda m: {"tree_left": array(np.zeros_like(m.trees.left))},
    "a child out of bounds": lambda m: {"tree_right": array(m.trees.right + 10**6)},
    "a feature out of bounds": lambda m: {"tree_feature": array(m.trees.feature + 10**6)},
    "a root out of bounds": lambda m: {"tree_roots": array(m.trees.roots - 10)},
    "a curve that falls": lambda m: {"curve_probabilities": array(m.curve[1][::-1].copy())},
    "a curve above 1": lambda m: {"curve_probabilities": array(m.curve[1] + 1)},
    "a header that is no JSON": lambda _: {"header": array(np.frombuffer(b"{", np.uint8))},
    "a header of other fields": lambda _: {"header": array(np.frombuffer(b"{}", np.uint8))},
    "a deep header": lambda _: {"header": array(np.frombuffer(b"[" * 100_000, np.uint8))},
    "another format": lambda m: {
        "header": array(
            np.frombuffer(msgspec.json.encode(msgspec.structs.replace(m.card, format=99)), np.uint8)
        )
    },
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused(
    what: str, made: Distilled, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that names the file; nothing is executed, nothing large is set aside."""
    monkeypatch.chdir(tmp_path)
    path = rewritten(saved, tmp_path / "hostile.npz", **HOSTILE[what](made))
    with pytest.raises(InputError, match=r"hostile\.npz: expected a distilled grader") as raised:
        Distilled.load(path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "exploded").exists()


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    """Text, nothing, a folder, an empty zip and one that unpacks to gigabytes."""
    (tmp_path / "text.npz").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("linear.npy", "w") as member,
    ):
        for _ in range(70):
            member.write(bytes(2**20))
    for name in ("text.npz", "empty.npz", "bomb.npz", "absent.npz", "."):
        with pytest.raises(InputError, match="expected a distilled grader"):
            Distilled.load(tmp_path / name)


def test_another_packing_is_refused(saved: Path, tmp_path: Path) -> None:
    """Only what the standard writes is read: other packers have other faults."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "packed.npz", "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="compression is neither stored nor deflated"):
        Distilled.load(tmp_path / "packed.npz")


def test_a_large_member_is_not_unpacked(saved: Path, tmp_path: Path) -> None:
    """The sizes are added up before anything is read."""
    path = rewritten(saved, tmp_path / "large.npz", linear=bytes(70 * 2**20))
    with pytest.raises(InputError, match="unpacked it is larger than 64 MB"):
        Distilled.load(path)


@pytest.fixture(scope="module")
def probability(saved: Path) -> float:
    return Distilled.load(saved).probability((Message("user", "a"),), "b", "c", 1)


@given(place=st.integers(0, 10**9), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_harmless(
    place: int,
    change: int,
    cut: bool,
    saved: Path,
    probability: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A byte changed or the end cut off: refused, or the same grader still."""
    content = bytearray(saved.read_bytes())
    at = place % len(content)
    content[at] ^= change
    path = tmp_path_factory.mktemp("damaged") / "grader.npz"
    path.write_bytes(content[:at] if cut else content)
    with contextlib.suppress(InputError):
        found = Distilled.load(path)
        assert found.probability((Message("user", "a"),), "b", "c", 1) == probability


# The command


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two runs by one grader, and one by another."""
    isolate(monkeypatch, tmp_path)
    at = tmp_path / "preceptor.db"
    items = answered(1)
    data = [
        row(item.example.id, [each.points for each in item.example.criteria])
        | {
            "rubrics": [
                {"criterion": each.text, "points": each.points, "tags": []}
                for each in item.example.criteria
            ]
        }
        for item in items
    ]
    path = write_rows(tmp_path / "data.jsonl", data)
    for name, grader in (("pilot-a", "strong"), ("pilot-b", "strong"), ("pilot-c", "other")):
        rows = [
            graded_row(
                item.example.id,
                [bool(each and each.met) for each in item.verdicts],
                response=item.response.text if item.response else "",
                run=name,
                grader=grader,
            )
            for item in items
        ]
        file = write_rows(tmp_path / f"{name}.jsonl", rows)
        arguments = ["--benchmark", "healthbench", "--data", str(path), "--store", str(at)]
        assert cli.main(["import", "graded", *arguments, str(file)]) == 0
    return at


def test_the_command_writes_a_grader(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pattern's runs, a file, a table with intervals; --json has the card."""
    out = tmp_path / "grader.npz"
    capsys.readouterr()
    command(["pilot-a", "pilot-b"], out=out, store=str(store))
    said = capsys.readouterr()
    assert "AUROC" in said.out
    assert "audit a random share" in said.err
    assert Distilled.load(out).card.runs == ["pilot-a", "pilot-b"]
    command(["pilot-a"], out=out, store=str(store), as_json=True)
    printed = msgspec.json.decode(capsys.readouterr().out)
    assert printed["file"] == str(out)
    assert printed["grader"] == "strong"
    assert 0.5 < printed["held_out"]["auroc"] <= 1


def test_the_command_says_what_is_wrong(store: Path, tmp_path: Path) -> None:
    """Two graders at once, or no place to write to, in one line and before any work."""
    with pytest.raises(InputError, match="expected runs of one grader, found 'strong', 'other'"):
        command(None, out=tmp_path / "grader.npz", store=str(store))
    with pytest.raises(InputError, match="expected an existing folder"):
        command(["pilot-a"], out=tmp_path / "no" / "grader.npz", store=str(store))
    with pytest.raises(InputError, match="found a folder"):
        command(["pilot-a"], out=tmp_path, store=str(store))
    assert not list(tmp_path.glob("*.npz"))


# The pages


def blocks(page: str) -> str:
    """All Python of a page of docs/, in order."""
    content = (DOCS / page).read_text("utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", content, re.MULTILINE | re.DOTALL))


def test_the_python_of_the_pages_runs(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/distil.md with a file of that name beside it; docs/correction.md as it stands."""
    monkeypatch.chdir(saved.parent)
    made_here: dict[str, object] = {}
    exec(blocks("distil.md"), made_here)
    several = made_here["several"]
    assert isinstance(several, np.ndarray)
    assert made_here["p"] == pytest.approx(several[0])
    assert blocks("correction.md").count("assert") == 3
    exec(blocks("correction.md"), {})


def test_the_keys_of_the_page_are_those_of_the_card() -> None:
    """Each table of docs/distil.md has exactly the keys that --json prints, in order."""
    parts = re.split(
        r"^<!-- keys: (\w+) -->$", (DOCS / "distil.md").read_text("utf-8"), flags=re.MULTILINE
    )
    described = {
        name: re.findall(r"^\| `(\w+)` \|", section.split("\n#")[0], re.MULTILINE)
        for name, section in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert described == {
        "distil": ["file", *Card.__struct_fields__],
        "held_out": list(Measures.__struct_fields__),
    }


# Real verdicts


@needs_data
def test_on_real_verdicts_it_is_calibrated_and_better_than_chance(hard_store: str) -> None:
    """Two runs of 200 answers, held-out prompts: AUROC .79 or so; calibrated within 4 %."""
    names = [run.info.name for run in preceptor.runs(store=hard_store)]
    chosen = [name for name in names if "-seed42" in name][:2]
    graded = {name: list(preceptor.load(name, store=hard_store).result().graded) for name in chosen}
    held_out = distil(graded, grader="gpt-4.1").card.held_out
    assert held_out.auroc > 0.74
    assert held_out.calibration_error < 0.04
    assert held_out.brier < 0.9 * held_out.brier_base
