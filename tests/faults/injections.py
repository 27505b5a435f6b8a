"""This file holds the faults: each is done to a scene at work, and says whether it really happened.

It did when who was hit was alive and had something to do: facts that were stored and not yet sent or applied, or a
burst that was not yet recorded. A fault that came too late, or met nobody, is tried again, and not counted.
"""

from collections.abc import Callable, Iterator
from random import Random
from time import monotonic

from tests.faults.plan import COMMIT_POINTS, KEY_POINTS, RELAY_POINTS, VIEW_POINTS, at_point
from tests.faults.programs import DIED_AT_POINT, Program, come_true, let_pass
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene, Streamed
from tests.faults.topic import Fact, Place, Raw, Topics, as_record, leaf_of, next_hash, place_of, put

TRIES = 4
DRIP_SECONDS, LAST_DRIP_SECONDS = 0.2, 6.0
SOON_SECONDS, LATE_SECONDS = 2.0, 20.0
SHORTEST_FILE = 128 * 1024
"""Below this no file is held: a process must be able to open its database before the disk is full."""


class Burst:
    """The commands of a round, sent a few windows at a time, so that every fault has some to happen in."""

    def __init__(self, scene: Scene, topics: Topics, chance: Random, until: int) -> None:
        self.scene, self.topics, self.chance = scene, topics, chance
        self._until = self._allowed = until
        self._dripped_at = 0.0
        self.altered: set[tuple[Place, int]] = set()
        """Partition and number of what was put on the topics and is no fact of the ledger."""

    def share(self, faults: int) -> None:
        """The next fault may use as much of what is left as each of those that are still to come."""
        sent = self.scene.sent_to
        self._allowed = min(sent + max((self._until - sent) // faults, 1), self._until)

    def more(self, windows: int = 2) -> bool:
        """Have some windows more recorded, meanwhile; False when the fault has no more of them."""
        scene = self.scene
        if scene.sent_to >= self._allowed:
            return False
        scene.record(min(scene.sent_to + windows, self._allowed))
        return True

    def drip(self, enough: Callable[[], bool], windows: int = 1, keep: int = 0) -> bool:
        """Windows after windows, until something has come of it; whether it has, also a while after the last ones.

        `keep`: how many the fault wants for afterwards.
        """

        def next_is_due() -> bool:
            left = self._allowed - self.scene.sent_to - keep
            return left > 0 and monotonic() - self._dripped_at >= DRIP_SECONDS and self.scene.recorded(0.0)

        def looked() -> bool:
            if next_is_due() and self.more(windows):
                self._dripped_at = monotonic()
            return enough() or monotonic() - self._dripped_at >= LAST_DRIP_SECONDS

        self._dripped_at = monotonic()
        return come_true(looked, LATE_SECONDS) and enough()

    def rest(self) -> None:
        """What is left of it."""
        self._allowed = self._until
        self.more(self._until)

    def soon(self, longest: float = 0.06) -> None:
        """A moment."""
        let_pass(self.chance.random() * longest)

    # -- whether there is something to do ----------------------------------------------------------

    def views_behind(self) -> bool:
        """Whether facts are stored that the views do not have."""
        stored, projected = self.scene.watch.stored(), self.scene.watch.projected()
        return stored is not None and projected is not None and projected < stored

    def relay_behind(self) -> bool:
        """Whether facts are stored of which the relay has not said that they were acknowledged."""
        stored, relayed = self.scene.watch.stored(), self.scene.watch.relayed()
        return stored is not None and relayed is not None and relayed < stored

    def recording(self) -> bool:
        """Whether the ledger does not hold yet what it was told to."""
        return not self.scene.recorded(0.0)

    def at_work(self, busy: Callable[[], bool], hit: Callable[[], bool], windows: int = 2) -> bool:
        """Hit while there is something to do, and see that there was; else try again with more."""
        for _ in range(TRIES):
            self._pile_up(windows)
            self.soon(0.02)
            if busy():
                return hit()
        return False

    def _pile_up(self, windows: int) -> None:
        """Let relay and projecting process stand still while something is recorded, and go on all at once."""
        standing = [each.program for each in (self.scene.relay, self.scene.project) if each is not None]
        for program in standing:
            program.pause()
        self.more(windows)
        self.scene.recorded()
        for program in standing:
            program.go_on()


Fault = Callable[[Burst], bool]


# -- recording -------------------------------------------------------------------------------------------------


def kill_recording(burst: Burst) -> bool:
    scene = burst.scene

    for _ in range(TRIES):
        burst.more(3)
        burst.soon()
        if burst.recording() and scene.recording is not None:
            killed = scene.recording.kill()
            return killed and not scene.recorded(0.1)
        scene.recorded()
    return False


def recording_dies_at(point: str) -> Fault:
    def fault(burst: Burst) -> bool:
        scene = burst.scene
        scene.end_recording()
        after = 0 if point in KEY_POINTS else burst.chance.randrange(2)
        if point in KEY_POINTS:  # a new subject does not come with every command
            burst.share(2)
        program = scene.start_recording(f"{point}:{after}")
        return _dies(burst, program, windows=3 if point in KEY_POINTS else 1)

    return fault


def _dies(burst: Burst, program: Program, windows: int = 1) -> bool:
    return burst.drip(lambda: not program.runs(), windows) and program.code == DIED_AT_POINT


# -- projecting ------------------------------------------------------------------------------------------------


def kill_projecting(burst: Burst) -> bool:
    scene, project = burst.scene, burst.scene.project
    assert project is not None, "it was made ready"
    if not burst.at_work(burst.views_behind, project.program.kill):
        return False
    # Mostly the next one is in a group of its own; sometimes it waits until the group has noticed.
    same = burst.chance.random() < 0.25
    scene.project = scene.start_projecting(group=project.group if same else None)
    return True


def projecting_dies_at(point: str) -> Fault:
    def fault(burst: Burst) -> bool:
        scene = burst.scene
        scene.stop_projecting()
        scene.project = scene.start_projecting(dies_at=f"{point}:{burst.chance.randrange(2)}")
        come_true(lambda: scene.projects() or not scene.project_runs(), LATE_SECONDS)
        return _dies(burst, scene.project.program)

    return fault


def two_projecting(burst: Burst) -> bool:
    """Two that know nothing of one another are given the same facts at once: the fence lets each pass once."""
    return _second_projecting(burst, group=None)


def rebalance(burst: Burst) -> bool:
    """A second one comes into the group while facts flow, and one of the two leaves it again."""
    assert burst.scene.project is not None, "it was made ready"
    return _second_projecting(burst, group=burst.scene.project.group)


def _second_projecting(burst: Burst, group: str | None) -> bool:
    scene, first = burst.scene, burst.scene.project
    assert first is not None, "it was made ready"
    second = scene.start_projecting(group=group)
    come_true(lambda: bool(second.health()), LATE_SECONDS)
    both = burst.drip(lambda: all(each.health().get("partitions", 0) > 0 for each in (first, second)), keep=2)
    sent = burst.more(4) and scene.recorded()
    burst.soon(0.3)
    both = both and first.program.runs() and second.program.runs()
    scene.project, leaving = (first, second) if burst.chance.random() < 0.5 else (second, first)
    scene.stop_projecting(leaving)
    return both and sent


def disk_full(burst: Burst) -> bool:
    scene, project = burst.scene, burst.scene.project
    assert scene.views_file is not None and project is not None, "views in a file, and who fills it"
    wal = scene.views_file.with_name(f"{scene.views_file.name}-wal")
    size = wal.stat().st_size if wal.exists() else 0
    project.program.limit_files(max(size + burst.chance.randrange(64) * 1024, SHORTEST_FILE))

    def said_so() -> bool:
        health = project.health()
        return health.get("state") == "away" and "disk" in health["why"]

    full = burst.drip(said_so) and project.program.runs()
    if burst.chance.random() < 0.5:
        project.program.limit_files(None)  # somebody made room
    else:
        scene.stop_projecting()
    return full


# -- what comes over the line ------------------------------------------------------------------------------------


def duplicates(burst: Burst) -> bool:
    """Some of what stands on the topics comes once more, as it is, in any order."""
    scene, chance = burst.scene, burst.chance
    burst.more()
    come_true(lambda: bool(scene.watch.projected()), LATE_SECONDS)
    burst.topics.read_on()
    there = burst.topics.records.get(scene.story.ledger, [])
    first = chance.randrange(len(there)) if there else 0
    some = there[first : first + chance.randrange(10, 80)]
    if chance.random() < 0.5:
        chance.shuffle(some)
    burst.more()
    return put(scene.servers.broker.address, some) > 0


def reordered(burst: Burst) -> bool:
    """Facts come before those that go before them; the relay that was to send them was killed."""

    def records(facts: list[tuple[int, bytes, Fact]], place: Place) -> Iterator[Raw]:
        early = facts[1:5]
        burst.chance.shuffle(early)
        return (as_record(burst.scene.story.ledger, place, *each) for each in early)

    return _ahead_of_relay(burst, records)


def altered(burst: Burst) -> bool:
    """A record comes under the next number that says something else than the ledger will."""

    def records(facts: list[tuple[int, bytes, Fact]], place: Place) -> Iterator[Raw]:
        for number, hash_, fact in facts[:1]:
            state = fact.state[:-1] + bytes([fact.state[-1] ^ 1])
            burst.altered.add((place, number))
            yield as_record(burst.scene.story.ledger, place, number, hash_, fact._replace(state=state))

    return _ahead_of_relay(burst, records)


def _ahead_of_relay(burst: Burst, records: Callable[[list[tuple[int, bytes, Fact]], Place], Iterator[Raw]]) -> bool:
    scene = burst.scene
    assert scene.relay is not None, "it was made ready"
    scene.recorded()
    scene.relay.program.kill()
    scene.relay = None
    burst.more(4)
    scene.recorded()
    burst.topics.read_on()
    early = [raw for place, facts in _next_facts(burst).items() for raw in records(facts, place)]
    arrived = put(scene.servers.broker.address, early)
    scene.mended()
    return arrived > 0


def _next_facts(burst: Burst) -> dict[Place, list[tuple[int, bytes, Fact]]]:
    """What is stored and not on the topics, by partition: number, hash and fact."""
    found: dict[Place, list[tuple[int, bytes, Fact]]] = {}
    passed: dict[Place, int] = {}
    topics, ledger = burst.topics, burst.scene.story.ledger
    burst.scene.watch.close()  # its connections may be older than the server
    for row in burst.scene.watch.store.rows(0, 1_000_000):
        fact = Fact(row.position, row.stream, row.version, row.name, row.recorded_at, row.state)
        place = place_of(fact.stream, topics.partitions)
        passed[place] = passed.get(place, 0) + 1
        chain = topics.chain(ledger, place)
        if passed[place] > len(chain.facts):
            facts = found.setdefault(place, [])
            before = facts[-1][1] if facts else chain.hashes[-1]
            facts.append((passed[place], next_hash(before, leaf_of(fact)), fact))
    return found


# -- servers -----------------------------------------------------------------------------------------------------


def kill_broker(burst: Burst) -> bool:
    broker = burst.scene.servers.broker

    def hit() -> bool:
        broker.kill()
        burst.more()
        burst.soon(0.5)
        broker.start()
        _in_a_new_group(burst)
        return True

    return burst.at_work(burst.views_behind, hit)


def _in_a_new_group(burst: Burst) -> None:
    """Who lost the broker waits until its group has noticed, which takes long; so mostly it is killed before, too."""
    project = burst.scene.project
    if project is not None and burst.chance.random() < 0.7:
        project.program.kill()


def kill_postgres(busy: Callable[[Burst], bool]) -> Fault:
    def fault(burst: Burst) -> bool:
        postgres = burst.scene.servers.postgres

        def hit() -> bool:
            burst.more(1)
            burst.soon(0.03)
            postgres.kill()
            burst.soon(0.3)
            postgres.start()
            return True

        return burst.at_work(lambda: busy(burst), hit)

    return fault


def cut_broker(burst: Burst) -> bool:
    cut = burst.at_work(burst.views_behind, lambda: _cut(burst, burst.scene.servers.broker_line))
    _in_a_new_group(burst)
    return cut


def cut_postgres(burst: Burst) -> bool:
    return burst.at_work(burst.views_behind, lambda: _cut(burst, burst.scene.servers.postgres.line))


def _cut(burst: Burst, line: Proxy) -> bool:
    """Cut all that is open, and sometimes let nobody in again for a while."""
    closed = burst.chance.random() < 0.5
    line.close_door(closed)
    there = line.cut()
    burst.more()
    if closed:
        burst.soon(1.0)
        line.close_door(False)
    return there > 0


# -- relaying ----------------------------------------------------------------------------------------------------


def kill_relay(burst: Burst) -> bool:
    """It had facts to send, and had not said of all of them that they were acknowledged."""
    relay = burst.scene.relay
    assert relay is not None, "it was made ready"
    return burst.at_work(burst.relay_behind, relay.program.kill)


def relay_dies_at(point: str) -> Fault:
    def fault(burst: Burst) -> bool:
        scene = burst.scene
        scene.stop_relay()
        after = 0 if point == "after-checkpoint" else burst.chance.randrange(2)
        scene.relay = scene.start_relay(dies_at=f"{point}:{after}")
        come_true(lambda: scene.relays() or not scene.relay_runs(), LATE_SECONDS)
        return _dies(burst, scene.relay.program)

    return fault


def two_relays(burst: Burst) -> bool:
    """The active one stands still in the middle of its work until the other took over, and then goes on with it."""
    scene, first = burst.scene, burst.scene.relay
    assert first is not None, "it was made ready"
    second = scene.start_relay()
    if not come_true(lambda: second.health().get("state") == "standby", LATE_SECONDS):
        return False
    burst.more()
    burst.soon()
    first.program.pause()
    burst.more(4)
    recorded = scene.recorded()
    taken = come_true(lambda: _holds_lease(scene, second), LATE_SECONDS)
    first.program.go_on()
    both = recorded and taken and first.program.runs() and second.program.runs()
    burst.soon(0.5)
    scene.relay, leaving = (second, first) if burst.chance.random() < 0.7 else (first, second)
    scene.stopped(leaving.program, "relay")
    return both


def _holds_lease(scene: Scene, relay: Streamed) -> bool:
    lease = scene.watch.lease()
    return lease is not None and lease.holder.endswith(f":{relay.program.pid}")


FAULTS: dict[str, Fault] = {
    "kill recording process": kill_recording,
    **{at_point(point): recording_dies_at(point) for point in (*COMMIT_POINTS, *KEY_POINTS)},
    "kill projecting process": kill_projecting,
    **{at_point(point): projecting_dies_at(point) for point in VIEW_POINTS},
    "two projecting at once": two_projecting,
    "rebalance in a batch": rebalance,
    "disk full under views": disk_full,
    "duplicate delivery": duplicates,
    "kill broker": kill_broker,
    "cut broker's connections": cut_broker,
    "kill PostgreSQL under ledger": kill_postgres(Burst.relay_behind),
    "kill PostgreSQL under views": kill_postgres(Burst.views_behind),
    "cut PostgreSQL's connections": cut_postgres,
    "kill relay": kill_relay,
    **{at_point(point): relay_dies_at(point) for point in RELAY_POINTS},
    "two relays at once": two_relays,
    "reordered delivery": reordered,
    "altered record": altered,
}
