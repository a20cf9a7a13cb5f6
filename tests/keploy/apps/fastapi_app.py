"""The shop in FastAPI, served by uvicorn: python fastapi_app.py PORT."""

from __future__ import annotations

import sys

import contract
import outgoing
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

app = FastAPI()
shop = contract.Shop()


@app.post("/items", status_code=201)
async def make(request: Request):
    return shop.make(await request.json())


@app.api_route("/items", methods=["GET", "HEAD"])
async def items():
    return shop.items


@app.delete("/items/{number}", status_code=204)
async def remove(number: int):
    shop.remove(number)


@app.get("/version")
async def version():
    return contract.version()


@app.post("/login")
async def login():
    answer = JSONResponse(contract.login())
    answer.set_cookie("session", contract.login()["access_token"])
    return answer


@app.post("/form")
async def form(request: Request):
    # The framework's own reader of forms is another package, and not what is tried here.
    return contract.form(await request.body())


@app.post("/upload")
async def upload(request: Request):
    return contract.upload(request.headers["content-type"], await request.body())


@app.get("/picture")
async def picture():
    return Response(contract.PICTURE, media_type="image/png")


@app.get("/packed")
async def packed():
    headers = {"Content-Encoding": "gzip"}
    return Response(contract.packed(), media_type="application/json", headers=headers)


@app.get("/events")
async def events():
    return StreamingResponse(iter(contract.EVENTS), media_type="text/event-stream")


@app.get("/call/{client}")
async def call(client: str):
    if client in outgoing.ASYNC:
        return await outgoing.ASYNC[client]()
    return await run_in_threadpool(outgoing.BLOCKING[client])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
