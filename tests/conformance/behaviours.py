"""
The list of behaviours that every framework must show, by acceptance id.

The tests of this folder are the list's text in code: each carries its id in its name
and runs against every driver in `driving.DRIVERS`, unless the id is one of
`NOT_EVERYWHERE`, where it says why. `test_behaviours.py` holds both together.
"""

from __future__ import annotations

from typing import Final

BEHAVIOURS: Final = {
    "CTX-1": "What code below learns of the user is on the events above.",
    "CTX-2": "A BaseHTTPMiddleware on either side changes nothing about that.",
    "CTX-3": "A second request in the same thread or task starts with nobody.",
    "CTX-4": "Of 200 concurrent requests each event has its own request's user.",
    "CTX-5": "Installed twice: one holder, one page, one cookie.",
    "CTX-6": "An app that is called in-process has a holder of its own.",
    "CTX-8": "Outside a request an event has nobody's identity, with one warning.",
    "CTX-9": "Threads know the request through `propagate` only, tasks unaided.",
    "CTX-10": "What outlives its request keeps the request's identity.",
    "CTX-11": "`bind` blocks nest, and are undone by exceptions too.",
    "RT-3": "One route has one name.",
    "RT-5": "Route templates have one normal form.",
    "PG-1": "The decision table is answered alike by the policy and everywhere.",
    "PG-2": "What is no page view sends none.",
    "PG-3": "Boosted visits and 304 navigations are page views.",
    "PG-4": "A POST counts only where `methods` has it.",
    "PG-5": "A redirect chain is one page, of its end.",
    "PG-6": "A predicate that raises costs the page and one log line.",
    "PG-7": "On a cacheable response no header changes.",
    "PG-8": "An explicit page call replaces the automatic one.",
    "PG-9": "Each decision is counted by its rule, and can be explained.",
    "PV-1": "Secrets in path, url, search and same-site referrer are masked.",
    "PV-2": "Only trusted proxies name the client, read from the right.",
    "PV-3": "No header, cookie or query makes a `userId`.",
    "PV-4": "Long or invalid claims are bounded and harmless.",
    "RULE-1": "Hooks that raise never reach the response; exits pass.",
    "RULE-2": "Status, headers and body are those of the app without us.",
    "RULE-3": "No class or function of a framework is replaced.",
    "RULE-4": "Each module imports its own framework and no other.",
}

NOT_EVERYWHERE: Final = {
    "CTX-2": "only Starlette has that middleware",
    "PG-3": "rows of the decision table",
    "PG-2": "rows of the decision table",
    "PG-4": "rows of the decision table",
    "RULE-3": "a fresh interpreter for each framework",
    "RULE-4": "a fresh interpreter for each module",
}
