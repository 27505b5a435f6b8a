"""This file holds nothing: each module here is one question a person asks."""
