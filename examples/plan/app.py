"""
A shop whose events are those of ``plan.json``.

``events.py`` was made of the plan by ``segment-integrations plan generate plan.json -o
events.py``. Run it with ``SEGMENT_WRITE_KEY=... uvicorn app:app``.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import events
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from segment_integrations import Analytics, group, identify, track, tracks
from segment_integrations.fastapi import SegmentMiddleware

PLAN = Path(__file__).with_name("plan.json")

app = FastAPI()
app.add_middleware(
    SegmentMiddleware, analytics=Analytics(plan=PLAN, plan_mode="block_unplanned")
)


class Account(BaseModel):
    email: str
    method: Literal["email", "google", "github"]
    company: str


class Line(BaseModel):
    product_id: str
    price: float
    quantity: int


class Order(BaseModel):
    currency: str
    lines: list[Line]


@app.get("/search", response_class=HTMLResponse)
async def search(query: str) -> str:
    track(events.SearchPerformed(query=query, result_count=0))
    return "<h1>Nothing found</h1>"


@app.post("/signup")
async def signup(account: Account) -> dict[str, str]:
    joined = events.UserTraits(
        email=account.email,
        plan="free",
        created_at=datetime.now(UTC),
        company=events.UserTraitsCompany(name=account.company),
    )
    identify("user-1", joined)
    group("account-1", events.GroupTraits(name=account.company, plan="free"))
    track(events.SignedUp(method=account.method))
    return {"id": "user-1"}


@app.post("/checkout")
@tracks(
    events.CheckoutStarted,
    from_args=["order.currency"],
    properties=lambda order: {
        "cart_value": sum(line.price * line.quantity for line in order.lines),
        "item_count": sum(line.quantity for line in order.lines),
    },
)
async def checkout(order: Order) -> dict[str, str]:
    return {"id": "order-1"}


@app.post("/orders")
async def complete(order: Order) -> dict[str, str]:
    track(
        events.OrderCompleted(
            order_id="order-1",
            revenue=sum(line.price * line.quantity for line in order.lines),
            currency=order.currency,
            products=[
                events.OrderCompletedProductsItem(
                    product_id=line.product_id, price=line.price, quantity=line.quantity
                )
                for line in order.lines
            ],
        )
    )
    return {"id": "order-1"}
