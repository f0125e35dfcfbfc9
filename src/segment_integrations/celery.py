"""
Celery: who a task is about travels with it, from the request to the worker.

Only ids travel, in one header of the message: brokers are stored and logged. In the
worker a task's events have these ids and nothing else of the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import msgspec
from celery import signals
from celery.app.task import Context

from segment_integrations.client import Analytics
from segment_integrations.core import consent
from segment_integrations.core.counters import Throttle
from segment_integrations.core.current import RequestContext, current, set_current
from segment_integrations.defaults import opened
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from celery import Celery, Task

__all__ = ["install"]

HEADER: Final = "segment_integrations"
"""The message header that holds the ids, as a JSON object."""

HEADER_MAX_CHARS: Final = 2_048
OPT_OUT: Final = "segment_identity"
"""The attribute that is false of a task which nobody's identity travels with."""

_VERSION: Final = 1
_DRAIN_S: Final = 5.0
_PREVIOUS: Final = "_segment_previous"


class _Ids(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What the header holds."""

    version: int
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str | None = None


class _Installed(msgspec.Struct, frozen=True):
    """What `install` was given for an app."""

    analytics: Analytics | None
    flush_per_task: float | None

    def used(self) -> Analytics | None:
        """Where the calls of tasks go; None where there is none yet."""
        return self.analytics or next(iter(opened()), None)


_apps: Final[WeakKeyDictionary[Any, _Installed]] = WeakKeyDictionary()
_throttle: Final = Throttle()


def install(
    celery_app: Celery,
    analytics: Analytics | None = None,
    *,
    flush_per_task: float | None = None,
) -> None:
    """
    Let the events of *celery_app*'s tasks be about whom their sender was about.

    To be called where the app is made, in the web process and in the worker alike. A
    second time has no effect.

    Args:
        celery_app: The app.
        analytics: Where the calls of its tasks go; by default where module-level calls
            go, made in each process at its first event.
        flush_per_task: Seconds that the end of a task waits at most until its events
            are delivered; for workers that may be killed. By default they are
            delivered in the background, and at the end of the worker's process.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if analytics is not None and not isinstance(analytics, Analytics):
        raise ConfigurationError(
            f"analytics must be an Analytics, got {type(analytics).__name__}",
            setting="analytics",
        )
    if flush_per_task is not None and not _is_duration(flush_per_task):
        raise ConfigurationError(
            f"flush_per_task must be a number of seconds above 0, or None,"
            f" got {flush_per_task!r}",
            setting="flush_per_task",
        )
    app = getattr(celery_app, "_get_current_object", lambda: celery_app)()
    _apps.setdefault(app, _Installed(analytics, flush_per_task))
    # The same receivers for all apps: Celery's signals have no app to choose by. Each
    # looks for the app itself, and the uid keeps a second connection out.
    for signal, receiver in (
        (signals.before_task_publish, _publishing),
        (signals.task_prerun, _starting),
        (signals.task_postrun, _ended),
        (signals.worker_process_shutdown, _stopping),
        (signals.worker_shutdown, _stopping),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=__name__)


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < float("inf")


# -- the sender -------------------------------------------------------------------


def _publishing(
    sender: str | None = None, headers: dict[str, Any] | None = None, **_: object
) -> None:
    """A message is about to be sent: put the ids into its *headers*."""
    context = current()
    if context is None or headers is None:
        return  # beat, a script: what is there stays there
    with _throttle.guard("celery.before_task_publish"):
        text = _encoded(context) if _may_carry(sender) else None
        # Of a retry the headers are those that the task came with.
        inner = headers.get("headers")
        if text is None:
            headers.pop(HEADER, None)
            if isinstance(inner, dict) and HEADER in inner:
                headers["headers"] = {k: v for k, v in inner.items() if k != HEADER}
            return
        if not isinstance(inner, dict):
            # In the worker these take the place of all others in `request.headers`.
            inner = Context(headers).headers or {}
        headers["headers"] = {**inner, HEADER: text}
        headers[HEADER] = text


def _may_carry(name: str | None) -> bool:
    """False for a task that has opted out, as far as it is known here."""
    for app in list(_apps):
        task = app.tasks.get(name) if app.finalized else None
        if task is not None and not getattr(task, OPT_OUT, True):
            return False
    return True


def _encoded(context: RequestContext) -> str | None:
    """The ids of *context* as they travel; None for nobody's."""
    if not consent.agrees_to_any(context.consent()):
        return None  # the worker does not know what the visitor said
    ids = _Ids(_VERSION, context.user_id, context.anonymous_id, context.group_id)
    if ids.user_id is None and ids.anonymous_id is None and ids.group_id is None:
        return None
    text = msgspec.json.encode(ids).decode()
    return text if len(text) <= HEADER_MAX_CHARS else None


# -- the worker -------------------------------------------------------------------


def _starting(task: Task, **_: object) -> None:
    """A task is about to run: bind a context of its own."""
    installed = _apps.get(task.app)
    if installed is None:
        return
    with _throttle.guard("celery.task_prerun"):
        context = _context(task, installed)
        # On the task's request, which is one per run, also where runs are nested.
        setattr(task.request, _PREVIOUS, (set_current(context),))


def _context(task: Task, installed: _Installed) -> RequestContext:
    outer = current()
    is_carried = getattr(task, OPT_OUT, True)
    if task.request.is_eager and is_carried and outer is not None:
        # Inside a request, say: its identity is the task's, but not the other way.
        analytics = installed.analytics or outer.analytics
        return RequestContext(analytics, outer.info, parent=outer)
    context = RequestContext(installed.analytics)
    ids = _received(task.request) if is_carried else None
    if ids is not None:
        context.set_user(
            ids.user_id, anonymous_id=ids.anonymous_id, group_id=ids.group_id
        )
    return context


def _received(request: Any) -> _Ids | None:
    """The ids that came with a task; None where the header is not as we write it."""
    headers = request.headers
    text = headers.get(HEADER) if isinstance(headers, dict) else None
    if text is None:
        text = request.get(HEADER)
    if not isinstance(text, str) or len(text) > HEADER_MAX_CHARS:
        return None
    try:
        ids = msgspec.json.decode(text, type=_Ids)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return ids if ids.version == _VERSION else None


def _ended(task: Task, **_: object) -> None:
    """A task has run, whatever came of it: put back what was bound before."""
    # By value: this may be another context than the one in which it began.
    kept = vars(task.request).pop(_PREVIOUS, None)
    if kept is None:
        return
    set_current(kept[0])
    installed = _apps.get(task.app)
    if installed is None or installed.flush_per_task is None or task.request.is_eager:
        return
    analytics = installed.used()
    if analytics is not None:
        with _throttle.guard("celery.flush_per_task"):
            analytics.flush(installed.flush_per_task)


def _stopping(**_: object) -> None:
    """The worker's process ends, maybe without Python's own hooks."""
    found = (one.used() for one in list(_apps.values()))
    for analytics in dict.fromkeys(one for one in found if one is not None):
        with _throttle.guard("celery.worker_shutdown"):
            analytics.drain(_DRAIN_S)
