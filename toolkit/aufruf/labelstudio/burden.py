"""What a record holds, as far as it is known or can be guessed, and what reading it costs people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.assets import asset
from aufruf.errors import SettingsError
from aufruf.gold.run import newest_gold
from aufruf.lexicon import load_lexicon
from aufruf.tables import ANNOTATIONS, RECORDS, SOURCE_LABELS
from aufruf.views import current_annotations, first_answers, triage_judgements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aufruf.label_scheme import TaskPass
    from aufruf.labelstudio.annotators import Annotator
    from aufruf.lexicon import Lexicon
    from aufruf.workspace import Workspace

TARGET = "target"
_NEUTRAL = "protest_mobilization"
_ENOUGH = 20


def lexicon_of(workspace: Workspace) -> Lexicon:
    """Return the workspace's lexicon, or the shipped one where the workspace is older than that."""
    own = workspace.root / "schemas" / "lexicon.toml"
    path = own if own.exists() else asset("schemas", "lexicon.toml")
    return load_lexicon(path, workspace.label_scheme.label_names)


def heavy_labels(workspace: Workspace) -> tuple[str, ...]:
    """Return the labels that make a record heavy to read.

    Raises:
        SettingsError: if the settings name one that the label scheme does not have.
    """
    chosen, names = workspace.settings.rounds.heavy, workspace.label_scheme.label_names
    if chosen is None:
        return tuple(name for name in names if name != _NEUTRAL)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise SettingsError(
            f"aufruf.toml: [rounds] heavy names '{unknown[0]}', expected labels: {', '.join(names)}"
        )
    return chosen


def names_of(workspace: Workspace, records: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return what each record holds or may hold, as far as one may opt out of it.

    - Labels: those that gold says it holds; without gold, those that anybody chose; where nobody was
      asked, those that the lexicon or a labelled source makes likely. An answer ends the guess.
    - Targets (the attribute `target`): those that anybody named. There are none before a detail pass.
    - Groups of the lexicon that its words speak of, its source, `column=value` of what a labelled set says.

    Args:
        workspace: the workspace.
        records: ``record_id``; other columns are ignored.
    """
    ids = records.lazy().select("record_id").unique()
    store = workspace.store
    texts = store.scan(RECORDS).join(ids, on="record_id", how="semi")
    said = store.scan(SOURCE_LABELS).join(ids, on="record_id", how="semi")
    answers = current_annotations(store.scan(ANNOTATIONS).join(ids, on="record_id", how="semi"))
    named = pl.concat(
        [
            _labels(workspace, ids, answers, texts, said),
            _targets(answers),
            texts.select("record_id", name="source"),
            said.select("record_id", name=pl.col("column") + "=" + pl.col("value")),
        ]
    )
    grouped = named.group_by("record_id").agg(pl.col("name").unique()).collect()
    return {record: frozenset(names) for record, names in grouped.iter_rows()}


def known_names(workspace: Workspace) -> frozenset[str]:
    """Return everything that one may opt out of, ``column=value`` of labelled sources aside."""
    targets = [a.value_names for a in workspace.label_scheme.attributes if a.name == TARGET]
    sources = workspace.store.scan(RECORDS).select(pl.col("source").unique()).collect().get_column("source")
    groups = lexicon_of(workspace).group_names
    return frozenset([*workspace.label_scheme.label_names, *sum(targets, ()), *groups, *sources])


def seconds_per_task(
    workspace: Workspace, in_pass: TaskPass, annotators: Iterable[Annotator]
) -> dict[str, float]:
    """Return what a task takes each annotator: the median of their live answers in that pass.

    With fewer than 20 answers of theirs it is the median of everybody's, with fewer than 20 of these the
    setting; a verdict takes as long as a task of the detail pass there. Label Studio's clock runs while a
    page is open: a median is not moved by a lunch break.
    """
    rounds = workspace.settings.rounds
    default = rounds.triage_seconds if in_pass == "triage" else rounds.detail_seconds
    taken = (
        current_annotations(workspace.store.scan(ANNOTATIONS))
        .filter((pl.col("pass") == in_pass) & (pl.col("state") == "live") & (pl.col("seconds") > 0))
        .select("annotator", "seconds")
        .collect()
    )
    everyone = taken.get_column("seconds").median() if taken.height >= _ENOUGH else None
    own = (
        taken.group_by("annotator").agg(pl.col("seconds").median(), n=pl.len()).filter(pl.col("n") >= _ENOUGH)
    )
    known: dict[str, float] = dict(own.select("annotator", "seconds").iter_rows())
    usual = float(everyone) if isinstance(everyone, int | float) else default
    return {annotator.id: known.get(annotator.id, usual) for annotator in annotators}


def heavy_among(names: Mapping[str, frozenset[str]], labels: Iterable[str]) -> frozenset[str]:
    """Return the records that hold or may hold one of these labels."""
    wanted = set(labels)
    return frozenset(record for record, found in names.items() if wanted & found)


def _labels(
    workspace: Workspace,
    ids: pl.LazyFrame,
    answers: pl.LazyFrame,
    texts: pl.LazyFrame,
    said: pl.LazyFrame,
) -> pl.LazyFrame:
    scheme = workspace.label_scheme
    gold = (
        newest_gold(workspace)
        .lazy()
        .join(ids, on="record_id", how="semi")
        .filter((pl.col("column") == "contained") & pl.col("value").is_not_null())
        .select("record_id", name="label", holds=pl.col("value") == "true")
    )
    judged = (
        triage_judgements(first_answers(answers), scheme)
        .filter(pl.col("contained").is_not_null())
        .group_by("record_id", name="label")
        .agg(holds=pl.col("contained").any())
        .join(gold, on=["record_id", "name"], how="anti")
    )
    candidates = said.select("record_id", name="candidate_for").explode("name").drop_nulls()
    guessed = (
        pl.concat([lexicon_of(workspace).guesses(texts), candidates])
        .unique()
        .join(pl.concat([gold, judged]), on=["record_id", "name"], how="anti")
    )
    return pl.concat([*(known.filter("holds").drop("holds") for known in (gold, judged)), guessed])


def _targets(answers: pl.LazyFrame) -> pl.LazyFrame:
    return (
        answers.filter(pl.col("state") == "live")
        .select("record_id", "attributes")
        .explode("attributes")
        .drop_nulls("attributes")
        .unnest("attributes")
        .filter(pl.col("attribute") == TARGET)
        .select("record_id", name="value")
    )
