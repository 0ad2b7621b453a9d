"""Public names for other packages: what benchmarks, systems, graders, environments and metrics
are made of. Import from here alone; other modules may change without notice.

A package says what it brings in entry points:

=========================== =================================================================
``preceptor.benchmarks``    a `Benchmark`, or a tuple of them
``preceptor.systems``       NAME → ``make(address, parameters) -> System``, for ``NAME:…``
``preceptor.graders``       NAME → ``make(address, system) -> Grader``, for ``NAME:MODEL``
``preceptor.environments``  NAME → ``make(address) -> Environment``, for ``environment = "NAME"``
                            in the manifest of a benchmark in a folder
``preceptor.metrics``       NAME → a `MetricSpec`, for ``--metric NAME``
``preceptor.commands``      NAME → a function that becomes ``preceptor NAME``
=========================== =================================================================
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from preceptor.benchmarks.base import (
        Benchmark,
        Dataset,
        Fields,
        Source,
    )
    from preceptor.benchmarks.own_rows import (
        criterion,
        message,
    )
    from preceptor.environments.base import (
        Environment,
        Session,
    )
    from preceptor.environments.scripted import (
        Script,
    )
    from preceptor.environments.tools import (
        ToolError,
        ToolSession,
    )
    from preceptor.errors import (
        DataError,
        EndpointError,
        EndpointRefused,
        InputError,
        Unavailable,
    )
    from preceptor.graders.base import (
        Call,
        Case,
        Grader,
        Question,
        Recorder,
        render_conversation,
    )
    from preceptor.graders.judge import (
        LabelJudge,
    )
    from preceptor.graders.model import (
        AskingGrader,
        ModelGrader,
    )
    from preceptor.graders.rubric import (
        ask_until_parsed,
    )
    from preceptor.protocols.asking import (
        Asking,
    )
    from preceptor.protocols.base import (
        Protocol,
    )
    from preceptor.protocols.choice import (
        CHOICE_LABELS,
        ChoiceProtocol,
        ChoiceScoring,
        choice_asking,
        choice_example,
    )
    from preceptor.protocols.judging import (
        Judging,
        ReferenceGrader,
    )
    from preceptor.protocols.rubric import (
        RubricProtocol,
        RubricScoring,
    )
    from preceptor.protocols.scoring import (
        Scoring,
    )
    from preceptor.records import (
        Completion,
        Criterion,
        Example,
        File,
        Graded,
        Image,
        Message,
        Metric,
        Part,
        PhysicianAnswer,
        Reasoning,
        Response,
        Score,
        Slice,
        Text,
        ToolCall,
        ToolResult,
        Turn,
        Usage,
        Verdict,
    )
    from preceptor.scoring import (
        LengthRule,
    )
    from preceptor.scoring.added import (
        MetricSpec,
    )
    from preceptor.scoring.answers import (
        answered,
        missing,
        scored,
    )
    from preceptor.scoring.rubric import (
        OVERALL,
    )
    from preceptor.scoring.summary import (
        summarise,
    )
    from preceptor.scoring.units import (
        units,
    )
    from preceptor.systems.base import (
        Ask,
        Capability,
        Parameters,
        System,
        ToolSpec,
    )

_HOMES = {
    "preceptor.benchmarks.base": ("Benchmark", "Dataset", "Fields", "Source"),
    "preceptor.benchmarks.own_rows": ("criterion", "message"),
    "preceptor.environments.base": ("Environment", "Session"),
    "preceptor.environments.scripted": ("Script",),
    "preceptor.environments.tools": ("ToolError", "ToolSession"),
    "preceptor.errors": (
        "DataError",
        "EndpointError",
        "EndpointRefused",
        "InputError",
        "Unavailable",
    ),
    "preceptor.graders.base": (
        "Call",
        "Case",
        "Grader",
        "Question",
        "Recorder",
        "render_conversation",
    ),
    "preceptor.graders.judge": ("LabelJudge",),
    "preceptor.graders.model": ("AskingGrader", "ModelGrader"),
    "preceptor.graders.rubric": ("ask_until_parsed",),
    "preceptor.protocols.asking": ("Asking",),
    "preceptor.protocols.base": ("Protocol",),
    "preceptor.protocols.choice": (
        "CHOICE_LABELS",
        "ChoiceProtocol",
        "ChoiceScoring",
        "choice_asking",
        "choice_example",
    ),
    "preceptor.protocols.judging": ("Judging", "ReferenceGrader"),
    "preceptor.protocols.rubric": ("RubricProtocol", "RubricScoring"),
    "preceptor.protocols.scoring": ("Scoring",),
    "preceptor.records": (
        "Completion",
        "Criterion",
        "Example",
        "File",
        "Graded",
        "Image",
        "Message",
        "Metric",
        "Part",
        "PhysicianAnswer",
        "Reasoning",
        "Response",
        "Score",
        "Slice",
        "Text",
        "ToolCall",
        "ToolResult",
        "Turn",
        "Usage",
        "Verdict",
    ),
    "preceptor.scoring": ("LengthRule",),
    "preceptor.scoring.added": ("MetricSpec",),
    "preceptor.scoring.answers": ("answered", "missing", "scored"),
    "preceptor.scoring.rubric": ("OVERALL",),
    "preceptor.scoring.summary": ("summarise",),
    "preceptor.scoring.units": ("units",),
    "preceptor.systems.base": ("Ask", "Capability", "Parameters", "System", "ToolSpec"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CHOICE_LABELS",
    "OVERALL",
    "Ask",
    "Asking",
    "AskingGrader",
    "Benchmark",
    "Call",
    "Capability",
    "Case",
    "ChoiceProtocol",
    "ChoiceScoring",
    "Completion",
    "Criterion",
    "DataError",
    "Dataset",
    "EndpointError",
    "EndpointRefused",
    "Environment",
    "Example",
    "Fields",
    "File",
    "Graded",
    "Grader",
    "Image",
    "InputError",
    "Judging",
    "LabelJudge",
    "LengthRule",
    "Message",
    "Metric",
    "MetricSpec",
    "ModelGrader",
    "Parameters",
    "Part",
    "PhysicianAnswer",
    "Protocol",
    "Question",
    "Reasoning",
    "Recorder",
    "ReferenceGrader",
    "Response",
    "RubricProtocol",
    "RubricScoring",
    "Score",
    "Scoring",
    "Script",
    "Session",
    "Slice",
    "Source",
    "System",
    "Text",
    "ToolCall",
    "ToolError",
    "ToolResult",
    "ToolSession",
    "ToolSpec",
    "Turn",
    "Unavailable",
    "Usage",
    "Verdict",
    "answered",
    "ask_until_parsed",
    "choice_asking",
    "choice_example",
    "criterion",
    "message",
    "missing",
    "render_conversation",
    "scored",
    "summarise",
    "units",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'preceptor.extend' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
