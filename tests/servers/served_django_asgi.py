"""The Django application for ASGI servers."""

import served_common as common
import served_django as served

served.urlpatterns[:] = served.routes(served.astream)


app = common.beside_asgi(*served.made(served.ASGIHandler))
