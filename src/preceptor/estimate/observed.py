"""What earlier calls took: measured in the store where it can be, else assumed, and said which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.estimate.counter import PastCall, characters
from preceptor.records import RunInfo
from preceptor.store import Store
from preceptor.store.sample import Sampled, sample_answers
from preceptor.systems.tokens import CHARS_PER_TOKEN, FEWEST_CHARS, MOST_CHARS

__all__ = [
    "ANSWER_CHARACTERS",
    "VERDICT_TOKENS",
    "CallProfile",
    "Range",
    "answers_like",
    "assumed_profile",
    "exactly",
    "latency",
    "profile_of_grader",
    "profile_of_system",
]

#: Answers or calls that are looked at, at the most; and below which nothing is concluded.
MOST_LOOKED_AT, FEWEST = 200, 10
#: How much the characters a token of other prompts differ from those measured, as a share.
_OTHER_PROMPTS = 0.05
#: Of an answer, and of one verdict with its explanation; of reasoning nothing is known.
ANSWER_CHARACTERS = (1000.0, 2000.0, 4000.0)
VERDICT_TOKENS = (30.0, 85.0, 170.0)
ANSWER_REASONING = (0.0, 1000.0, 4000.0)
VERDICT_REASONING = (0.0, 300.0, 1000.0)
#: Seconds until the first token, and tokens a second after it; a call may take half or thrice that.
_FIRST_TOKEN_S, _TOKENS_A_SECOND = 1.0, 60.0
_SLOWER, _FASTER = 3.0, 0.5
#: Parameters that may differ without changing what an answer is like.
_PRACTICAL = ("api_key_env", "stream", "timeout", "concurrency", "retries", "price")


class Range(msgspec.Struct, frozen=True):
    """What is expected, and between what it should lie."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Range) -> Range:
        return Range(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def capped(self, most: float) -> Range:
        return Range(min(self.low, most), min(self.expected, most), min(self.high, most))


def exactly(value: float) -> Range:
    return Range(value, value, value)


class CallProfile(msgspec.Struct, frozen=True):
    """What calls of one model take.

    Attributes
    ----------
    tokens_a_character
        Of its prompts.
    output_tokens
        Of one answer, or of one verdict.
    length
        Characters of an answer; 0 for a grader.
    latency_s
        Of a call; None where it must be guessed from the tokens.
    cached
        Share of the prompts' tokens that came from the provider's cache; None where not measured.
    attempts
        Calls for each question.
    basis
        Where all that is from, one sentence each.
    """

    tokens_a_character: Range
    output_tokens: Range
    length: Range
    latency_s: Range | None
    cached: float | None
    attempts: float
    basis: tuple[str, ...]


def assumed_profile(*, verdict: bool, reasons: bool, max_tokens: int | None) -> CallProfile:
    """Of a model of which the store knows nothing."""
    per_character = Range(1 / MOST_CHARS, 1 / CHARS_PER_TOKEN, 1 / FEWEST_CHARS)
    length = exactly(0) if verdict else Range(*ANSWER_CHARACTERS)
    thought = Range(*(VERDICT_REASONING if verdict else ANSWER_REASONING))
    if max_tokens is not None:
        usual = min(length.expected, max_tokens * CHARS_PER_TOKEN)
        length = msgspec.structs.replace(length.capped(max_tokens * MOST_CHARS), expected=usual)
    output = Range(*VERDICT_TOKENS) if verdict else length * per_character
    said = (
        "verdicts: assumed to have {1:,.0f} tokens ({0:,.0f} to {2:,.0f})".format(*VERDICT_TOKENS)
        if verdict
        else f"answers: assumed to have {length.expected:,.0f} characters "
        f"({length.low:,.0f} to {length.high:,.0f})"
    )
    if reasons:
        output = output + thought
        said += f", and {thought.expected:,.0f} tokens of reasoning (0 to {thought.high:,.0f})"
    if max_tokens is not None and max_tokens < output.high:
        output = output.capped(max_tokens)
        said += f", and at most {max_tokens:,}"
    ratio = f"tokens: assumed {CHARS_PER_TOKEN} characters a token ({FEWEST_CHARS} to {MOST_CHARS})"
    return CallProfile(per_character, output, length, None, None, 1.0, (said, ratio))


def answers_like(
    store: Store, address: str, parameters: Any, benchmark: str
) -> tuple[list[Sampled], str] | None:
    """Answers of a system in the store, and which they are in words; None where there are too few.

    Parameters
    ----------
    parameters
        Of the system, as a run's settings have them: runs with the same ones are looked at first.
    """
    runs = [run for run in reversed(store.runs()) if run.system == address]
    alike = [run for run in runs if _telling(run) == _known(parameters)]
    for words, some in (("with these parameters", alike), ("with other parameters", runs)):
        here = [run for run in some if run.benchmark == benchmark]
        for where, chosen in ((f"to {benchmark}", here), ("to other benchmarks", some)):
            found = sample_answers(store, chosen, MOST_LOOKED_AT)
            if len(found) >= FEWEST:
                return found, f"{where} {words}"
    return None


def _telling(run: RunInfo) -> dict[str, Any]:
    return _known(run.settings.get("system_parameters", {}))


def _known(parameters: Any) -> dict[str, Any]:
    given = msgspec.to_builtins(parameters)
    return {name: value for name, value in given.items() if name not in _PRACTICAL}


def _has_media(each: Sampled) -> bool:
    """Whether tokens of images are among those of its prompt: they say nothing of characters."""
    messages = each.response.sent or each.example.messages
    return any(not isinstance(message.content, str) for message in messages)


def profile_of_system(
    found: Sequence[Sampled], which: str, assumed: CallProfile, asked: int
) -> CallProfile:
    """What these answers were like.

    Parameters
    ----------
    which
        They are, in words.
    asked
        How many answers are to be made: a mean of few is less certain than one of many.
    """
    length = spread([len(each.response.text) for each in found], asked)
    basis = [
        f"answers: {length.expected:,.0f} characters, mean of {len(found)} in the store {which}"
    ]
    counted = [each for each in found if each.response.usage.output_tokens]
    output, per_character, seconds = assumed.output_tokens, assumed.tokens_a_character, None
    if len(counted) >= FEWEST:
        output = spread([each.response.usage.output_tokens for each in counted], asked)
        seconds = spread([each.response.latency_s for each in counted], asked)
        pairs = [
            (characters(each.response.sent or each.example.messages), each.response.usage)
            for each in counted
            if not _has_media(each)
        ]
        per_character, said = _ratio([(n, usage.input_tokens) for n, usage in pairs], assumed)
        basis.append(said)
    else:
        output = length * per_character
        basis.append(assumed.basis[-1])
    return CallProfile(per_character, output, length, seconds, None, 1.0, tuple(basis))


def profile_of_grader(made: Sequence[PastCall], assumed: CallProfile, asked: int) -> CallProfile:
    """What its calls in the store were like; what is assumed where there are too few."""
    counted = [call for call in made if call.usage.output_tokens]
    if len(counted) < FEWEST:
        return assumed
    once = [(call.characters, call.usage.input_tokens) for call in counted if call.attempts == 1]
    per_character, said = _ratio(once, assumed)
    verdicts = sum(call.verdicts for call in counted)
    output = spread([call.usage.output_tokens / call.verdicts for call in counted], asked)
    attempts = sum(call.attempts for call in counted) / len(counted)
    # Tokens and seconds of a verdict are those of all attempts at it; so one attempt is counted.
    given = sum(call.usage.input_tokens for call in counted)
    cached = sum(call.usage.cached_tokens for call in counted)
    basis = f"verdicts: {output.expected:,.1f} tokens, mean of {verdicts:,} in the store"
    return CallProfile(
        per_character,
        output,
        exactly(0),
        spread([call.latency_s for call in counted], asked),
        cached / given if given else None,
        attempts,
        (basis, said),
    )


def _ratio(pairs: Sequence[tuple[int, int]], assumed: CallProfile) -> tuple[Range, str]:
    """(tokens a character, in words) of prompts: (characters, tokens) each."""
    given = sum(tokens for _, tokens in pairs)
    length = sum(number for number, _ in pairs)
    if len(pairs) < FEWEST or not given or not length:
        return assumed.tokens_a_character, assumed.basis[-1]
    share = given / length
    around = Range(share * (1 - _OTHER_PROMPTS), share, share * (1 + _OTHER_PROMPTS))
    return around, f"tokens: {1 / share:.2f} characters a token, measured on {len(pairs)} prompts"


def spread(values: Sequence[float], asked: int) -> Range:
    """The mean of ``asked`` further values like these: ± 2 standard errors of the prediction."""
    n = len(values)
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / max(n - 1, 1)
    error = 2 * math.sqrt(variance * (1 / n + 1 / max(asked, 1)))
    return Range(max(0.0, mean - error), mean, mean + error)


def latency(profile: CallProfile, verdicts_a_call: float) -> Range:
    """Seconds of a call: measured, or guessed from the tokens that it makes."""
    if profile.latency_s is not None:
        return profile.latency_s
    tokens = profile.output_tokens.expected * verdicts_a_call
    usual = _FIRST_TOKEN_S + tokens / _TOKENS_A_SECOND
    return Range(usual * _FASTER, usual, usual * _SLOWER)
