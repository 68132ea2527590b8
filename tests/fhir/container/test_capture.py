"""Containers captured into a file that answers as they do. MEDENV_TEST_SAMPLES says how many requests are put to both."""

import os

from typer.testing import CliRunner

from medenv.cli import app
from medenv.episode import Benchmark
from medenv.fhir.container import ContainerBackend, Spec
from tests.fhir.containers import IMAGE, OWN_IMAGE, needs_image, needs_own_image
from tests.fhir.live.sampling import compare

SAMPLES = int(os.environ.get("MEDENV_TEST_SAMPLES", "300"))


def captured(url, folder, figures):
    file = folder / "charts.ndjson"
    result = CliRunner().invoke(app, ["capture", url, "-o", str(file)])
    assert result.exit_code == 0, result.output
    assert "100 read again and equal" in result.output
    verdicts, different = compare(url, file, folder, SAMPLES)
    figures(f"captured {url.partition('//')[2]}: {verdicts.total()} asked, {dict(verdicts)}")
    assert different == []
    assert verdicts["equal"] + verdicts["order"] >= 0.99 * SAMPLES, "all but what timed out"
    return verdicts


@needs_image
def test_a_captured_hapi_answers_as_it_does(shared_container, tmp_path, figures):
    with Benchmark("test", backend="container", backend_options={"image": IMAGE}) as benchmark:
        benchmark.backend.open().close()
    verdicts = captured(shared_container, tmp_path, figures)
    assert verdicts["equal"] >= 0.85 * SAMPLES


@needs_own_image
def test_a_captured_server_of_our_own_answers_as_it_does(tmp_path, figures):
    with ContainerBackend(Spec(image=OWN_IMAGE), reuse=False) as backend, backend.open() as session:
        verdicts = captured(session.client.wire, tmp_path, figures)
    assert verdicts["equal"] == SAMPLES
