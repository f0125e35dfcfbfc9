"""
Run it with ``python -m django migrate --settings settings``, then
``SEGMENT_WRITE_KEY=... python -m django runserver --settings settings``.
"""

from html import escape

from django.contrib.auth import authenticate, login
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from segment_integrations import tracks


def product(request, slug):
    # a page call, named "/products/{slug}"
    return HttpResponse(f"<h1>{escape(slug)}</h1> for {escape(str(request.user))}")


@require_POST
def signin(request):
    user = authenticate(request, **request.POST.dict())
    if user is None:
        return JsonResponse({"ok": False}, status=400)
    login(request, user)  # an identify call, from the visitor to the user
    return JsonResponse({"ok": True})


@require_POST
@tracks("Checkout Started", from_args=["request.POST.currency"])
def checkout(request):
    return JsonResponse({"currency": request.POST["currency"]})


urlpatterns = [
    path("products/<slug:slug>", product),
    path("signin", signin),
    path("checkout", checkout),
]
