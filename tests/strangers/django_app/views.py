"""Views of each kind."""

import asyncio
import time
from itertools import count
from pathlib import Path

from django.contrib import messages
from django.contrib.auth import aauthenticate, alogin, alogout, get_user
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import transaction
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponsePermanentRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition, require_POST, require_safe
from django.views.decorators.vary import vary_on_cookie, vary_on_headers
from django.views.generic import CreateView, DetailView, ListView, RedirectView

from django_app.middleware import DomainError
from django_app.models import Entry, Note

served = count(1)
committed = []


def home(request):
    return render(request, "home.html", {"served": next(served)})


def plain(request):
    """A page that touches neither session nor user."""
    return render(request, "plain.html", {"served": next(served)})


def filled(request):
    return TemplateResponse(request, "home.html", {"served": 0})


class Account(LoginRequiredMixin, View):
    def get(self, request):
        return HttpResponse(f"<h1>{request.user.email}</h1>")

    def post(self, request):
        return JsonResponse({"posted": request.POST.dict()})


@login_required
def members(request):
    return HttpResponse(f"<p>{get_user(request).pk}")


class Notes(ListView):
    model = Note
    ordering = ("pk",)


class OneNote(DetailView):
    model = Note


class NewNote(LoginRequiredMixin, CreateView):
    model = Note
    fields = ("text",)

    def form_valid(self, form):
        form.instance.owner = self.request.user
        messages.success(self.request, "Kept.")
        return super().form_valid(form)


class Gone(RedirectView):
    permanent = True
    pattern_name = "site:api:v1:pulse"


@transaction.non_atomic_requests
async def pulse(request):
    await asyncio.sleep(0)
    return JsonResponse({"notes": len([note async for note in Note.objects.all()])})


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class AsyncNotes(View):
    async def get(self, request):
        user = await request.auser()
        found = [note.text async for note in Note.objects.order_by("pk")]
        name = user.email if user.is_authenticated else "nobody"
        return HttpResponse(f"<p>{name}: {','.join(found)}")

    async def post(self, request):
        note = await Note.objects.acreate(text=request.POST["text"])
        return JsonResponse({"id": note.pk}, status=201)


@csrf_exempt
@transaction.non_atomic_requests
async def sign_in(request):
    user = await aauthenticate(request, **request.POST.dict())
    if user is None:
        return HttpResponse("<p>No", status=401)
    await alogin(request, user)
    return HttpResponse(f"<p>Hello {user}")


@csrf_exempt
@transaction.non_atomic_requests
async def sign_out(request):
    await alogout(request)
    return HttpResponse("<p>Bye")


def lines(request):
    def produce():
        for number in range(3):
            yield f"<p>{number}"

    return StreamingHttpResponse(produce())


@transaction.non_atomic_requests
async def async_lines(request):
    async def produce():
        for number in range(3):
            await asyncio.sleep(0)
            yield f"<p>{number}"

    return StreamingHttpResponse(produce())


@transaction.non_atomic_requests
async def events(request):
    async def produce():
        for number in range(3):
            yield f"data: {number}\n\n"

    return StreamingHttpResponse(produce(), content_type="text/event-stream")


def report(request):
    response = HttpResponse("a,b\n1,2\n", content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="report.csv"'
    return response


def source(request):
    return FileResponse(Path(__file__).with_name("models.py").open("rb"))


def manual(request):
    file = Path(__file__).with_name("models.py").open("rb")
    return FileResponse(file, as_attachment=True, filename="manual.txt")


@cache_page(30)
def cached(request):
    return HttpResponse(f"<p>{next(served)}")


@vary_on_cookie
@vary_on_headers("X-Kind")
def varied(request):
    return HttpResponse("<p>varied")


@never_cache
def never(request):
    return HttpResponse(f"<p>{request.session.get('visits', 0)}")


def _fixed(request):
    return '"fixed"'


@condition(etag_func=_fixed)
def tagged(request):
    return HttpResponse("<p>tagged")


def counter(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"<p>{request.session['visits']}")


def own_cookies(request):
    response = HttpResponse("<p>cookies")
    response.set_cookie("seen", "yes", max_age=60, samesite="Strict", httponly=True)
    response.set_signed_cookie("signed", "1", salt="s", secure=True)
    response.delete_cookie("theme")
    return response


def wide(request):
    return HttpResponse("<p>" + "wide " * 200)


@csrf_exempt
@require_POST
def transfer(request):
    """Two writes in the request's transaction; the second may not happen."""
    note = Note.objects.create(text="first")
    transaction.on_commit(lambda: committed.append(note.pk))
    with transaction.atomic(using="archive"):
        Entry.objects.create(text="first")
        if "refuse" in request.POST:
            raise DomainError("refused")
    if "fail" in request.POST:
        raise ValueError("failed")
    return JsonResponse({"notes": Note.objects.count()})


@require_safe
def archive(request):
    found = ",".join(entry.text for entry in Entry.objects.all())
    return HttpResponse(f"<p>{found}/{Note.objects.count()}")


def missing(request):
    raise Http404("nothing here")


def forbidden(request):
    raise PermissionDenied("not you")


def suspicious(request):
    raise SuspiciousOperation("odd")


def broken(request):
    raise RuntimeError("broken")


@transaction.non_atomic_requests
async def async_broken(request):
    raise RuntimeError("broken too")


def refused(request):
    raise DomainError("never")


def year(request, year):
    return HttpResponse(f"<p>{int(year)} {reverse('site:year', args=(year,))}")


def hexed(request, number):
    return HttpResponse(f"<p>{number}")


def moved(request):
    return HttpResponsePermanentRedirect("/about/")


def slow(request):
    time.sleep(0)
    return HttpResponse("<p>slow")


def not_found(request, exception):
    return HttpResponse(f"<h1>No {request.path}</h1>", status=404)


def failed(request):
    return HttpResponse("<h1>Sorry</h1>", status=500)


def denied(request, exception):
    return HttpResponse("<h1>Denied</h1>", status=403)
