"""The Django application for WSGI servers."""

import served_common as common
import served_django as served
from django.core.handlers.wsgi import WSGIHandler

app = common.beside_wsgi(*served.made(WSGIHandler))
