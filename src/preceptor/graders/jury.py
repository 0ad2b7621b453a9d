"""Several graders judge each criterion, and a rule makes one verdict of their votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preceptor.graders.base import Case, Grader, Recorder, together
from preceptor.graders.settings import Method
from preceptor.records import Verdict, content_key
from preceptor.systems.base import System

__all__ = ["JuryGrader", "decide"]


def decide(
    votes: Sequence[bool | None],
    *,
    rule: str = "majority",
    quorum: int | None = None,
    weights: Sequence[float] | None = None,
    tie: str = "ungraded",
) -> tuple[bool | None, str | None]:
    """(met, None), or (None, why there is no verdict).

    Parameters
    ----------
    votes
        True for met, False for not met, None for a member whose judgement failed: that is no vote.
    rule
        ``majority``: more than half of the votes given. ``weighted``: more than half of their
        weight. ``unanimous``: met if all members say so. ``any``: met if one does. ``quorum``: met
        if that many do. With these three, one "not met" fewer or more may decide: where the votes
        that failed could have changed the outcome, there is no verdict (``votes_missing``).
    tie
        What equal halves are: ``met``, ``not_met`` or ``ungraded`` (``tie``).
    """
    if all(vote is None for vote in votes):
        return None, "votes_missing"
    if rule in ("majority", "weighted"):
        counted = weights if rule == "weighted" and weights is not None else [1.0] * len(votes)
        # Weights are sums of decimals: halves that are equal on paper must be equal here.
        lead = round(sum(w * (1 if v else -1) for v, w in _cast(votes, counted)), 9)
        if lead:
            return lead > 0, None
        return (None, "tie") if tie == "ungraded" else (tie == "met", None)
    needed = {"unanimous": len(votes), "any": 1}.get(rule, quorum or len(votes))
    met, missing = sum(vote is True for vote in votes), sum(vote is None for vote in votes)
    if met >= needed:
        return True, None
    return (False, None) if met + missing < needed else (None, "votes_missing")


def _cast(votes: Sequence[bool | None], weights: Sequence[float]) -> list[tuple[bool, float]]:
    pairs = zip(votes, weights, strict=True)
    return [(vote, weight) for vote, weight in pairs if vote is not None]


class JuryGrader(Grader):
    """Every member judges every criterion. Each member's verdict is kept as a vote."""

    def __init__(self, address: str, members: Sequence[Grader], method: Method) -> None:
        self.address = address
        self.members = tuple(members)
        self.method = method

    @property
    def systems(self) -> tuple[System, ...]:
        return tuple(dict.fromkeys(s for member in self.members for s in member.systems))

    def departures(self) -> list[str]:
        many = f" of {self.method.quorum}" if self.method.rule == "quorum" else ""
        rule = self.method.rule + many
        found = [f"Graded by a jury of {len(self.members)} (rule: {rule})."]
        found += [sentence for member in self.members for sentence in member.departures()]
        return list(dict.fromkeys(found))

    def identity(self) -> dict[str, Any]:
        m = self.method
        return {"jury": m.rule, "quorum": m.quorum, "weights": m.weights, "tie": m.tie}

    def files(self) -> dict[str, str]:
        return {name: sha for each in self.members for name, sha in each.files().items()}

    async def grade(
        self, case: Case, wanted: Sequence[int], recorder: Recorder
    ) -> dict[int, Verdict]:
        roles = dict.fromkeys(wanted, "juror")
        each = await together(
            *(
                member.grade(case, wanted, recorder.member(number, member.address, roles))
                for number, member in enumerate(self.members)
            )
        )
        verdicts = {place: self._verdict([votes[place] for votes in each]) for place in wanted}
        await recorder.rule(verdicts)
        return verdicts

    def _verdict(self, votes: Sequence[Verdict]) -> Verdict:
        m = self.method
        met, reason = decide(
            [vote.met for vote in votes],
            rule=m.rule,
            quorum=m.quorum,
            weights=m.weights,
            tie=m.tie,
        )
        told = "; ".join(
            f"{member.address}: {_word(vote)}"
            for member, vote in zip(self.members, votes, strict=True)
        )
        key = content_key("jury", self.identity(), [(vote.key, vote.met) for vote in votes])
        if met is None:
            return Verdict(key, None, told, reason=reason, detail=told, cost_usd=0.0)
        return Verdict(key, met, told, cost_usd=0.0)


def _word(vote: Verdict) -> str:
    if vote.met is None:
        return f"no vote ({vote.reason})"
    return "met" if vote.met else "not met"
