"""The data card's text: what a release is, how it came to be, and what it is not for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aufruf.release.features import SPLITS
from aufruf.release.figures import BEGIN, END, table
from aufruf.release.splits import ENOUGH
from aufruf.statements import FIELDS, missing_statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    import polars as pl

    from aufruf.agreement import AgreementRow
    from aufruf.label_scheme import LabelScheme
    from aufruf.prevalence import PrevalenceRow
    from aufruf.release.splits import Splits
    from aufruf.settings import Settings


@dataclass(frozen=True)
class CardFacts:
    """What the card says beside what is counted from the files.

    ``sources`` has the columns ``source``, ``records``, ``without_rights`` and ``rights`` (null: none
    named); ``drawn`` has ``strategy`` (null: never sampled) and ``records``. ``statements`` are what people
    stated, by field. ``prevalence`` is why there is none, where there is none. ``escalations`` counts the
    answers that reported a credible danger; ``judgements`` is a table. ``as_of`` is the day of the newest
    event that the release rests on; ``together`` names the relations that splits keep, ``borders`` when
    validation and test begin, if time divides them.
    """

    version: str
    settings: Settings
    scheme: LabelScheme
    figures: str
    splits: Splits
    shares: Mapping[str, float]
    agreement: Sequence[AgreementRow]
    sources: pl.DataFrame
    drawn: pl.DataFrame
    left_out: Mapping[str, int]
    warnings: Sequence[str]
    statements: Mapping[str, str]
    prevalence: Sequence[PrevalenceRow] | str
    escalations: int
    judgements: str
    as_of: date | None
    together: Sequence[str]
    borders: tuple[datetime, datetime] | None


def sections(facts: CardFacts) -> dict[str, str]:
    """Return the parts that the card shares with the papers."""
    return {
        "figures_plain": facts.figures.replace(BEGIN, "").replace(END, "").strip(),
        "judgements": facts.judgements,
        "agreement": _agreement(facts),
        "sources": _sources(facts.sources),
        "drawn": _drawn(facts.drawn),
        "prevalence": _prevalence(facts.prevalence),
        "left_out": _left_out(facts.left_out),
        "splits": _splits(facts),
        "escalations": _ESCALATIONS.format(n=facts.escalations),
        "not_for": _NOT_FOR,
    }


def card_text(facts: CardFacts) -> str:
    """Return the card below its YAML."""
    release, part = facts.settings.release, sections(facts)
    parts = [
        f"# {release.title}, version {facts.version}",
        "> **Content warning.** The texts hold threats, calls to violence and insults.",
        *_unfinished(facts.statements),
        _WHAT_IT_IS,
        *_stated(facts, "motivation", "uses"),
        "## What this is not for",
        part["not_for"],
        *_stated(facts, "other_uses"),
        _LOADING,
        "## Labels",
        _SCHEME.format(version=facts.scheme.version, sha256=facts.scheme.sha256),
        *_labels(facts.scheme),
        _COLUMNS,
        "## Figures",
        facts.figures,
        "## Agreement",
        part["agreement"],
        "## How common the labels are",
        part["prevalence"],
        *([_KEPT_BACK] if facts.settings.release.protest_before else []),
        "## Where the records come from",
        part["sources"],
        part["drawn"],
        "## Splits",
        part["splits"],
        _LIMITS,
        *_stated(facts, "defects"),
        "## People",
        part["escalations"],
        *_stated(facts, "annotators", "conditions", "authors"),
        "## Law and votes",
        *_stated(facts, "basis", "terms", "ethics", "works_council", "retention", "maintenance"),
        *(["## Warnings", *(f"- {warning}" for warning in facts.warnings)] if facts.warnings else []),
        "## Contact and licence",
        f"Licence: {release.license}. Contact: {release.contact or 'not named'}.",
        *_stated(facts, "curators", "funding", "citation"),
        _PAPERS,
        _CHECKING,
    ]
    return "\n\n".join(parts) + "\n"


def _unfinished(statements: Mapping[str, str]) -> list[str]:
    missing = [field.title for field in missing_statements(statements)]
    return [f"> **Not final.** Still to be stated by people: {', '.join(missing)}."] if missing else []


def _stated(facts: CardFacts, *names: str) -> list[str]:
    """Return what people stated in these fields; what they did not is listed at the top."""
    titles = {field.name: field.title for field in FIELDS}
    return [f"**{titles[name]}.** {facts.statements[name]}" for name in names if name in facts.statements]


def _prevalence(rows: Sequence[PrevalenceRow] | str) -> str:
    if isinstance(rows, str):
        return f"Not estimated: {rows}"
    lines = [
        [
            f"{row.label}, {row.column}",
            _percent(row.value),
            f"{_percent(row.low)} to {_percent(row.high)}" if row.low is not None else row.reason or "",
            row.judged,
            row.population,
        ]
        for row in rows
    ]
    note = "Estimated for the corpus that the records were drawn from, by their inclusion probabilities."
    return f"{note}\n\n{table(['label', 'share', '95 %', 'judged', 'records of the corpus'], lines)}"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.2f} %"


def _left_out(left_out: Mapping[str, int]) -> str:
    rows = [[reason, n] for reason, n in sorted(left_out.items())]
    return table(["left out", "records"], rows) if rows else "No record was left out."


def _labels(scheme: LabelScheme) -> list[str]:
    lines: list[str] = []
    for label in scheme.labels:
        auxiliary = " (auxiliary: reported apart)" if label.auxiliary else ""
        lines += [
            f"### `{label.name}`{auxiliary}",
            f"**{label.title.en}.** {label.definition.en}",
            f"**{label.title.de}.** {label.definition.de}",
        ]
    voices = [f"- `{voice.name}`: {voice.definition.en}" for voice in scheme.voices]
    own = ", ".join(f"`{name}`" for name in scheme.author_voices)
    return [*lines, "### Voices", "\n".join(voices), f"`<label>_author` is true for the voices {own}."]


def _agreement(facts: CardFacts) -> str:
    shown = [
        row
        for row in facts.agreement
        if row.coefficient == "krippendorff_alpha"
        and row.label.endswith(("_contained", "_author"))
        and (row.group == "all" or row.group.startswith("language="))
    ]
    if not shown:
        return "Not known: no record was judged by two annotators in a round of this workspace."
    note = (
        "Krippendorff's alpha (nominal) over all answers of the workspace's rounds, with 95 % bootstrap "
        f"intervals over duplicate clusters. Set beforehand: below {facts.settings.agreement.tentative} a "
        f"coefficient is no ground for conclusions, from {facts.settings.agreement.reliable} it is reliable."
    )
    rows = [
        [row.label, row.group, _number(row.value), f"{_number(row.low)} to {_number(row.high)}", row.records]
        for row in shown
    ]
    return f"{note}\n\n{table(['label', 'group', 'alpha', '95 %', 'records'], rows)}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _sources(sources: pl.DataFrame) -> str:
    rows = [
        [source, records, rights or "none named", without]
        for source, records, without, rights in sources.select(
            "source", "records", "without_rights", "rights"
        ).rows()
    ]
    return table(["source", "records", "rights", "without rights"], rows)


def _drawn(drawn: pl.DataFrame) -> str:
    rows = [[strategy or "not sampled", n] for strategy, n in drawn.select("strategy", "records").rows()]
    note = (
        "How records were drawn. `weight` is one over the inclusion probability within the round that "
        "`stratum` names, given the rounds before; null: not known."
    )
    return f"{note}\n\n{table(['strategy', 'records'], rows)}"


def _splits(facts: CardFacts) -> str:
    wanted = ", ".join(f"{name} {facts.shares[name]:.0%}" for name in SPLITS)
    worst = facts.splits.largest_deviation
    measured = (
        f"Among the {facts.splits.common.height} categories of at least {ENOUGH} records over which the "
        f"splits are stratified, the largest deviation from the wanted share is {100 * worst:.1f} percentage "
        "points."
        if worst is not None
        else f"No category has {ENOUGH} records: shares are rough."
    )
    rules = f"{_divided(facts)} {_SPLIT_RULES}"
    return "\n\n".join([rules, f"Wanted: {wanted}. {measured}", _left_out(facts.left_out)])


def _divided(facts: CardFacts) -> str:
    """Say what stands together, and where time divides the splits."""
    together = ", ".join(_RELATIONS[name] for name in facts.together)
    kept = f"Records that share one of these stand in the same split: {together}." if together else ""
    apart = ", ".join(title for name, title in _RELATIONS.items() if name not in facts.together)
    torn = f" **Not kept together, by setting: {apart}.**" if apart else ""
    if facts.borders is None:
        return f"{kept}{torn}"
    first, second = (f"{at:%Y-%m-%d}" for at in facts.borders)
    return f"Divided by time: validation begins on {first}, test on {second}. {kept}{torn}"


_WHAT_IT_IS = """\
## What this is

Posts and news excerpts, judged under written guidelines for threats, calls to violence and mobilisation to
protest; `<label>_n` says by how many people. Calling for a protest is a right: the labels are never merged
into one score of harm. Whether a text *contains* something and whether its *author* says it in an own voice
are two columns: who quotes, reports or condemns a threat does not make one."""

_LOADING = """\
## Loading

```python
from datasets import load_dataset

records = load_dataset("path/to/this/folder")  # or with "annotations" as the second argument
```

Any reader of Parquet does as well. Config `default` has one row a record, `annotations` one row a
judgement by one annotator under a pseudonym, `dehydrated` the records without their words, with what finds
them again (`aufruf rehydrate`)."""

_SCHEME = """\
Label scheme {version} (SHA-256 `{sha256}`), in full in `docs/label_scheme.toml`; the annotators' guidelines
are beside it."""

_COLUMNS = """\
### Columns

`<label>_contained` and `<label>_author` are true, false or null; `<label>_share` is the share of annotators
who saw the label in any voice, `<label>_n` their number. `<label>_voice` and the attributes describe a label
that holds. **Null means not asked or undecided, never no**; `asked` lists the labels that were asked. `spans`
count code points of `text`. `labels` lists what is contained. Names such as @user_1a2b3c4d in the texts are
placeholders. `group` is what a split must keep together; `duplicate_group`, `author_group`,
`conversation_group` and `article_group` let you check that. In `annotations`, `asked` lists the
columns that were asked; null: all of them."""

_RELATIONS = {
    "duplicate": "duplicate cluster",
    "author": "author",
    "conversation": "conversation",
    "reply": "post and the answers to it",
    "article": "article",
    "syndicated": "syndicated copy of an article",
}
_SPLIT_RULES = """\
A record of validation or test never moves in a later version; one that is tied to two splits stays out. What
terms or a model chose, what is an example of the guidelines and what annotators were tested with is never in
validation or test."""

_NOT_FOR = """\
- No decision about a person may rest on it: no report, no sanction, no dismissal, no prosecution.
- Not for finding, counting or predicting protest in order to hinder it, or the people who take part.
- Not for finding out who wrote a text; do not try to resolve placeholders or pseudonyms.
- Not for generating threats or calls to violence.
- A score on it says nothing about other platforms, languages, times and topics."""

_LIMITS = """\
## Known limits

The labels rest on the judgements of a few people under written guidelines and are no legal verdicts. Irony,
dialect and code words are judged without knowledge of the author. Personal data in texts is masked by
rules, which miss some of it."""

_ESCALATIONS = (
    "Answers in which annotators reported a credible danger: {n:,}. Such reports are never released; the "
    "lead is shown them in `aufruf annotate status`, with a protocol for each."
)

_KEPT_BACK = (
    "**Calls to protest are kept back by their date** (see what was left out): the estimates, the agreement "
    "and `weight` are of the corpus with them, and weighing the released records does not bring them back."
)
_PAPERS = """\
Papers in `docs/`: `datasheet.md`, `data_statement.md`, `data_protection.md`, `annotators.md`, the label
scheme and the guidelines in German and English."""

_CHECKING = """\
## Checking

`aufruf verify PATH` hashes every file against `MANIFEST.json`, reads all rows again, and counts the figures
above anew. `splits.lock.json` lists which record stands in which split; `CHANGELOG.md` says what changed."""
