"""A trained search: opened from its folder, asked for codes, given another list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from preceptor.codes.encoders import encode, encoder_at, kept
from preceptor.codes.features import features, names
from preceptor.codes.folder import (
    FORMAT,
    Card,
    Known,
    Row,
    Said,
    Trained,
    lines,
    read_array,
    read_card,
    read_lines,
    read_text,
    write_folder,
)
from preceptor.codes.index import Exemplars, Index, Matrix, Titles, candidates
from preceptor.codes.listing import Listing, Mention
from preceptor.codes.maps import Maps
from preceptor.codes.texts import fold, plain
from preceptor.codes.training import Material, fit
from preceptor.codes.trees import MAX_TREES_BYTES, parse_trees
from preceptor.distil.trees import Trees
from preceptor.errors import InputError
from preceptor.systems.retrieval.dense import LocalEncoder
from preceptor.terminology.code_lists import Code, CodeList
from preceptor.version import VERSION

__all__ = ["DESCRIPTIONS", "EXEMPLARS", "MOST", "Hit", "Search", "train"]

#: Most codes of one query.
MOST = 50

DESCRIPTIONS, EXEMPLARS = "descriptions", "with exemplars"
_MAPS, _TREES, _CODES, _TITLES = "maps.npy", "trees.txt", "codes.jsonl", "titles.npy"
_MENTIONS, _MENTION_VECTORS = "mentions.jsonl", "mentions.npy"
_TEXTS_KNOWN, _CODES_KNOWN = "known_texts.npy", "known_codes.npy"

Progress = Callable[[int, int], None]


def _quiet(done: int, whole: int) -> None:
    del done, whole


class Hit(msgspec.Struct, frozen=True):
    """A code that was found.

    Attributes
    ----------
    score
        The trees' sum, higher for a better fit. It compares codes of one query alone.
    """

    rank: int
    code: str
    title: str
    score: float


class Search:
    """A search that is ready: ``Search.open(folder)("dolor torácico")``."""

    def __init__(
        self, folder: Path, card: Card, index: Index, trees: Trees, encoder: LocalEncoder
    ) -> None:
        self.folder, self.card, self.index, self.trees = folder, card, index, trees
        self.encoder = encoder

    @classmethod
    def open(cls, folder: Path, encoder: str | None = None) -> Search:
        """Read a folder.

        Parameters
        ----------
        encoder
            Where the encoder is on this machine; None: where it was in training.

        Raises
        ------
        InputError
            The folder is none, changed, damaged, or was trained with another encoder.
        Unavailable
            A package is not installed.
        """
        card = read_card(folder)
        opened = encoder_at(encoder or card.encoder)
        if _known(opened) != card.encoder_identity:
            raise InputError(
                f"{folder}: was trained with another encoder than {encoder or card.encoder} is "
                f"now: name that one with --encoder, or train again"
            )
        maps = _maps(folder)
        trees = parse_trees(
            read_text(folder, _TREES, MAX_TREES_BYTES),
            names(exemplars=card.product == EXEMPLARS),
            str(folder / _TREES),
        )
        size = len(maps.mean)
        rows = read_lines(folder, _CODES, Row)
        listing = _listing(card.index_name, card.index_language, rows)
        vectors = read_array(folder, _TITLES, "<f2", size).astype(np.float32)
        if len(vectors) != len(rows) or len(listing) != len(rows):
            raise InputError(f"{folder}: {_CODES} and {_TITLES} have different numbers of codes")
        exemplars = _exemplars(folder, listing, size) if card.product == EXEMPLARS else None
        index = Index.of(Titles(listing, vectors), maps, exemplars)
        return cls(folder, card, index, trees, opened)

    def __call__(self, query: str, limit: int = 10) -> list[Hit]:
        """The best codes. The query is stored nowhere.

        Raises InputError for an empty query, and for a limit that is not 1 to MOST.
        """
        if not 1 <= limit <= MOST:
            raise InputError(f"limit: expected 1 to {MOST}, found {limit}")
        text = plain(query)
        if not text:
            raise InputError("expected the words of a diagnosis, found none")
        return self.ranked(text, encode(self.encoder, [text]), limit)

    def ranked(self, text: str, vector: Matrix, limit: int) -> list[Hit]:
        """The same for a query whose vector is there, (1, d)."""
        folded = fold(text)
        found = candidates(self.index.scores([folded], vector))[0]
        if not len(found.rows):
            return []
        scores = self.trees.total(features(self.index, folded, found).astype(np.float64))
        order = np.lexsort((found.rows, -scores))[:limit]
        listing = self.index.titles.codes
        return [
            Hit(place, listing.codes[row], listing.titles[row], round(float(scores[at]), 4))
            for place, (at, row) in enumerate(
                zip(order, found.rows[order].tolist(), strict=True), 1
            )
        ]

    def known(self) -> tuple[Known, Known]:
        """The training's texts, folded, and its codes: whether one is among them."""
        return (
            Known(read_array(self.folder, _TEXTS_KNOWN, "<u8", 0)),
            Known(read_array(self.folder, _CODES_KNOWN, "<u8", 0)),
        )

    def reindex(
        self, codes: Listing, mentions: Sequence[Mention], progress: Progress = _quiet
    ) -> Card:
        """Search another list from now on, with the same maps and trees.

        Raises InputError for mentions where the product has no exemplars, or none where it has.
        """
        if bool(mentions) != (self.card.product == EXEMPLARS):
            expected = "--mentions" if self.card.product == EXEMPLARS else "no --mentions"
            raise InputError(f"{self.folder}: {self.card.product}: expected {expected}")
        files: dict[str, bytes | np.ndarray] = {
            name: (self.folder / name).read_bytes()
            for name in (_MAPS, _TREES, _TEXTS_KNOWN, _CODES_KNOWN)
        }
        made, count = _index_files(self.encoder, codes, mentions, progress)
        card = msgspec.structs.replace(
            self.card,
            index_name=codes.name,
            index_language=codes.language,
            index_codes=len(codes),
            index_exemplars=count,
        )
        return write_folder(self.folder, card, files | made, again=True)


def _known(encoder: LocalEncoder) -> object:
    return msgspec.to_builtins(encoder.identity)


def _maps(folder: Path) -> Maps:
    whole = read_array(folder, _MAPS, "<f4", None)
    size = whole.shape[1]
    if len(whole) != 2 * size + 1:
        raise InputError(f"{folder / _MAPS}: expected two square maps and a mean, found others")
    return Maps(whole[0], whole[1 : size + 1], whole[size + 1 :])


def _listing(name: str, language: str, rows: Sequence[Row]) -> Listing:
    codes = [Code(each.code, each.title, each.others) for each in rows]
    return Listing(CodeList(name, language, codes))


def _exemplars(folder: Path, listing: Listing, size: int) -> Exemplars:
    said = read_lines(folder, _MENTIONS, Said)
    vectors = read_array(folder, _MENTION_VECTORS, "<f2", size).astype(np.float32)
    rows = [listing.row(each.code) for each in said]
    if len(vectors) != len(said) or None in rows:
        raise InputError(f"{folder / _MENTIONS}: does not belong to {_CODES}: index again")
    return Exemplars(
        [plain(each.text) for each in said], [row for row in rows if row is not None], vectors
    )


def _index_files(
    encoder: LocalEncoder, codes: Listing, mentions: Sequence[Mention], progress: Progress
) -> tuple[dict[str, bytes | np.ndarray], int]:
    """The files of an index, and how many exemplars it has."""
    others: dict[int, list[str]] = {}
    for row, text in codes.others:
        others.setdefault(row, []).append(text)
    rows = [
        Row(code, title, tuple(others.get(row, ())))
        for row, (code, title) in enumerate(zip(codes.codes, codes.titles, strict=True))
    ]
    files: dict[str, bytes | np.ndarray] = {
        _CODES: lines(rows),
        _TITLES: kept(encoder, codes.titles, progress).astype("<f2"),
    }
    said = [Said(each.text, each.code) for each in mentions if codes.row(each.code) is not None]
    if mentions and not said:
        raise InputError("--mentions: expected codes of the list, found none of them")
    if said:
        files[_MENTIONS] = lines(said)
        files[_MENTION_VECTORS] = kept(encoder, [each.text for each in said]).astype("<f2")
    return files, len(said)


def train(
    target: Path,
    codes: Listing,
    mentions: Sequence[Mention],
    *,
    encoder: str,
    exemplars: bool,
    files: dict[str, str],
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = _quiet,
) -> Card:
    """Train a search and write its folder.

    Parameters
    ----------
    exemplars
        Coded mentions are in the index too, and the trees are trained for that.
    files
        What it is trained on: name → SHA-256, for the card.
    progress
        Called with how many texts are encoded, of how many.
    """
    opened = encoder_at(encoder)
    say("encoding")
    texts = [each.text for each in mentions]
    further = [text for _, text in codes.others]
    vectors = kept(opened, [*codes.titles, *texts, *further], progress)
    ends = np.cumsum([len(codes), len(texts)])
    of_titles, of_mentions, of_others = np.split(vectors, ends)
    material = Material.of(Titles(codes, of_titles), mentions, of_mentions, of_others)
    fitted = fit(material, exemplars=exemplars, seed=seed, say=say)
    trained = Trained(
        files=files,
        list_name=codes.name,
        language=codes.language,
        codes=len(codes),
        further_terms=len(further),
        mentions=len(mentions),
        documents=len({each.document for each in mentions}),
        listed=int((material.rows >= 0).sum()),
        backed_off=int(((material.rows < 0) & (material.backed >= 0)).sum()),
        seed=seed,
    )
    made, count = _index_files(opened, codes, mentions if exemplars else (), progress)
    card = Card(
        format=FORMAT,
        version=VERSION,
        product=EXEMPLARS if exemplars else DESCRIPTIONS,
        encoder=encoder,
        encoder_identity=opened.identity,
        trained=trained,
        index_name=codes.name,
        index_language=codes.language,
        index_codes=len(codes),
        index_exemplars=count,
    )
    maps = fitted.maps
    arrays: dict[str, bytes | np.ndarray] = {
        _MAPS: np.concatenate([maps.mean[None], maps.mention, maps.description]).astype("<f4"),
        _TREES: fitted.text.encode(),
        _TEXTS_KNOWN: Known.of(material.folded).digests,
        _CODES_KNOWN: Known.of(each.code for each in mentions).digests,
    }
    return write_folder(target, card, arrays | made)
