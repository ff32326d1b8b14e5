"""The `aufruf` command: its groups, its errors, its exit status."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from aufruf.cli import (
    agreement,
    annotate,
    duplicates,
    evaluation,
    gold,
    keys,
    labelstudio,
    predict,
    prevalence,
    publish,
    quarantine,
    records,
    rehydrate,
    release,
    report,
    sampling,
    scheme,
    start,
    takedown,
    training,
)
from aufruf.errors import AufrufError

app = typer.Typer(
    name="aufruf",
    help="Build data sets of incitement and mobilisation: annotated, agreed, released and evaluated.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
start.register(app)
scheme.register(app)
records.register(app)
quarantine.register(app)
duplicates.register(app)
sampling.register(app)
annotate.register(app)
labelstudio.register(app)
agreement.register(app)
gold.register(app)
prevalence.register(app)
report.register(app)
release.register(app)
keys.register(app)
takedown.register(app)
rehydrate.register(app)
publish.register(app)
training.register(app)
evaluation.register(app)
predict.register(app)

_FULL_OR_READ_ONLY = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("aufruf"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line. Exit 0 done, 1 error, 2 usage, 3 a quality gate failed."""
    try:
        app()
    except AufrufError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _FULL_OR_READ_ONLY:
            raise
        typer.echo(f"error: {error.filename or 'disk'}: {error.strerror}; nothing was half-written", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
