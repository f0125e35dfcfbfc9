"""Run it with ``SEGMENT_WRITE_KEY=... uvicorn app:app``."""

from html import escape
from typing import Annotated

from fastapi import Depends, FastAPI, Header
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from segment_integrations import Analytics, identify, set_user, tracks
from segment_integrations.fastapi import SegmentMiddleware

app = FastAPI()
app.add_middleware(SegmentMiddleware, analytics=Analytics(anonymous_cookie=True))

TOKENS = {"let-me-in": "user-1"}


class Account(BaseModel):
    name: str


class Cart(BaseModel):
    currency: str
    value: float


def known_user(authorization: Annotated[str, Header()] = "") -> None:
    """The app's own authentication: say who it is, and every event has the user."""
    if user_id := TOKENS.get(authorization.removeprefix("Bearer ")):
        set_user(user_id)


@app.get("/products/{slug}", response_class=HTMLResponse)
async def product(slug: str) -> str:
    return f"<h1>{escape(slug)}</h1>"  # a page call, named "/products/{slug}"


@app.post("/signup")
async def signup(account: Account) -> dict[str, str]:
    identify("user-1", {"name": account.name})  # from the visitor to the user
    return {"token": "let-me-in"}


@app.post("/checkout", dependencies=[Depends(known_user)])
@tracks("Checkout Started", from_args=["cart.currency", "cart.value"])
async def checkout(cart: Cart) -> Cart:
    return cart
