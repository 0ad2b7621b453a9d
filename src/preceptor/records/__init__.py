"""The nouns: what flows from a benchmark to a score. Frozen, typed, without behaviour of I/O."""

from preceptor.billing import Usage
from preceptor.records.answers import (
    Answers,
    Replies,
    examples_of,
    replies_of,
    sign_of,
    signs_by_example,
    singly_told,
)
from preceptor.records.examples import Criterion, Example, PhysicianAnswer, Slice
from preceptor.records.keys import content_key
from preceptor.records.messages import Message, Role, Turn, closing, lean
from preceptor.records.parts import File, Image, Part, Reasoning, Text, ToolCall, ToolResult
from preceptor.records.responses import Completion, Response, as_answer
from preceptor.records.results import NO_GRADER, Result, RunInfo
from preceptor.records.scores import Metric, Score
from preceptor.records.settings import (
    AddedMetric,
    DicomView,
    ImageControl,
    Marks,
    Passages,
    RunSettings,
    Strata,
    Stratum,
    SweepCell,
    TemplateName,
    ToolScore,
    Variant,
    reading_settings,
)
from preceptor.records.verdicts import Graded, Verdict

__all__ = [
    "NO_GRADER",
    "AddedMetric",
    "Answers",
    "Completion",
    "Criterion",
    "DicomView",
    "Example",
    "File",
    "Graded",
    "Image",
    "ImageControl",
    "Marks",
    "Message",
    "Metric",
    "Part",
    "Passages",
    "PhysicianAnswer",
    "Reasoning",
    "Replies",
    "Response",
    "Result",
    "Role",
    "RunInfo",
    "RunSettings",
    "Score",
    "Slice",
    "Strata",
    "Stratum",
    "SweepCell",
    "TemplateName",
    "Text",
    "ToolCall",
    "ToolResult",
    "ToolScore",
    "Turn",
    "Usage",
    "Variant",
    "Verdict",
    "as_answer",
    "closing",
    "content_key",
    "examples_of",
    "lean",
    "reading_settings",
    "replies_of",
    "sign_of",
    "signs_by_example",
    "singly_told",
]
