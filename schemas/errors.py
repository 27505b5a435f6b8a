"""This file holds the one error of the schemas: bytes or values that no schema of ours describes."""


class SchemaError(ValueError):
    """A fact that cannot be written under its schema, or bytes that cannot be read under any."""
