"""Rows of a file of answers, and the roles of its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from preceptor.errors import DataError, InputError, shorten
from preceptor.files import decode_json, read_rows
from preceptor.rows import not_utf8
from preceptor.scoring.places import RIGHT, plain

__all__ = ["MODELS", "PARTS", "Columns", "answer_rows", "find_columns", "plain"]


# Names of columns, in lower case with _ between words.
_IDS = (
    *("custom_id", "id", "example_id", "question_id", "qid", "prompt_id", "item_id"),
    *("realidx", "index", "idx", "uid", "row_number", "key"),
)
#: Columns of the answer; extracted answers come before full texts.
_ANSWERS = (
    *("predicted_answer", "prediction", "predictions", "predicted", "model_answer", "llm_answer"),
    *("extracted", "response", "output", "completion", "generated_response"),
    *("model_output", "raw_answer", "prediction_head", "filtered_resps", "resps"),
)
#: Columns of the answer in a file without any of these; in one with predictions they hold the right
#: answer.
_TEXTS = (
    *("answer", "hypothesis", "candidate", "generated_text", "generated_note"),
    *("generated_summary", "automatic_summary", "note", "summary"),
)
MODELS = ("model", "system")
_SYSTEMS = (
    *MODELS,
    *("method", "setting", "condition", "harness", "strategy", "mode", "prompt_style"),
    *("temperature",),
)
#: Columns of what a run is about: each value is a run of the same system. In a file without a
#: system they are parts of one run.
_DATA = ("dataset", "set", "split", "subset", "country", "lang", "language", "task")
_RUNS = ("run", "seed")
PARTS = (*_DATA, *_RUNS)
#: Columns that say why a call failed, of the question's text, and of how an answer ended.
_SINGLE = {
    "failure": ("failure", "error", "error_message", "exception"),
    "question": ("question", "question_text", "prompt", "query"),
    "finish": ("finish_reason", "stop_reason"),
}
_NUMBERS = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cached_tokens": ("cached_tokens",),
    "reasoning_tokens": ("reasoning_tokens",),
    "seconds": ("time_s", "seconds", "latency_s", "time_elapsed", "duration_s"),
    "cost_usd": ("cost_usd", "cost"),
}


class Columns(msgspec.Struct, frozen=True):
    """Roles of the columns in a file.

    Attributes
    ----------
    id
        Column of the question's id, or the dotted path of a field in one.
    answers
        Columns of the answer: the first non-empty one counts, unless it is a single character that
        is not an option's letter. Empty if the whole row is a reply or a chat log.
    by
        Columns of which each combination of values is a run.
    about
        Other columns that may be needed to find the question (``dataset``, ``language``).
    others
        All remaining columns; if ids are paths, short values may be parts of them.
    right
        Column of the right answer; None if the file has none.
    numbers
        Name of a number (``input_tokens``, ``seconds``, ``cost_usd``, …) → its column.
    failure, question, finish
        Columns that say why a call failed, of the question's text, and of how an answer ended.
    """

    id: str
    answers: tuple[str, ...]
    by: tuple[str, ...]
    about: tuple[str, ...]
    others: tuple[str, ...]
    right: str | None
    numbers: dict[str, str]
    failure: str | None = None
    question: str | None = None
    finish: str | None = None

    def in_words(self) -> str:
        """Describe the roles in one line."""
        answer = ", else ".join(self.answers) or "the row, a reply or a chat log"
        parts = [f"id: {self.id}", f"answer: {answer}"]
        parts += [f"a run for each: {', '.join(self.by)}"] if self.by else []
        parts += [f"also: {', '.join(self.numbers.values())}"] if self.numbers else []
        return "; ".join(parts)


def find_columns(
    names: Sequence[str],
    where: Path,
    *,
    id: str | None = None,
    answer: Sequence[str] = (),
    by: Sequence[str] | None = None,
    reply: bool = False,
) -> Columns:
    """Find the columns' roles, as the user says, else by the usual names.

    ``reply`` says that a row is itself a reply or a chat log, which is the answer if no column is.
    In a line of a batch it always is, since failures are in another column.

    Raises
    ------
    InputError
        A named column is missing, or a needed one is neither named nor has a usual name.
    """
    by_name = {plain(name): name for name in reversed(names)}

    def usual(known: Sequence[str]) -> tuple[str, ...]:
        return tuple(by_name[name] for name in known if name in by_name)

    for option, said in (("--id", [id] if id else []), ("--answer", answer), ("--by", by or ())):
        for name in said:
            if name not in names and not any(name.startswith(f"{known}.") for known in names):
                has = _columns_in_words(names)
                raise InputError(f"{option} {shorten(name)}: not in {where}, which has {has}")
    batch = reply and "custom_id" in names
    answers = tuple(answer) or (() if batch else usual(_ANSWERS) or usual(_TEXTS)[:1])
    ending = [name for key, name in by_name.items() if key.endswith("_id")]
    found = id or next(iter(usual(_IDS)), ending[0] if len(ending) == 1 else None)
    for option, what, there in (("--id", "the id", found), ("--answer", "the answer", answers)):
        if not there and not (reply and option == "--answer"):
            raise InputError(
                f"{where}: expected a column with {what} of each row, found "
                f"{_columns_in_words(names)}; name it with {option} COLUMN"
            )
    taken = {found, *answers}
    taken |= {name for name in names for path in taken if path and path.startswith(f"{name}.")}
    systems = set(usual(_SYSTEMS)) - taken
    named = {*systems, *usual(PARTS if systems else _RUNS)} - taken
    numbers = {key: usual(known) for key, known in _NUMBERS.items()}
    runs = tuple(by) if by is not None else tuple(name for name in names if name in named)
    about = tuple(name for name in usual(PARTS) if name not in (*taken, *runs))
    used = {*taken, *runs, *about}
    single = {
        role: next((name for name in usual(known) if name not in used), None)
        for role, known in _SINGLE.items()
    }
    return Columns(
        id=found or "",
        answers=answers,
        by=runs,
        about=about,
        others=tuple(name for name in names if name not in used),
        right=next((name for name in usual(RIGHT) if name not in taken), None),
        numbers={key: there[0] for key, there in numbers.items() if there},
        **single,
    )


def _columns_in_words(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name, 40).strip("'") for name in names[:20])
    return f"the columns {shown}{', …' if len(names) > 20 else ''}" if names else "no column"


def answer_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read (line number, row) of each answer.

    Also reads what :func:`preceptor.files.read_rows` does not: a ``.json`` object of id → answer or
    id → row, and a ``.txt`` file with an id, a space and the answer on each line.

    Raises
    ------
    InputError, DataError
        As :func:`preceptor.files.read_rows`; or a line of a ``.txt`` file has only an id.
    """
    suffix = path.suffix.lower()
    if suffix == ".txt":
        return _text_rows(path)
    if suffix == ".json" and path.is_file():
        content = decode_json(path)
        if isinstance(content, dict) and not isinstance(content.get("rows"), list):
            return _by_id(content)
    return read_rows(path)


def _by_id(content: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, (id, said) in enumerate(content.items(), start=1):
        row = said if isinstance(said, dict) else {"prediction": said}
        yield number, {"id": id, **row}


def _text_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(str(path), None, "", not_utf8(error)) from None
    for number, line in enumerate(lines, start=1):
        id, _, said = line.strip().partition(" ")
        if id and not said:
            problem = f"expected an id, a space and the answer, found {shorten(line, 40)}"
            raise DataError(str(path), number, "", problem)
        if id:
            yield number, {"id": id, "prediction": said}
