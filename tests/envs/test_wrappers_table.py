"""The table of Gymnasium's wrappers in docs/learning.md is true, line by line."""

import re
import warnings
from pathlib import Path

import gymnasium as gym
import pytest
from gymnasium import wrappers

import medenv

assert medenv.ENV_IDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "learning.md"
_ROW = re.compile(r"^\| `(\w+)(\(flatten=False\))?` \| (yes|no) \| (yes|no) \|$", re.MULTILINE)
ROWS = _ROW.findall(PAGE.read_text(encoding="utf-8"))
ARGUMENTS = {
    "TimeLimit": lambda env: (3,),
    "TransformReward": lambda env: (lambda reward: 2 * reward,),
    "ClipReward": lambda env: (0, 1),
    "FrameStackObservation": lambda env: (2,),
    "TransformObservation": lambda env: (lambda seen: seen, env.observation_space),
    "DelayObservation": lambda env: (1,),
    "TransformAction": lambda env: (lambda action: action, env.action_space),
    "StickyAction": lambda env: (0.1,),
    "DiscretizeAction": lambda env: (3,),
}
ENVS = {
    "text": ("MedAgentBench-v0", "GET Patient?_count=1"),
    "structured": ("MedAgentBench-Structured-v0", 26),
}


def works(name, flat, id, action):
    """Whether the wrapper takes the environment: an episode's observations are in its space, and no warning comes."""
    env = gym.make(id, split="builtin", render_mode="ansi" if name == "RenderCollection" else None)
    arguments = ARGUMENTS.get(name, lambda env: ())(env)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            wrapped = getattr(wrappers, name)(env, *arguments, **({"flatten": False} if flat else {}))
            seen = [wrapped.reset(seed=1)[0], wrapped.step(action)[0]]
            return all(wrapped.observation_space.contains(one) for one in seen)
    except (TypeError, ValueError, gym.error.CustomSpaceError, gym.error.Error, Warning):
        return False
    finally:
        env.close()


def test_the_table_has_the_wrappers_that_matter():
    assert {"TimeLimit", "RecordEpisodeStatistics", "TransformReward", "NormalizeReward", "TimeAwareObservation"} <= {
        name for name, *_ in ROWS
    }


@pytest.mark.parametrize("kind", list(ENVS))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0] + row[1])
def test_a_line_is_true(row, kind):
    name, flat, *said = row
    assert works(name, flat, *ENVS[kind]) == (said[list(ENVS).index(kind)] == "yes")
