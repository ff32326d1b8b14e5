"""A crosswalk: the files of a labelled data set, and what its labels say of the label scheme's.

What a crosswalk does not write down is not known: it is null, never "no".
"""

from __future__ import annotations

import hashlib
import tomllib
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from aufruf.assets import asset
from aufruf.errors import InputError, SettingsError
from aufruf.label_scheme import load_label_scheme

if TYPE_CHECKING:
    from pathlib import Path

    from aufruf.label_scheme import LabelScheme
    from aufruf.workspace import Workspace

FOLDER = ("schemas", "crosswalks")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """An entry of the file: frozen, and an unknown key is an error."""


class Citation(_Entry, frozen=True):
    """Who made the set, and where it is described."""

    authors: str
    year: int
    title: str
    venue: str
    url: str = ""


class Singles(_Entry, frozen=True):
    """Columns with the answers of single annotators, all about one category.

    A column belongs to one annotator, whose id is its place among ``columns``. With a ``separator`` a cell
    holds the answers of several, between the characters of ``brackets``; who they are is not known then,
    and their id is ``person`` and their place in the cell.
    """

    category: str
    columns: tuple[str, ...]
    separator: str = ""
    brackets: str = ""
    person: str = "annotator"


class Layout(_Entry, frozen=True):
    """A kind of file of the set, recognised by its header.

    ``header`` are the names of its columns, in any order, and ``optional`` those that it may have besides;
    without ``has_header`` the crosswalk's own names for them, in their order. ``text`` is missing where the
    file tells only more about the records of others. ``labels`` are the columns of the set's categories,
    ``details`` of what else is worth keeping; ``stored_as`` names a category otherwise than its column.
    ``annotator`` is the column of who answered, if each row is one annotator's answer. The official split
    stands in ``split_column``, is ``split`` for all rows, or follows from a part of the file's name by
    ``split_by_name``. Ids that are one of ``missing_ids`` are none.
    """

    header: tuple[str, ...]
    labels: tuple[str, ...]
    optional: tuple[str, ...] = ()
    text: str | None = None
    id: str | None = None
    author: str | None = None
    conversation: str | None = None
    annotator: str | None = None
    details: tuple[str, ...] = ()
    singles: tuple[Singles, ...] = ()
    split: str | None = None
    split_column: str | None = None
    split_by_name: dict[str, str] = {}
    stored_as: dict[str, str] = {}
    missing_ids: tuple[str, ...] = ()
    has_header: bool = True
    quoted: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are used."""
        fields = (self.text, self.id, self.author, self.conversation, self.annotator, self.split_column)
        singles = (column for entry in self.singles for column in entry.columns)
        return (*(name for name in fields if name is not None), *self.labels, *self.details, *singles)

    @property
    def categories(self) -> dict[str, str]:
        """The name of each category by its column, details included, single annotators' left out."""
        return {name: self.stored_as.get(name, name) for name in (*self.labels, *self.details)}

    def split_of(self, file: str) -> str | None:
        """Return the official split that holds for the whole file, if one does."""
        named = (split for part, split in self.split_by_name.items() if part in file.lower())
        return self.split or next(named, None)


class Answer(_Entry, frozen=True):
    """What a value says of one label: in any voice, as the author's own, in which voice. Null: nothing."""

    contained: bool | None = None
    author: bool | None = None
    voice: str | None = None


class Crosswalk(_Entry, frozen=True):
    """The whole file.

    ``worth`` says in words what the labels can be relied on for. ``values`` closes the lists of values of
    some categories; upper and lower case are the same everywhere. ``answers`` and ``candidates`` go from
    category to value; a candidate is a label that a value makes a record worth asking about, and no answer.
    Texts are taken whole, as posts; where they are written with ``html_entities`` these are decoded, and
    ``replace`` says what else stands for what in them, such as a line break or someone who is mentioned.
    """

    title: str
    license: str
    worth: str
    citation: Citation
    layouts: tuple[Layout, ...] = msgspec.field(name="file")
    kind: Literal["post"] = "post"
    language: Literal["de", "en"] | None = None
    values: dict[str, tuple[str, ...]] = {}
    answers: dict[str, dict[str, dict[str, Answer]]] = {}
    candidates: dict[str, dict[str, tuple[str, ...]]] = {}
    html_entities: bool = False
    replace: dict[str, str] = {}

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the content: comments and layout of the file do not count."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def crosswalk_names(workspace: Workspace | None = None) -> list[str]:
    """Return the slugs of the workspace's crosswalks, or of the shipped ones."""
    return sorted(path.stem for path in _folder(workspace).glob("*.toml"))


def _folder(workspace: Workspace | None) -> Path:
    return asset(*FOLDER) if workspace is None else workspace.root.joinpath(*FOLDER)


def open_crosswalk(slug: str, workspace: Workspace) -> Crosswalk:
    """Read a crosswalk of the workspace.

    Raises:
        InputError: if there is none of that name; names those that are there.
        SettingsError: if it is wrong.
    """
    known = crosswalk_names(workspace)
    if slug not in known:
        raise InputError(
            f"crosswalk '{slug}' is not known; expected one of {', '.join(known)}; write your own as "
            f"{'/'.join(FOLDER)}/{slug}.toml in the workspace"
        )
    return load_crosswalk(workspace.root.joinpath(*FOLDER, f"{slug}.toml"), workspace.label_scheme)


def known_crosswalks(workspace: Workspace | None = None) -> dict[str, Crosswalk]:
    """Return the workspace's crosswalks, or the shipped ones, by slug; those that are wrong are left out."""
    scheme = (
        load_label_scheme(asset("schemas", "label_scheme.toml"))
        if workspace is None
        else workspace.label_scheme
    )
    found: dict[str, Crosswalk] = {}
    for slug in crosswalk_names(workspace):
        with suppress(SettingsError):
            found[slug] = load_crosswalk(_folder(workspace) / f"{slug}.toml", scheme)
    return found


def load_crosswalk(path: Path, scheme: LabelScheme) -> Crosswalk:
    """Read and check a crosswalk.

    Raises:
        SettingsError: if the file is missing, is no TOML, has an unknown or missing key, names a column
            that its header lacks or a label or voice that the scheme lacks, or contradicts itself.
    """
    try:
        crosswalk = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Crosswalk)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no crosswalk here") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    problems = [*_layout_problems(crosswalk), *_answer_problems(crosswalk, scheme)]
    if problems:
        raise SettingsError(f"{path}: " + "; ".join(problems))
    return crosswalk


def _layout_problems(crosswalk: Crosswalk) -> list[str]:
    problems: list[str] = []
    for number, layout in enumerate(crosswalk.layouts, 1):
        unknown = sorted({*layout.columns, *layout.stored_as} - set(layout.header))
        problems += [f"file {number}: no column '{name}' in its header" for name in unknown]
        if layout.text is None and layout.id is None:
            problems.append(f"file {number}: needs a column for text, id, or both")
        if not layout.has_header and not set(layout.categories.values()) & set(crosswalk.values):
            problems.append(f"file {number}: without a header it is recognised by values of a category")
    if "" in crosswalk.replace:
        problems.append("replace: nothing cannot stand for something")
    categories = {name for layout in crosswalk.layouts for name in layout.categories.values()}
    categories |= {entry.category for layout in crosswalk.layouts for entry in layout.singles}
    used = {*crosswalk.values, *crosswalk.answers, *crosswalk.candidates}
    problems += [f"no file has the category '{name}'" for name in sorted(used - categories)]
    for name, values in crosswalk.values.items():
        said = {*crosswalk.answers.get(name, ()), *crosswalk.candidates.get(name, ())}
        known = {value.lower() for value in values}
        problems += [
            f"'{value}' is no value of '{name}'" for value in sorted(said) if value.lower() not in known
        ]
    return problems


def _answer_problems(crosswalk: Crosswalk, scheme: LabelScheme) -> list[str]:
    problems: list[str] = []
    for column, by_value in crosswalk.answers.items():
        for value, by_label in by_value.items():
            where = f"answers to {column} = '{value}'"
            for label, answer in by_label.items():
                if label not in scheme.label_names:
                    problems.append(f"{where}: unknown label '{label}'")
                if answer.voice is not None and answer.voice not in scheme.voice_names:
                    problems.append(f"{where}: unknown voice '{answer.voice}'")
                if (answer.author or answer.voice) and not answer.contained:
                    problems.append(f"{where}: '{label}' has an author or voice, but is not contained")
                if answer.voice in scheme.author_voices and answer.author is False:
                    problems.append(f"{where}: '{label}' in the voice '{answer.voice}' is the author's own")
    named = {
        label for by_value in crosswalk.candidates.values() for many in by_value.values() for label in many
    }
    problems += [f"candidates: unknown label '{label}'" for label in sorted(named - set(scheme.label_names))]
    return problems
