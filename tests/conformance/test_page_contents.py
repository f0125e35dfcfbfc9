from neutral import ANONYMOUS


def test_smoke(make_site):
    """A visit is a page."""
    site = make_site()
    answer = site.visit()
    assert answer.status == 200
    (page,) = site.events.pages
    assert page["anonymousId"] == ANONYMOUS
    assert page["name"] == "/"
