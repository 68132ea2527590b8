"""Files of charts: those of a split play it, and any other is refused before the first episode, with what it lacks and the file's name."""

import json

import gymnasium as gym
import pytest

import medenv  # noqa: F401  registers the environments
from medenv.ehr.chartset import FingerprintError, check_fingerprint, lines
from medenv.episode import Benchmark
from medenv.fhir.store.fingerprint import PREFIX
from medenv.rollouts import Manifest, RunFolderError
from medenv.tasks import cohort_of, load_split
from tests.protocol.checkouts import write_checkout


@pytest.fixture(scope="module")
def builtin():
    return list(lines(load_split("builtin").charts.open()))


def written(folder, resources):
    file = folder / "charts.ndjson"
    file.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in resources))
    return file


def restamped(line):
    return line.replace('"versionId":"1"', '"versionId":"4"', 1).replace('"lastUpdated":"20', '"lastUpdated":"19', 1)


def test_a_copy_with_other_stamps_plays(builtin, tmp_path):
    copy = written(tmp_path, [restamped(line) for line in builtin])
    assert copy.read_text().splitlines() != builtin
    with Benchmark("builtin") as own, Benchmark("builtin", charts=copy) as other:
        assert own.backend.fingerprint == other.backend.fingerprint
        assert other.start(other.tasks[0]).step("GET Patient?_count=1").response.ok


def without_a_patient(resources):
    gone = next(one for one in map(json.loads, resources) if one["resourceType"] == "Patient")
    return [line for line in resources if json.loads(line)["id"] != gone["id"]], f"it lacks Patient/{gone['id']}."


def without_patients(resources):
    kept = [line for line in resources if '"resourceType":"Patient"' not in line]
    return kept, f" and {len(resources) - len(kept) - 1} other Patients."


def without_a_result(resources):
    gone = [line for line in resources if '"resourceType":"Observation"' in line][7]
    return [line for line in resources if line != gone], f"it lacks Observation/{json.loads(gone)['id']}."


def with_another_value(resources):
    at = next(n for n, line in enumerate(resources) if '"valueQuantity":{"value":' in line)
    other = resources[at].replace('"valueQuantity":{"value":', '"valueQuantity":{"value":1', 1)
    return [
        *resources[:at],
        other,
        *resources[at + 1 :],
    ], f"it says otherwise what Observation/{json.loads(other)['id']}"


def with_somebody_else(resources):
    return [*resources, {"resourceType": "Patient", "id": "S0"}], "it holds Patient/S0 besides"


def in_another_order(resources):
    return [*resources[1:2], *resources[:1], *resources[2:]], "stands in load order"


def nothing_of_it(resources):
    return [{"resourceType": "Patient", "id": "S0"}], "it lacks Patient/"


CHANGES = [
    without_a_patient,
    without_patients,
    without_a_result,
    with_another_value,
    with_somebody_else,
    in_another_order,
    nothing_of_it,
]


@pytest.mark.parametrize("change", CHANGES)
def test_other_charts_are_refused(builtin, tmp_path, change):
    resources, words = change(builtin)
    file = written(tmp_path, resources)
    for open_it in (
        lambda: Benchmark("builtin", charts=file),
        lambda: gym.make("MedAgentBench-v0", split="builtin", charts=str(file)).reset(seed=1),
    ):
        with pytest.raises(FingerprintError) as refused:
            open_it()
        assert words in str(refused.value)
        assert repr(str(file)) in str(refused.value)


def test_another_seed_has_other_charts(builtin, tmp_path):
    with pytest.raises(FingerprintError, match=r"it lacks Patient/.*data export --split builtin --seed 2"):
        Benchmark("builtin", charts=written(tmp_path, builtin), task_seed=2)


def test_the_hospital_of_train_is_taken_from_a_file_too(tmp_path):
    whole = list(lines(load_split("train").charts.open()))
    copy = written(tmp_path, map(restamped, whole))
    with Benchmark("train", charts=copy) as other, Benchmark("train") as own:
        for benchmark in (other, own):
            episode = benchmark.start(benchmark.tasks[0])
            episode.step("FINISH([])")
            assert benchmark.finish(episode).provenance["data"] == own.backend.fingerprint
    some = load_split("train", cohort=cohort_of("train", charts=60)).charts
    with pytest.raises(FingerprintError, match="it lacks Patient/"):
        Benchmark("train", charts=written(tmp_path, lines(some.open())))


ROW = {"instruction": "What is it?", "context": "It's 2023-11-13T10:15:00+00:00 now."}
PATIENT = {"resourceType": "Patient", "id": "S1", "birthDate": "2000-01-01", "identifier": [{"value": "S1"}]}


def test_official_charts_hold_whom_the_rows_name(tmp_path):
    rows = [{"id": f"task{n}_1", "eval_MRN": mrn, **ROW} for n, mrn in ((2, "S1"), (4, "S2"))]
    checkout = write_checkout(tmp_path / "checkout", rows)
    result = {"resourceType": "Observation", "id": "9", "status": "final", "subject": {"reference": "Patient/S2"}}
    only = written(tmp_path, [PATIENT])
    with pytest.raises(FingerprintError, match=r"charts\.ndjson.* holds no Patient/S2, whom task4_1"):
        Benchmark("official", official=checkout, charts=only)
    with Benchmark("official", official=checkout, charts=only, task_type=2):
        pass
    both = [PATIENT, {"resourceType": "Patient", "id": "S2"}]
    with pytest.raises(FingerprintError, match="holds no Observation, and task4_1"):
        Benchmark("official", official=checkout, charts=written(tmp_path, both))
    with Benchmark("official", official=checkout, charts=written(tmp_path, [*both, result])):
        pass


def test_fingerprints_of_the_first_rule_are_told(tmp_path):
    with pytest.raises(RunFolderError, match=r"'sha256:0' \(it is from before fingerprints began with 'charts/2'"):
        Manifest({"data": "sha256:0"}).go_on(tmp_path, {"data": f"{PREFIX}0"}, None)
    with pytest.raises(FingerprintError, match="it is from before"):
        check_fingerprint(f"{PREFIX}0", "sha256:0", "it")
    with pytest.raises(FingerprintError) as other:
        check_fingerprint(f"{PREFIX}0", f"{PREFIX}1", "it")
    assert "before" not in str(other.value)
