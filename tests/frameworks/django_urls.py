"""The addresses and views of the Django project that the tests run."""

from functools import partial, wraps

from asgiref.sync import sync_to_async
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.auth import get_user_model, login, logout
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.static import serve

from segment_integrations import no_page, page_name, set_user, track

try:
    from django.contrib.auth import alogin, alogout
except ImportError:  # Django 4.2 has no async forms
    alogin, alogout = sync_to_async(login), sync_to_async(logout)


def plain(request, *args, **kwargs):
    return HttpResponse("plain")


async def aplain(request, **kwargs):
    return HttpResponse("plain")


def tracked(request):
    track("Tracked")
    track("Tracked Again")
    return HttpResponse("tracked")


async def atracked(request):
    track("Tracked")
    track("Tracked Again")
    return HttpResponse("tracked")


def uses_user(request):
    _ = request.user.is_authenticated
    track("Tracked")
    return HttpResponse("user")


async def auses_user(request):
    if hasattr(request, "auser"):
        await request.auser()
    else:  # Django 4.2
        await sync_to_async(lambda: request.user.is_authenticated)()
    track("Tracked")
    return HttpResponse("user")


def assigns_user(request):
    request.user = get_user_model()(pk=77)  # as Django REST framework does
    track("Tracked")
    return HttpResponse("user")


def uses_session(request):
    request.session["seen"] = True
    track("Tracked")
    return HttpResponse("session")


def signs_in(request, pk):
    track("Before")
    login(request, get_user_model().objects.get(pk=pk))
    track("After")
    return HttpResponse("in")


def signs_in_only(request, pk):
    login(request, get_user_model().objects.get(pk=pk))
    return HttpResponse("in")


async def asigns_in(request, pk):
    track("Before")
    await alogin(request, await get_user_model().objects.aget(pk=pk))
    track("After")
    return HttpResponse("in")


def signs_out(request):
    track("Before")
    logout(request)
    track("After")
    return HttpResponse("out")


async def asigns_out(request):
    await alogout(request)
    track("After")
    return HttpResponse("out")


def says_user(request):
    set_user("jwt-1")
    track("Tracked")
    return HttpResponse("said")


def raises(request):
    raise Http404


def streams(request):
    def body():
        try:
            track("Step")
            yield b"one"
            yield b"two"
        finally:
            track("Closed")

    return StreamingHttpResponse(body())


def streams_a_failure(request):
    def body():
        yield b"one"
        raise ValueError("in the body")

    return StreamingHttpResponse(body())


async def astreams(request):
    async def body():
        try:
            track("Step")
            yield b"one"
            yield b"two"
        finally:
            track("Closed")

    return StreamingHttpResponse(body())


def atomically(request):
    with transaction.atomic():
        track("Inside")
    track("Outside")
    return HttpResponse("done")


def public(request):
    return HttpResponse("public", headers={"Cache-Control": "public, max-age=60"})


@page_name("Named")
def named(request):
    return HttpResponse("named")


@no_page
def unseen(request):
    return HttpResponse("unseen")


class Detail(View):
    def get(self, request, **kwargs):
        return HttpResponse("detail")


@page_name("Product")
class NamedDetail(Detail):
    pass


def decorated(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)

    return wrapper


nested = (
    [
        path("<slug:section>/", plain, name="section"),
        re_path(r"^(?P<page>\d+)/$", plain, name="page"),
    ],
    "news",
)

urlpatterns = [
    path("", plain),
    path("admin-site/", admin.site.urls),
    path("assets/<path:path>", serve, {"document_root": "."}),
    path("plain", plain, {"extra": "secret"}, name="plain"),
    path("aplain", aplain),
    path("tracked", tracked),
    path("atracked", atracked),
    path("uses-user", uses_user),
    path("auses-user", auses_user),
    path("assigns-user", assigns_user),
    path("uses-session", uses_session),
    path("in/<int:pk>", signs_in),
    path("in-only/<int:pk>", signs_in_only),
    path("ain/<int:pk>", asigns_in),
    path("out", signs_out),
    path("aout", asigns_out),
    path("says-user", says_user),
    path("raises", raises),
    path("streams", streams),
    path("astreams", astreams),
    path("streams-a-failure", streams_a_failure),
    path("atomically", atomically),
    path("public", public),
    path("named", decorated(named)),
    path("unseen", partial(unseen)),
    path("detail/<uuid:pk>", Detail.as_view(), name="detail"),
    path("named-detail/<int:pk>", NamedDetail.as_view()),
    path("reset/<uidb64>/<token>/", plain, name="reset"),
    path("articles/<int:year>/", include(nested)),
    re_path(r"^old/(?P<y>[0-9]{4})/(?:page-(?P<n>\d+)/)?$", plain),
    re_path(r"^unnamed/(\d+)/((a|b)c)\.html$", plain),
    path("json", lambda _: JsonResponse({})),
]
urlpatterns += i18n_patterns(path("hello/<token>", plain, name="hello"))
