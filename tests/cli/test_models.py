"""``medenv models`` as a user runs it."""

import json
import os
import subprocess
import sys

import pytest

from tests.agents.providers_server import KEY, listing

MEDENV = [sys.executable, "-c", "from medenv.cli import main; main()", "models"]


@pytest.fixture
def models(tmp_path):
    def run(*arguments, **env):
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), **env}
        return subprocess.run(
            [*MEDENV, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_the_table(models):
    done = models(OPENAI_API_KEY="sk-never-printed")
    assert done.returncode == 0, done.stderr
    assert "gpt-4.1" in done.stdout
    assert "1,047,576" in done.stdout
    assert "OPENAI_API_KEY is set" in done.stdout
    assert "set ANTHROPIC_API_KEY" in done.stdout
    assert "sk-never-printed" not in done.stdout + done.stderr


def test_names_choose(models):
    rows = json.loads(models("qwen", "Anthropic", "--json").stdout)
    assert {row["provider"] for row in rows} == {"openrouter", "anthropic"}
    assert len(rows) == 4
    assert rows[0]["price"]["output"] == 25.0
    wrong = models("gtp-4o")
    assert wrong.returncode == 2
    assert "gpt-4o" in wrong.stderr


def test_a_check_tells_by_its_status(models, tmp_path):
    with listing(["one"]) as (root, _):
        (tmp_path / "m.toml").write_text(
            f'providers.p = {{base_url = "{root}/v1", key_env = "P_KEY"}}\n'
            'models.one.provider = "p"\nmodels.another = {provider = "p", note = "[bold]none[/x]"}'
        )
        good = models("one", "--check", "--json", "--models", "m.toml", P_KEY=KEY)
        assert good.returncode == 0, good.stderr
        assert json.loads(good.stdout)[0]["check"]["state"] == "ok"
        bad = models("one", "another", "--check", "--models", "m.toml", P_KEY=KEY)
        assert bad.returncode == 1
        assert "model not there" in bad.stdout
        assert "[bold]none[/x]" in bad.stdout
        refused = models("one", "--check", "--models", "m.toml", P_KEY="sk-wrong")
        assert refused.returncode == 1
        assert "key refused" in refused.stdout
        assert "sk-wrong" not in refused.stdout + refused.stderr


def test_a_bad_file_is_one_line(models, tmp_path):
    (tmp_path / "m.toml").write_text("models.a.context = 0")
    done = models("--models", "m.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("medenv: error: model file")
    assert done.stderr.count("\n") == 1
