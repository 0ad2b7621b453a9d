"""Questions about images: the shapes that files have, controls, closed and open answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import preceptor
from preceptor.benchmarks import get
from preceptor.benchmarks.image_exams import BENCHMARKS
from preceptor.benchmarks.images import asked_about, media_type
from preceptor.engine.image_controls import with_other_images
from preceptor.errors import DataError, InputError
from preceptor.graders.base import Case
from preceptor.protocols.choice import circular
from preceptor.records import Example, Message
from preceptor.records.parts import Image, Text
from preceptor.scoring.short_answers import phrase, token_f1, token_recall, yes_or_no
from preceptor.testing import FakeEndpoint
from suite_answers import DATA, graded, needs, run

CLOSED, OPEN = get("vqa-rad-closed"), get("vqa-rad-open")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(80)
JPEG = b"\xff\xd8\xff\xe0" + bytes(80)


def question(qid: int, answer: str, **changes: Any) -> dict[str, Any]:
    return {
        "qid": qid,
        "image_name": f"made{qid % 3}.jpg",
        "image_organ": "CHEST",
        "answer": answer,
        "answer_type": "CLOSED",
        "question_type": "POS, PRES",
        "question": f"Is made-up sign {qid} there?",
        "phrase_type": "freeform",
        **changes,
    }


def folder(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A copy of VQA-RAD with images of their own bytes."""
    (path / "images").mkdir(parents=True)
    for name in {row["image_name"] for row in rows}:
        (path / "images" / name).write_bytes(JPEG + name.encode())
    (path / "testset.json").write_text(json.dumps(rows))
    return path


def shown(example: Example) -> list[Image]:
    return [each for turn in example.messages for each in turn.parts if isinstance(each, Image)]


def test_images_stand_before_the_question(tmp_path: Path) -> None:
    """Questions of one kind, those about one image drawn together; two things asked, two tags."""
    rows = [question(1, "Yes"), question(2, "left", answer_type="OPEN"), question(4, "no")]
    first, second = CLOSED.load(folder(tmp_path / "vqa", rows)).examples
    assert [type(part) for part in first.messages[0].parts] == [Image, Text]
    assert shown(first)[0].data == JPEG + b"made1.jpg"
    assert first.target["cluster"] == second.target["cluster"] == "made1.jpg"
    assert first.tags == ("organ:CHEST", "asked:POS", "asked:PRES")
    (other,) = OPEN.load(tmp_path / "vqa").examples
    assert other.id == "2"


def test_questions_without_their_image_are_left_out(tmp_path: Path) -> None:
    """And where none has its own, the folder is named."""
    path = folder(tmp_path / "vqa", [question(1, "yes"), question(2, "no")])
    (path / "images" / "made2.jpg").unlink()
    assert [each.id for each in CLOSED.load(path).examples] == ["1"]
    (path / "images" / "made1.jpg").unlink()
    with pytest.raises(InputError, match="expected a folder images with images, found none"):
        CLOSED.load(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer_type": "BOTH"}, "answer_type: expected one of CLOSED, OPEN"),
        ({"image_name": ""}, "image_name: expected a text that is not empty"),
        ({"question": None}, "question: expected a text"),
        ({"question_type": 3}, "question_type: expected a text"),
        ({"answer": None}, "answer: expected a text or a whole number"),
        ({"qid": None}, "qid: expected a text or a whole number"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = folder(tmp_path / "vqa", [question(1, "yes")])
    (path / "testset.json").write_text(json.dumps([{**question(1, "yes"), **changes}]))
    with pytest.raises(DataError, match=words):
        CLOSED.load(path)


EXAM = {
    "gmai-mmbench": "GMAI-MMBench_VAL.tsv",
    "endobench": "EndoBench.tsv",
    "medframeqa": "test.parquet",
    "medxpertqa-mm-images": "test.jsonl",
    "medbookvqa": "data.json",
    "pmc-vqa": "test_clean.csv",
    "omnimedvqa": "OmniMedVQA.tsv",
    "chestagentbench": "metadata.jsonl",
    "medq-bench": "medqbench_QA_test.tsv",
}
#: Keys that are places from 0.
KEYS = {"medq-bench": "1"}
PACKED = base64.b64encode(PNG).decode()


def exam(name: str, path: Path) -> list[Example]:
    """One question as the file of that benchmark has it, or two."""
    file = path / EXAM[name]
    if file.suffix == ".tsv":
        columns = ["index", "image", "question", "A", "B", "C", "answer", "category", "task"]
        rows = [
            ["0", PACKED, "Which one?", "None", "NA", "", KEYS.get(name, "B"), "made up", "t1"],
            ["1", "0", "And now?", "left", "right", "both", "A", "made up", "t1"],
        ]
        file.write_text("\n".join("\t".join(row) for row in [columns, *rows]))
    elif file.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        row = {
            "question_id": "q1",
            "question": "Which one?",
            "options": ["left", "right"],
            "answer": "B",
            "image": [{"bytes": PNG, "path": None}, {"bytes": JPEG, "path": "b.jpg"}],
            "modality": "MRI",
        }
        parquet.write_table(pa.Table.from_pylist([row]), file)
    elif name == "pmc-vqa":
        (path / "figures").mkdir()
        (path / "figures" / "p.jpg").write_bytes(PNG)
        head = "Figure_path,Question,Answer,Choice A,Choice B,Choice C,Choice D,Answer_label"
        file.write_text(f"{head}\np.jpg,Which one?,right,A:left, B:right ,,,B\n")
    elif name == "chestagentbench":
        (path / "figures" / "7").mkdir(parents=True)
        (path / "figures" / "7" / "f1.png").write_bytes(PNG)
        row = {
            "full_question_id": "7_1",
            "case_id": "7",
            "question": "Which one?\nA) left\nB) right",
            "answer": "B",
            "categories": "detection,diagnosis",
            "type": "single right choice",
            "images": ["figures/7/f1.png"],
        }
        other = {**row, "full_question_id": "7_2", "images": None, "figures": '["7/f1.png"]'}
        file.write_text("\n".join(map(json.dumps, (row, other))))
    elif file.suffix == ".jsonl":
        (path / "images").mkdir()
        (path / "images" / "m.png").write_bytes(PNG)
        options = {"A": "left", "B": "right"}
        row: dict[str, Any] = {
            "id": "MM-0",
            "question": "Which one?",
            "options": options,
            "label": "B",
        }
        file.write_text(json.dumps({**row, "images": ["m.png"], "medical_task": "Diagnosis"}))
    else:
        (path / "f.png").write_bytes(PNG)
        row = {"_id": "b1", "Question": "Which one?", "Answer": "right", "Distractors": ["left"]}
        file.write_text(json.dumps([{**row, "image_path": "f.png", "modality": "MRI"}]))
    return get(name).load(path).examples


@pytest.mark.parametrize("name", EXAM)
def test_exams_are_read_in_their_shapes(name: str, tmp_path: Path) -> None:
    """Base64, structs, files; a short cell is another row; an option None is a text."""
    first, *others = exam(name, tmp_path)
    assert (first.target["answer"], len(first.target["options"])) == ("B", 2)
    assert shown(first)[0].data == PNG
    assert shown(first)[0].media_type == "image/png"
    if EXAM[name].endswith(".tsv"):
        assert first.target["options"] == {"A": "None", "B": "NA"}
    if others:
        assert [each.sha256 for each in shown(others[0])] == [each.sha256 for each in shown(first)]
        assert others[0].target["cluster"] == first.target["cluster"]
    if name == "pmc-vqa":
        assert first.target["options"] == {"A": "left", "B": "right"}
    if name == "chestagentbench":
        assert first.tags[1:] == ("category:detection", "category:diagnosis")
        assert first.messages[0].text == "Which one?\n\nA. left\nB. right"
    if name == "medframeqa":
        assert [each.media_type for each in shown(first)] == ["image/png", "image/jpeg"]
        assert "images:2" in first.tags


def test_every_exam_has_a_row_here() -> None:
    assert {each.name for each in BENCHMARKS} == EXAM.keys()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": ["../outside.png"]}, "images: expected a PNG, JPEG, GIF, WebP or DICOM"),
        ({"images": ["none.png"]}, "images: expected a PNG"),
        ({"images": ["text.png"]}, "images: expected a PNG, .* of at most 50 MiB"),
        ({"images": []}, "images: expected a PNG"),
        ({"label": "E"}, "label: expected one of A, B"),
        ({"options": "left"}, "options: expected a list of options"),
        ({"question": ""}, "question: expected a text that is not empty"),
    ],
)
def test_a_wrong_row_of_an_exam_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    """A file outside the folder of the data is none."""
    inside = tmp_path / "data"
    inside.mkdir()
    exam("medxpertqa-mm-images", inside)
    (tmp_path / "outside.png").write_bytes(PNG)
    (inside / "images" / "text.png").write_text("no image")
    file = inside / "test.jsonl"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(DataError, match=words):
        get("medxpertqa-mm-images").load(inside)


def made_set(name: str, path: Path) -> Path:
    """Four questions of SLAKE, PathVQA or WorldMedQA-V with images, as their files have them."""
    if name == "slake":
        (path / "imgs" / "xmlab1").mkdir(parents=True)
        (path / "imgs" / "xmlab1" / "source.jpg").write_bytes(JPEG)
        row = {
            "img_name": "xmlab1/source.jpg",
            "question": "Is made-up sign 1 there?",
            "answer": "Yes",
            "q_lang": "en",
            "location": "Chest_lung",
            "modality": "X-Ray",
            "answer_type": "CLOSED",
            "content_type": "Abnormality",
            "qid": 11934,
        }
        other = {**row, "qid": 11935, "answer_type": "OPEN", "answer": "left lobe"}
        local = {**row, "qid": 11936, "q_lang": "zh"}
        (path / "test.json").write_text(json.dumps([row, other, local]))
    elif name == "pathvqa":
        import pyarrow as pa
        from pyarrow import parquet

        image = {"bytes": JPEG, "path": None}
        for part, answers in enumerate((["no", "made-up cells"], ["Yes"])):
            rows = [{"image": image, "question": "What is it?", "answer": each} for each in answers]
            file = path / f"test-0000{part}-of-00002.parquet"
            parquet.write_table(pa.Table.from_pylist(rows), file)
    else:
        head = ["index", "image", "question", "A", "B", "C", "D", "answer", "correct_option"]
        row = ["3.0", PACKED, "Which one?", "None", "b", "c", "d", "", "A"]
        for lang in ("english", "local"):
            text = "\n".join(map("\t".join, (head, row)))
            (path / f"spain_{lang}_processed.tsv").write_text(text)
    return path


def test_closed_and_open_questions_are_two_benchmarks(tmp_path: Path) -> None:
    """SLAKE in English alone; PathVQA's parts are one set, closed where the answer is yes or no."""
    for name in ("slake", "pathvqa"):
        (tmp_path / name).mkdir()
        path = made_set(name, tmp_path / name)
        closed, opened = (get(f"{name}-{kind}").load(path).examples for kind in ("closed", "open"))
        said = [each.target["answer"] for each in closed]
        assert said == {"slake": ["Yes"], "pathvqa": ["no", "Yes"]}[name]
        assert len(opened) == 1
        assert {shown(each)[0].data for each in (*closed, *opened)} == {JPEG}
        assert len({each.target["cluster"] for each in (*closed, *opened)}) == 1
        assert len({each.id for each in (*closed, *opened)}) == len(closed) + 1
    assert closed[1].id == "3"
    with pytest.raises(InputError, match=r"expected test\.json or .*, found none"):
        get("slake-open").load(tmp_path / "pathvqa")


def test_exams_of_four_countries_have_their_images(tmp_path: Path) -> None:
    """The key is in the column of the right option, since that of answers has gaps."""
    path = made_set("worldmedqa", tmp_path)
    english, local = get("worldmedqa-v-images").load(path).examples
    assert (english.id, local.id) == ("spain/english/3", "spain/local/3")
    assert (english.target["answer"], english.target["options"]["A"]) == ("A", "None")
    assert shown(english)[0].data == PNG
    assert english.target["cluster"] == local.target["cluster"]
    with pytest.raises(InputError, match="expected files such as brazil_english_processed"):
        get("worldmedqa-v-images").load(tmp_path.parent)


def described(path: Path) -> Path:
    """Two descriptions of MedQ-Bench, and two questions of Kvasir-VQA-x1."""
    head = ["index", "image", "description", "modality"]
    rows = [["0", PACKED, "Made-up noise. Overall, usable.", "CT"], ["1", "0", "Good.", "CT"]]
    text = "\n".join(map("\t".join, (head, *rows)))
    (path / "medqbench_description_test.tsv").write_text(text)
    (path / "images").mkdir()
    (path / "images" / "made1.jpg").write_bytes(JPEG)
    row = {"img_id": "made1", "question": "What is it?", "answer": "A made-up sign."}
    classes = ({"question_class": ["color", "count"], "complexity": 2}, {"complexity": 1})
    lines = [json.dumps({**row, **each}) for each in classes]
    (path / "Kvasir-VQA-x1-test.jsonl").write_text("\n".join(lines))
    return path


def test_descriptions_are_judged_on_four_axes(tmp_path: Path) -> None:
    """0 to 2 each, their sum of 8 and their mean; an axis without a label leaves both undefined."""
    benchmark = get("medq-bench-description")
    first, second = benchmark.load(described(tmp_path)).examples
    assert shown(second) == shown(first)
    assert first.messages[0].text.startswith("Describe the quality of the image")
    judged = [graded(first, "Noise.", ("2", "1", "0", "2")), graded(second, "?", ("2", "2", None))]
    scores = [benchmark.protocol.score(each) for each in judged]
    metrics = benchmark.protocol.summarise(scores, [first, second])
    assert (metrics["points"].value, metrics["points"].unit) == (5, "of 8")
    assert metrics["points"].bounds == (4.5, 6.5)
    assert metrics["overall_score"].value == 5 / 8
    assert metrics["axis:preciseness"].value == pytest.approx(0.75)
    assert metrics["axis:quality"].coverage == 0.5
    judge = benchmark.protocol.judging.judge
    assert judge is not None
    case = Case(
        (*first.messages, Message("assistant", "{target.reference}")), {}, "r", first.target
    )
    asked = judge.prompt(case, first.criteria[0])
    assert asked.count("Made-up noise. Overall, usable.") == 1


def test_sentences_are_told_apart_by_class_and_complexity(tmp_path: Path) -> None:
    """A question of several classes counts in each."""
    benchmark = get("kvasir-vqa-x1")
    examples = benchmark.load(described(tmp_path)).examples
    assert examples[0].tags == ("complexity:2", "class:color", "class:count")
    assert examples[0].target["reference"] == "A made-up sign."
    assert benchmark.protocol.name == "generation"
    same = benchmark.protocol.score(graded(examples[0], "A made-up sign.")).values
    assert same["bleu"] == pytest.approx(1)
    assert same["meteor"] == pytest.approx(1 - 0.5 * (1 / 4) ** 3)  # one chunk of four words
    assert benchmark.protocol.score(graded(examples[0], None)).high["meteor"] == 1.0


@needs("vqa-rad")
def test_the_public_shapes_hold_the_same_questions() -> None:
    """TSV and struct of bytes: the twelve questions that the folder's text speaks of."""
    formats = DATA / "vqa-rad" / "formats"
    tsv = get("gmai-mmbench").load(formats / "vlmeval_style.tsv").examples
    frames = get("medframeqa").load(formats / "hf_image_list.parquet").examples
    assert [len(shown(each)) for each in frames] == [2, 3, 4]
    assert {media_type(each.data) for case in [*tsv, *frames] for each in shown(case)} == {
        "image/jpeg"
    }
    assert len(shown(tsv[-1])) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", "yes"),
        ("No.", "no"),
        ("**Yes**, on the left.", "yes"),
        ("<think>no</think>Yes", "yes"),
        ("No abnormality is seen", None),
        ("nodule", None),
        ("It is not there: no", None),
    ],
)
def test_a_no_inside_a_sentence_is_none(text: str, said: str | None) -> None:
    """To "Is it normal?", "No abnormality" means yes."""
    assert yes_or_no(text) == said


@settings(max_examples=40)
@given(st.text(max_size=30), st.text(max_size=30))
def test_shares_of_words_are_shares(said: str, reference: str) -> None:
    """From 0 to 1; F1 is symmetric, and no more than the recall allows."""
    recall, back = token_recall(said, reference), token_recall(reference, said)
    f1 = token_f1(said, reference)
    assert 0 <= recall <= 1
    assert f1 == token_f1(reference, said)
    assert min(recall, back) - 1e-9 <= f1 <= max(recall, back) + 1e-9
    assert phrase(phrase(said)) == phrase(said)


def test_open_answers_share_words(tmp_path: Path) -> None:
    """A longer answer keeps the recall and loses F1."""
    rows = [question(1, "right temporal lobe", answer_type="OPEN")]
    examples = OPEN.load(folder(tmp_path / "vqa", rows)).examples
    _, metrics = run(OPEN, examples, lambda _: "It is in the right temporal lobe.")
    assert metrics["overall_score"].value == 1
    assert metrics["token_f1"].value == pytest.approx(2 * 3 / (3 + 7))
    assert metrics["exact"].value == 0


@needs("vqa-rad")
def test_always_no_has_its_floor(tmp_path: Path) -> None:
    """133 of 251 yes-or-no questions, and of 272 closed ones; images made up."""
    rows = json.loads((DATA / "vqa-rad" / "testset.json").read_text())
    path = folder(tmp_path / "vqa", rows)
    examples = CLOSED.load(path).examples
    _, metrics = run(CLOSED, examples, lambda _: "no")
    assert metrics["overall_score"].value == pytest.approx(0.488971, abs=5e-7)
    polar = [each for each in examples if phrase(each.target["answer"]) in ("yes", "no")]
    _, metrics = run(CLOSED, polar, lambda _: "no")
    assert metrics["overall_score"].value == pytest.approx(0.529880, abs=5e-7)
    assert len(OPEN.load(path).examples) == 179


def test_controls_change_the_images_alone(tmp_path: Path) -> None:
    """Without, of the next question that has another, or grey; each in the same way every time."""
    rows = [question(number, "yes") for number in (1, 4, 2, 3)]
    examples = CLOSED.load(folder(tmp_path / "vqa", rows)).examples
    asked = [(each, 1) for each in examples]

    def made(how: Any) -> list[Example]:
        return [each for each, _ in with_other_images(asked, examples, "vqa", how)]

    assert not any(shown(each) for each in made("without"))
    names = [[image.name for image in shown(each)] for each in made("another")]
    assert names == [["made2.jpg"], ["made2.jpg"], ["made0.jpg"], ["made1.jpg"]]
    grey = {shown(each)[0].sha256 for each in made("blank")}
    assert len(grey) == 1
    assert media_type(shown(made("blank")[0])[0].data) == "image/png"
    words = [each.messages[0].text for each in examples]
    for how in ("without", "another", "blank"):
        assert [each.messages[0].text for each in made(how)] == words
    with pytest.raises(InputError, match="all questions of vqa have the same image"):
        with_other_images(asked[:1], examples[:1], "vqa", "another")
    with pytest.raises(InputError, match="--images reversed: no question of vqa has several"):
        made("reversed")
    several = asked_about([*shown(examples[0]), *shown(examples[2])], "q")
    (turned, _), *_ = with_other_images(
        [(Example("x", (several,), ()), 1), asked[0]], examples, "vqa", "reversed"
    )
    assert [each.name for each in shown(turned)] == ["made2.jpg", "made1.jpg"]
    plain = [(Example("x", (Message("user", "q"),), ()), 1)]
    with pytest.raises(InputError, match="no question of vqa has an image"):
        with_other_images(plain, [plain[0][0]], "vqa", "blank")


def test_images_stay_before_options_in_every_order(tmp_path: Path) -> None:
    """The orders of one question about an image are one question, whose images stay."""
    _, second = exam("endobench", tmp_path)
    orders = circular(second)
    assert [each.target["answer"] for each in orders] == ["A", "B"]
    for each in orders:
        assert [part for part in each.messages[0].parts if isinstance(part, Image)] == shown(second)
        assert each.messages[0].text.startswith("And now?\n\nA. ")


def test_what_images_add_is_a_paired_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes arrive as they are; a run without images pairs with the one with them; a system that
    takes none is refused the images, and may answer without."""
    data = folder(tmp_path / "vqa", [question(number, "yes") for number in range(6)])
    (tmp_path / "blindly.py").write_text("def answer(messages):\n    return 'yes'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with FakeEndpoint() as fake:
        asked: dict[str, Any] = {"data": data}
        preceptor.run(CLOSED.name, system=fake.address("m"), name="seen", **asked)
        image, words = fake.log[0].payload["messages"][0]["content"]
        url = image["image_url"]["url"]
        assert url.startswith("data:image/jpeg;base64,")
        assert base64.b64decode(url.partition(",")[2]).startswith(JPEG)
        assert words["type"] == "text"
    blind = preceptor.run(
        CLOSED.name, system="python:blindly:answer", name="blind", images="without", **asked
    )
    assert "A control: asked without the images." in blind.score()["departures"]
    contrast = preceptor.compare(["seen", "blind"]).contrasts[0]
    assert (contrast.common, contrast.mcnemar is not None) == (6, True)
    with pytest.raises(InputError, match="--images: expected without, another, blank, reversed"):
        preceptor.run(CLOSED.name, system="python:blindly:answer", images="upside-down", **asked)
