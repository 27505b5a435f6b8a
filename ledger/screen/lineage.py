"""This file holds how lineage is drawn: a tree in which a pool stands once, with all it was made from."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ledger.screen.numbers import Name, group, moment, nonconformity, quantity
from ledger.screen.words import Say

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

MOST_BAGS = 300
"""A drawing of more would help nobody."""
OTHERS = 4
"""How many further parents of a pool are named beside it."""
STYLES = {
    "available": "green",
    "transfused": "blue",
    "held": "red",
    "incomplete": "red",
    "missing": "red",
    "quarantine": "yellow",
    "consumed": "dim",
    "discarded": "dim",
    "destroyed": "dim",
}
_AT_A_PLACE = frozenset({"quarantine", "available", "held", "reserved", "distributed", "returned"})


class Lineage:
    """Draws the bags of a trace, each once: from what was collected down to what was made of it."""

    def __init__(self, say: Say, answer: Mapping[str, Any], name: Name) -> None:
        self._say, self._name = say, name
        self._subject = answer["subject"]
        self._bags: dict[str, Mapping[str, Any]] = {bag["bag"]: bag for bag in answer["bags"]}
        self._children: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._parents: dict[str, list[str]] = defaultdict(list)
        for edge in answer["edges"]:
            self._children[edge["parent"]].append((edge["child"], edge["process"]))
            self._parents[edge["child"]].append(edge["parent"])
        self._ends = _ends(answer["facts"])
        self._shown: set[str] = set()

    def tree(self) -> "Tree":
        from rich.tree import Tree

        tree = Tree(self._say("trace.lineage"), style="bold", guide_style="dim")
        if not self._bags:
            tree.add(self._say("trace.no_bags"))
        todo = [(tree, bag, "", "") for bag in reversed(self._roots())]
        while todo:  # a stack of its own: a chain of a thousand relabels must not end in a recursion
            if len(self._shown) >= MOST_BAGS:
                tree.add(self._say("trace.more", count=len(self._bags) - len(self._shown)))
                break
            above, bag, process, parent = todo.pop()
            if bag in self._shown:
                above.add(self._again(bag, process))
                continue
            self._shown.add(bag)
            branch = self._add(above, bag, process, parent)
            todo += [(branch, child, made_by, bag) for child, made_by in reversed(self._children[bag])]
        return tree

    def _roots(self) -> list[str]:
        """Bags without a parent here; of a cycle, which only bad input makes, the first."""
        roots = [bag for bag in self._bags if not self._parents[bag]]
        reached = set(roots)
        todo = list(roots)
        while len(reached) < len(self._bags):
            while todo:
                fresh = {child for child, _ in self._children[todo.pop()]} - reached
                reached |= fresh
                todo += fresh
            left = next((bag for bag in self._bags if bag not in reached), None)
            if left is None:
                break
            roots.append(left)
            reached.add(left)
            todo.append(left)
        return roots

    def _add(self, above: "Tree", bag: str, process: str, parent: str) -> "Tree":
        said = self._bags.get(bag, {"bag": bag, "status": "incomplete"})
        branch = above.add(self._label(said, process), style="")
        for hold in said.get("holds") or ():
            branch.add(self._hold(hold), style="red")
        for each in said.get("nonconformities") or ():
            text = nonconformity(self._say, each["code"]) or each["code"]
            branch.add(self._say("trace.nonconformity", text=text), style="red")
        others = [each for each in self._parents[bag] if each != parent] if parent else []
        if others:
            named = ", ".join(others[:OTHERS]) + (f" (+{len(others) - OTHERS})" if len(others) > OTHERS else "")
            branch.add(self._say("trace.pool", others=named), style="dim")
        return branch

    def _label(self, bag: Mapping[str, Any], process: str) -> "Text":
        from rich.text import Text

        say, status = self._say, bag.get("status") or "incomplete"
        label = Text()
        if process:
            label.append(f"{say.known(f'process.{process}', process)} → ", style="dim")
        label.append(bag["bag"], style="bold reverse" if bag["bag"] == self._subject else "bold")
        component = bag.get("component")
        words = [
            self._name(component) if component else "",
            quantity(say, bag.get("quantity"), bag.get("measure")),
            group(say, bag),
        ]
        label.append("".join(f"  {word}" for word in words if word))
        label.append(f"  {say.known(f'status.{status}', status)}", style=STYLES.get(status, ""))
        label.append("".join(f"  {word}" for word in self._around(bag, status)), style="dim")
        return label

    def _around(self, bag: Mapping[str, Any], status: str) -> list[str]:
        """From whom, to whom, where and until when."""
        say, words = self._say, []
        donor, patients = self._ends.get(bag["bag"], (None, ()))
        if donor:
            words.append(say("trace.from_donor", donor=donor))
        words += [say("trace.to_patient", patient=patient) for patient in patients]
        if status in _AT_A_PLACE and bag.get("facility"):
            words.append(say("trace.at", facility=bag["facility"]))
        if status in _AT_A_PLACE and bag.get("expires_at"):
            words.append(say("trace.expired" if bag.get("expired") else "trace.expires", at=moment(bag["expires_at"])))
        return words

    def _again(self, bag: str, process: str) -> "Text":
        from rich.text import Text

        say = self._say
        return Text(f"{say.known(f'process.{process}', process)} → {bag}  ({say('trace.again')})", style="dim")

    def _hold(self, hold: Mapping[str, Any]) -> str:
        say, scope = self._say, hold.get("scope") or {}
        kind = str(scope.get("kind", ""))
        place = f"{say.known(f'scope.{kind}', kind)} {scope.get('id', '')}".strip()
        cause = str(hold.get("cause", ""))
        return say("trace.hold", cause=say.known(f"cause.{cause}", cause), scope=place)


def _ends(facts: list[Mapping[str, Any]]) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """The donor and the recipients of each bag, by the facts that still stand."""
    donors: dict[str, str] = {}
    patients: dict[str, dict[str, None]] = defaultdict(dict)
    for fact in facts:
        body = fact.get("fact") or {}
        name = fact["name"].rpartition(".")[0]
        if fact.get("corrected") == "annulled":
            continue
        if name == "bag.collected" and body.get("donor"):
            donors[fact["stream"]] = str(body.get("donor"))
        elif name == "bag.transfused" and body.get("patient"):
            patients[fact["stream"]][body["patient"]] = None
    return {bag: (donors.get(bag), tuple(patients.get(bag, ()))) for bag in donors.keys() | patients.keys()}
