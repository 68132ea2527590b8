"""What distilling trains with: tokens once, batches of like lengths, float32 weights of a student stored in bfloat16."""

import dataclasses
import json

import pytest

from medenv.rollouts.export import export
from tests.rollouts.export.runs import fill

torch = pytest.importorskip("torch", reason="this needs the extra 'train'")
for package in ("trl", "peft", "datasets"):
    pytest.importorskip(package, reason="this needs the extra 'train'")

LONG = 10**6


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A teacher's rows of all types, and a student in bfloat16."""
    from transformers import AutoModelForCausalLM

    from tests.tiny_model import make_tiny_model

    root = tmp_path_factory.mktemp("sft")
    torch.set_num_threads(1)  # a machine with more tests than cores is many times slower with more
    export("sft", [fill(root / "run", "reference", tasks=120)], root / "data")
    rows = root / "data" / "data" / "train.jsonl"
    chats = [json.loads(line)["messages"] for line in rows.read_bytes().splitlines()]
    student = make_tiny_model(root / "student", chats[:20], size=32, layers=1, vocabulary=1000)
    AutoModelForCausalLM.from_pretrained(student).to(torch.bfloat16).save_pretrained(student)
    return rows, student


def settings(student, **values):
    from scripts.training.sft import Settings

    quiet = {"save_strategy": "no", "disable_tqdm": True, "activation_checkpointing": False}
    return Settings(**{"student": str(student), "epochs": 1.0, "batch_size": 4, "seed": 0, "trainer": quiet, **values})


def weights(folder):
    from safetensors.torch import load_file

    return {name: one for file in folder.glob("*.safetensors") for name, one in load_file(file).items()}


def test_a_student_in_bfloat16_changes_at_the_default_learning_rate_and_is_saved_as_it_was(made, tmp_path):
    from scripts.training.sft import fine_tune

    rows, student = made
    short = tmp_path / "short.jsonl"
    short.write_bytes(b"\n".join(sorted(rows.read_bytes().splitlines(), key=len)[:20]))
    fine_tune(settings(student, epochs=8.0), short, None, tmp_path / "working", tmp_path / "model")
    before, after = weights(student), weights(tmp_path / "model")
    assert {one.dtype for one in after.values()} == {torch.bfloat16}
    inner = [name for name in before if name.endswith("proj.weight")]
    changed = sum(int((before[name] != after[name]).sum()) for name in inner)
    assert changed > 0.8 * sum(before[name].numel() for name in inner)


def test_an_adapter_is_trained_in_float32_and_saved_in_the_stored_type(made, tmp_path):
    from transformers import AutoTokenizer

    from scripts.training.sft import fine_tune, make_trainer, read_rows

    rows, student = made
    short = tmp_path / "short.jsonl"
    short.write_bytes(b"\n".join(sorted(rows.read_bytes().splitlines(), key=len)[:4]))
    chosen = settings(student, lora=2)
    tokenizer = AutoTokenizer.from_pretrained(student)
    trainer, _ = make_trainer(chosen, read_rows(short, tokenizer, None), tokenizer, tmp_path / "unused")
    assert {one.dtype for one in trainer.model.parameters() if one.requires_grad} == {torch.float32}
    fine_tune(chosen, short, None, tmp_path / "working", tmp_path / "model")
    assert {one.dtype for one in weights(tmp_path / "model").values()} == {torch.bfloat16}


@pytest.mark.parametrize("size", [4, 32])
def test_batches_are_hardly_padded_and_hold_every_row(made, tmp_path, size, figures):
    from transformers import AutoTokenizer

    from scripts.training.sft import make_trainer, read_rows

    rows, student = made
    tokenizer = AutoTokenizer.from_pretrained(student)
    read = read_rows(rows, tokenizer, LONG)
    trainer, _ = make_trainer(settings(student, batch_size=size), read, tokenizer, tmp_path / "unused")
    assert trainer.args.train_batch_size * trainer.args.gradient_accumulation_steps == size
    seen, padded, positions = [], 0, 0
    for batch in trainer.get_train_dataloader():
        padded += int((batch["attention_mask"] == 0).sum())
        positions += batch["attention_mask"].numel()
        seen += [
            tuple(ids[mask == 1].tolist())
            for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]
    figures(f"padding in steps of {size} rows: {padded / positions:.1%}")
    assert padded < 0.2 * positions
    assert sorted(seen) == sorted(tuple(one["input_ids"]) for one in read.rows)


def test_another_epoch_has_another_order_and_the_same_seed_the_same(made):
    from scripts.training.sft import grouped

    lengths = [one * 7 % 101 for one in range(1, 42)]
    first, again, other = (grouped(lengths, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == list(range(41))


def test_replies_of_a_template_without_marks_have_the_same_labels_as_whole_conversations_with_them(made):
    from transformers import AutoTokenizer

    from scripts.training.sft import read_rows

    rows, student = made
    tokenizer = AutoTokenizer.from_pretrained(student)
    whole = read_rows(rows, tokenizer, LONG)
    tokenizer.chat_template = tokenizer.chat_template.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    single = read_rows(rows, tokenizer, LONG)
    assert (whole.whole, single.whole) == (True, False)

    def told(read):
        return [one for row in read.rows for one in row["labels"] if one != -100]

    # Behind a reply the template writes a line's end, which nobody has to say.
    ending = tokenizer("\n", add_special_tokens=False)["input_ids"]
    assert [one for row in single.rows for one in row["labels"] if one != -100][-1:] == ending
    assert len(told(single)) == len(told(whole)) + len(single.rows)
    assert dataclasses.replace(read_rows(rows, tokenizer, 10), dropped=0).rows == []
