"""Fleets: the checks between files, and the forty-two examples."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.fleet import load_fleet, load_tenants
from spec.loader import load_environment
from spec.problems import SpecError
from spec.schema import SCHEMA_PATH, schema_text
from spec.vocabulary import Ring, Tier
from tests.spec.cases import BASELINE, INVALID, project_of, refusal_of
from tests.spec.conftest import GOOD

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CONFIG = {
    "cluster": {"source": "embedded"},
    "cluster_networks": ["10.0.0.0/8"],
    "cells": {f"eu-{number}": {"tier": "shared", "jurisdiction": "eu"} for number in range(25)},
    "peers": {"payments": {"cidr": "198.51.100.0/28", "ports": [443]}},
}


@pytest.fixture(scope="module")
def examples():
    return load_fleet(ROOT, "local")


def test_the_examples_are_forty_storefronts_a_brand_and_a_large_retailer(examples):
    by_tier = {tier: [each for each in examples.tenants if each.tier is tier] for tier in Tier}
    assert [len(by_tier[tier]) for tier in Tier] == [40, 1, 1]
    storefronts = by_tier[Tier.SHARED]
    assert {each.group for each in storefronts} == {"solvane"}
    assert {each.catalogue for each in storefronts} == {"solvane-home"}, "the storefronts share one catalogue"
    assert len({each.price_list for each in storefronts}) > 10, "prices are localised"
    assert len({each.country for each in storefronts}) > 10
    assert len({each.time_zone for each in storefronts}) > 10
    assert len({each.currency for each in storefronts}) > 5
    assert len({each.cell for each in storefronts}) >= 2
    assert {each.ring for each in storefronts} == set(Ring)


def test_the_examples_use_no_host_name_that_somebody_could_own(examples):
    for each in examples.tenants:
        names = [*each.domains, each.contacts.business, each.contacts.technical]
        assert all(name.endswith(".example") for name in names), f"{each.id} names a real host"


def test_every_example_points_editors_to_the_schema():
    first = f"# yaml-language-server: $schema=../{SCHEMA_PATH.as_posix()}\n"
    paths = sorted((ROOT / "tenants").glob("*.yaml"))
    assert len(paths) == 42
    for path in paths:
        assert path.read_text(encoding="utf-8").startswith(first), f"{path.name} gets no help in an editor"


def test_the_schema_in_the_project_is_that_of_the_models():
    assert (ROOT / SCHEMA_PATH).read_text(encoding="utf-8") == schema_text(), "run: python -m spec.schema"


def test_a_fleet_finds_its_tenants_by_id_and_by_cell(examples):
    assert examples.tenant("kaufwerk").tier is Tier.DEDICATED
    assert [each.id for each in examples.in_cell("eu-kaufwerk")] == ["kaufwerk"]
    assert examples.in_cell("nowhere") == ()
    in_cells = sum(len(examples.in_cell(cell)) for cell in examples.environment.cells)
    assert in_cells == len(examples.tenants), "a tenant would be in no cell, or in two"


def test_a_misspelt_tenant_is_refused_with_the_right_one(examples):
    with pytest.raises(SpecError, match="did you mean solvane-paris"):
        examples.tenant("solvane-pariss")


def test_an_environment_may_choose_some_tenants(tmp_path):
    project = project_of(BASELINE, tmp_path / "project")
    other = GOOD.replace("corner.example", "brand.example")
    (project / "tenants/brand.yaml").write_text(other, encoding="utf-8")
    fleet = load_fleet(
        project, "local", {**CONFIG, "cells": {"eu-1": CONFIG["cells"]["eu-1"]}, "tenants": ["brand"]}
    )
    assert [each.id for each in fleet.tenants] == ["brand"]


def test_a_tenant_that_an_environment_does_not_choose_needs_no_cell_there(tmp_path):
    project = project_of("unknown-cell", tmp_path / "project")
    (project / "tenants/brand.yaml").write_text(
        GOOD.replace("corner.example", "brand.example"), encoding="utf-8"
    )
    assert [each.id for each in load_fleet(project, "local", {**CONFIG, "tenants": ["brand"]}).tenants] == [
        "brand"
    ]


def test_hidden_files_of_editors_are_not_tenants(tmp_path):
    project = project_of(BASELINE, tmp_path / "project")
    (project / "tenants/.corner.yaml.swp").write_bytes(b"\0")
    (project / "tenants/README.md").write_text("Tenants.")
    assert len(load_tenants(project)) == 1


def test_a_project_without_tenants_folder_says_where_to_run(tmp_path):
    with pytest.raises(SpecError, match="run the command in the project's folder"):
        load_tenants(tmp_path)


def test_an_environment_without_a_stack_file_says_what_to_write(tmp_path):
    with pytest.raises(SpecError, match=r"stacks/Pulumi.dev.yaml: there is no such file"):
        load_fleet(project_of(BASELINE, tmp_path / "project"), "dev")


@pytest.mark.parametrize("name", ["lokal", "", "../../etc/passwd", "a\0b", "local\n"])
def test_an_environment_that_does_not_exist_is_refused(tmp_path, name):
    with pytest.raises(SpecError, match="there is no environment of this name"):
        load_fleet(project_of(BASELINE, tmp_path / "project"), name)


def test_the_engines_mapping_and_the_stack_file_give_the_same_environment():
    path = INVALID / BASELINE / "stacks/Pulumi.local.yaml"
    from_file = load_environment(path, "local")
    again = from_file.model_dump(mode="json", exclude={"name"})
    assert load_environment(again, "local") == from_file


def test_a_cell_holds_what_its_tier_allows_unless_it_says_less():
    cells = {
        "a": {"tier": "shared", "jurisdiction": "eu"},
        "b": {"tier": "hybrid", "jurisdiction": "eu", "max_tenants": 3},
    }
    environment = load_environment({**CONFIG, "cells": cells}, "local")
    assert [cell.max_tenants for cell in environment.cells.values()] == [40, 3]


SCALARS = st.text(max_size=20) | st.integers() | st.booleans() | st.none() | st.floats()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)
KEYS = st.sampled_from(
    [*CONFIG, "tenants", "dns", "wait_seconds", "pod_security_version", "ingress_namespace"]
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS | st.text(max_size=9), VALUES, max_size=5))
def test_no_stack_configuration_gives_anything_but_a_spec_error(changes):
    message = refusal_of(lambda: load_environment({**CONFIG, **changes}, "local"))
    assert message.replace("\n", "").isprintable(), "a terminal would act on the message"


def test_a_thousand_tenants_are_loaded_and_checked_within_two_seconds(tmp_path):
    (tmp_path / "tenants").mkdir()
    for number in range(1000):
        text = GOOD.replace("corner.example", f"s{number}.example").replace(
            "cell: eu-1", f"cell: eu-{number // 40}"
        )
        (tmp_path / f"tenants/s-{number:04}.yaml").write_text(text, encoding="utf-8")
    start = time.process_time()
    fleet = load_fleet(tmp_path, "local", CONFIG)
    spent = time.process_time() - start
    assert len(fleet.tenants) == 1000
    assert spent < 2, f"planning a large fleet would take {spent:.1f} s before it starts"
