"""
The acceptance ids: what each one holds, in a sentence.

A test carries an id in its name (``test_ctx_1_...``), a row of the decision table in
its own id. `UNTESTED` says why an id has no test; `test_acceptance.py` holds the three
together, and `acceptance_table.py` writes the table of the docs from test runs.
"""

from __future__ import annotations

from typing import Final

HOLDS: Final = {
    # -- the request's context ------------------------------------------------------
    "CTX-1": "What code below learns of the user is on the events above.",
    "CTX-2": "A BaseHTTPMiddleware on either side changes nothing about that.",
    "CTX-3": "A second request in the same thread or task starts with nobody.",
    "CTX-4": "Of 200 concurrent requests each event has its own request's user.",
    "CTX-5": "Installed twice: one holder, one page, one cookie.",
    "CTX-6": "An app that is called in-process has a holder of its own.",
    "CTX-7": "A request that ends in another thread or task, or twice, is silent.",
    "CTX-8": "Outside a request an event has nobody's identity, with one warning.",
    "CTX-9": "Threads know the request through `propagate` only, tasks unaided.",
    "CTX-10": "What outlives its request keeps the request's identity.",
    "CTX-11": "`bind` blocks nest, and are undone by exceptions too.",
    "CTX-12": "A forked child starts with no request bound, and can send.",
    # -- routes ---------------------------------------------------------------------
    "RT-1": "Included routers and mounts give the whole template, behind a proxy too.",
    "RT-2": "A route that shows no path costs the template and nothing else.",
    "RT-3": "One route has one name.",
    "RT-4": "3,000 requests leave nothing behind.",
    "RT-5": "Route templates have one normal form.",
    "RT-6": "Where the router does not say which route it took, matching finds it.",
    "RT-7": "A middleware that copies the scope hides neither route nor user.",
    # -- lifespan -------------------------------------------------------------------
    "LS-1": "The state of the app's own lifespan is kept.",
    "LS-2": "What the app's lifespan raises reaches the server, after a flush.",
    "LS-3": "Without lifespan events everything flows all the same.",
    "LS-4": "An endpoint that does not answer holds the shutdown up for a bound.",
    "LS-5": "An app can be started and stopped again in one process.",
    # -- ASGI requests --------------------------------------------------------------
    "AS-1": "A stream's first bytes are not held back, and it is decided once.",
    "AS-2": "A cancelled request sends no page, and the cancellation passes.",
    "AS-3": "An exception passes as the same object, with one frame of ours.",
    "AS-4": "Messages of ASGI's extensions, and wrong ones, pass as they are.",
    "AS-5": "A websocket's events share an identity, and it is no page.",
    "AS-6": "No call waits: a full queue drops, and counts.",
    # -- Django ---------------------------------------------------------------------
    "DJ-1": 'With `identity="resolved"` the session is left alone: no cost, nobody.',
    "DJ-2": "A user that the view has loaded costs no query.",
    "DJ-3": "The session tells the user without `Vary`, by at most one query.",
    "DJ-4": '`identity="eager"` loads the user, under ASGI by awaiting it.',
    "DJ-5": "A sign-in joins the visitor's history and owns what follows.",
    "DJ-6": "After a sign-out no event is the user's.",
    "DJ-7": "A login outside a served request sends nothing and raises nothing.",
    "DJ-8": "A sync-only middleware under ASGI changes nothing.",
    "DJ-9": "The user's id is the text of the primary key, whatever its type.",
    "DJ-10": "A host that is not allowed is no failure of ours.",
    "DJ-11": "A streamed body is not touched, or each step knows its request.",
    "DJ-12": "Switched off or without a key the project works, and sends nothing.",
    # -- Flask ----------------------------------------------------------------------
    "FL-1": "A `before_request` that answers first leaves nothing bound.",
    "FL-2": "A copied request context in a thread does not end the request.",
    "FL-3": "`stream_with_context` gives the body its request's identity.",
    "FL-4": "A plain stream sees its own request or none.",
    "FL-5": "Flask-Login's sign-ins and sign-outs count, and it is never needed.",
    "FL-6": "Each app of a dispatcher sends to its own client.",
    "FL-7": "An app factory that is called twice doubles nothing.",
    # -- page calls -----------------------------------------------------------------
    "PG-1": "The decision table is answered alike by the policy and everywhere.",
    "PG-2": "What is no page view sends none.",
    "PG-3": "Boosted visits and 304 navigations are page views.",
    "PG-4": "A POST counts only where `methods` has it.",
    "PG-5": "A redirect chain is one page, of its end.",
    "PG-6": "A predicate that raises costs the page and one log line.",
    "PG-7": "On a cacheable response no header changes.",
    "PG-8": "An explicit page call replaces the automatic one.",
    "PG-9": "Each decision is counted by its rule, and can be explained.",
    # -- privacy --------------------------------------------------------------------
    "PV-1": "Secrets in path, url, search and same-site referrer are masked.",
    "PV-2": "Only trusted proxies name the client, read from the right.",
    "PV-3": "No header, cookie or query makes a `userId`.",
    "PV-4": "Long or invalid claims are bounded and harmless.",
    # -- decorated functions --------------------------------------------------------
    "DE-1": "A tracked function looks to others as it did before.",
    "DE-2": "FastAPI sees the same endpoint; the wrong order is a clear error.",
    "DE-3": "Exceptions and cancellations pass, and are no success.",
    "DE-4": "A generator's event comes after its last item.",
    "DE-5": "Stacked decorators and recursion give one event each.",
    "DE-6": "An extractor that raises costs its property and one log line.",
    "DE-7": "Events of a transaction leave at its commit, and only then.",
    "DE-8": "Methods of view classes, viewsets and Ninja operations: one event.",
    "DE-9": "Where nothing is sent no extractor runs.",
    "DE-10": "Type checkers see the original signature.",
    # -- tasks ----------------------------------------------------------------------
    "CE-1": "A Celery task knows the user of the request that sent it.",
    "CE-2": "An eager task leaves the request's identity as it was.",
    "CE-3": "A task that nobody's request sent has nobody's identity.",
    "CE-4": "The caller's own headers survive; a broken one of ours is ignored.",
    "CE-5": "RQ: what a job tracks on its last line arrives.",
    # -- processes and tests --------------------------------------------------------
    "PR-1": "After a fork each process sends its own events, once.",
    "PR-2": "SIGTERM loses nothing that is queued, and keeps the exit status.",
    "PR-3": "A test reads its own events, with every framework's test client.",
    "PR-4": "No test sends, whatever key is set, unless it is marked to.",
    "PR-5": "A changed configuration is in force at the next request.",
    # -- rules ----------------------------------------------------------------------
    "RULE-1": "Hooks that raise never reach the response; exits pass.",
    "RULE-2": "Status, headers and body are those of the app without us.",
    "RULE-3": "No class or function of a framework is replaced.",
    "RULE-4": "Each module imports its own framework and no other.",
    "RULE-5": "Internals of a framework that are gone cost a fact, never a request.",
}

UNTESTED: Final = {
    "DE-10": "checked by mypy (`nox -s types`) on `tests/typing/decorated.py`",
}

NARROWED: Final = {
    "PR-5": "Flask's `app.config` is read once, by `init_app`: to see a change, each"
    " request would have to look for one.",
}
"""What an id that has tests does not hold for, and why."""

SAME_AS: Final = {"PR-1": "case_11", "PR-2": "case_14"}
"""Ids that a numbered case of delivery shows as well, by its tests' names."""
