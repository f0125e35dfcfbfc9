"""The id of the user object that a framework or an application keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

_NAMES: Final = ("identity", "id", "pk", "user_id", "username")


def user_identity(user: object) -> object:
    """
    The id of a signed-in *user*, by the usual names of attributes or keys.

    A text, a number or a UUID is an id itself. None for nobody, and for a user whose
    `is_authenticated` is false.
    """
    if user is None or not getattr(user, "is_authenticated", True):
        return None
    if isinstance(user, str | int | UUID):
        return user
    for name in _NAMES:
        try:
            value: object = (
                user.get(name)
                if isinstance(user, Mapping)
                else getattr(user, name, None)
            )
        except NotImplementedError:  # BaseUser.identity is abstract by raising this
            continue
        if value is not None and value != "":
            return value
    return None
