"""Gates: what passes, what fails, and that nothing that is missing, old or unclear ever passes."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from components.monitoring.check import Layer
from components.monitoring.checks import CHECKS
from release.gates.applications import judge_application
from release.gates.definition import IMPACTS, SAMPLES, gates_of
from release.gates.measure import Watched, measure
from release.gates.prometheus import NoAnswerError, Prometheus, parse
from release.gates.rendered import run_of, templates
from release.gates.verdict import Measured, Outcome, Sample, Series, combined, judge_gate
from spec.problems import SpecError
from tests.release.recorded import Well, an_application, as_json, served

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOVED = NOW - timedelta(hours=1)
EVERY = [(each.layer, each.name) for each in CHECKS]


def gate_of(layer, tenant="bakery"):
    return next(each for each in gates_of(tenant, CHECKS) if each.layer == layer)


def judged(gate, answers, since=MOVED):
    return judge_gate(gate, Measured(answers=answers, figures=answers), NOW, since)


def watched(tenant="bakery", moved=MOVED, application=None):
    found = an_application(at=NOW - timedelta(minutes=50)) if application is None else application
    return Watched(
        tenant=tenant, moved=moved, application=found, holds_move=lambda revision: revision[0] == "b"
    )


def report(world, **changes):
    return measure(world, [watched(**changes)], NOW, CHECKS)


def finding(found, check):
    return next(each for each in found.findings if each.check == check)


def test_a_tenant_that_is_well_passes_on_every_check_of_every_layer():
    found = report(Well())
    assert found.outcome is Outcome.PASS, found.reasons
    assert {(each.layer, each.check) for each in found.findings} >= set(EVERY), "a check was never asked for"


@pytest.mark.parametrize(("layer", "check"), EVERY)
def test_one_bad_check_fails_its_layer_and_the_gate(layer, check):
    world = Well()
    world.values["bakery", check] = 0.0
    found = report(world)
    assert found.outcome is Outcome.FAIL
    assert found.of_layer(layer) is Outcome.FAIL
    assert [each for each in Layer if found.of_layer(each) is Outcome.PASS] == [
        x for x in Layer if x != layer
    ]
    assert "bad at" in finding(found, check).why


@pytest.mark.parametrize(("layer", "check"), EVERY)
def test_a_check_that_nobody_answers_holds_the_gate_however_good_the_others_are(layer, check):
    world = Well()
    world.silent.add(("bakery", check))
    found = report(world)
    assert found.outcome is Outcome.HOLD, "a check that was lost let a release through"
    assert finding(found, check).why.startswith("no data")


@pytest.mark.parametrize(("layer", "check"), EVERY)
def test_a_lost_scrape_never_passes(layer, check):
    gate = gate_of(layer)
    samples = tuple(Sample(at=NOW - timedelta(minutes=3 + back), value=1.0) for back in range(6, -1, -1))
    series = [Series(labels={"tenant": "bakery", "layer": layer, "check": check}, samples=samples)]
    found = next(each for each in judged(gate, series) if each.check == check)
    assert found.outcome is Outcome.HOLD, "values from before the scrape was lost were taken for the present"
    assert "stale: the last sample is 180 s old" in found.why


@pytest.mark.parametrize(("layer", "check"), EVERY)
@pytest.mark.parametrize("value", [float("nan"), 0.5, -1.0, float("inf")])
def test_what_is_neither_yes_nor_no_holds(layer, check, value):
    world = Well()
    world.values["bakery", check] = value
    assert finding(report(world), check).outcome is Outcome.HOLD


@pytest.mark.parametrize(("layer", "check"), EVERY)
def test_an_answer_without_a_figure_behind_it_is_missing_data_and_no_failure(layer, check):
    world = Well()
    world.unmeasured.add(("bakery", check))
    found = report(world)
    assert found.outcome is Outcome.HOLD, "a lost scrape would pass, or send tenants back that are well"
    assert "no figure behind the answer" in finding(found, check).why


@pytest.mark.parametrize(("layer", "check"), EVERY)
@pytest.mark.parametrize("lost", [(1, 2), (3,), (4,)])
def test_a_scrape_that_was_lost_in_the_middle_holds_until_there_are_enough_looks_again(layer, check, lost):
    gate = gate_of(layer)
    labels = {"tenant": "bakery", "layer": layer, "check": check}
    times = [NOW - timedelta(minutes=back) for back in range(7, -1, -1)]
    answers = tuple(
        Sample(at=at, value=float(NOW - at not in [timedelta(minutes=back) for back in lost])) for at in times
    )
    figures = tuple(Sample(at=each.at, value=7.0) for each in answers if each.value)
    measured = Measured(
        answers=[Series(labels=labels, samples=answers)], figures=[Series(labels=labels, samples=figures)]
    )
    found = next(each for each in judge_gate(gate, measured, NOW, MOVED) if each.check == check)
    assert found.outcome is Outcome.HOLD, "rules answer 0 where nothing is measured: that is no bad figure"
    assert "the scrape was lost in the middle" in found.why
    later = NOW + timedelta(minutes=5)
    again = tuple(Sample(at=NOW + timedelta(minutes=minute), value=1.0) for minute in range(1, 6))
    measured = Measured(
        answers=[Series(labels=labels, samples=answers + again)],
        figures=[Series(labels=labels, samples=figures + again)],
    )
    found = next(each for each in judge_gate(gate, measured, later, MOVED) if each.check == check)
    assert found.outcome is Outcome.PASS


def test_an_environment_without_checks_holds():
    assert measure(Well(), [watched()], NOW, ()).outcome is Outcome.HOLD


def test_an_idle_tenant_whose_rules_say_good_passes():
    world = Well(impact=(0.0, 0.0))
    assert report(world).outcome is Outcome.PASS, "a quiet night would stop every release"


def test_two_series_for_one_check_hold_because_nobody_knows_which_is_true():
    gate = gate_of(Layer.PLATFORM)
    one = Well().ask(gate.samples_query, NOW)
    found = judged(gate, [*one, *one])
    assert {each.outcome for each in found} == {Outcome.HOLD}


def test_samples_from_before_the_move_do_not_count():
    moved = NOW - timedelta(minutes=SAMPLES - 2)
    found = report(Well(), moved=moved)
    assert found.outcome is Outcome.HOLD
    assert "too early: 4 of 5 looks so far, all good" in finding(found, "http_errors").why


def test_a_failure_right_after_the_move_is_seen_although_not_all_looks_are_done():
    world = Well()
    world.values["bakery", "queue_latency"] = 0.0
    assert report(world, moved=NOW - timedelta(minutes=2)).outcome is Outcome.FAIL


def test_looks_that_lie_far_apart_are_no_row_of_looks():
    gate = gate_of(Layer.PLATFORM)
    samples = tuple(Sample(at=NOW - timedelta(minutes=9 * back), value=1.0) for back in range(4, -1, -1))
    series = [
        Series(labels={"tenant": "bakery", "layer": gate.layer, "check": each}, samples=samples)
        for each in gate.checks
    ]
    assert {each.outcome for each in judged(gate, series, None)} == {Outcome.HOLD}


def test_another_tenants_series_answers_for_nobody_else():
    world = Well()
    answers = world.ask(gate_of(Layer.PLATFORM).samples_query, NOW)
    found = judged(gate_of(Layer.PLATFORM, "deli"), answers)
    assert {each.outcome for each in found} == {Outcome.HOLD}


def test_nothing_measured_is_no_pass():
    assert combined([]) is Outcome.HOLD
    assert measure(Well(), [], NOW, CHECKS).outcome is Outcome.HOLD


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (1.0, 1.0, Outcome.PASS),
        (1.0, 1.349, Outcome.PASS),
        (1.0, 1.351, Outcome.FAIL),
        (0.0, 0.1, Outcome.PASS),
        (0.0, 0.11, Outcome.FAIL),
        (float("nan"), 0.02, Outcome.HOLD),
        (0.02, float("inf"), Outcome.HOLD),
    ],
)
def test_database_time_is_compared_with_what_it_was_before_the_release(before, after, outcome):
    world = Well()
    world.impact[IMPACTS[0].figure] = (before, after)
    found = finding(report(world), "database_time_change")
    assert found.outcome is outcome, found.why


@pytest.mark.parametrize("impact", IMPACTS, ids=lambda each: each.name)
def test_an_impact_without_data_or_right_after_the_move_holds(impact):
    world = Well()
    world.impact[impact.figure] = None
    assert finding(report(world), impact.name).outcome is Outcome.HOLD
    early = finding(report(Well(), moved=NOW - timedelta(minutes=29)), impact.name)
    assert early.outcome is Outcome.HOLD
    assert "too early" in early.why
    never = finding(report(Well(), moved=None), impact.name)
    assert never.outcome is Outcome.HOLD


@pytest.mark.parametrize("impact", IMPACTS, ids=lambda each: each.name)
def test_a_release_that_costs_the_database_more_fails(impact):
    world = Well()
    world.impact[impact.figure] = (1.0, 3.0)
    assert finding(report(world), impact.name).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("changes", "outcome", "said"),
    [
        ({}, Outcome.PASS, "it is Synced and Healthy"),
        ({"revision": "a" * 40}, Outcome.HOLD, "before the commit that moved it"),
        ({"revision": ""}, Outcome.HOLD, "no revision"),
        ({"sync": "OutOfSync"}, Outcome.HOLD, "OutOfSync"),
        ({"health": "Progressing"}, Outcome.HOLD, "Progressing"),
        ({"health": "Degraded"}, Outcome.FAIL, "Degraded"),
        ({"phase": "Failed"}, Outcome.FAIL, "Failed"),
        ({"phase": "Running"}, Outcome.HOLD, "no synchronisation has succeeded since the move"),
        (
            {"at": MOVED - timedelta(seconds=1)},
            Outcome.HOLD,
            "no synchronisation has succeeded since the move",
        ),
    ],
)
def test_argo_cd_must_be_in_step_with_the_commit_that_moved_the_tenant(changes, outcome, said):
    found = judge_application(
        "bakery", an_application(**{"at": NOW, **changes}), MOVED, lambda r: r[0] == "b"
    )
    assert found.outcome is outcome
    assert said in found.why


@pytest.mark.parametrize("broken", [None, {}, {"status": None}, {"status": {"sync": []}}])
def test_without_a_whole_application_nothing_passes(broken):
    assert judge_application("bakery", broken, MOVED, lambda _: True).outcome is Outcome.HOLD


def test_the_answers_of_a_real_http_server_are_judged_the_same():
    world = Well()
    world.values["bakery", "order_success"] = 0.0

    def answer(query, at):
        return 200, as_json(world.ask(query, datetime.fromtimestamp(at, tz=UTC)))

    with served(answer) as address:
        found = measure(Prometheus(address), [watched()], NOW, CHECKS)
    assert found.outcome is Outcome.FAIL
    assert found.reasons == ("bakery: business/order_success: 0, bad at 12:00:00 UTC (5 of 5 looks)",)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"oops", "refused (HTTP 500)"),
        (422, b'{"status":"error","error":"bad query"}', "bad query"),
        (200, b"<html>a login page</html>", "is this its address?"),
        (200, b'{"status":"error","error":"timed out"}', "timed out"),
        (200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}', "a scalar"),
        (
            200,
            b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}',
            "cannot be read",
        ),
        (
            200,
            json.dumps(
                {"status": "success", "warnings": ["partial"], "data": {"resultType": "vector", "result": []}}
            ).encode(),
            "warns: partial",
        ),
    ],
)
def test_what_is_no_whole_answer_holds_every_check_and_says_why(status, body, said):
    with served(lambda *_: (status, body)) as address:
        found = measure(Prometheus(address), [watched()], NOW, CHECKS)
    assert found.outcome is Outcome.HOLD
    asked = [each for each in found.findings if each.query]
    assert len(asked) == len(CHECKS) + len(IMPACTS)
    assert all(said in each.why for each in asked), [each.why for each in asked]


def test_a_prometheus_that_is_not_there_holds():
    found = measure(Prometheus("http://127.0.0.1:1"), [watched()], NOW, CHECKS)
    assert found.outcome is Outcome.HOLD
    assert "did not answer" in finding(found, "login").why


def test_an_address_that_is_none_is_a_mistake_of_the_user():
    with pytest.raises(SpecError, match="is no address"):
        Prometheus("prometheus:9090")


def test_a_vector_is_read_as_well_as_a_matrix():
    body = {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "0"]}]},
    }
    assert parse(json.dumps(body).encode())[0].samples[0].value == 0.0
    with pytest.raises(NoAnswerError):
        parse(b"[]")


def holds(condition, result):
    """Evaluate a condition of Argo Rollouts (github.com/expr-lang/expr) as far as ours go."""
    counted, _, rest = condition.rpartition(" && ")
    found = re.fullmatch(r"(all|any)\(result, # == (\d)\)", rest)
    assert found, f"a condition of another form: {condition}"
    count = re.fullmatch(r"len\(result\) == (\d+)", counted)
    assert count or not counted, condition
    kind, wanted = {"all": all, "any": any}[found[1]], float(found[2])
    return (not count or len(result) == int(count[1])) and kind(each == wanted for each in result)


@pytest.mark.parametrize("layer", list(Layer))
def test_argo_rollouts_is_given_the_same_decision(layer):
    gate = gate_of(layer)
    number = len(gate.checks)
    for result, outcome in (
        ([1.0] * number, Outcome.PASS),
        ([1.0] * (number - 1) + [0.0], Outcome.FAIL),
        ([0.0], Outcome.FAIL),
        ([1.0] * (number - 1), Outcome.HOLD),
        ([1.0] * (number + 1), Outcome.HOLD),
        ([1.0] * (number - 1) + [float("nan")], Outcome.HOLD),
        ([], Outcome.HOLD),
    ):
        said = holds(gate.success, result), holds(gate.failure, result)
        expected = {Outcome.PASS: (True, False), Outcome.FAIL: (False, True), Outcome.HOLD: (False, False)}
        assert said == expected[outcome], f"{result} means {outcome} here and something else in the cluster"


def test_a_run_asks_what_the_command_line_asks_and_takes_no_second_chance():
    run = run_of(
        Layer.PLATFORM,
        {"bakery": MOVED},
        CHECKS,
        names=("local", "18.0.4", "0f0f", "1"),
        namespace="monitoring",
        at=MOVED + timedelta(minutes=20),
    )
    metrics = run["spec"]["metrics"]
    assert [each["name"] for each in metrics] == [
        "bakery",
        "database-time-change-bakery",
        "lock-waits-change-bakery",
    ]
    assert all(each["failureLimit"] == 0 and each["inconclusiveLimit"] == 0 for each in metrics)
    assert all(each["count"] == SAMPLES for each in metrics)
    queries = [each["provider"]["prometheus"]["query"] for each in metrics]
    assert queries[0] == gate_of(Layer.PLATFORM).instant_query
    assert f"@ {int(MOVED.timestamp())}" in queries[1]
    assert run["metadata"]["name"] == "local-18-0-4-0f0f-platform-1"
    assert metrics[1]["initialDelay"] == "600s", "what is left of the half hour after the move, and no more"


def test_there_is_a_template_for_each_layer_with_the_tenant_as_its_argument():
    made = templates(CHECKS)
    assert [each["metadata"]["name"] for each in made] == [f"storefleet-{layer}" for layer in Layer]
    for each in made:
        assert each["spec"]["args"] == [{"name": "tenant"}]
        query = each["spec"]["metrics"][0]["provider"]["prometheus"]["query"]
        assert 'tenant="{{args.tenant}}"' in query
