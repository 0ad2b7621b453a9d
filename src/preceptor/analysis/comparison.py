"""Do systems differ? Differences on common examples, tested in the ways that a reader asks for.

The unit is the example: the scores of its repeats are averaged first, so that answers to one prompt
never count as independent evidence. This is the paired t-test of HealthBench Professional
(arXiv 2604.27470, section on statistics). Beside it stand the same test with the answer as the
unit, which is wrong where prompts repeat, and that one mended by cluster-robust errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from preceptor import benchmarks
from preceptor.analysis.alignment import (
    Alignment,
    Dropped,
    SettingDifference,
    align,
    differing_settings,
)
from preceptor.analysis.comparison_notes import not_told_apart, notes_on
from preceptor.analysis.paired import (
    FEWEST,
    Paired,
    SliceDifference,
    Tests,
    binary_test,
    slice_difference,
    tests,
)
from preceptor.errors import InputError, shorten
from preceptor.records import Result, RunInfo, replies_of
from preceptor.results.pool import Side
from preceptor.results.values import length_rule
from preceptor.scoring import LENGTH_SUFFIX, OVERALL
from preceptor.scoring.answers import share_read
from preceptor.scoring.columns import Scores
from preceptor.scoring.names import is_adjusted
from preceptor.statistics.comparisons import (
    EffectSize,
    Equivalence,
    McNemar,
    effect_size,
    equivalence,
)
from preceptor.statistics.multiplicity import benjamini_hochberg, holm
from preceptor.statistics.win_rates import WinRate, win_rate

__all__ = ["Comparison", "Contrast", "SideSummary", "compare"]

#: Two answers whose lengths differ by more than this share of their mean are not compared in the
#: length-controlled win rate (HealthBench, table 4).
LENGTH_TOLERANCE = 0.10


class Contrast(msgspec.Struct, frozen=True):
    """One side against its reference.

    ``adjusted`` is the overall difference of the length-adjusted scores, None where the benchmark
    has no rule for length or the comparison is of adjusted scores already. ``mcnemar`` is for
    scores that are all 0 or 1; ``equivalence`` for comparisons with a margin.
    """

    reference: str
    contender: str
    family: str
    common: int
    prompts: int
    dropped: list[Dropped]
    overall: SliceDifference
    adjusted: SliceDifference | None
    tests: Tests
    effect_size: EffectSize | None
    win_rate: WinRate | None
    win_rate_length_controlled: WinRate | None
    equivalence: Equivalence | None
    mcnemar: McNemar | None
    slices: list[SliceDifference]


class SideSummary(msgspec.Struct, frozen=True):
    """A side on its own: all of its examples, not only the common ones."""

    label: str
    family: str
    harness: str
    runs: tuple[str, ...]
    system: str
    grader: str
    examples: int
    answers: int
    n: int
    mean: float | None
    ci95: tuple[float, float] | None
    coverage: float
    mean_length: float | None
    share_read: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """Everything that is claimed of some sides.

    Attributes
    ----------
    metric
        What is compared: the overall score, or its length-adjusted twin.
    labels
        Display names of metrics.
    differing
        Settings that are not the same on all sides.
    families
        Which tests are adjusted together, in words.
    notes
        What must be said beside the numbers, one sentence each.
    undivided
        Of a comparison of all pairs: labels of sides of which no test tells two apart.
    """

    benchmark: str
    title: str
    metric: str
    labels: dict[str, str]
    sides: list[SideSummary]
    contrasts: list[Contrast]
    differing: list[SettingDifference]
    families: list[str]
    notes: list[str]
    undivided: list[list[str]] = []


def compare(
    sides: Sequence[Side],
    *,
    adjusted: bool = False,
    namespaces: Sequence[str] | None = None,
    margin: float | None = None,
    across_graders: bool = False,
    all_pairs: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare each side with the first of its family.

    Parameters
    ----------
    sides
        Two or more. Those with one ``family`` belong together; the first of each is its reference.
    adjusted
        Compare length-adjusted scores.
    namespaces
        Kinds of slices to compare; None for those that the benchmark states, or where it states
        none, all kinds of tags of its examples.
    margin
        Scores that differ by less than this are as good as equal: adds the equivalence test
        (0–1 scale).
    across_graders
        Compare although the sides were graded by different graders: then the difference is that of
        the graders too.
    all_pairs
        Compare all pairs of a family; all of their tests are adjusted together.

    Raises
    ------
    InputError
        Fewer than two sides in a family, two of one label, different benchmarks or graders, no
        common example, no rule for length.
    """
    _check(sides, adjusted, margin, across_graders)
    metric = OVERALL + LENGTH_SUFFIX if adjusted else OVERALL
    if namespaces is None:
        namespaces = _kinds(sides[0].result)
    contrasts = [
        _contrast(reference, other, metric, namespaces=namespaces, margin=margin, seed=seed)
        for family in _families(sides)
        for place, reference in enumerate(family[:-1] if all_pairs else family[:1])
        for other in family[place + 1 :]
    ]
    contrasts, families = _adjust(contrasts)
    first = sides[0].result
    return Comparison(
        benchmark=first.info.benchmark,
        title=first.title,
        metric=metric,
        labels={name: text for side in sides for name, text in side.result.labels.items()},
        sides=[_summary(side, metric) for side in sides],
        contrasts=contrasts,
        differing=differing_settings(sides),
        families=families,
        notes=notes_on(sides, contrasts),
        undivided=not_told_apart(sides, contrasts, metric) if all_pairs else [],
    )


def _check(
    sides: Sequence[Side], adjusted: bool, margin: float | None, across_graders: bool
) -> None:
    labels = [side.label for side in sides]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"{shorten(label)}: two sides have this name: give each its own LABEL="
            )
    names = sorted({side.result.info.benchmark for side in sides})
    if len(names) > 1 and len({_cases(side.result.info) for side in sides}) > 1:
        raise InputError(f"compare: expected runs of one benchmark, found {', '.join(names)}")
    graders = list(dict.fromkeys(side.result.info.grader for side in sides))
    if len(graders) > 1 and not across_graders:
        raise InputError(
            f"compare: the sides have different graders ({', '.join(map(shorten, graders))}), so a "
            "difference may be theirs: grade with one, or ask for it with --across-graders"
        )
    if adjusted and sides and length_rule(sides[0].result) is None:
        raise InputError(f"--adjusted: {names[0]} has no rule for length")
    if margin is not None and not margin > 0:
        raise InputError(f"--margin: expected points above 0, found {100 * margin:g}")
    for family in _families(sides) or [[]]:
        if len(family) < 2:
            where = f" of {shorten(family[0].family)}" if family and family[0].family else ""
            found = f"only {shorten(family[0].label)}" if family else "none"
            raise InputError(f"compare: expected two or more sides{where}, found {found}")


def _cases(run: RunInfo) -> str:
    """What is asked about: several benchmarks may ask about the same cases."""
    benchmark = benchmarks.of(run)
    return benchmark.cases or benchmark.name


def _families(sides: Sequence[Side]) -> list[list[Side]]:
    names = list(dict.fromkeys(side.family for side in sides))
    return [[side for side in sides if side.family == name] for name in names]


def _contrast(
    reference: Side,
    contender: Side,
    metric: str,
    *,
    namespaces: Sequence[str],
    margin: float | None,
    seed: int,
) -> Contrast:
    aligned = align(reference, contender)
    if not aligned.ids:
        raise InputError(
            f"compare: {shorten(reference.label)} and {shorten(contender.label)} have no example "
            "in common"
        )
    scored = Paired.of(reference, contender, metric, aligned)
    if not scored.ids:
        raise InputError(
            f"compare: no example is completely graded in both {shorten(reference.label)} and "
            f"{shorten(contender.label)}: `preceptor resume` the one that is incomplete"
        )
    dropped = list(aligned.dropped)
    if ungraded := len(aligned.ids) - len(scored.ids):
        dropped.append(Dropped(ungraded, "no completely graded answer on one of the sides"))
    lengths = scored.lengths(reference, contender)
    differences, clusters = scored.differences(), scored.clusters()
    return Contrast(
        reference=reference.label,
        contender=contender.label,
        family=reference.family,
        common=len(scored.ids),
        prompts=len(set(clusters)),
        dropped=dropped,
        overall=slice_difference(metric, scored, fewest=2),
        adjusted=_adjusted_difference(reference, contender, metric, aligned),
        tests=tests(scored, seed),
        effect_size=effect_size(differences),
        win_rate=win_rate(scored.right, scored.left, clusters=clusters),
        win_rate_length_controlled=win_rate(
            scored.right,
            scored.left,
            lengths_a=lengths[1],
            lengths_b=lengths[0],
            tolerance=LENGTH_TOLERANCE,
            clusters=clusters,
        ),
        equivalence=(
            None if margin is None else equivalence(differences, margin, clusters=clusters)
        ),
        mcnemar=binary_test(scored),
        slices=_slices(reference, contender, metric, namespaces, aligned),
    )


def _adjusted_difference(
    reference: Side, contender: Side, metric: str, aligned: Alignment
) -> SliceDifference | None:
    if metric != OVERALL or length_rule(reference.result) is None:
        return None
    name = OVERALL + LENGTH_SUFFIX
    return slice_difference(name, Paired.of(reference, contender, name, aligned), fewest=2)


def _kinds(result: Result) -> list[str]:
    """The kinds of slices that are compared unless others are named."""
    if result.slices:
        return [each.name for each in result.slices if each.compared]
    tags = (metric.tag for metric in result.metrics.values())
    return list(dict.fromkeys(tag.partition(":")[0] for tag in tags if tag and ":" in tag))


def _slices(
    reference: Side,
    contender: Side,
    metric: str,
    namespaces: Sequence[str],
    aligned: Alignment,
) -> list[SliceDifference]:
    """By namespace, in the caller's order; rubric tags have no length-adjusted twin."""
    suffix = LENGTH_SUFFIX if metric != OVERALL else ""
    found = []
    for space in namespaces:
        for name in reference.result.metrics:
            if not name.startswith(f"{space}:") or name not in contender.result.metrics:
                continue
            if is_adjusted(name, reference.result.metrics):
                continue
            if reference.result.metrics[name].tag != contender.result.metrics[name].tag:
                continue
            twin = name + suffix if name + suffix in reference.result.metrics else name
            difference = slice_difference(twin, Paired.of(reference, contender, twin, aligned))
            if difference.n:
                found.append(difference)
    return found


def _adjust(contrasts: Sequence[Contrast]) -> tuple[list[Contrast], list[str]]:
    """Holm and Benjamini–Hochberg: overall differences are one family, those of slices another."""
    overall = _adjusted([contrast.overall for contrast in contrasts])
    slices = _adjusted([item for contrast in contrasts for item in contrast.slices])
    done, start = [], 0
    for contrast, whole in zip(contrasts, overall, strict=True):
        end = start + len(contrast.slices)
        done.append(msgspec.structs.replace(contrast, overall=whole, slices=slices[start:end]))
        start = end
    tested = sum(item.p is not None for item in slices)
    left_out = len(slices) - tested
    families = [f"overall: {len(overall)} {'test' if len(overall) == 1 else 'tests'}"]
    if slices:
        text = f"slices × systems: {tested} tests"
        if left_out:
            text += f"; {left_out} with fewer than {FEWEST} common examples are not tested"
        families.append(text)
    return done, families


def _adjusted(differences: Sequence[SliceDifference]) -> list[SliceDifference]:
    p = [item.p for item in differences]
    return [
        msgspec.structs.replace(item, p_holm=strict, p_bh=mild)
        for item, strict, mild in zip(differences, holm(p), benjamini_hochberg(p), strict=True)
    ]


def _summary(side: Side, metric: str) -> SideSummary:
    result, info = side.result, side.result.info
    number = result.metrics.get(metric)
    lengths = Scores.of(result.scores).lengths
    return SideSummary(
        label=side.label,
        family=side.family,
        harness=side.harness,
        runs=side.runs,
        system=info.system,
        grader=info.grader,
        examples=info.n_examples,
        answers=replies_of(result.graded).failure.count(None),
        n=number.n if number else 0,
        mean=number.raw_mean if number else None,
        ci95=number.raw_ci95 if number else None,
        coverage=result.coverage,
        mean_length=float(lengths.sum()) / len(lengths) if len(lengths) else None,
        share_read=share_read(result.scores),
    )
