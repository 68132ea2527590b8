"""Policies that follow a task type's own scripts: the reference solution, and three lazy baselines.

They act as a model does: through text actions, or the same actions as calls in the tools protocol.
"""

from __future__ import annotations

from abc import abstractmethod
from urllib.parse import quote

from medenv.agents.policy import Player, Policy, ProviderError, Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.official import with_absolute_url
from medenv.protocol.tools import as_call
from medenv.tasks import Task, UnexpectedObservationError, task_type
from medenv.tasks.reference import ReferenceActions, finish

__all__ = ["BlindPolicy", "EmptyPolicy", "GlancePolicy", "ReferencePolicy", "acting"]


def acting(text: str, messages: Conversation) -> Reply:
    """Make a reply of a text action in the form that the episode's protocol takes.

    The text stays as it is, but for an absolute URL where the protocol takes no other; in the tools protocol it becomes
    the call that does the same, if there is one.
    """
    if messages.base:
        return Reply(with_absolute_url(text, messages.base))
    call = as_call(text) if messages.tools else None
    return Reply(text) if call is None else Reply(calls=(call,))


class _StepsPlayer(Player):
    """Feeds observations to a generator of texts."""

    def __init__(self, steps: ReferenceActions[None], task: Task) -> None:
        self._steps, self._task, self._begun = steps, task, False

    async def act(self, messages: Conversation) -> Reply:
        messages = Conversation.of(messages)
        try:
            if self._begun:
                return acting(self._steps.send(messages[-1]["content"]), messages)
            self._begun = True
            return acting(next(self._steps), messages)
        except StopIteration:
            raise ProviderError(f"the script for task {self._task.id!r} ended before the episode did") from None
        except (UnexpectedObservationError, ValueError) as error:
            raise ProviderError(f"the script for task {self._task.id!r} can't go on: {error}") from error


class _ScriptPolicy(Policy):
    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; nothing in it is random."""
        return _StepsPlayer(self.steps(task), task)

    @abstractmethod
    def steps(self, task: Task) -> ReferenceActions[None]:
        """Make the generator of the episode's text actions, which is sent each observation."""


class ReferencePolicy(_ScriptPolicy):
    """Solves every task, reading the chart by GET alone."""

    name = "reference"

    def steps(self, task: Task) -> ReferenceActions[None]:
        """Make the generator of the task type's reference solution."""
        return task_type(task.type).solve(task)


class EmptyPolicy(_ScriptPolicy):
    """Answers ``FINISH([])`` at once: what doing nothing scores."""

    name = "empty"

    def steps(self, task: Task) -> ReferenceActions[None]:
        """One text, whatever the task."""
        yield finish([])


class GlancePolicy(_ScriptPolicy):
    """Sends the one obvious GET, ignores what comes back, and plays the blind policy: the floor of a lazy reader."""

    name = "glance"

    def steps(self, task: Task) -> ReferenceActions[None]:
        """Make a generator that sends the obvious GET, then the actions of the task type's template."""
        yield f"GET {_obvious(task)}"
        yield from task_type(task.type).blind(task)


def _obvious(task: Task) -> str:
    """Make the first search that comes to mind: the task type's without its large `_count`, or who the patient is."""
    query = task_type(task.type).reference_query(task)
    if query is not None:
        return query.replace("&_count=5000", "")
    if task.mrn and task.mrn in task.instruction:
        return f"Patient?identifier={task.mrn}"
    return "Patient?" + "&".join(f"{key}={quote(str(task.params[key]))}" for key in ("given", "family", "birthdate"))


class BlindPolicy(_ScriptPolicy):
    """Never sends a GET: the floor under every score (benchmark.md section 3)."""

    name = "blind"

    def steps(self, task: Task) -> ReferenceActions[None]:
        """Make the generator of the task type's template, filled from instruction and context."""
        return task_type(task.type).blind(task)
