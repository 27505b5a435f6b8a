"""This file holds nothing: each module here is one thing people see in a terminal."""
