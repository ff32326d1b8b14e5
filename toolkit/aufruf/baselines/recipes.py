"""Recipes: what is trained, each a TOML file in ``baselines/recipes``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from aufruf.assets import asset
from aufruf.errors import InputError, SettingsError

Estimator = Literal["logistic_regression", "linear_svm", "majority"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Block = Literal["cues", "length", "lexicon"]
Facts = Literal["author", "metadata", "source"]
Power = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Ngrams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which n-grams count: lengths from and to, in how many texts at least, with log counts or not.

    ``marks`` makes words of marks, single letters and starts of sentences, where words are hashed.
    """

    ngrams: tuple[Count, Count]
    min_df: Count = 1
    sublinear_tf: bool = False
    marks: bool = False

    def __post_init__(self) -> None:
        if self.ngrams[0] > self.ngrams[1]:
            raise ValueError("ngrams must be [shortest, longest]")


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is trained. ``name`` is the file's.

    ``regularisation`` is scikit-learn's C, the inverse of the penalty; ``balanced`` weighs both answers
    alike, however rare one is; ``class_ratio`` says how much n-grams count by how differently the answers use
    them, see `DualSvm`. ``characters`` are n-grams inside words; ``hashed`` n-grams share columns
    by chance and need no list of them. ``reads`` names features that are no n-grams; ``knows`` names what
    it looks at instead of the text. A ``probe`` must not work: what it reaches can be had without reading.
    ``encoder`` says whether a local encoder (``encoder_folder``) is taken as it is or fine-tuned, in so many
    ``epochs``, up to ``learning_rate``; it reads the ``longest`` first tokens of a text.
    """

    title: str
    estimator: Estimator
    name: str = ""
    regularisation: Positive = 1.0
    balanced: bool = False
    class_ratio: Power = 0.0
    hashed: bool = False
    words: Ngrams | None = None
    characters: Ngrams | None = None
    reads: tuple[Block, ...] = ()
    knows: Facts | None = None
    probe: bool = False
    encoder: Literal["frozen", "tuned"] | None = None
    encoder_folder: str = ""
    epochs: Count = 3
    learning_rate: Positive = 3e-5
    longest: Count = 128

    def __post_init__(self) -> None:
        reads_text = bool(self.words or self.characters or self.reads or self.encoder)
        if self.estimator != "majority" and not (reads_text or self.knows):
            raise ValueError(f"{self.estimator} needs [words], [characters], reads, knows or encoder")
        if reads_text and self.knows:
            raise ValueError("a probe that knows facts reads no text: leave out knows, or what it reads")
        if self.hashed and not self._can_be_hashed():
            raise ValueError(
                "hashed takes n-grams alone, with one min_df and sublinear_tf in [words] and [characters]"
            )
        if self.class_ratio and not (self.hashed and self.estimator == "linear_svm"):
            raise ValueError(
                'class_ratio belongs in a recipe with hashed = true and estimator = "linear_svm"'
            )
        if (self.words and self.words.marks and not self.hashed) or (
            self.characters and self.characters.marks
        ):
            raise ValueError("marks belongs in [words] of a recipe with hashed = true")

    def _can_be_hashed(self) -> bool:
        blocks = [block for block in (self.words, self.characters) if block is not None]
        alike = {(block.min_df, block.sublinear_tf) for block in blocks}
        return len(alike) == 1 and not self.reads

    @property
    def needs(self) -> str:
        """What it cannot do without, in a few words; empty if nothing but texts."""
        if self.encoder:
            return "a local encoder (--encoder)"
        return "a release" if self.knows else ""


def recipe_names() -> list[str]:
    """Return the names of the recipes that ship with aufruf."""
    return sorted(path.stem for path in asset("baselines", "recipes").glob("*.toml"))


def list_recipes() -> list[Recipe]:
    """Return the recipes that ship with aufruf, by name."""
    return [load_recipe(name) for name in recipe_names()]


def load_recipe(name: str) -> Recipe:
    """Return a recipe by its name, or from a file of one's own by its path (``….toml``).

    Raises:
        InputError: if there is none of that name.
        SettingsError: if the file is no TOML, or has an unknown key or a wrong value. Names the key.
    """
    path = Path(name) if name.endswith(".toml") else _shipped(name)
    try:
        recipe = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Recipe)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no recipe here") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    return msgspec.structs.replace(recipe, name=recipe.name or path.stem)


def with_encoder(recipe: Recipe, folder: Path | None) -> Recipe:
    """Return the recipe with the encoder that it needs.

    Raises:
        InputError: if it needs one and none is given, or the other way round.
    """
    if recipe.encoder and folder is None:
        raise InputError(f"recipe {recipe.name}: name a local encoder with --encoder FOLDER")
    if folder is not None and not recipe.encoder:
        raise InputError(f"recipe {recipe.name} takes no encoder; leave --encoder out")
    return recipe if folder is None else msgspec.structs.replace(recipe, encoder_folder=str(folder))


def _shipped(name: str) -> Path:
    known = recipe_names()
    if name not in known:
        raise InputError(f"there is no recipe {name!r}; choose one of {', '.join(known)}, or a file ….toml")
    return asset("baselines", "recipes", f"{name}.toml")
