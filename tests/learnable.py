"""Small tables whose answers can be learnt, made of invented texts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl

from aufruf.baselines.recipes import list_recipes
from invented import OPENINGS, PHRASES, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

RECIPES_OF_TABLES = [recipe.name for recipe in list_recipes() if not recipe.needs]
"""The recipes that need nothing but texts and answers."""


def calls_and_others(n: int, seed: int = 0) -> pl.DataFrame:
    """Return n German texts, a third of them calls to protest: columns text, call (yes or no)."""
    rng = random.Random(seed)
    rows: list[tuple[str, str]] = []
    for number in range(n):
        opening = f"{rng.choice(OPENINGS['de'])} ({number})"
        call = number % 3 == 0
        phrase = rng.choice(PHRASES["de"]["protest_mobilization"])
        plain = rng.choice(PLAIN["de"]).format(opening=opening)
        rows.append((f"{opening}: {phrase}!" if call else plain, "yes" if call else "no"))
    return pl.DataFrame(rows, schema=["text", "call"], orient="row")


def write_table(folder: Path, frame: pl.DataFrame, name: str = "calls.csv") -> Path:
    """Write a frame as a table and return its path."""
    frame.write_csv(folder / name)
    return folder / name
