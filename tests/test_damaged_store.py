"""A store that is damaged inside: one line that names it and says what to do, at every command."""

from __future__ import annotations

import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from data_fixtures import graded_row, isolate, row, unpacked, write_rows
from preceptor.cli import main

STORE = "store.db"
IMPORT = ["import", "graded", "g1.jsonl", "--benchmark", "healthbench", "--data", "data.jsonl"]
NO_GRADER = ["-s", "replay:answers.jsonl", "-g", "http://127.0.0.1:9/v1#judge"]
COMMANDS = [
    ["runs"],
    ["show", "g1"],
    ["score", "g1"],
    ["compare", "g1", "g2"],
    ["report", "g1", "-o", "page.html"],
    ["leaderboard"],
    ["export", "g1", "-o", "rows.csv"],
    ["figures", "g1", "-o", "figures"],
    ["resume", "g2"],
    ["audit", "g1", "--grader", "g2"],
    ["run", "healthbench", "--data", "data.jsonl", *NO_GRADER, "-P", "retries=0"],
    IMPORT,
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two runs, whole, in a folder with what they were made from."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        ids = [f"e{number}" for number in range(4)]
        write_rows(Path("data.jsonl"), [row(id) for id in ids])
        write_rows(Path("answers.jsonl"), [{"id": id, "response": "x"} for id in ids])
        for name in ("g1", "g2"):
            write_rows(Path(f"{name}.jsonl"), [graded_row(id) for id in ids])
            arguments = [each.replace("g1", name) for each in IMPORT]
            assert main([*arguments, "--store", STORE]) == 0
        with closing(sqlite3.connect(STORE)) as connection:
            connection.execute("UPDATE runs SET status = 'interrupted' WHERE name = 'g2'")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path.cwd()


@pytest.fixture
def copy(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate(monkeypatch, tmp_path)
    shutil.copytree(whole, ".", dirs_exist_ok=True)
    return Path(STORE)


def check(capsys: pytest.CaptureFixture[str]) -> int:
    """Run every command; each ends well or with one line. Returns how many did not end well."""
    refused = 0
    for command in COMMANDS:
        code = main([*command, "--store", STORE])
        said = capsys.readouterr()
        assert code in (0, 1, 2), command
        if code == 2 and STORE in said.err:
            refused += 1
            assert said.err.startswith("error: ")
            assert said.err.count("\n") == 1
            assert any(word in said.err for word in ("copy", "--store", "resume")), said.err
    return refused


def sql(*statements: str, rows: bool = False) -> Callable[[Path], None]:
    """Does these; ``rows``: where the verdicts are rows and not packed."""

    def damage(path: Path) -> None:
        if rows:
            unpacked(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for view in ("explained", "graded", "votes", "criteria"):
                connection.execute(f"DROP VIEW {view}")
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return damage


#: What was done → where, and at how many commands at least it must be said.
DAMAGES: dict[str, tuple[Callable[[Path], object], int]] = {
    "a table is missing": (sql("DROP TABLE responses"), 6),
    "a column is missing": (sql("ALTER TABLE verdicts DROP COLUMN explanation", rows=True), 5),
    "rows are missing": (sql("DELETE FROM examples WHERE example_id = 'e1'"), 6),
    "settings are no JSON": (sql("UPDATE runs SET settings = '[1,'"), 11),
    "settings are no object": (sql("UPDATE runs SET settings = '[1]'"), 11),
    "examples are no JSON": (sql("UPDATE examples SET data = 'x'"), 6),
    "examples are of another shape": (sql("UPDATE examples SET data = '{\"id\": 5}'"), 6),
    "a text in another encoding": (
        sql("UPDATE responses SET text = CAST(x'ff41' AS TEXT)"),
        4,
    ),
    "a text that is bytes": (sql("UPDATE responses SET text = x'ff41'"), 4),
    "a verdict that is none": (sql("UPDATE verdicts SET met = 7", rows=True), 5),
    "a verdict that is a text": (sql("UPDATE verdicts SET met = 'yes'", rows=True), 5),
    "a probability that is a text": (sql("UPDATE verdicts SET probability = 'high'", rows=True), 5),
    "a reuse that is neither": (sql("UPDATE run_verdicts SET reused = 7", rows=True), 2),
    "a number that is a text": (sql("UPDATE verdicts SET input_tokens = 'many'", rows=True), 4),
    "a packed verdict that is none": (sql("UPDATE judged SET met = replace(met, '1', '7')"), 2),
    "a packed label that is no JSON": (sql("UPDATE judged SET more = 'x'"), 2),
    "a pack that is not compressed": (sql("UPDATE packed_verdicts SET data = x'00'"), 2),
    "a pack that is a text": (sql("UPDATE packed_verdicts SET data = 'x'"), 2),
    "a pack without verdicts": (
        sql(f"UPDATE packed_verdicts SET data = x'{zlib.compress(b'[]').hex()}'"),
        2,
    ),
    "a pack is missing": (sql("DELETE FROM packed_verdicts"), 2),
    "a format that is bytes": (sql("UPDATE preceptor SET value = x'00'"), 12),
    "no database": (lambda path: path.write_bytes(b"no database" * 999), 12),
    "empty pages": (
        lambda path: path.write_bytes(path.read_bytes()[:100] + bytes(path.stat().st_size - 100)),
        12,
    ),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), 12),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), 12),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_store_is_one_line(
    case: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and no score of what is left."""
    damage, least = DAMAGES[case]
    damage(copy)
    assert check(capsys) >= least


@pytest.mark.parametrize("seed", range(6))
def test_a_store_with_bytes_overwritten_is_read_or_refused(
    seed: int, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever the bytes are, also in a log of writes that is not the file's own."""
    draw = random.Random(seed)
    data = bytearray(copy.read_bytes())
    for _ in range(10 ** (seed % 3)):
        place = draw.randrange(100, len(data) - 16)
        data[place : place + 16] = draw.randbytes(16)
    copy.write_bytes(data)
    Path(f"{STORE}-wal").write_bytes(draw.randbytes(5000))
    check(capsys)
