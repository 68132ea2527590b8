"""A served hospital of 100,000 records captured: killed on the way, gone on with, and 2,000 requests answered as the server does."""

import hashlib
import re
import signal
import subprocess
import sys
import time

from typer.testing import CliRunner

from medenv.cli import app
from medenv.fhir.remote import Client
from medenv.fhir.remote import capture as capturing
from tests.fhir.backends import served
from tests.fhir.live.sampling import compare

CHARTS = 1000
SAMPLES = 2000


def test_a_large_capture_killed_and_gone_on_with(tmp_path, monkeypatch):
    hospital, file = tmp_path / "hospital.ndjson", tmp_path / "captured.ndjson"
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(tmp_path))
    export = ["data", "export", "--split", "train", "--charts", str(CHARTS), "--out", str(hospital)]
    assert CliRunner().invoke(app, export).exit_code == 0
    with served(data=hospital) as url:
        parts = tmp_path / "captured.ndjson.parts"
        command = [sys.executable, "-m", "medenv", "capture", url, "-o", str(file)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and len(list(parts.glob("*.ndjson"))) < CHARTS:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not file.exists()
        done, asked = {one.name for one in parts.glob("*.ndjson")}, []
        assert len(done) >= CHARTS
        client = Client(url)
        send = client.json

        def noted(target):
            asked.append(target)
            return send(target)

        monkeypatch.setattr(client, "json", noted)
        found = capturing.capture(client, file)
        client.close()
        searches = [re.match(r"(\w+)\?patient=(\w+)&", one) for one in asked]
        again = {f"{one[1]}-{hashlib.sha256(one[2].encode()).hexdigest()[:16]}.ndjson" for one in searches if one}
        assert len(again) > CHARTS
        assert not again & done, "what was done is not asked again"
        assert sum(found.counts.values()) >= 90_000
        assert file.read_bytes() == hospital.read_bytes()
        assert not parts.exists()
        verdicts, different = compare(url, file, tmp_path, SAMPLES)
        assert different == []
        assert verdicts == {"equal": SAMPLES}
