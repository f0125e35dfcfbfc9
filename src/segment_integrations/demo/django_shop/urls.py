"""The addresses of the shop."""

from django.urls import path

from segment_integrations.demo.django_shop import views

handler404 = views.not_found

urlpatterns = [
    path("", views.home),
    path("old-home", views.old_home),
    path("products/<slug:slug>", views.product),
    path("api/stock/<slug:slug>", views.stock),
    path("favicon.ico", views.favicon),
    path("static/shop.css", views.style),
    path("signup", views.signup),
    path("signin", views.signin),
    path("account", views.account),
    path("signout", views.signout),
    path("cart", views.cart),
    path("cart/<slug:slug>", views.add),
    path("checkout", views.checkout),
    path("thanks", views.thanks),
]
