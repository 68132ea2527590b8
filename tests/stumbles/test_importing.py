"""Importing and starting, wherever one stands."""

import os
import sys
from pathlib import Path

import pytest

INSTALLED = os.environ.get("MEDENV_STUMBLES_PREFIX")
"""Where the medenv that is tried must lie, if this runs on a wheel."""

PLAYS = """
import gymnasium, medenv
from medenv import *
with gymnasium.make(ENV_IDS[0], split="builtin") as env:
    env.reset(seed=1)
    assert env.step("FINISH([])")[2]
"""


def somewhere_plain(folder):
    """Make nothing."""


def beside_what_has_our_names(folder):
    """Make folders that are called as medenv and its parts are, and a user's own packages, which have nothing to do with medenv's."""
    for name in ("medenv", "tests", "runs"):
        (folder / name).mkdir()
        (folder / name / "notes.txt").write_text("mine")
    for name in ("agents", "envs", "protocol", "grading"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('this is not what medenv meant')")


PLACES = [somewhere_plain, beside_what_has_our_names]


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_it_plays_from_anywhere(python, elsewhere, make):
    folder = elsewhere / "a folder of Jürgen's"
    folder.mkdir()
    make(folder)
    done = python("-c", PLAYS, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_script_plays(python, elsewhere):
    (elsewhere / "agents.py").write_text(PLAYS)
    done = python("agents.py")
    assert (done.returncode, done.stderr) == (0, "")


def test_from_a_folder_that_is_gone(python, elsewhere):
    code = f"import os\nos.mkdir('x')\nos.chdir('x')\nos.rmdir('../x')\n{PLAYS}"
    done = python("-c", code, cwd=elsewhere)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_same_command_in_both_spellings(python, elsewhere):
    module = python("-m", "medenv", "--version", cwd=elsewhere)
    assert (module.returncode, module.stderr) == (0, "")
    assert module.stdout.startswith("medenv ")
    script = Path(sys.executable).with_name("medenv")
    if INSTALLED is None and not script.exists():
        pytest.skip("medenv isn't installed here")
    code = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    assert python("-c", code, script, "--version").stdout == module.stdout


@pytest.mark.skipif(INSTALLED is None, reason="this is no wheel")
def test_it_is_the_wheel_that_is_tried(python, elsewhere):
    done = python("-c", "import medenv; print(medenv.__file__)", cwd=elsewhere)
    assert Path(done.stdout.strip()).is_relative_to(str(INSTALLED))


def test_gymnasium_finds_it_by_the_name_of_the_module(python):
    code = "import gymnasium; gymnasium.make('medenv:MedAgentBench-Task4-v0', split='builtin').reset(seed=1)"
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_again_is_quiet(python):
    code = "import importlib, warnings, medenv; warnings.simplefilter('error'); importlib.reload(medenv)"
    assert python("-c", code).returncode == 0


def test_help_is_there_for_everything(python):
    code = "import medenv\nfor name in dir(medenv): getattr(medenv, name)\nhelp(medenv.evaluate)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "split" in done.stdout
