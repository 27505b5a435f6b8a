"""This file holds nothing: its doors are `port`, `opening`, `mapper` and `keys`; the rest stands behind."""
