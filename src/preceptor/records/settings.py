"""What a run was made with, as its store keeps it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from preceptor.billing import Price
from preceptor.errors import StoreError, shorten

__all__ = [
    "AddedMetric",
    "DicomView",
    "ImageControl",
    "Marks",
    "RunSettings",
    "Strata",
    "Stratum",
    "SweepCell",
    "TemplateName",
    "ToolScore",
    "Variant",
    "reading_settings",
]


class TemplateName(msgspec.Struct, frozen=True):
    """A grading prompt: its name, and the SHA-256 of its text, which is the store's key of it."""

    name: str
    sha256: str


#: What is shown in place of the images of a question.
ImageControl: TypeAlias = Literal["without", "another", "blank", "reversed"]


class DicomView(msgspec.Struct, frozen=True, omit_defaults=True):
    """How DICOM files are shown, where a user states it.

    Attributes
    ----------
    window
        Centre and width; None for the file's first, or else the 1st to 99th percentile.
    frame
        From 1; None for all, or eight evenly spaced of more.
    """

    window: tuple[float, float] | None = None
    frame: int | None = None


class Variant(msgspec.Struct, frozen=True):
    """How questions are asked otherwise than the benchmark has them.

    Attributes
    ----------
    circular
        Each question with its options in every circular order.
    shots
        Number of other questions, with their answers, before each question.
    images
        ``without`` them, with those of ``another`` question, ``blank``, or ``reversed``: the last
        of several first; None as they are.
    """

    circular: bool = False
    shots: int = 0
    images: ImageControl | None = None


class Passages(msgspec.Struct, frozen=True):
    """Passages that stand before each question.

    Attributes
    ----------
    retriever
        Address of what found them.
    corpus
        Their file or folder; ``sha256`` is that of its texts.
    count
        How many, at the most.
    """

    retriever: str
    corpus: str
    sha256: str
    count: int


class SweepCell(msgspec.Struct, frozen=True):
    """The place of a run in a sweep.

    Attributes
    ----------
    name
        Of the sweep.
    cell
        Key → value, of all keys that vary; ``setting`` has those that do not change the length of
        answers.
    """

    name: str = ""
    cell: dict[str, str] = {}
    setting: dict[str, str] = {}


class Stratum(msgspec.Struct, frozen=True):
    """Examples that there are, and how many of them are in the sample."""

    population: int
    sampled: int


class Strata(msgspec.Struct, frozen=True):
    """How an enriched sample was drawn.

    Attributes
    ----------
    by
        The tag, or the run's name, that makes an example a rich one.
    factor
        How many times as likely it was to be drawn, as asked for.
    strata
        ``rich`` and ``other``.
    rich
        The sample's examples of the rich stratum, by id.
    kind
        What ``by`` is: ``tag`` or ``run``.
    """

    by: str
    factor: float
    strata: dict[str, Stratum]
    rich: list[str]
    kind: str = "tag"


class Marks(msgspec.Struct, frozen=True):
    """What a person marked in a run of their own.

    Attributes
    ----------
    run, grader
        First name and grader of the run whose answers they are.
    drawn
        Whether some were drawn by what that grader met and what not: they then say nothing of
        another grader.
    """

    run: str
    grader: str
    drawn: bool = False


class ToolScore(msgspec.Struct, frozen=True):
    """A score that a tool computed of an imported run; ``n`` is the number of answers."""

    name: str
    value: float
    n: int | None = None


class AddedMetric(msgspec.Struct, frozen=True):
    """A metric of another package, without its code.

    Attributes
    ----------
    unit
        ``share`` for 0 to 1, which is printed times 100; else what it is counted in.
    """

    title: str
    unit: str = "share"
    higher_is_better: bool = True


class RunSettings(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The settings of a run. The store adds what is learnt while the run goes on.

    A field is None, UNSET or empty where the run does not state it: an older version did not write
    it, or another kind of run has it. Such a field is not in the JSON.

    Attributes
    ----------
    preceptor
        The version that made the run.
    imported_from
        Of an imported run: the file's name. ``import_digest``: hash of what was imported.
    inspect_task, inspect_status
        Of an imported log of Inspect AI, as it says.
    condition
        Of an imported run, as its file states it.
    tool, tool_scores
        Of an imported run: the tool that made it, and its own scores.
    columns
        Of imported predictions: the values of the columns that tell its runs apart.
    left_out
        Rows of that file whose question is not in the data.
    source
        Of an audit: where its labels are from.
    data_sha256
        Of the data file.
    limit
        Number of examples asked for; None for all.
    system_parameters
        :class:`preceptor.systems.base.Parameters` as JSON: only what was given.
    grader_parameters
        Those of the grader's models, and its method's: ``preceptor.graders.Settings.encode``.
    patient, patient_parameters
        Who plays the patient: its address, and its parameters as the system's.
    template
        None where nothing is judged; UNSET where nothing can be resumed.
    max_cost
        Dollars; ``max_total_tokens`` in tokens. Both over system and grader, None for no cap.
    min_coverage
        Share of criteria that must be graded for the run to count as complete, 0 to 1.
    manifest
        :class:`preceptor.benchmarks.manifest.Manifest` as JSON, of a benchmark whose code or
        folder may not be there later.
    metrics
        Name → metric of another package.
    departures
        Where the run departs from the benchmark's reference protocol, one sentence each.
    batch
        Addresses that are asked through batch APIs.
    answers
        SHA-256 of the blob with the system's answers, where they came with the benchmark.
    materials
        SHA-256 of the blob with what the environment needs beside the examples.
    options_count_from
        0 or 1, of recorded answers that are numbers of options.
    variant
        How questions are asked otherwise.
    passages
        What was found for each question and stands before it.
    dicom
        The window and frame of DICOM files that were asked for.
    prices
        Address → price; free ones are left out.
    servers
        Address → server, where that is not the provider's own.
    files
        The user's modules, programs and files that answers or verdicts come from → SHA-256.
    stratify
        How an enriched sample was drawn.
    notes
        Warnings that belong beside the score, one sentence each.
    sweep
        The sweep that the run is a cell of.
    marks
        Of a person's marks: whose answers they are on. The run's grader is the person.
    recorded_scores
        SHA-256 of the blob with scores that the run alone cannot give again.
    scope
        Of a renamed run, or one with a name that another had: what answers of user code are kept
        under in place of the name.
    other
        What is stated beside all these, such as by a newer version: kept as it is.
    """

    preceptor: str | None = None
    imported_from: str | None = None
    import_digest: str | None = None
    inspect_task: str | None = None
    inspect_status: str | None = None
    condition: str | None = None
    tool: str | None = None
    tool_scores: list[ToolScore] | None = None
    columns: dict[str, Any] | None = None
    left_out: int | None = None
    source: str | None = None
    data_sha256: str | None = None
    limit: int | UnsetType | None = UNSET
    system_parameters: dict[str, Any] | None = None
    grader_parameters: dict[str, Any] | None = None
    patient: str | None = None
    patient_parameters: dict[str, Any] | None = None
    template: TemplateName | UnsetType | None = UNSET
    max_cost: float | UnsetType | None = UNSET
    max_total_tokens: int | UnsetType | None = UNSET
    min_coverage: float | None = None
    manifest: dict[str, Any] | None = None
    metrics: dict[str, AddedMetric] | None = None
    departures: list[str] | None = None
    batch: list[str] | None = None
    answers: str | None = None
    materials: str | None = None
    options_count_from: int | None = None
    variant: Variant | None = None
    passages: Passages | None = None
    dicom: DicomView | None = None
    prices: dict[str, Price] | None = None
    servers: dict[str, str] | None = None
    files: dict[str, str] | None = None
    stratify: Strata | None = None
    notes: list[str] = []
    sweep: SweepCell | None = None
    marks: Marks | None = None
    recorded_scores: str | None = None
    scope: str | None = None
    other: dict[str, Any] = {}

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> RunSettings:
        """From values of JSON. Raises msgspec.ValidationError."""
        known = set(cls.__struct_fields__) - {"other"}
        values = {key: value for key, value in stated.items() if key in known}
        other = {key: value for key, value in stated.items() if key not in known}
        return msgspec.convert(values | {"other": other}, cls)

    def plain(self) -> dict[str, Any]:
        """As values of JSON: the form in a store and in ``show --json``."""
        known: dict[str, Any] = msgspec.to_builtins(self)
        other: dict[str, Any] = known.pop("other", {})
        return known | other


@contextlib.contextmanager
def reading_settings(run: str) -> Iterator[None]:
    """Around what reads a run's settings: one that has not its documented form is a StoreError."""
    try:
        yield
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"{run}: its settings hold a value that Preceptor does not write there "
            f"({shorten(str(error), 120)}): the store is damaged, or another program changed it: "
            f"go back to a copy"
        ) from error
