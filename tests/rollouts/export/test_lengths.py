"""Cards tell how many tokens rows have, and warn of those that a trainer cuts."""

import json

import pytest
from typer.testing import CliRunner

from medenv.cli import app
from medenv.errors import InputError
from medenv.rollouts.export import Options, export
from tests.rollouts.export.runs import runs

TEMPLATE = "{% for m in messages %}{{ m.role }} : {{ m.content }}\n{% endfor %}"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """One token a word."""
    pytest.importorskip("transformers", reason="this needs the extra 'local'")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder = tmp_path_factory.mktemp("words")
    PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", chat_template=TEMPLATE).save_pretrained(folder)
    return folder


def words(*sides):
    return max(sum(2 + len(one["content"].split()) for one in side) for side in sides)


@pytest.mark.parametrize(
    ("format", "names", "sides"),
    [
        ("sft", ("reference",), lambda row: [row["messages"]]),
        ("dpo", ("reference", "random"), lambda row: [row["prompt"] + row["chosen"], row["prompt"] + row["rejected"]]),
        ("grpo", ("reference",), lambda row: [row["prompt"]]),
    ],
)
def test_token_lengths_are_those_of_the_rows(tokenizer, tmp_path, format, names, sides):
    report = export(format, runs(*names), tmp_path / "d", Options(tokenizer=str(tokenizer), max_length=600))
    lines = (tmp_path / "d" / "data" / "train.jsonl").read_bytes().splitlines()
    counts = sorted(words(*sides(json.loads(line))) for line in lines)
    told = json.loads((tmp_path / "d" / "report.json").read_bytes())["tokens"]
    assert sorted(report.tokens.counts) == counts
    assert (told["median"], told["longest"]) == (counts[len(counts) // 2], counts[-1])
    assert told["rows_cut"] == sum(count > 600 for count in counts)
    card = (tmp_path / "d" / "README.md").read_text("utf-8")
    assert f"{counts[-1]:,}" in card
    assert str(tokenizer.parent) not in card
    assert ("max_length=600 cuts" in card) == (told["rows_cut"] > 0)


def test_the_command_warns_of_rows_that_a_trainer_cuts(tokenizer, tmp_path):
    told = CliRunner().invoke(
        app,
        [
            "dataset",
            "sft",
            str(runs("reference")[0]),
            "--out",
            str(tmp_path / "d"),
            "--tokenizer",
            str(tokenizer),
            "--max-length",
            "5",
        ],
    )
    assert told.exit_code == 0, told.output
    assert "20 rows have more than 5 tokens" in told.output


def test_a_tokenizer_that_is_not_there_is_named_and_nothing_is_made(tmp_path):
    pytest.importorskip("transformers", reason="this needs the extra 'local'")
    with pytest.raises(InputError, match="no-such-tokenizer"):
        export("sft", runs("reference"), tmp_path / "d", Options(tokenizer=str(tmp_path / "no-such-tokenizer")))
    assert not (tmp_path / "d").exists()
