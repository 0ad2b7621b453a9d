"""A prompt that the server cut is said, once for each system, and nothing else is taken for it."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

import preceptor
from preceptor.engine.watch import PromptWatch
from preceptor.records import Message, Usage
from preceptor.systems.tokens import fewest_tokens
from preceptor.testing import FakeEndpoint

PROSE = "The patient has had a dull headache since Monday, and takes 400 mg of ibuprofen. "
LONG = "otorhinolaryngological electroencephalography pneumonoultramicroscopicsilicovolcano "


def said(text: str, usage: Usage, calls: int = 1) -> list[str]:
    sentences: list[str] = []
    watch = PromptWatch(sentences.append)
    for _ in range(2):
        watch.asked("openai/m", lambda: (Message("user", text),), usage, calls)
    return sentences


@pytest.mark.parametrize(
    ("text", "tokens", "calls"),
    [
        (PROSE * 1250, 2050, 1),
        (PROSE * 1250, 8200, 4),
        ("头痛三天，伴有恶心和畏光，血压正常。" * 2000, 4096, 1),
        (PROSE * 220, 2048, 1),
        ("8 1 6 3 5 9 2 7 4 0 " * 2000, 2048, 1),
    ],
)
def test_cut_prompt_is_said_once(text: str, tokens: int, calls: int) -> None:
    """The warning names characters and tokens, whatever the script."""
    [sentence] = said(text, Usage(tokens), calls)
    assert f"{len(text):,} characters" in sentence
    assert f"counted {tokens // calls:,} tokens" in sentence


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (PROSE * 1250, Usage(len(PROSE) * 1250 // 6)),
        (LONG * 1000, Usage(len(LONG) * 1000 // 5)),
        (PROSE * 1250, Usage()),
        (PROSE * 1250, Usage(150, cached_tokens=19_000)),
        (PROSE * 10, Usage(12)),
        (" " * 100_000, Usage(800)),
        ("=" * 100_000, Usage(1600)),
        (("-" * 70 + "\n") * 1500, Usage(3000)),
        ("头痛三天伴有恶心和畏光" * 2000, Usage(11 * 2000 // 3)),
        ("3,14159 265358979 " * 1000, Usage(6000)),
        ("", Usage(5)),
    ],
)
def test_dense_tokens_are_no_cut(text: str, usage: Usage) -> None:
    """Rules, white space, long words, cached tokens and missing counts give no warning."""
    assert said(text, usage) == []


def test_no_text_has_fewer_tokens_than_a_tokeniser_makes() -> None:
    """Any mix of words, digits, runs and scripts: never more than one token for two characters."""
    random_ = random.Random(3)
    parts = [
        PROSE,
        LONG,
        "…" * 9,
        "  \n" * 20,
        "12345",
        "血压正常",
        "артериальное давление ",
        "=" * 40,
    ]
    for _ in range(200):
        text = "".join(random_.choices(parts, k=30))
        assert 0 <= fewest_tokens(text) <= math.ceil(len(text) / 4)


@pytest.mark.usefixtures("bare")
def test_run_says_that_prompts_were_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """System and grader: a warning in the run and a note beside the score, also when reused."""
    from preceptor.cli.app import main
    from preceptor.systems import openai_replies

    monkeypatch.setattr(openai_replies, "usage_of", lambda *_: Usage(50, 5))
    file = tmp_path / "tasks.jsonl"
    task = {
        "prompt_id": "long",
        "prompt": [{"role": "user", "content": PROSE * 100}],
        "rubrics": [{"criterion": "Says it.", "points": 5, "tags": []}],
        "example_tags": [],
    }
    file.write_text(json.dumps(task) + "\n")
    store = f"--store={tmp_path / 'w.db'}"
    with FakeEndpoint() as fake:
        for name in ("one", "two"):
            system, grader = fake.address("m"), fake.address("g")
            words = ["run", "healthbench", f"--data={file}", f"--system={system}", store]
            words += [f"--grader={grader}", "--grader-template=preceptor", f"--name={name}"]
            assert main(words) == 0
            err = capsys.readouterr().err
            for address in (system, grader):
                assert f"warning: {address} probably saw only a part of its prompts" in err
            notes = preceptor.load(name, store=tmp_path / "w.db").score()["notes"]
            assert sum("probably saw only a part" in note for note in notes) == 2
