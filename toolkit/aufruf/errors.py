"""What can go wrong, and how it is said.

    AufrufError            exit 1: says where, what was found, what was expected, what to do next
    ├── InputError         a file, table or value from outside is not what it must be
    ├── SettingsError      `aufruf.toml`, the label scheme or the annotators' file is wrong
    ├── WorkspaceError     there is no workspace, or this version cannot use it
    ├── ServerError        Label Studio is not there, refuses, or answers what it should not
    └── GateError          exit 3: the work was done, and a quality gate failed

A command turns each of these into one line on standard error. Anything else is a bug and shows a
traceback, without local variables: they may hold the text of a post or a token.
"""


class AufrufError(Exception):
    """Base of all errors that are for acting, not for debugging."""

    exit_code = 1


class InputError(AufrufError):
    """A file, table or value from outside is not what it must be."""


class SettingsError(AufrufError):
    """A settings file, the label scheme or the annotators' file is wrong."""


class WorkspaceError(AufrufError):
    """There is no workspace here, or this version of aufruf cannot use it."""


class ServerError(AufrufError):
    """Label Studio is not there, refuses, or answers what it should not."""


class GateError(AufrufError):
    """The work was done and kept, and a quality gate failed."""

    exit_code = 3
