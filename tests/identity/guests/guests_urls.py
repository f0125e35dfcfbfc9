"""Views of all kinds, each with one `@tracks`."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import get_user_model, login
from django.db import transaction
from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.generic import TemplateView
from ninja import NinjaAPI, Router, Schema
from ninja.security import HttpBearer, django_auth
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.decorators import action, api_view, authentication_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ViewSet

from segment_integrations import identify, set_user, track, tracks


def home(request):
    return HttpResponse("<h1>Home</h1>")


class Shelf(View):
    @tracks("Shelf Viewed", from_args=["number"])
    def get(self, request, number):
        return HttpResponse("<h1>Shelf</h1>")


class AsyncShelf(View):
    @tracks("Shelf Viewed", from_args=["number"])
    async def get(self, request, number):
        return HttpResponse("<h1>Shelf</h1>")


@method_decorator(tracks("Shelf Dispatched"), name="dispatch")
class Dispatched(TemplateView):
    def get(self, request, **_):
        return HttpResponse("<h1>Shelf</h1>")


# -- Django REST framework ---------------------------------------------------------


class Orders(ViewSet):
    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    @tracks("Orders Listed")
    def list(self, request):
        return Response([])

    @tracks("Order Created", from_args=["request.data.currency"])
    def create(self, request):
        return Response({}, status=400 if "bad" in request.data else 201)

    def retrieve(self, request, pk=None, **_):
        return Response({"pk": pk})

    @action(detail=True)
    def receipt(self, request, pk=None):
        return Response({"pk": pk})

    @action(detail=True, methods=["post"])
    @tracks("Order Paid", from_args=["pk"])
    def pay(self, request, pk=None):
        return Response({"pk": pk})

    @tracks("Order Sent", from_args=["pk"])
    @action(detail=True, methods=["post"])
    def ship(self, request, pk=None):
        return Response({"pk": pk})


class Own(ViewSet):
    authentication_classes = (SessionAuthentication,)
    permission_classes = (IsAuthenticated,)

    @tracks("Own Seen")
    def list(self, request):
        return Response([])


@api_view(["GET", "POST"])
@authentication_classes([TokenAuthentication])
@tracks("Function Called")
def function(request):
    return Response({})


@tracks("Function Called")
@api_view(["GET"])
@authentication_classes([TokenAuthentication])
def function_below(request):
    return Response({})


router = DefaultRouter()
router.register("orders", Orders, basename="order")
router.register("own", Own, basename="own")


# -- Django Ninja ------------------------------------------------------------------


class Bearer(HttpBearer):
    def authenticate(self, request, token):
        found = Token.objects.filter(key=token).select_related("user").first()
        if found is not None:
            set_user(found.user_id)
            return found.user
        return None


class Cart(Schema):
    currency: str
    note: str = ""


api = NinjaAPI(urls_namespace="guests")
inner = Router()


@api.post("/carts/{uuid:cart_id}", auth=Bearer())
@tracks("Cart Put", from_args=["cart.currency", "cart_id"])
def put_cart(request, cart_id: UUID, cart: Cart, limit: int = 3):
    return {"limit": limit, "currency": cart.currency}


@inner.get("/things/{int:number}")
@tracks("Thing Seen", from_args=["number"])
async def thing(request, number: int):
    return {"number": number}


@inner.get("/pages/{int:number}")
def page(request, number: int):
    return HttpResponse("<h1>Page</h1>")


@api.get("/own", auth=django_auth)
@tracks("Own Seen")
def own(request):
    return {}


api.add_router("/inner", inner)


# -- sign-up by the application's own view -------------------------------------------


def joins(request):
    member = get_user_model().objects.create_user("own@example.org", "pw")
    login(request, member, backend="django.contrib.auth.backends.ModelBackend")
    identify(traits={"plan": "pro"})
    track("Joined")
    return HttpResponse("<h1>In</h1>")


def joins_atomically(request):
    with transaction.atomic():
        joins(request)
    return HttpResponse("<h1>In</h1>")


def joins_in_vain(request):
    try:
        with transaction.atomic():
            joins(request)
            raise ZeroDivisionError  # noqa: TRY301 - the transaction is to fail
    except ZeroDivisionError:
        return HttpResponse("<h1>Out</h1>")


urlpatterns = [
    path("", home),
    path("shelf/<int:number>", Shelf.as_view()),
    path("async-shelf/<int:number>", AsyncShelf.as_view()),
    path("dispatched", Dispatched.as_view()),
    path("rest/", include(router.urls)),
    path("function", function),
    path("function-below", function_below),
    path("ninja/", api.urls),
    path("accounts/", include("allauth.account.urls")),
    path("joins", joins),
    path("joins-atomically", joins_atomically),
    path("joins-in-vain", joins_in_vain),
]
