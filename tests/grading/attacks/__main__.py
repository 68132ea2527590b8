"""Plays every attack on every task that it applies to: ``python -m tests.grading.attacks [GROUP ...]`` from the clone's root."""

import sys

from tests.grading.attacks.suite import KINDS, chosen, play_all


def main() -> int:
    """Print each attack's scores, and then those that score or break; the number of these is the exit status, at most 1."""
    wrong = 0
    for group in sys.argv[1:] or KINDS:
        played = play_all(group, most=None)
        played.tell(chosen(group), print)
        for attack in chosen(group):
            try:
                played.check(attack)
            except AssertionError as error:
                wrong += 1
                print(f"  {attack.id}: {str(error).splitlines()[0][:300]}")
    print(f"{wrong} attacks score or break")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
