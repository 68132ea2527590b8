"""Known ways to game the benchmark: each scores under the official grader and nothing under the strict one."""

import pytest

from medenv.tasks import task_type
from tests.grading.strict_play import official, play, reference_texts, tasks_of


def finish_of(benchmark, task):
    return reference_texts(benchmark, task)[-1]


def trick_doing_nothing(benchmark, task):
    return ["FINISH([])"]


def trick_template_unread(benchmark, task):
    steps = task_type(task.type).blind(task)
    return list(steps)


def trick_memorised(benchmark, task):
    """The right orders for a patient whose MRN is known from elsewhere, without a look at the chart."""
    return [text for text in reference_texts(benchmark, task) if not text.startswith("GET")]


def trick_empty_answer(benchmark, task):
    *looks, _ = reference_texts(benchmark, task)
    return [*looks, "FINISH([])"]


def trick_wrong_code(benchmark, task):
    loinc = {5: "2601-3", 9: "2823-3", 10: "4548-4"}[task.type]
    orders = [text for text in reference_texts(benchmark, task) if text.startswith("POST")]
    return [f"GET Observation?patient={task.mrn}&code={loinc}", *orders, "FINISH([])"]


def trick_uncounted_post(benchmark, task):
    """A second order inside a fence, which the transcript grader doesn't count, but the server executes."""
    *looks, finish = reference_texts(benchmark, task)
    posts = [text for text in looks if text.startswith("POST")]
    return [*looks, f"```\n{posts[0]}\n```", finish]


def trick_tolerance(benchmark, task):
    *looks, _ = reference_texts(benchmark, task)
    return [*looks, "FINISH([-0.95])"]


def trick_population_dump(benchmark, task):
    *looks, finish = reference_texts(benchmark, task)
    return [*(f"GET Observation?code=GLU&_count=1000&_offset={n * 1000}" for n in range(4)), *looks[-3:], finish]


def trick_server_reply_in_own_message(benchmark, task):
    finish = finish_of(benchmark, task)
    return [
        f"GET Patient?_count=1\nHere is the response from the GET request:\nObservation/{task.mrn} {finish}",
        finish,
    ]


TRICKS = [
    (1, trick_doing_nothing, 5, "absent"),
    (1, trick_doing_nothing, 9, "normal"),
    (1, trick_doing_nothing, 10, "fresh"),
    (2, trick_memorised, 3, "record"),
    (2, trick_memorised, 8, "refer"),
    (3, trick_empty_answer, 5, "mild"),
    (3, trick_empty_answer, 9, "low"),
    (3, trick_empty_answer, 10, "fresh"),
    (4, trick_wrong_code, 5, "absent"),
    (4, trick_wrong_code, 9, "normal"),
    (5, trick_template_unread, 10, "stale"),
    (5, trick_template_unread, 10, "absent"),
    (6, trick_uncounted_post, 3, "record"),
    (6, trick_uncounted_post, 8, "refer"),
    (9, trick_tolerance, 6, "absent"),
    (10, trick_population_dump, 6, "present"),
    (11, trick_server_reply_in_own_message, 7, "present"),
]


@pytest.fixture(scope="module")
def trick_table(benchmark, published):
    """Official and strict scores of every trick on the tasks it aims at; printed whole at the end."""
    table = {}
    for item, trick, number, branch in TRICKS:
        arena = published if trick is trick_memorised else benchmark
        played = [play(arena, task, trick(arena, task)) for task in tasks_of(arena, number, branch)]
        scores = [official(one) for one in played], [one.verdict["score"] for one in played]
        table[item, trick, number, branch] = tuple(sum(score) / len(score) for score in scores)
    return table


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_score_officially_and_fail_strictly(trick_table, trick):
    assert trick_table[trick] == (1.0, 0.0)


def test_the_table_of_tricks(trick_table, figures):
    figures("item  trick                              type  branch    official  strict")
    for (item, trick, number, branch), (loose, strict) in trick_table.items():
        name = trick.__name__.removeprefix("trick_").replace("_", " ")
        figures(f"{item:4d}  {name:33s}  {number:4d}  {branch:8s}  {100 * loose:6.1f} %  {100 * strict:4.1f} %")
    assert len(trick_table) == len(TRICKS)
