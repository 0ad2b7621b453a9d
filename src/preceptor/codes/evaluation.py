"""A search measured on coded mentions that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from preceptor.codes.encoders import kept
from preceptor.codes.listing import Mention
from preceptor.codes.measures import Evaluation, floor_ranks, measured, model_ranks, slices
from preceptor.codes.search import Search
from preceptor.codes.texts import fold
from preceptor.errors import InputError

__all__ = ["evaluate"]


def evaluate(
    search: Search,
    mentions: Sequence[Mention],
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Evaluation:
    """Rank the codes of every mention whose code is in the index.

    What is new or unseen is told by the digests that the folder has of its training.

    Raises InputError where no code is in the index.
    """
    index = search.index
    listing = index.titles.codes
    covered = [each for each in mentions if listing.row(each.code) is not None]
    if not covered:
        raise InputError(f"--mentions: expected codes of {listing.name}, found none of them")
    gold = [row for each in covered if (row := listing.row(each.code)) is not None]
    folded = [fold(each.text) for each in covered]
    vectors = kept(search.encoder, [each.text for each in covered], progress)
    ranks = model_ranks(index, search.trees, folded, vectors, gold)
    floor = floor_ranks(index.titles.characters, folded, gold)
    parts = slices(covered, *search.known())
    return Evaluation(
        product=search.card.product,
        index=listing.name,
        codes=len(listing),
        given=len(mentions),
        covered=len(covered),
        coverage=len(covered) / len(mentions),
        slices=list(measured(ranks, floor, [each.document for each in covered], parts)),
    )
