"""The shop in aiohttp: python aiohttp_app.py PORT."""

from __future__ import annotations

import asyncio
import sys

import contract
import outgoing
from aiohttp import web

shop = contract.Shop()
routes = web.RouteTableDef()


@routes.post("/items")
async def make(request: web.Request) -> web.Response:
    return web.json_response(shop.make(await request.json()), status=201)


@routes.get("/items")
async def items(request: web.Request) -> web.Response:
    return web.json_response(shop.items)


@routes.delete("/items/{number}")
async def remove(request: web.Request) -> web.Response:
    shop.remove(int(request.match_info["number"]))
    return web.Response(status=204)


@routes.get("/version")
async def version(request: web.Request) -> web.Response:
    return web.json_response(contract.version())


@routes.post("/login")
async def login(request: web.Request) -> web.Response:
    answer = web.json_response(contract.login())
    answer.set_cookie("session", contract.login()["access_token"])
    return answer


@routes.post("/form")
async def form(request: web.Request) -> web.Response:
    return web.json_response(dict(await request.post()))


@routes.post("/upload")
async def upload(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response(contract.upload(request.headers["Content-Type"], body))


@routes.get("/picture")
async def picture(request: web.Request) -> web.Response:
    return web.Response(body=contract.PICTURE, content_type="image/png")


@routes.get("/packed")
async def packed(request: web.Request) -> web.Response:
    headers = {"Content-Encoding": "gzip"}
    return web.Response(body=contract.packed(), content_type="application/json", headers=headers)


@routes.get("/events")
async def events(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for event in contract.EVENTS:
        await answer.write(event.encode())
    await answer.write_eof()
    return answer


@routes.get("/call/{client}")
async def call(request: web.Request) -> web.Response:
    client = request.match_info["client"]
    if client in outgoing.ASYNC:
        return web.json_response(await outgoing.ASYNC[client]())
    return web.json_response(await asyncio.to_thread(outgoing.BLOCKING[client]))


if __name__ == "__main__":
    app = web.Application()
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
