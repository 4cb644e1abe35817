"""Loading tenant files: YAML as people expect it, and the sizes that a tenant gets."""

import os
import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec.loader import load_tenant
from spec.problems import SpecError
from spec.tiers import TIERS
from spec.vocabulary import Ring, TenantState, Tier
from spec.yaml_text import SIZE_LIMIT, line_numbers, parse
from tests.spec.cases import refusal_of
from tests.spec.conftest import GOOD

pytestmark = pytest.mark.unit

RELAXED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_tenants_id_is_the_name_of_its_file(tenant):
    assert tenant(name="corner-shop-2").id == "corner-shop-2"


def test_defaults_stand_for_what_is_left_out(tenant):
    loaded = tenant()
    assert loaded.state is TenantState.ACTIVE
    assert loaded.ring is Ring.GENERAL
    assert loaded.cost_centre == "corner", "the group is charged unless the file says otherwise"
    assert loaded.preset is TIERS[Tier.SHARED]


def test_norway_is_a_country_and_not_false(tenant):
    assert tenant(("country: FR", "country: NO")).country == "NO"


def test_an_override_changes_what_it_states_and_nothing_else(tenant):
    preset = tenant(add="overrides:\n  processes:\n    web: {replicas: 3}\n  quota: {storage: 50Gi}\n").preset
    usual = TIERS[Tier.SHARED]
    assert preset.processes.web == usual.processes.web.model_copy(update={"replicas": 3})
    assert preset.processes.cron == usual.processes.cron
    assert preset.quota == usual.quota.model_copy(update={"storage": "50Gi"})
    assert preset.container_limits == usual.container_limits


def test_a_request_above_its_own_limit_is_refused(tenant):
    with pytest.raises(SpecError, match="asks for cpu of 3, above its limit of 1"):
        tenant(add="overrides:\n  processes:\n    web: {cpu_request: 3}\n")


def test_a_yearly_peak_may_run_over_new_year(tenant):
    peak = tenant(("starts: 11-20, ends: 11-30", "starts: 12-27, ends: 01-10")).peaks[0]
    assert peak.recurring


def test_a_loaded_tenant_cannot_be_changed(tenant):
    with pytest.raises(ValueError, match="frozen"):
        tenant().tier = Tier.DEDICATED


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "corner.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load_tenant(path).display_name == "Corner Shop"


def test_messages_name_the_file_by_its_path_in_the_project(tmp_path):
    path = tmp_path / "tenants" / "none.yaml"
    with pytest.raises(SpecError, match=r"^tenants/none.yaml: there is no such file"):
        load_tenant(path, tmp_path)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "corner.yaml").mkdir()
    with pytest.raises(SpecError, match="is not a plain file"):
        load_tenant(tmp_path / "corner.yaml")


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "corner.yaml")
    outcome = []
    waiting = threading.Thread(
        target=lambda: outcome.append(refusal_of(lambda: load_tenant(tmp_path / "corner.yaml"))), daemon=True
    )
    waiting.start()
    waiting.join(5)
    assert outcome, "the command would hang"
    assert "is not a plain file" in outcome[0]


def test_a_link_that_leads_to_itself_is_refused(tmp_path):
    (tmp_path / "corner.yaml").symlink_to(tmp_path / "corner.yaml")
    with pytest.raises(SpecError):
        load_tenant(tmp_path / "corner.yaml")


def test_a_path_that_no_file_can_have_is_refused():
    with pytest.raises(SpecError):
        load_tenant(Path("tenants/a\0b.yaml"))
    with pytest.raises(SpecError):
        load_tenant(Path("tenants") / ("a" * 5000 + ".yaml"))


def test_a_huge_file_is_refused_without_reading_all_of_it(tmp_path):
    path = tmp_path / "corner.yaml"
    with path.open("wb") as stream:
        stream.truncate(SIZE_LIMIT * 1000)
    with pytest.raises(SpecError, match="too large"):
        load_tenant(path)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "a: " + "9" * 100_000, "? " * 50_000, "a:\n" * 50_000],
)
def test_a_file_that_piles_up_without_end_is_refused(tmp_path, text):
    path = tmp_path / "corner.yaml"
    path.write_text(text)
    with pytest.raises(SpecError):
        load_tenant(path)


def test_every_key_and_item_knows_its_line():
    lines = line_numbers("a: 1\nb:\n  - x\n  - c: 2\n    d: 3\ne: 4\n", "file")
    assert lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
        ("e",): 6,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("12:30", "12:30"), ("2026-11-27", "2026-11-27"),
        ("010", "010"), ("0x10", "0x10"), ("1_000", "1_000"), ("1e3", "1e3"), (".inf", ".inf"), ("'7'", "7"),
        ("=", "="), ("<<", "<<"), ("7", 7), ("-7", -7), ("0", 0), ("1.50", 1.5), ("true", True),
        ("False", False), ("null", None), ("~", None),
    ],
)  # fmt: skip
def test_plain_values_mean_what_they_look_like(text, value):
    assert parse(f"key: {text}\n", "file") == {"key": value}


@RELAXED
@given(st.binary(max_size=400))
def test_no_bytes_whatever_give_anything_but_a_spec_error(tmp_path, content):
    path = tmp_path / "corner.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_tenant(path)
    assert str(caught.value).replace("\n", "").isprintable()


SCALARS = st.text(max_size=70) | st.integers() | st.floats() | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)
FIELDS = [line.split(":")[0] for line in GOOD.splitlines() if line[0].isalpha()] + [
    "overrides",
    "waivers",
    "state",
]


@RELAXED
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), VALUES, min_size=1, max_size=6))
def test_no_value_in_any_field_gives_anything_but_a_spec_error(tmp_path, changes):
    content = {**yaml.safe_load(GOOD), **changes}
    path = tmp_path / "corner.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    message = refusal_of(lambda: load_tenant(path))
    assert message.replace("\n", "").isprintable(), "a terminal would act on the message"
    assert message or set(changes) <= set(FIELDS), "an unknown key was taken"


@RELAXED
@given(st.text(st.characters(codec="utf-8"), max_size=40), st.integers(0, len(GOOD)))
def test_a_slip_of_the_keyboard_anywhere_is_taken_or_refused_but_never_breaks(tmp_path, slip, place):
    path = tmp_path / "corner.yaml"
    path.write_text(GOOD[:place] + slip + GOOD[place:], encoding="utf-8")
    message = refusal_of(lambda: load_tenant(path))
    assert message.replace("\n", "").isprintable(), "a terminal would act on the message"
