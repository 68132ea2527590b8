"""The list of models: what comes along, what users lay over it, errors that quote, and the check of keys and servers."""

import asyncio
import csv
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.agents import load
from medenv.agents.availability import State, check
from medenv.agents.llm import PROVIDERS
from medenv.agents.model_file import APIS
from medenv.agents.models import ModelFileError, find, model_list
from medenv.episode import Benchmark
from medenv.rollouts import play
from tests.agents.providers_server import KEY, listing

pytestmark = pytest.mark.quick

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published" / "leaderboard.csv"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """The tester's own models and keys stay out."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MEDENV_MODELS", "MEDENV_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)


def written(folder, text):
    file = folder / "mine.toml"
    file.write_text(text)
    return file


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the report's published tables are not beside the clone")
def test_every_model_of_the_report_is_found_by_its_name_there():
    names = [row["Model"] for row in csv.DictReader(PUBLISHED.open())]
    assert len(names) == 15
    assert [find(name).report for name in names] == names


def test_what_comes_along_says_where_and_with_which_key():
    for entry in model_list().entries.values():
        assert entry.base_url.startswith("https://") or entry.base_url.startswith("http://127.0.0.1:")
        assert entry.context >= 32_768
        assert entry.price is None or (entry.price.as_of and entry.price.output >= entry.price.input > 0)
        assert entry.needs_key == (entry.base_url.startswith("https://"))


def test_every_api_of_the_list_is_one_that_the_agent_speaks():
    assert set(APIS) == set(PROVIDERS)


@pytest.mark.parametrize("name", ["gpt-4o", "GPT-4O", "qwen/qwen3-14b", "Claude Opus 4.5", "claude-opus-4-5"])
def test_names_aliases_and_case(name):
    assert find(name) is not None


def test_an_unknown_name_is_nothing_but_has_neighbours():
    assert find("gtp-4o") is None
    assert find(" ") is None
    assert "gpt-4o" in model_list().near("gtp-4o")


def test_a_file_is_laid_over_the_list_key_by_key(tmp_path):
    file = written(tmp_path, 'models."gpt-4o".price.input = 9\n[models.mine]\nbase_url = "http://127.0.0.1:8000/v1/"\n')
    changed, mine = find("gpt-4o", file), find("mine", file)
    assert (changed.price.input, changed.price.output, changed.context) == (9.0, 10.0, 128_000)
    assert (mine.model, mine.base_url, mine.api, mine.needs_key) == ("mine", "http://127.0.0.1:8000/v1", "chat", False)
    assert mine.source == changed.source == file
    assert find("gpt-4o").price.input == 2.5


def test_a_providers_address_changes_all_its_models(tmp_path):
    file = written(tmp_path, 'providers.openrouter.base_url = "http://127.0.0.1:9/v1"')
    assert find("qwen3-8b", file).base_url == "http://127.0.0.1:9/v1"


def test_where_files_are_looked_for(tmp_path, monkeypatch):
    config = tmp_path / "config" / "medenv"
    config.mkdir(parents=True)
    (config / "models.toml").write_text('models.a.base_url = "http://config"\nmodels.b.base_url = "http://config"')
    named = written(tmp_path, 'models.b.base_url = "http://variable"\nmodels.c.base_url = "http://variable"')
    monkeypatch.setenv("MEDENV_MODELS", str(named))
    last = tmp_path / "last.toml"
    last.write_text('models.c.base_url = "http://option"')
    assert [find(name, last).base_url for name in "abc"] == ["http://config", "http://variable", "http://option"]


def test_a_changed_file_is_read_again(tmp_path):
    file = written(tmp_path, 'models.a.base_url = "http://one"')
    assert find("a", file).base_url == "http://one"
    file.write_text('models.a.base_url = "http://another"')
    assert find("a", file).base_url == "http://another"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.gpt-4o]\ncontext = -1", ["models.gpt-4o.context", "-1"]),
        ('models."gpt-4o".price.output = "cheap"', ["models.gpt-4o.price.output", "'cheap'"]),
        ('[models.x]\nprovider = "nope"', ["models.x.provider", "'nope'", "openai"]),
        ('[models.x]\nmodel = "y"', ["models.x", "base_url"]),
        ('[models.x]\nbase_url = "ftp://q"', ["models.x.base_url", "'ftp://q'"]),
        ('[models.x]\nbase_url = "http://q"\ncontxt = 5', ["models.x.contxt", "context"]),
        ('[models.x]\nbase_url = "http://q"\napi = "grpc"', ["models.x.api", "'grpc'", "anthropic"]),
        ("models = 3", ["models", "3"]),
        ("a = ", ["can't be read"]),
    ],
)
def test_errors_quote_the_file_the_key_and_the_value(tmp_path, text, said):
    file = written(tmp_path, text)
    with pytest.raises(ModelFileError) as caught:
        find("gpt-4o", file)
    for word in [str(file), *said]:
        assert word.replace("gpt-4o", '"gpt-4o"') in str(caught.value) or word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        'key = "sk-1234"\nbase_url = "http://q"',
        'key_env = "sk-1234"\nbase_url = "http://q"',
        'base_url = "http://me:sk-1234@q"',
    ],
)
def test_a_key_in_the_wrong_place_is_refused_and_not_quoted(tmp_path, text):
    with pytest.raises(ModelFileError) as caught:
        find("x", written(tmp_path, f"[models.x]\n{text}"))
    assert "sk-1234" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.toml"):
        model_list(tmp_path / "none.toml")


@given(st.text(max_size=200))
def test_no_file_does_worse_than_a_model_file_error(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("any") / "any.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ModelFileError):
        model_list(file)


def states(tmp_path, text, *names, timeout=10.0):
    listed = model_list(written(tmp_path, text))
    found = asyncio.run(check([listed.entries[name] for name in names], timeout))
    assert not any(KEY in one.detail or "sk-bad" in one.detail for one in found)
    return [one.state for one in found]


def test_each_api_is_asked_in_its_own_way(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOD", KEY)
    monkeypatch.setenv("BAD", "sk-bad")
    with listing(["there"]) as (root, asked):
        apis = {"chat": "/v1", "responses": "/v1", "anthropic": "", "gemini": "", "bare": "/bare"}
        text = ""
        for api, path in apis.items():
            for key in ("GOOD", "BAD"):
                text += f'[models.{api}-{key}]\nbase_url = "{root}{path}"\nkey_env = "{key}"\nmodel = "there"\n'
                text += "" if api == "bare" else f'api = "{api}"\n'
        names = [f"{api}-{key}" for api in apis for key in ("GOOD", "BAD")]
        assert states(tmp_path, text, *names) == [State.OK, State.REFUSED] * len(apis)
    assert {path for path, _ in asked} == {"/v1/models", "/v1beta/models", "/bare/models"}
    assert sum("anthropic-version" in (name.lower() for name in headers) for _, headers in asked) == 2


def test_the_states_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOD", KEY)
    monkeypatch.delenv("UNSET", raising=False)
    with listing(["there"]) as (root, asked):
        text = f"""
            providers.here = {{base_url = "{root}/v1", key_env = "GOOD"}}
            providers.keyless = {{base_url = "{root}/v1", key_env = "UNSET"}}
            providers.down = {{base_url = "http://127.0.0.1:1/v1"}}
            models.a = {{provider = "here", model = "there"}}
            models.b = {{provider = "here", model = "elsewhere"}}
            models.c = {{provider = "keyless", model = "there"}}
            models.d = {{provider = "down"}}
            models.e = {{base_url = "{root}/404", key_env = "GOOD"}}
            models.f = {{base_url = "{root}/500", key_env = "GOOD"}}
            models.g = {{base_url = "{root}/html", key_env = "GOOD"}}
        """
        got = states(tmp_path, text, *"abcdefg")
    assert got == [State.OK, State.NOT_THERE, State.NO_KEY, *[State.UNREACHABLE] * 4]
    assert [path for path, _ in asked].count("/v1/models") == 1


@pytest.mark.parametrize(("key", "state"), [(KEY, State.OK), ("sk-bad", State.REFUSED)])
def test_a_public_list_says_nothing_about_the_key(tmp_path, monkeypatch, key, state):
    monkeypatch.setenv("THE_KEY", key)
    with listing(["m"]) as (root, _):
        provider = f'providers.p = {{base_url = "{root}/public", key_env = "THE_KEY", key_check = "key"}}\n'
        assert states(tmp_path, f'{provider}models.m.provider = "p"', "m") == [state]


def test_a_slow_server_holds_up_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOD", KEY)
    release = threading.Event()
    with listing(["a", "b"], release) as (root, _):
        text = f'models.a = {{base_url = "{root}/slow"}}\nmodels.b = {{base_url = "{root}/v1", key_env = "GOOD"}}'
        try:
            assert states(tmp_path, text, "a", "b", timeout=0.3) == [State.UNREACHABLE, State.OK]
        finally:
            release.set()


def test_a_key_that_no_header_can_carry_is_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("ODD", f"{KEY}\u00e9\nmore")
    text = 'models.a = {base_url = "http://127.0.0.1:1", key_env = "ODD"}'
    assert states(tmp_path, text, "a") == [State.REFUSED]


def played(policy):
    with Benchmark("builtin") as benchmark:
        return asyncio.run(play(benchmark, policy, benchmark.tasks[0]))


def test_a_listed_name_is_all_that_the_agent_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("P_KEY", KEY)
    with listing([]) as (root, asked):
        file = written(
            tmp_path,
            f"""
            providers.p = {{base_url = "{root}/v1", key_env = "P_KEY"}}
            [models.mine]
            provider = "p"
            model = "far/away"
            aliases = ["My Model"]
            price = {{input = 2, output = 10}}
            options = {{temperature = 0.5}}
            """,
        )
        policy = load("llm", model="my model", models=file)
        done = played(policy)
    assert policy.describe()["temperature"] == 0.5
    assert done.turns[0].usage["cost"] == 3.0
    ((path, headers),) = asked
    assert (path, headers["model"]) == ("/v1/chat/completions", "far/away")
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert load("llm", model="mine", models=file, temperature=0.0).describe()["temperature"] == 0.0


def test_a_server_without_a_key_gets_no_other_providers(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with listing([]) as (root, asked):
        played(load("llm", model="sara", models=written(tmp_path, f'models.sara.base_url = "{root}/v1"')))
    assert "Authorization" not in asked[0][1]


def test_a_base_url_is_a_server_of_its_own(tmp_path, monkeypatch):
    with listing([]) as (root, asked):
        unknown = played(load("llm", model="anything", base_url=f"{root}/v1"))
        played(load("llm", model="gpt-4o", base_url=f"{root}/v1"))
        played(load("llm", model="Sara 1.5 4B", base_url=f"{root}/v1"))
    assert [headers["model"] for _, headers in asked] == ["anything", "gpt-4o", "Nadhari/Sara-1.5-4B-it"]
    assert "cost" not in unknown.turns[0].usage


def test_a_model_without_key_or_place_is_told_at_once():
    with pytest.raises(ValueError, match="OPENAI_API_KEY or MEDENV_API_KEY"):
        load("llm", model="gpt-4o")
    with pytest.raises(ValueError, match="Did you mean 'gpt-4o'"):
        load("llm", model="gtp-4o")
    with pytest.raises(ValueError, match=r"it takes: model, .*models"):
        load("llm", model="gpt-4o", colour="red")


def test_a_variable_that_is_named_has_to_be_set(tmp_path):
    file = written(tmp_path, 'models.mine = {base_url = "http://127.0.0.1:1/v1", key_env = "MY_KEY"}')
    with pytest.raises(ValueError, match="MY_KEY"):
        load("llm", model="mine", models=file)


def test_an_option_that_the_agent_lacks_is_told_with_its_file(tmp_path):
    file = written(tmp_path, 'models.mine = {base_url = "http://127.0.0.1:1/v1", options = {colour = "red"}}')
    with pytest.raises(ModelFileError, match="'colour'") as caught:
        load("llm", model="mine", models=file)
    assert str(file) in str(caught.value)


def test_nothing_given_is_nothing_said(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert load("llm", model="GPT-4o", base_url=None, provider=None, api_key_env=None).model == "gpt-4o"


def test_the_general_key_is_for_whatever_model_is_named(monkeypatch):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)
    assert load("llm", model="gpt-4o").base_url == "https://api.openai.com/v1"
    assert find("gpt-4o").key_variable is None, "a check sends no key to a provider that nobody named"
