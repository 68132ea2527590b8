"""A loopback server that lists models as each provider's API does, and knows one key."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-good-0123456789abcdef"


@contextmanager
def listing(models, release=None):
    """Serve; gives the root URL and the list of (path, headers) that were asked. A POST is answered as a chat that ends at once.

    ``/v1`` speaks as OpenAI, ``/public`` as OpenRouter (the list is public, ``key`` is not), ``/bare`` as Together, and the root
    as Anthropic (``/v1/models`` with x-api-key) or Google (``/v1beta/models``). ``/html``, ``/404`` and ``/500`` answer badly, and
    ``/slow`` waits for `release`.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            path = self.path.partition("?")[0]
            asked.append((path, dict(self.headers)))
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            given = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or given
            rows = [{"id": one} for one in models]
            if path == "/slow/models":
                release.wait(60)
                self.send(200, {"data": rows})
            elif path == "/html/models":
                self.send(200, "<html>")
            elif path in ("/404/models", "/500/models"):
                self.send(int(path[1:4]), {"error": f"no, {given}"})
            elif path == "/public/models":
                self.send(200, {"data": rows})
            elif path == "/v1beta/models" and given != KEY:
                self.send(400, {"error": {"details": [{"reason": "API_KEY_INVALID"}]}})
            elif given != KEY:
                self.send(401, {"error": f"bad key {given}"})
            elif path == "/v1beta/models":
                self.send(200, {"models": [{"name": f"models/{one}"} for one in models]})
            elif path == "/bare/models":
                self.send(200, rows)
            else:
                self.send(200, {"data": rows})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, {**self.headers, "model": body["model"]}))
            message = {"role": "assistant", "content": "FINISH([])"}
            usage = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.send(200, {"choices": [choice], "usage": usage})

        def send(self, status, body):
            content = json.dumps(body).encode() if not isinstance(body, str) else body.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # whoever asked may have left
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
