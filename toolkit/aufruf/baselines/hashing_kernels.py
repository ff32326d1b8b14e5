"""Compiled loops that hash the n-grams of texts, over the UTF-8 bytes of an Arrow column in lower case.

A text is decoded once, then its n-grams are counted by bucket in a small open table, first those of
words, then those of characters; the rows of a matrix or the scores of heads are made from these counts
without making a string. Import this module late: numba takes a second to load, and compiles on first use.

Buckets are stored in models: whoever changes where an n-gram falls counts up `METHOD`.
"""
# numba has no types for pyright to read
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportArgumentType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from aufruf.band_kernels import mixed

METHOD = 1
WORD, SPACE, MARK, END = 1, 2, 3, 4
"""What a character can be, 0 for all others: a mark is a word by itself, an end one that ends sentences."""
_BLANK = 32
_END_MARK = 46
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHORTEST_WORD = 2
_HALF = np.uint64(32)
_COUNT = np.uint64(0xFFFFFFFF)
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_Bytes = NDArray[np.uint8]
_Offsets = NDArray[np.int64]
_Codes = NDArray[np.int32]
_Counts = NDArray[np.int32]
_Table = NDArray[np.uint64]
_Range = tuple[int, int]


@njit(cache=True, nogil=True)
def _decode(data: _Bytes, start: int, end: int, kinds: _Bytes, codes: _Codes) -> int:
    """Write a text's characters between two blanks, white space as one blank. Return how many."""
    codes[0] = _BLANK
    count = 1
    place = start
    while place < end:
        first = np.int32(data[place])
        if first < 0x80:  # noqa: PLR2004 -- UTF-8's lead bytes, as below
            code, size = first, 1
        elif first < 0xE0:  # noqa: PLR2004
            code, size = first & 0x1F, 2
        elif first < 0xF0:  # noqa: PLR2004
            code, size = first & 0x0F, 3
        else:
            code, size = first & 0x07, 4
        for step in range(1, size):
            code = (code << 6) | (np.int32(data[place + step]) & 0x3F)
        place += size
        if kinds[code] == SPACE:
            code = _BLANK
        if code != _BLANK or codes[count - 1] != _BLANK:
            codes[count] = code
            count += 1
    if codes[count - 1] != _BLANK:
        codes[count] = _BLANK
        count += 1
    return count


@njit(cache=True, nogil=True)
def _add(bucket: np.uint64, mask: np.uint64, table: _Table, used: _Table, n_used: int) -> int:
    """Count a bucket in the table; return how many slots are used, of which a new one is written."""
    slot = bucket & mask
    while table[slot] >> _HALF != bucket:
        if table[slot] == _EMPTY:
            table[slot] = (bucket << _HALF) | np.uint64(1)
            used[n_used] = slot
            return n_used + 1
        slot = (slot + np.uint64(1)) & mask
    table[slot] += np.uint64(1)
    return n_used


@njit(cache=True, nogil=True)
def _tokens(codes: _Codes, length: int, kinds: _Bytes, tokens: NDArray[np.uint64]) -> int:
    """Write a number for each run of two or more word characters, equal where they are equal.

    Where characters are marks, each is a token too, and so are single letters and the start of a sentence,
    which has the number of the character 0.
    """
    count = 0
    size = 0
    number = np.uint64(0)
    marks = kinds[_END_MARK] == END
    shortest = 1 if marks else _SHORTEST_WORD
    ended = marks
    for place in range(length):
        kind = kinds[codes[place]]
        if kind == WORD:
            number = (number + np.uint64(codes[place]) + np.uint64(1)) * _FACTOR
            size += 1
            ended = False
            continue
        if size >= shortest:
            tokens[count] = mixed(number)
            count += 1
        number, size = np.uint64(0), 0
        if kind >= MARK:
            tokens[count] = mixed((np.uint64(codes[place]) + np.uint64(1)) * _FACTOR)
            count += 1
        if ended and codes[place] == _BLANK and place + 1 < length:
            tokens[count] = mixed(_FACTOR)
            count += 1
        ended = kind == END
    return count


@njit(cache=True, nogil=True)
def _count_words(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    tokens: NDArray[np.uint64],
    n_tokens: int,
    lengths: _Range,
    shift: np.uint64,
    mask: np.uint64,
    table: _Table,
    used: _Table,
) -> int:
    """Count runs of words; write the slots taken and return how many."""
    n_used = 0
    for start in range(n_tokens):
        gram = np.uint64(0)
        for end in range(start, min(start + lengths[1], n_tokens)):
            gram = (gram + tokens[end]) * _FACTOR
            if end - start + 1 >= lengths[0]:
                n_used = _add(gram >> shift, mask, table, used, n_used)
    return n_used


@njit(cache=True, nogil=True)
def _count_characters(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    codes: _Codes,
    length: int,
    lengths: _Range,
    shift: np.uint64,
    base: np.uint64,
    mask: np.uint64,
    table: _Table,
    used: _Table,
) -> int:
    """Count runs of characters within a word and its blanks; a word that is shorter counts once, whole.

    Writes the slots taken and returns how many.
    """
    n_used = 0
    begin = 0
    while begin + 1 < length:
        end = begin + 1
        while codes[end] != _BLANK:
            end += 1
        shortest = min(lengths[0], end - begin + 1)
        for start in range(begin, end + 2 - shortest):
            gram = np.uint64(0)
            for place in range(start, min(start + lengths[1], end + 1)):
                gram = (gram + np.uint64(codes[place]) + np.uint64(1)) * _FACTOR
                if place - start + 1 >= shortest:
                    n_used = _add(base | (gram >> shift), mask, table, used, n_used)
        begin = end
    return n_used


@njit(cache=True, nogil=True)
def _room(size: int, words: _Range, characters: _Range) -> int:
    """Return a power of two at least twice the n-grams of a text of so many bytes."""
    grams = (size + 2) * max(words[1] - words[0] + 1, characters[1] - characters[0] + 1)
    room = 64
    while room < 2 * grams:
        room *= 2
    return room


@njit(cache=True, nogil=True)
def _longest(offsets: _Offsets) -> int:
    longest = 0
    for text in range(offsets.size - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    return longest


@njit(cache=True, nogil=True)
def count_texts(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    data: _Bytes,
    offsets: _Offsets,
    kinds: _Bytes,
    words: _Range,
    characters: _Range,
    bits: int,
    logs: NDArray[np.float32],
    buckets: _Counts,
    values: NDArray[np.float32],
    ends: _Offsets,
) -> None:
    """Write each text's buckets, words before characters, and what their counts are worth.

    ``logs[min(n, size) - 1]`` is the worth of n; ``ends[i]`` is where text i ends among the buckets.
    """
    longest = _longest(offsets)
    codes = np.empty(longest + 2, dtype=np.int32)
    tokens = np.empty(longest + 2, dtype=np.uint64)
    table = np.full(_room(longest, words, characters), _EMPTY)
    used = np.empty_like(table)
    shift, base = np.uint64(65 - bits), np.uint64(1 << (bits - 1))
    at = 0
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        length = _decode(data, start, end, kinds, codes)
        mask = np.uint64(_room(end - start, words, characters) - 1)
        for block in range(2):
            if block == 0:
                n_tokens = _tokens(codes, length, kinds, tokens)
                n_used = _count_words(tokens, n_tokens, words, shift, mask, table, used)
            else:
                n_used = _count_characters(codes, length, characters, shift, base, mask, table, used)
            for number in range(n_used):
                slot = used[number]
                buckets[at] = np.int32(table[slot] >> _HALF)
                values[at] = logs[min(np.int64(table[slot] & _COUNT), logs.size) - 1]
                table[slot] = _EMPTY
                at += 1
        ends[text] = at


@njit(cache=True, nogil=True)
def score_texts(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    data: _Bytes,
    offsets: _Offsets,
    kinds: _Bytes,
    words: _Range,
    characters: _Range,
    bits: int,
    logs: NDArray[np.float32],
    columns: _Counts,
    weights: NDArray[np.float32],
    scores: NDArray[np.float64],
) -> None:
    """Add to each text's scores, shape (n_texts, n_heads), what its n-grams speak for each head.

    ``columns`` holds the row of a bucket's weights, -1 where training never saw it; a row of
    ``weights`` is the bucket's idf and its weight in each head.
    """
    longest = _longest(offsets)
    codes = np.empty(longest + 2, dtype=np.int32)
    tokens = np.empty(longest + 2, dtype=np.uint64)
    table = np.full(_room(longest, words, characters), _EMPTY)
    used = np.empty_like(table)
    shift, base = np.uint64(65 - bits), np.uint64(1 << (bits - 1))
    sums = np.empty(scores.shape[1], dtype=np.float64)
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        length = _decode(data, start, end, kinds, codes)
        mask = np.uint64(_room(end - start, words, characters) - 1)
        for block in range(2):
            if block == 0:
                n_tokens = _tokens(codes, length, kinds, tokens)
                n_used = _count_words(tokens, n_tokens, words, shift, mask, table, used)
            else:
                n_used = _count_characters(codes, length, characters, shift, base, mask, table, used)
            squares = _speak(used[:n_used], table, logs, columns, weights, sums)
            if squares > 0:
                for head in range(sums.size):
                    scores[text, head] += sums[head] / np.sqrt(squares)


@njit(cache=True, nogil=True)
def _speak(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    used: _Table,
    table: _Table,
    logs: NDArray[np.float32],
    columns: _Counts,
    weights: NDArray[np.float32],
    sums: NDArray[np.float64],
) -> float:
    """Empty the table: write the sum over its n-grams for each head, return the sum of squares."""
    sums[:] = 0
    squares = 0.0
    for slot in used:
        column = columns[table[slot] >> _HALF]
        if column >= 0:
            count = min(np.int64(table[slot] & _COUNT), logs.size)
            value = np.float64(logs[count - 1] * weights[column, 0])
            squares += value * value
            for head in range(sums.size):
                sums[head] += value * weights[column, head + 1]
        table[slot] = _EMPTY
    return squares


@njit(cache=True, nogil=True)
def count_buckets(buckets: _Counts, found: _Counts) -> None:
    """Add to ``found`` how often each bucket stands among ``buckets``."""
    for bucket in buckets:
        found[bucket] += 1


@njit(cache=True, nogil=True)
def weigh(  # noqa: PLR0913, PLR0917 -- numba compiles no records
    buckets: _Counts,
    values: NDArray[np.float32],
    ends: _Offsets,
    columns: _Counts,
    idf: NDArray[np.float32],
    first_character: int,
) -> int:
    """Make rows of a matrix out of counted texts, in place: known columns, weighed by idf.

    Words and characters (columns from ``first_character`` on) are of length 1 each. ``ends`` becomes
    where each row ends; the last is returned.
    """
    at, begin = 0, 0
    squares = np.zeros(2)
    for text in range(ends.size):
        start = at
        squares[:] = 0
        for place in range(begin, ends[text]):
            column = columns[buckets[place]]
            if column >= 0:
                value = values[place] * idf[column]
                buckets[at] = column
                values[at] = value
                squares[int(column >= first_character)] += np.float64(value) ** 2
                at += 1
        for place in range(start, at):
            values[place] /= np.sqrt(squares[int(buckets[place] >= first_character)])
        begin = ends[text]
        ends[text] = at
    return at
