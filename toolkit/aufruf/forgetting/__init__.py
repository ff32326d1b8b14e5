"""Forgetting: take records down wherever they stand."""
