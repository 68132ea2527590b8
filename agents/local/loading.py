"""Brings a model, its tokenizer and perhaps an adapter into memory, ready to generate.

What a user can mend (a missing folder, no chat template, no such device) is a `ValueError` that says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medenv.errors import InputError
from medenv.extras import import_optional

__all__ = ["DTYPES", "Loaded", "load_model"]

DTYPES = ("auto", "bfloat16", "float16", "float32")
"""Number types that weights can be loaded in; ``auto`` is the one that they are stored in."""

_EXTRA = "local"

_ENDLESS = 10**9
"""Tokenizers that know of no limit give a far larger number."""


@dataclass(frozen=True)
class Loaded:
    """A model that is ready.

    Attributes:
        model: The transformers model, in eval mode and on its device.
        tokenizer: Its tokenizer, which has a chat template.
        ends: Ids of the tokens that end a reply.
        pad: Id of the token that fills up a batch.
        context: Most tokens of prompt and reply together; None if nothing tells.
    """

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    pad: int
    context: int | None


def load_model(
    model: str, adapter: str | None, device: str, dtype: str, chat_template: str | None, revision: str | None
) -> Loaded:
    """Load all that is needed to generate.

    Args:
        model: A folder, or a name on the Hugging Face hub.
        adapter: The same of a LoRA adapter for it, if any.
        device: ``auto``, or as torch names it.
        dtype: One of `DTYPES`.
        chat_template: A file with a Jinja template, or the template itself; the tokenizer's own if None.
        revision: Branch, tag or commit on the hub.

    Raises:
        ValueError: Something isn't there or doesn't fit.
    """
    torch, transformers = import_optional("torch", _EXTRA), import_optional("transformers", _EXTRA)
    if adapter is not None or (Path(model) / "adapter_config.json").is_file():
        import_optional("peft", _EXTRA)
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is unknown; there are: {', '.join(DTYPES)}")
    for name in (model, adapter):
        if name is not None and name.startswith(("/", "./", "../")) and not Path(name).is_dir():
            raise InputError(f"there is no folder {name!r} to load a model from")
    place = _device(torch, device)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(_tokenizer_of(model, adapter), revision=revision)
        network = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=dtype, revision=revision)
        if adapter is not None:
            network.load_adapter(adapter)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"model {model!r}{f' with adapter {adapter!r}' if adapter else ''} can't be loaded: {reason}"
        ) from None
    tokenizer.chat_template = _template(tokenizer, model, chat_template)
    # What a model's files recommend for sampling must not act unseen: only what ends a reply is taken from them.
    ends = _ends(network, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    network.generation_config = transformers.GenerationConfig(
        do_sample=False, eos_token_id=list(ends), pad_token_id=pad, bos_token_id=tokenizer.bos_token_id
    )
    network = network.to(place).eval()
    return Loaded(network, tokenizer, ends, pad, _context(network, tokenizer))


def _device(torch: Any, wanted: str) -> Any:
    if wanted == "auto":
        if torch.cuda.is_available():
            wanted = "cuda"
        else:
            wanted = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        place = torch.device(wanted)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device {wanted!r} can't be used: {str(error).strip().splitlines()[0]}") from None
    return place


def _tokenizer_of(model: str, adapter: str | None) -> str:
    """Choose whose tokenizer to load: the adapter's, should it have brought one, or the model's.

    Fine-tuning may have changed the chat template.
    """
    return adapter if adapter is not None and (Path(adapter) / "tokenizer_config.json").is_file() else model


def _template(tokenizer: Any, model: str, given: str | None) -> Any:
    if given is not None:
        if "{" in given:
            return given
        try:
            return Path(given).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the chat template {given!r} can't be read: {error}") from None
    if tokenizer.chat_template is None:
        raise InputError(
            f"the tokenizer of {model!r} has no chat template, so a conversation can't be put to the model; give one with "
            "chat_template, in Jinja or a file of it (--agent-option chat_template=FILE), or take a model that was tuned for chat"
        )
    return tokenizer.chat_template


def _ends(network: Any, tokenizer: Any) -> tuple[int, ...]:
    listed = network.generation_config.eos_token_id
    known = {*(listed if isinstance(listed, list) else [listed]), tokenizer.eos_token_id} - {None}
    if not known:
        raise InputError("neither the model nor its tokenizer says which token ends a reply (eos_token_id)")
    return tuple(sorted(int(one) for one in known))


def _context(network: Any, tokenizer: Any) -> int | None:
    config = network.config.get_text_config()
    limits = [getattr(config, "max_position_embeddings", None), tokenizer.model_max_length]
    return min((int(one) for one in limits if one is not None and 0 < one < _ENDLESS), default=None)
