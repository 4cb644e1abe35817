"""How components are written, checked on their source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "components").rglob("*.py"))
PACKAGES = ("cli", "components", "local", "policy", "probes", "recovery", "release", "spec")
PURE = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in [*(ROOT / "spec").rglob("*.py"), *(ROOT / "components").rglob("plan.py")]
)
BASES = {"Component", "ComponentResource"}


def component_classes():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name != "Component":
                bases = {
                    base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                    for base in node.bases
                }
                if bases & BASES:
                    yield path, node


def is_register_outputs(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "register_outputs"
    )


def test_every_component_ends_with_its_one_register_outputs():
    inspected = 0
    for path, node in component_classes():
        (init,) = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        place = f"{path.relative_to(ROOT)}: {node.name}"
        calls = [one for one in ast.walk(node) if is_register_outputs(one)]
        assert len(calls) == 1, f"{place} must register its outputs once, or the engine calls it unfinished"
        last = init.body[-1]
        assert isinstance(last, ast.Expr), f"{place} does more after registering its outputs"
        assert is_register_outputs(last.value), f"{place} does more after registering its outputs"
        assert not [one for one in ast.walk(init) if isinstance(one, ast.Return)], f"{place} may return early"
        assert [argument.arg for argument in init.args.args] == ["self", "name", "args", "opts"], place
        inspected += 1
    assert inspected >= 3, "the walk found no components: it would pass whatever they did"


def test_specs_and_plans_never_import_the_engine():
    assert len(PURE) >= 15, "the list of pure modules lost some"
    program = (
        f"import sys, importlib; [importlib.import_module(m) for m in {PURE!r}]; "
        "print(*sorted(m for m in sys.modules if m.split('.')[0].startswith('pulumi')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "", "planning would need the engine, and be slow"


def test_a_module_and_the_program_stay_short_enough_to_read():
    for package in PACKAGES:
        modules = sorted((ROOT / package).rglob("*.py"))
        assert modules, f"there is no package {package}: its modules could grow without end"
        for path in modules:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            assert lines < 300, f"{path.relative_to(ROOT)} has {lines} lines: split it"
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) < 60
