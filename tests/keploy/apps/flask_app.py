"""The shop in Flask: python flask_app.py PORT."""

from __future__ import annotations

import asyncio
import os
import sys

import contract
import outgoing
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
shop = contract.Shop()


@app.post("/items")
def make():
    return jsonify(shop.make(request.get_json())), 201


@app.get("/items")
def items():
    return jsonify(shop.items)


@app.delete("/items/<int:number>")
def remove(number: int):
    shop.remove(number)
    return "", 204


@app.get("/version")
def version():
    return jsonify(contract.version())


@app.post("/login")
def login():
    answer = jsonify(contract.login())
    answer.set_cookie("session", contract.login()["access_token"])
    return answer


@app.post("/form")
def form():
    return jsonify(request.form.to_dict())


@app.post("/upload")
def upload():
    return jsonify(contract.upload(request.content_type or "", request.get_data()))


@app.get("/picture")
def picture():
    return Response(contract.PICTURE, mimetype="image/png")


@app.get("/packed")
def packed():
    headers = {"Content-Encoding": "gzip"}
    return Response(contract.packed(), mimetype="application/json", headers=headers)


@app.get("/events")
def events():
    return Response(iter(contract.EVENTS), mimetype="text/event-stream")


@app.get("/call/<client>")
def call(client: str):
    if client in outgoing.ASYNC:
        return jsonify(asyncio.run(outgoing.ASYNC[client]()))
    return jsonify(outgoing.BLOCKING[client]())


@app.get("/fetch/<shape>")
def fetch(shape: str):
    import requests

    url = f"{outgoing.plain_url().removesuffix('/orders')}/{shape}"
    answer = requests.get(url, timeout=outgoing.TIMEOUT_SECONDS)
    return jsonify(
        status=answer.status_code,
        kind=answer.headers.get("Content-Type"),
        body=answer.content.hex(),
        steps=[one.status_code for one in answer.history],
    )


@app.post("/measure")
def measure():
    return jsonify(length=len(request.get_data()))


@app.get("/quotes/<name>")
def quote(name: str):
    import requests

    url = f"{outgoing.plain_url().removesuffix('/orders')}/quotes"
    answer = requests.post(url, json={"name": name}, timeout=outgoing.TIMEOUT_SECONDS)
    return jsonify(answer.json())


if __name__ == "__main__":
    if os.environ.get("CALL_AT_START"):
        # Like an app that fetches its settings first, and does not start without them.
        shop.make({"settings": outgoing.requests()})
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
