"""Routes: nested, named, by expression and by a converter of the site's own."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path, re_path, register_converter
from django.views.generic import TemplateView

from django_app import views


class Hex:
    regex = "[0-9a-f]+"

    def to_python(self, value):
        return int(value, 16)

    def to_url(self, value):
        return f"{value:x}"


register_converter(Hex, "hex")

v1 = [
    path("pulse", views.pulse, name="pulse"),
    path("notes", views.AsyncNotes.as_view(), name="notes"),
    path("sign-in", views.sign_in),
    path("sign-out", views.sign_out),
]
api = [path("v1/", include((v1, "v1")))]
site = [
    path("", views.home, name="home"),
    path("plain/", views.plain),
    path("about/", TemplateView.as_view(template_name="plain.html")),
    path("filled/", views.filled),
    path("account/", views.Account.as_view(), name="account"),
    path("members/", views.members),
    path("notes/", views.Notes.as_view()),
    path("notes/new/", views.NewNote.as_view()),
    path("notes/<int:pk>/", views.OneNote.as_view()),
    path("old-pulse/", views.Gone.as_view()),
    path("stream/lines/", views.lines),
    path("stream/async/", views.async_lines),
    path("stream/events/", views.events),
    path("files/report.csv", views.report),
    path("files/source", views.source),
    path("files/manual", views.manual),
    path("cached/", views.cached),
    path("varied/", views.varied),
    path("never/", views.never),
    path("tagged/", views.tagged),
    path("counter/", views.counter),
    path("cookies/", views.own_cookies),
    path("wide/", views.wide),
    path("transfer/", views.transfer),
    path("archive/", views.archive),
    path("missing/", views.missing),
    path("forbidden/", views.forbidden),
    path("suspicious/", views.suspicious),
    path("broken/", views.broken),
    path("async-broken/", views.async_broken),
    path("refused/", views.refused),
    re_path(r"^year/(?P<year>[0-9]{4})/$", views.year, name="year"),
    path("hex/<hex:number>/", views.hexed),
    path("moved/", views.moved),
    path("slow/", views.slow),
    path("api/", include((api, "api"))),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("", include((site, "site"))),
]
handler404 = "django_app.views.not_found"
handler500 = "django_app.views.failed"
handler403 = "django_app.views.denied"
