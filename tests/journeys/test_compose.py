"""This file holds the tests of docker-compose.yml: it is one, and what it runs takes blood from vein to vein.

Compose itself is not run, since there is no Docker where these tests must run: our services' own commands are, in the
environment the file gives them, and Kafka's with its own configuration, against a real Kafka, registry and PostgreSQL.
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

import pytest
from compose_spec import PyCompose

from tests.journeys.composed import FILE, ROOT, Composed, MissingValue, as_written, interpolated
from tests.journeys.secured_postgres import postgres_as_composed
from tests.journeys.terminal import DIN, Terminal, amount, as_lines, command, life
from tests.kafka.jars import java_command, missing_here, registry_jar, why_no_jars
from tests.kafka.running import Running, free_port

PAGE = ROOT / "docs" / "how-to" / "run-the-whole-system.md"
SERVICES = as_written()["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
PROFILES = {"trial": "", "production": "-secured"}
IN_STOCK = "A999926123457=E0336V00"
BLOOD = [
    *life(),
    command("c2", "CollectBag", bag=IN_STOCK, donor="D-2", facility="C1", kind="whole_blood", quantity=amount("2")),
]
PROFILE_OF = {suffix: name for name, suffix in PROFILES.items()}
QUESTIONS = {
    ("trace", DIN): ("bags", "edges"),
    ("trace", "donor:D-1"): ("bags", "edges"),
    ("trace", "patient:P-1"): ("bags", "edges"),
    ("stock",): ("rows",),
}
SECONDS = 60.0


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────


def filled_in(part: Any) -> Any:
    """The file with every variable's default in its place."""
    if isinstance(part, dict):
        return {key: filled_in(value) for key, value in part.items()}
    if isinstance(part, list):
        return [filled_in(each) for each in part]
    return interpolated(part, {}) if isinstance(part, str) else part


def test_the_file_is_one_by_the_specification_of_compose() -> None:
    read = PyCompose.from_json(json.dumps(filled_in(as_written()))).to_spec()
    assert read.services is not None and {"relay", "projections"} <= {each.split("-")[0] for each in read.services}


SLIPS = [{"comand": ["relay"]}, {"depends_on": {"kafka": {"condition": "soon"}}}, {"restart": "sometimes"}]


@pytest.mark.parametrize("wrong", SLIPS)
def test_a_slip_in_the_file_would_be_noticed(wrong: dict[str, Any]) -> None:
    broken = filled_in(as_written())
    broken["services"]["relay"] |= wrong
    with pytest.raises(ValueError, match=r"extension key|unknown variant"):
        PyCompose.from_json(json.dumps(broken)).to_spec()


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
    assert service["restart"] in {"unless-stopped", "on-failure"}
    assert ("healthcheck" in service) == (service["restart"] == "unless-stopped"), "what runs on tells whether it does"
    for other, wanted in service.get("depends_on", {}).items():
        assert set(SERVICES[other]["profiles"]) == set(service["profiles"])
        healthy = "service_healthy" if "healthcheck" in SERVICES[other] else "service_completed_successfully"
        assert wanted["condition"] == healthy


def test_waiting_for_the_system_waits_for_what_ends_by_itself() -> None:
    """Compose takes an ended service for a failure, unless another one is there to wait for its end."""
    waited_for = {
        other
        for service in SERVICES.values()
        for other, wanted in service.get("depends_on", {}).items()
        if wanted["condition"] == "service_completed_successfully"
    }
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == waited_for


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
    if missing := why_no_jars():
        missing_here(f"Kafka as docker-compose.yml starts it: {missing}")
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
    urls = {"LEDGER_URL": postgres_url, "VIEWS_URL": postgres_url, "REGISTRY_URL": registry}
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


@contextmanager
def registry_as_composed(composed: Composed, name: str) -> Iterator[None]:
    """The registry with the service's own settings, Maven's jar in place of its image."""
    service = composed.mount(name)
    log_file, environment = composed.folder / f"{name}.log", composed.environment(service, name)
    running = Running(java_command("-jar", str(registry_jar())), log_file, environment)
    running.wait_until(partial(composed.healthy, name))
    try:
        yield
    finally:
        running.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if missing := why_no_jars():
        missing_here(f"PostgreSQL with TLS: {missing}")
    folder = tmp_path_factory.mktemp("production")
    secrets = make_secrets(folder / "made")
    # The page's line knows the server by its name in the network of the containers; here it is on the loopback.
    passwords = secrets / "pgpass"
    passwords.write_text(passwords.read_text().replace("postgres-secured:", "127.0.0.1:"))
    port = str(free_port())
    registry = {"REGISTRY_PORT": port, "REGISTRY_URL": f"http://127.0.0.1:{port}/apis/ccompat/v7"}
    composed = Composed(folder, addresses() | registry, secrets)
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_as_composed(composed, "postgres-secured"))

        def here(service: str, variable: str) -> str:
            written = interpolated(SERVICES[service]["environment"][variable], {})
            return re.sub(r"(?<=[@/])postgres-secured/", f"127.0.0.1:{postgres}/", written)

        url = here("ledger-secured", "BLOODLEDGER_LEDGER")
        database = here("registry-secured", "APICURIO_DATASOURCE_URL")
        composed.values |= {"LEDGER_URL": url, "VIEWS_URL": url, "REGISTRY_DATABASE": database}
        stack.enter_context(registry_as_composed(composed, "registry-secured"))
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
@pytest.mark.kafka
@pytest.mark.parametrize("composed, suffix", PROFILES.items(), indirect=["composed"], ids=list(PROFILES))
def test_blood_is_traced_from_vein_to_vein_by_what_the_file_runs(
    composed: Composed, suffix: str, tmp_path: Path
) -> None:
    for service in [name for name in composed.profile(PROFILE_OF[suffix]) if "healthcheck" not in SERVICES[name]]:
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
        told = composed.once(f"ledger{suffix}", "record", "-", given=as_lines(BLOOD))
        assert told.returncode == 0, told.stderr.decode()
        file = Terminal(tmp_path, "file.db")
        assert file.record(*BLOOD).code == 0
        for question, parts in QUESTIONS.items():
            found = file.run(*question, "--json").json
            wanted = {part: found[part] for part in parts}
            assert all(wanted.values())
            wait_for(partial(from_the_views, composed, suffix, question, parts), wanted)
    finally:
        codes = {name: each.end(signal.SIGTERM) for name, each in running.items()}
    assert codes == dict.fromkeys(running, 0)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.kafka
def test_in_production_nobody_comes_in_without_tls_and_a_password(production: Composed) -> None:
    url = production.values["LEDGER_URL"]
    assert production.once("ledger-secured", "init").returncode == 0
    ways_in = {
        "PostgreSQL without TLS": ("status", {"LEDGER_URL": url.replace("sslmode=verify-full", "sslmode=disable")}),
        "PostgreSQL without the password": ("status", {"LEDGER_URL": url.partition("&passfile")[0]}),
        "Kafka without TLS": ("topics", {"KAFKA_SECURITY": "plaintext"}),
        "Kafka without the password": ("topics", {"KAFKA_SECURITY": "tls"}),
    }
    for way, (asked, values) in ways_in.items():
        other = Composed(production.folder, production.values | values, production.secrets)
        said = other.once("topics-secured", asked)
        assert said.returncode == 3 and said.stderr.startswith(b"error: "), f"{way}: {said.stderr.decode()}"
    assert production.once("topics-secured").returncode == 0
