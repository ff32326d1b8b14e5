"""Compiled loops that compare texts whose band keys are equal, over the UTF-8 bytes of an Arrow column.

For what a text and its set are, and when to import this module, see `aufruf.band_kernels`.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportReturnType=false, reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aufruf.band_kernels import GRAM, first_gram, next_gram

MEMBERS = 32
_DIGIT = 11
_ROW = (1 << 32) - 1
_Bytes = NDArray[np.uint8]
_Offsets = NDArray[np.int64]
_Keys = NDArray[np.int32]
_Rows = NDArray[np.int32]
_Items = NDArray[np.int64]
_Grams = NDArray[np.uint64]
_Stamps = NDArray[np.int64]
_Found = tuple[_Rows, NDArray[np.bool_], _Rows, _Rows, NDArray[np.float64], NDArray[np.int64]]


@njit(cache=True, nogil=True)
def _sort_by_digit(items: _Items, shift: int, ordered: _Items) -> None:
    """Write items sorted by eleven of their bits; those of the same bits keep their order."""
    mask = (1 << _DIGIT) - 1
    starts = np.zeros((1 << _DIGIT) + 1, dtype=np.int64)
    for item in items:
        starts[((item >> shift) & mask) + 1] += 1
    starts = np.cumsum(starts)
    for item in items:
        digit = (item >> shift) & mask
        ordered[starts[digit]] = item
        starts[digit] += 1


@njit(cache=True, nogil=True)
def _repeated(keys: _Keys, items: _Items) -> int:
    """Write keys (upper half of an item) with their rows (lower half) and return how many there are.

    Keys that occur once are left out, nearly all of them: two bits for each of at least eight times as
    many slots as there are keys say whether one that falls there was seen, and seen again.
    """
    words = 64
    while words * 8 < keys.size:
        words *= 2
    seen, again = np.zeros(words, dtype=np.uint64), np.zeros(words, dtype=np.uint64)
    mask = np.uint64(words * 64 - 1)
    for key in keys:
        slot = np.uint64(key) & mask
        bit = np.uint64(1) << (slot & np.uint64(63))
        word = slot >> np.uint64(6)
        again[word] |= seen[word] & bit
        seen[word] |= bit
    count = 0
    for row in range(keys.size):
        slot = np.uint64(keys[row]) & mask
        items[count] = (np.int64(keys[row]) << 32) | row
        count += np.int64((again[slot >> np.uint64(6)] >> (slot & np.uint64(63))) & np.uint64(1))
    return count


@njit(cache=True, nogil=True)
def _group(keys: _Keys, items: _Items, room: _Items) -> int:
    """Write the items of keys that occur twice: equal keys together, rows in order. Return how many.

    A few keys that occur once are among them.
    """
    count = _repeated(keys, room)
    _sort_by_digit(room[:count], 32, items)
    _sort_by_digit(items[:count], 32 + _DIGIT, room)
    _sort_by_digit(room[:count], 32 + 2 * _DIGIT, items)
    return count


@njit(cache=True, nogil=True)
def _end_of_group(items: _Items, begin: int) -> int:
    end = begin + 1
    while end < items.size and items[end] >> 32 == items[begin] >> 32:
        end += 1
    return end


@njit(cache=True, nogil=True)
def mark_candidates(
    keys: _Keys, is_new: NDArray[np.bool_], items: _Items, room: _Items, marked: NDArray[np.bool_]
) -> None:
    """Mark the texts that `join_band` may compare in one band: groups of two or more with a new text."""
    items = items[: _group(keys, items, room)]
    begin = 0
    while begin < items.size:
        end = _end_of_group(items, begin)
        if end > begin + 1:
            fresh = 0
            for item in items[begin:end]:
                fresh += is_new[item & _ROW]
            for place in range(begin, end if fresh else begin):
                row = items[place] & _ROW
                if is_new[row] or place < begin + MEMBERS:
                    marked[row] = True
        begin = end


@njit(cache=True, nogil=True)
def _are_equal(data: _Bytes, offsets: _Offsets, left: int, right: int) -> bool:
    length = offsets[left + 1] - offsets[left]
    if offsets[right + 1] - offsets[right] != length:
        return False
    place = 0
    while place < length and data[offsets[left] + place] == data[offsets[right] + place]:
        place += 1
    return place == length


@njit(cache=True, nogil=True)
def table_size(length: int) -> int:
    """Return how many slots the sets of two texts need that have so many bytes together."""
    size = 16
    while size < 2 * length:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def _slot(grams: _Grams, seen: _Stamps, mask: int, gram: np.uint64, since: int) -> int:
    """Return where a gram stands in the table, or the free slot where it belongs."""
    slot = np.int64((gram * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & mask
    while seen[slot] >= since and grams[slot] != gram:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _jaccard(  # noqa: PLR0913, PLR0917 -- a kernel takes its buffers one by one
    data: _Bytes,
    offsets: _Offsets,
    left: int,
    right: int,
    table: tuple[_Grams, _Stamps],
    since: int,
    threshold: float,
) -> float:
    """Return the similarity of two texts' sets, or 0 as soon as it is seen to be below the threshold.

    ``table`` (grams, and when they were seen) is an open hash table of at least twice as many slots as
    there are bytes in both texts. What earlier calls put there bears a number below ``since``, which grows
    by three at each call, and so counts as gone.
    """
    grams, seen = table
    mask = table_size(offsets[left + 1] - offsets[left] + offsets[right + 1] - offsets[right]) - 1
    union, common, most = 0, 0, np.int64(1) << 40
    for side, text in enumerate((left, right)):
        gram = first_gram(data, offsets[text], offsets[text + 1])
        place = offsets[text] + GRAM
        while True:
            slot = _slot(grams, seen, mask, gram, since)
            if seen[slot] < since:
                grams[slot], seen[slot] = gram, since + side
                union += 1
            elif side == 1 and seen[slot] == since:
                seen[slot] = since + 2
                common += 1
            if union > most or place >= offsets[text + 1]:
                break
            gram = next_gram(gram, data[place])
            place += 1
        most = np.int64(union / threshold) + 1 if side == 0 else most
    return common / union if union <= most else 0.0


@njit(cache=True, nogil=True)
def fill_similarities(
    data: _Bytes, offsets: _Offsets, lefts: _Rows, rights: _Rows, similarities: NDArray[np.float64]
) -> None:
    """Write the similarity of the texts of each pair, however low."""
    longest = 0
    for text in range(offsets.size - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    slots = table_size(2 * longest)
    table = np.empty(slots, dtype=np.uint64), np.zeros(slots, dtype=np.int64)
    for place in range(lefts.size):
        since = 1 + 3 * place
        similarities[place] = _jaccard(data, offsets, lefts[place], rights[place], table, since, 1e-9)


@njit(cache=True, nogil=True)
def root(parents: _Rows, text: int) -> int:
    """Return the text that stands for a text's cluster: its first."""
    while parents[text] != text:
        parents[text] = parents[parents[text]]
        text = parents[text]
    return text


@njit(cache=True, nogil=True)
def unite(parents: _Rows, left: int, right: int) -> None:
    """Make the clusters of two texts one."""
    one, other = root(parents, left), root(parents, right)
    parents[max(one, other)] = min(one, other)


@njit(cache=True, nogil=True)
def unite_all(parents: _Rows, lefts: _Rows, rights: _Rows) -> None:
    """Make the clusters of many pairs one each."""
    for place in range(lefts.size):
        unite(parents, lefts[place], rights[place])


@njit(cache=True, nogil=True)
def roots(parents: _Rows) -> _Rows:
    """Return each text's cluster: its first text."""
    found = np.empty_like(parents)
    for text in range(parents.size):
        found[text] = root(parents, text)
    return found


@njit(cache=True, nogil=True)
def _join_group(  # noqa: PLR0913, PLR0917 -- a kernel takes its buffers one by one
    data: _Bytes,
    offsets: _Offsets,
    group: _Items,
    old: int,
    threshold: float,
    table: tuple[_Grams, _Stamps],
    members: _Rows,
    found: _Found,
) -> None:
    """Compare the texts of one key (see `join_band`); ``members`` is room for those to compare with."""
    parents, copied, failed, pairs, similarities, counts = found
    size = 0
    for item in group:
        text = np.int32(item & _ROW)
        for other in members[:size]:
            if text < old or copied[text]:
                break
            if failed[text] == other or root(parents, other) == root(parents, text):
                continue
            if _are_equal(data, offsets, other, text):
                similarity, copied[text] = 1.0, True
            else:
                counts[1] += 3
                similarity = _jaccard(data, offsets, other, text, table, counts[1], threshold)
            if similarity >= threshold:
                pairs[counts[0], 0], pairs[counts[0], 1] = other, text
                similarities[counts[0]] = similarity
                counts[0] += 1
                unite(parents, other, text)
            else:
                failed[text] = other
        if not copied[text] and size < MEMBERS:
            members[size] = text
            size += 1


@njit(cache=True, nogil=True)
def join_band(  # noqa: PLR0913, PLR0917 -- a kernel takes its buffers one by one
    data: _Bytes,
    offsets: _Offsets,
    keys: _Keys,
    old: int,
    threshold: float,
    table: tuple[_Grams, _Stamps],
    room: tuple[_Items, _Items],
    found: _Found,
) -> None:
    """Verify the candidates of one band, and write down the pairs that join clusters.

    Each text is compared with the earlier ones of its key that are not in its cluster yet, with the first
    ``MEMBERS`` of them: work grows with the texts of a key, not with their square. The first ``old``
    texts are not compared with each other.

    ``table`` and ``room`` are for use here. ``found`` is what is known and grows: each text's parent (see
    `root`); whether it is the same as an earlier one, which then stands for it in all further bands; the
    last one that it was compared with in vain; the pairs, left and right; their similarities; the number of
    pairs, and the last number that `_jaccard` was given.
    """
    items = room[0][: _group(keys, room[0], room[1])]
    members = np.empty(MEMBERS, dtype=np.int32)
    begin = 0
    while begin < items.size:
        end = _end_of_group(items, begin)
        if end > begin + 1:
            _join_group(data, offsets, items[begin:end], old, threshold, table, members, found)
        begin = end
