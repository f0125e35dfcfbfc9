"""The Django application for ASGI servers, below a middleware that is sync only."""

import served_common as common
import served_django as served

served.urlpatterns[:] = served.routes(served.astream)

app = common.beside_asgi(*served.made(served.ASGIHandler, "served_django.sync_only"))
