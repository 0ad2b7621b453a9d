"""The studio's whole loop with models on this machine: the one of tests/test_studio_loop.py.

    python bench/studio_local_loop.py             # in a temporary folder
    python bench/studio_local_loop.py FOLDER      # what a broken off one asked is not asked again

Three made-up tasks are written, one of them with a live answer of smollm2-135m and a preview whose
grader is qwen2.5-1.5b; reviewed, decided and released; run on smollm2-135m; labelled by two people,
who call what an answer says from its words; audited and corrected. Prints what each step gave.
Needs the extra `local`, and fetches 1.2 GB where the models are not there yet.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from msgspec.structs import replace

import test_studio_loop as loop
from preceptor import cli
from preceptor.studio.items.content import SCORES
from preceptor.studio.items.writing import ATTESTATIONS
from preceptor.studio.ledger.verify import verify
from preceptor.studio.people.project import change, project
from studio_harness import House
from test_studio_authoring import Chatting

SYSTEM, GRADER, TASKS = "local/smollm2-135m", "yesno:local/qwen2.5-1.5b", 3
#: Seconds that an answer or a preview may take.
MOST_S = 3600


def said(*words: str) -> Any:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cli.main([*words, "--json"]) == 0, words
    return json.loads(out.getvalue())


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"  ({name}: {time.perf_counter() - begun:.0f} s)", flush=True)


def wait(author: Chatting) -> str:
    give_up = time.monotonic() + MOST_S
    while "data-stream" in (page := author.page()):
        assert time.monotonic() < give_up
        time.sleep(1)
    return page


def chat(house: House) -> None:
    """A task whose answer comes from the local system, with a preview by the local grader."""
    with house.signed_in("author") as client:
        author = Chatting(house, client=client)
        with step("live answer"):
            author.do("ask", system=author.aliases()[0], t__0=loop.QUESTIONS[0])
            page = wait(author)
        print("live answer:", "there" if "the answer that you rate" in page else "none")
        fields: dict[str, Any] = {}
        for _, text, points in loop.RUBRIC:
            author.do("add", **fields)
            row = author.written().rows[-1].id
            fields = {f"c__{row}__text": text, f"c__{row}__points": str(points)}
        author.do("save", **fields)
        with step("preview"):
            author.do("preview")
            page = wait(author)
        for told in re.findall(r'data-label="What it tells">([^<]+)<', page):
            print("preview:", told)
        if button := re.search(r'value="(mark-[^"]+)"', page):
            author.do(button[1])  # whoever reads it may call a verdict wrong
        scores = {f"score__{name}": "2" for name in SCORES}
        more = {"use_case": "consult", "specialty": "cardiology", "attested": list(ATTESTATIONS)}
        done = author.do("submit", **scores, **more)
        assert done.status_code == 303, done.text


def judge(house: House) -> None:
    lead, board = house.signed_in("lead"), "/board?state=submitted"
    waiting = re.findall(r'name="item" value="([^"]+)"', lead.get(board).text)
    loop.follow(house, lead, board, {"do": "queue", "item": waiting})
    client, decided = house.signed_in("adjudicator"), 0
    for name in ("reviewer", "reviewer-2"):
        reviewer = house.signed_in(name)
        while (address := loop.follow(house, reviewer, "/reviews", {"do": "next"})).count("/") > 1:
            ids = dict.fromkeys(re.findall(r'name="d-([^"]+)"', reviewer.get(address).text))
            fine = {"realistic": "yes", "flaw": "yes", "approve": "yes", "score-overall": "3"}
            fine |= {f"d-{id}": "keep" for id in ids}
            sent = {"version": "1", "rev": "0", "do": "hand-in", **fine}
            loop.follow(house, reviewer, address, sent)
    while (address := loop.follow(house, client, "/adjudications", {"do": "next"})).count("/") > 1:
        ids = dict.fromkeys(re.findall(r'name="d-([^"]+)"', client.get(address).text))
        fields = {"decision": "accepted"} | {f"d-{id}": "author" for id in ids}
        loop.follow(house, client, address, {"version": "1", "rev": "0", "do": "hand-in", **fields})
        decided += 1
    print("accepted:", decided)


def main() -> None:
    house = House(Path.cwd(), systems=(SYSTEM,), store=Path("preceptor.db"))
    for name in ("reviewer-2", "labeller-2"):
        house.people[name] = house.join(name)
    house.studio.write_now(lambda c: change(c, replace(project(c), grader=GRADER), None))
    chat(house)
    for number in range(1, TASKS):
        loop.write(house, number)
    judge(house)
    db = ("--db", house.studio.address)
    made = said("studio", "export", "-o", "out", "--name", "local-loop", *db)
    print(f"release: {made['tasks']} tasks, {made['criteria']} criteria")
    print("lint findings:", len(said("lint", "./out")["findings"]))
    with step("run"):
        ran = cli.main(["run", "./out", "--system", SYSTEM, "--grader", GRADER, "--name", "board"])
    print("run: exit", ran)
    pulled = said("studio", "pull", "board", "-n", "100", *db)
    print("labels:", pulled["units"], [loop.label(house, n) for n in ("labeller", "labeller-2")])
    assert cli.main(["studio", "labels", "-o", "labels.jsonl", *db]) == 0
    assert cli.main(["import", "graded", "labels.jsonl", "--benchmark", "./out"]) == 0
    found = said("audit", "physicians-board", "--grader", "board")["agreement"]
    print("agreement of people's majority with the grader:", found["pairwise"]["observed"])
    print("correct:", said("correct", "board", "--labels", "physicians-board")["corrected"])
    print("estimate:", said("studio", "estimate", "board", *db))
    assert cli.main(["studio", "labels", "--previews", "-o", "previews.jsonl", *db]) == 0
    print(
        "verdicts of the preview called wrong:",
        len(Path("previews.jsonl").read_text().split("\n")) - 1,
    )
    print("verify:", verify(house.studio).faults or "whole")
    house.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[1] if len(sys.argv) > 1 else folder)
        os.chdir(place)
        Path("studio.db").unlink(missing_ok=True)
        main()
