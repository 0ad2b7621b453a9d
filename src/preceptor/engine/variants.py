"""Other ways to ask the same questions: options in every order, worked examples before them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from preceptor.benchmarks import Benchmark
from preceptor.engine.image_controls import with_other_images
from preceptor.errors import InputError
from preceptor.records import Example, Message, Variant

__all__ = ["sentences", "varied"]

T = TypeVar("T")
_HOW = {
    "without": "without the images",
    "another": "with the images of another question",
    "blank": "with a grey image in place of each",
    "reversed": "with the images in reverse order, where there are several",
}


def sentences(variant: Variant, asked: Sequence[tuple[Example, int]]) -> list[str]:
    """Notes for the score, given the examples made by :func:`varied`."""
    said = []
    moved = {example.of for example, _ in asked} if variant.circular else set()
    given = [example for example, _ in asked if isinstance(example.of, msgspec.UnsetType)]
    fixed = sum(example.id not in moved for example in given) if variant.circular else 0
    if fixed:
        said.append(
            f"Asked in the given order only: {fixed:,} of {len(given):,} questions, in which "
            f"an option names others by letter, number or place."
        )
    if variant.images is not None:
        said.append(f"A control: asked {_HOW[variant.images]}.")
    if variant.shots:
        said.append(
            f"Asked with {variant.shots} other questions of the same data and their answers before."
        )
    return said


def varied(
    chosen: Sequence[tuple[Example, int]],
    pool: Sequence[Example],
    benchmark: Benchmark,
    variant: Variant,
) -> list[tuple[Example, int]]:
    """The examples as they are to be asked, each with the number of answers asked for.

    Parameters
    ----------
    pool
        Where worked examples come from: the whole data. The one that is asked is never among its
        own, and the draw is the same in every run.

    Raises
    ------
    InputError
        The benchmark's answers are not letters, or there are too few other questions.
    """
    if variant == Variant():
        return list(chosen)
    if variant.images is not None:
        chosen = with_other_images(chosen, pool, benchmark.name, variant.images)
    if variant.shots >= len(pool):
        raise InputError(f"--shots {variant.shots}: there are only {len(pool)} questions in all")
    found, asking = [], benchmark.protocol.asking
    for example, repeats in chosen:
        asked = [example]
        if variant.circular:
            asked = _possible("--circular", asking.orders, benchmark)(example)
        before: tuple[Message, ...] = ()
        if variant.shots:
            near = asking.nearest and asking.nearest(example, pool, variant.shots)
            worked = asking.shots(near or _drawn(example, pool, variant.shots))
            before = _possible("--shots", worked, benchmark)
        found += [
            (msgspec.structs.replace(each, messages=(*before, *each.messages)), repeats)
            for each in asked
        ]
    return found


def _possible(option: str, found: T | None, benchmark: Benchmark) -> T:
    if found is None:
        what = "multiple choice" if option == "--circular" else "questions with short answers"
        raise InputError(f"{option}: is for {what}, and {benchmark.name} is not of that kind")
    return found


def _drawn(example: Example, pool: Sequence[Example], count: int) -> list[Example]:
    draw = random.Random(f"shots of {example.id}")  # noqa: S311
    taken = draw.sample(range(len(pool)), count + 1)
    return [pool[place] for place in taken if pool[place].id != example.id][:count]
