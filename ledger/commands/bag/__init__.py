"""This file holds the list of rooms for commands about bags: making, quality, stock and bedside."""
