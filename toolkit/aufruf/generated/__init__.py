"""Whatever repeats the label scheme and the tables: made from them, checked for drift."""

from aufruf.generated.files import drifted, find_root, generated_files, write_generated

__all__ = ["drifted", "find_root", "generated_files", "write_generated"]
