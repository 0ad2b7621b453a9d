"""The search for clinical codes: what is trained, what is found, what is kept, what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from preceptor import cli
from preceptor.codes import search as searching
from preceptor.codes.demo import QUERIES, demo_mentions
from preceptor.codes.evaluation import evaluate
from preceptor.codes.folder import CARD
from preceptor.codes.index import candidates
from preceptor.codes.lexical import Coverage, Similar
from preceptor.codes.listing import Listing, Mention, read_mentions
from preceptor.codes.maps import Recipe, loss_and_gradients, train_maps, unit
from preceptor.codes.measures import floor_ranks, measured, rank_in, slices
from preceptor.codes.search import Search
from preceptor.codes.texts import fold, modifiers, plain, stems, wordings
from preceptor.codes.training import folds_by_document
from preceptor.codes.trees import parse_trees, train_trees
from preceptor.errors import InputError
from preceptor.systems.retrieval.lexical import vectorizer
from preceptor.terminology.code_lists import Code, CodeList
from preceptor.terminology.codes import normal_code

Matrix = np.ndarray[Any, Any]


class Letters:
    """An encoder at the contract: sums of a fixed random vector for each sequence of 3 letters."""

    model = None

    def __init__(self, size: int = 3) -> None:
        self.identity = {"letters": size}

    def encoded(self, texts: Sequence[str], kind: str) -> Matrix:
        assert kind == "query"
        return unit(np.array([self._vector(fold(text)) for text in texts], np.float32))

    def _vector(self, text: str) -> Matrix:
        whole = np.full(24, 0.3)
        for start in range(len(text) - 2):
            part = hashlib.blake2b(text[start : start + 3].encode(), digest_size=8).digest()
            whole += np.random.default_rng(int.from_bytes(part, "little")).normal(size=24)
        return whole


TITLES = {
    "A00": "Cólera",
    "A00.9": "Cólera, no especificado",
    "I10": "Hipertensión esencial (primaria)",
    "I21": "Infarto agudo de miocardio",
    "I21.9": "Infarto agudo de miocardio, no especificado",
    "J18": "Neumonía, organismo no especificado",
    "J18.9": "Neumonía, no especificada",
    "J45": "Asma",
    "K35": "Apendicitis aguda",
    "M54": "Dorsalgia",
    "M54.5": "Dolor lumbar bajo",
    "N20": "Cálculo del riñón y del uréter",
    "N20.0": "Cálculo del riñón",
    "R07": "Dolor de garganta y dolor torácico",
    "R07.4": "Dolor torácico, no especificado",
    "R51": "Cefalea",
}
SAID = {
    "I10": ("hipertensión arterial", "tensión alta", "HTA"),
    "I21.9": ("infarto de miocardio", "ataque al corazón", "IAM"),
    "J18.9": ("neumonía", "pulmonía", "neumonía basal"),
    "K35": ("apendicitis", "apendicitis aguda perforada", "inflamación del apéndice"),
    "N20.0": ("cálculo renal", "piedra en el riñón", "litiasis renal"),
    "R51": ("dolor de cabeza", "cefalea intensa", "jaqueca"),
    "M54.5": ("lumbalgia", "dolor lumbar", "dolor de espalda baja"),
}


def listing() -> Listing:
    return Listing(CodeList("made up", "es", [Code(*each) for each in TITLES.items()]))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list and mentions of many documents, where the encoder is ours."""
    monkeypatch.setenv("PRECEPTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(searching, "encoder_at", lambda address: Letters())
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("code", "title"), *TITLES.items()])
    with (tmp_path / "said.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "code", "document"))
        for repeat in range(6):
            for code, texts in SAID.items():
                for number, text in enumerate(texts):
                    # Its codes without a point, in small letters: lists and records differ so.
                    written = code.replace(".", "").lower()
                    writer.writerow((text, written, f"d{repeat}-{number}"))
    return tmp_path


def trained(folder: Path, *more: str) -> Path:
    out = folder / "model"
    given = ["--codes", str(folder / "list.csv"), "--mentions", str(folder / "said.csv")]
    assert cli.main(["codes", "train", *given, "-o", str(out), *more]) == 0
    return out


# The maps


def test_gradients_are_those_of_the_loss() -> None:
    """Each partial derivative is the finite difference of the loss."""
    rng = np.random.default_rng(0)
    x, y = (unit(rng.normal(size=(count, 5))) for count in (4, 7))
    maps = (0.3 * rng.normal(size=(5, 5)), 0.3 * rng.normal(size=(5, 5)))
    own = np.array([2, 0, 0, 6])
    _, *gradients = loss_and_gradients(maps, x, y, own, 0.2)
    for which, gradient in enumerate(gradients):
        for place in np.ndindex(5, 5):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [each.copy() for each in maps]
                moved[which][place] += step
                ends.append(loss_and_gradients((moved[0], moved[1]), x, y, own, 0.2)[0])
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_the_loss_is_the_mean_cross_entropy_by_hand() -> None:
    """With maps of zeros it is −log of the softmax of cosines over the temperature."""
    x = np.array([[1.0, 0.0]])
    y = np.array([[1.0, 0.0], [0.0, 1.0]])
    none = np.zeros((2, 2))
    loss, *_ = loss_and_gradients((none, none), x, y, np.array([0]), 0.5)
    assert loss == pytest.approx(np.log(np.exp(2) + 1) - 2)


def test_maps_bring_mentions_to_their_codes() -> None:
    """Where mentions are the codes' vectors turned, training finds the turn for new ones too."""
    rng = np.random.default_rng(1)
    titles = unit(rng.normal(size=(300, 16)).astype(np.float32))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0].astype(np.float32)
    mentions = titles @ turn

    def right(vectors: Matrix, other: Matrix) -> float:
        return float((np.argmax(vectors @ other.T, axis=1) == np.arange(300))[200:].mean())

    recipe = Recipe(epochs=40, batch=50, negatives=100, rate=1e-2)
    maps = train_maps(mentions[:200], np.arange(200), titles, seed=0, recipe=recipe)
    assert right(maps.centred(mentions), maps.centred(titles)) < 0.1
    assert right(maps.of_mentions(mentions), maps.of_descriptions(titles)) > 0.9
    again = train_maps(mentions[:200], np.arange(200), titles, seed=0, recipe=recipe)
    assert (again.mention == maps.mention).all()


# Texts and lists


def test_texts_are_folded_cut_and_bounded() -> None:
    """Accents and case go, controls and line ends become blanks, a paragraph is cut."""
    assert fold("DOLOR Torácico") == "dolor toracico"
    assert stems("dolor toracico, dolor") == ["dolor", "torac"]
    assert plain("a\x00b\n c\u202e") == "a b c"
    assert len(plain("x" * 9000)) == 500


def test_wording_and_side_are_told() -> None:
    """A title's wording, and the side that mention and title agree in or not."""
    flags = wordings(["neumonia, no especificada", "otras neumonias", "asma"])
    assert flags[:, :2].tolist() == [[1, 0], [0, 1], [0, 0]]
    sides = modifiers(["rodilla derecha", "left knee", "joelho direito e esquerdo", "genou gauche"])
    assert sides[:, 0].tolist() == [1, -1, 0, -1]


def test_coverage_weighs_rare_stems() -> None:
    """A stem that few titles have counts more; a stem of no title counts as the rarest."""
    found = Coverage(["dolor de cabeza", "dolor de pecho", "asma"])
    (both, of_title), (common, _) = found.both_ways("dolor de cabeza", [0, 1])
    assert (both, of_title) == (1.0, 1.0)
    assert 0 < common < 0.5
    assert found.both_ways("xyz", [0]) == [(0.0, 0.0)]


def test_a_list_knows_parents_terms_and_the_nearest_code() -> None:
    """A code that is not listed stands for the longest listed one that it begins with."""
    codes = Listing(
        CodeList("m", "es", [Code("A00", "Cólera"), Code("A00.1", "Cólera El Tor", ("El Tor",))]),
        [{"A00": ("Cholera", "Cólera"), "B99": ("none",)}],
    )
    assert codes.parents == [-1, 0]
    assert codes.others == [(0, "Cholera"), (1, "El Tor")]
    assert codes.nearest("A00.19") == 1
    assert codes.nearest("A00.9") == 0
    assert codes.nearest("B99") is None
    assert codes.row("A00.19") is None


def test_a_wrong_row_of_mentions_is_one_line(tmp_path: Path) -> None:
    """File, line and field are named; a range is no code."""
    path = tmp_path / "said.csv"
    for rows, field in (("asma,J45-J46", "code"), (",J45", "text"), ("asma,", "code")):
        path.write_text(f"text,code\n{rows}\n", "utf-8")
        with pytest.raises(InputError, match=rf"said\.csv:2: {field}: expected"):
            read_mentions([path])


def test_the_demo_asks_what_it_was_not_told() -> None:
    """No query is among the made-up mentions, each of which is in four languages with a code."""
    mentions = demo_mentions()
    assert len(mentions) == 817
    assert not set(map(fold, QUERIES)) & {fold(each.text) for each in mentions}
    assert all(each.text and normal_code(each.code) == each.code for each in mentions)
    assert len({each.document for each in mentions}) == len(mentions)


# Ranks and measures


def test_ties_are_ranked_by_code() -> None:
    """Of equal scores the lower row is first; a code that is no candidate is not found."""
    rows, scores = np.array([2, 5, 9]), np.array([1.0, 3.0, 1.0])
    assert [rank_in(rows, scores, gold) for gold in (5, 2, 9)] == [0, 1, 2]
    assert rank_in(rows, scores, 4) > 10


def test_measures_by_hand() -> None:
    """MRR@10 is 0 below rank 10; unseen codes and new strings stand beside all."""
    mentions = [
        Mention("asma", "J45", "a"),
        Mention("Asthma", "J45", "b"),
        Mention("x", "R51", "b"),
    ]
    parts = slices(mentions, {"asma"}, {"J45"})
    assert {name: part.tolist() for name, part in parts.items()} == {
        "all": [True, True, True],
        "seen code": [True, True, False],
        "new string": [False, True, True],
        "unseen code": [False, False, True],
    }
    found = list(measured(np.array([0, 3, 10]), np.array([1, 1, 1]), ["a", "b", "b"], parts))
    by_name = {each.slice: each for each in found}
    assert by_name["all"].mrr == pytest.approx((1 + 1 / 4 + 0) / 3)
    assert by_name["all"].floor == pytest.approx(1 / 2)
    assert by_name["all"].documents == 2
    assert by_name["unseen code"].mrr == 0
    assert by_name["all"].recall_1 == pytest.approx(1 / 3)


def test_the_floor_is_the_retriever_of_characters() -> None:
    """A mention that repeats a title has rank 0; one without a common letter ties with all."""
    titles = [fold(each) for each in TITLES.values()]
    ranks = floor_ranks(Similar("characters", titles), ["asma", "zzz"], [7, 7])
    assert ranks.tolist() == [0, 7]


def test_cosines_are_those_of_scikit_learn() -> None:
    """Each score is the product of scikit-learn's own vectors; what has no known term has 0."""
    titles = [fold(each) for each in TITLES.values()]
    queries = ["dolor de cabeza, dolor", "infarto", "", "zzz", "a b"]
    for parts in ("characters", "words"):
        made = vectorizer(parts)
        table = made.fit_transform(titles)
        theirs = (made.transform(queries) @ table.T).toarray()
        assert Similar(parts, titles).scores(queries) == pytest.approx(theirs, abs=1e-6)
    assert Similar("words", ["", " "]).scores(["x"]).tolist() == [[0, 0]]


def test_a_document_is_in_one_fold() -> None:
    """No document is both trained on and examined; too few documents are refused."""
    mentions = [Mention("x", "J45", f"d{number % 40}") for number in range(400)]
    folds = folds_by_document(mentions, 0)
    for document in range(40):
        assert len({int(folds[place]) for place in range(document, 400, 40)}) == 1
    assert len(set(folds.tolist())) == 5
    with pytest.raises(InputError, match="5 documents or more, found 3"):
        folds_by_document(mentions[:3], 0)


def test_candidates_are_the_best_of_each_source() -> None:
    """Ranks count the codes above, a score of 0 is no candidate, and ties go by code."""
    scores = {
        "characters": np.array([[0, 0.5, 0.5, 0.9]], np.float32),
        "mapped": np.array([[-0.1, 0.2, -0.3, -0.2]], np.float32),
    }
    (found,) = candidates(scores)
    assert found.rows.tolist() == [1, 2, 3]
    assert found.ranks["characters"].tolist() == [1, 1, 0]
    assert found.best == {"characters": pytest.approx(0.9), "mapped": pytest.approx(0.2)}


# The trees


def small_trees() -> tuple[str, Matrix, list[str]]:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(600, 3)).astype(np.float32)
    labels = (table[:, 1] > table[:, 1].reshape(60, 10).max(axis=1).repeat(10) - 1e-6).astype(
        np.float32
    )
    names = ["one", "two", "three"]
    return train_trees(table, labels, [10] * 60, names=names, seed=0, rounds=12), table, names


def test_trees_give_what_lightgbm_gives() -> None:
    """Our reading of the text scores every row as LightGBM's own does."""
    import lightgbm

    text, table, names = small_trees()
    theirs = lightgbm.Booster(model_str=text).predict(table)
    ours = parse_trees(text, names, "trees.txt").total(table.astype(np.float64))
    assert np.abs(theirs).max() > 0.1
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_damaged_trees_are_one_line() -> None:
    """Whatever is wrong with the text, the message names the file, and nothing runs on."""
    text, _, names = small_trees()
    first = next(line for line in text.split("\n") if line.startswith("left_child="))
    damages = [
        "",
        text.replace("left_child=", "left_child=99 "),
        text.replace(first, "left_child=" + " ".join("0" for _ in first.split())),
        text.replace("split_feature=", "split_feature=7 "),
        text.replace("num_leaves=", "num_leaves=9"),
        text.replace("decision_type=2", "decision_type=1"),
        text.replace("leaf_value=", "leaf_value=nan "),
        text.replace("leaf_value=", "leaf="),
    ]
    for damaged in damages:
        assert damaged != text
        with pytest.raises(InputError, match=r"^trees\.txt: "):
            parse_trees(damaged, names, "trees.txt")
    with pytest.raises(InputError, match="train it again"):
        parse_trees(text, ["other"], "trees.txt")


# The commands


def test_train_search_and_evaluate(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trained search finds a code by other words than its title, and is measured on mentions."""
    model = trained(files)
    assert cli.main(["codes", "search", "tensión alta", "-m", str(model), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["codes"][0]["code"] == "I10"
    assert [each["rank"] for each in found["codes"]] == list(range(1, len(found["codes"]) + 1))
    assert cli.main(["codes", "search", "HTA", "-m", str(model), "--limit", "0"]) == 2
    assert "limit: expected 1 to 50, found 0" in capsys.readouterr().err
    assert cli.main(["codes", "search", "HTA", "-m", str(model), "--limit", "1"]) == 0
    assert "Hipertensión esencial" in capsys.readouterr().out
    held = files / "held.csv"
    held.write_text("text,code,document\nHTA,I10,x\ncrisis asmática,J45,y\ngripe,J11,z\n", "utf-8")
    assert cli.main(["codes", "evaluate", "-m", str(model), "--mentions", str(held), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["given"], result["covered"]) == (3, 2)
    counts = {each["slice"]: each["mentions"] for each in result["slices"]}
    assert counts == {"all": 2, "seen code": 1, "new string": 1, "unseen code": 1}
    card = json.loads((model / CARD).read_text("utf-8"))
    assert card["product"] == "descriptions"
    assert card["trained"]["mentions"] == 6 * sum(map(len, SAID.values()))
    assert (
        card["trained"]["files"]["said.csv"]
        == hashlib.sha256((files / "said.csv").read_bytes()).hexdigest()
    )


def test_the_words_of_mentions_are_kept_with_exemplars_alone(files: Path) -> None:
    """A search by descriptions holds no mention; the other product finds codes by them."""
    model = trained(files)
    held = b"".join(path.read_bytes() for path in model.iterdir())
    assert b"pulmon\xc3\xada" not in held
    model.rename(files / "descriptions")
    model = trained(files, "--exemplars")
    assert "pulmonía" in (model / "mentions.jsonl").read_text("utf-8")
    assert Search.open(model)("pulmonía")[0].code == "J18.9"


def test_another_list_is_indexed_in_place(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After `index` the new list's codes are found, and the training stays what it was."""
    model = trained(files)
    before = (model / "trees.txt").read_bytes()
    (files / "new.csv").write_text("code,title\nI10.X,Tensión alta\nJ45.9,Asma\n", "utf-8")
    assert cli.main(["codes", "index", "-m", str(model), "--codes", str(files / "new.csv")]) == 0
    assert "2 codes of new" in capsys.readouterr().err
    assert Search.open(model)("asma")[0].code == "J45.9"
    assert (model / "trees.txt").read_bytes() == before
    given = ["--codes", str(files / "new.csv"), "--mentions", str(files / "said.csv")]
    assert cli.main(["codes", "index", "-m", str(model), *given]) == 2
    assert "expected no --mentions" in capsys.readouterr().err


def test_a_changed_or_foreign_folder_is_one_line(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not the card's, no folder, another encoder: one line each, exit code 2."""
    model = trained(files)
    capsys.readouterr()

    def refused(*words: str) -> None:
        assert cli.main(["codes", "search", "asma", "-m", str(model)]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert all(word in line for word in words), line

    monkeypatch.setattr(searching, "encoder_at", lambda address: Letters(4))
    refused("another encoder")
    monkeypatch.setattr(searching, "encoder_at", lambda address: Letters())
    whole = (model / "maps.npy").read_bytes()
    (model / "maps.npy").write_bytes(whole[:-4])
    refused("maps.npy", "SHA-256")
    card = json.loads((model / CARD).read_text("utf-8"))
    card["files"]["maps.npy"] = hashlib.sha256(whole[:-4]).hexdigest()
    (model / CARD).write_text(json.dumps(card), "utf-8")
    refused("maps.npy", "no array")
    card["files"] = {"../said.csv": "0"}
    (model / CARD).write_text(json.dumps(card), "utf-8")
    refused("said.csv", "found none")
    (model / CARD).write_text('{"format": 9}', "utf-8")
    refused("format 9")
    (model / CARD).unlink()
    refused("without card.json")


def test_wrong_options_are_one_line(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or of no known form is named with what is expected."""
    listed, said = str(files / "list.csv"), str(files / "said.csv")
    for given, words in (
        (["train", "--codes", listed], "--mentions"),
        (["train", "--codes", "nowhere.csv", "--mentions", said], "found no such file"),
        (["train", "--codes", "icd-10:xx", "--mentions", said], "expected one of"),
        (["train", "--codes", listed, "--mentions", said, "-o", listed], "exists already"),
        (["search", "asma", "-m", "nowhere"], "found no folder"),
        (["evaluate"], "--mentions"),
    ):
        assert cli.main(["codes", *given]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert words in line


# The server


@pytest.fixture
def served(files: Path) -> Iterator[TestClient]:
    from preceptor.codes.server import application

    search = Search.open(trained(files))
    with TestClient(application(search), base_url="http://127.0.0.1") as client:
        yield client


def test_the_page_and_the_json_give_codes(served: TestClient) -> None:
    """A form and a body of JSON find the same code; nothing of a query is in an address."""
    page = served.post("/", data={"query": "tensión alta <b>"})
    assert page.status_code == 200
    assert "I10" in page.text
    assert "<b>" not in page.text
    assert 'method="post"' in served.get("/").text
    reply = served.post("/codes", json={"query": "tensión alta", "limit": 2}).json()
    assert reply["codes"][0]["code"] == "I10"
    assert len(reply["codes"]) == 2


def test_the_server_keeps_the_rules_of_all_our_servers(served: TestClient) -> None:
    """A foreign host name, another method, a wrong body are refused; pages run nothing."""
    policy = served.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert served.get("/", headers={"host": "evil.example"}).status_code == 421
    assert served.put("/codes", json={}).status_code == 405
    for body in ("{", '{"query": 3}', '{"query": "a", "limit": 99}', '{"query": " "}', "[]"):
        reply = served.post("/codes", content=body)
        assert reply.status_code == 400, body
        assert "\n" not in reply.json()["error"]
    assert served.get("/nothing").status_code == 404


def test_evaluate_refuses_mentions_of_other_lists(files: Path) -> None:
    """Where no code is in the index there is nothing to measure."""
    search = Search.open(trained(files))
    with pytest.raises(InputError, match="found none of them"):
        evaluate(search, [Mention("x", "Z99", "d")])
