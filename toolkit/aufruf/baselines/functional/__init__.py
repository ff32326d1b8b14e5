"""Functional tests: what a model makes of small cases whose answer is known by construction."""
