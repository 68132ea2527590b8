"""Every format loads where it is meant to be used: TRL's trainers take a step on it, `datasets` and Minari read it.

The model is random and tiny, made on the spot.
"""

import json

import pytest

from medenv.episode import Benchmark
from medenv.rollouts import read_run
from medenv.rollouts.export import Options, export, open_row
from tests.rollouts.export.runs import runs

EVERY = ("reference", "glance", "random", "forks")
MOST = 9000
"""Characters of a conversation that is trained on: the instructions alone have some 6,000."""

NEEDS = "this needs the extra 'train'"


def dataset(tmp_path, format, names=EVERY, part="train", **options):
    load_dataset = pytest.importorskip("datasets", reason=NEEDS).load_dataset
    export(format, runs(*names), tmp_path / "made", Options(**options))
    return load_dataset(str(tmp_path / "made"), cache_dir=str(tmp_path / "cache"))[part]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    for package in ("torch", "trl", "datasets"):
        pytest.importorskip(package, reason=NEEDS)
    import torch

    from tests.tiny_model import make_tiny_model

    torch.set_num_threads(1)  # a machine with more tests than cores is many times slower with more

    conversations = [one.messages for name in ("reference", "tools") for one in read_run(runs(name)[0])]
    return make_tiny_model(tmp_path_factory.mktemp("model"), conversations[:10], size=32, layers=1, vocabulary=2000)


def step(model, trainer, rows, tmp_path, settings, **more):
    """One optimiser step on the first rows; the loss must be a number and the weights must move."""
    import torch
    import trl
    from transformers import AutoModelForCausalLM, AutoTokenizer

    arguments = {
        "output_dir": str(tmp_path / "trained"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "learning_rate": 0.01,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "activation_checkpointing": False,
        **settings,
    }
    network = AutoModelForCausalLM.from_pretrained(model)
    before = [one.detach().clone() for one in network.parameters()]
    made = getattr(trl, trainer)(
        model=network,
        args=getattr(trl, trainer.replace("Trainer", "Config"))(**arguments),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(model),
        **more,
    )
    made.train()
    losses = [entry["loss"] for entry in made.state.log_history if "loss" in entry] or [
        made.state.log_history[-1]["train_loss"]
    ]
    assert all(torch.isfinite(torch.tensor(loss)) for loss in losses)
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    return made


@pytest.mark.parametrize("protocol", ["text", "tools"])
def test_sft_trainer_learns_what_the_agent_wrote_and_nothing_else(model, tmp_path, protocol):
    rows = dataset(tmp_path, "sft", protocol=protocol, limit=2, max_chars=MOST)
    made = step(model, "SFTTrainer", rows, tmp_path, {"assistant_only_loss": True, "max_length": None})
    tokenizer = made.processing_class
    for row, tokens in zip(rows, made.train_dataset, strict=True):
        learnt = tokenizer.decode(
            [i for i, label in zip(tokens["input_ids"], tokens["labels"], strict=True) if label >= 0]
        )
        said = [m for m, trained in zip(row["messages"], row["trained"], strict=True) if trained]
        assert learnt.count("<|im_end|>") == len(said)
        for message in said:
            assert message["content"] in learnt
        shown = [m["content"] for m, trained in zip(row["messages"], row["trained"], strict=True) if not trained]
        assert not any(text and text in learnt for text in shown)


def test_sft_trainer_takes_single_replies(model, tmp_path):
    rows = dataset(tmp_path, "sft", level="turn", limit=2, max_chars=MOST)
    made = step(model, "SFTTrainer", rows, tmp_path, {"max_length": None})
    for row, tokens in zip(rows, made.train_dataset, strict=True):
        learnt = [i for i, label in zip(tokens["input_ids"], tokens["labels"], strict=True) if label >= 0]
        assert made.processing_class.decode(learnt).startswith(row["completion"][0]["content"])


@pytest.mark.parametrize(
    "options", [{"level": "trajectory"}, {"level": "turn"}, {"level": "turn", "protocol": "tools"}]
)
def test_dpo_trainer_takes_pairs(model, tmp_path, options):
    rows = dataset(tmp_path, "dpo", limit=2, max_chars=MOST, **options)
    step(model, "DPOTrainer", rows, tmp_path, {"max_length": None})


@pytest.mark.parametrize("level", ["trajectory", "turn"])
def test_kto_trainer_takes_labels(model, tmp_path, level):
    rows = dataset(tmp_path, "kto", limit=2, max_chars=MOST, level=level)
    step(model, "KTOTrainer", rows, tmp_path, {"max_length": None})


@pytest.mark.parametrize("names", [EVERY, ("tools",)])
def test_grpo_trainer_scores_its_own_replies_on_the_tasks_of_the_rows(model, tmp_path, names):
    rows = dataset(tmp_path, "grpo", names, limit=2)
    scored = []

    def reward(completions, **columns):
        values = []
        for number, completion in enumerate(completions):
            row = {name: column[number] for name, column in columns.items() if name in rows.column_names}
            with Benchmark(**json.loads(row["benchmark"])) as benchmark:
                episode = open_row(row, benchmark)
                episode.step(completion[0]["content"])
                while not episode.done:
                    episode.step("FINISH([])")
                finished = benchmark.finish(episode)
            scored.append(finished)
            values.append(
                finished.verdict["score"] + 0.01 * number
            )  # differs within a group, so that something is learned
        return values

    config = {"num_generations": 2, "max_completion_length": 8, "beta": 0.0}
    step(model, "GRPOTrainer", rows, tmp_path, config, reward_funcs=reward)
    assert {one.task.id for one in scored} <= set(rows["task_id"])
    assert all(one.verdict is not None for one in scored)


@pytest.mark.parametrize("file", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("format", "level"),
    [
        ("sft", "trajectory"),
        ("sft", "turn"),
        ("dpo", "turn"),
        ("kto", "turn"),
        ("grpo", "trajectory"),
        ("steps", "trajectory"),
        ("sharegpt", "trajectory"),
    ],
)
@pytest.mark.parametrize("protocol", [None, "tools"])
def test_datasets_reads_what_was_written(tmp_path, format, level, file, protocol):
    found = dataset(tmp_path, format, level=level, file=file, protocol=protocol, limit=20)
    export(format, runs(*EVERY), tmp_path / "plain", Options(level=level, protocol=protocol, limit=20))
    rows = [json.loads(line) for line in (tmp_path / "plain" / "data" / "train.jsonl").read_bytes().splitlines()]
    assert len(found) == len(rows)
    assert set(found.column_names) == set(rows[0])
    for read, row in zip(found, rows, strict=True):
        assert read_back(read) == bare(row)


def read_back(value):
    return json.loads(json.dumps(value), object_hook=lambda one: {k: v for k, v in one.items() if v is not None})


def bare(value):
    """A value without what is null: tables have no missing members.

    The JSON loader of `datasets` keeps ten decimals of the numbers in rows with JSON values.
    """
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-9)
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items() if one is not None}
    return [bare(one) for one in value] if isinstance(value, list) else value


def test_datasets_finds_both_parts_by_the_card(tmp_path):
    load_dataset = pytest.importorskip("datasets", reason=NEEDS).load_dataset
    export("kto", runs(*EVERY), tmp_path / "made", Options(validation=0.4))
    found = load_dataset(str(tmp_path / "made"), cache_dir=str(tmp_path / "cache"))
    assert set(found) == {"train", "validation"}
    assert not set(found["train"]["task_id"]) & set(found["validation"]["task_id"])


def test_every_template_of_trl_writes_calls_once_and_as_the_model_is_played(tmp_path, figures):
    """A template takes arguments as objects or as text; what `local` sends a model is what rows of objects train it on."""
    trl = pytest.importorskip("trl", reason=NEEDS)
    from pathlib import Path

    from transformers.utils.chat_template_utils import render_jinja_template

    from medenv.agents.local.parsing import spoken

    made = {}
    for form in ("object", "text"):
        export("sft", runs("tools"), tmp_path / form, Options(arguments=form, limit=1))
        made[form] = json.loads((tmp_path / form / "data" / "train.jsonl").read_bytes().splitlines()[0])
    tools = json.loads(made["object"]["tools"])
    arguments = made["object"]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    name, value = next((name, value) for name, value in arguments.items() if isinstance(value, str))

    def written(template, messages):
        marks = {f"{name}_token": f"<{name}>" for name in ("bos", "eos", "pad", "unk")}
        try:
            return render_jinja_template([messages], tools=tools, chat_template=template, **marks)[0][0]
        except Exception:  # what a template raises is its author's choice
            return None

    counts = {"object": 0, "text": 0, "none": 0}
    for path in sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
        template = path.read_text("utf-8")
        texts = {form: written(template, row["messages"]) for form, row in made.items()}
        fits = next((one for one, text in texts.items() if text and value in text), "none")
        counts[fits] += 1
        assert f'{{\\"{name}' not in (texts.get(fits) or ""), f"{path.name}: encoded twice"
        if fits == "object":
            assert texts["object"] == written(template, spoken(made["text"]["messages"])), path.name
    assert counts["object"] > 3 * counts["text"]
    figures(f"TRL's chat templates that write calls from objects, from text only, not at all: {list(counts.values())}")


@pytest.mark.parametrize("name", ["random", "tools"])
def test_minari_loads_the_episodes_and_their_environment(tmp_path, monkeypatch, name):
    minari = pytest.importorskip("minari", reason="this needs the extra 'minari'")
    pytest.importorskip("h5py", reason="this needs the extra 'minari'")
    export("minari", runs(name), tmp_path / "episodes-v0")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    found = minari.load_dataset("episodes-v0")
    played = list(read_run(runs(name)[0]))
    assert found.total_episodes == len(played)
    assert found.total_steps == sum(len(one.turns) for one in played)
    for episode in found.iterate_episodes():
        assert all(text in found.observation_space for text in episode.observations)
        assert all(text in found.action_space for text in episode.actions)
    env = found.recover_environment()
    try:
        for episode, one in zip(found.iterate_episodes(), played, strict=True):
            first, _ = env.reset(options={"task_id": one.task.id})
            shown, rewards, ends = [first], [], []
            for action in episode.actions:
                observation, reward, terminated, truncated, _ = env.step(action)
                shown.append(observation)
                rewards.append(reward)
                ends.append((terminated, truncated))
            assert list(episode.observations) == shown
            assert list(episode.rewards) == rewards
            assert list(zip(episode.terminations, episode.truncations, strict=True)) == ends
            assert rewards[-1] == one.verdict["score"]
    finally:
        env.close()
    metadata = next(iter(found.storage.get_episode_metadata([0])))
    assert f"{played[0].task.id}/" in json.dumps(metadata, default=str)
