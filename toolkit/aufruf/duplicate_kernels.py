"""Compiled loops of duplicate search, over the UTF-8 bytes of an Arrow column.

A text is ``data[offsets[i]:offsets[i + 1]]``; its set holds every run of five bytes as one number, or
the whole text where it is shorter. Import this module late: numba takes a second to load, and compiles
on first use (kept in a cache beside the file).
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

GRAM = 5
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_Bytes = NDArray[np.uint8]
_Ints = NDArray[np.int64]
_Hashes = NDArray[np.uint64]
_Floats = NDArray[np.float64]


@njit(cache=True, nogil=True)
def _mixed(value: np.uint64, seed: np.uint64) -> np.uint64:
    """Mix a number well: the finaliser of splitmix64."""
    mixed = value + seed * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@njit(cache=True, nogil=True)
def _grams(data: _Bytes, start: int, end: int) -> _Hashes:
    """Return the sorted set of a text's grams. Five bytes fit a number: no two grams are confused."""
    length = end - start
    if length <= GRAM:
        whole = np.uint64(length)
        for place in range(start, end):
            whole = (whole << np.uint64(8)) | np.uint64(data[place])
        return np.full(1, whole, dtype=np.uint64)
    found = np.empty(length - GRAM + 1, dtype=np.uint64)
    rolling = np.uint64(0)
    for place in range(length):
        rolling = ((rolling << np.uint64(8)) | np.uint64(data[start + place])) & np.uint64(0xFFFFFFFFFF)
        if place >= GRAM - 1:
            found[place - GRAM + 1] = rolling
    found.sort()
    size = 1
    for place in range(1, found.size):
        if found[place] != found[size - 1]:
            found[size] = found[place]
            size += 1
    return found[:size]


@njit(cache=True, nogil=True)
def _jaccard(left: _Hashes, right: _Hashes) -> float:
    here, there, common = 0, 0, 0
    while here < left.size and there < right.size:
        if left[here] == right[there]:
            common += 1
            here += 1
            there += 1
        elif left[here] < right[there]:
            here += 1
        else:
            there += 1
    return common / (left.size + right.size - common)


@njit(cache=True, nogil=True)
def _fill_signature(grams: _Hashes, signature: _Hashes) -> None:
    """Write a one-permutation MinHash; an empty bin borrows from one chosen by its own number."""
    bins = np.uint64(signature.size)
    signature[:] = _EMPTY
    for gram in grams:
        value = _mixed(gram, np.uint64(1))
        place = value % bins
        rank = value // bins
        signature[place] = min(signature[place], rank)
    filled = signature.copy()
    for place in range(signature.size):
        attempt = np.uint64(1)
        while signature[place] == _EMPTY:
            chosen = _mixed(np.uint64(place) * np.uint64(65536) + attempt, np.uint64(2)) % bins
            signature[place] = filled[chosen]
            attempt += np.uint64(1)


@njit(cache=True, nogil=True)
def band_keys(data: _Bytes, offsets: _Ints, bands: int, rows: int) -> _Hashes:
    """Return a key for each band (first axis) and text (second): equal where the band is equal."""
    texts = offsets.size - 1
    keys = np.empty((bands, texts), dtype=np.uint64)
    signature = np.empty(bands * rows, dtype=np.uint64)
    for text in range(texts):
        _fill_signature(_grams(data, offsets[text], offsets[text + 1]), signature)
        for band in range(bands):
            key = np.uint64(band)
            for row in range(rows):
                key = _mixed(key ^ signature[band * rows + row], np.uint64(3))
            keys[band, text] = key
    return keys


@njit(cache=True, nogil=True)
def _root(parents: _Ints, text: int) -> int:
    while parents[text] != text:
        parents[text] = parents[parents[text]]
        text = parents[text]
    return text


@njit(cache=True, nogil=True)
def join_bands(  # noqa: PLR0913, PLR0917 -- a kernel takes its buffers one by one
    data: _Bytes, offsets: _Ints, keys: _Hashes, orders: _Ints, threshold: float, leaders: int
) -> tuple[_Ints, _Ints, _Floats]:
    """Verify candidates band by band and return the pairs that hold: left, right, similarity.

    In a band, a text is compared with the first text of each group that the band already has, at most
    ``leaders`` of them: work grows with the texts of a band, not with their square. Texts that are in
    one cluster already are not compared again.
    """
    texts = offsets.size - 1
    parents = np.arange(texts)
    lefts, rights, similarities = (
        [np.int64(0) for _ in range(0)],
        [np.int64(0) for _ in range(0)],
        [0.0 for _ in range(0)],
    )
    heads = np.empty(leaders, dtype=np.int64)
    for band in range(keys.shape[0]):
        order = orders[band]
        count = 0
        for place in range(texts):
            text = order[place]
            if place == 0 or keys[band, order[place - 1]] != keys[band, text]:
                heads[0] = text
                count = 1
                continue
            found = False
            for head in range(count):
                if _root(parents, heads[head]) == _root(parents, text):
                    found = True
                    break
            if found:
                continue
            grams = _grams(data, offsets[text], offsets[text + 1])
            for head in range(count):
                other = heads[head]
                similarity = _jaccard(_grams(data, offsets[other], offsets[other + 1]), grams)
                if similarity >= threshold:
                    lefts.append(min(other, text))
                    rights.append(max(other, text))
                    similarities.append(similarity)
                    parents[_root(parents, text)] = _root(parents, other)
                    found = True
                    break
            if not found and count < leaders:
                heads[count] = text
                count += 1
    return np.array(lefts), np.array(rights), np.array(similarities)
