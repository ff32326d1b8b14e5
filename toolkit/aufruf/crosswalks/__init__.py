"""Labelled data sets of others: what their files are, and what their labels say of ours.

`definition` reads a crosswalk, `reading` the files, `answers` translates, `defects` looks for what is wrong.
"""
