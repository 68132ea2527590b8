"""A scripted OpenAI-compatible server over real HTTP, which can misbehave on purpose.

It answers as the reference solution would, rebuilt from the conversation alone, so a run without wrong scores is a perfect one.
"""

import json
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from medenv.tasks import load_split, task_type

KEY = "sk-test-0123456789abcdef"


@cache
def _tasks():
    return {f"{t.context or '(none)'}\n\nTask: {t.instruction}": t for t in load_split("builtin")}


def solve(messages):
    """The reference solution's next text, from a conversation whose prompt ends with the task's words."""
    task = _tasks()[messages[0]["content"].rpartition("\n\nContext: ")[2]]
    steps = task_type(task.type).solve(task)
    text = next(steps)
    for said, seen in zip(messages[1::2], messages[2::2], strict=True):
        assert said["content"] == text
        text = steps.send(seen["content"])
    return text


class Faults:
    """Which fault, if any, the n-th request meets."""

    def __init__(self, every=0, kinds=("429", "500", "cut")):
        self.every, self.kinds, self.count, self.lock = every, kinds, 0, threading.Lock()
        self.served = {}

    def next(self):
        with self.lock:
            self.count += 1
            kind = (
                self.kinds[(self.count // self.every) % len(self.kinds)]
                if self.every and self.count % self.every == 0
                else None
            )
            self.served[kind] = self.served.get(kind, 0) + 1
            return kind


def completion(text):
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


@contextmanager
def serving(reply=solve, faults=None):
    """Serve on loopback; gives the base URL and the list of request bodies."""
    faults = faults or Faults()
    seen = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def send(self, status, body, length=None, headers=()):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(length or len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body)
            kind = faults.next()
            key = self.headers.get("Authorization", "")
            if kind == "429":
                self.send(429, b'{"error": "slow down"}', headers=[("Retry-After", "0")])
            elif kind in ("500", "400", "401"):
                self.send(int(kind), json.dumps({"error": f"refused {key}"}).encode())
            elif kind == "context":
                self.send(400, b'{"error": {"message": "This model\'s maximum context length is 10 tokens"}}')
            elif kind == "cut":
                whole = json.dumps(completion("FINISH([])")).encode()
                self.send(200, whole[:-20], length=len(whole))
                self.close_connection = True
            elif kind == "no choices":
                self.send(200, b'{"choices": []}')
            elif kind == "no json":
                self.send(200, b"<html>")
            elif kind == "huge":
                self.send(200, b" " * (17 * 1024 * 1024))
            elif kind == "drop":
                self.close_connection = True
            elif kind == "null":
                self.send(200, json.dumps(completion(None)).encode())
            else:
                self.send(200, json.dumps(completion(reply(body["messages"]))).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
