"""Lets ``python -m medenv`` do what the ``medenv`` command does."""

from medenv.cli import main

main()
