"""Run the command line with ``python -m aufruf``."""

from aufruf.cli.app import main

main()
