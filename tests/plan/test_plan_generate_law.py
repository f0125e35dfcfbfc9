"""The laws of generated modules, for any plan."""

import ast

from hypothesis import HealthCheck, assume, given, settings
from plan_generate_bench import DOCUMENTS, meaning, sent_back

from segment_integrations.errors import PlanError
from segment_integrations.plan import TrackingPlan, generate

ALLOWED = ast.Expr | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef


def is_declarations(plan, source):
    """Whether no text of *plan* got out of its literal, as an assertion."""
    tree = ast.parse(source)
    assert all(isinstance(one, ALLOWED) for one in tree.body)
    assigned = [one for one in tree.body if isinstance(one, ast.Assign)]
    assert all(ast.unparse(one.value).startswith("Literal[") for one in assigned)
    calls = {
        ast.unparse(one.func) for one in ast.walk(tree) if isinstance(one, ast.Call)
    }
    assert calls <= {"Meta", "field"}
    names = {
        keyword.value.value
        for one in tree.body
        if isinstance(one, ast.ClassDef)
        for keyword in one.keywords
        if keyword.arg == "name"
    }
    unsaid = ast.literal_eval(
        next(one.value for one in tree.body if isinstance(one, ast.AnnAssign))
    ).get("rules", ())
    expected = {one.key for one in plan.rules if one.key}
    assert expected == names | {one["key"] for one in unsaid if one["key"]}
    assert all(char.isprintable() or char == "\n" for char in source)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS)
def test_a_generated_module_is_declarations_and_exports_its_plan(document):
    """Whatever a plan says, its rules come back with the same schemas, word by word."""
    try:
        plan = TrackingPlan.of(document)
    except PlanError:
        assume(False)
    source = generate(plan)
    is_declarations(plan, source)
    assert meaning(plan) == meaning(sent_back(source))
