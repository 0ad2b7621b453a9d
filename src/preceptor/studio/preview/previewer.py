"""Try a rubric: ask for answers and judge each twice, while its author writes on.

Answers and verdicts are in the run store under the keys that a run of the released task has. What
was under way when the process ended is asked again at the next preview; the rest is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from preceptor.errors import EndpointError, Unavailable
from preceptor.graders.base import together
from preceptor.records import Response, Verdict
from preceptor.rewards.judging import Judging
from preceptor.rewards.records import to_reward
from preceptor.store.rows import storable
from preceptor.studio.chat.desk import Desk
from preceptor.studio.chat.jobs import Job, Keeper, NoAnswer, preview_task, put
from preceptor.studio.chat.pieces import Live, words_of
from preceptor.studio.ledger.acts import Who
from preceptor.studio.ledger.chain import append
from preceptor.studio.people.project import PROTOCOL, Project, grader_of
from preceptor.studio.preview.acts import Previewed
from preceptor.studio.preview.findings import MET, NOT_MET, REPEATS, Preview, Tried
from preceptor.studio.preview.planning import Wanted
from preceptor.systems.base import Ask
from preceptor.systems.streaming import Restarted

__all__ = ["Previewer"]


class Previewer:
    """Previews for a project's authors; see the module.

    Parameters
    ----------
    desk
        Asks systems, and keeps what becomes of jobs.
    where
        The run store.
    """

    def __init__(self, desk: Desk, keeper: Keeper, where: str) -> None:
        self._desk, self._keeper, self._where = desk, keeper, where
        self._judges: dict[tuple[str, tuple[str, ...]], list[Judging]] = {}
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Finish and store the calls under way."""
        for judges in self._judges.values():
            for each in judges:
                await each.close()

    async def start(self, project: Project, found: Wanted, who: Who) -> str:
        """Begin a preview, and return the id of its job.

        Raises InputError where one is under way for this person.
        """

        async def work(live: Live) -> Job:
            return await self._preview(live, project, found, who)

        return await self._desk.work(preview_task(found.item), who.person, work)

    async def _preview(self, live: Live, project: Project, found: Wanted, who: Who) -> Job:
        await self._desk.begun(live)
        _tell(live, "Asking for answers.")
        asked = (self._asked(project, found, *each) for each in found.systems)
        answers = [
            *(Tried(alias=a.alias, system=a.system, text=a.text, key=a.key) for a in found.answers),
            *await together(*asked),
        ]
        if all(each.failure for each in answers):
            raise NoAnswer("no_answers", "no system gave an answer")
        judges = await self._judging(project)
        total, done = REPEATS * sum(not each.failure for each in answers), 0

        async def judge(one: Judging, tried: Tried) -> tuple[Verdict | None, ...]:
            nonlocal done
            (verdicts,) = await one.all([(found.example, storable(tried.text))])
            done += 1
            _tell(live, f"Judged {done} of {total} times.")
            return verdicts

        # One repeat after the other: both share the grader's limit on concurrent calls.
        repeats = [
            await together(*(judge(one, each) for each in answers if not each.failure))
            for one in judges
        ]
        by_answer = iter(zip(*repeats, strict=True))
        preview = Preview(
            asked=found.asked,
            grader=project.grader,
            criteria=found.content.criteria,
            answers=tuple(
                each if each.failure else _judged(found, each, next(by_answer)) for each in answers
            ),
        )
        return await self._kept(live.job, found.item, preview, who)

    async def _asked(self, project: Project, found: Wanted, system: str, before: int) -> Tried:
        """The answer of a system, or why there is none. Raises BudgetExceeded, StoreError."""
        alias, ask = project.alias(found.item, system), Ask(found.messages, repeat=before)
        try:
            response = await self._desk.answer(system, ask)
        except NoAnswer as error:
            return Tried(alias=alias, system=system, failure=words_of(error.kind))
        except TimeoutError:
            return Tried(alias=alias, system=system, failure=words_of("timeout"))
        except EndpointError as error:
            return Tried(alias=alias, system=system, failure=words_of(error.kind))
        except Unavailable:
            return Tried(alias=alias, system=system, failure=words_of("unavailable"))
        return Tried(alias=alias, system=system, text=response.text, key=response.key)

    async def _kept(self, job: Job, item: str, preview: Preview, who: Who) -> Job:
        done = msgspec.structs.replace(job, state="done")

        def command(connection: sa.Connection) -> None:
            put(connection, done)
            outcome = "complete" if preview.whole else "incomplete"
            append(connection, Previewed(preview=preview), by=who, subject=item, outcome=outcome)

        await self._keeper.write(command)
        return done

    async def _judging(self, project: Project) -> list[Judging]:
        """The grader of each repeat. Raises StoreError, Unavailable, InputError."""
        key = project.grader, project.grader_params
        async with self._opening:
            if key not in self._judges:
                judges = [
                    Judging(grader_of(*key, again=n), PROTOCOL, self._desk.spending, self._where)
                    for n in range(REPEATS)
                ]
                for place, each in enumerate(judges):
                    try:
                        await each.open()
                    except BaseException:
                        for opened in judges[:place]:
                            await opened.close()
                        raise
                self._judges[key] = judges
            return self._judges[key]


def _tell(live: Live, words: str) -> None:
    """Replace the line of progress."""
    live.add(Restarted("progress"))
    live.add(words)


def _judged(found: Wanted, tried: Tried, repeats: Sequence[tuple[Verdict | None, ...]]) -> Tried:
    response = Response(tried.key, storable(tried.text))
    scores = tuple(
        to_reward(
            found.example, response, verdicts, protocol=PROTOCOL, rule=None, min_coverage=1.0
        ).value
        for verdicts in repeats
    )
    words = tuple(tuple(map(_word, verdicts)) for verdicts in repeats)
    return msgspec.structs.replace(tried, verdicts=words, scores=scores)


def _word(verdict: Verdict | None) -> str:
    if verdict is None or verdict.met is None:
        return (verdict and verdict.reason) or "ungraded"
    return MET if verdict.met else NOT_MET
