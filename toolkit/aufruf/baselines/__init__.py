"""Baselines: what simple models reach on a release, or on any table, and how sure that is."""
