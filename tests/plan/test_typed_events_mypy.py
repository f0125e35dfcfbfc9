"""What mypy says of right and wrong use of typed events, word for word."""

from __future__ import annotations

import re
import subprocess
import sys

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
ERROR = re.compile(r"^use\.py:(\d+): error: (.*)$", re.MULTILINE)


def test_right_use_is_accepted_and_wrong_use_is_not(tmp_path, pytestconfig):
    """Strict mypy tells of each wrong line what is wrong, and of no other line."""
    (tmp_path / "use.py").write_text(USE)
    (tmp_path / "empty.ini").write_text("[mypy]\n")
    done = subprocess.run(
        [
            *[sys.executable, "-m", "mypy", "--strict", "--config-file", "empty.ini"],
            *["--cache-dir", pytestconfig.cache.mkdir("mypy"), "use.py"],
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = enumerate(USE.splitlines(), start=1)
    expected = {
        number: line.partition("# E: ")[2] for number, line in lines if "# E: " in line
    }
    found = {int(number): text for number, text in ERROR.findall(done.stdout)}
    assert expected.keys() == found.keys(), done.stdout + done.stderr
    for number, text in expected.items():
        said, code = text.split("  ")
        assert found[number].startswith(said)
        assert found[number].endswith(code)
