"""Onboarding: what is asked, what is written, and what is never written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from cli import onboarding, tenant_file, tenants
from cli.main import app
from cli.tenant_file import scalar, write_new
from spec.fleet import load_fleet
from spec.problems import SpecError
from spec.vocabulary import Ring, Tier, Title
from spec.yaml_text import parse

ROOT = Path(__file__).parents[2]
FACTS = {
    "--name": "L'Épicerie: no 1",
    "--group": "epicerie",
    "--country": "FR",
    "--domain": "epicerie.example",
    "--business": "shop@epicerie.example",
    "--technical": "it@epicerie.example",
    "--criticality": "standard",
    "--sensitivity": "personal",
    "--customisation": "none",
    "--tolerance": "eager",
    "--orders": "300",
    "--integration": "payments",
}
ANSWERED = [
    "L'Épicerie", "", "FR", "", "", "", "epicerie.example www.epicerie.example", "shop@epicerie.example",
    "it@epicerie.example", "", "", "", "", "300", "payments",
]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    for folder in ("stacks", "tenants", "calendars"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.setattr(onboarding, "ROOT", tmp_path)
    monkeypatch.setattr(tenants, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def somebody(monkeypatch):
    monkeypatch.setattr(onboarding, "_somebody_is_there", lambda: True)


def new(*arguments, status=0, typed=None, group="tenant"):
    result = CliRunner().invoke(app, [group, "new", *arguments], input=typed)
    assert isinstance(result.exception, SystemExit | None), f"a user saw a traceback: {result.exception!r}"
    assert result.exit_code == status, result.output
    return result.output


def options(**changes):
    given = FACTS | {f"--{name}": value for name, value in changes.items()}
    return [part for name, value in given.items() if value is not None for part in (name, value)]


def files(project):
    return {path.name: path.read_bytes() for path in (project / "tenants").iterdir()}


@pytest.mark.parametrize("group", ["tenant", "tenants"])
def test_options_alone_are_enough(project, group):
    before = files(project)
    said = new("epicerie", *options(), group=group)
    assert "storefleet tenants explain epicerie" in said, "the reader would not learn what comes next"
    after = files(project)
    assert {name: after[name] for name in before} == before, "adding one tenant touched the file of another"
    added = load_fleet(project, "local").tenant("epicerie")
    assert (added.tier, added.ring) == (Tier.SHARED, Ring.EARLY)
    assert (added.residency, added.currency, added.time_zone) == ("eu", "EUR", "Europe/Paris")
    text = after["epicerie.yaml"].decode()
    assert text.startswith("# yaml-language-server: $schema=../schemas/tenant.schema.json\n")
    assert "Cell eu-2, a shared cell in eu, is the emptiest of 2" in " ".join(text.replace("#", "").split())


def test_what_is_written_is_explained_at_once(project):
    new("epicerie", *options())
    result = CliRunner().invoke(app, ["tenants", "explain", "epicerie"])
    assert result.exit_code == 0
    assert "A canary must be a shop that can do without an hour" in result.output
    assert "t-epicerie" in result.output


@pytest.mark.usefixtures("somebody")
def test_questions_offer_what_follows_from_earlier_answers(project):
    said = new("epicerie", typed="\n".join([*ANSWERED[:1], "epicerie", *ANSWERED[2:]]) + "\n")
    assert "[eu]" in said
    assert "[Europe/Paris]" in said
    assert load_fleet(project, "local").tenant("epicerie").domains == (
        "epicerie.example",
        "www.epicerie.example",
    )


@pytest.mark.usefixtures("somebody")
def test_a_wrong_answer_is_asked_again_with_the_right_form(project):
    answers = ["L'Épicerie", "epicerie", "France", *ANSWERED[2:]]
    said = new("epicerie", typed="\n".join(answers) + "\n")
    assert "is not a country code" in said
    assert load_fleet(project, "local").tenant("epicerie").country == "FR"


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("answered", range(len(ANSWERED)))
def test_an_interrupt_at_any_question_writes_nothing(project, answered):
    before = files(project)
    answers = [ANSWERED[0], "epicerie", *ANSWERED[2:]][:answered]
    said = new("epicerie", typed="".join(f"{one}\n" for one in answers), status=130)
    assert "Nothing was written" in said
    assert files(project) == before


def test_an_interrupt_while_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tenant_file.Path, "hardlink_to", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_new(tmp_path / "corner.yaml", "text", "tenants/corner.yaml")
    assert list(tmp_path.iterdir()) == [], "a part of a file would be taken for a tenant"


def test_a_file_that_somebody_else_wrote_meanwhile_is_not_replaced(tmp_path):
    (tmp_path / "corner.yaml").write_text("theirs")
    with pytest.raises(SpecError, match="is there already"):
        write_new(tmp_path / "corner.yaml", "ours", "tenants/corner.yaml")
    assert (tmp_path / "corner.yaml").read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["kaufwerk", *options()], "tenants/kaufwerk.yaml: is there already"),
        (["../../etc/passwd", *options()], "is not an id"),
        (["Épicerie", *options()], "fix: write picerie"),
        (["epicerie", *options(country="FRA")], "--country: is not a country code"),
        (["epicerie", *options(domain="*.brand.example")], "--domain: is a wildcard"),
        (["epicerie", *options(domain="www.kaufwerk.example")], "already belongs to kaufwerk"),
        (["epicerie", *options(orders="many")], "--orders: is not a whole number"),
        (["epicerie", *options(orders="0")], "--orders: is too small"),
        (["epicerie", *options(criticality="hgih")], "did you mean high?"),
        (["epicerie", *options(technical="nobody")], "--technical: is not an e-mail address"),
        (["epicerie", *options(integration="robots")], "has no peer of this name"),
        (
            ["epicerie", *options(customisation="deep", tier="shared")],
            "contradicts the rule deep-customisation",
        ),
        (["epicerie", *options(tier="dedicated")], "add a cell: eu-dedicated-1"),
        (["epicerie", *options(tier="huge")], "is not one of the choices"),
        (["epicerie", *options(cell="ch-1")], "keeps its data in ch"),
        (["epicerie", *options(cell="eu-9")], "did you mean eu-"),
        (["epicerie", *options(ring="7")], "is not a ring"),
        (["epicerie", *options(country="US")], "--residency: is missing"),
        (["epicerie"], "--criticality: is missing"),
        (["epicerie", *options(env="nowhere")], "there is no environment of this name"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(project, arguments, said):
    before = files(project)
    assert said in " ".join(new(*arguments, status=2).split())
    assert files(project) == before


def test_an_environment_that_chooses_its_tenants_is_told_about(project):
    stack = project / "stacks/Pulumi.local.yaml"
    text = stack.read_text(encoding="utf-8").replace("tenants: all", "tenants: [kaufwerk]")
    stack.write_text(text, encoding="utf-8")
    assert "already belongs to solvane-paris" in new(
        "epicerie", *options(domain="paris.solvane.example"), status=2
    ), "the host name of a tenant that is left out here is free nowhere"
    assert "add epicerie to the list in stacks/Pulumi.local.yaml" in new("epicerie", *options())


def test_every_option_that_is_wrong_is_named_in_one_go(project):
    said = new("epicerie", *options(country="FRA", currency="euro", orders="many"), status=2)
    for flag in ("--country", "--currency", "--orders"):
        assert f"{flag}: is not" in said, "the reader would come back once for each mistake"


@given(st.text(min_size=1, max_size=120))
def test_any_name_that_a_file_may_hold_is_written_so_that_it_reads_back(text):
    try:
        TypeAdapter(Title).validate_python(text)
    except ValidationError:
        return
    assert parse(f"display_name: {scalar(text)}\n", "file") == {"display_name": text}


@pytest.mark.parametrize(
    "text", ["no", "null", "1", "1.5", "true", "~", "2026-11-27", "- a", "a: b", "a #b", "@a"]
)
def test_a_name_that_looks_like_something_else_is_quoted(text):
    assert parse(f"key: {scalar(text)}", "file") == {"key": text}
