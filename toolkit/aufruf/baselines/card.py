"""The model card: what a model is, what it reaches, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aufruf.baselines.record import ReleaseOrigin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aufruf.baselines.record import HeadRecord, ModelRecord
    from aufruf.baselines.scoring import Score

SHOWN = (
    "macro_f1",
    "f1",
    "average_precision",
    "mention_false_positive_rate",
    "mention_false_positive_rate_at_recall_80",
)


def model_card(record: ModelRecord) -> str:
    """Return a model's card as Markdown, made from its record alone."""
    notes = "".join(f"- {note}\n" for note in record.notes)
    return _CARD.format(
        name=record.recipe.name,
        title=record.recipe.title,
        origin=_origin(record),
        seed=record.seed,
        packages=", ".join(f"{name} {number}" for name, number in record.versions.items()),
        heads=_table(("head", "answers in training", "says yes from"), map(_head_cells, record.heads)),
        scores_of=record.scores_of,
        scores=_table(
            ("label", "language", "metric", "value", "95 % interval", "n"),
            (_score_cells(score) for score in record.scores if score.metric in SHOWN),
        ),
        notes=notes or "- none\n",
    )


def shown(value: float | None, decimals: int = 3) -> str:
    """Return a figure rounded, or a dash where it is undefined."""
    return "–" if value is None else f"{value:.{decimals}f}"


def shown_interval(score: Score) -> str:
    """Return a figure's interval, or nothing where it has none."""
    return "" if score.low is None else f"[{shown(score.low)}, {shown(score.high)}]"


def of_all_texts(scores: Iterable[Score]) -> list[Score]:
    """Return the figures that are neither of a slice nor by design weight."""
    return [score for score in scores if score.slice is None and not score.weighted]


def by_label(
    scores: Iterable[Score],
) -> list[tuple[str, str | None, dict[str, Score]]]:
    """Return the figures of each label and language by their metric, in the order of the scores.

    Those of slices and by design weight are left out.
    """
    found: dict[tuple[str, str | None], dict[str, Score]] = {}
    for score in of_all_texts(scores):
        found.setdefault((score.label, score.language), {})[score.metric] = score
    return [(label, language, figures) for (label, language), figures in found.items()]


def _origin(record: ModelRecord) -> str:
    origin = record.origin
    if isinstance(origin, ReleaseOrigin):
        weighted = ", texts weighted by the design of the sample" if origin.weighted else ""
        return (
            f"release {origin.version} (content `{origin.content_sha256}`, "
            f"label scheme `{origin.label_scheme}`), split train{weighted}"
        )
    positive = "" if origin.positive is None else f", {origin.positive!r} counts as yes"
    return f"table {origin.name} (`{origin.sha256}`), column {origin.text} → {origin.label}{positive}"


def _head_cells(head: HeadRecord) -> tuple[str, ...]:
    counts = ", ".join(f"{name} {count:,}" for name, count in head.counts.items())
    threshold = f"{head.threshold:.3f} ({head.threshold_from})" if head.classes == ("no", "yes") else "–"
    return head.name, counts, threshold


def _score_cells(score: Score) -> tuple[str, ...]:
    interval = shown_interval(score)
    return score.label, score.language or "all", score.metric, shown(score.value), interval, f"{score.n:,}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


_CARD = """\
---
library_name: sklearn
pipeline_tag: text-classification
tags: [aufruf, baseline]
---

# {name}: {title}

A baseline by aufruf: it says how far counting n-grams gets, so that others have something to beat.

- **Trained on** {origin}.
- **Texts** are normalised and mentions reduced to `@user`, in training and in use alike.
- **Seed** {seed}. **Made with** {packages}.

## Heads

{heads}

## Scores ({scores_of})

{scores}

Intervals are from the bootstrap over split units: percentiles, mirrored for `ece`. `macro_f1` of a head is
the mean over both answers, of `author` and `contained` the mean over labels. `mention_false_positive_rate`
says how often incitement that is reported, condemned or fictional is called the author's own;
`…_at_recall_80` says it of the threshold that finds four of five positive texts.

## Notes

{notes}
## What it is not for

Not for decisions about people: no removal, report, ban or investigation follows from a score. It knows
n-grams, not voices: who quotes, warns, mocks or reports will be taken for who threatens. A call to protest is
lawful. Use it to rank texts for human reading, and as a yardstick.

`model.skops` holds n-grams of the texts that it was trained on: share it as the texts may be shared. Load it
with `aufruf evaluate` or `aufruf.baselines.model_files.load_model`, which refuse unknown types; nothing here
is a pickle.
"""
