"""This file holds the run of all examples in the package's docstrings."""

import doctest
import importlib
import pkgutil

import pytest

from ledger import isbt128

MODULES = [found.name for found in pkgutil.iter_modules(isbt128.__path__, "ledger.isbt128.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
