"""MythTriage: the stance of videos on eight myths about opioid use disorder.

Source: Jung et al. 2025, arXiv 2506.00308.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preceptor.benchmarks.base import Benchmark, Fields, Source
from preceptor.errors import InputError
from preceptor.files import read_rows
from preceptor.protocols.asking import Asking
from preceptor.protocols.base import Protocol
from preceptor.protocols.labelling import LabelScoring
from preceptor.records import Example, Message, Slice

__all__ = ["BENCHMARKS", "STANCES", "read"]

#: In our own words.
_MYTHS = {
    "M1": "Treating opioid addiction with medication only swaps one drug for another.",
    "M2": "Being addicted to opioids is a lack of moral strength, not a disease.",
    "M3": "The aim of treatment must be to take no opioid of any kind.",
    "M4": "Only a certain kind of person becomes addicted.",
    "M5": "Physical dependence or tolerance is the same as addiction.",
    "M6": "Detoxification is an effective treatment of opioid addiction.",
    "M7": "Medication for opioid addiction should be taken for a short time only.",
    "M8": "Kratom is a safe alternative to opioids and does not cause addiction.",
}

STANCES = {
    "-1": ("-1", "−1", "opposes", "opposing", "against"),
    "0": ("0", "neither", "neutral"),
    "1": ("1", "+1", "supports", "supporting"),
}
_UNUSABLE = ("2", "3", "4")

_INSTRUCTION = (
    "Does the video support the myth (1), oppose it (-1), or neither (0)? Reply with JSON: "
    '{"label": -1, 0 or 1, "confidence": <how sure you are, 0 to 100>}'
)

#: Columns of a video's own words, which a user has to get and add.
_WORDS = (
    ("video_title", "Title"),
    ("video_description", "Description"),
    ("tags", "Tags"),
    ("transcript", "Transcript"),
)


def read(path: Path) -> Iterator[Example]:
    """A folder with the evaluation sets of the eight myths, one row a video.

    Rows with label 2, 3 or 4 (the video could not be judged) are left out.
    """
    for myth in _MYTHS:
        files = sorted(path.rglob(f"{myth}_evaluation_set.csv"))
        if not files:
            raise InputError(f"{path}: expected {myth}_evaluation_set.csv in it, found none")
        for line, row in read_rows(files[0]):
            fields = Fields(row, str(files[0]), line)
            if fields.one_of("label", (*STANCES, *_UNUSABLE)) not in _UNUSABLE:
                yield _example(fields, myth)


def _example(row: Fields, myth: str) -> Example:
    video = row.text("video_id")
    words = [(title, row.optional_text(column)) for column, title in _WORDS]
    shown = [f"{title}: {text}" for title, text in words if text]
    about = "\n".join(shown) or f"Video: {row.text('video_url')}"
    return Example(
        id=f"{myth}/{video}",
        messages=(Message("user", f"Myth: {_MYTHS[myth]}\n\n{about}"),),
        criteria=(),
        tags=(f"myth:{myth}",),
        target={"label": row.text("label"), "cluster": video},
    )


_HASHES = {
    "M1": "774774661caaffab160fe8f6991a6efcaf13ed95451bad30ee2dd50c7550e84e",
    "M2": "d1a2567fbfde5cbda174fff09856a894c52316ec65e0b6bce0509b6a75d496bd",
    "M3": "86d4233e1568835a89576c03932ba3a774d69ce182f0172fd2c7bad2834003d6",
    "M4": "4d22463ede6b964f6c28a1adc28b99a934a8b1906ed865e2829333c066539467",
    "M5": "55bf430842e6969cbcd249272b5423696aca903305798540fee93f61da43caf0",
    "M6": "14d26ee957767690d4235a1115b288beb73839623d98dd1fca34dfcd1a46b8b9",
    "M7": "2b7705cbaa512a711328953744db528dc76bbd56626156670d4b5244d767ac19",
    "M8": "79d7fde3dda2027859b84553633d239f30ec73bb35f75ef68cf064d3c46eb75e",
}

BENCHMARKS = (
    Benchmark(
        slices=(Slice("myth"),),
        name="mythtriage",
        title="MythTriage",
        family="classification",
        summary="8 × 295 videos: stance on eight myths about opioid use disorder",
        licence="MIT",
        citation="Jung et al. 2025, arXiv:2506.00308",
        n_examples=2360,
        protocol=Protocol(
            "labelling",
            asking=Asking(_INSTRUCTION),
            scoring=LabelScoring(STANCES, by="myth", confidence=True, units_are="videos"),
        ),
        read=read,
        source=tuple(
            Source(
                "hayoungjungg/MythTriage",
                "cdce350110e1e2581c303e215c6d7fa672b8ee7f",
                f"data/gold_standard_datasets/myth_specific/{myth}_evaluation_set.csv",
                digest,
                host="github",
            )
            for myth, digest in _HASHES.items()
        ),
        folder="mythtriage",
        labels={
            "overall_score": "Accuracy",
            "parse_rate": "Answers that could be read",
            "macro_f1": "Macro-F1, mean over myths",
            "confidence": "Confidence as stated",
        },
        caution="The release has the addresses of the videos and not their words: without a column "
        "transcript that a user adds, a system is asked about an address",
        measures="Whether a video's stance on a myth is recognised.",
        faults=(
            "Only ids and labels are released; titles and transcripts have to be fetched, and some "
            "videos are gone.",
            "Of 310 labels a myth, 15 say that the video could not be judged; they are left out.",
        ),
        verified="Macro-F1 of the stored GPT-4o outputs, equal to scikit-learn's.",
    ),
)
