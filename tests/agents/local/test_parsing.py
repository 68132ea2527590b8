"""How generated tokens become text, thoughts and calls."""

import json

import pytest

from medenv.agents.local.parsing import read_reply, spoken

TOOLS = [{"type": "function", "function": {"name": "finish", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture
def tokenizer(random_model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(random_model)


def read(tokenizer, text, tools=TOOLS, stop=()):
    return read_reply(
        tokenizer, tokenizer(text)["input_ids"], tokenizer("<|im_start|>assistant\n")["input_ids"], tools, stop
    )


CALL = '{"name": "finish", "arguments": {"answers": ["S1", 2.5]}}'


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        (f"<tool_call>\n{CALL}\n</tool_call><|im_end|>", ""),
        (f"I am done.\n<tool_call>{CALL}</tool_call>", "I am done."),
        (f"<tool_call>{CALL}", ""),  # cut, but whole
        (f"[TOOL_CALLS][{CALL}]", ""),
        (CALL.replace("arguments", "parameters") + "<|im_end|>", ""),
        ("<|python_tag|>" + CALL, ""),
    ],
)
def test_calls_in_common_forms(tokenizer, said, rest):
    reply = read(tokenizer, said)
    assert [(one.name, json.loads(one.arguments)) for one in reply.calls] == [("finish", {"answers": ["S1", 2.5]})]
    assert reply.text == rest


def test_several_calls_keep_their_order(tokenizer):
    other = CALL.replace("finish", "other")
    reply = read(tokenizer, f"<tool_call>{CALL}</tool_call>\n<tool_call>{other}</tool_call>")
    assert [one.name for one in reply.calls] == ["finish", "other"]


@pytest.mark.parametrize("said", ["<tool_call>{broken</tool_call>", "FINISH([])", '{"answers": []}', "[1]", ""])
def test_what_is_no_call_is_text(tokenizer, said):
    reply = read(tokenizer, said + "<|im_end|>")
    assert not reply.calls
    assert reply.text == said


def test_text_protocol_looks_for_no_calls(tokenizer):
    said = f"<think>Hm.</think>\n\nFINISH([])  <tool_call>{CALL}</tool_call> Ünïcode\n"
    assert read(tokenizer, said + "<|im_end|>", tools=()).text == said
    assert read(tokenizer, said, tools=(), stop=["</think>", "FINISH"]).text == "<think>Hm."


def test_a_response_template_tells_thoughts_and_calls_apart(tokenizer):
    tokenizer.response_template = {
        "defaults": {"role": "assistant"},
        "start_anchor": "<|im_start|>assistant\n",
        "fields": {
            "reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"},
            "tool_calls": {
                "open_pattern": r"\s*<tool_call>",
                "close": "</tool_call>",
                "repeats": True,
                "content": "json",
                "transform": {"type": "function", "function": "{content}"},
            },
            "content": {"close_pattern": r"\s*<\|im_end\|>", "content": "text"},
        },
    }
    reply = read(tokenizer, f"<think>Easy.</think>Done.<tool_call>{CALL}</tool_call><|im_end|>")
    assert reply.reasoning == "Easy."
    assert reply.text == "Done."
    assert [(one.name, json.loads(one.arguments)) for one in reply.calls] == [("finish", {"answers": ["S1", 2.5]})]
    assert read(tokenizer, "<think>Easy.</think>FINISH([])<|im_end|>", tools=()).text == "FINISH([])"


def test_messages_as_templates_want_them():
    call = {"id": "1", "type": "function", "function": {"name": "finish", "arguments": '{"answers": []}'}}
    odd = {"id": "2", "type": "function", "function": {"name": "finish", "arguments": "{broken"}}
    messages = [{"role": "assistant", "content": None, "tool_calls": [call, odd]}]
    [said] = spoken(messages)
    assert said["content"] == ""
    assert [one["function"]["arguments"] for one in said["tool_calls"]] == [{"answers": []}, "{broken"]
    assert messages[0]["tool_calls"][0] is call


def test_half_a_character_in_a_calls_arguments_is_a_question_mark_for_the_chat_template():
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "finish", "arguments": '{"answers": ["\\ud800", {"\\udfff": 1}]}'},
    }
    (said,) = spoken([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert said["tool_calls"][0]["function"]["arguments"] == {"answers": ["?", {"?": 1}]}
    assert json.dumps(said, ensure_ascii=False).encode()
