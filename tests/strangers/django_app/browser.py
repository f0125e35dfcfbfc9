"""A browser in front of the site, under WSGI or ASGI, that counts its queries."""

from contextlib import ExitStack

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from stranger_recording import BROWSER, COOKIES, Visit


class Browser:
    """
    Sends requests and records them.

    Args:
        kind: "wsgi" or "asgi".
        record: The recording plugin's.
        checks_csrf: Whether forms need their token.
    """

    def __init__(self, kind, record, *, checks_csrf=False):
        self.kind = kind
        self.record = record
        make = Client if kind == "wsgi" else AsyncClient
        self.client = make(
            enforce_csrf_checks=checks_csrf, raise_request_exception=False
        )
        self.client.cookies.load(COOKIES)

    def force_login(self, user):
        self.client.force_login(user)

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, data=None, **more):
        return self.send("POST", path, data=data or {}, **more)

    def send(self, method, path, *, headers=None, **more):
        headers = {**BROWSER, **(headers or {})}
        cookies = set(self.client.cookies)
        with ExitStack() as stack:
            counted = {
                alias: stack.enter_context(CaptureQueriesContext(connections[alias]))
                for alias in connections
            }
            send = getattr(self, f"_{self.kind}")
            response, chunks = send(method.lower(), path, headers, more)
            queries = {alias: len(one) for alias, one in counted.items()}
        found = list(response.items())
        found += [("Set-Cookie", one.OutputString()) for one in _set(response)]
        visit = Visit(response.status_code, found, b"".join(chunks), chunks)
        if not response.streaming:
            visit.chunks = []
        return self.record(
            method,
            path,
            visit,
            cookies=cookies,
            headers=headers,
            queries=queries,
            has_session=settings.SESSION_COOKIE_NAME in cookies,
        )

    def _wsgi(self, method, path, headers, more):
        response = getattr(self.client, method)(path, headers=headers, **more)
        if response.streaming:
            chunks = list(response.streaming_content)
            response.close()
            return response, chunks
        return response, [response.content]

    def _asgi(self, method, path, headers, more):
        async def send():
            response = await getattr(self.client, method)(path, headers=headers, **more)
            if not response.streaming:
                return response, [response.content]
            if response.is_async:
                chunks = [chunk async for chunk in response.streaming_content]
            else:
                chunks = list(response.streaming_content)
            response.close()
            return response, chunks

        return async_to_sync(send)()


def _set(response):
    return [response.cookies[name] for name in response.cookies]
