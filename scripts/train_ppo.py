#!/usr/bin/env python3
"""Train a small network on the structured environments with Stable-Baselines3, and score it on patients that it never saw.

Each policy learns from the reward of the last step alone, on tasks of the split train. On the way it is scored on validation, which decides
when to stop, and on test, which decides nothing. Needs medenv[sb3,report].
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  train_ppo.py --types 4 --minutes 2 --target 0.95 --out runs/type4
  train_ppo.py --types 4 7 9 10 5 --each --seeds 0 1 2 --minutes 5 --processes 2 --out runs/each
  train_ppo.py --types 4 5 7 9 10 --seeds 0 1 2 --minutes 15 --out runs/together
  train_ppo.py --types 4 --actions slots --out runs/slots
  train_ppo.py --resume runs/together --minutes 30
then: medenv eval --agent sb3 --model runs/type4/types-4-seed-0/model.zip --type 4""",
    )
    parser.add_argument("--types", type=int, nargs="+", default=[4], metavar="N", help="task types (default 4)")
    parser.add_argument("--each", action="store_true", help="a policy for each type instead of one for all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N", help="a run for each (default 0)")
    parser.add_argument("--minutes", type=float, default=5.0, help="most minutes of a run (default 5)")
    parser.add_argument("--cpu-minutes", type=float, default=None, help="most minutes of CPU time of a run (no limit)")
    parser.add_argument("--timesteps", type=int, default=10_000_000, help="most steps of a run (default 10,000,000)")
    parser.add_argument("--actions", choices=("menu", "slots"), default="menu", help="tier of actions (default menu)")
    parser.add_argument("--algorithm", choices=("MaskablePPO", "PPO", "A2C", "DQN"), default="MaskablePPO")
    parser.add_argument("--reward", choices=("terminal", "shaped"), default="terminal", help="default terminal")
    parser.add_argument("--split", default="train", help="what is trained on (default train)")
    parser.add_argument("--tasks", type=int, default=120, help="training tasks of each type (default 120)")
    parser.add_argument("--envs", type=int, default=8, help="environments stepped together (default 8)")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=JSON", help="options of the algorithm itself")
    parser.add_argument("--every", type=int, default=4096, help="steps between two scorings (default 4096)")
    parser.add_argument("--stop-at", type=float, default=1.0, help="validation score at which a run ends (default 1.0)")
    parser.add_argument("--target", type=float, help="least score on test, of every type; exit code 1 if one is missed")
    parser.add_argument("--processes", type=int, default=1, help="runs at a time (default 1)")
    parser.add_argument("--out", type=Path, default=Path("runs/ppo"), help="a new folder (default runs/ppo)")
    parser.add_argument(
        "--resume", type=Path, help="go on with this folder's runs, with its options but for the limits"
    )
    return parser


def main() -> int:
    os.environ.update(
        {name: os.environ.get(name, value) for name, value in ONE_THREAD.items()}
    )  # before torch is there
    parser = arguments()
    options = parser.parse_args()
    from training.ppo import Settings, plan, train_all
    from training.report import report

    out = options.resume or options.out
    stored = out / "settings.json"
    if options.resume is not None:
        limits = {name: value for name, value in vars(options).items() if name in Settings.LIMITS}
        settings = Settings(**{**json.loads(stored.read_text()), **limits})
    else:
        if stored.exists():
            parser.error(f"{str(out)!r} holds runs already; go on with them by --resume {out}, or give another --out")
        given = {name: value for name, value in vars(options).items() if name not in Settings.NOT_STORED}
        settings = Settings(**given)
        out.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(settings.to_dict(), indent=1) + "\n")
    results = train_all(plan(settings, out), settings, options.processes)
    return report(results, settings, out, options.target)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError) as error:
        sys.exit(f"train_ppo.py: {error}")
