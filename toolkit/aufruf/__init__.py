"""Build data sets of incitement and mobilisation: annotated, agreed, released and evaluated.

The command line does what these names do, in the same words. Each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aufruf.articles import excerpts
    from aufruf.duplicates import find_duplicates
    from aufruf.errors import AufrufError
    from aufruf.gold import decide_gold
    from aufruf.importing import import_paths
    from aufruf.label_scheme import LabelScheme, load_label_scheme
    from aufruf.language import identify_language
    from aufruf.masking import pseudonymise
    from aufruf.release.build import export
    from aufruf.release.verify import verify
    from aufruf.sampling import sample_round
    from aufruf.sources.reading import read_source
    from aufruf.workspace import Workspace, create_workspace, open_workspace

__all__ = [
    "AufrufError",
    "LabelScheme",
    "Workspace",
    "create_workspace",
    "decide_gold",
    "excerpts",
    "export",
    "find_duplicates",
    "identify_language",
    "import_paths",
    "load_label_scheme",
    "open_workspace",
    "pseudonymise",
    "read_source",
    "sample_round",
    "verify",
]

_HOMES = {
    "AufrufError": "errors",
    "LabelScheme": "label_scheme",
    "Workspace": "workspace",
    "create_workspace": "workspace",
    "decide_gold": "gold",
    "excerpts": "articles",
    "export": "release.build",
    "find_duplicates": "duplicates",
    "identify_language": "language",
    "import_paths": "importing",
    "load_label_scheme": "label_scheme",
    "open_workspace": "workspace",
    "pseudonymise": "masking",
    "read_source": "sources.reading",
    "sample_round": "sampling",
    "verify": "release.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'aufruf' has no attribute {name!r}")
    return getattr(import_module(f"aufruf.{_HOMES[name]}"), name)
