"""A language model on this machine, through transformers, answering all waiting episodes as one batch.

A prompt beyond the model's context is a `ContextLimitError`, want of memory a `ProviderError`: neither is ever the model's score.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medenv.agents.batch import BatchPolicy, BatchRequest
from medenv.agents.local.loading import load_model
from medenv.agents.local.parsing import read_reply, spoken
from medenv.agents.policy import ContextLimitError, FatalProviderError, ProviderError, Reply
from medenv.errors import InputError
from medenv.protocol.reply import Tokens

if TYPE_CHECKING:
    from medenv.agents.local.sampling import Generated, Row

__all__ = ["LocalPolicy"]


class LocalPolicy(BatchPolicy):
    """A causal language model of transformers, with its chat template.

    Episodes that wait are answered together. A reply depends on its own conversation, the seed and the settings; on its neighbours in
    the batch only as far as rounding does, which can matter where two tokens are as good as equally likely. With ``batch_size=1``
    it can't.

    What a model's files recommend for sampling (``generation_config.json``) isn't used, but for the tokens that end a reply.

    Args:
        model: A folder as ``save_pretrained`` writes it, or a name on the Hugging Face hub. A LoRA adapter's folder brings its base along.
        adapter: A LoRA adapter for the model, a folder or a name (the package peft).
        device: ``auto`` (cuda, else mps, else cpu), or as torch names it, e.g. ``cuda:1``.
        dtype: ``auto`` (as the weights are stored), ``bfloat16``, ``float16`` or ``float32``.
        batch_size: Most conversations of a batch. One that doesn't fit the memory is halved.
        temperature: 0 takes the likeliest token; else tokens are drawn.
        top_p: Draw only from the likeliest tokens that have this probability together.
        max_tokens: Most tokens a reply may have; fewer where the context ends sooner.
        stop: Texts at which a reply ends, themselves left out.
        context_length: Most tokens of prompt and reply together; what the model's files say if None.
        chat_template: A file with a Jinja template, or the template itself; the tokenizer's own if None.
        chat_template_kwargs: Options of the template, e.g. ``{"enable_thinking": False}``.
        logprobs: Keep each token's log-probability with the turn, as the model gives it before temperature and top_p.
        token_ids: Keep the ids of the prompt's and the reply's tokens with the turn.
        revision: Branch, tag or commit on the hub.

    Raises:
        ValueError: The extra ``local`` isn't installed, the model can't be loaded or has no chat template, or a setting makes no sense.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        adapter: str | Path | None = None,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int = 16,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 1024,
        stop: Sequence[str] = (),
        context_length: int | None = None,
        chat_template: str | Path | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        logprobs: bool = True,
        token_ids: bool = True,
        revision: str | None = None,
    ) -> None:
        if temperature is None or temperature < 0:
            raise InputError(f"temperature is {temperature}; it must be at least 0")
        if not 0 < top_p <= 1:
            raise InputError(f"top_p is {top_p}; it must be above 0 and at most 1")
        for name, number in {"batch_size": batch_size, "max_tokens": max_tokens}.items():
            if number < 1:
                raise InputError(f"{name} is {number}; it must be at least 1")
        self.model, self.adapter = os.path.expanduser(model), None if adapter is None else os.path.expanduser(adapter)
        self.name = "+".join(_short(one) for one in (self.model, self.adapter) if one is not None)
        self._loaded = load_model(
            self.model, self.adapter, device, dtype, None if chat_template is None else str(chat_template), revision
        )
        from medenv.agents.local.sampling import Sampling

        self.sampling = Sampling(temperature, top_p, (stop,) if isinstance(stop, str) else tuple(stop))
        self.batch_size, self.max_tokens = batch_size, max_tokens
        self.context_length = self._loaded.context if context_length is None else context_length
        self.template_options = dict(chat_template_kwargs or {})
        self._logprobs, self._token_ids = logprobs, token_ids

    def describe(self) -> dict[str, Any]:
        """Model, device, number type, versions and all settings that shape a reply."""
        import torch
        import transformers

        network, tokenizer = self._loaded.model, self._loaded.tokenizer
        said: dict[str, Any] = {"name": "local", "model": self.model}
        if self.adapter is not None:
            said["adapter"] = self.adapter
        if commit := getattr(network.config, "_commit_hash", None):
            said["revision"] = commit
        said |= {"temperature": self.sampling.temperature, "max_tokens": self.max_tokens}
        if self.sampling.top_p != 1:
            said["top_p"] = self.sampling.top_p
        if self.sampling.stop:
            said["stop"] = list(self.sampling.stop)
        if self.template_options:
            said["chat_template_kwargs"] = self.template_options
        template = hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()[:16]
        return {
            **said,
            "context_length": self.context_length,
            "chat_template": f"sha256:{template}",
            "device": network.device.type,
            "dtype": str(network.dtype).removeprefix("torch."),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }

    def act_batch(self, requests: Sequence[BatchRequest]) -> Sequence[Reply | str]:
        """Generate the replies; a `ContextLimitError` or `ProviderError` takes the place of one that couldn't be had.

        Raises:
            FatalProviderError: The chat template takes no such conversation.
        """
        prompts = [self._prompt(one) for one in requests]
        answers: list[Any] = [one if isinstance(one, ProviderError) else None for one in prompts]
        rows = {index: one for index, one in enumerate(prompts) if not isinstance(one, ProviderError)}
        for index, one in zip(rows, self._generate(list(rows.values())), strict=True):
            answers[index] = one if isinstance(one, ProviderError) else self._reply(requests[index], rows[index], one)
        return answers

    def _prompt(self, request: BatchRequest) -> Row | ContextLimitError:
        from jinja2 import TemplateError

        from medenv.agents.local.sampling import Row, seed_of

        conversation = request.conversation
        try:
            ids = self._loaded.tokenizer.apply_chat_template(
                spoken(conversation.messages),
                tools=[dict(one) for one in conversation.tools] or None,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                **self.template_options,
            )["input_ids"]
        except TemplateError as error:
            raise FatalProviderError(
                f"the chat template of {self.model!r} refuses the conversation: {error}; another one can be given with chat_template"
            ) from None
        room = self.max_tokens
        if self.context_length is not None:
            room = min(room, self.context_length - len(ids))
        if room < 1:
            return ContextLimitError(
                f"the conversation has {len(ids)} tokens, and the context of {self.model!r} holds {self.context_length}"
            )
        return Row(ids, room, seed_of(request.seed, ids))

    def _generate(self, rows: Sequence[Row]) -> list[Generated | ProviderError]:
        """Generate, in smaller and smaller batches while memory is short."""
        import torch

        from medenv.agents.local.sampling import generate

        if not rows:
            return []
        try:
            return list(generate(self._loaded, rows, self.sampling))
        except FloatingPointError:
            short, reason = False, "its logits are not finite numbers; another dtype may help (bfloat16, float32)"
        except (RuntimeError, MemoryError) as error:
            short, reason = _is_memory(error), f"{type(error).__name__}: {str(error).strip()[:300]}"
        # Outside the handler, whose traceback would keep the batch's tensors alive.
        if short and torch.cuda.is_available():
            torch.cuda.empty_cache()
        if short and len(rows) > 1:
            half = len(rows) // 2
            return [*self._generate(rows[:half]), *self._generate(rows[half:])]
        return [ProviderError(f"the model {self.model!r} gave no reply: {reason}") for _ in rows]

    def _reply(self, request: BatchRequest, row: Row, generated: Generated) -> Reply:
        tools = request.conversation.tools
        reply = read_reply(self._loaded.tokenizer, generated.ids, row.ids, tools, self.sampling.stop)
        usage = {
            "prompt_tokens": len(row.ids),
            "completion_tokens": len(generated.ids),
            "total_tokens": len(row.ids) + len(generated.ids),
            "finish_reason": ("tool_calls" if reply.calls else "stop") if generated.ended else "length",
        }
        tokens: Tokens = {}
        if self._token_ids:
            tokens |= {"prompt_ids": list(row.ids), "ids": generated.ids}
        if self._logprobs:
            tokens |= {"logprobs": generated.logprobs}
        return replace(reply, usage=usage, tokens=tokens or None)


def _short(name: str) -> str:
    """Shorten a folder's path to its own name; a hub's name stays as it is."""
    return Path(name).resolve().name if Path(name).exists() else name


def _is_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said
