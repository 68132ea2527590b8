"""A smoke test of an installed medenv: import, make, one episode. Run it from outside the clone.

It fails if heavy libraries come along with ``import medenv``, or if the installed package lacks a part.
"""

from __future__ import annotations

import argparse
import importlib
import sys

HEAVY = (
    "torch",
    "stable_baselines3",
    "ray",
    "trl",
    "minari",
    "transformers",
    "docker",
    "starlette",
    "uvicorn",
    "httpx",
)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    import medenv

    heavy = [name for name in HEAVY if name in sys.modules]
    if heavy:
        sys.exit(f"import medenv brings {heavy} along")
    for part in ("agents", "cli", "envs", "episode", "fhir", "grading", "protocol", "report", "rollouts", "tasks"):
        importlib.import_module(f"medenv.{part}")
    from medenv.agents.models import model_list

    assert len(model_list().entries) >= 15, "the list of models came along"
    import gymnasium

    for env_id in medenv.ENV_IDS:
        with gymnasium.make(env_id) as env:
            observation, info = env.reset(seed=1)
            assert observation.endswith(env.unwrapped.episode.task.instruction), "the prompt ends with the instruction"
            _, reward, terminated, _, info = env.step("FINISH([])")
            assert terminated
            assert reward == info["verdict"]["score"]
    print(f"medenv {medenv.__version__}: {len(medenv.ENV_IDS)} environments play")


if __name__ == "__main__":
    main()
