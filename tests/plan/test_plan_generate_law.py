"""The law of generated modules: exported again, they give the plan."""

from hypothesis import HealthCheck, assume, given, settings
from plan_generate_bench import DOCUMENTS, meaning, sent_back

from segment_integrations.errors import PlanError
from segment_integrations.plan import TrackingPlan, generate


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS)
def test_a_generated_module_exports_the_plan_it_was_made_of(document):
    """Whatever the plan, its rules come back with the same schemas, word for word."""
    try:
        plan = TrackingPlan.of(document)
    except PlanError:
        assume(False)
    assert meaning(plan) == meaning(sent_back(generate(plan)))
