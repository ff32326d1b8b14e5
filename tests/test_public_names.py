"""The public surface is closed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import aufruf


@pytest.mark.parametrize("name", aufruf.__all__)
def test_every_public_name_can_be_imported_and_is_documented(name: str):
    assert getattr(aufruf, name).__doc__


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    """Importing everything first would put modules in the place of names."""
    names = ", ".join(aufruf.__all__)
    code = (
        "import pkgutil, aufruf\n"
        "for found in pkgutil.iter_modules(aufruf.__path__):\n"
        "    if found.name != '__main__': __import__('aufruf.' + found.name)\n"
        f"from aufruf import {names}\n"
        f"import types; print([x for x in ({names},) if isinstance(x, types.ModuleType)])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = aufruf.nothing
