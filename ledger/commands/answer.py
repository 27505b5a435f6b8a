"""This file holds the answer to a command, as every door gives it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ledger.commands.malformed import Malformed
from ledger.domain.refusals import Refusal

Outcome = Literal["recorded", "repeated", "refused", "malformed", "fault"]


class Recorded(NamedTuple):
    """One fact a command caused, and where it stands."""

    stream: str
    version: int
    name: str
    position: int
    leaf: int


class Answer(NamedTuple):
    """What became of a command. Facts only when it was recorded, now or before."""

    outcome: Outcome
    facts: tuple[Recorded, ...] = ()
    problem: Refusal | Malformed | None = None
    fault: str | None = None
    defect: bool = False
    """Whether this program, not the world outside, was at fault."""

    def as_dict(self, line: int, request: str | None, lang: str = "en") -> dict[str, Any]:
        """The contract's form, in the language asked for."""
        said: dict[str, Any] = {
            "line": line,
            "request": request,
            "outcome": self.outcome,
            "facts": [fact._asdict() for fact in self.facts],
            "code": None,
            "message": None,
            "remedy": None,
            "where": None,
        }
        if self.problem is not None:
            problem = self.problem
            said.update(
                code=problem.code,
                message=problem.text(lang),
                remedy=problem.remedy(lang),
                where=problem.where,
            )
        elif self.fault is not None:
            said.update(
                code="fault",
                message=self.fault,
                remedy="请稍后以相同请求号重试。" if lang == "zh" else "Send the same request again later.",
                where="store",
            )
        return said
