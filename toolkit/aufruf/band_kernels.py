"""Compiled loops over the UTF-8 bytes of an Arrow column that make MinHash band keys.

A text is ``data[offsets[i]:offsets[i + 1]]``; its set holds every run of five bytes as one number, or
the whole text where it is shorter. Import this module late: numba takes a second to load, and compiles
on first use (kept in a cache beside the file).

Band keys are stored: whoever changes what they come out as counts up `METHOD`.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

METHOD = 2
GRAM = 5
_FIVE_BYTES = np.uint64(0xFFFFFFFFFF)
_EMPTY = np.uint32(0xFFFFFFFF)
_ATTEMPTS = 16
_Bytes = NDArray[np.uint8]
_Offsets = NDArray[np.int64]
_Signature = NDArray[np.uint32]
_Rows = NDArray[np.int32]


@njit(cache=True, nogil=True)
def mixed(value: np.uint64) -> np.uint64:
    """Mix a number well: the finaliser of splitmix64."""
    mixed = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@njit(cache=True, nogil=True)
def first_gram(data: _Bytes, start: int, end: int) -> np.uint64:
    """Return the first gram; a text shorter than one is a gram of its own, told apart by its length."""
    gram = np.uint64(0)
    for place in range(start, min(end, start + GRAM)):
        gram = (gram << np.uint64(8)) | np.uint64(data[place])
    if end - start < GRAM:
        gram |= np.uint64(end - start + 1) << np.uint64(40)
    return gram


@njit(cache=True, nogil=True)
def next_gram(gram: np.uint64, byte: np.uint8) -> np.uint64:
    """Return the gram that ends one byte later."""
    return ((gram << np.uint64(8)) | np.uint64(byte)) & _FIVE_BYTES


@njit(cache=True, nogil=True)
def _probes(bins: int) -> NDArray[np.uint16]:
    """Return for each attempt and bin the bin to borrow from."""
    probes = np.empty((_ATTEMPTS, bins), dtype=np.uint16)
    for attempt in range(_ATTEMPTS):
        for place in range(bins):
            number = mixed(np.uint64((place + 1) * 65536 + attempt))
            probes[attempt, place] = ((number >> np.uint64(32)) * np.uint64(bins)) >> np.uint64(32)
    return probes


@njit(cache=True, nogil=True)
def _put(gram: np.uint64, signature: _Signature) -> None:
    number = gram * np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    number ^= number >> np.uint64(32)
    place = ((number >> np.uint64(32)) * np.uint64(signature.size)) >> np.uint64(32)
    signature[place] = min(signature[place], np.uint32(number & np.uint64(0xFFFFFFFF)))


@njit(cache=True, nogil=True)
def _fill(data: _Bytes, start: int, end: int, signature: _Signature) -> None:
    """Write the smallest hash of a text's grams for each bin, ``_EMPTY`` where no gram falls."""
    signature[:] = _EMPTY
    gram = first_gram(data, start, end)
    _put(gram, signature)
    for place in range(start + GRAM, end):
        gram = next_gram(gram, data[place])
        _put(gram, signature)


@njit(cache=True, nogil=True)
def _densify(signature: _Signature, probes: NDArray[np.uint16], dense: _Signature, empty: _Rows) -> None:
    """Copy a signature; an empty bin takes the value of the first of its probes that is filled.

    ``empty`` is room for the numbers of empty bins. Lists of them, shortened at each attempt, need no
    branch that depends on the text.
    """
    count = 0
    for place in range(signature.size):
        dense[place] = signature[place]
        empty[count] = place
        count += signature[place] == _EMPTY
    for attempt in range(_ATTEMPTS):
        left = 0
        for number in range(count):
            place = empty[number]
            dense[place] = signature[probes[attempt, place]]
            empty[left] = place
            left += dense[place] == _EMPTY
        count = left
    for number in range(count):
        near = empty[number]
        while signature[near] == _EMPTY:
            near = near + 1 if near + 1 < signature.size else 0
        dense[empty[number]] = signature[near]


@njit(cache=True, nogil=True)
def fill_band_keys(data: _Bytes, offsets: _Offsets, rows: int, keys: NDArray[np.int32]) -> None:
    """Write a key for each band (first axis) and text (second), equal where the bands are equal."""
    bands = keys.shape[0]
    probes = _probes(bands * rows)
    factors = np.array([mixed(np.uint64(place + 1)) | np.uint64(1) for place in range(bands * rows)])
    signature = np.empty(bands * rows, dtype=np.uint32)
    dense = np.empty(bands * rows, dtype=np.uint32)
    empty = np.empty(bands * rows + 1, dtype=np.int32)
    for text in range(offsets.size - 1):
        _fill(data, offsets[text], offsets[text + 1], signature)
        _densify(signature, probes, dense, empty)
        for band in range(bands):
            key = np.uint64(0)
            for row in range(band * rows, band * rows + rows):
                key += np.uint64(dense[row]) * factors[row]
            keys[band, text] = np.int32(key >> np.uint64(32))
