"""This file holds the list of rooms for commands about bags: making, preparing, quality, stock and bedside."""
