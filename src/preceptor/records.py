"""The nouns: what flows from a benchmark to a score. Frozen, typed, without behaviour of I/O."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec
from msgspec.structs import force_setattr

from preceptor.billing import Bill, Usage
from preceptor.reasoning import split_reasoning

__all__ = [
    "NO_GRADER",
    "Completion",
    "Criterion",
    "Example",
    "Graded",
    "Message",
    "Metric",
    "PhysicianAnswer",
    "Response",
    "Result",
    "Role",
    "RunInfo",
    "Score",
    "Usage",
    "Verdict",
    "as_answer",
    "content_key",
]

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation."""

    role: Role
    content: str


class Criterion(msgspec.Struct, frozen=True, gc=False):
    """One rubric item.

    Attributes
    ----------
    text
        What is looked for.
    points
        Signed weight, an integer from −10 to 10 and never 0. A criterion with negative points
        describes an undesirable behaviour: *met* means that the behaviour is present.
    tags
        With namespace: ``axis:accuracy``, ``level:cluster``, ``cluster:…``.
    """

    text: str
    points: int
    tags: tuple[str, ...] = ()


class PhysicianAnswer(msgspec.Struct, frozen=True, gc=False):
    """An answer that a physician wrote, and the model answers that they saw while writing it."""

    text: str
    group: str | None = None
    references: tuple[str, ...] = ()


class Example(msgspec.Struct, frozen=True, gc=False):
    """One task: the conversation to answer, and what the graders look for.

    Attributes
    ----------
    id
        The benchmark's own identifier, unique within it.
    messages
        The conversation, ending with the turn to answer.
    criteria
        The rubric, in the benchmark's order.
    tags
        With namespace: ``theme:hedging``, ``use_case:consult``.
    physician
        The physician's own answer, where there is one.
    target
        What is right, as JSON that the family's protocol reads; not there where a rubric says all.
    of
        Id of the question that this is a variant of, such as one with its options in another order:
        variants are one question in all statistics.
    """

    id: str
    messages: tuple[Message, ...]
    criteria: tuple[Criterion, ...]
    tags: tuple[str, ...] = ()
    physician: PhysicianAnswer | None = None
    # Left out where unset, so that the keys of examples without them are as they always were.
    target: Any = msgspec.UNSET
    of: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def key(self) -> str:
        """Hash of the content: the same example in two files has the same key."""
        return content_key(self)

    @property
    def prompt_key(self) -> str:
        """Hash of the conversation: examples with one prompt are not independent."""
        digest = hashlib.blake2b(digest_size=16)
        for message in self.messages:
            # Not as JSON: a text made in Python may hold what JSON cannot, a lone surrogate.
            for part in (message.role, message.content):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\x00")
        return digest.hexdigest()


class Completion(msgspec.Struct, frozen=True, gc=False):
    """What one call to a system returned.

    Attributes
    ----------
    text
        What was said. Reasoning is taken out of the text that a record is made with: see
        :mod:`preceptor.reasoning`.
    finish_reason
        The endpoint's word: ``stop``, ``length``, ``content_filter``, ``refusal``, …
    sent
        The messages actually sent, when they are not simply the conversation that was given
        (a system prompt was put before it): a grader is shown these.
    first_token
        Log-probabilities of the candidates for the first token of what was said, where they were
        asked for.
    reasoning_length
        Characters of the reasoning that came with the answer, beside its text or in it; None where
        none came. Only what came in the text is kept.
    raw
        The whole text where reasoning stood in it; None where ``text`` is all there was.
    """

    text: str
    finish_reason: str = "stop"
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    sent: tuple[Message, ...] | None = None
    first_token: dict[str, float] | None = None
    reasoning_length: int | None = None
    raw: str | None = None

    def __post_init__(self) -> None:
        _take_reasoning_out(self)

    @property
    def whole(self) -> str:
        """The text as it came, with its reasoning."""
        return self.text if self.raw is None else self.raw

    @property
    def only_thought(self) -> str | None:
        """A sentence on reasoning without an answer; None where something was said."""
        return _only_thought(self)


class Response(msgspec.Struct, frozen=True, gc=False):
    """What one system said to one example in one repeat; or why it said nothing.

    ``failure`` is None for an answer, else the kind of the failure (``timeout``, ``rate_limit``,
    …) with ``detail`` in words. An empty ``text`` without failure is a real, empty answer.
    ``text``, ``reasoning_length`` and ``raw`` are as in a :class:`Completion`.
    """

    key: str
    text: str = ""
    finish_reason: str = "stop"
    sent: tuple[Message, ...] | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    failure: str | None = None
    detail: str = ""
    reasoning_length: int | None = None
    raw: str | None = None

    def __post_init__(self) -> None:
        _take_reasoning_out(self)

    @property
    def whole(self) -> str:
        """The text as it came, with its reasoning."""
        return self.text if self.raw is None else self.raw

    @property
    def reasoning(self) -> str:
        """What was taken out of the text; empty where nothing was."""
        return "" if self.raw is None else split_reasoning(self.raw).reasoning


def as_answer(response: Response) -> Response:
    """The response; the failure ``reasoning_only`` where only reasoning came."""
    if response.failure is not None or (detail := _only_thought(response)) is None:
        return response
    return msgspec.structs.replace(response, failure="reasoning_only", detail=detail)


def _take_reasoning_out(record: Completion | Response) -> None:
    if record.raw is not None:
        return  # already taken out
    said = split_reasoning(record.text)
    if said.text == record.text:
        return
    force_setattr(record, "raw", record.text)
    force_setattr(record, "text", said.text)
    if said.reasoning:
        # Some servers give the same reasoning beside the text too: it counts once.
        length = max(record.reasoning_length or 0, len(said.reasoning))
        force_setattr(record, "reasoning_length", length)


def _only_thought(record: Completion | Response) -> str | None:
    if record.text.strip() or record.finish_reason in ("content_filter", "refusal"):
        return None
    if record.raw is None and not record.reasoning_length and not record.usage.reasoning_tokens:
        return None
    length = record.reasoning_length
    thought = f"reasoning ({length:,} characters)" if length else "reasoning"
    if record.finish_reason == "length":
        return f"cut off at the token limit within its {thought}: raise max_tokens"
    return f"{thought} and nothing after it"


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """One grader's judgement of one criterion against one response.

    ``met`` is True, False, or None for *ungraded*; then ``reason`` says why in one word
    (``unparseable``, ``no_response``, ``timeout``, …) and ``detail`` in more. A grader's failure
    is never "not met". ``probability`` is the grader's own probability of *met*, where it
    gives one. ``label`` is what a grader says whose verdicts are labels or ordinals (``entailed``,
    ``2``); ``met`` is then None.
    """

    key: str
    met: bool | None
    explanation: str = ""
    reason: str | None = None
    detail: str = ""
    probability: float | None = None
    usage: Usage = Usage()
    latency_s: float = 0.0
    cost_usd: float | None = None
    attempts: int = 1
    label: str | None = None

    @property
    def given(self) -> bool:
        """Whether it says anything: if not, it is ungraded."""
        return self.met is not None or self.label is not None


class Graded(msgspec.Struct, frozen=True, gc=False):
    """One response of a run with its verdicts, aligned with ``example.criteria``.

    ``response`` is None where the system has not been asked yet; a verdict is None where the
    grader has not been asked yet.
    """

    example: Example
    repeat: int
    response: Response | None
    verdicts: tuple[Verdict | None, ...]


class Score(msgspec.Struct, frozen=True, gc=False):
    """Numbers for one response.

    Attributes
    ----------
    values
        Metric name → score, for those that are defined: ``overall_score``, ``axis:accuracy``, …
        May be negative, is never clipped.
    low, high
        The same names, plus those whose value the missing verdicts leave undecided: the lowest and
        the highest score that the missing verdicts allow. Equal to the value where none is missing.
    counts
        The same names → (verdicts given, verdicts asked for).
    length
        Characters of the answer, None where there is no answer.
    prediction
        What was read out of the answer, as JSON, where the protocol reads one; None where nothing
        could be read.
    """

    example_id: str
    repeat: int
    values: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    counts: dict[str, tuple[int, int]]
    length: int | None
    prediction: Any = None


class Metric(msgspec.Struct, frozen=True):
    """One number of a run, never without n, interval and coverage.

    Attributes
    ----------
    value
        ``raw_mean`` clipped to [0, 1], as the reference implementation prints it; None where no
        example defines it.
    raw_mean
        Mean over examples, before clipping.
    n
        Examples whose score is complete (every verdict of theirs is there).
    ci95
        95 % interval of ``value``; ``raw_ci95`` of ``raw_mean``, which is the one that is printed.
        None where none can be given: of one unit, or where all units are equal.
    bootstrap_std
        Standard deviation of the clipped mean over 1,000 seeded resamples of the examples.
    coverage
        Share of the verdicts under this metric that were given, 0 to 1.
    bounds
        Lowest and highest value of the clipped mean over all examples that the missing verdicts
        allow (all met or not met, by sign); None where nothing is missing.
    bootstrap_ci95
        95 % interval of ``raw_mean`` by the BCa bootstrap over units; None where it cannot be
        given.
    wilson_ci95
        Wilson's 95 % interval, for a metric that is a share by its protocol: every answer scores 0
        or 1. None for others.
    unit
        ``share`` for what goes from 0 to 1 and is printed times 100; else what it is counted in.
        Only a share is clipped.
    higher_is_better
        Whether more is better.
    units
        Number of units among the ``n`` examples: intervals count units. ``units_are`` is their name
        in the plural: ``videos``.
    tag
        The example tag whose slice it is; None for others.
    """

    value: float | None
    raw_mean: float | None
    n: int
    ci95: tuple[float, float] | None
    raw_ci95: tuple[float, float] | None
    bootstrap_std: float | None
    coverage: float
    bounds: tuple[float, float] | None = None
    bootstrap_ci95: tuple[float, float] | None = None
    wilson_ci95: tuple[float, float] | None = None
    unit: str = "share"
    higher_is_better: bool = True
    units: int = 0
    units_are: str = "units"
    tag: str | None = None


#: In the place of a grader's address where nothing is judged.
NO_GRADER = "none"


class RunInfo(msgspec.Struct, frozen=True):
    """One system on one benchmark under one set of settings: the unit one names and resumes.

    ``grader`` is ``none`` where nothing is judged.
    """

    name: str
    benchmark: str
    system: str
    grader: str
    status: str
    created_at: str
    settings: dict[str, Any]
    n_examples: int
    repeats: int = 1
    id: int = 0


class Result(msgspec.Struct, frozen=True):
    """A run with everything that is known of it: what tables, reports and exports are made from.

    Attributes
    ----------
    title
        The benchmark's display name.
    labels
        Display names of metrics and tags; a name without an entry is shown as it is.
    departures
        Where the run departs from the benchmark's reference protocol, one sentence each.
    notes
        Warnings that belong beside the score, one sentence each.
    coverage
        Share of all criteria × responses that have a verdict, 0 to 1; where nothing is judged, of
        the responses that are there.
    verdicts
        How many verdicts were asked for; ``ungraded`` counts those missing, by reason.
    cost_usd
        What this run paid, None where a price is unknown.
    system_usage, grader_usage
        Tokens behind its answers and verdicts, those reused from earlier runs included.
    bills
        What the system took, each grader or member of one, and each example.
    """

    info: RunInfo
    title: str
    labels: dict[str, str]
    graded: list[Graded]
    scores: list[Score]
    metrics: dict[str, Metric]
    departures: list[str]
    notes: list[str]
    coverage: float
    verdicts: int
    ungraded: dict[str, int]
    cost_usd: float | None
    system_usage: Usage
    grader_usage: Usage
    bills: tuple[Bill, ...] = ()


_canonical = msgspec.json.Encoder(order="deterministic")


def content_key(*parts: object) -> str:
    """128-bit BLAKE2b of the parts' canonical JSON, in hex: the address of a call or an example."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(_canonical.encode(part))
        digest.update(b"\x00")
    return digest.hexdigest()
