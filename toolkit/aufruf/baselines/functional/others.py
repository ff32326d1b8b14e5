"""Suites of others, as HateCheck has made usual: one table, a case a line, right answers of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.baselines.functional.suite import Suite
from aufruf.errors import InputError
from aufruf.sources.columns import read_columns, yes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_USUAL = {
    "text": ("test_case", "text", "sentence", "post", "content"),
    "gold": ("label_gold", "gold", "label", "expected"),
    "functionality": ("functionality", "functionality_name", "capability", "test_name"),
    "template": ("templ_id", "template_id", "template", "case_templ"),
    "group": ("target_ident", "target", "group", "identity"),
}
_OPTIONAL = ("template", "group")
_NEGATIONS = ("non-", "non_", "non ", "not-", "not_", "not ", "no ", "nicht ", "kein ")
_TWO = 2


def read_others_suite(  # noqa: PLR0913 -- the command's options, in the same words
    path: Path,
    *,
    text: str | None = None,
    gold: str | None = None,
    positive: str | None = None,
    template: str | None = None,
    functionality: str | None = None,
) -> Suite:
    """Read someone else's suite from a table (CSV, TSV, JSON Lines, Parquet).

    Columns that are not named are found by their usual names, as is one of groups of people that the cases
    name. Without a column of templates each text is a template of its own. Languages are not known.

    Args:
        path: the table.
        text: column of the texts.
        gold: column of the right answers, two in number.
        positive: the answer that counts as yes; not needed for true and false, yes and no, 1 and 0,
            or a word and its negation (``hateful``, ``non-hateful``).
        template: column of the templates.
        functionality: column of the functionalities.

    Raises:
        InputError: if a column is not found, a cell is empty, or the answers are not two.
    """
    frame = read_columns(path)
    given = {"text": text, "gold": gold, "functionality": functionality, "template": template, "group": None}
    columns = {what: _column(path, frame.columns, what, name) for what, name in given.items()}
    chosen = frame.select(
        pl.col(name).alias(what) for what, name in columns.items() if name is not None
    ).with_row_index("case", offset=1)
    if columns["template"] is None:
        chosen = chosen.with_columns(template=pl.col("text"))
    if columns["group"] is None:
        chosen = chosen.with_columns(group=pl.lit(None, pl.String))
    empty = [name for name in chosen.columns if name != "group" and chosen[name].null_count()]
    if empty:
        raise InputError(f"{path}: {chosen[empty[0]].null_count()} cases have no {empty[0]}")
    head = columns["gold"] or "gold"
    yes = _positive(path, head, sorted(chosen["gold"].unique()), positive)
    cases = chosen.select(
        pl.col("case").cast(pl.String),
        "functionality",
        pl.lit(None, pl.String).alias("language"),
        "template",
        pl.col("template").alias("unit"),
        "group",
        "text",
        (pl.col("gold") == yes).alias(head),
    )
    return Suite(path.name, cases, (head,))


def _column(path: Path, columns: Sequence[str], what: str, name: str | None) -> str | None:
    if name is not None:
        if name not in columns:
            raise InputError(f"{path}: has no column {name!r}; its columns are {', '.join(columns)}")
        return name
    usual = [known for known in _USUAL[what] if known in columns]
    if not usual and what not in _OPTIONAL:
        option = {"gold": "--label"}.get(what, f"--{what}")
        raise InputError(
            f"{path}: none of its columns is called {' or '.join(_USUAL[what])}; say with {option} which of "
            f"{', '.join(columns)} it is"
        )
    return usual[0] if usual else None


def _positive(path: Path, column: str, answers: Sequence[str], positive: str | None) -> str:
    if positive is not None:
        if positive not in answers:
            raise InputError(f"{path}: no answer in column {column!r} is {positive!r}")
        return positive
    negated = [
        yes
        for yes in answers
        for no in answers
        if no.casefold() in {f"{n}{yes.casefold()}" for n in _NEGATIONS}
    ]
    found = yes_of(answers) or (negated[0] if len(negated) == 1 else None)
    if found is None or len(answers) != _TWO:
        raise InputError(
            f"{path}: column {column!r} has {len(answers)} different answers, none of them a plain yes: "
            "say which one counts as yes with --positive"
        )
    return found
