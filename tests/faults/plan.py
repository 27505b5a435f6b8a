"""This file holds the plan of a run: which faults come in which round. The same seed makes the same plan."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

ROUNDS_OF_A_WORLD = 5
"""How many rounds one ledger has, at most."""
RARELY = 10
"""Some faults take all too long to get over."""
FACES = 4
"""The ways in which ledger and views stand in files or on a server: a run of few rounds has each of them, too."""

RELAY_POINTS = ("before-send", "after-send", "after-checkpoint")
VIEW_POINTS = ("before-apply", "after-apply", "before-publish", "after-publish")
COMMIT_POINTS = ("before-lock", "after-lock", "after-facts", "after-index", "before-commit", "after-commit")
KEY_POINTS = ("before-key-commit", "after-key-commit")


NEEDED = {"recording": (False, False), "relaying": (True, False)}
"""Whether relay and projecting process must be at work for a fault of a class; both, for the others."""
SLOW = ("servers", "relaying")
"""Classes that take long to get over: rounds have one or the other, by turns."""


class Setup(NamedTuple):
    """Where a ledger and its views are."""

    ledger: str
    views: str


class Kind(NamedTuple):
    """A kind of fault.

    Shape: `ledger` and `views` where these must be, None for anywhere; `server` whether one of them must be on the
    server; `first` whether it can only happen while a ledger is new; `rare` whether once in RARELY rounds is enough.
    """

    name: str
    ledger: str | None = None
    views: str | None = None
    server: bool = False
    first: bool = False
    rare: bool = False

    def fits(self, setup: Setup, first: bool) -> bool:
        """Whether it can happen there and then."""
        return (
            self.ledger in (None, setup.ledger)
            and self.views in (None, setup.views)
            and (not self.server or POSTGRES in setup)
            and (not self.first or first)
        )


FILE, POSTGRES = "SQLite", "PostgreSQL"
SETUPS = (Setup(FILE, FILE), Setup(POSTGRES, POSTGRES), Setup(FILE, POSTGRES), Setup(POSTGRES, FILE))


def at_point(point: str) -> str:
    """The name of the fault that a process dies at a commit point."""
    return f"kill at {point}"


# At most one of each class comes in a round; so what one fault broke is mended beside the next.
CLASSES: dict[str, tuple[Kind, ...]] = {
    "recording": (
        Kind("kill recording process"),
        *(Kind(at_point(point)) for point in COMMIT_POINTS),
        *(Kind(at_point(point), first=True) for point in KEY_POINTS),
    ),
    "projecting": (
        Kind("kill projecting process"),
        *(Kind(at_point(point)) for point in VIEW_POINTS),
        Kind("two projecting at once"),
        Kind("rebalance in a batch", views=POSTGRES),
        Kind("disk full under views", views=FILE),
    ),
    "repeating": (Kind("duplicate delivery"),),
    "servers": (
        Kind("kill broker", rare=True),
        Kind("cut broker's connections"),
        Kind("kill PostgreSQL under ledger", ledger=POSTGRES),
        Kind("kill PostgreSQL under views", views=POSTGRES),
        Kind("cut PostgreSQL's connections", server=True),
    ),
    "relaying": (
        Kind("kill relay"),
        *(Kind(at_point(point)) for point in RELAY_POINTS),
        Kind("two relays at once"),
        Kind("reordered delivery"),
        Kind("altered record"),
    ),
}
KINDS = tuple(kind for kinds in CLASSES.values() for kind in kinds)


class Round(NamedTuple):
    """One round. Shape: `world` counts ledgers, `of_world` rounds in it, from 0; `last` of its world."""

    number: int
    world: int
    of_world: int
    last: bool
    setup: Setup
    faults: tuple[str, ...]


def planned(rounds: int, seed: int) -> list[Round]:
    """The plan of a run."""
    chance = Random(f"faults/{seed}")
    decks = {name: _Deck(kinds, chance) for name, kinds in CLASSES.items()}
    in_world = min(ROUNDS_OF_A_WORLD, -(-rounds // FACES))
    plan = []
    for number in range(rounds):
        world, of_world = divmod(number, in_world)
        setup = SETUPS[world % FACES]
        faults = tuple(_faults_of(decks, setup, of_world == 0, number, chance))
        last = of_world == in_world - 1 or number == rounds - 1
        plan.append(Round(number, world, of_world, last, setup, faults))
    return plan


def _faults_of(decks: "dict[str, _Deck]", setup: Setup, first: bool, number: int, chance: Random) -> Iterator[str]:
    """Those which need that facts flow come first, in any order; those which stop them for longer come last."""
    some = ["recording", "projecting", "repeating"]
    if first:
        some.remove("recording")
        yield decks["recording"].dealt(setup, first, number).name
    chance.shuffle(some)
    for name in (*some, SLOW[number % len(SLOW)]):
        yield decks[name].dealt(setup, first, number).name


class _Deck:
    """Deals the kinds of a class: of those that fit, one that was dealt least often."""

    def __init__(self, kinds: tuple[Kind, ...], chance: Random) -> None:
        self._kinds, self._chance = kinds, chance
        self._dealt = dict.fromkeys(kinds, 0)

    def dealt(self, setup: Setup, first: bool, number: int) -> Kind:
        # What fits seldom goes before what fits always.
        fitting = [kind for kind in self._kinds if kind.fits(setup, first) and not self._enough(kind, number)]
        least = min((self._dealt[kind], -_choosy(kind)) for kind in fitting)
        kind = self._chance.choice([each for each in fitting if (self._dealt[each], -_choosy(each)) == least])
        self._dealt[kind] += 1
        return kind

    def _enough(self, kind: Kind, number: int) -> bool:
        return kind.rare and self._dealt[kind] > number // RARELY


def _choosy(kind: Kind) -> int:
    return 2 * kind.first + (kind.ledger is not None) + (kind.views is not None)
