"""Write what people read of a release: card, papers, label scheme and guidelines."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl

from aufruf.errors import InputError
from aufruf.files import write_bytes, write_text
from aufruf.release.card import CardFacts, card_text
from aufruf.release.croissant import CROISSANT, croissant
from aufruf.release.dehydrated import MASKING, masking_bytes
from aufruf.release.features import SPLITS
from aufruf.release.figures import figures, judgement_counts
from aufruf.release.front_matter import front_matter
from aufruf.release.latex import FIGURES_TEX, figures_tex
from aufruf.release.manifest import canonical_json, list_files
from aufruf.release.papers import PAPERS, paper
from aufruf.statements import DATA_CARD, read_statements
from aufruf.tables import EVENTS
from aufruf.tombstones import feed, feed_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aufruf.agreement import AgreementRow
    from aufruf.prevalence import PrevalenceRow
    from aufruf.release.draft import Draft
    from aufruf.workspace import Workspace

_URGENT = "urgent"
"""The action of events that log a reported danger."""


def write_documents(folder: Path, draft: Draft, workspace: Workspace) -> None:
    """Write ``docs``, ``croissant.json`` and ``README.md``, which name the Parquet files that are there."""
    _write_docs(folder / "docs", workspace)
    facts = _facts(draft, workspace)
    for name in PAPERS:
        write_text(folder / "docs" / f"{name}.md", paper(name, facts, draft.frames))
    write_text(folder / "docs" / FIGURES_TEX, figures_tex(facts, draft.frames))
    records = {key: frame.height for key, frame in draft.frames.items()}
    languages = pl.concat([draft.frames["default", split].select("language") for split in SPLITS])
    files = list_files(folder)
    write_bytes(folder / CROISSANT, canonical_json(croissant(facts, draft.frames, files)))
    yaml = front_matter(
        facts.settings.release,
        facts.scheme,
        languages.to_series().unique().sort().to_list(),
        records,
        files,
        gate=facts.statements.get("gate"),
    )
    write_text(folder / "README.md", f"{yaml}\n{card_text(facts)}")


def _write_docs(folder: Path, workspace: Workspace) -> None:
    folder.mkdir()
    shutil.copyfile(workspace.root / "schemas" / "label_scheme.toml", folder / "label_scheme.toml")
    for language in ("de", "en"):
        source = workspace.root / "annotation" / "guidelines" / f"{language}.md"
        shutil.copyfile(source, folder / f"guidelines.{language}.md")
    write_bytes(folder / MASKING, masking_bytes(workspace.settings.privacy.mask))
    gone = feed(workspace)
    if not gone.is_empty():
        write_bytes(folder / "tombstones.csv", feed_bytes(gone))


def _facts(draft: Draft, workspace: Workspace) -> CardFacts:
    scheme, settings = workspace.label_scheme, workspace.settings
    described = draft.content.records.select("row", "source", "strategy", "rights", "has_rights")
    records = described.join(draft.splits.placed, on="row", how="semi")
    return CardFacts(
        version=draft.version,
        settings=settings,
        scheme=scheme,
        figures=figures(draft.frames, scheme.label_names),
        splits=draft.splits,
        shares=draft.plan.shares,
        agreement=_agreement(workspace, draft),
        sources=_sources(records, {slug: source.rights for slug, source in settings.sources.items()}),
        drawn=records.group_by("strategy").agg(records=pl.len()).sort("strategy"),
        left_out=draft.left_out,
        warnings=draft.warnings,
        statements=read_statements(workspace.root / DATA_CARD),
        prevalence=_prevalence(workspace),
        escalations=_escalations(workspace),
        judgements=judgement_counts(draft.frames),
        together=draft.plan.relations,
        borders=draft.plan.borders,
        as_of=workspace.store.scan(EVENTS).select(pl.col("at").max().dt.date()).collect().item(),
    )


def _prevalence(workspace: Workspace) -> Sequence[PrevalenceRow] | str:
    """Return how common labels are in the corpus, or why that is not known."""
    from aufruf.prevalence import prevalence

    try:
        return prevalence(workspace)
    except InputError as error:
        return str(error)


def _escalations(workspace: Workspace) -> int:
    """Return how many answers reported a credible danger, whatever became of them."""
    events = workspace.store.scan(EVENTS).filter(pl.col("action") == _URGENT)
    return events.select(pl.len()).collect().item()


def _sources(records: pl.DataFrame, named: Mapping[str, str | None]) -> pl.DataFrame:
    """Count the records of each source and list the rights that they or the settings name."""
    settings = pl.DataFrame(
        {"source": list(named), "named": list(named.values())},
        schema={"source": pl.String, "named": pl.String},
    )
    return (
        records.join(settings, on="source", how="left")
        .with_columns(basis=pl.coalesce("rights", "named"))
        .group_by("source")
        .agg(
            records=pl.len(),
            without_rights=(~pl.col("has_rights")).sum(),
            rights=pl.col("basis").drop_nulls().unique().sort().str.join(", "),
        )
        .sort("source")
    )


def _agreement(workspace: Workspace, draft: Draft) -> list[AgreementRow]:
    from aufruf.agreement import agreement

    answers = draft.content.annotations.select("row", "pass", "annotator")
    several = answers.filter(answers.select("row", "pass").is_duplicated())
    if not several.unique().select("row", "pass").is_duplicated().any():
        return []
    try:
        return agreement(workspace, by=("language",), seed=draft.plan.seed)
    except InputError:
        return []
