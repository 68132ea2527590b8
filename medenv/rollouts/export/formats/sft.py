"""Supervised fine-tuning: solved episodes as conversations, or each of their replies with its history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from medenv.protocol.reply import arguments_object
from medenv.rollouts.export.columns import BOOL, TEXT, Kind, ListOf
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.formats.base import Format, LeftOutError
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.messages import Form, completion, history, messages
from medenv.rollouts.export.pairing import distinct
from medenv.rollouts.export.source import Source

__all__ = ["ShareGPT", "SupervisedFineTuning", "distinct_turns"]


class SupervisedFineTuning(Format):
    """``messages`` with a mark for those to be trained on, or ``prompt`` and ``completion`` for a reply."""

    name = "sft"
    title = "supervised fine-tuning: solved episodes as messages, or each reply as prompt and completion (--level turn)"
    use = (
        "For TRL's `SFTTrainer`. At the level of trajectories a row is a whole conversation in `messages`; `trained` says for each "
        "message whether the agent wrote it. Train on those alone: `assistant_only_loss=True` does it where the chat template marks "
        "them (`{% generation %}`). At the level of turns a row is one reply in `completion` with its history in `prompt`, so that any "
        "chat template will do."
    )

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        if self.options.level == "turn":
            return {"prompt": self.messages, "completion": self.messages}
        return {"messages": self.messages, "trained": ListOf(BOOL)}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Each distinct episode, or each distinct reply in them."""
        chosen = distinct(self.kept(entries, left_out), left_out)
        if self.options.level == "turn":
            yield from distinct_turns(chosen, left_out)
        else:
            yield from (Item((entry,)) for entry in chosen)

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        one, form = self.episode(item, source), self.options.form
        if item.turn is not None:
            row = {"prompt": history(one, item.turn, form), "completion": completion(one, item.turn, form)}
        else:
            said = messages(one, form)
            row = {"messages": said, "trained": [message["role"] == "assistant" for message in said]}
        return self.with_origin(row, one, item, source)


def distinct_turns(entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
    """Each reply of the episodes, once for each history it was given to."""
    seen: set[bytes] = set()
    for entry in entries:
        for turn, (_, reply) in enumerate(entry.steps()):
            if reply not in seen:
                seen.add(reply)
                yield Item((entry,), turn)
            else:
                left_out["the same reply to the same history again"] += 1


class ShareGPT(SupervisedFineTuning):
    """The same conversations as ``conversations`` of ``from`` and ``value``."""

    name = "sharegpt"
    title = "solved episodes in ShareGPT's form, as LLaMA-Factory, Axolotl and others read it"
    use = (
        "`conversations` is a list of `from` and `value`: `system`, `human` and `gpt`; native calls are `function_call` (a JSON object "
        "with name and arguments), their answers `observation`, the functions a JSON text in `tools`. "
        "Each conversation ends with the agent's words."
    )

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        return {"conversations": ListOf({"from": TEXT, "value": TEXT}), "system": TEXT}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Each distinct episode."""
        return (Item((entry,)) for entry in distinct(self.kept(entries, left_out), left_out))

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        one = self.episode(item, source)
        said: list[dict[str, str]] = []
        for message in messages(one, Form(text_arguments=True)):
            # The environment carries out the first call of a reply alone, and the form has room for one answer.
            if message["role"] == "system" or (message["role"] == "tool" and said[-1]["from"] == "observation"):
                continue
            said.append(_turn(message))
        if said[-1]["from"] in _ENVIRONMENT:
            if len(said) == 1:
                raise LeftOutError("no reply at all")
            # A reader trains on pairs, and drops or refuses a conversation whose last words nobody answers.
            del said[-1]
            self.shortened["the last answer of the server, which the agent had no turn left to reply to"] += 1
        return self.with_origin({"conversations": said, "system": one.system or ""}, one, item, source)


_FROM = {"user": "human", "assistant": "gpt", "tool": "observation"}
_ENVIRONMENT = ("human", "observation")


def _turn(message: Mapping[str, Any]) -> dict[str, str]:
    if not message.get("tool_calls"):
        return {"from": _FROM[message["role"]], "value": message["content"]}
    function = message["tool_calls"][0]["function"]
    arguments = arguments_object(function["arguments"])
    call = {"name": function["name"], "arguments": function["arguments"] if arguments is None else arguments}
    return {"from": "function_call", "value": orjson.dumps(call).decode()}
