"""A server on loopback that speaks four providers' wire formats, plays a script, and can misbehave on purpose.

What it answers is written by hand after each API's reference, with fields that the project's code doesn't know.
"""

import gzip
import json
import threading
import time
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-0123456789-ABCDEF"
PATHS = {
    "chat": "/chat/completions",
    "anthropic": "/v1/messages",
    "responses": "/responses",
    "gemini": ":generateContent",
}
SIGNATURE = "c2lnbmF0dXJlIG9mIGEgdGhvdWdodA=="


def replies_before(kind, body):
    """How many replies the conversation in a request has already."""
    if kind == "gemini":
        return sum(one["role"] == "model" for one in body["contents"])
    if kind == "responses":
        return sum(one.get("type") == "reasoning" for one in body["input"])
    return sum(one["role"] == "assistant" for one in body["messages"])


def chat(number, text, calls):
    message = {"role": "assistant", "content": text, "refusal": None, "reasoning_content": f"thought {number} ✓"}
    message["reasoning_details"] = [{"type": "reasoning.encrypted", "data": SIGNATURE, "index": number}]
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call-{number}-{i}",
                "index": i,
                "type": "function",
                "function": {"name": n, "arguments": json.dumps(a)},
            }
            for i, (n, a) in enumerate(calls)
        ]
    logprobs = {"content": [{"token": t, "logprob": -0.5, "bytes": None, "top_logprobs": []} for t in ("a", "b")]}
    return {
        "id": "x",
        "object": "chat.completion",
        "prompt_token_ids": [1, 2, 3],
        "choices": [
            {"index": 0, "message": message, "logprobs": logprobs, "token_ids": [7, 8], "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 40},
        },
    }


def anthropic(number, text, calls):
    content = [
        {"type": "thinking", "thinking": f"thought {number} ✓", "signature": SIGNATURE},
        {"type": "redacted_thinking", "data": SIGNATURE},
    ]
    content += [{"type": "text", "text": text, "citations": None}] if text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}_{i}", "name": n, "input": a} for i, (n, a) in enumerate(calls)
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 60,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 0,
            "output_tokens": 10,
        },
    }


def responses(number, text, calls):
    output = [
        {
            "type": "reasoning",
            "id": f"rs_{number}",
            "summary": [{"type": "summary_text", "text": f"thought {number} ✓"}],
            "encrypted_content": SIGNATURE,
        }
    ]
    if text:
        part = {
            "type": "output_text",
            "text": text,
            "annotations": [],
            "logprobs": [{"token": "a", "logprob": -0.5, "bytes": [], "top_logprobs": []}],
        }
        output.append(
            {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant", "content": [part]}
        )
    output += [
        {
            "type": "function_call",
            "id": f"fc_{number}_{i}",
            "call_id": f"call_{number}_{i}",
            "name": n,
            "arguments": json.dumps(a),
            "status": "completed",
        }
        for i, (n, a) in enumerate(calls)
    ]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "output": output,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
            "output_tokens": 10,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 110,
        },
    }


def gemini(number, text, calls):
    parts = [{"text": f"thought {number} ✓", "thought": True}]
    parts += [{"text": text}] if text else []
    parts += [
        {
            "functionCall": {"name": n, "args": a, **({"id": f"id{number}{i}"} if number % 2 else {})},
            "thoughtSignature": SIGNATURE,
        }
        for i, (n, a) in enumerate(calls)
    ]
    return {
        "candidates": [
            {
                "content": {"parts": parts, "role": "model"},
                "finishReason": "STOP",
                "index": 0,
                "logprobsResult": {"chosenCandidates": [{"token": "a", "tokenId": 7, "logProbability": -0.5}]},
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 100,
            "candidatesTokenCount": 7,
            "thoughtsTokenCount": 3,
            "cachedContentTokenCount": 40,
            "totalTokenCount": 110,
        },
        "modelVersion": "m-1",
        "responseId": "r",
    }


ANSWERS = {"chat": chat, "anthropic": anthropic, "responses": responses, "gemini": gemini}


class Server:
    """What the server does, and what it saw.

    Attributes:
        script: Text and calls of the n-th reply of a conversation.
        faults: Fault of each request in turn; None or the list's end is a good answer.
        delay: Seconds an answer takes.
        seen: Kind, body and key of each request.
        busy: How many requests were under way as each one came, itself included.
    """

    def __init__(self, script, faults=(), delay=0.0, always=None):
        self.script, self.faults, self.delay, self.always = script, list(faults), delay, always
        self.seen, self.busy, self.under_way = [], [], 0
        self.lock = threading.Lock()
        self.stop = threading.Event()

    def begin(self, kind, body, key):
        with self.lock:
            self.seen.append((kind, body, key))
            self.under_way += 1
            self.busy.append(self.under_way)
            return self.faults.pop(0) if self.faults else self.always

    def end(self):
        with self.lock:
            self.under_way -= 1

    @property
    def bodies(self):
        return [body for _, body, _ in self.seen]


def kind_of(path):
    return next(kind for kind, end in PATHS.items() if path.endswith(end))


@contextmanager
def serving(script, **options):
    """Serve on loopback; gives the server and its URL without a path."""
    state = Server(script, **options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *args):
            pass

        def send(self, status, body, headers=(), length=None):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            key = key or self.headers.get("x-api-key") or self.headers.get("x-goog-api-key")
            kind = kind_of(self.path.partition("?")[0])
            fault = state.begin(kind, raw, key)
            try:
                if state.delay:
                    time.sleep(state.delay)
                self.answer(kind, raw, fault, key)
            except OSError:
                self.close_connection = True
            finally:
                state.end()

        def answer(self, kind, raw, fault, key):
            body = json.loads(raw)
            number = replies_before(kind, body)
            text, calls = state.script[min(number, len(state.script) - 1)]
            good = json.dumps(ANSWERS[kind](number, text, calls)).encode()
            if fault is None:
                self.send(200, good)
            elif fault in FAULTS:
                FAULTS[fault](self, good, key, state)
            else:
                raise AssertionError(fault)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.request_queue_size = 256
    server.socket.listen(256)
    server.handle_error = lambda *args: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}"
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _refuse(status, headers=(), text="no, {key}"):
    def answer(handler, good, key, state):
        handler.send(status, json.dumps({"error": {"message": text.format(key=key)}}).encode(), headers)

    return answer


def _cut(handler, good, key, state):
    handler.send(200, good[:-20], length=len(good))
    handler.close_connection = True


def _drop(handler, good, key, state):
    handler.close_connection = True


def _hang(handler, good, key, state):
    state.stop.wait(20)
    handler.close_connection = True


def _trickle(handler, good, key, state):
    """A byte now and then, so that no pause is ever long."""
    handler.send(200, b"", length=10_000)
    for _ in range(200):
        if state.stop.wait(0.05):
            break
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.close_connection = True


def _huge(handler, good, key, state):
    size = 100 * 1024 * 1024
    handler.send(200, b"", length=size)
    for _ in range(size // 2**20):
        handler.wfile.write(b" " * 2**20)


@cache
def _packed():
    """100 MB in 100 KB."""
    return gzip.compress(b" " * (100 * 1024 * 1024), 1)


def _bomb(handler, good, key, state):
    handler.send(200, _packed(), [("Content-Encoding", "gzip")])


def _body(text):
    def answer(handler, good, key, state):
        handler.send(200, text.format(key=key).encode() if isinstance(text, str) else text)

    return answer


EMPTY = json.dumps(
    {
        "choices": [],
        "content": None,
        "output": None,
        "candidates": [],
        "type": "message",
        "role": "assistant",
        "status": "completed",
    }
)


def _told_in_a_header(handler, good, key, state):
    handler.send(500, b"{}", [("X-Seen", f"your key is {key}")])


FAULTS = {
    "header": _told_in_a_header,
    "429": _refuse(429),
    "429 wait": _refuse(429, [("Retry-After", "0")]),
    "429 long": _refuse(429, [("Retry-After", "86400")]),
    "500": _refuse(500),
    "503": _refuse(503, [("Retry-After", "0.001")]),
    "529": _refuse(529),
    "400": _refuse(400),
    "401": _refuse(401),
    "broke": _refuse(429, text="insufficient_quota: pay first, {key}"),
    "context": _refuse(400, text="prompt is too long: 9 tokens > 8 maximum context length"),
    "cut": _cut,
    "drop": _drop,
    "hang": _hang,
    "trickle": _trickle,
    "huge": _huge,
    "bomb": _bomb,
    "no json": _body("<html>{key}</html>"),
    "list": _body("[]"),
    "null": _body("null"),
    "number": _body("7"),
    "nested": _body(b"[" * 200_000),
    "not utf-8": _body(b'{"choices": "\xff\xfe"}'),
    "empty": _body(b""),
    "no choices": _body(EMPTY.replace("{", "{{").replace("}", "}}")),
    "wrong types": _body(
        b'{"choices": [{"message": 3}], "content": [3], "type": "message", "role": "assistant", "output": [3], '
        b'"status": "completed", "candidates": [3]}'
    ),
    "error object": _body(b'{"error": {"message": "overloaded", "code": 502}}'),
}
"""Ways to misbehave, by name."""

TRANSIENT = [name for name in FAULTS if name not in ("429 long", "400", "401", "broke", "context", "hang", "trickle")]
"""Those after which another try is worth it, and which take no time."""
