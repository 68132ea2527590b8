"""The one configuration: validated once, the same names everywhere, old names still taken."""

import json
import pickle
from dataclasses import fields

import gymnasium
import pytest

from medenv.cli.options import plain, restored
from medenv.cli.run_options import BenchmarkOptions, RunOptions
from medenv.cli.run_setup import config_of
from medenv.envs import MedAgentBenchEnv
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.errors import InputError
from medenv.rollouts import Manifest
from medenv.trajectories import RunFolderError


@pytest.mark.parametrize(
    ("setting", "quoted", "possible"),
    [
        ({"split": "tset"}, "'tset'", "validation"),
        ({"task_type": 11}, "11", "1 to 10"),
        ({"task_type": [1, 0]}, "0", "1 to 10"),
        ({"grader": "lenient"}, "'lenient'", "strict"),
        ({"observation": "short"}, "'short'", "compact"),
        ({"protocol": 5}, "5", "tools"),
        ({"max_turns": 0}, "0", "1"),
        ({"max_turns": "many"}, "'many'", "integer"),
        ({"tolerances": ["fence"]}, "'fence'", "fences"),
        ({"backend": "cloud"}, "'cloud'", "remote"),
        ({"pool": 0}, "0", "1"),
        ({"reset": "never"}, "'never'", "recreate"),
        ({"protocl": "text"}, "'protocl'", "protocol"),
    ],
)
def test_a_wrong_setting_is_quoted_with_what_is_possible_whoever_gives_it(setting, quoted, possible):
    for make in (BenchmarkConfig, MedAgentBenchEnv, Benchmark):
        with pytest.raises(InputError) as caught:
            make(**setting)
        assert quoted in str(caught.value)
        assert possible in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"protocol": "tools", "tolerances": ["prose"]},
        {"protocol": "official"},
        {"url": "http://localhost/fhir"},
    ],
)
def test_settings_that_do_not_go_together(settings):
    with pytest.raises(InputError):
        BenchmarkConfig(**settings)


def test_the_command_lines_options_have_the_settings_names_and_defaults():
    settings = set(BenchmarkConfig.model_fields)
    named = {one.name for one in fields(RunOptions)}
    assert settings - named == {"cohort_seed", "backend_options"}
    assert config_of(BenchmarkOptions()) == BenchmarkConfig()
    assert config_of(RunOptions(task_type=[9], tolerances=["prose"])) == BenchmarkConfig(
        task_type=9, tolerances=("prose",)
    )


def test_a_manifest_of_before_is_read_under_the_old_names(tmp_path):
    options = {"type": [3], "tolerate": ["prose"], "server": "http://x/fhir", "split": "builtin", "task_seed": 4}
    said = {"schema": "medenv.run/1", "settings": {}, "options": options}
    (tmp_path / "manifest.json").write_text(json.dumps(said))
    again = restored(RunOptions(backend="remote"), Manifest.read(tmp_path).options, {"backend"})
    config = config_of(again)
    assert config == BenchmarkConfig(
        task_type=3, tolerances=("prose",), url="http://x/fhir", split="builtin", task_seed=4, backend="remote"
    )
    assert config_of(restored(RunOptions(), plain(again), set())) == config


def test_a_manifest_with_odd_options_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": "medenv.run/1", "settings": {}, "options": []}))
    with pytest.raises(RunFolderError, match="options"):
        Manifest.read(tmp_path)


def test_old_keywords_still_work_with_a_warning():
    with pytest.warns(DeprecationWarning, match="task_seed"), Benchmark("builtin", seed=3) as old:
        assert old.config == BenchmarkConfig(split="builtin", task_seed=3)
    with pytest.warns(DeprecationWarning, match="backend_options"), pytest.raises(InputError, match="imgae"):
        MedAgentBenchEnv(backend="container", server={"imgae": "x"})


def test_what_a_row_of_prompts_says_makes_the_same_configuration():
    config = BenchmarkConfig(split="train", protocol="tools", task_seed=7, size="full", max_turns=5)
    assert BenchmarkConfig(**json.loads(json.dumps(config.arguments()))) == config


def test_a_configuration_is_copied_and_pickled():
    config = BenchmarkConfig(split="builtin", charts="charts.ndjson", tolerances=["prose"])
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.replaced(max_turns=3).max_turns == 3
    with pytest.raises(InputError, match="max_turns"):
        config.replaced(max_turns=0)


def test_an_environment_takes_keywords_only():
    with pytest.raises(TypeError):
        MedAgentBenchEnv(3)


def test_an_environment_draws_among_the_types_that_it_is_given():
    with gymnasium.make("MedAgentBench-v0", split="builtin", task_type=[2, 7]) as env:
        drawn = {env.reset(seed=seed)[1]["task_type"] for seed in range(12)}
        assert drawn == {2, 7}
        with pytest.raises(InputError, match="3"):
            env.reset(options={"task_type": 3})
