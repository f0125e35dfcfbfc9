"""The Django application for ASGI servers."""

import served_common as common
import served_django as served
from django.core.handlers.asgi import ASGIHandler

served.urlpatterns[:] = served.routes(served.astream)


app = common.beside_asgi(*served.made(ASGIHandler))
