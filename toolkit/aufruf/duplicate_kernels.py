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
_Sketches = NDArray[np.uint8]
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
def _runs(data: _Bytes, start: int, end: int) -> _Hashes:
    """Return the grams of a text in their order. Five bytes fit a number: no two are confused."""
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
    return found


@njit(cache=True, nogil=True)
def _grams(data: _Bytes, start: int, end: int) -> _Hashes:
    """Return the set of a text's grams, sorted."""
    found = _runs(data, start, end)
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
def band_keys(data: _Bytes, offsets: _Ints, bands: int, rows: int) -> tuple[_Hashes, _Sketches]:
    """Return a key for each band (first axis) and text (second), equal where the band is equal.

    The second value has a byte of each text's every hash: their share in common estimates similarity.
    """
    texts = offsets.size - 1
    keys = np.empty((bands, texts), dtype=np.uint64)
    sketches = np.empty((texts, bands * rows), dtype=np.uint8)
    signature = np.empty(bands * rows, dtype=np.uint64)
    for text in range(texts):
        _fill_signature(_runs(data, offsets[text], offsets[text + 1]), signature)
        for band in range(bands):
            key = np.uint64(band)
            for row in range(rows):
                value = signature[band * rows + row]
                sketches[text, band * rows + row] = value & np.uint64(0xFF)
                key = _mixed(key ^ value, np.uint64(3))
            keys[band, text] = key
    return keys, sketches


@njit(cache=True, nogil=True)
def _root(parents: _Ints, text: int) -> int:
    while parents[text] != text:
        parents[text] = parents[parents[text]]
        text = parents[text]
    return text


@njit(cache=True, nogil=True)
def _is_hopeless(left: _Sketches, right: _Sketches, shorter: int, threshold: float) -> bool:
    """Say whether sketches are so different that real similarity lies six deviations below the threshold.

    The estimate is as good as that many hashes, or as many as a short text has grams.
    """
    common = 0
    for place in range(left.size):
        common += left[place] == right[place]
    deviation = np.sqrt(threshold * (1 - threshold) / max(1, min(left.size, shorter - GRAM + 1)))
    return common / left.size < threshold - 6 * deviation


@njit(cache=True, nogil=True)
def join_band(  # noqa: PLR0913, PLR0917 -- a kernel takes its buffers one by one
    data: _Bytes,
    offsets: _Ints,
    keys: _Hashes,
    order: _Ints,
    sketches: _Sketches,
    parents: _Ints,
    threshold: float,
    leaders: int,
) -> tuple[_Ints, _Ints, _Floats]:
    """Verify the candidates of one band and return the pairs that hold: left, right, similarity.

    ``order`` sorts the texts by their keys. A text is compared with the first text of each group that
    its key already has, at most ``leaders`` of them: work grows with the texts of a key, not with their
    square. Texts that ``parents`` has in one cluster already are not compared again; it is updated.
    """
    lefts, rights = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    similarities = [0.0 for _ in range(0)]
    heads = np.empty(leaders, dtype=np.int64)
    count = 0
    for place in range(order.size):
        text = order[place]
        if place == 0 or keys[order[place - 1]] != keys[text]:
            heads[0] = text
            count = 1
            continue
        found = False
        for head in range(count):
            if _root(parents, heads[head]) == _root(parents, text):
                found = True
                break
        for head in range(0 if found else count):
            other = heads[head]
            shorter = min(offsets[other + 1] - offsets[other], offsets[text + 1] - offsets[text])
            if _is_hopeless(sketches[other], sketches[text], shorter, threshold):
                continue
            theirs = _grams(data, offsets[other], offsets[other + 1])
            similarity = _jaccard(theirs, _grams(data, offsets[text], offsets[text + 1]))
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
