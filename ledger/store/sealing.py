"""This file holds the sealing of personal text: AES-256-GCM under the subject's own key."""

import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.domain.values import Sealed
from ledger.store.faults import StoreFault
from ledger.store.keys import KeyStore

NONCE_SIZE = 12


class Sealer:
    """Seals and opens the texts of one ledger.

    The nonce is derived, so that one seed gives the same bytes twice: from the place of the text (ledger, stream,
    version, field) and from the text itself. The text is in it because a place can be written twice: a batch that
    was rolled back leaves no fact, and another text under the same nonce would break the cipher.
    """

    def __init__(self, keys: KeyStore, ledger_id: str) -> None:
        self._keys, self._ledger_id = keys, ledger_id

    def sealed(self, text: Sealed, stream: str, version: int, field: str) -> Sealed:
        """The same text as it is stored; what is sealed already stays as it is.

        Errors: KeyDestroyed; ValueError when there is neither text nor bytes.
        """
        if text.bytes is not None:
            return text
        if text.plain is None:
            raise ValueError(f"{field} of {stream} version {version}: nothing to seal")
        key, plain = self._keys.key(text.key_id), text.plain.encode()
        parts = [self._ledger_id.encode(), stream.encode(), str(version).encode(), field.encode(), plain]
        place = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        nonce = hmac.digest(key, place, "sha256")[:NONCE_SIZE]
        return Sealed(text.key_id, None, nonce + _cipher(key).encrypt(nonce, plain, None))

    def opened(self, text: Sealed) -> str | None:
        """The text, or None when its key does not exist any more (or does not exist here).

        Errors: StoreFault when the bytes were changed.
        """
        if text.plain is not None or text.bytes is None:
            return text.plain
        key = self._keys.known(text.key_id)
        if key is None:
            return None
        try:
            return _cipher(key).decrypt(text.bytes[:NONCE_SIZE], text.bytes[NONCE_SIZE:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise StoreFault(f"opening a text sealed for {text.key_id}", "its bytes or its key were changed") from error


@lru_cache(maxsize=1024)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
