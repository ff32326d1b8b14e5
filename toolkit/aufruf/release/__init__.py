"""Releases: versioned splits that load anywhere and can be checked."""
