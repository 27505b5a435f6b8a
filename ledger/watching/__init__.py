"""This file holds nothing: `watching` is what long-running processes tell of themselves."""
