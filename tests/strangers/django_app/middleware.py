"""The site's own middleware: of each kind one."""

from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin


class DomainError(Exception):
    """What the site's rules refuse."""


@sync_and_async_middleware
def request_id(get_response):
    """Echo the id that the proxy gave; for both kinds of servers."""

    def finish(request, response):
        if "X-Request-Id" in request.headers:
            response["X-Request-Id"] = request.headers["X-Request-Id"]
        return response

    if iscoroutinefunction(get_response):

        async def serve(request):
            return finish(request, await get_response(request))

    else:

        def serve(request):
            return finish(request, get_response(request))

    return serve


def maintenance(get_response):
    """Answer by itself while the site is down; sync only."""

    def serve(request):
        if "X-Maintenance" in request.headers:
            return HttpResponse("<p>Back soon", status=503, headers={"Retry-After": 60})
        return get_response(request)

    return serve


class DomainErrors(MiddlewareMixin):
    """Turn the site's own errors into answers, and fill its template responses."""

    def process_view(self, request, view, args, kwargs):
        if "X-Closed" in request.headers:
            return HttpResponse("<p>Closed", status=423)
        return None

    def process_exception(self, request, exception):
        if isinstance(exception, DomainError):
            return JsonResponse({"error": str(exception)}, status=409)
        return None

    def process_template_response(self, request, response):
        response.context_data = {**(response.context_data or {}), "added": "by us"}
        return response
