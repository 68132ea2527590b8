"""Runs ``medenv`` inside the test's process: the same command line without a new interpreter."""

import os
from types import SimpleNamespace

from typer.testing import CliRunner

from medenv.cli import app


def medenv(*arguments, cwd):
    """Run a command in a folder; gives returncode, stdout and stderr as `subprocess.run` does."""
    before = os.getcwd()
    os.chdir(cwd)
    try:
        result = CliRunner().invoke(app, [str(one) for one in arguments], prog_name="medenv")
    finally:
        os.chdir(before)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return SimpleNamespace(returncode=result.exit_code, stdout=result.stdout, stderr=result.stderr)
