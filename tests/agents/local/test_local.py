"""A model of transformers as a policy: it plays, its numbers are the model's own, and neighbours in a batch change nothing."""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from medenv.agents import BatchRequest, ContextLimitError, FatalProviderError, ProviderError, load
from medenv.cli import app
from medenv.protocol.conversation import Conversation
from medenv.rollouts import read_run
from medenv.trajectories import Status
from tests.agents.local.conftest import WORDING, play, texts

SILENT_TEMPLATE = """{%- for message in messages %}<|im_start|>{{ message['role'] }}
{{ message['content'] }}{% for call in message['tool_calls'] or [] %}<tool_call>
{{ {'name': call['function']['name'], 'arguments': call['function']['arguments']} | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""The tiny model's chat template, without the functions."""


def asked(*questions, seed=0, tools=()):
    return [
        BatchRequest(Conversation([{"role": "user", "content": one}], tools), seed, SimpleNamespace(id="t"))
        for one in questions
    ]


def test_plays_what_it_knows_by_heart(benchmark, reference, by_heart):
    policy = load("local", model=by_heart, device="cpu")
    played = play(benchmark, policy, [one.task for one in reference])
    assert texts(played) == texts(reference)
    assert all(one.verdict["score"] == 1.0 for one in played)
    assert {len(one.turns) for one in played} >= {2, 3}
    assert played[0].provenance["agent"]["model"] == str(by_heart)


def test_logprobs_and_ids_are_the_models_own(benchmark, reference, by_heart):
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(by_heart), AutoTokenizer.from_pretrained(by_heart)
    policy = load("local", model=by_heart, device="cpu", temperature=0.7)
    for one in play(benchmark, policy, [one.task for one in reference][:4]):
        for number, turn in enumerate(one.turns):
            tokens = turn.tokens
            prompt = tokenizer.apply_chat_template(
                one.conversation(number).messages, add_generation_prompt=True, return_dict=True
            )["input_ids"]
            assert tokens["prompt_ids"] == prompt
            assert tokenizer.decode(tokens["ids"], skip_special_tokens=True) == turn.text
            assert turn.usage["prompt_tokens"] == len(prompt)
            assert turn.usage["completion_tokens"] == len(tokens["ids"]) == len(tokens["logprobs"])
            with torch.inference_mode():
                logits = model(torch.tensor([[*prompt, *tokens["ids"]]])).logits[0, len(prompt) - 1 : -1]
            own = logits.log_softmax(-1).gather(1, torch.tensor(tokens["ids"])[:, None])[:, 0]
            assert torch.allclose(own, torch.tensor(tokens["logprobs"]), atol=1e-3)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_neighbours_change_nothing(random_model, temperature):
    policy = load("local", model=random_model, device="cpu", temperature=temperature, max_tokens=12)
    requests = asked("Look.", "Find the patient " * 20, "?", "Order magnesium, please.", seed=3)
    together = [one.text for one in policy.act_batch(requests)]
    assert together == [policy.act_batch([one])[0].text for one in requests]
    assert together[::-1] == [one.text for one in policy.act_batch(requests[::-1])]
    assert len(set(together)) == 4
    other = [one.text for one in policy.act_batch(asked("Look.", "?", seed=4))]
    assert (other == [together[0], together[2]]) == (temperature == 0)


def test_draws_follow_the_models_probabilities(random_model):
    torch = pytest.importorskip("torch")
    policy = load("local", model=random_model, device="cpu", temperature=0.25, max_tokens=1, batch_size=64)
    count = 1500
    found = Counter()
    for start in range(0, count, 50):
        requests = [one for seed in range(start, start + 50) for one in asked("Look.", seed=seed)]
        found.update(one.tokens["ids"][0] for one in policy.act_batch(requests))
    network = policy._loaded.model
    prompt = policy.act_batch(asked("Look."))[0].tokens["prompt_ids"]
    with torch.inference_mode():
        wanted = (network(torch.tensor([prompt])).logits[0, -1] / 0.25).softmax(-1)
    likeliest = int(wanted.argmax())
    for token in wanted.topk(5).indices.tolist():
        share = float(wanted[token])
        assert abs(found[token] / count - share) < 5 * (share * (1 - share) / count) ** 0.5
    narrow = load("local", model=random_model, device="cpu", temperature=0.25, top_p=1e-6, max_tokens=1)
    assert {one.tokens["ids"][0] for seed in range(20) for one in narrow.act_batch(asked("Look.", seed=seed))} == {
        likeliest
    }


def test_stops_where_told(benchmark, reference, by_heart):
    first = reference[0].messages[:1]
    request = BatchRequest(Conversation.of(first), 0, reference[0].task)
    whole = load("local", model=by_heart, device="cpu").act_batch([request])[0]
    stopped = load("local", model=by_heart, device="cpu", stop=["&family"]).act_batch([request])[0]
    assert stopped.text == whole.text[: whole.text.index("&family")]
    assert stopped.usage["finish_reason"] == whole.usage["finish_reason"] == "stop"
    cut = load("local", model=by_heart, device="cpu", max_tokens=5, logprobs=False, token_ids=False).act_batch(
        [request]
    )
    assert cut[0].usage["completion_tokens"] == 5
    assert cut[0].usage["finish_reason"] == "length"
    assert whole.text.startswith(cut[0].text)
    assert cut[0].tokens is None


def test_context_limit_is_the_official_status(benchmark, reference, by_heart):
    long = max(reference, key=lambda one: len(str(one.messages)))
    needed = load("local", model=by_heart, device="cpu").act_batch(
        [BatchRequest(Conversation.of(long.messages[:1]), 0, long.task)]
    )[0]
    room = needed.usage["total_tokens"] + 1  # the first reply fits, its observation doesn't
    policy = load("local", model=by_heart, device="cpu", context_length=room)
    ended = play(benchmark, policy, [long.task])[0]
    assert ended.status is Status.CONTEXT_LIMIT
    assert len(ended.turns) == 1
    tight = load("local", model=by_heart, device="cpu", context_length=needed.usage["prompt_tokens"] + 3)
    cut = tight.act_batch([BatchRequest(Conversation.of(long.messages[:1]), 0, long.task), *asked("x " * 500)])
    assert cut[0].usage["completion_tokens"] == 3
    assert isinstance(cut[1], ContextLimitError)


def test_want_of_memory_halves_the_batch_and_is_never_a_score(benchmark, reference, by_heart, monkeypatch):
    torch = pytest.importorskip("torch")
    policy = load("local", model=by_heart, device="cpu")
    network, sizes = policy._loaded.model, []
    forward, most = network.forward, 3

    def scarce(input_ids=None, **options):
        sizes.append(len(input_ids))
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(input_ids=input_ids, **options)

    monkeypatch.setattr(network, "forward", scarce)
    tasks = [one.task for one in reference]
    assert texts(play(benchmark, policy, tasks)) == texts(reference)
    assert max(sizes) > most
    most = 0
    failed = play(benchmark, policy, tasks[:3])
    assert {one.status for one in failed} == {Status.INFRASTRUCTURE_ERROR}
    assert all(one.verdict is None for one in failed)


def test_numbers_that_are_none_are_no_reply(by_heart):
    torch = pytest.importorskip("torch")
    policy = load("local", model=by_heart, device="cpu")
    with torch.no_grad():
        policy._loaded.model.lm_head.weight.fill_(float("nan"))
    [reply] = policy.act_batch(asked("Look."))
    assert isinstance(reply, ProviderError)
    assert "dtype" in str(reply)


def test_calls_through_the_chat_template(tools_benchmark, tools_reference, calls_by_heart, random_model, tmp_path):
    (tmp_path / "silent.jinja").write_text(SILENT_TEMPLATE)
    policy = load("local", model=calls_by_heart, device="cpu", chat_template=tmp_path / "silent.jinja")
    played = play(tools_benchmark, policy, [one.task for one in tools_reference])
    assert texts(played) == texts(tools_reference)
    assert all(one.verdict["score"] == 1.0 for one in played)
    assert played[0].turns[0].usage["finish_reason"] == "tool_calls"
    # Where the template has a place for them, the functions are told.
    telling = load("local", model=random_model, device="cpu", max_tokens=1, context_length=100_000)
    [reply] = telling.act_batch(asked("Look.", tools=tools_reference[0].conversation(0).tools))
    prompt = telling._loaded.tokenizer.decode(reply.tokens["prompt_ids"])
    assert '"name": "finish"' in prompt


def test_adapter(random_model, tmp_path):
    torch, peft = pytest.importorskip("torch"), pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(random_model)
    torch.manual_seed(0)
    tuned = peft.get_peft_model(
        base, peft.LoraConfig(r=4, target_modules=["q_proj", "lm_head"], init_lora_weights=False)
    )
    tuned.save_pretrained(tmp_path / "adapter")
    tuned.merge_and_unload().save_pretrained(tmp_path / "merged")
    questions = asked("Look.", "Order.")
    plain, adapted = (
        load("local", model=random_model, device="cpu", max_tokens=8, adapter=adapter)
        for adapter in (None, tmp_path / "adapter")
    )
    assert adapted.describe()["adapter"] == str(tmp_path / "adapter")
    replies = adapted.act_batch(questions)
    assert [one.text for one in replies] != [one.text for one in plain.act_batch(questions)]
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    for reply in replies:
        prompt, ids = reply.tokens["prompt_ids"], reply.tokens["ids"]
        with torch.inference_mode():
            logits = merged(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1]
        own = logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
        assert torch.allclose(own, torch.tensor(reply.tokens["logprobs"]), atol=1e-3)


def test_errors_say_what_to_do(random_model, tmp_path):
    for wrong in ({"model": tmp_path / "nowhere"}, {"model": random_model, "adapter": tmp_path / "nowhere"}):
        with pytest.raises(ValueError, match=r"no folder .*nowhere"):
            load("local", **wrong)
    for wrong in ({"model": tmp_path}, {"model": random_model, "adapter": tmp_path}):
        with pytest.raises(ValueError, match="can't be loaded"):
            load("local", **wrong)
    with pytest.raises(ValueError, match=r"'cuda:99'|'abacus'"):
        load("local", model=random_model, device="abacus")
    for option in ({"dtype": "int1"}, {"temperature": -1}, {"temperature": None}, {"top_p": 0}, {"max_tokens": 0}):
        with pytest.raises(ValueError, match=next(iter(option))):
            load("local", model=random_model, **option)


def test_no_chat_template(random_model, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(random_model)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    AutoModelForCausalLM.from_pretrained(random_model).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="chat_template"):
        load("local", model=tmp_path)
    refusing = load("local", model=tmp_path, chat_template="{{ raise_exception('no users here') }}")
    with pytest.raises(FatalProviderError, match="no users here"):
        refusing.act_batch(asked("Look."))
    with pytest.raises(ValueError, match="can't be read"):
        load("local", model=tmp_path, chat_template=tmp_path / "none.jinja")
    told = load(
        "local", model=tmp_path, chat_template="{{ mood }}", chat_template_kwargs={"mood": "calm"}, max_tokens=1
    )
    prompt = told.act_batch(asked("Look."))[0].tokens["prompt_ids"]
    assert tokenizer.decode(prompt) == "calm"


def test_from_the_command_line(reference, by_heart, tmp_path):
    (tmp_path / "prompt.txt").write_text(WORDING.template)
    arguments = ["eval", "--agent", "local", "--model", str(by_heart), "--device", "cpu", "--batch-size", "2"]
    arguments += ["--split", "builtin", "--observation", "compact", "--prompt", str(tmp_path / "prompt.txt")]
    for one in reference[:3]:
        arguments += ["--task", one.task.id]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert texts(read_run(tmp_path / "run")) == texts(reference[:3])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match=r"\[local\]"):
        load("local", model="any")


def test_importing_stays_light():
    code = "import sys, medenv.agents, medenv.cli; print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
