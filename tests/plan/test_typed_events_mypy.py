"""What mypy says of right and wrong use of typed events, word for word."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

USE = """
from __future__ import annotations

from typing import Literal

from segment_integrations import Event, Traits, track
from segment_integrations.spec import OrderCompleted


class CheckoutStarted(Event, name="Checkout Started"):
    cart_value: float
    item_count: int = 1
    plan: Literal["free", "pro"] = "free"


class PlanUpgraded(Event, rename="camel", frozen=True, version=2):
    from_plan: str


class UserTraits(Traits, call="identify"):
    email: str


track(CheckoutStarted(cart_value=10))
track(CheckoutStarted(item_count=3, cart_value=9.5, plan="pro"), user_id="u")
upgraded = PlanUpgraded(from_plan="free")
track(upgraded)
track(OrderCompleted(order_id="o"))

CheckoutStarted()  # E: Missing named argument "cart_value" for "CheckoutStarted"  [call-arg]
CheckoutStarted(10)  # E: Too many positional arguments for "CheckoutStarted"  [call-arg]
CheckoutStarted(cart_value="10")  # E: Argument "cart_value" to "CheckoutStarted" has incompatible type "str"; expected "float"  [arg-type]
CheckoutStarted(cart_value=1, colour="red")  # E: Unexpected keyword argument "colour" for "CheckoutStarted"  [call-arg]
CheckoutStarted(cart_value=1, plan="gold")  # E: Argument "plan" to "CheckoutStarted" has incompatible type "Literal['gold']"; expected "Literal['free', 'pro']"  [arg-type]
PlanUpgraded(fromPlan="free")  # E: Unexpected keyword argument "fromPlan" for "PlanUpgraded"  [call-arg]
upgraded.from_plan = "pro"  # E: Property "from_plan" defined in "PlanUpgraded" is read-only  [misc]
track(UserTraits(email="e"))  # E: Argument 1 to "track" has incompatible type "UserTraits"; expected "str | Event"  [arg-type]
OrderCompleted(order_id=7)  # E: Argument "order_id" to "OrderCompleted" has incompatible type "int"; expected "str"  [arg-type]
OrderCompleted()  # E: Missing named argument "order_id" for "OrderCompleted"  [call-arg]
"""  # noqa: E501 - the errors are mypy's
SHOP = """
from datetime import UTC, datetime

import events

from segment_integrations import group, identify, track, tracks

track(events.SignedOut())
track(events.SignedUp(method="github"), user_id="u")
track(events.FeatureUsed(feature_name="export", context={"format": "csv"}))
item = events.OrderCompletedProductsItem(product_id="p", price=2, quantity=1)
track(events.OrderCompleted(order_id="o", revenue=2, currency="EUR", products=[item]))
identify("u", events.UserTraits(plan="pro", created_at=datetime.now(UTC)))
group("g", events.GroupTraits(employees=7))


@tracks(events.SearchPerformed, from_args=["query"], properties={"result_count": 0})
def search(query: str) -> None: ...


events.SignedUp(method="carrier pigeon")  # E: Argument "method" to "SignedUp" has incompatible type "Literal['carrier pigeon']"; expected "Literal['email', 'google', 'github']"  [arg-type]
events.CheckoutStarted(cart_value=1, currency="EUR")  # E: Missing named argument "item_count" for "CheckoutStarted"  [call-arg]
events.CheckoutStarted(cart_value=1, currency="EUR", item_count=1.5)  # E: Argument "item_count" to "CheckoutStarted" has incompatible type "float"; expected "int"  [arg-type]
events.CheckoutStarted(cartValue=1, currency="EUR", item_count=1)  # E: Unexpected keyword argument "cartValue" for "CheckoutStarted"; did you mean "cart_value"?  [call-arg]
events.OrderCompleted(order_id="o", revenue=2, currency="EUR", products=[{}])  # E: List item 0 has incompatible type "dict[Never, Never]"; expected "OrderCompletedProductsItem"  [list-item]
events.UserTraits(plan="gold")  # E: Argument "plan" to "UserTraits" has incompatible type "Literal['gold']"; expected "Literal['free', 'pro', 'enterprise'] | UnsetType"  [arg-type]
track(events.UserTraits(plan="pro"))  # E: Argument 1 to "track" has incompatible type "UserTraits"; expected "str | Event"  [arg-type]
track(events.OrderComplete())  # E: Module has no attribute "OrderComplete"; maybe "OrderCompleted"?  [attr-defined]
"""  # noqa: E501 - the errors are mypy's
USES = {"use.py": USE, "shop.py": SHOP}
GENERATED = Path(__file__).parents[2] / "examples" / "plan" / "events.py"
ERROR = re.compile(r"^(\w+\.py):(\d+): error: (.*)$", re.MULTILINE)


def test_right_use_is_accepted_and_wrong_use_is_not(tmp_path, pytestconfig):
    """
    Strict mypy tells of each wrong line what is wrong, and of no other line.

    So it does of classes that somebody wrote, and of those made of a plan.
    """
    for name, text in USES.items():
        (tmp_path / name).write_text(text)
    shutil.copy(GENERATED, tmp_path)
    (tmp_path / "empty.ini").write_text("[mypy]\n")
    done = subprocess.run(
        [
            *[sys.executable, "-m", "mypy", "--strict", "--config-file", "empty.ini"],
            *["--cache-dir", pytestconfig.cache.mkdir("mypy"), *USES, "events.py"],
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    expected = {
        (name, number): line.partition("# E: ")[2]
        for name, text in USES.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if "# E: " in line
    }
    errors = ERROR.findall(done.stdout)
    found = {(name, int(number)): text for name, number, text in errors}
    assert expected.keys() == found.keys(), done.stdout + done.stderr
    for place, text in expected.items():
        said, code = text.split("  ")
        assert found[place].startswith(said)
        assert found[place].endswith(code)
