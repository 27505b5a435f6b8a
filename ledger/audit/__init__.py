"""This file holds nothing: `verify` is the audit's door; the other rooms each check one part of the store."""
