"""Routers in routers, dependencies that clean up, models, and class-based endpoints."""

import asyncio
import time
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Annotated

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    File,
    Form,
    Header,
    HTTPException,
    Request,
    Response,
    Security,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
    status,
)
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.security import HTTPBearer
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, Field
from starlette.endpoints import HTTPEndpoint

HERE = Path(__file__).parent
templates = Jinja2Templates(directory=HERE / "templates")
bearer = HTTPBearer(auto_error=False)
pages = APIRouter(default_response_class=HTMLResponse)
items = APIRouter(prefix="/items", tags=["items"])
tenants = APIRouter(prefix="/api/{tenant}")


class RefusedError(Exception):
    """What the site's rules refuse."""


class Item(BaseModel):
    name: str = Field(min_length=2)
    price: float = 1.0
    secret: str = "s"


class Shown(BaseModel):
    name: str
    price: float


async def opened(request: Request):
    """An async dependency that notes when it is closed."""
    log = request.app.state.log
    log.append("open")
    try:
        yield log
    except RefusedError:
        log.append("refused")
        raise
    finally:
        log.append("close")


def locked(request: Request):
    """A sync one, which is run in a thread."""
    request.app.state.log.append("lock")
    yield "lock"
    request.app.state.log.append("unlock")


def known(credentials: Annotated[object, Security(bearer)]):
    if credentials is None:
        raise HTTPException(401, "who?", {"WWW-Authenticate": "Bearer"})
    return credentials.credentials


@pages.get("/")
async def home():
    return "<h1>Home</h1>"


@pages.get("/sync")
def synchronous():
    time.sleep(0)
    return "<h1>Sync</h1>"


@pages.get("/page/{item_id:int}")
async def item_page(request: Request, item_id: int):
    return templates.TemplateResponse(request, "item.html", {"name": f"Item {item_id}"})


@pages.get("/state")
async def state(request: Request):
    return f"<p>{request.state.greeting}"


@pages.get("/counter")
async def counter(request: Request):
    visits = request.session["visits"] = request.session.get("visits", 0) + 1
    return f"<p>{visits}"


@pages.post("/sign-in")
async def sign_in(request: Request, name: Annotated[str, Form()]):
    request.session["user_id"] = name
    return RedirectResponse("/me", 303)


@pages.post("/sign-out")
def sign_out(request: Request):
    request.session.clear()
    return RedirectResponse("/", 303)


@pages.get("/me")
def me(request: Request):
    return f"<p>{request.session.get('user_id', 'nobody')}"


@pages.get("/lines")
def lines():
    return StreamingResponse(
        (f"<p>{number}" for number in range(3)), media_type="text/html"
    )


@pages.get("/async-lines")
async def async_lines():
    async def produce():
        for number in range(3):
            await asyncio.sleep(0)
            yield f"<p>{number}"

    return StreamingResponse(produce(), media_type="text/html")


@pages.get("/events")
async def events():
    async def produce():
        for number in range(3):
            yield f"data: {number}\n\n"

    return StreamingResponse(produce(), media_type="text/event-stream")


@pages.get("/broken-lines")
async def broken_lines():
    async def produce():
        yield "<p>0"
        raise RuntimeError("in the body")

    return StreamingResponse(produce(), media_type="text/html")


@pages.get("/file")
async def file():
    return FileResponse(HERE / "static" / "site.css", filename="site.css")


@pages.get("/cookies")
async def cookies(response: Response):
    response.set_cookie("seen", "yes", httponly=True)
    response.set_cookie("other", "1", max_age=5)
    response.delete_cookie("theme")
    return "<p>cookies"


@pages.get("/cached")
async def cached():
    return HTMLResponse("<p>cached", headers={"Cache-Control": "public, max-age=60"})


@pages.get("/moved")
async def moved():
    return RedirectResponse("/")


@pages.get("/wide")
async def wide():
    return "<p>" + "wide " * 400


@pages.api_route("/both", methods=["GET", "HEAD", "POST"], include_in_schema=False)
async def both(request: Request):
    return f"<p>{request.method}"


@pages.get("/broken")
async def broken():
    raise RuntimeError("broken")


@pages.get("/sync-broken")
def sync_broken():
    raise RuntimeError("broken too")


@pages.get("/teapot")
def teapot():
    raise HTTPException(418, "short and stout", {"X-Tea": "1"})


@pages.get("/background")
async def background(request: Request, tasks: BackgroundTasks):
    log = request.app.state.log

    async def later():
        log.append("async later")

    tasks.add_task(later)
    tasks.add_task(log.append, "sync later")
    return "<p>soon"


@pages.get("/task")
async def task(request: Request):
    async def work():
        await asyncio.sleep(0)
        return request.url.path

    return f"<p>{await asyncio.create_task(work())}{await asyncio.to_thread(str, 1)}"


@items.get("/", response_model=list[Shown])
async def all_items():
    return [Item(name="tea"), Item(name="milk", price=2)]


@items.get("/each")
async def each_item() -> AsyncIterable[Shown]:
    for name in ("tea", "milk"):
        yield Shown(name=name, price=1)


@items.get("/{item_id}", response_model=Shown, response_model_exclude_unset=True)
def one_item(item_id: int, lock: Annotated[str, Depends(locked)]):
    if item_id == 404:
        raise HTTPException(404, "no such item")
    return Item(name=f"item {item_id} {lock}")


@items.post("/", status_code=status.HTTP_201_CREATED)
async def new_item(
    item: Item,
    log: Annotated[list, Depends(opened)],
    x_kind: Annotated[str, Header()] = "none",
) -> Shown:
    if item.name == "refused":
        raise RefusedError("never")
    return Shown(name=f"{item.name} {x_kind}", price=item.price)


@items.delete("/{item_id}", status_code=204)
async def delete_item(item_id: int):
    return None


@items.post("/upload")
async def upload(sent: Annotated[UploadFile, File()]):
    return {"name": sent.filename, "text": (await sent.read()).decode()}


@items.post("/raw")
async def raw(request: Request):
    parts = [chunk async for chunk in request.stream()]
    return PlainTextResponse(b"".join(parts))


@tenants.get("/whose")
def whose(tenant: str, name: Annotated[str, Depends(known)]):
    return {"tenant": tenant, "name": name}


tenants.include_router(items)


class Endpoint(HTTPEndpoint):
    async def get(self, request):
        return HTMLResponse(f"<p>class {request.path_params['name']}")

    def post(self, request):
        return PlainTextResponse("posted", 202)


pages.add_route("/class/{name}", Endpoint)


@pages.websocket("/echo/{room}")
async def echo(socket: WebSocket, room: str):
    await socket.accept(headers=[(b"x-room", room.encode())])
    try:
        while True:
            text = await socket.receive_text()
            if text == "close":
                await socket.close(4000)
                return
            await socket.send_json({"room": room, "text": text})
    except WebSocketDisconnect as gone:
        socket.app.state.log.append(f"gone {gone.code}")


@pages.websocket("/refused")
async def refused_socket(socket: WebSocket):
    await socket.close(1008)
