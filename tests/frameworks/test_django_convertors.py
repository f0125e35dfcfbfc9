"""Django's path parameters that a convertor of the application's own reads."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import converters, include, re_path, resolve
from django.urls import path as url

from segment_integrations.core.context import page
from segment_integrations.core.request import RequestInfo
from segment_integrations.core.settings import Settings
from segment_integrations.django.routing import of_path, of_request


class Signed:
    """Stands for one that asks the database; refuses what does not begin with 7."""

    regex = "[^/]+"
    asked: list[str]

    def to_python(self, value):
        self.asked.append(value)
        if not value.startswith("7"):
            raise ValueError
        return {"user": value}

    def to_url(self, value):
        return value["user"]


@pytest.fixture
def asked(monkeypatch):
    """The texts that the convertor was asked about."""
    Signed.asked = []
    converters.register_converter(Signed, "signed_test")
    yield Signed.asked
    converters.REGISTERED_CONVERTERS.pop("signed_test")
    converters.get_converters.cache_clear()


def patterns():
    inner = [
        url("s/<signed_test:token>/", str),
        url("k/<key>/", str),
        re_path(r"^r/(?P<hash>\w+)/$", str),
    ]
    return (
        url("m/<signed_test:key>/", include(inner)),
        url("<signed_test:name>/<token>/", str),
        url("reset/<signed_test:code>/", int),
        url("reset/<code>/done/", str),
    )


def shown(path, routing):
    """The path that a page call has."""
    return page(RequestInfo(path=path), routing, Settings(write_key="k"))["path"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/m/7-a/s/7-b/", "/m/***/s/***/"),
        ("/m/7-a/r/b/", "/m/***/r/***/"),
        ("/m/7-a/k/7-b/", "/m/***"),  # one name stands for two
        ("/7-name/x/", "/7-name/***/"),
        ("/reset/c-1/done/", "/reset/***/done/"),
    ],
)
def test_pv1_django_masks_what_stands_in_the_path(path, expected, asked):
    """PV-1: Whatever a convertor makes of a secret, it is sent in no form."""
    request = RequestFactory().get(path)
    request.urlconf = patterns()
    match = resolve(path, request.urlconf)
    masks = Settings(write_key="k").redact_path_params
    assert expected == shown(path, of_request(match, request, masks))
    asked.clear()
    assert expected == shown(path, of_path(path, request.urlconf))
    assert [] == asked


def test_pv1_django_masks_what_a_refusing_convertor_leaves_to_others(asked):
    """RULE-2: No convertor is asked; so the secrets of all it may be are masked."""
    assert "/reset/***/" == shown("/reset/7/", of_path("/reset/7/", patterns()))
    assert [] == asked
