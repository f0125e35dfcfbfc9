"""Decorated functions keep their types: DE-10."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_type

from segment_integrations import no_page, page_name, propagate, tracks


@tracks("Checkout Started", from_args=["cart.currency"])
def plain(cart: dict[str, str], /, limit: int = 3, *, dry: bool = False) -> str:
    """Take one of each."""
    return f"{cart}{limit}{dry}"


assert_type(plain({}), str)
assert_type(plain({}, limit=4, dry=True), str)
plain(cart={})  # type: ignore[call-arg]
plain({}, limit="4")  # type: ignore[arg-type]
plain({}, 3, True)  # type: ignore[call-arg]


@tracks("Done", from_args={"order_id": "order.id"}, when="always")
async def coroutine(order: object) -> int:
    """Return later."""
    return len(str(order))


@tracks("Done", properties={"fixed": True}, when="start")
def generator(count: int) -> Iterator[int]:
    """Give numbers."""
    yield from range(count)


@tracks("Done")
async def async_generator(count: int) -> AsyncIterator[int]:
    """Give numbers."""
    for number in range(count):
        yield number


def total(result: str, limit: int) -> dict[str, Any]:
    """Compute properties from the result and one argument."""
    return {"length": len(result), "limit": limit}


@page_name("Home")
@no_page
@tracks("Outer", properties=total)
@tracks("Inner", properties=lambda result: {"length": len(result)})
def stacked(limit: int) -> str:
    """Carry several marks."""
    return str(limit)


class Shop:
    """A class whose methods are tracked."""

    @tracks("Sold", from_args=["self.name"])
    def sell(self, number: int) -> str:
        """Sell."""
        return str(number)

    @classmethod
    @tracks("Opened")
    def open(cls, name: str) -> Shop:
        """Open."""
        assert_type(cls, type[Shop])
        return cls() if name else Shop()

    @staticmethod
    @tracks("Counted")
    def count(number: int) -> int:
        """Count."""
        return number


async def use() -> None:
    """Call them all."""
    assert_type(await coroutine(1), int)
    assert_type(generator(2), Iterator[int])
    assert_type(async_generator(2), AsyncIterator[int])
    assert_type(stacked(1), str)
    assert_type(Shop().sell(1), str)
    assert_type(Shop.open("x"), Shop)
    assert_type(Shop.count(1), int)
    Shop().sell("1")  # type: ignore[arg-type]


def work(order: int, *, fast: bool = False) -> str:
    """Be some work for a thread."""
    return f"{order}{fast}"


with ThreadPoolExecutor() as executor:
    assert_type(executor.submit(propagate(work), 7, fast=True).result(), str)
    executor.submit(propagate(work), "7")  # type: ignore[arg-type]

decorator: Callable[[Callable[[int], str]], Callable[[int], str]] = tracks("Done")
assert_type(decorator(str), Callable[[int], str])
assert_type(tracks("Done")(work)(7), str)

tracks("Done", when="later")  # type: ignore[arg-type]
tracks("Done", {"positional": True})  # type: ignore[call-arg]
tracks("Done", from_args=3)  # type: ignore[arg-type]
tracks("Done", properties=[1])  # type: ignore[arg-type]
tracks("Done")(3)  # type: ignore[type-var]
