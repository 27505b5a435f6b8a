"""This file holds nothing: the simulator's rooms are histories that may act only by sending commands."""
