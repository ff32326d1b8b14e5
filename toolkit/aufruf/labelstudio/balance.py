"""Spread records over annotators: loads as even as skills and opt-outs allow, and so are the pairs' shares.

First each record goes to those who have least; then tasks move along chains of annotators until no chain
makes the loads more even; then annotators change places between records while that makes the pairs more even.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from random import Random

_PASSES, _TRIES = 20, 12
_PROPOSALS, _PROPOSALS_A_TASK = 20_000, 40


@dataclass(frozen=True)
class Item:
    """A record to give out: its language, who may read it, who has it already (that stays)."""

    record_id: str
    language: str
    readers: tuple[str, ...]
    had_by: tuple[str, ...] = ()


@dataclass
class _State:
    """Who has what, and how even that is.

    ``panels`` are the names by item, those who had it first; ``unevenness`` is the sum of the pairs' squares.
    """

    items: Sequence[Item]
    panels: list[list[str]] = field(default_factory=list[list[str]])
    loads: Counter[str] = field(default_factory=Counter[str])
    spoken: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    unevenness: int = 0

    def add(self, number: int, name: str) -> None:
        language = self.items[number].language
        self.loads[name] += 1
        self.spoken[language, name] += 1
        for other in self.panels[number]:
            pair = _pair(language, other, name)
            self.unevenness += 2 * self.pairs[pair] + 1
            self.pairs[pair] += 1
        self.panels[number].append(name)

    def remove(self, number: int, name: str) -> None:
        language = self.items[number].language
        self.panels[number].remove(name)
        self.loads[name] -= 1
        self.spoken[language, name] -= 1
        for other in self.panels[number]:
            pair = _pair(language, other, name)
            self.unevenness -= 2 * self.pairs[pair] - 1
            self.pairs[pair] -= 1

    def met(self, number: int, name: str, without: str = "") -> int:
        """Return how often ``name`` meets the others of this item's panel."""
        language = self.items[number].language
        others = (other for other in self.panels[number] if other not in (name, without))
        return sum(self.pairs[_pair(language, other, name)] for other in others)

    def new(self, number: int) -> list[str]:
        """Return who has the item without having had it before: these may still change."""
        return self.panels[number][len(self.items[number].had_by) :]


def balanced(items: Iterable[Item], overlap: int, rng: Random) -> dict[str, list[str]]:
    """Return who gets each record, those who had it left out; fewer than wanted where too few may read it.

    Loads, those of before included, differ by at most one where everyone may read everything, in each
    language as in all. Elsewhere no chain of changes would make them more even.

    Args:
        items: the records; their order does not matter.
        overlap: how many are wanted for each.
        rng: settles ties.
    """
    state = _State(_in_order(items, rng))
    for item in state.items:
        state.panels.append([])
        for name in item.had_by:
            state.add(len(state.panels) - 1, name)
    for number in range(len(state.items)):
        _give_out(state, number, overlap, rng)
    _level(state)
    _pair_up(state, rng)
    return {item.record_id: state.new(number) for number, item in enumerate(state.items)}


def _in_order(items: Iterable[Item], rng: Random) -> list[Item]:
    """Return the items shuffled, by language those that the fewest may read first: the others even it out."""
    rows = sorted(
        (replace(item, readers=tuple(sorted(item.readers))) for item in items),
        key=lambda item: item.record_id,
    )
    rng.shuffle(rows)
    return sorted(rows, key=lambda item: (item.language, len(item.readers)))


def _give_out(state: _State, number: int, overlap: int, rng: Random) -> None:
    item = state.items[number]
    free = [name for name in item.readers if name not in item.had_by]
    rng.shuffle(free)
    while free and len(state.panels[number]) < overlap:

        def rank(name: str) -> tuple[int, int, int]:
            return state.loads[name], state.spoken[item.language, name], state.met(number, name)

        name = min(free, key=rank)
        free.remove(name)
        state.add(number, name)


def _level(state: _State) -> None:
    """Move tasks along chains from those who have most to those who have at least two fewer."""
    movable = _movable(state)
    while chain := _chain(state, movable):
        for giver, taker in pairwise(chain):
            number = next(iter(movable[giver, taker]))
            _update(state, movable, number, adding=False)
            state.remove(number, giver)
            state.add(number, taker)
            _update(state, movable, number, adding=True)


def _movable(state: _State) -> dict[tuple[str, str], set[int]]:
    """Return which items each annotator could hand to each other one."""
    movable: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number in range(len(state.items)):
        _update(state, movable, number, adding=True)
    return movable


def _update(state: _State, movable: dict[tuple[str, str], set[int]], number: int, *, adding: bool) -> None:
    free = [name for name in state.items[number].readers if name not in state.panels[number]]
    for giver in state.new(number):
        for taker in free:
            (movable[giver, taker].add if adding else movable[giver, taker].discard)(number)


def _chain(state: _State, movable: Mapping[tuple[str, str], set[int]]) -> list[str]:
    """Return a chain from one who has most to one who has at least two fewer, or nothing if there is none."""
    reach: dict[str, list[str]] = defaultdict(list)
    for (giver, taker), items in sorted(movable.items()):
        if items:
            reach[giver].append(taker)
    for start in sorted(reach, key=lambda name: (-state.loads[name], name)):
        came = {start: ""}
        queue = deque([start])
        while queue:
            name = queue.popleft()
            for taker in reach[name]:
                if taker not in came:
                    came[taker] = name
                    queue.append(taker)
        end = min(came, key=lambda name: (state.loads[name], name))
        if state.loads[end] <= state.loads[start] - 2:
            return _walked(came, end)
    return []


def _walked(came: Mapping[str, str], end: str) -> list[str]:
    chain = [end]
    while came[chain[-1]]:
        chain.append(came[chain[-1]])
    return chain[::-1]


def _pair_up(state: _State, rng: Random) -> None:
    """Let annotators change places between records of one language, to make the pairs more even.

    Each task is first offered to those who would meet the rest of its panel least; then chance proposes
    changes, and takes those that make nothing worse, which leads out of dead ends.
    """
    held: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, item in enumerate(state.items):
        for name in state.new(number):
            held[item.language, name].append(number)
    tasks = [(number, name) for number in range(len(state.items)) for name in state.new(number)]
    for _ in range(_PASSES):
        if not sum(_offered(state, held, number, name, rng) for number, name in tasks):
            break
        tasks = [(number, name) for number in range(len(state.items)) for name in state.new(number)]
    for _ in range(min(_PROPOSALS, _PROPOSALS_A_TASK * len(tasks))):
        number = rng.randrange(len(state.items))
        free = _free(state, number)
        mine = state.new(number)
        if free and mine:
            _exchanged(state, held, number, rng.choice(mine), rng.choice(free), rng, worse_by=0)


def _offered(
    state: _State, held: Mapping[tuple[str, str], list[int]], number: int, name: str, rng: Random
) -> bool:
    """Exchange ``name`` for the one who meets the rest of the panel least, if that makes pairs more even."""
    free = _free(state, number) if name in state.new(number) else []
    if not free:
        return False
    taker = min(free, key=lambda other: (state.met(number, other, name), other))
    if state.met(number, taker, name) + len(state.panels[number]) - 1 >= state.met(number, name):
        return False
    return any(_exchanged(state, held, number, name, taker, rng, worse_by=-1) for _ in range(_TRIES))


def _free(state: _State, number: int) -> list[str]:
    return [name for name in state.items[number].readers if name not in state.panels[number]]


def _exchanged(  # noqa: PLR0913, PLR0917 -- who, where, and how much it may cost
    state: _State,
    held: Mapping[tuple[str, str], list[int]],
    number: int,
    name: str,
    taker: str,
    rng: Random,
    *,
    worse_by: int,
) -> bool:
    """Exchange ``name`` here for ``taker`` in one of their records, if that costs no more than allowed."""
    language = state.items[number].language
    mine, theirs = held[language, name], held[language, taker]
    place = rng.randrange(len(theirs)) if theirs else -1
    other = theirs[place] if theirs else number
    if name not in state.items[other].readers or name in state.panels[other]:
        return False
    before = state.unevenness
    _swap(state, number, name, other, taker)
    if state.unevenness - before > worse_by:
        _swap(state, number, taker, other, name)
        return False
    theirs[place] = number
    mine[mine.index(number)] = other
    return True


def _swap(state: _State, number: int, name: str, other: int, taker: str) -> None:
    state.remove(number, name)
    state.remove(other, taker)
    state.add(number, taker)
    state.add(other, name)


def _pair(language: str, one: str, other: str) -> tuple[str, str, str]:
    return (language, one, other) if one < other else (language, other, one)
