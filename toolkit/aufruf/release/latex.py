"""The main figures of a release as a LaTeX table; it needs the package booktabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from aufruf.release.features import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aufruf.release.card import CardFacts

FIGURES_TEX = "figures.tex"
_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def figures_tex(facts: CardFacts, frames: Mapping[tuple[str, str], pl.DataFrame]) -> str:
    """Return a table environment: texts with each label by split and language, and agreement.

    Args:
        facts: those of the card.
        frames: the stored rows of each (config, split).
    """
    names = [f"{label}_{column}" for label in facts.scheme.label_names for column in ("contained", "author")]
    rows = pl.concat(
        [
            frames["default", split].select("language", *names, split=pl.lit(split, dtype=pl.String))
            for split in SPLITS
        ]
    )
    languages = rows.get_column("language").unique().sort().to_list()
    header = ["", *SPLITS, *languages, r"$\alpha$ [95\,\%]"]
    body = [_line("texts", rows, None, languages, ""), r"\midrule"]
    for label in facts.scheme.labels:
        for column, said in (("contained", "in any voice"), ("author", "in the author's own")):
            name = f"{label.name}_{column}"
            title = f"{label.title.en}, {said}"
            body.append(_line(title, rows, name, languages, _alpha(facts, name)))
    caption = (
        f"{facts.settings.release.title}, version {facts.version}: texts by split and by language, and of "
        "these the ones with a label; Krippendorff's alpha."
    )
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(header) - 2)}l}}",
            r"\toprule",
            " & ".join(header) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _line(title: str, rows: pl.DataFrame, name: str | None, languages: Sequence[str], alpha: str) -> str:
    """Return a line of counts: of all rows, or of those where a column says yes."""
    counted = rows if name is None else rows.filter(pl.col(name))
    counts = [
        *(counted.filter(pl.col("split") == split).height for split in SPLITS),
        *(counted.filter(pl.col("language") == language).height for language in languages),
    ]
    return " & ".join([_escaped(title), *(f"{n:,}".replace(",", r"\,") for n in counts), alpha]) + r" \\"


def _alpha(facts: CardFacts, name: str) -> str:
    for row in facts.agreement:
        if (row.label, row.group, row.coefficient) == (name, "all", "krippendorff_alpha"):
            if row.value is None or row.low is None or row.high is None:
                return "--"
            return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"
    return "--"


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)
