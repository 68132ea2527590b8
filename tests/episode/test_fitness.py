"""``medenv check-server``: a fit server is called fit, and of every other it is said what is wrong with it."""

import json
import socket

import pytest
from typer.testing import CliRunner

from medenv.cli import app
from medenv.ehr.chartset import lines
from medenv.episode import BenchmarkConfig
from medenv.episode.fitness import check_server
from medenv.errors import InputError
from medenv.fhir import Response
from medenv.tasks import load_split
from tests.episode.twisted import twisted, without
from tests.fhir.backends import served
from tests.protocol.checkouts import write_checkout

ALL = ["answers", "version", "patients", "records", "results", "searches", "writes"]
ROW = {"instruction": "What is it?", "context": "It's 2023-11-13T10:15:00+00:00 now."}
ROWS = [{"id": f"task{n}_1", "eval_MRN": mrn, **ROW} for n, mrn in ((2, "S1"), (7, "S2"))]
PEOPLE = [
    {
        "resourceType": "Patient",
        "id": f"S{n}",
        "identifier": [{"value": f"S{n}"}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": f"1950-01-0{n}",
    }
    for n, given, family in ((1, "Ada", "Stone"), (2, "Bo", "Rivers"))
]
GLUCOSE = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/S2"}}
RESULTS = [
    {
        **GLUCOSE,
        "id": str(n),
        "code": {"coding": [{"code": code}]},
        "effectiveDateTime": f"2023-11-1{n % 10}T10:00:00+00:00",
    }
    for n, code in ((13, "GLU"), (11, "GLU"), (12, "GLU"), (14, "NA"))
]
SOMEBODY = [*PEOPLE, *RESULTS]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return write_checkout(tmp_path_factory.mktemp("official") / "checkout", ROWS)


@pytest.fixture
def look(checkout):
    def look(url, *, write=False):
        return check_server(
            BenchmarkConfig(split="official", official=checkout, backend="remote", url=url), write=write
        )

    return look


def command(*arguments):
    return CliRunner().invoke(app, ["check-server", *map(str, arguments)])


def unfit(found):
    return {one.name: one.faults for one in found.findings if not one.fit}


@pytest.fixture(scope="module")
def charts():
    return list(lines(load_split("builtin").charts.open()))


@pytest.fixture
def serve(tmp_path):
    def serve(resources, *options):
        file = tmp_path / "charts.ndjson"
        file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in resources))
        return served(*options, data=file)

    return serve


def test_medenvs_own_server_is_fit(charts, serve):
    with serve(charts) as url:
        done = command(url, "--split", "builtin", "--write", "--json")
        assert done.exit_code == 0, done.output
        said = json.loads(done.stdout)
    assert said["fit"] is True
    assert [one["name"] for one in said["findings"]] == ALL
    assert said["findings"][-1]["detail"] == "3 resources written, undone again"


def test_a_fit_server_in_words(serve, checkout):
    with serve(SOMEBODY) as url:
        shown = command(url, "--split", "official", "--official", checkout)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[-1] == f"{url}: fit for the split official"
    assert "writes" not in shown.stdout, "nothing is written unless it is asked for"


def test_a_session_of_its_own_where_the_server_keeps_them_apart(serve, look):
    with serve(SOMEBODY, "--isolate", "--max-sessions", "1") as url:
        for _ in range(2):  # the first one's session is gone again, or there were no room for the second
            found = look(url.replace("/fhir", "/s/{session}/fhir"))
            assert found.fit, unfit(found)


def test_a_server_that_lacks_something(charts, serve):
    split = load_split("builtin")
    task, other = (next(one for one in split.of_type(4) if one.branch == "present"), split.of_type(7)[0])
    kept = [line for line in charts if f'"id":"{task.mrn}"' not in line and f"Patient/{task.mrn}" not in line]
    gone = next(line for line in kept if '"resourceType":"Condition"' in line)
    kept.remove(gone)
    at = next(n for n, one in enumerate(kept) if f"Patient/{other.mrn}" in one and '"code":"GLU"' in one)
    kept[at] = kept[at].replace('"valueQuantity":{"value":', '"valueQuantity":{"value":1', 1)
    with serve(kept) as url:
        done = command(url, "--split", "builtin", "--json")
    assert done.exit_code == 1
    found = {one["name"]: one["faults"] for one in json.loads(done.stdout)["findings"] if not one["fit"]}
    assert set(found) == {"patients", "records", "results"}
    assert f"Patient/{task.mrn} is missing" in found["patients"]
    assert any(fault.startswith(f"Patient/{task.mrn} lacks ") for fault in found["records"])
    lacking = f"{json.loads(gone)['subject']['reference']} lacks 1 of "
    assert [fault for fault in found["records"] if fault.startswith(lacking) and fault.endswith(" Condition")]
    assert any(fault.startswith(f"{task.id}: GET Observation?") for fault in found["results"])
    assert any(fault.startswith(f"{other.id}: ") and fault.endswith("finds others") for fault in found["results"])


def test_official_rows_name_whom_they_need(look):
    for resources, lacking in (
        ([], {"patients", "searches", "writes"}),
        (PEOPLE, {"searches"}),
        (PEOPLE[:1], {"patients", "searches"}),
    ):
        with twisted(resources) as url:
            assert set(unfit(look(url, write=True))) == lacking


SEARCHES = [
    "code",
    "date",
    "_sort",
    "_count",
    "identifier",
    "name",
    "family",
    "given",
    "birthdate",
    "patient",
    "category",
]


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("refuse", [True, False])
def test_a_server_that_does_not_do_a_search(look, name, refuse):
    with twisted(SOMEBODY, without(name, refuse=refuse)) as url:
        faults = unfit(look(url))["searches"]
    mine = [fault for fault in faults if fault.startswith(f"{name}: ")]
    assert mine, faults
    assert all("is refused with status 400" in fault for fault in mine) or not refuse


def test_a_server_that_cuts_lists(look):
    with twisted(SOMEBODY, lambda ask, method, url: ask(method, url.replace("_count=5000", "_count=2"))) as url:
        (fault,) = unfit(look(url))["results"]
    assert "is cut after 2 matches" in fault


def test_a_server_whose_pages_lead_nowhere(look):
    def twist(ask, method, url):
        return Response(410, "{}") if "_getpages" in url else ask(method, url)

    with twisted(SOMEBODY, twist) as url:
        faults = unfit(look(url))["searches"]
    assert any(fault.startswith("_count: ") for fault in faults)


def test_a_server_that_takes_no_writes(look):
    def twist(ask, method, url):
        return ask(method, url) if method == "GET" else Response(405, "no")

    with twisted(SOMEBODY, twist) as url:
        assert look(url).fit, "which nobody asked"
        faults = unfit(look(url, write=True))["writes"]
    assert len(faults) == 3
    assert all("is refused with status 405" in fault for fault in faults)


def test_a_server_that_undoes_nothing_says_what_is_left(look):
    def twist(ask, method, url):
        if method == "DELETE" or (method == "POST" and url in ("", "/")):
            return Response(405, json.dumps({"resourceType": "OperationOutcome"}))
        return ask(method, url)

    with twisted(SOMEBODY, twist) as url:
        found = look(url, write=True)
    faults = unfit(found)["writes"]
    left = [fault for fault in faults if fault.endswith("is left on the server; delete it yourself")]
    assert [fault.partition("/")[0] for fault in left] == ["Observation", "MedicationRequest", "ServiceRequest"]
    assert found.findings[-1].detail == "3 resources written, 3 of them left"


def test_a_dead_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        done = command(f"http://127.0.0.1:{held.getsockname()[1]}/fhir")
    assert done.exit_code == 1
    assert "did not answer" in done.stdout
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(200, "<html>hello</html>"), "is no FHIR server"),
        (Response(200, '{"resourceType": "Patient"}'), "is no FHIR server"),
        (Response(404, "not here"), "is no FHIR server"),
        (Response(200, "[]"), "is no FHIR server"),
        (Response(401, "who?"), "MEDENV_FHIR_TOKEN"),
        (Response(200, '{"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}'), "it speaks FHIR 3.0.2"),
    ],
)
def test_something_else(answer, words):
    asked = []

    def twist(ask, method, url):
        asked.append(url)
        return answer

    with twisted([], twist) as url:
        done = command(url, "--write", "--json")
    assert done.exit_code == 1
    assert words in " ".join(json.loads(done.stdout)["findings"][-1]["faults"])
    assert asked == ["metadata"], "nothing more is asked"


def test_a_server_that_dies_meanwhile(look):
    asked = []

    def twist(ask, method, url):
        asked.append(url)
        return ask(method, url) if len(asked) < 10 else Response(503, "gone")

    with twisted(SOMEBODY, twist) as url:
        found = look(url)
    assert not found.fit
    assert "stopped to answer" in found.findings[-1].detail


def test_a_server_that_fails_at_one_kind_of_request(look):
    def twist(ask, method, url):
        return Response(500, "<html>oops</html>") if "_sort" in url else ask(method, url)

    with twisted(SOMEBODY, twist) as url:
        found = look(url)
    assert set(unfit(found)) == {"searches"}
    assert all(fault.startswith("_sort: ") and "oops" in fault for fault in unfit(found)["searches"])


def test_mistakes_of_the_user():
    with pytest.raises(InputError, match="only the embedded server can add"):
        check_server(BenchmarkConfig(split="train", backend="remote", url="http://127.0.0.1:1/fhir"))
    for arguments in (("ftp://x",), ("http://127.0.0.1:1/fhir", "--split", "tset")):
        done = command(*arguments)
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1
