"""This file holds nothing: `projections` is the read side, from a stored fact to an answer."""
