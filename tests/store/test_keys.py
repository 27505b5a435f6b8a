"""This file holds the promises of sealing: durable keys, deterministic bytes, and erasure by destroying a key."""

import stat
from pathlib import Path

import pytest

from ledger.domain.values import Sealed
from ledger.store.faults import StoreFault
from ledger.store.keys import KeyDestroyed, KeyStore
from ledger.store.sealing import Sealer


def test_a_key_is_the_same_for_ever_and_in_every_process(tmp_path: Path) -> None:
    one, other = KeyStore(tmp_path / "keys"), KeyStore(tmp_path / "keys")
    key = one.key("donor:1")
    assert len(key) == 32 and other.key("donor:1") == key == one.key("donor:1")
    assert other.key("donor:2") != key
    one.close(), other.close()


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    KeyStore(tmp_path / "keys").close()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_a_destroyed_key_never_comes_back(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys")
    key = keys.key("donor:1")
    keys.destroy("donor:1", 7)
    keys.destroy("donor:never-made", 7)
    for each in ("donor:1", "donor:never-made"):
        assert keys.known(each) is None
        with pytest.raises(KeyDestroyed):
            keys.key(each)
    keys.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key not in files


def test_an_unknown_key_is_not_made_by_asking(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys")
    assert keys.known("donor:1") is None
    assert set(keys.ensure(["donor:1", "donor:2"])) == {"donor:1", "donor:2"}
    keys.close()


def test_what_cannot_be_a_key_store_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, only text " * 100)
    for place in (tmp_path / "no folder" / "keys", tmp_path / "text", tmp_path):
        with pytest.raises(StoreFault, match="key store"):
            KeyStore(place)


def _sealer(ledger_id: str = "L", make: bytes = b"k") -> Sealer:
    return Sealer(KeyStore(":memory:", make=lambda key_id: (make + key_id.encode()).ljust(32, b"-")), ledger_id)


def test_a_text_opens_again_and_is_not_in_the_bytes() -> None:
    sealer = _sealer()
    sealed = sealer.sealed(Sealed("donor:1", "张三, faint"), "donor:1", 1, "notes")
    assert sealed.plain is None and sealed.bytes is not None and b"faint" not in sealed.bytes
    assert sealer.opened(sealed) == "张三, faint"
    assert sealer.sealed(sealed, "donor:1", 2, "notes") == sealed


def test_one_seed_gives_the_same_bytes_and_every_place_its_own() -> None:
    def sealed(sealer: Sealer, stream: str, version: int, field: str, text: str) -> bytes | None:
        return sealer.sealed(Sealed("text", text), stream, version, field).bytes

    places = [("a", 1, "x", "t"), ("a", 1, "y", "t"), ("a", 2, "x", "t"), ("b", 1, "x", "t"), ("a", 1, "x", "u")]
    bytes_of = [sealed(_sealer(), *place) for place in places]
    assert bytes_of == [sealed(_sealer(), *place) for place in places]
    assert len({each[:12] for each in bytes_of if each}) == len(places)
    assert sealed(_sealer("other"), *places[0]) != bytes_of[0]


def test_a_text_whose_key_is_gone_is_gone() -> None:
    keys = KeyStore(":memory:")
    sealer = Sealer(keys, "L")
    sealed = sealer.sealed(Sealed("donor:1", "secret"), "donor:1", 1, "notes")
    keys.destroy("donor:1", 7)
    assert sealer.opened(sealed) is None
    with pytest.raises(KeyDestroyed):
        sealer.sealed(Sealed("donor:1", "more"), "donor:1", 2, "notes")


def test_a_changed_text_is_a_fault() -> None:
    sealer = _sealer()
    sealed = sealer.sealed(Sealed("donor:1", "secret"), "donor:1", 1, "notes")
    assert sealed.bytes is not None
    for index in range(len(sealed.bytes)):
        changed = bytearray(sealed.bytes)
        changed[index] ^= 1
        with pytest.raises(StoreFault, match="changed"):
            sealer.opened(sealed._replace(bytes=bytes(changed)))


def test_there_must_be_something_to_seal() -> None:
    with pytest.raises(ValueError, match="nothing to seal"):
        _sealer().sealed(Sealed("donor:1"), "donor:1", 1, "notes")
