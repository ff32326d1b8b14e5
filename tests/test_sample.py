"""The bundled sample keeps what its README says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from aufruf.assets import asset
from aufruf.label_scheme import load_label_scheme
from aufruf.sample import sample_items, sample_posts

if TYPE_CHECKING:
    from aufruf.sample import SampleAnswer, SampleItem

SCHEME = load_label_scheme(asset("schemas", "label_scheme.toml"))
ITEMS = sample_items()
POSTS = {post.id: post for post in sample_posts()}
ANNOTATORS = ("amsel", "drossel", "fink", "star")


def language(item: SampleItem) -> str:
    return item.item.removeprefix("news/")[:2]


def article(item: SampleItem) -> str:
    return asset("annotation", "sample", *item.item.split("/")).read_text("utf-8")


def answers(item: SampleItem) -> list[SampleAnswer]:
    return [item.answer, *item.by.values()]


def paragraph(item: SampleItem) -> str:
    assert item.contains is not None
    return next(line for line in article(item).splitlines() if item.contains in line)


def test_every_post_has_an_answer_and_every_answer_a_post_or_an_article():
    posts = [item.item for item in ITEMS if item.contains is None]
    assert sorted(posts) == sorted(POSTS)
    assert all(article(item).count(item.contains) == 1 for item in ITEMS if item.contains is not None)


@pytest.mark.parametrize("code", ["de", "en"])
@pytest.mark.parametrize("label", SCHEME.label_names)
def test_each_label_holds_at_least_forty_times_in_each_language(code: str, label: str):
    assert sum(label in item.answer.labels for item in ITEMS if language(item) == code) >= 40


@pytest.mark.parametrize("code", ["de", "en"])
def test_at_least_half_of_three_hundred_records_are_in_each_language(code: str):
    assert sum(post.id.startswith(code) for post in POSTS.values()) >= 150


def test_at_least_a_hundred_posts_carry_no_label():
    assert sum(not item.answer.labels for item in ITEMS if item.contains is None) >= 100


def test_every_answer_is_one_that_the_label_scheme_allows():
    for item in ITEMS:
        assert set(item.by) <= set(ANNOTATORS)
        for answer in answers(item):
            assert set(answer.flags) <= set(SCHEME.flag_names)
            for name, given in answer.labels.items():
                allowed = {attribute.name: attribute.value_names for attribute in SCHEME.attributes_of(name)}
                assert given.voice
                assert set(given.voice) <= set(SCHEME.voice_names)
                assert set(given.attributes()) == set(allowed)
                assert all(value in allowed[key] for key, value in given.attributes().items())


def test_every_span_stands_exactly_once_in_its_text():
    for item in ITEMS:
        text = POSTS[item.item].text if item.contains is None else paragraph(item)
        spans = [span for answer in answers(item) for given in answer.labels.values() for span in given.spans]
        assert [span for span in spans if text.count(span) != 1] == [], item.item


def test_the_annotators_differ_in_labels_and_in_voices():
    kinds: Counter[str] = Counter()
    for item in ITEMS:
        for answer in item.by.values():
            other = set(answer.labels) != set(item.answer.labels)
            kinds["label" if other else "voice or attribute"] += 1
    assert min(kinds["label"], kinds["voice or attribute"]) >= 20


def test_the_sample_holds_the_rare_cases_of_a_real_round():
    everything = [answer for item in ITEMS for answer in answers(item)]
    spans = [span for answer in everything for given in answer.labels.values() for span in given.spans]
    assert any(answer.skip for answer in everything)
    assert any("urgent" in answer.flags for answer in everything)
    assert any("cannot_judge" in answer.flags for answer in everything)
    assert any(ord(character) > 0x1F000 for span in spans for character in span)
