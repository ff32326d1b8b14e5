"""The `aufruf` command: its groups, its errors, its exit status."""

from __future__ import annotations

import sys

import typer

from aufruf.errors import AufrufError

app = typer.Typer(
    name="aufruf",
    help="Build data sets of incitement and mobilisation: annotated, agreed, released and evaluated.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line. Exit 0 done, 1 error, 2 usage, 3 a quality gate failed."""
    try:
        app()
    except AufrufError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
