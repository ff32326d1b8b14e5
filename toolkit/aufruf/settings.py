"""``aufruf.toml``: a workspace's settings as one frozen value. No secrets."""

from __future__ import annotations

import tomllib
from datetime import date  # noqa: TC003 -- msgspec reads the annotation at run time
from typing import TYPE_CHECKING, Literal

import msgspec

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
"""Version of the workspace's layout and tables that this code reads and writes."""

MaskCategory = Literal["mention", "email", "phone", "profile_link", "iban"]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Source(_Section, frozen=True):
    """What holds for all records of one source.

    ``release`` says whether its texts are released, or the rest without them; None: news without, posts
    with, for which there must be ``rights``. With ``keep_ids`` the platform's own ids are kept at import and
    released beside the hash, addresses of news too: whoever has one can look the author up.
    """

    rights: str | None = None
    outlet: str | None = None
    release: Literal["text", "dehydrated"] | None = None
    keep_ids: bool = False


class Privacy(_Section, frozen=True):
    """Which personal data in texts are replaced by placeholders."""

    mask: tuple[MaskCategory, ...] = ("mention", "email", "phone", "profile_link", "iban")


Relation = Literal["duplicate", "author", "conversation", "reply", "article", "syndicated"]


class Splits(_Section, frozen=True):
    """Shares of the released records, and which relations a split must not cross."""

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2
    together: tuple[Relation, ...] = (
        "duplicate",
        "author",
        "conversation",
        "reply",
        "article",
        "syndicated",
    )

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:  # noqa: PLR2004 -- rounding of decimals
            raise ValueError("train, validation and test must each be above 0 and add up to 1")


class Release(_Section, frozen=True):
    """What holds for all releases.

    ``annotators`` says whether a person's pseudonym is another in each release or the same in all.
    Records that contain a call to protest tell their time as ``protest_time`` says, and stay out where they
    were written on the day ``protest_before`` or later, or nobody knows when.
    """

    title: str = "Untitled data set of threats, calls to violence and protest mobilisation"
    license: str = "other"
    contact: str = ""
    url: str = ""
    annotators: Literal["per_release", "stable"] = "per_release"
    protest_time: Literal["month", "year", "none"] = "month"
    protest_before: date | None = None


class Agreement(_Section, frozen=True):
    """Set before a round: below ``tentative`` a coefficient is no ground for conclusions."""

    tentative: float = 0.667
    reliable: float = 0.8


Rule = Literal["any", "no_majority"] | float


class Adjudication(_Section, frozen=True):
    """Which answers in triage are a disagreement that goes to adjudicators, for all labels or for one.

    ``any``: not all are alike. ``no_majority``: gold is left undecided. A share: the most frequent answer has
    less than that, or gold is left undecided.
    """

    rule: Rule = "no_majority"
    labels: dict[str, Rule] = msgspec.field(default_factory=dict[str, Rule])

    def __post_init__(self) -> None:
        shares = [rule for rule in (self.rule, *self.labels.values()) if not isinstance(rule, str)]
        if any(not 0 < share <= 1 for share in shares):
            raise ValueError('a rule is "any", "no_majority" or a share above 0 and at most 1')


GoldRule = Literal["majority", "dawid-skene", "one-coin"]


class Gold(_Section, frozen=True):
    """Who decides ``contained`` and ``author``: majorities, or a model of the annotators."""

    rule: GoldRule = "majority"


class Qualification(_Section, frozen=True):
    """When an annotator has passed the qualification.

    ``pass_mark`` holds for every label that ``labels`` names no other mark for; see
    `aufruf.labelstudio.qualification` for the figure that must reach it. ``judged`` is the share of items
    that must have been judged, for skipped ones count neither way.
    """

    pass_mark: float = msgspec.field(name="pass", default=0.8)
    labels: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    judged: float = 0.75

    def __post_init__(self) -> None:
        marks = {"pass": self.pass_mark, "judged": self.judged, **self.labels}
        wrong = [name for name, mark in marks.items() if not 0 <= mark <= 1]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: expected a share from 0 to 1")


class Interface(_Section, frozen=True):
    """What annotators see. With ``blur`` a text shows only while pointer or keyboard focus is on it."""

    blur: bool = True


class Rounds(_Section, frozen=True):
    """What plans of rounds count with.

    ``heavy`` names the labels that make a record heavy to read; None: all but protest mobilisation. The
    seconds are what a task takes, as long as there are too few answers to tell. A repeat of an own answer
    comes ``repeat_after_days`` days after it at the earliest.
    """

    heavy: tuple[str, ...] | None = None
    triage_seconds: float = 30.0
    detail_seconds: float = 90.0
    repeat_after_days: int = 14

    def __post_init__(self) -> None:
        if min(self.triage_seconds, self.detail_seconds) <= 0 or self.repeat_after_days < 0:
            raise ValueError(
                "triage_seconds and detail_seconds must be above 0, repeat_after_days 0 or above"
            )


class Urgent(_Section, frozen=True):
    """Whom answers go to that report a credible danger: a name or role that annotators know."""

    responsible: str = ""


class Settings(_Section, frozen=True):
    """The whole file. ``format`` is the version of the workspace's layout."""

    format: int
    privacy: Privacy = msgspec.field(default_factory=Privacy)
    splits: Splits = msgspec.field(default_factory=Splits)
    release: Release = msgspec.field(default_factory=Release)
    agreement: Agreement = msgspec.field(default_factory=Agreement)
    gold: Gold = msgspec.field(default_factory=Gold)
    adjudication: Adjudication = msgspec.field(default_factory=Adjudication)
    interface: Interface = msgspec.field(default_factory=Interface)
    qualification: Qualification = msgspec.field(default_factory=Qualification)
    rounds: Rounds = msgspec.field(default_factory=Rounds)
    urgent: Urgent = msgspec.field(default_factory=Urgent)
    sources: dict[str, Source] = msgspec.field(default_factory=dict[str, Source])


def load_settings(path: Path) -> Settings:
    """Read and check a settings file.

    Raises:
        SettingsError: if it is no TOML, has an unknown key or a wrong value, or was written by a newer
            version of aufruf. Names the file and the key.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        found = content.get("format")
        if isinstance(found, int) and found > FORMAT:
            raise SettingsError(
                f"{path}: this workspace has format {found}, this version of aufruf reads up to {FORMAT}: "
                "install a newer aufruf"
            )
        return msgspec.convert(content, Settings)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
