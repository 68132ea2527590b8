"""Arguments of container and remote backends are checked before anything is started."""

import gymnasium as gym
import pytest

import medenv  # noqa: F401 - registers the environments
from medenv.fhir.container import ContainerBackend, Spec


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        ContainerBackend(size=0)
    with pytest.raises(ValueError, match="undo, recreate"):
        ContainerBackend(reset="never")
    with pytest.raises(ValueError, match="can't all have port"):
        ContainerBackend(Spec(port=8080), size=2)
    with pytest.raises(ValueError, match="has no option 'imgae'"):
        gym.make("MedAgentBench-Task9", backend="container", backend_options={"imgae": "x"})
    with pytest.raises(ValueError, match="unknown backend"):
        gym.make("MedAgentBench-Task9", backend="cloud")
    with pytest.raises(ValueError, match="base URL"):
        gym.make("MedAgentBench-Task9", backend="remote")
