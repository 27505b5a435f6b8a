"""This file holds the tests of docker-compose.yml: it is one, and what it runs takes blood from vein to vein.

Compose itself is not run, since there is no Docker where these tests must run: our services' own commands are, in the
environment the file gives them, and Kafka's with its own configuration, against a real Kafka, registry and PostgreSQL.
golden/compose-spec.json is the Compose specification's own schema (compose-go v2.16.2, Apache-2.0).
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import jsonschema
import pytest

from tests.journeys.composed import FILE, ROOT, Composed, MissingValue, as_written, interpolated
from tests.journeys.secured_postgres import postgres_as_composed
from tests.journeys.terminal import DIN, Terminal, as_lines, life
from tests.kafka.running import Running, free_port
from tests.kafka_broker import kafka_or_why_not

PAGE = ROOT / "docs" / "how-to" / "run-the-whole-system.md"
SERVICES = as_written()["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
PROFILES = {"trial": "", "production": "-secured"}
QUESTIONS = {
    ("trace", DIN): ("bags", "edges"),
    ("trace", "donor:D-1"): ("bags", "edges"),
    ("trace", "patient:P-1"): ("bags", "edges"),
    ("stock",): ("rows",),
}
SECONDS = 60.0


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_one_by_the_specification_of_compose() -> None:
    schema = json.loads((ROOT / "tests" / "golden" / "compose-spec.json").read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(as_written())) == []


def test_the_schema_would_notice() -> None:
    schema = json.loads((ROOT / "tests" / "golden" / "compose-spec.json").read_text(encoding="utf-8"))
    broken = as_written()
    broken["services"]["relay"]["comand"] = broken["services"]["relay"].pop("command")
    assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_values_are_filled_in_as_compose_does() -> None:
    values = {"SET": "1", "EMPTY": ""}
    assert interpolated("$SET ${SET} ${SET:-x} ${SET:+y} $$SET", values) == "1 1 1 y $SET"
    assert interpolated("${EMPTY:-x} [${EMPTY-x}] [${EMPTY:+y}] ${EMPTY+y}", values) == "x [] [] y"
    assert interpolated("${NONE:-x} ${NONE-x} [$NONE] [${NONE}] [${NONE+y}]", values) == "x x [] [] []"
    with pytest.raises(MissingValue, match="NONE: say where"):
        interpolated("${NONE:?say where}", values)
    with pytest.raises(MissingValue):
        interpolated("${EMPTY:?say where}", values)
    assert interpolated("[${EMPTY?say where}]", values) == "[]"


def test_it_can_be_read_without_a_single_value() -> None:
    for name in SERVICES:
        Composed(Path("nowhere"), {}).service(name)


def test_both_profiles_hold_the_same_system() -> None:
    per_profile = {name: set(Composed(Path("nowhere"), {}).profile(name)) for name in PROFILES}
    assert {f"{each}-secured" for each in per_profile["trial"]} | {"readers-secured"} == per_profile["production"]
    assert per_profile["trial"] | per_profile["production"] == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_what_it_may_take_and_when_it_is_started_again(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] in {"unless-stopped", "on-failure:5"}
    assert ("healthcheck" in service) == (service["restart"] == "unless-stopped"), "what runs on tells whether it does"
    for other, wanted in service.get("depends_on", {}).items():
        assert set(SERVICES[other]["profiles"]) == set(service["profiles"])
        healthy = "service_healthy" if "healthcheck" in SERVICES[other] else "service_completed_successfully"
        assert wanted["condition"] == healthy


@pytest.mark.parametrize("name", OURS)
def test_our_programs_have_no_right_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert not service["user"].startswith(("0", "root")) and service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]


def test_nothing_can_be_reached_from_outside_the_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_no_secret_stands_in_the_file_and_each_service_has_those_it_names_alone() -> None:
    file = as_written()
    for name, service in SERVICES.items():
        given = set(service.get("secrets", []))
        contents = [file["configs"][each["source"]]["content"] for each in service.get("configs", []) if given]
        named = set(re.findall(r"/run/secrets/(\w[\w.-]*)", json.dumps([service, contents])))
        assert named <= given, name
        if name in OURS:
            assert given in (set(), {"ca.pem", "pgpass", "kafka-ledger"})
    assert {each for service in SERVICES.values() for each in service.get("secrets", [])} == set(file["secrets"])
    assert not re.search(r"(?i)password[:=] *\w", FILE.read_text(encoding="utf-8"))


def test_the_image_is_made_from_what_is_there() -> None:
    recipe = SERVICES["relay"]["build"]["dockerfile_inline"]
    copied = [word for line in re.findall(r"^COPY (.+)$", recipe, re.MULTILINE) for word in line.split()[:-1]]
    assert {"ledger", "projections", "schemas"} <= set(copied)
    assert [each for each in copied if not (ROOT / each).exists()] == []
    assert "--require-hashes" in recipe and re.search(r"^USER [1-9]", recipe, re.MULTILINE)


# ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────


def wait_for(ask: Callable[[], Any], wanted: Any) -> None:
    """Asks until the answer is the one wanted; fails, showing both, where it is not in time."""
    until, tick = time.monotonic() + SECONDS, Event()
    while (found := ask()) != wanted and time.monotonic() < until:
        tick.wait(0.2)
    assert found == wanted


@contextmanager
def kafka_as_composed(composed: Composed, name: str) -> Iterator[None]:
    """The service's own start, configuration and health check, with Kafka's jars in place of its image."""
    if isinstance(why_not := kafka_or_why_not(), str):
        pytest.skip(why_not)
    if os.environ.get("BLOODLEDGER_TEST_KAFKA"):
        pytest.skip("BLOODLEDGER_TEST_KAFKA names a Kafka; this test starts its own, as docker-compose.yml says")
    running = composed.start(name)
    running.wait_until(lambda: composed.healthy(name))
    try:
        yield
    finally:
        running.end(signal.SIGKILL)


def addresses() -> dict[str, str]:
    broker = free_port()
    return {
        "KAFKA_ADDRESS": f"127.0.0.1:{broker}",
        "BROKER_HOST": "127.0.0.1",
        "BROKER_PORT": str(broker),
        "CONTROLLER_PORT": str(free_port()),
        "KAFKA_PORT": str(free_port()),
        "KEYS_FILE": "/var/lib/bloodledger/keys",
    }


@pytest.fixture
def trial(tmp_path: Path, postgres_url: str, registry: str) -> Iterator[Composed]:
    urls = {"LEDGER_URL": postgres_url, "VIEWS_URL": postgres_url, "REGISTRY_URL": os.environ.get("H1REG", registry)}
    composed = Composed(tmp_path, addresses() | urls)
    with kafka_as_composed(composed, "kafka"):
        yield composed


def make_secrets(folder: Path) -> Path:
    """By the very lines of the page."""
    found = re.search(r"```sh\n(umask 077\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the page shows how the secrets are made"
    made = subprocess.run(
        ["sh", "-eu", "-c", found[1]],
        env=os.environ | {"SECRETS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def production(tmp_path: Path, registry: str) -> Iterator[Composed]:
    secrets = make_secrets(tmp_path / "made")
    # The page's line knows the server by its name in the network of the containers; here it is on the loopback.
    passwords = secrets / "pgpass"
    passwords.write_text(passwords.read_text().replace("postgres-secured:", "127.0.0.1:"))
    composed = Composed(tmp_path, addresses() | {"REGISTRY_URL": os.environ.get("H1REG", registry)}, secrets)
    with ExitStack() as stack:
        port = stack.enter_context(postgres_as_composed(composed, "postgres-secured"))
        url = SERVICES["ledger-secured"]["environment"]["BLOODLEDGER_LEDGER"]
        url = interpolated(url, {}).replace("@postgres-secured/", f"@127.0.0.1:{port}/")
        composed.values |= {"LEDGER_URL": url, "VIEWS_URL": url}
        stack.enter_context(kafka_as_composed(composed, "kafka-secured"))
        yield composed


@pytest.fixture
def composed(request: pytest.FixtureRequest) -> Composed:
    found: Composed = request.getfixturevalue(request.param)
    return found


def from_the_views(composed: Composed, suffix: str, question: tuple[str, ...], parts: tuple[str, ...]) -> Any:
    """Those parts of the answer that the views have by now; what is said on standard error where there is none."""
    said = composed.once(f"ledger{suffix}", *question, "--json", "--no-catch-up")
    if said.returncode:
        return said.stderr.decode()
    found = json.loads(said.stdout)
    return {part: found[part] for part in parts}


def replicas(suffix: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Each process that runs on: service, a name of its own, values of its own."""
    for service in (f"relay{suffix}", f"projections{suffix}"):
        for number in range(SERVICES[service]["deploy"].get("replicas", 1)):
            yield service, f"{service}-{number}", {"HTTP_ADDRESS": f"127.0.0.1:{free_port()}"}


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("composed, suffix", PROFILES.items(), indirect=["composed"], ids=list(PROFILES))
def test_blood_is_traced_from_vein_to_vein_by_what_the_file_runs(
    composed: Composed, suffix: str, tmp_path: Path
) -> None:
    for service in (f"ledger{suffix}", f"topics{suffix}"):
        said = composed.once(service)
        assert said.returncode == 0, said.stderr.decode()
    running: dict[str, Running] = {}
    each_of = list(replicas(suffix))
    assert len(each_of) == 3
    try:
        for service, name, more in each_of:
            running[name] = composed.start(service, name, **more)
        for service, name, more in each_of:
            running[name].wait_until(partial(composed.healthy, service, **more))
        told = composed.once(f"ledger{suffix}", "record", "-", given=as_lines(life()))
        assert told.returncode == 0, told.stderr.decode()
        file = Terminal(tmp_path, "file.db")
        assert file.record(*life()).code == 0
        for question, parts in QUESTIONS.items():
            found = file.run(*question, "--json").json
            wanted = {part: found[part] for part in parts}
            wait_for(partial(from_the_views, composed, suffix, question, parts), wanted)
    finally:
        codes = {name: each.end(signal.SIGTERM) for name, each in running.items()}
    assert codes == dict.fromkeys(running, 0)
