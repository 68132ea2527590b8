"""Faults of containers, engines, servers and disks: infrastructure errors, never scores; what comes after works; nothing is left."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import docker
import gymnasium as gym
import httpx
import pytest

import medenv  # noqa: F401 - registers the environments
from medenv.agents import load
from medenv.episode import Benchmark
from medenv.fhir import BackendError
from medenv.fhir.container import ContainerBackend, Engine, Spec
from medenv.fhir.container.backend import OPTIONS
from medenv.fhir.embedded import DEFAULT_BASE
from medenv.tasks import load_split
from medenv.trajectories import Status
from tests.fhir.backends import served
from tests.fhir.containers import (
    IMAGE,
    OWN_IMAGE,
    collect,
    left,
    needs_image,
    needs_own_image,
    resource,
)
from tests.fhir.remote.scripted_server import misbehaving

QUICK = {"timeout": 1.0, "connect_timeout": 1.0, "retries": 0}


def played(benchmark, happens, after=lambda: None):
    """Two episodes: something happens in the first, which the agent then goes on with; its cause is gone before the second."""
    one, two = (benchmark.tasks.task(f"task9_{n}") for n in (1, 2))
    episode = benchmark.start(one)
    episode.step(f"GET {episode.session.base}/Patient?identifier={one.mrn}")
    order = resource("MedicationRequest", one.mrn)
    assert episode.step(f"POST {episode.session.base}/MedicationRequest\n{json.dumps(order)}").response.status == 201
    happens()
    with pytest.raises(BackendError):
        episode.step(f"GET {episode.session.base}/Observation?patient={one.mrn}")
    first = benchmark.finish(episode)
    after()
    (second,) = collect(benchmark, load("reference"), [two])
    return first, second


def expect_lost_then_played(first, second):
    assert first.status is Status.INFRASTRUCTURE_ERROR, first.error
    assert first.verdict is None
    assert first.error
    assert second.status is Status.COMPLETED, second.error
    assert second.verdict["score"] == 1.0


@needs_own_image
def test_a_container_killed_in_an_episode():
    with Benchmark("test", backend="container", backend_options={"image": OWN_IMAGE, "reuse": False}) as benchmark:
        expect_lost_then_played(*played(benchmark, lambda: benchmark.backend._units[0].container.kill()))
    assert not left()


@needs_own_image
def test_a_container_frozen_in_an_episode(monkeypatch):
    monkeypatch.setattr("medenv.fhir.container.backend.OPTIONS", replace(OPTIONS, timeout=2.0, retries=0))
    with Benchmark("test", backend="container", backend_options={"image": OWN_IMAGE, "reuse": False}) as benchmark:
        expect_lost_then_played(*played(benchmark, lambda: benchmark.backend._units[0].container.pause()))
    assert not left()


@needs_own_image
def test_an_environment_raises_and_goes_on():
    env = gym.make(
        "MedAgentBench-Task9-v0", backend="container", image=OWN_IMAGE, backend_options={"reuse": False}
    ).unwrapped
    try:
        env.reset(seed=0)
        env.benchmark.backend._units[0].container.kill()
        with pytest.raises(BackendError):
            env.step("GET Patient?_count=1")
        env.reset(seed=0)
        assert env.step("GET Patient?_count=1")[4]["response_status"] == 200
    finally:
        env.close()
    assert not left()


@contextlib.contextmanager
def engine_of_our_own(folder):
    """A Docker engine that may be stopped, with its own bridge; gives functions that start and stop it."""
    if os.geteuid() or shutil.which("dockerd") is None:
        pytest.skip("starting an engine of one's own takes root and dockerd")
    outer = docker.from_env()
    pool = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="172.31.251.0/24")])
    bridge = f"mdv{os.getpid()}"
    network = outer.networks.create(
        f"medenv-test-{os.getpid()}", ipam=pool, options={"com.docker.network.bridge.name": bridge}
    )
    host, running = f"unix://{folder}/socket", []
    command = ["dockerd", "--host", host, "--bridge", bridge, "--iptables=false"]
    command += [f"--{name}={folder}/{name}" for name in ("data-root", "exec-root", "pidfile")]

    def start():
        with open(f"{folder}/log", "ab") as log:
            running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for _ in range(120):
            with contextlib.suppress(docker.errors.DockerException):
                docker.DockerClient(host, timeout=5).ping()
                return
            time.sleep(0.25)
        pytest.fail(f"the engine did not start: {(folder / 'log').read_text()[-1000:]}")

    def stop():
        running[-1].terminate()
        running[-1].wait(60)

    start()
    try:
        inner = docker.DockerClient(host, timeout=120)
        inner.images.load(outer.images.get(OWN_IMAGE).save(named=True))
        yield host, start, stop
    finally:
        if running[-1].poll() is None:
            stop()
        network.remove()
        outer.close()
        shutil.rmtree(folder, ignore_errors=True)


@needs_own_image
def test_the_engine_stopped_in_an_episode(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("engine")
    with engine_of_our_own(folder) as (host, start, stop):
        monkeypatch.setenv("DOCKER_HOST", host)
        with Benchmark("test", backend="container", backend_options={"image": OWN_IMAGE, "reuse": False}) as benchmark:
            (before,) = collect(benchmark, load("reference"), [benchmark.tasks.task("task9_3")])
            assert before.verdict["score"] == 1.0
            first, second = played(benchmark, stop, lambda: expect_absent(benchmark, start))
            expect_lost_then_played(first, second)
        assert not left()


def expect_absent(benchmark, start):
    """While the engine is away episodes can't begin; then it is started."""
    (lost,) = collect(benchmark, load("reference"), [benchmark.tasks.task("task9_1")])
    assert lost.status is Status.INFRASTRUCTURE_ERROR
    assert lost.verdict is None
    assert "Docker engine does not answer" in lost.error
    start()


@pytest.mark.parametrize("fault", [(500, "<html>"), (503, ""), "hang", "reset"])
def test_a_server_that_fails_in_an_episode(fault, builtin_file):
    with served(data=builtin_file) as url, misbehaving() as server, httpx.Client() as through:

        def forward(method, target):
            _, _, headers, body = server.asked[-1]
            kept = {k: v for k, v in headers.items() if k in ("content-type", "cache-control", "prefer")}
            answer = through.request(method, url.removesuffix("/fhir") + target, content=body or None, headers=kept)
            return answer.status_code, answer.text.replace(url, server.url)

        server.answer = forward
        options = {"url": server.url, "base": DEFAULT_BASE, **QUICK}
        with Benchmark("builtin", backend="remote", backend_options=options) as benchmark:

            def breaks():
                server.answer = lambda method, target: fault

            def recovers():
                server.answer = forward

            expect_lost_then_played(*played(benchmark, breaks, recovers))


@pytest.fixture(scope="module")
def builtin_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("charts") / "builtin.ndjson"
    with file.open("w") as out:
        load_split("builtin").charts.export(out)
    return file


@needs_image
def test_a_full_disk_under_the_server():
    """The database lies on a small file system; the agent writes until it is full."""
    patients = [{"resourceType": "Patient", "id": "S1", "gender": "male"}]
    spec = Spec(image=IMAGE, command=["--port", "8080", "--db", "/db/h2"], tmpfs={"/db": "size=16m,mode=1777"})
    with ContainerBackend(spec, resources=lambda: patients, reuse=False) as backend:
        session = backend.open()
        large = json.dumps(resource("Observation", "S1") | {"note": [{"text": os.urandom(400_000).hex()}]})
        with pytest.raises(BackendError):
            write_on(session, large)
        session.close()
        with backend.open() as session:
            assert session.get("Patient/S1").ok
            assert json.loads(session.get("Observation?_summary=count").body)["total"] == 0
            assert session.post("Observation", json.dumps(resource("Observation", "S1"))).ok
    assert not left()


def write_on(session, payload):
    for _ in range(60):
        assert session.post("Observation", payload).ok


@needs_own_image
def test_a_taken_port_is_told_and_nothing_is_left():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        options = {"image": OWN_IMAGE, "port": port, "reuse": False}
        with Benchmark("test", backend="container", backend_options=options) as benchmark:
            (lost,) = collect(benchmark, load("reference"), [benchmark.tasks.task("task9_1")])
            assert (lost.status, lost.verdict) == (Status.INFRASTRUCTURE_ERROR, None)
            assert "choose another port" in lost.error
            assert not left()
            holder.close()
            (played_,) = collect(benchmark, load("reference"), [benchmark.tasks.task("task9_1")])
            assert played_.verdict["score"] == 1.0
    assert not left()


@needs_own_image
def test_a_server_that_does_not_come_up_shows_its_log():
    backend = ContainerBackend(Spec(image=OWN_IMAGE, command=["--nonsense"], deadline=60), reuse=False)
    with pytest.raises(BackendError, match="its log"):
        backend.open()
    assert not left()


@needs_own_image
def test_what_a_killed_run_left_is_removed():
    script = (
        "import os, signal\nfrom medenv.fhir.container import *\n"
        f"backend = ContainerBackend(Spec(image={OWN_IMAGE!r}), reuse=False)\nbackend.open()\n"
        "print(backend._units[0].container.id, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout
    Engine().sweep()
    assert killed.stdout.strip() not in [one.id for one in Engine().all()]


@pytest.mark.skipif(not (IMAGE or OWN_IMAGE), reason="neither MEDENV_TEST_IMAGE nor MEDENV_TEST_OWN_IMAGE is set")
def test_an_absent_image_is_told():
    with Benchmark("test", backend="container", backend_options={"image": "medenv-no-such-image:0"}) as benchmark:
        (lost,) = collect(benchmark, load("reference"), [benchmark.tasks.task("task9_1")])
    assert (lost.status, lost.verdict) == (Status.INFRASTRUCTURE_ERROR, None)
    assert "neither here nor to be had" in lost.error


def test_an_absent_engine_is_told(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    backend = ContainerBackend(Spec(image="any"))
    with pytest.raises(BackendError, match="Docker engine does not answer"):
        backend.open()
    backend.close()
