"""A cheap grader decides where it is sure; the rest goes to a strong one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from preceptor.graders.base import Case, Grader, Recorder
from preceptor.graders.settings import Method
from preceptor.records import Verdict, content_key
from preceptor.systems.base import System

__all__ = ["CascadeGrader", "drawn"]


def drawn(key: str, share: float, seed: int) -> bool:
    """Whether the verdict under a key is in a random share of all: the same at every resume.

    The key is a hash, so with another seed it is drawn independently. ``share`` is from 0 to 1.
    """
    return int(content_key("audit", seed, key)[:13], 16) / 16**13 < share


class CascadeGrader(Grader):
    """The cheap grader's probability decides where it is ≤ low or ≥ high.

    A share of those it is sure of is given to the strong one as well. That audit changes no
    verdict: it is there so that the cheap grader's bias can be measured and corrected.
    """

    def __init__(self, address: str, cheap: Grader, strong: Grader, method: Method) -> None:
        self.address = address
        self.cheap, self.strong = cheap, strong
        self.method = method

    @property
    def systems(self) -> tuple[System, ...]:
        return tuple(dict.fromkeys((*self.cheap.systems, *self.strong.systems)))

    def departures(self) -> list[str]:
        m = self.method
        found = [
            f"Graded by a cascade: {self.cheap.address} decides where its probability is "
            f"{m.low:g} or less, or {m.high:g} or more; else {self.strong.address}."
        ]
        return list(dict.fromkeys([*found, *self.cheap.departures(), *self.strong.departures()]))

    def identity(self) -> dict[str, Any]:
        return {"cascade": [self.method.low, self.method.high]}

    def files(self) -> dict[str, str]:
        return {**self.cheap.files(), **self.strong.files()}

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        roles = dict.fromkeys(wanted, "cheap")
        first = await self.cheap.grade(case, wanted, recorder.member(0, self.cheap.address, roles))
        sure = {p: self._of_cheap(first[p]) for p in wanted if self._sure(first[p])}
        roles = {p: "audit" if p in sure else "strong" for p in wanted}
        roles = {p: role for p, role in roles.items() if role == "strong" or self._drawn(first[p])}
        await recorder.rule({p: verdict for p, verdict in sure.items() if p not in roles})
        places = list(roles)
        rest = msgspec.structs.replace(case, criteria={p: case.criteria[p] for p in places})
        second = await self.strong.grade(
            rest, places, recorder.member(1, self.strong.address, roles)
        )
        # Those of the audit too only now: after a stop they are still to be done, audit and all.
        late = {p: sure.get(p) or self._of_strong(first[p], second[p]) for p in places}
        await recorder.rule(late)
        return {**sure, **late}

    def _sure(self, verdict: Verdict) -> bool:
        chance = verdict.probability
        if verdict.met is None or chance is None:
            return False
        return chance <= self.method.low or chance >= self.method.high

    def _drawn(self, verdict: Verdict) -> bool:
        return drawn(verdict.key, self.method.audit_share, self.method.audit_seed)

    def _of_cheap(self, first: Verdict) -> Verdict:
        chance = first.probability
        assert chance is not None
        return Verdict(
            content_key("cascade", self.identity(), first.key, first.probability),
            chance >= self.method.high,
            f"decided by {self.cheap.address}: probability {chance:.3g}",
            probability=chance,
            cost_usd=0.0,
        )

    def _of_strong(self, first: Verdict, second: Verdict) -> Verdict:
        return Verdict(
            content_key("cascade", self.identity(), first.key, second.key, second.met),
            second.met,
            f"decided by {self.strong.address}: {second.explanation}",
            reason=second.reason,
            detail=second.detail,
            probability=second.probability,
            cost_usd=0.0,
        )
