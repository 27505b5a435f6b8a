"""This file holds the names of the world in which everything goes wrong: what is said, and what of it is so."""
