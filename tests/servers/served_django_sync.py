"""The Django application for ASGI servers; a sync-only middleware makes all sync."""

import served_common as common
import served_django as served
from django.core.handlers.asgi import ASGIHandler

served.urlpatterns[:] = served.routes(served.astream)

app = common.beside_asgi(*served.made(ASGIHandler, "served_django.sync_only"))
