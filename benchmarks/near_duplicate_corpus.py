"""Make the texts that the search for near-duplicates is measured on: real posts, with planted copies.

Nothing is written: the posts are read from a folder of labelled sets, and everything follows from a seed.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SETS = {  # file: separator, column
    "germeval2025/c2a_train.csv": (";", "description"),
    "germeval2025/vio_train.csv": (";", "description"),
    "germeval2025/dbo_train.csv": (";", "description"),
    "edos/edos_labelled_aggregated.csv": (",", "text"),
    "davidson/labeled_data.csv": (",", "tweet"),
    "collective_action/train_set.csv": (",", "OriginalText"),
    "gahd/gahd.csv": (",", "text"),
    "hatecheck/test_suite_cases.csv": (",", "test_case"),
}
_HALF_A_PIECE = 18
_COPIES_OF_ANY = 0.2
_EMOJI = "🔥😂👍🚩📢✊"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def real_posts(folder: Path) -> list[str]:
    """Return the posts of all sets, each text once, in the order of the files."""
    columns = [
        pl.read_csv(folder / file, separator=separator, infer_schema=False, truncate_ragged_lines=True)
        .get_column(column)
        .alias("text")
        for file, (separator, column) in _SETS.items()
    ]
    lines = [
        line.split("\t")[0]
        for name in ("training", "test")
        for line in (folder / f"germeval2018/germeval2018.{name}.txt").read_text("utf-8").splitlines()
    ]
    every = pl.concat([*columns, pl.Series("text", lines)]).str.strip_chars()
    return every.filter(every.str.len_chars() > 0).unique(maintain_order=True).to_list()


def corpus(posts: list[str], n: int, seed: int) -> pl.Series:
    """Return n texts, a fifth of them changed copies of others, in random order.

    What the posts do not suffice for is spliced from runs of three to eight words of random posts, to
    lengths that posts have: more self-similar than as many real posts would be.
    """
    chance = random.Random(seed)
    originals = posts[: n * 4 // 5]
    words = [post.split() for post in posts]
    originals += [_spliced(posts, words, chance) for _ in range(n * 4 // 5 - len(originals))]
    texts = list(originals)
    while len(texts) < n:
        # copies of copies: chains, as reposts of reposts make them
        source = chance.choice(texts if chance.random() < _COPIES_OF_ANY else originals)
        texts.append(chance.choice(_CHANGES)(source, chance))
    chance.shuffle(texts)
    return pl.Series("text", texts)


def _spliced(posts: list[str], words: list[list[str]], chance: random.Random) -> str:
    wanted, pieces, length = len(chance.choice(posts)), list[str](), _HALF_A_PIECE
    while length < wanted or not pieces:
        source = chance.choice(words)
        start = chance.randrange(len(source))
        piece = " ".join(source[start : start + chance.randint(3, 8)])
        pieces.append(piece)
        length += len(piece) + 1
    return " ".join(pieces)


def _name(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_LETTERS, k=length))


def _address(text: str, chance: random.Random) -> str:
    kept = " ".join(word for word in text.split(" ") if not word.startswith("http"))
    return f"{kept} https://t.example/{_name(chance, 6)}"


def _mention(text: str, chance: random.Random) -> str:
    kept = text.split(" ")
    return " ".join([f"@{_name(chance, 7)}", *(kept[1:] if kept[0].startswith("@") else kept)])


def _hashtags(text: str, chance: random.Random) -> str:
    return text + "".join(f" #{_name(chance, 5)}" for _ in range(chance.randint(1, 2)))


def _repost(text: str, chance: random.Random) -> str:
    return f"RT @{_name(chance, 7)}: {text}"


def _typo(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(_LETTERS) + text[place + 1 :]


def _emoji(text: str, chance: random.Random) -> str:
    return f"{text} {chance.choice(_EMOJI)}"


def _phrase(text: str, chance: random.Random) -> str:
    kept = text.split(" ")
    place = chance.randrange(len(kept) + 1)
    return " ".join([*kept[:place], _name(chance, chance.randint(4, 9)), _name(chance, 5), *kept[place:]])


def _same(text: str, _chance: random.Random) -> str:
    return text


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _address,
    _mention,
    _hashtags,
    _repost,
    _typo,
    _emoji,
    _phrase,
    _same,
)
