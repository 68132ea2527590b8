"""Each provider's wire format: requests are what its SDK's types say, and stored episodes rebuild them to the byte."""

import asyncio
import importlib.util
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from medenv.agents import LLMPolicy, ProviderError, load
from medenv.agents.llm import PROVIDERS, rebuild
from medenv.agents.llm.faults import TransientError
from medenv.agents.llm.policy import MALFORMED
from medenv.agents.llm.provider import Settings
from medenv.agents.llm.secret import Secret
from medenv.episode import Benchmark
from medenv.protocol import Conversation
from medenv.protocol.instructions import Wording
from medenv.protocol.parsing import parse_reply
from medenv.protocol.tools import TOOLS
from medenv.rollouts import run
from medenv.trajectories import Status, Trajectory, Turn, conversation
from tests.agents.provider_server import ANSWERS, KEY, PATHS, SIGNATURE, serving

MODULES = {"anthropic": "anthropic", "responses": "openai", "gemini": "google.genai"}


def installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def provider(name):
    missing = name in MODULES and not installed(MODULES[name])
    return pytest.param(
        name, marks=pytest.mark.skipif(missing, reason=f"needs the package {MODULES.get(name)!r} (extra 'providers')")
    )


EACH = [provider(name) for name in PROVIDERS]

CALLS = [
    ("", [("find_patients", {"family": "Nobody", "address_city": "Rye & Co"})]),
    ("Two at once ✓", [("find_problems", {"patient": "S1"}), ("finish", {"answers": [1]})]),
    ("", [("find_lab_results", {"patient": "S1", "code": "K", "date": ["ge2023", "le2024"]})]),
    ("Prose", [("order_service", {"resourceType": "ServiceRequest", "note": {"text": 'a\n"b" 😀'}})]),
    ("Half a character \ud800", [("find_patients", {"family": "\ud800", "\udfff": "x"})]),
    ("", [("finish", {"answers": ["S1", 2.5, 10**30, "\ud800"]})]),
]
TEXTS = [
    ("GET Patient?name=Ä", []),
    ('POST Patient\n{"a": "\\ud800"}', []),
    ("GET Observation?patient=S1", []),
    ("FINISH([1])", []),
]

SETTINGS = {
    "chat": {
        "logprobs": True,
        "token_ids": True,
        "stop": ["\n\n"],
        "max_tokens": 50,
        "extra": {"top_p": 0.5, "seed": None},
    },
    "anthropic": {"stop": ["\n\n"], "reasoning_effort": "high", "max_tokens": 5000, "extra": {"top_k": 5}},
    "responses": {
        "logprobs": True,
        "reasoning_effort": "low",
        "max_tokens": 50,
        "extra": {"service_tier": "flex", "store": None},
    },
    "gemini": {
        "logprobs": True,
        "stop": ["\n\n"],
        "reasoning_effort": "low",
        "max_tokens": 50,
        "extra": {"top_k": 5, "seed": None},
    },
}


def play(name, base, monkeypatch, protocol, count=1, wording=None, **options):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)
    place = base + ("/v1" if name == "chat" else "")

    async def collect():
        policy = load("llm", model="m", provider=name, base_url=place, backoff=0.001, **options)
        try:
            with Benchmark("builtin", protocol=protocol, wording=wording) as benchmark:
                tasks = list(benchmark.tasks)[:count]
                return [one async for one in run(benchmark, policy, tasks, seed=3, samples=2, concurrency=4)]
        finally:
            await policy.close()

    return [Trajectory.from_json(one.to_json()) for one in asyncio.run(collect())]


@pytest.mark.parametrize("settings", ["plain", "all"])
@pytest.mark.parametrize(("protocol", "script"), [("tools", CALLS), ("text", TEXTS)])
@pytest.mark.parametrize("name", EACH)
def test_a_recorded_conversation_is_rebuilt_to_the_byte(name, protocol, script, settings, monkeypatch):
    options = SETTINGS[name] if settings == "all" else {}
    wording = Wording(system="You are careful. Ä") if settings == "all" else None
    with serving(script) as (server, base):
        episodes = play(name, base, monkeypatch, protocol, count=2, wording=wording, **options)
    assert {one.status for one in episodes} == {Status.COMPLETED}
    assert {key for _, _, key in server.seen} == {KEY}
    monkeypatch.delenv("MEDENV_API_KEY")
    rebuilt = [body for one in episodes for body in asyncio.run(rebuild(one))]
    assert sorted(rebuilt) == sorted(server.bodies)
    assert len(rebuilt) == 4 * len(script)
    assert not any(KEY.encode() in one.to_json() for one in episodes)
    if settings == "all":
        assert all("careful" in body.decode() for body in server.bodies)
        assert all("seed" not in json.loads(body) for body in server.bodies)


@pytest.mark.parametrize("name", EACH)
def test_what_the_provider_wants_back_comes_back_unchanged(name, monkeypatch):
    with serving(CALLS) as (server, base):
        (episode, _) = play(name, base, monkeypatch, "tools")
    last = json.loads(max(server.bodies, key=len))
    assert len(episode.turns) == len(CALLS)
    assert episode.turns[0].reasoning == "thought 0 ✓"
    assert [turn.text.split()[0][:6] for turn in episode.turns] == ["GET", "GET", "GET", "POST", "GET", "FINISH"]
    if name == "gemini":
        model = [part for one in last["contents"] if one["role"] == "model" for part in one["parts"]]
        assert {part["thoughtSignature"] for part in model if "functionCall" in part} == {SIGNATURE}
        answers = [
            part["functionResponse"] for one in last["contents"] for part in one["parts"] if "functionResponse" in part
        ]
        calls = [part["functionCall"] for part in model if "functionCall" in part]
        assert [one["name"] for one in answers] == [one["name"] for one in calls]
        assert [one.get("id") for one in answers] == [one.get("id") for one in calls]
    elif name == "anthropic":
        said = [one["content"] for one in last["messages"] if one["role"] == "assistant"]
        assert all(blocks[0]["signature"] == blocks[1]["data"] == SIGNATURE for blocks in said)
        used = [block["id"] for blocks in said for block in blocks if block["type"] == "tool_use"]
        told = [b["tool_use_id"] for one in last["messages"][1:] if one["role"] == "user" for b in one["content"]]
        assert used == told
    elif name == "responses":
        assert [one["encrypted_content"] for one in last["input"] if one.get("type") == "reasoning"] == [SIGNATURE] * (
            len(CALLS) - 1
        )
        calls = [one["call_id"] for one in last["input"] if one.get("type") == "function_call"]
        assert calls == [one["call_id"] for one in last["input"] if one.get("type") == "function_call_output"]
    else:
        said = [one for one in last["messages"] if one["role"] == "assistant"]
        assert [one["reasoning_details"][0]["index"] for one in said] == list(range(len(CALLS) - 1))
        told = [one["tool_call_id"] for one in last["messages"] if one["role"] == "tool"]
        assert [call["id"] for one in said for call in one["tool_calls"]] == told


@pytest.mark.parametrize("name", EACH)
def test_usage_cost_and_tokens_are_kept(name, monkeypatch):
    prices = {"input": 2.0, "cached_input": 1.0, "output": 10.0}
    options = {} if name == "anthropic" else {"logprobs": True}
    with serving([("FINISH([])", [])]) as (_, base):
        (episode, _) = play(name, base, monkeypatch, "text", prices=prices, **options)
    usage, tokens = episode.turns[0].usage, episode.turns[0].tokens
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["cached_tokens"]) == (100, 10, 40)
    assert usage["cost"] == pytest.approx((60 * 2 + 40 * 1 + 10 * 10) / 1e6)
    assert isinstance(usage["finish_reason"], str)
    if name != "anthropic":
        assert tokens["logprobs"][0] == -0.5
    if name == "chat":
        assert tokens == {"prompt_ids": [1, 2, 3], "ids": [7, 8], "logprobs": [-0.5, -0.5], "texts": ["a", "b"]}


def requests(name, options, script=CALLS):
    """Requests after each turn, on a conversation of the provider's own and on one that another model began."""
    policy = LLMPolicy("m", provider=name, **options)
    made = policy._kind(policy.settings, policy.base_url, policy._secret, 1.0)
    own, foreign = [], []
    for number, (text, calls) in enumerate(script):
        reply = made.read(json.loads(json.dumps(ANSWERS[name](number, text, calls))))
        reading = parse_reply(reply, "tools" if calls else "text", number=number)
        own.append(Turn(reading.text, "get", "seen Ä", message=reading.message, verbatim=reply.verbatim))
        foreign.append(Turn(reading.text, "get", "seen Ä", message=reading.message))
    protocol = "tools" if script is CALLS else "text"
    for turns in (own, foreign):
        for end in range(len(turns) + 1):
            yield made.request(conversation("prompt", turns[:end], system="system", protocol=protocol), 2**40)


@pytest.mark.parametrize("settings", ["plain", "all"])
@pytest.mark.parametrize("script", [CALLS, TEXTS], ids=["tools", "text"])
@pytest.mark.parametrize("name", ["chat", "anthropic", "responses", "gemini"])
def test_requests_are_what_the_sdk_s_own_types_say(name, script, settings):
    module = MODULES.get(name, "openai")
    if not installed(module):
        pytest.skip(f"needs the package {module!r} (extra 'providers')")
    options = SETTINGS[name] if settings == "all" else {}
    made = list(requests(name, options, script))
    assert len(made) == 2 * len(script) + 2
    for request in made:
        check(name, request)


def check(name, request):
    """Validate strictly: a wrong type fails, and so does a field that the types don't know."""
    if name == "gemini":
        from google.genai import types

        assert types.GenerateContentConfig.model_config["extra"] == "forbid"
        types.GenerateContentConfig(**request["config"])
        for content in request["contents"]:
            types.Content.model_validate_json(json.dumps(content))
        return
    if name == "chat":
        from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Params

        request = {k: v for k, v in request.items() if k != "return_token_ids"}
    elif name == "responses":
        from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming as Params
    else:
        from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as Params
    body = {k: v for k, v in request.items() if k != "extra_body"}
    known = set(Params.__annotations__) | {
        k for base in getattr(Params, "__orig_bases__", ()) for k in getattr(base, "__annotations__", ())
    }
    assert set(body) <= known, set(body) - known
    adapter = TypeAdapter(Params)
    consume(adapter.validate_python(body))


def consume(value):
    """Walk all of a validated value: what the types call an iterable is checked as it is read."""
    if isinstance(value, dict):
        for one in value.values():
            consume(one)
    elif hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        for one in value:
            consume(one)


def test_a_type_check_can_fail():
    if not installed("anthropic"):
        pytest.skip("needs the package 'anthropic' (extra 'providers')")
    good = next(iter(requests("anthropic", {})))
    with pytest.raises((ValueError, AssertionError)):
        check("anthropic", {**good, "messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """The paths to all parts of a JSON value."""
    yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*path, key))


@pytest.mark.parametrize("protocol", ["text", "tools"])
@pytest.mark.parametrize("name", EACH)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_an_answer_with_any_part_broken_is_a_reply_or_a_fault(name, protocol, benches, data):
    made = LLMPolicy("m", provider=name)._kind(Settings("m", logprobs=True), "http://127.0.0.1:1", Secret(None), 1.0)
    text, calls = ("GET Patient", []) if protocol == "text" else CALLS[0]
    answer = json.loads(json.dumps(ANSWERS[name](0, text, calls)))
    path = data.draw(st.sampled_from([path for path in places(answer) if path]))
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(JSON)
    try:
        reply = made.read(json.loads(json.dumps(answer)))
    except (*MALFORMED, ProviderError, TransientError):
        return
    episode = benches[protocol].start(benches[protocol].tasks[0])
    episode.step(reply)
    again = Trajectory.from_json(episode.trajectory().to_json())
    assert again.to_json() == episode.trajectory().to_json()
    assert json.dumps(made.request(again.conversation(), 0)) == json.dumps(made.request(episode.conversation, 0))
    episode.session.close()


@pytest.fixture(scope="module")
def benches():
    with Benchmark("builtin") as text, Benchmark("builtin", protocol="tools") as tools:
        yield {"text": text, "tools": tools}


@pytest.mark.parametrize("name", ["anthropic", "responses", "gemini"])
def test_a_missing_sdk_names_its_extra(name, monkeypatch):
    import medenv.extras as module

    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(ValueError, match=r"\[(anthropic|openai|gemini)\]"):
        load("llm", model="m", provider=name)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"provider": "antropic"}, "anthropic"),
        ({"prices": {"input": 1.0}}, "output"),
        ({"prices": {"input": 1.0, "output": -1}}, "-1"),
        ({"prices": {"input": 1.0, "output": 1.0, "cached": 1}}, "cached_input"),
        ({"max_concurrency": 0}, "0"),
        ({"tokens_per_minute": 0.5}, "0.5"),
    ],
)
def test_wrong_options_say_what_is_wrong(options, word):
    with pytest.raises(ValueError, match=word):
        LLMPolicy("m", **options)


@pytest.mark.parametrize("name", [provider("chat"), provider("gemini")])
def test_a_seed_is_sent_unless_told_otherwise(name):
    def sent(**options):
        policy = LLMPolicy("m", provider=name, **options)
        return asyncio.run(policy.request_body(Conversation.of([{"role": "user", "content": "x"}]), 2**31 + 5))

    assert b'"seed":' in sent()
    assert b'"seed":' not in sent(seed=False)
    assert LLMPolicy("m", seed=False).describe()["seed"] is False


def test_what_an_sdk_refuses_is_no_empty_request():
    if not installed("google.genai"):
        pytest.skip("needs the package 'google.genai' (extra 'providers')")
    policy = LLMPolicy("m", provider="gemini", extra={"no_such_field": 1})
    with pytest.raises(ValueError, match="no_such_field"):
        asyncio.run(policy.request_body(Conversation.of([{"role": "user", "content": "x"}]), 0))


def test_settings_that_an_api_lacks_are_refused():
    if not installed("anthropic"):
        pytest.skip("needs the package 'anthropic' (extra 'providers')")
    with pytest.raises(ValueError, match="logprobs"):
        load("llm", model="m", provider="anthropic", logprobs=True)


def test_plain_messages_and_tools_make_a_conversation():
    messages = [{"role": "user", "content": "hello"}]
    assert Conversation.of(messages).messages == messages
    assert len(TOOLS) == 10
    assert set(PATHS) == set(PROVIDERS)
