"""The Django application for WSGI servers."""

import served_common as common
import served_django as served

app = common.beside_wsgi(*served.made(served.WSGIHandler))
