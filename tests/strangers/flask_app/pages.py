"""Pages of each kind: streamed, sent as files, async, failing."""

import asyncio
import threading
from io import BytesIO

from flask import (
    Blueprint,
    Response,
    abort,
    after_this_request,
    copy_current_request_context,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from flask_login import current_user, login_required, login_user, logout_user
from werkzeug.exceptions import HTTPException

pages = Blueprint("pages", __name__)


class Teapot(HTTPException):
    code = 418
    description = "short and stout"


class RefusedError(Exception):
    """What the shop's rules refuse."""


@pages.route("/")
def home():
    return "<h1>Home</h1>"


@pages.route("/who")
def who():
    return render_template("who.html")


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    if request.method == "POST":
        user = current_app.users.get(request.form.get("name"))
        if user is None:
            return "<p>No", 401
        login_user(user, remember="remember" in request.form)
        flash("Welcome")
        return redirect(url_for(".account"))
    return "<form method=post><input name=name></form>"


@pages.route("/sign-out", methods=["POST"])
def sign_out():
    logout_user()
    return redirect("/")


@pages.route("/account/")
@login_required
def account():
    return render_template("who.html")


@pages.route("/counter")
def counter():
    session["visits"] = session.get("visits", 0) + 1
    return f"<p>{session['visits']}"


@pages.route("/permanent")
def permanent():
    session.permanent = True
    session["kept"] = {"a": [1, 2]}
    return "<p>kept"


@pages.route("/forget")
def forget():
    session.clear()
    return "<p>forgotten"


@pages.route("/lines")
def lines():
    return Response((f"<p>{number}" for number in range(3)), mimetype="text/html")


@pages.route("/context-lines")
def context_lines():
    def produce():
        yield f"<p>{request.args.get('who', '')}"
        yield f"<p>{g.get('started')}"

    return Response(stream_with_context(produce()))


@pages.route("/broken-lines")
def broken_lines():
    def produce():
        yield "<p>0"
        raise RuntimeError("in the body")

    return Response(produce())


@pages.route("/events")
def events():
    def produce():
        for number in range(3):
            yield f"data: {number}\n\n"

    return Response(produce(), mimetype="text/event-stream")


@pages.route("/file")
def file():
    return send_file(BytesIO(b"a,b\n"), "text/csv", download_name="report.csv")


@pages.route("/download")
def download():
    return send_file(
        BytesIO(b"<p>page"), "text/html", as_attachment=True, download_name="page.html"
    )


@pages.route("/async")
async def asynchronous():
    await asyncio.sleep(0)
    return f"<p>{request.args.get('a', '-')}"


@pages.route("/thread")
def thread():
    seen = []

    @copy_current_request_context
    def work():
        seen.append(request.path)
        seen.append(current_user.is_authenticated)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    return f"<p>{seen}"


@pages.route("/later")
def later():
    @after_this_request
    def stamp(response):
        response.headers["X-Later"] = "yes"
        response.headers.add("X-Later", "twice")
        return response

    return "<p>later"


@pages.route("/cookies")
def cookies():
    response = make_response("<p>cookies")
    response.set_cookie("seen", "yes", httponly=True, samesite="Strict")
    response.delete_cookie("theme")
    return response


@pages.route("/tagged")
def tagged():
    response = make_response("<p>tagged")
    response.set_etag("fixed")
    response.cache_control.public = True
    response.cache_control.max_age = 60
    return response.make_conditional(request)


@pages.route("/json", methods=["POST"])
def posted():
    return jsonify(request.get_json())


@pages.route("/upload", methods=["POST"])
def upload():
    return {name: one.read().decode() for name, one in request.files.items()}


@pages.route("/tuple")
def several():
    return "<p>tuple", 203, {"X-Kind": "tuple", "Content-Language": "en"}


@pages.route("/abort")
def aborted():
    abort(Response("<p>own", 409, {"X-Own": "1"}))


@pages.route("/teapot")
def teapot():
    raise Teapot


@pages.route("/refused")
def refused():
    raise RefusedError("never")


@pages.route("/broken")
def broken():
    raise RuntimeError("broken")


@pages.route("/form", methods=["POST"])
def form():
    return f"<p>{request.form['needed']}"


@pages.route("/links/<int:number>/<path:rest>")
def links(number, rest):
    return url_for(".links", number=number + 1, rest=rest, _external=True)


@pages.route("/signed")
def signed():
    return {"values": [request.remote_addr, request.scheme, request.script_root]}
