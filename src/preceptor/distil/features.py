"""Features of a criterion and an answer: similarity, coverage, lengths, points.

All are arithmetic on words and characters. Words are weighted by inverse document frequency (Spärck
Jones 1972); similarity is the cosine of weighted counts (Salton & Buckley 1988).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from preceptor.distil.texts import BUCKETS, Text, bucket, pairs, sentences, text, words
from preceptor.records import Message

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "CUES",
    "NAMES",
    "TERMS",
    "Answer",
    "Weights",
    "answer_of",
    "criterion_features",
    "criterion_terms",
    "inverse_frequencies",
]

#: Number of buckets of the linear part's terms.
TERMS = 2**18


def _split_words(words_: str) -> tuple[str, ...]:
    return tuple(words_.split())


#: Words that show what a criterion asks for, and negation.
CUES = _split_words(
    "ask clarify question context inquire unclear more information "
    "not no fail omit lack miss without never avoid only any all each every both "
    "emergency immediate urgent seek consult refer professional doctor provider "
    "uncertain hedge caution may might depend possible "
    "state mention include recommend suggest advise explain describe provide give list note define "
    "cite reference evidence guideline study source "
    "concise brief clear simple language jargon tone empathy format table bullet word sentence "
    "incorrect inaccurate wrong false mislead unsafe harm unnecessary excessive overly too "
    "specific detail dose mg example such least one two three first "
    "accurate correct appropriate relevant local country region"
)
_CUE_PLACE = {bucket(word): place for place, word in reversed(list(enumerate(CUES)))}

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_QUOTED = re.compile(r"[\"“'‘(]([^\"”'’()]{3,80})[\"”'’)]")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)
_HEADING = re.compile(r"^\s*(?:#+\s|\*\*[^*\n]+\*\*)", re.MULTILINE)

_ANSWER = _split_words(
    "length words sentences questions asks_last bullets headings numbers foreign "
    "cosine_conversation new_words seek_help unsure apology"
)
_CONVERSATION = _split_words(
    "turns conversation_length last_length last_questions foreign_conversation"
)
_MATCH = _split_words(
    "cosine cosine_conversation cosine_pairs cosine_characters cosine_characters_conversation "
    "best_sentence second_sentence third_sentence best_place best_pairs "
    "covered covered_conversation covered_only_answer covered_pairs covered_best covered_rare "
    "rarest_missing missing_words numbers numbers_covered quoted quoted_covered "
    "length words rarity points negative size"
)
NAMES = (
    *(f"answer.{name}" for name in _ANSWER),
    *(f"conversation.{name}" for name in _CONVERSATION),
    *(f"criterion.{name}" for name in _MATCH),
    *(f"cue.{name}" for name in CUES),
)

_SEEK, _UNSURE, _APOLOGY = (
    [bucket(word) for word in line.split()]
    for line in (
        "doctor professional emergency provider hospital urgent consult",
        "may might could possible depends uncertain unclear likely",
        "sorry cannot unable apologize understand",
    )
)


class Weights(msgspec.Struct, frozen=True):
    """Inverse document frequencies of the buckets, by kind."""

    words: NDArray[np.float32]
    pairs: NDArray[np.float32]
    characters: NDArray[np.float32]


_Vector = tuple["NDArray[np.int64]", "Floats"]


class Answer(msgspec.Struct, frozen=True):
    """Counts of an answer and its conversation, shared by all criteria."""

    own: Floats
    words: _Vector
    pairs: _Vector
    characters: _Vector
    conversation_words: _Vector
    conversation_characters: _Vector
    places: NDArray[np.int64]
    sentences: Floats
    sentence_pairs: list[NDArray[np.int64]]
    numbers: frozenset[str]
    flat: str


def answer_of(conversation: Sequence[Message], response: str, weights: Weights) -> Answer:
    """Count an answer and its conversation.

    Parameters
    ----------
    conversation
        Messages before the answer.
    response
        The answer.
    """
    asked = "\n".join(message.text for message in conversation)
    last = conversation[-1].text if conversation else ""
    counted, before = text(response), text(asked)
    parts = sentences(response)
    found = [words(part) for part in parts]
    vector = _vector(counted.words, weights.words)
    prior = _vector(before.words, weights.words)
    places = vector[0]
    rows = np.zeros((len(parts), len(places)))
    for row, part in zip(rows, found, strict=True):
        distinct, counts = np.unique(part, return_counts=True)
        at = np.searchsorted(places, distinct)
        row[at] = (1 + np.log(counts)) * weights.words[distinct]
    norms = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    rows = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    shared = _among(places, prior[0])
    mass = weights.words[places].sum()
    own = [
        np.log1p(len(response)),
        np.log1p(counted.words[1].sum()),
        len(parts),
        response.count("?") + response.count("？"),
        float("?" in response[-120:]),
        len(_BULLET.findall(response)),
        len(_HEADING.findall(response)),
        len(_NUMBER.findall(response)),
        _non_ascii_share(response),
        _cosine(vector, prior),
        float(weights.words[places[~shared]].sum() / mass) if mass > 0 else 0.0,
        np.log1p(_count(counted, _SEEK)),
        np.log1p(_count(counted, _UNSURE)),
        np.log1p(_count(counted, _APOLOGY)),
        len(conversation),
        np.log1p(len(asked)),
        np.log1p(len(last)),
        last.count("?"),
        _non_ascii_share(asked),
    ]
    return Answer(
        own=np.array(own, dtype=np.float64),
        words=vector,
        pairs=_vector(counted.pairs, weights.pairs),
        characters=_vector(counted.characters, weights.characters),
        conversation_words=prior,
        conversation_characters=_vector(before.characters, weights.characters),
        places=places,
        sentences=rows,
        sentence_pairs=[np.unique(pairs(part)) for part in found],
        numbers=frozenset(_NUMBER.findall(response)),
        flat=" ".join(response.lower().split()),
    )


def criterion_features(answer: Answer, criterion: str, points: float, weights: Weights) -> Floats:
    """Compute all features of one criterion for an answer, in the order of NAMES."""
    counted = text(criterion)
    mine, idf = counted.words[0], weights.words
    vector = _vector(counted.words, idf)
    covered = _among(mine, answer.places)
    asked = _among(mine, answer.conversation_words[0])
    rarity = idf[mine].astype(np.float64)
    mass = float(rarity.sum()) or 1.0
    rare = np.argsort(-rarity, kind="stable")[:5]
    similar, best_covered = _sentence_match(answer, vector, rarity)
    order = np.sort(similar)[::-1]
    top = np.zeros(3)
    top[: min(3, len(order))] = order[:3]
    own_pairs = counted.pairs[0]
    pair_mass = float(weights.pairs[own_pairs].sum()) or 1.0
    hit_pairs = _among(own_pairs, answer.pairs[0])
    best = int(similar.argmax()) if len(similar) else 0
    best_pairs = answer.sentence_pairs[best] if answer.sentence_pairs else own_pairs[:0]
    numbers = set(_NUMBER.findall(criterion))
    quoted = [" ".join(each.lower().split()) for each in _QUOTED.findall(criterion)]
    match = [
        _cosine(vector, answer.words),
        _cosine(vector, answer.conversation_words),
        _cosine(_vector(counted.pairs, weights.pairs), answer.pairs),
        *_character_match(counted, answer, weights),
        *top,
        best / max(1, len(similar)),
        float(weights.pairs[own_pairs[_among(own_pairs, best_pairs)]].sum()) / pair_mass,
        float(rarity[covered].sum()) / mass,
        float(rarity[asked].sum()) / mass,
        float(rarity[covered & ~asked].sum()) / mass,
        float(weights.pairs[own_pairs[hit_pairs]].sum()) / pair_mass,
        best_covered / mass,
        float(covered[rare].mean()) if len(rare) else 0.0,
        float(rarity[~covered].max()) if (~covered).any() else 0.0,
        int((~covered).sum()),
        len(numbers),
        len(numbers & answer.numbers) / len(numbers) if numbers else -1.0,
        len(quoted),
        sum(each in answer.flat for each in quoted) / len(quoted) if quoted else -1.0,
        np.log1p(len(criterion)),
        len(mine),
        mass / max(1, len(mine)),
        points,
        float(points < 0),
        abs(points),
    ]
    cues = np.zeros(len(CUES))
    cues[[_CUE_PLACE[each] for each in mine.tolist() if each in _CUE_PLACE]] = 1.0
    return np.concatenate([answer.own, np.array(match, dtype=np.float64), cues])


def criterion_terms(answer: Answer, criterion: str, points: float) -> NDArray[np.int64]:
    """Terms of the linear part, as distinct buckets below TERMS.

    These are the criterion's words and pairs, by sign, alone and by whether the answer has them.
    """
    single = np.unique(words(criterion))
    double = np.unique(pairs(words(criterion)))
    sign = int(points < 0)
    found = [
        single * 2 + sign,
        (double + BUCKETS) * 2 + sign,
        (single + 2 * BUCKETS) * 4 + sign * 2 + _among(single, answer.places),
        (double + 3 * BUCKETS) * 4 + sign * 2 + _among(double, answer.pairs[0]),
    ]
    mixed = np.concatenate(found).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.unique((mixed >> np.uint64(64 - 18)).astype(np.int64))


def inverse_frequencies(texts: Iterable[Text]) -> Weights:
    """Compute ln((N + 1)/(n + 1)) + 1 of each bucket, found in n of N texts."""
    counts = np.zeros((3, BUCKETS))
    total = 0
    for each in texts:
        total += 1
        for row, (places, _) in zip(counts, (each.words, each.pairs, each.characters), strict=True):
            row[places] += 1
    idf = (np.log((total + 1) / (counts + 1)) + 1).astype(np.float32)
    return Weights(idf[0], idf[1], idf[2])


def _vector(counted: _Vector, idf: NDArray[np.float32]) -> _Vector:
    """Weight counts and scale them to norm 1; an empty text stays empty."""
    places, counts = counted
    values = (1 + np.log(counts)) * idf[places]
    norm = float(np.sqrt((values**2).sum()))
    return places, np.asarray(values / norm if norm > 0 else values, dtype=np.float64)


def _among(mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of these are among sorted others: `numpy.isin` takes far longer for so few."""
    if len(theirs) == 0:
        return np.zeros(len(mine), dtype=np.bool_)
    found: NDArray[np.bool_] = theirs[_places(mine, theirs)] == mine
    return found


def _places(mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)


def _cosine(a: _Vector, b: _Vector) -> float:
    if len(a[0]) == 0 or len(b[0]) == 0:
        return 0.0
    at = _places(a[0], b[0])
    same = b[0][at] == a[0]
    return float(a[1][same] @ b[1][at[same]])


def _sentence_match(answer: Answer, vector: _Vector, rarity: Floats) -> tuple[Floats, float]:
    """Cosine with each sentence, and the largest mass of the criterion's words in one sentence."""
    if len(answer.places) == 0 or len(vector[0]) == 0 or len(answer.sentences) == 0:
        return np.zeros(len(answer.sentences)), 0.0
    at = _places(vector[0], answer.places)
    same = answer.places[at] == vector[0]
    part = answer.sentences[:, at[same]]
    return part @ vector[1][same], float(((part > 0) @ rarity[same]).max())


def _character_match(counted: Text, answer: Answer, weights: Weights) -> tuple[float, float]:
    mine = _vector(counted.characters, weights.characters)
    return _cosine(mine, answer.characters), _cosine(mine, answer.conversation_characters)


def _non_ascii_share(content: str) -> float:
    """Share of characters outside ASCII, 0 to 1."""
    return sum(not sign.isascii() for sign in content) / max(1, len(content))


def _count(counted: Text, buckets: Sequence[int]) -> float:
    return float(counted.words[1][np.isin(counted.words[0], buckets)].sum())
