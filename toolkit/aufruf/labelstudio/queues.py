"""In which order and on which day of the round an annotator's tasks come."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from aufruf.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from aufruf.labelstudio.annotators import Annotator

MAIN, GOLD_CHECK, REPEAT = "main", "gold_check", "repeat"
DAYS_A_WEEK = 7
_MINUTE = 60
_FINE = 1 << 20
_ROUNDING = 1e-6
_T = TypeVar("_T")


@dataclass(frozen=True)
class Entry:
    """A task to come: its record, why it is asked, and whether the record is heavy to read."""

    record_id: str
    purpose: str
    is_heavy: bool


@dataclass(frozen=True)
class Limits:
    """How many seconds and how many heavy tasks a day and a week may bring; None: any number."""

    day: float | None = None
    week: float | None = None
    day_heavy: int | None = None
    week_heavy: int | None = None


@dataclass
class Days:
    """What the days of one annotator hold so far, against the limits. Weeks begin on days 0, 7, 14 and on."""

    limits: Limits
    seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    heavy: Counter[int] = field(default_factory=Counter[int])

    def take(self, day: int, seconds: float, *, is_heavy: bool) -> None:
        """Count a task on a day."""
        self.seconds[day] += seconds
        self.heavy[day] += is_heavy

    def has_room(self, day: int, seconds: float, *, is_heavy: bool) -> bool:
        """Whether a day, and the week it lies in, may bring another task."""
        first = day - day % DAYS_A_WEEK
        week = range(first, first + DAYS_A_WEEK)
        limits = self.limits
        wanted = [
            (self.seconds.get(day, 0.0) + seconds, limits.day),
            (sum(self.seconds.get(each, 0.0) for each in week) + seconds, limits.week),
        ]
        if is_heavy:
            wanted += [
                (self.heavy[day] + 1, limits.day_heavy),
                (sum(self.heavy[each] for each in week) + 1, limits.week_heavy),
            ]
        return all(limit is None or amount <= limit + _ROUNDING for amount, limit in wanted)


def limits_of(annotator: Annotator, seconds: float) -> Limits:
    """Return an annotator's budgets. A task takes ``seconds``.

    Raises:
        SettingsError: if a budget in minutes is shorter than one task.
    """
    for name, minutes in (("daily", annotator.daily), ("weekly", annotator.weekly)):
        if minutes is not None and minutes * _MINUTE < seconds:
            raise SettingsError(
                f"annotator '{annotator.id}': {name} = {minutes} minutes, but a task takes about "
                f"{seconds:.0f} seconds: give more minutes, or take the person out of the file"
            )
    day, week = (None if each is None else each * _MINUTE for each in (annotator.daily, annotator.weekly))
    return Limits(day, week, annotator.daily_heavy, annotator.weekly_heavy)


def spread(many: Sequence[_T], few: Sequence[_T], start: float) -> list[_T]:
    """Return both sequences in one, each in its order, with ``few`` at even distances among ``many``.

    Where ``few`` has at most one more than ``many``, no two of it stand side by side; where it has more, its
    runs are as short as they can be and differ by one at most. ``start``, from 0 to below 1, shifts it all.
    """
    gaps: list[list[_T]] = [[] for _ in range(len(many) + 1)]
    shift = int(start * _FINE)  # whole numbers: rounding would put two into one gap
    for number, each in enumerate(few):
        gaps[(number * _FINE + shift) * len(gaps) // (len(few) * _FINE)].append(each)
    mixed: list[_T] = list(gaps[0])
    for each, gap in zip(many, gaps[1:], strict=True):
        mixed += [each, *gap]
    return mixed


def queue(entries: Iterable[Entry], rng: Random) -> list[Entry]:
    """Return the tasks in the order in which they are shown.

    Heavy records stand between neutral ones, at even distances; among either, gold checks and repeats stand
    between the others in the same way. The rest is chance.
    """
    rows = sorted(entries, key=lambda entry: (entry.record_id, entry.purpose))
    rng.shuffle(rows)
    light, heavy = (
        _with_checks([e for e in rows if e.is_heavy == is_heavy], rng) for is_heavy in (False, True)
    )
    return spread(light, heavy, rng.random())


def in_turn(queues: Sequence[Sequence[_T]]) -> list[_T]:
    """Return several queues in one, each in its order and all of them nearing their end together."""
    places = [
        ((place + 0.5) / len(one), number, each)
        for number, one in enumerate(queues)
        for place, each in enumerate(one)
    ]
    return [each for _, _, each in sorted(places, key=lambda place: place[:2])]


def release_days(entries: Iterable[Entry], days: Days, seconds: float) -> list[int]:
    """Return the day of the round on which each task is due.

    That is the first day with room that is not before the last task's.

    Args:
        entries: the tasks in their order; none is heavy where the limits allow no heavy ones at all.
        days: what was planned before; the new tasks are counted in it.
        seconds: what a task takes; not more than a day or a week allows.
    """
    day = max(days.seconds, default=0)
    found: list[int] = []
    none_heavy = 0 in (days.limits.day_heavy, days.limits.week_heavy)
    for entry in entries:
        assert not (none_heavy and entry.is_heavy), "no day would ever have room"
        while not days.has_room(day, seconds, is_heavy=entry.is_heavy):
            day += 1
        days.take(day, seconds, is_heavy=entry.is_heavy)
        found.append(day)
    return found


def _with_checks(rows: Sequence[Entry], rng: Random) -> list[Entry]:
    kinds = {kind: [row for row in rows if row.purpose == kind] for kind in (MAIN, GOLD_CHECK, REPEAT)}
    checks = sorted((kinds[GOLD_CHECK], kinds[REPEAT]), key=len)
    return spread(kinds[MAIN], spread(checks[1], checks[0], rng.random()), rng.random())
