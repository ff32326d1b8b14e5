"""In which order and on which day of the round an annotator's tasks come."""

from __future__ import annotations

from collections import Counter
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
_T = TypeVar("_T")


@dataclass(frozen=True)
class Entry:
    """A task to come: its record, why it is asked, and whether the record is heavy to read."""

    record_id: str
    purpose: str
    is_heavy: bool


@dataclass(frozen=True)
class Limits:
    """How many tasks and how many heavy ones a day and a week may bring; None: any number."""

    day: int | None = None
    week: int | None = None
    day_heavy: int | None = None
    week_heavy: int | None = None


@dataclass
class Days:
    """What the days of one annotator hold so far, against the limits."""

    limits: Limits
    tasks: Counter[int] = field(default_factory=Counter[int])
    heavy: Counter[int] = field(default_factory=Counter[int])

    def take(self, day: int, *, is_heavy: bool) -> None:
        """Count a task on a day."""
        self.tasks[day] += 1
        self.heavy[day] += is_heavy

    def has_room(self, day: int, *, is_heavy: bool) -> bool:
        """Whether a day, and the week it lies in, may bring another task."""
        first = day - day % DAYS_A_WEEK
        week = range(first, first + DAYS_A_WEEK)
        limits = self.limits
        return (
            _fits(self.tasks[day], limits.day)
            and _fits(sum(self.tasks[each] for each in week), limits.week)
            and (
                not is_heavy
                or (
                    _fits(self.heavy[day], limits.day_heavy)
                    and _fits(sum(self.heavy[each] for each in week), limits.week_heavy)
                )
            )
        )


def limits_of(annotator: Annotator, seconds: float) -> Limits:
    """Return an annotator's budgets in tasks that take ``seconds`` each.

    Raises:
        SettingsError: if a budget in minutes is shorter than one task.
    """
    tasks = {
        name: None if minutes is None else int(minutes * _MINUTE / seconds)
        for name, minutes in (("daily", annotator.daily), ("weekly", annotator.weekly))
    }
    for name, number in tasks.items():
        if number == 0:
            raise SettingsError(
                f"annotator '{annotator.id}': {name} = {getattr(annotator, name)} minutes, but a task takes "
                f"about {seconds:.0f} seconds: give more minutes, or take the person out of the file"
            )
    return Limits(tasks["daily"], tasks["weekly"], annotator.daily_heavy, annotator.weekly_heavy)


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


def release_days(entries: Iterable[Entry], days: Days) -> list[int]:
    """Return the day of the round on which each task is due.

    That is the first day with room that is not before the last task's.

    Args:
        entries: the tasks in their order; none is heavy where the limits allow no heavy ones at all.
        days: what was planned before; the new tasks are counted in it.
    """
    day = max(days.tasks, default=0)
    found: list[int] = []
    for entry in entries:
        while not days.has_room(day, is_heavy=entry.is_heavy):
            day += 1
        days.take(day, is_heavy=entry.is_heavy)
        found.append(day)
    return found


def _with_checks(rows: Sequence[Entry], rng: Random) -> list[Entry]:
    kinds = {kind: [row for row in rows if row.purpose == kind] for kind in (MAIN, GOLD_CHECK, REPEAT)}
    checks = sorted((kinds[GOLD_CHECK], kinds[REPEAT]), key=len)
    return spread(kinds[MAIN], spread(checks[1], checks[0], rng.random()), rng.random())


def _fits(number: int, limit: int | None) -> bool:
    return limit is None or number < limit
