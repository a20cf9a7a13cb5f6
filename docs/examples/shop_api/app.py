"""A small shop: items and orders in SQLite, and sales texts written by a model.

    uv run python docs/examples/shop_api/app.py

`PORT` says where it listens (8000), `SHOP_DATABASE` where its data are (in memory, so each start
is a fresh shop), `OPENAI_BASE_URL` and `OPENAI_API_KEY` which model it asks.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import openai
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MODEL = "gpt-4o-mini"
SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    price_cents INTEGER NOT NULL,
    stock INTEGER NOT NULL,
    sales_text TEXT
);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    quantity INTEGER NOT NULL,
    total_cents INTEGER NOT NULL
);
"""


class NewItem(BaseModel):
    """What a client says about an item."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    price_cents: Annotated[int, Field(ge=0)]
    stock: Annotated[int, Field(ge=0)] = 0


class Item(NewItem):
    """An item of the shop."""

    id: int
    sales_text: str | None = None


class NewOrder(BaseModel):
    """What a client orders."""

    item_id: int
    quantity: Annotated[int, Field(ge=1)]


class Order(NewOrder):
    """An order that was taken."""

    id: int
    total_cents: int


database = sqlite3.connect(
    os.environ.get("SHOP_DATABASE", ":memory:"), check_same_thread=False, isolation_level=None
)
database.row_factory = sqlite3.Row


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Make the tables, and close the model's connections at the end."""
    database.executescript(SCHEMA)
    # The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY itself; without a key the shop runs as well.
    key = os.environ.get("OPENAI_API_KEY", "not-set")
    async with openai.AsyncOpenAI(api_key=key, timeout=30) as client:
        app.state.model = client
        yield


app = FastAPI(title="Shop", lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the shop is open."""
    return {"status": "open"}


@app.post("/items", status_code=201)
async def add_item(item: NewItem) -> Item:
    """Put an item on the shelf; its name must be new."""
    try:
        row = database.execute(
            "INSERT INTO items (name, price_cents, stock) VALUES (?, ?, ?) RETURNING *",
            (item.name, item.price_cents, item.stock),
        ).fetchone()
    except sqlite3.IntegrityError as error:
        raise HTTPException(409, f"there is an item {item.name!r} already") from error
    return Item(**row)


@app.get("/items")
async def list_items(max_price_cents: int | None = None) -> list[Item]:
    """List the items, the cheapest first."""
    most = 2**62 if max_price_cents is None else max_price_cents
    rows = database.execute(
        "SELECT * FROM items WHERE price_cents <= ? ORDER BY price_cents, id", (most,)
    )
    return [Item(**row) for row in rows]


@app.get("/items/{item_id}")
async def show_item(item_id: int) -> Item:
    """Show one item."""
    row = database.execute("SELECT * FROM items WHERE id = ?", (item_id,)).fetchone()
    if row is None:
        raise HTTPException(404, f"there is no item {item_id}")
    return Item(**row)


@app.post("/items/{item_id}/sales-text")
async def write_sales_text(item_id: int) -> Item:
    """Have a model write the sales text of an item, and keep it."""
    item = await show_item(item_id)
    client: openai.AsyncOpenAI = app.state.model
    try:
        answer = await client.chat.completions.create(
            model=MODEL,
            max_tokens=60,
            temperature=0,
            messages=[
                {"role": "system", "content": "You write one short, friendly sales sentence."},
                {"role": "user", "content": f"The item: {item.name}"},
            ],
        )
    except openai.OpenAIError as error:
        raise HTTPException(502, "the model did not answer") from error
    database.execute(
        "UPDATE items SET sales_text = ? WHERE id = ?",
        (answer.choices[0].message.content, item_id),
    )
    return await show_item(item_id)


@app.post("/orders", status_code=201)
async def take_order(order: NewOrder) -> Order:
    """Take an order while there is enough in stock."""
    item = await show_item(order.item_id)
    taken = database.execute(
        "UPDATE items SET stock = stock - ? WHERE id = ? AND stock >= ?",
        (order.quantity, order.item_id, order.quantity),
    )
    if taken.rowcount == 0:
        raise HTTPException(409, f"only {item.stock} of {item.name!r} are left")
    row = database.execute(
        "INSERT INTO orders (item_id, quantity, total_cents) VALUES (?, ?, ?) RETURNING *",
        (order.item_id, order.quantity, order.quantity * item.price_cents),
    ).fetchone()
    return Order(**row)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
