"""What is missing is named, with the command that installs it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import medenv
from medenv.extras import MissingExtraError, check_installed, import_optional, install_command

pytestmark = pytest.mark.quick


def test_in_a_clone_the_command_installs_the_clone():
    clone = Path(medenv.__file__).parent.parent
    assert install_command("local") == f"pip install -e '{clone}[local]'"


def test_elsewhere_it_installs_the_distribution(tmp_path):
    shutil.copy(Path(medenv.__file__).parent / "extras.py", tmp_path)
    (tmp_path.parent / "pyproject.toml").write_text('[project]\nname = "somebody-elses"\n', encoding="utf-8")
    code = "import extras; print(extras.install_command('ray'))"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "pip install 'medagentbench-gym[ray]'"


@pytest.mark.parametrize("look", [import_optional, check_installed])
def test_what_is_missing_is_named_with_its_command(look, monkeypatch):
    with pytest.raises(MissingExtraError) as raised:
        look("no_such_package.part", "ray")
    assert "'no_such_package'" in str(raised.value)
    assert install_command("ray") in str(raised.value)
    monkeypatch.setitem(sys.modules, "blocked", None)
    with pytest.raises(MissingExtraError):
        look("blocked", "ray")


def test_what_is_there_is_imported():
    assert import_optional("json.decoder", "ray").JSONDecoder
    check_installed("json.decoder", "ray")
