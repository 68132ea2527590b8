"""The Docker engine as medenv uses it: pulling, starting, waiting until a server answers, logs on failure, and cleaning up.

Every container carries labels that say whose it is; one whose process has died is removed by the next that starts one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from medenv.fhir.backend import BackendError

__all__ = ["KEPT", "OFFICIAL_IMAGE", "OWNER", "Engine", "Spec", "health", "owner", "owner_is_gone"]

OFFICIAL_IMAGE = "jyxsu6/medagentbench:latest"
"""The image that MedAgentBench's README names."""

OWNER = "io.medenv.owner"
"""Label: host and process that started the container, and when that process began."""

KEPT = "io.medenv.kept"
"""Label: the name under which the user keeps the container (``medenv container up``); it outlives the process."""

_LOG_LINES = 25
_PAUSE = 0.5
"""Seconds between two looks at whether a server answers."""


@dataclass(frozen=True)
class Spec:
    """What to start.

    Attributes:
        image: The image's name.
        command: Arguments instead of the image's own.
        environment: Environment variables.
        data: A file or folder of this machine that the container sees, read-only, at `data_path`.
        data_path: Where it sees it.
        tmpfs: Folders of the container that are kept in memory, with mount options: ``{"/db": "size=1g"}``.
        base_path: The path of the server's base URL.
        inner_port: The port that the server listens on in the container.
        port: The port on loopback that leads there; None for a free one.
        deadline: Seconds that the server has to answer. The official image takes about 90.
    """

    image: str = OFFICIAL_IMAGE
    command: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    data: str | Path | None = None
    data_path: str = "/data"
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    base_path: str = "/fhir"
    inner_port: int = 8080
    port: int | None = None
    deadline: float = 300.0


class Engine:
    """The engine that ``DOCKER_HOST`` or the Docker context's default names.

    Args:
        progress: Told in a line what takes time: pulling, starting.
    """

    def __init__(self, progress: Callable[[str], None] = lambda line: None) -> None:
        self._progress = progress
        self._made: docker.DockerClient | None = None

    @property
    def _docker(self) -> Any:
        if self._made is None:
            self._made = docker.from_env(timeout=60)
        return self._made

    def need(self, image: str) -> None:
        """Have an image, pulling it if it isn't there.

        Raises:
            BackendError: There is no engine, or no such image.
        """
        with _explained(image):
            try:
                self._docker.images.get(image)
                return
            except ImageNotFound:
                self._progress(f"pulling {image}")
            repository, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
            try:
                self._pull(repository, tag)
                self._docker.images.get(image)
            except (APIError, DockerException) as error:
                raise BackendError(
                    f"the image {image!r} is neither here nor to be had ({_short(error)}); check its name, or load it with docker load"
                ) from None

    def _pull(self, repository: str, tag: str) -> None:
        layers: dict[str, tuple[int, int]] = {}
        told = 0.0
        for event in self._docker.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise DockerException(str(event["error"]))
            detail = event.get("progressDetail") or {}
            if detail.get("total") and event.get("id"):
                layers[event["id"]] = (detail.get("current", 0), detail["total"])
            if layers and time.monotonic() - told > 1:
                told = time.monotonic()
                have, all_ = (sum(pair[n] for pair in layers.values()) / 1e6 for n in (0, 1))
                self._progress(f"pulling {repository}:{tag}: {have:.0f} of {all_:.0f} MB")

    def start(self, spec: Spec, kept: str | None = None) -> Any:
        """Start a container and wait until its server answers; one that doesn't is removed.

        Args:
            spec: What to start.
            kept: The name under which the user keeps it; None for one that goes with this process.

        Returns:
            The container.

        Raises:
            BackendError: It can't be started, ends, or doesn't answer in time; its last log lines are quoted.
        """
        self.sweep()
        self.need(spec.image)
        labels = {OWNER: owner(), **({KEPT: kept} if kept else {})}
        volumes = {}
        if spec.data is not None:
            source = Path(spec.data).expanduser().resolve()
            if not source.exists():
                raise BackendError(f"{str(spec.data)!r} is neither file nor folder; it was to be seen in the container")
            volumes[str(source)] = {"bind": spec.data_path, "mode": "ro"}
        self._progress(f"starting {spec.image}")
        container = None
        try:
            with _explained(spec.image):
                container = self._docker.containers.create(
                    spec.image,
                    list(spec.command) if spec.command is not None else None,
                    name=f"medenv-{kept}" if kept else None,
                    environment=dict(spec.environment),
                    labels=labels,
                    ports={f"{spec.inner_port}/tcp": ("127.0.0.1", spec.port)},
                    volumes=volumes,
                    tmpfs=dict(spec.tmpfs),
                )
                container.start()
            self.wait(container, spec)
        except BaseException:
            if container is not None:
                self.remove(container)
            raise
        return container

    def url(self, container: Any, spec: Spec) -> str:
        """Return the base URL by which a running container's server is reached.

        Raises:
            BackendError: It isn't running.
        """
        with _explained(spec.image):
            container.reload()
            found = container.ports.get(f"{spec.inner_port}/tcp")
        if container.status != "running" or not found:
            raise BackendError(
                f"container {container.name} of {spec.image} is {container.status}{self._logs(container)}"
            )
        return f"http://127.0.0.1:{found[0]['HostPort']}{spec.base_path}"

    def wait(self, container: Any, spec: Spec) -> None:
        """Wait until a container's server answers at its base."""
        end = time.monotonic() + spec.deadline
        while True:
            url = self.url(container, spec)
            try:
                status = httpx.get(f"{url}/metadata", timeout=min(60.0, spec.deadline), trust_env=False).status_code
                if status == 200:
                    return
                heard = f"GET {spec.base_path}/metadata gives {status}"
            except httpx.HTTPError as error:
                heard = f"{type(error).__name__}: {error}"
            if time.monotonic() > end:
                raise BackendError(
                    f"the server of {spec.image} was not ready after {spec.deadline:g} s ({heard}){self._logs(container)}"
                )
            time.sleep(_PAUSE)

    def _logs(self, container: Any) -> str:
        try:
            text = container.logs(tail=_LOG_LINES).decode("utf-8", "replace").strip()
        except (DockerException, requests.RequestException):
            return ""
        return f"; its log ends:\n{text}" if text else "; its log is empty"

    def alive(self, container: Any) -> bool:
        """Return whether a container is running, and healthy as far as its image tells."""
        try:
            container.reload()
        except (DockerException, requests.RequestException):
            return False
        return bool(container.status == "running") and health(container) != "unhealthy"

    def remove(self, container: Any) -> bool:
        """Remove a container with its volumes, running or not.

        Returns:
            Whether it is gone.
        """
        try:
            container.remove(force=True, v=True)
        except NotFound:
            return True
        except (DockerException, requests.RequestException):
            return False
        return True

    def all(self, kept: str | None = None) -> list[Any]:
        """Return the containers that medenv started.

        Args:
            kept: Only the one that is kept under this name.

        Raises:
            BackendError: There is no engine.
        """
        label = OWNER if kept is None else f"{KEPT}={kept}"
        with _explained("containers"):
            return list(self._docker.containers.list(all=True, filters={"label": label}, ignore_removed=True))

    def sweep(self) -> int:
        """Remove what killed processes of this machine left.

        Returns:
            How many containers were removed.
        """
        gone = [one for one in self.all() if KEPT not in one.labels and owner_is_gone(one.labels[OWNER])]
        return sum(self.remove(one) for one in gone)

    def close(self) -> None:
        """Close the connection to the engine."""
        if self._made is not None:
            self._made.close()
            self._made = None


def health(container: Any) -> str:
    """Return what an image's own health check last said of a container: ``healthy``, ``unhealthy``, ``starting``, or ``""`` without one."""
    return str(container.attrs.get("State", {}).get("Health", {}).get("Status", ""))


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what to do about what the engine says."""
    try:
        yield
    except BackendError:
        raise
    except APIError as error:
        text = _short(error)
        hint = ""
        if "already allocated" in text or "address already in use" in text:
            hint = "; choose another port, or leave it to the engine"
        elif "no space left" in text:
            hint = "; free some disk space (docker system prune)"
        elif "is already in use by container" in text:
            hint = "; it is up already: see medenv container status"
        raise BackendError(f"Docker refuses {what}: {text}{hint}") from None
    except (DockerException, requests.RequestException) as error:
        raise BackendError(
            f"the Docker engine does not answer ({_short(error)}); is it running, and does DOCKER_HOST name it?"
        ) from None


def _short(error: Exception) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return str(text).strip()[:400]


def owner() -> str:
    """Return this process, so that another can tell whether it still runs: host, number and time of its beginning."""
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())}"


def owner_is_gone(label: str) -> bool:
    """Return whether the process that a label names ran on this machine and runs no more."""
    host, number, began = [*label.split(" "), "", "", ""][:3]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return began != _began(int(number))  # the number was given to another process since


def _began(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
