"""The settings of runs as rows of a table; what may not be shown is replaced by what it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from preceptor.records import Result
from preceptor.wording import count, plural

__all__ = ["OwnSettings", "SettingsTables", "flatten", "settings_tables"]

_SECRET = re.compile(
    r"(?i)(api_?key|secret|password|passwd|authorization|credential|bearer)$|^token$"
)
#: Without a space and in ASCII: a name, an address, a number, a hash. Anything else may be prose.
_NAME = re.compile(r"[A-Za-z0-9_.:/@#+=,%~-]{1,200}")
#: Prose by the name of its setting, however short it is.
_PROSE = re.compile(r"(?i)(prompt|template|instructions?|message|content|text|detail)$")
#: No fragment of 25 characters of any text may be in a share-safe report.
_SHORT = 24


#: Of a list, such as the ids of an enriched sample.
_MOST = 12

#: Shown as banners, with the costs, and as the names of things.
_ELSEWHERE = ("departures", "notes", "prices", "manifest", "recorded_scores")


class OwnSettings(msgspec.Struct, frozen=True):
    """What is different in one run."""

    name: str
    mark: int
    rows: list[tuple[str, str]]


class SettingsTables(msgspec.Struct, frozen=True):
    """What all runs have in common, and what is different in each."""

    common: list[tuple[str, str]]
    runs: list[OwnSettings]


def settings_tables(
    results: Sequence[Result], marks: Sequence[int], *, share: bool
) -> SettingsTables:
    each = [
        dict(
            flatten(
                {k: v for k, v in run.info.settings.plain().items() if k not in _ELSEWHERE},
                share=share,
            )
        )
        for run in results
    ]
    common = {
        key: value for key, value in each[0].items() if all(run.get(key) == value for run in each)
    }
    runs = [
        OwnSettings(result.info.name, mark, [row for row in rows.items() if row[0] not in common])
        for result, mark, rows in zip(results, marks, each, strict=True)
    ]
    return SettingsTables(list(common.items()), [run for run in runs if run.rows])


def flatten(value: object, path: str = "", *, share: bool) -> Iterator[tuple[str, str]]:
    """``{"system": {"seed": 1}}`` → ``("system.seed", "1")``, in the order given."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            name = str(key) if not share or _NAME.fullmatch(str(key)) else "(withheld)"
            yield from flatten(inner, f"{path}.{name}" if path else name, share=share)
    elif path and _SECRET.search(path.rsplit(".", 1)[-1]) and value:
        yield path, "(hidden)"
    elif share and isinstance(value, str) and value and _PROSE.search(path):
        yield path, _withheld(value)
    elif isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list)) for item in value):
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}[{index}]", share=share)
    elif isinstance(value, (list, tuple)):
        rest = f" and {count(len(value) - _MOST)} more" if len(value) > _MOST else ""
        yield path, (", ".join(_shown(item, share) for item in value[:_MOST]) or "none") + rest
    elif value != {}:
        yield path, _shown(value, share)


def _shown(value: Any, share: bool) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value) if isinstance(value, (int, float)) else json.dumps(value, default=str)
    if share and len(value) > _SHORT and not _NAME.fullmatch(value):
        return _withheld(value)
    return value


def _withheld(text: str) -> str:
    return f"(text of {plural(len(text), 'character')}, withheld)"
