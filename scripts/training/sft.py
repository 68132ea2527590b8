"""Fine-tuning with TRL: rows tokenized once, batches of like lengths, weights trained in float32 and saved as they were stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from medenv.errors import InputError

__all__ = ["GroupedTrainer", "Rows", "Settings", "fine_tune", "grouped", "make_trainer", "padding", "read_rows"]

_TOGETHER = 4
"""Most rows of a forward pass. A step of more takes several: the longest few conversations have ten times the median's tokens."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a student is trained with; see the options of ``distill.py``."""

    student: str
    epochs: float
    batch_size: int
    seed: int
    learning_rate: float | None = None
    lora: int = 0
    trainer: dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """A dataset for one tokenizer.

    Attributes:
        rows: ``input_ids`` and ``labels`` of each, -100 where a token isn't the agent's.
        whole: Whether each is a conversation; else it is a reply with its history.
        dropped: How many conversations were too long.
    """

    rows: list[dict[str, list[int]]]
    whole: bool
    dropped: int


def read_rows(file: Path, tokenizer: Any, longest: int | None) -> Rows:
    """Tokenize the conversations of ``medenv dataset sft``, each once.

    Args:
        file: JSON lines with ``messages``, ``trained`` and perhaps ``tools``.
        tokenizer: With a chat template. Where that marks what the assistant says (``{% generation %}``) a row is a conversation, else a
            reply.
        longest: Most tokens of a row; None for any number. A conversation with a longer one is left out, not cut.

    Raises:
        InputError: The template says that it marks the assistant's words, and marks none.
    """
    whole = "{% generation" in (tokenizer.chat_template or "").replace("{%-", "{%")
    rows, dropped = [], 0
    for line in file.read_bytes().splitlines():
        read = json.loads(line)
        tools = json.loads(read.get("tools") or "null")
        made = (
            [_conversation(tokenizer, read["messages"], tools)]
            if whole
            else list(_replies(tokenizer, read["messages"], read["trained"], tools))
        )
        if longest is not None and any(len(one["input_ids"]) > longest for one in made):
            dropped += 1
        else:
            rows += made
    return Rows(rows, whole, dropped)


def _conversation(tokenizer: Any, messages: list[dict[str, Any]], tools: Any) -> dict[str, list[int]]:
    done = tokenizer.apply_chat_template(messages, tools=tools, return_dict=True, return_assistant_tokens_mask=True)
    if not any(done["assistant_masks"]):
        raise InputError(
            "the chat template has {% generation %}, and no token of a conversation is marked as the assistant's; mend the template, or "
            "take the mark out, to train on single replies"
        )
    pairs = zip(done["input_ids"], done["assistant_masks"], strict=True)
    return {"input_ids": done["input_ids"], "labels": [one if own else -100 for one, own in pairs]}


def _replies(
    tokenizer: Any, messages: list[dict[str, Any]], trained: Sequence[bool], tools: Any
) -> Iterator[dict[str, list[int]]]:
    def ids(said: list[dict[str, Any]], **more: Any) -> list[int]:
        found: list[int] = tokenizer.apply_chat_template(said, tools=tools, return_dict=True, **more)["input_ids"]
        return found

    for number, own in enumerate(trained):
        if own:
            before, after = ids(messages[:number], add_generation_prompt=True), ids(messages[: number + 1])
            # Some templates end the history otherwise than they begin the reply: what both share is the prompt.
            shared = next(
                (place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before)
            )
            yield {"input_ids": after, "labels": [-100] * shared + after[shared:]}


def grouped(lengths: Sequence[int], size: int, generator: torch.Generator) -> list[int]:
    """Order rows so that each `size` of them in turn have like lengths, such groups in random order; only the last may be smaller."""
    # Lengths are blurred by a tenth, so that the same rows don't meet in every epoch.
    blur = 1 + 0.1 * torch.rand(len(lengths), generator=generator)
    order = torch.argsort(torch.tensor(lengths, dtype=torch.float) * blur, descending=True).tolist()
    full = len(order) - len(order) % size
    groups = [order[start : start + size] for start in range(0, full, size)]
    shuffled = torch.randperm(len(groups), generator=generator).tolist()
    return [row for group in shuffled for row in groups[group]] + order[full:]


def padding(lengths: Sequence[int], order: Sequence[int], size: int) -> float:
    """Return the share of padding in batches of `size` rows, taken in an order."""
    batches = [[lengths[row] for row in order[start : start + size]] for start in range(0, len(order), size)]
    return 1 - sum(map(sum, batches)) / sum(len(one) * max(one) for one in batches)


class _GroupedSampler(torch.utils.data.Sampler[int]):
    """Another order each epoch, the same for the same seed, so that an interrupted epoch goes on where it stopped."""

    def __init__(self, lengths: Sequence[int], size: int, seed: int) -> None:
        self.lengths, self.size, self.seed, self.epoch = lengths, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter(grouped(self.lengths, self.size, generator))

    def __len__(self) -> int:
        return len(self.lengths)


class GroupedTrainer(SFTTrainer):
    """TRL's trainer on batches of like lengths."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = self.train_dataset if train_dataset is None else train_dataset
        return _GroupedSampler([len(one) for one in rows["input_ids"]], self.args.train_batch_size, self.args.seed)


def make_trainer(settings: Settings, rows: Rows, tokenizer: Any, working: Path) -> tuple[GroupedTrainer, torch.dtype]:
    """Load the student and prepare its training; return the trainer and the type that the student is stored in."""
    network = AutoModelForCausalLM.from_pretrained(settings.student, dtype="auto")
    stored = network.dtype
    if not settings.lora:
        # A step of 2e-5 is less than half the distance between neighbouring numbers of bfloat16 for most weights, and would change nothing.
        # An adapter is float32 by itself (peft), and the weights below it stand still.
        network = network.float()
    on_gpu = torch.cuda.is_available()
    together = next(size for size in range(_TOGETHER, 0, -1) if settings.batch_size % size == 0)
    arguments = {
        "output_dir": str(working),
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate or (2e-4 if settings.lora else 2e-5),
        "per_device_train_batch_size": together,
        "gradient_accumulation_steps": settings.batch_size // together,
        "lr_scheduler_type": "cosine",
        "warmup_steps": max(1, round(0.03 * settings.epochs * len(rows.rows) / settings.batch_size)),
        "logging_steps": 1,
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "seed": settings.seed,
        "report_to": [],
        "use_cpu": not on_gpu,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "max_length": None,
        **settings.trainer,
    }
    rank = settings.lora
    lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM") if rank else None
    trainer = GroupedTrainer(
        model=network,
        args=SFTConfig(**arguments),
        train_dataset=Dataset.from_list(rows.rows),
        processing_class=tokenizer,
        peft_config=lora,
    )
    return trainer, stored


def fine_tune(settings: Settings, file: Path, longest: int | None, working: Path, folder: Path) -> None:
    """Train a student, or go on from the last checkpoint, and save it with its tokenizer, ``losses.json`` and ``padding.json``.

    Args:
        settings: What to train, and how.
        file: The dataset's JSON lines.
        longest: Most tokens of a row; None for the student's context.
        working: Folder of checkpoints.
        folder: Where the student is saved, in the type that it was stored in.

    Raises:
        InputError: No conversation is short enough.
    """
    tokenizer = AutoTokenizer.from_pretrained(settings.student)
    if longest is None:
        config = AutoConfig.from_pretrained(settings.student)
        longest = getattr(config.get_text_config(), "max_position_embeddings", None)
    rows = read_rows(file, tokenizer, longest)
    if rows.dropped:
        print(f"left out: {rows.dropped} conversations longer than {longest} tokens", flush=True)
    if not rows.rows:
        raise InputError(
            f"no conversation has at most {longest} tokens; give a larger --max-length, or another student"
        )
    trainer, stored = make_trainer(settings, rows, tokenizer, working)
    size, lengths = trainer.args.train_batch_size, [len(one["input_ids"]) for one in rows.rows]
    by_chance = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(settings.seed)).tolist()
    shares = {
        "padding": padding(lengths, list(trainer._get_train_sampler()), size),
        "padding_random": padding(lengths, by_chance, settings.batch_size),
    }
    what = f"{len(lengths)} {'conversations' if rows.whole else 'replies'}, {sum(lengths)} tokens"
    print(
        f"\ntraining on {what}; {shares['padding']:.0%} padding in batches of {size} rows of like lengths "
        f"({shares['padding_random']:.0%} in random batches of {settings.batch_size})",
        flush=True,
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(working)) if working.exists() else None)
    trainer.model.to(stored)
    trainer.save_model(str(folder))
    tokenizer.save_pretrained(str(folder))
    losses = [{"step": one["step"], "loss": one["loss"]} for one in trainer.state.log_history if "loss" in one]
    (folder / "losses.json").write_text(json.dumps(losses) + "\n")
    (folder / "padding.json").write_text(json.dumps({**shares, "rows_together": size}) + "\n")
