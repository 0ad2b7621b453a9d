"""Writing a release: a folder that is a benchmark, whole or not at all, and an event."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from preceptor.benchmarks.folder import counted, read_benchmark
from preceptor.benchmarks.own_tasks.task_sheets import slug, taken
from preceptor.errors import InputError, StoreError
from preceptor.files import check_free, file_sha256
from preceptor.reports.croissant import croissant
from preceptor.studio.database import Studio
from preceptor.studio.exchange import gathered
from preceptor.studio.exchange.about import NO_LICENCE, About, card, gather, manifest, responsible
from preceptor.studio.exchange.acts import Released
from preceptor.studio.exchange.aliases import Aliases, public_events
from preceptor.studio.exchange.gathered import Baseline, Task
from preceptor.studio.exchange.rows import baseline_row, healthbench_row, professional_row
from preceptor.studio.exchange.tables import releases
from preceptor.studio.ids import new_id
from preceptor.studio.items.tables import items
from preceptor.studio.ledger.chain import append, head
from preceptor.studio.oversight import sampler
from preceptor.studio.people.project import Project, project

__all__ = ["Release", "release"]

_SUMS = "SHA256SUMS"
#: Fields of a label that name people, or have what they wrote.
_OF_PEOPLE = {"run", "grader", "explanations", "anonymized_physician_ids"}


class Release(msgspec.Struct, frozen=True):
    """What was written."""

    folder: str
    benchmark: str
    version: str
    tasks: int
    criteria: int
    baselines: int
    canary: str
    files: dict[str, str]


def release(
    studio: Studio,
    folder: Path,
    *,
    name: str | None = None,
    licence: str = NO_LICENCE,
    filters: Mapping[str, Sequence[str]] = {},
    sample: int | None = None,
    seed: int = 0,
) -> Release:
    """Write the accepted tasks to a new folder.

    Parameters
    ----------
    name
        Of the benchmark; by default made from that of the project.
    filters
        Field of :data:`~preceptor.studio.exchange.gathered.FILTERS` → values that are wanted.
    sample
        Number of tasks to draw, difficult ones 3.5 times as likely; None for all.
    seed
        Of the sample, and of the order of the tasks: the first of them are a random sample.

    Raises
    ------
    InputError
        The folder is there, no accepted task fits, or the name is no benchmark's.
    StoreError
        The folder cannot be written.
    """
    check_free(folder)
    wanted = {field: tuple(values) for field, values in filters.items() if values}
    draft = None
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        draft.chmod(0o755)
        with studio.read() as connection:
            tasks = _chosen(connection, wanted, seed)
            if sample is None:
                weights = gathered.weights(connection, {each.id for each in tasks})
            else:
                among = {each.id for each in tasks}
                weights = sampler.release_sample(connection, among, sample, seed)
                tasks = [each for each in tasks if each.id in weights]
            found = gathered.baselines(connection, {each.id for each in tasks})
            about = _about(connection, tasks, found, weights=weights, name=name, licence=licence)
            _write(draft, connection, about)
        files = {each.name: file_sha256(each) for each in sorted(draft.iterdir())}
        files |= {_SUMS: _write_sums(draft, files)}
        act = Released(
            name=about.name,
            version=about.version,
            canary=about.canary,
            filters=wanted,
            seed=seed,
            items={each.id: each.version.number for each in tasks},
            weights=dict(about.weights),
            files=files,
            head=about.head,
        )
        studio.write_now(lambda connection: append(connection, act, by=None, subject=new_id()))
        check_free(folder)
        draft.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return Release(
        str(folder),
        about.name,
        about.version,
        len(tasks),
        about.criteria,
        len(found),
        about.canary,
        files,
    )


def _chosen(
    connection: sa.Connection, filters: Mapping[str, Sequence[str]], seed: int
) -> list[Task]:
    found = gathered.tasks(connection, filters)
    if not found:
        states = Counter(connection.scalars(sa.select(items.c.state)))
        there = ", ".join(f"{n:,} {state.replace('_', ' ')}" for state, n in states.items())
        which = " of these " + ", ".join(filters) if filters else ""
        raise InputError(
            f"export: expected accepted tasks{which}, found none; there are: {there or 'no tasks'}"
        )
    random.Random(seed).shuffle(found)  # noqa: S311
    return found


def _about(
    connection: sa.Connection,
    tasks: Sequence[Task],
    baselines: Sequence[Baseline],
    *,
    weights: Mapping[str, float],
    name: str | None,
    licence: str,
) -> About:
    whose = project(connection)
    before = connection.scalar(sa.select(sa.func.count()).select_from(releases)) or 0
    return gather(
        connection,
        tasks,
        baselines,
        project=whose,
        name=name or _named(whose),
        version=str(before + 1),
        licence=" ".join(licence.split()) or NO_LICENCE,
        canary=f"preceptor-canary {uuid.uuid4()}",
        weights=weights,
        head=head(connection),
    )


def _named(whose: Project) -> str:
    name = slug(whose.name)
    name = name or f"tasks-{re.sub('[^a-z0-9]', '', whose.id.lower())}"
    return f"own-{name}" if taken(name) else name


def _write(folder: Path, connection: sa.Connection, about: About) -> None:
    ids, aliases = {each.id for each in about.tasks}, Aliases(connection)
    by_item: dict[str, list[Baseline]] = defaultdict(list)
    for each in about.baselines:
        by_item[each.item].append(each)
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "tasks.jsonl": (
            professional_row(each, by_item[each.id], about.weights, about.canary)
            for each in about.tasks
        ),
        "healthbench.jsonl": (
            healthbench_row(each, by_item[each.id], about.canary) for each in about.tasks
        ),
        "baselines.jsonl": (
            baseline_row(each, aliases.of(each.person), about.canary) for each in about.baselines
        ),
        **{
            file: (baseline_row(each, aliases.of(each.person), about.canary) for each in of_group)
            for file, of_group in about.groups.items()
        },
        "labels.jsonl": _hidden(aliases, gathered.labels(connection, ids)),
        "meta_eval.jsonl": _hidden(aliases, gathered.meta_eval(connection, ids)),
        "events.jsonl": public_events(connection, ids, aliases),
    }
    for file, rows in tables.items():
        _write_rows(folder / file, iter(rows))
    (folder / "benchmark.json").write_bytes(_json(manifest(about)))
    (folder / "CARD.md").write_text(card(about), "utf-8")
    (folder / "LICENSE").write_text(_licence(about), "utf-8")
    benchmark = counted(read_benchmark(folder))
    data = {each.name: file_sha256(each) for each in sorted(folder.glob("*.jsonl"))}
    described = croissant(benchmark, files=data, responsible=responsible(about))
    (folder / "croissant.json").write_bytes(_json(described))


def _hidden(aliases: Aliases, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of labels without who gave them; the texts that were labelled stay as they are."""
    for row in rows:
        yield row | {name: aliases.hide(row[name]) for name in _OF_PEOPLE & row.keys()}


def _write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """A row a line; without rows there is no file."""
    first = next(rows, None)
    if first is None:
        return
    with path.open("wb") as stream:
        stream.write(msgspec.json.encode(first) + b"\n")
        stream.writelines(msgspec.json.encode(row) + b"\n" for row in rows)


def _write_sums(folder: Path, files: Mapping[str, str]) -> str:
    """As ``sha256sum -c`` reads it; the hash of that file."""
    text = "".join(f"{hash}  {name}\n" for name, hash in files.items())
    (folder / _SUMS).write_text(text, "utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def _licence(about: About) -> str:
    if about.licence == NO_LICENCE:
        return "No licence is stated: ask the project before you use, copy or share these tasks.\n"
    return f"{about.project.name}, version {about.version}\n\nLicence: {about.licence}\n"


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
