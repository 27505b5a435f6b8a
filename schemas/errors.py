"""This file holds the one error of the schemas: bytes or values that no schema of ours describes."""


class SchemaError(ValueError):
    """A fact that cannot be written under its schema, or bytes that cannot be read under any."""


class RegistryAway(Exception):
    """The schema registry cannot be reached, or refuses us: `lasting`, until somebody changes something."""

    def __init__(self, what: str, lasting: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting
