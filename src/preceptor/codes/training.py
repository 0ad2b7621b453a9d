"""Training: two maps on the encoder's vectors, then trees on features of candidates.

The trees see features that were made without the document of their mention (five folds by
document): else they would trust maps, and exemplars, that know the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from preceptor.codes.features import features, names
from preceptor.codes.index import Exemplars, Index, Matrix, Titles, candidates
from preceptor.codes.listing import Listing, Mention
from preceptor.codes.maps import Maps, train_maps
from preceptor.codes.texts import fold
from preceptor.codes.trees import parse_trees, train_trees
from preceptor.distil.trees import Trees
from preceptor.errors import InputError

__all__ = [
    "Examined",
    "Fitted",
    "Material",
    "examine",
    "fit",
    "fit_trees",
    "folds_by_document",
]

FOLDS = 5
#: Queries whose scores of all codes are in memory at once.
_AT_ONCE = 64
#: Weight, with exemplars, of a mention whose code no exemplar has: few are so in training, and
#: without it the trees learn that a code without exemplars is never right.
_UNSEEN_WEIGHT = 3.0

Mask = NDArray[np.bool_]
Say = Callable[[str], None]


class Material(NamedTuple):
    """All that is trained on, with the vectors of it.

    Attributes
    ----------
    rows, backed
        Row of each mention's own code (−1 where it is not listed), and of the longest listed code
        that it begins with (−1 where there is none).
    """

    titles: Titles
    mentions: Sequence[Mention]
    vectors: Matrix
    others: Matrix
    folded: list[str]
    rows: NDArray[np.intp]
    backed: NDArray[np.intp]

    @classmethod
    def of(
        cls, titles: Titles, mentions: Sequence[Mention], vectors: Matrix, others: Matrix
    ) -> Material:
        def place(found: int | None) -> int:
            return -1 if found is None else found

        listing = titles.codes
        return cls(
            titles,
            mentions,
            vectors,
            others,
            [fold(each.text) for each in mentions],
            np.array([place(listing.row(each.code)) for each in mentions], np.intp),
            np.array([place(listing.nearest(each.code)) for each in mentions], np.intp),
        )

    @property
    def listing(self) -> Listing:
        return self.titles.codes

    def everything(self) -> Mask:
        return np.ones(len(self.mentions), bool)

    def maps(self, used: Mask, seed: int, codes: Mask | None = None) -> Maps:
        """Maps of these mentions and of the list's further terms.

        Parameters
        ----------
        codes
            Those whose further terms are used; None: all.
        """
        some = np.flatnonzero(used & (self.backed >= 0))
        rows = np.array([row for row, _ in self.listing.others], np.intp)
        terms = np.arange(len(rows)) if codes is None else np.flatnonzero(codes[rows])
        vectors = np.concatenate([self.vectors[some], self.others[terms]])
        wanted = np.concatenate([self.backed[some], rows[terms]])
        if not len(vectors):
            raise InputError("codes train: expected mentions with codes of the list, found none")
        return train_maps(vectors, wanted, self.titles.vectors, seed=seed)

    def exemplars(self, used: Mask) -> Exemplars:
        """These mentions as exemplars: those whose very code is listed."""
        some = np.flatnonzero(used & (self.rows >= 0))
        texts = [self.mentions[place].text for place in some.tolist()]
        return Exemplars(texts, self.rows[some].tolist(), self.vectors[some])


class Examined(NamedTuple):
    """Candidates of one query with their features."""

    place: int
    rows: NDArray[np.intp]
    features: Matrix


def examine(
    index: Index, folded: Sequence[str], vectors: Matrix, places: Sequence[int]
) -> Iterator[Examined]:
    """The candidates of the queries at these places, a part of the queries at a time."""
    for start in range(0, len(places), _AT_ONCE):
        some = list(places[start : start + _AT_ONCE])
        texts = [folded[place] for place in some]
        found = candidates(index.scores(texts, vectors[some]))
        for place, text, each in zip(some, texts, found, strict=True):
            yield Examined(place, each.rows, features(index, text, each))


def folds_by_document(mentions: Sequence[Mention], seed: int) -> NDArray[np.intp]:
    """The fold of each mention: all of a document are in one."""
    _, document = np.unique([each.document for each in mentions], return_inverse=True)
    count = int(document.max()) + 1
    if count < FOLDS:
        raise InputError(
            f"codes train: expected mentions of {FOLDS} documents or more, found {count}"
        )
    numbers = np.random.default_rng(seed).permutation(count) % FOLDS
    return numbers[document]


class Fitted(NamedTuple):
    """What was trained; ``text`` is LightGBM's form of the trees."""

    maps: Maps
    text: str
    trees: Trees


def fit(material: Material, *, exemplars: bool, seed: int, say: Say = lambda _: None) -> Fitted:
    """Maps of all mentions, and trees whose features are cross-fitted by document."""
    fold_of = folds_by_document(material.mentions, seed)
    parts: list[Examined] = []
    seen: list[bool] = []
    for number in range(FOLDS):
        say(f"fold {number + 1} of {FOLDS}")
        used = fold_of != number
        known = set(material.rows[used].tolist())
        maps = material.maps(used, seed)
        index = Index.of(material.titles, maps, material.exemplars(used) if exemplars else None)
        places = np.flatnonzero(~used & (material.rows >= 0)).tolist()
        parts += examine(index, material.folded, material.vectors, places)
        seen += [int(material.rows[place]) in known for place in places]
    say("maps of all mentions")
    maps = material.maps(material.everything(), seed)
    say("trees")
    text = fit_trees(
        parts, material.rows, exemplars=exemplars, seed=seed, seen=seen if exemplars else None
    )
    trees = parse_trees(text, names(exemplars=exemplars), "trees")
    return Fitted(maps, text, trees)


def fit_trees(
    parts: Sequence[Examined],
    gold: NDArray[np.intp],
    *,
    exemplars: bool,
    seed: int,
    seen: Sequence[bool] | None = None,
) -> str:
    """LambdaMART on examined queries; ``gold`` has the row of each place's code."""
    usable = [part for part in parts if len(part.rows)]
    if not usable:
        raise InputError("codes train: expected mentions with codes of the list, found none")
    table = np.concatenate([part.features for part in usable])
    labels = np.concatenate([part.rows == gold[part.place] for part in usable])
    sizes = [len(part.rows) for part in usable]
    weights = None
    if seen is not None:
        by_part = [
            1.0 if known else _UNSEEN_WEIGHT
            for part, known in zip(parts, seen, strict=True)
            if len(part.rows)
        ]
        weights = np.repeat(np.array(by_part, np.float32), sizes)
    return train_trees(
        table,
        labels.astype(np.float32),
        sizes,
        names=names(exemplars=exemplars),
        seed=seed,
        weights=weights,
    )
