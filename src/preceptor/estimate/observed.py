"""Profiles of calls: measured on earlier calls in the store, else assumed, with the source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.estimate.counter import VERDICT_TOKENS, PastCall, characters
from preceptor.records import RunInfo
from preceptor.store import Store
from preceptor.store.sample import Sampled, sample_answers
from preceptor.systems.base import PRACTICAL
from preceptor.systems.tokens import CHARS_PER_TOKEN, FEWEST_CHARS, MOST_CHARS

__all__ = [
    "ANSWER_CHARACTERS",
    "CallProfile",
    "Range",
    "answers_like",
    "assumed_profile",
    "exactly",
    "latency",
    "profile_of_grader",
    "profile_of_system",
]

#: Limits of the sample of answers or calls; a smaller one is not used.
MAX_SAMPLE, MIN_SAMPLE = 200, 10
#: Relative difference of tokens per character between measured and other prompts.
_OTHER_PROMPTS = 0.05
#: Low, expected and high values for an answer, and for the reasoning of one and of a verdict.
ANSWER_CHARACTERS = (1000.0, 2000.0, 4000.0)
ANSWER_REASONING = (0.0, 1000.0, 4000.0)
VERDICT_REASONING = (0.0, 300.0, 1000.0)
#: Assumed seconds to the first token, tokens per second after it, and factors of the range.
_FIRST_TOKEN_S, _TOKENS_PER_SECOND = 1.0, 60.0
_SLOW, _FAST = 3.0, 0.5


class Range(msgspec.Struct, frozen=True):
    """An expected value with its likely limits."""

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
    """Tokens and time that calls of one model take.

    Attributes
    ----------
    tokens_per_character
        Tokens per character of its prompts.
    output_tokens
        Tokens of one answer or one verdict.
    length
        Characters of an answer; 0 for a grader.
    latency_s
        Seconds of a call; None if it must be guessed from the tokens.
    cached
        Share of the prompts' tokens from the provider's cache; None if not measured.
    attempts
        Mean number of attempts per call.
    basis
        Sources of the values, one sentence each.
    """

    tokens_per_character: Range
    output_tokens: Range
    length: Range
    latency_s: Range | None
    cached: float | None
    attempts: float
    basis: tuple[str, ...]


def assumed_profile(
    *,
    verdict: bool,
    reasons: bool,
    max_tokens: int | None,
    tokens: tuple[float, float, float] = VERDICT_TOKENS,
) -> CallProfile:
    """Assume a profile for a model without earlier calls in the store.

    Parameters
    ----------
    tokens
        Low, expected and high tokens of a verdict without its reasoning.
    """
    per_character = Range(1 / MOST_CHARS, 1 / CHARS_PER_TOKEN, 1 / FEWEST_CHARS)
    length = exactly(0) if verdict else Range(*ANSWER_CHARACTERS)
    thought = Range(*(VERDICT_REASONING if verdict else ANSWER_REASONING))
    if max_tokens is not None:
        usual = min(length.expected, max_tokens * CHARS_PER_TOKEN)
        length = msgspec.structs.replace(length.capped(max_tokens * MOST_CHARS), expected=usual)
    output = Range(*tokens) if verdict else length * per_character
    said = (
        "verdicts: assumed to have {1:,.0f} tokens ({0:,.0f} to {2:,.0f})".format(*tokens)
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
    """Sample stored answers of a system, and describe the sample; None if there are too few.

    Parameters
    ----------
    parameters
        Parameters of the system as in a run's settings; runs with the same ones come first.
    """
    runs = [run for run in reversed(store.runs()) if run.system == address]
    alike = [run for run in runs if _run_parameters(run) == _relevant(parameters)]
    for words, some in (("same parameters", alike), ("other parameters", runs)):
        here = [run for run in some if run.benchmark == benchmark]
        for where, chosen in ((benchmark, here), ("other benchmarks", some)):
            found = sample_answers(store, chosen, MAX_SAMPLE)
            if len(found) >= MIN_SAMPLE:
                return found, f"{where}, {words}"
    return None


def _run_parameters(run: RunInfo) -> dict[str, Any]:
    return _relevant(run.settings.system_parameters or {})


def _relevant(parameters: Any) -> dict[str, Any]:
    given = msgspec.to_builtins(parameters)
    return {name: value for name, value in given.items() if name not in PRACTICAL}


def _has_media(each: Sampled) -> bool:
    """Whether tokens of images are among those of its prompt: they say nothing of characters."""
    messages = each.response.sent or each.example.messages
    return any(not isinstance(message.content, str) for message in messages)


def profile_of_system(
    found: Sequence[Sampled], which: str, assumed: CallProfile, asked: int
) -> CallProfile:
    """Measure the profile of a sample of answers.

    Parameters
    ----------
    which
        Description of the sample.
    asked
        Number of answers to predict: the mean of few varies more than that of many.
    """
    length = spread([len(each.response.text) for each in found], asked)
    basis = [
        f"answers: {length.expected:,.0f} characters, mean of {len(found)} in the store ({which})"
    ]
    counted = [each for each in found if each.response.usage.output_tokens]
    output, per_character, seconds = assumed.output_tokens, assumed.tokens_per_character, None
    if len(counted) >= MIN_SAMPLE:
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
    """Measure the profile of a grader's earlier calls; the assumed one if there are too few."""
    counted = [call for call in made if call.usage.output_tokens]
    if len(counted) < MIN_SAMPLE:
        return assumed
    once = [(call.characters, call.usage.input_tokens) for call in counted if call.attempts == 1]
    per_character, said = _ratio(once, assumed)
    verdicts = sum(call.verdicts for call in counted)
    output = spread([call.usage.output_tokens / call.verdicts for call in counted], asked)
    attempts = sum(call.attempts for call in counted) / len(counted)
    # Output tokens and seconds of a verdict already include all its attempts.
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
    """Tokens per character and its source in words, from (characters, tokens) of prompts."""
    given = sum(tokens for _, tokens in pairs)
    length = sum(number for number, _ in pairs)
    if len(pairs) < MIN_SAMPLE or not given or not length:
        return assumed.tokens_per_character, assumed.basis[-1]
    share = given / length
    around = Range(share * (1 - _OTHER_PROMPTS), share, share * (1 + _OTHER_PROMPTS))
    return around, f"tokens: {1 / share:.2f} characters a token, measured on {len(pairs)} prompts"


def spread(values: Sequence[float], asked: int) -> Range:
    """Predict the mean of ``asked`` further values: ± 2 standard errors of the prediction."""
    n = len(values)
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / max(n - 1, 1)
    error = 2 * math.sqrt(variance * (1 / n + 1 / max(asked, 1)))
    return Range(max(0.0, mean - error), mean, mean + error)


def latency(profile: CallProfile, verdicts_a_call: float) -> Range:
    """Seconds of a call, measured or else guessed from its output tokens."""
    if profile.latency_s is not None:
        return profile.latency_s
    tokens = profile.output_tokens.expected * verdicts_a_call
    usual = _FIRST_TOKEN_S + tokens / _TOKENS_PER_SECOND
    return Range(usual * _FAST, usual, usual * _SLOW)
