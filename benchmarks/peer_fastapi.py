"""The peer: a typical hand-written service, as tutorials teach it.

FastAPI, Pydantic models, SQLAlchemy's async ORM and one session per request. It stores the same items in one table, and has no
change log, no search index and no merge patch, so it does less than Catalog. PEER_URL is an SQLAlchemy URL. PEER_ITEMS is the
path of a file with the initial items, in the JSON of Catalog's API.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, DateTime, Numeric, String, event, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.exc import StaleDataError

ITEMS = Path(os.environ["PEER_ITEMS"])

engine = create_async_engine(os.environ["PEER_URL"], pool_size=10, max_overflow=20)
sessions = async_sessionmaker(engine, expire_on_commit=False)

if engine.dialect.name == "sqlite":

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        """Use the write-ahead log and a long busy timeout, which concurrent writers need. Commits stay durable."""
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA busy_timeout = 30000")
        cursor.close()


class Base(DeclarativeBase):
    """The declarative base."""


class Item(Base):
    """An item's row."""

    __tablename__ = "peer_items"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    description: Mapped[str | None]
    category: Mapped[str | None] = mapped_column(String(100), index=True)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    currency: Mapped[str | None] = mapped_column(String(3))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's form


class Price(BaseModel):
    """A price."""

    amount: Decimal = Field(ge=0, decimal_places=2)
    currency: str = Field(min_length=3, max_length=3)


class ItemIn(BaseModel):
    """The request body of an item."""

    sku: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    category: str | None = Field(None, max_length=100)
    price: Price | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class ItemOut(ItemIn):
    """The response body of an item."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class PageOut(BaseModel):
    """A page of items."""

    items: list[ItemOut]
    next_offset: int | None


def to_body(item: Item) -> ItemOut:
    """Convert a row to the response body."""
    price = None if item.amount is None or item.currency is None else Price(amount=item.amount, currency=item.currency)
    return ItemOut(
        id=item.id,
        sku=item.sku,
        name=item.name,
        description=item.description,
        category=item.category,
        price=price,
        attributes=item.attributes,
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


async def session() -> AsyncIterator[AsyncSession]:
    """Open a session for one request."""
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Create the table, and insert the initial items."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with sessions() as opened:
        if await opened.scalar(select(func.count()).select_from(Item)) == 0:
            for fields in json.loads(ITEMS.read_text()):  # noqa: ASYNC240 - runs once, before requests are served
                price = fields.pop("price") or {}
                opened.add(
                    Item(
                        **fields
                        | {
                            "id": UUID(fields["id"]),
                            "amount": Decimal(price["amount"]) if price else None,
                            "currency": price.get("currency"),
                            "created_at": datetime.fromisoformat(fields["created_at"]),
                            "updated_at": datetime.fromisoformat(fields["updated_at"]),
                        }
                    )
                )
            await opened.commit()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    """Return 200 as soon as the service is running."""
    return {"status": "ok"}


@app.get("/api/v1/items")
async def list_items(
    session: Session,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    sort: Literal["created_at", "-created_at"] = "-created_at",
    q: str | None = None,
) -> PageOut:
    """List items, newest first. With `q`, list the items that contain each of its words in the name or the description."""
    order = (Item.created_at, Item.id) if sort == "created_at" else (Item.created_at.desc(), Item.id.desc())
    statement = select(Item).order_by(*order)
    for word in (q or "").split():
        statement = statement.where(or_(Item.name.icontains(word), Item.description.icontains(word)))
    rows = (await session.scalars(statement.limit(limit + 1).offset(offset))).all()
    return PageOut(items=[to_body(item) for item in rows[:limit]], next_offset=offset + limit if len(rows) > limit else None)


@app.get("/api/v1/items/{item_id}")
async def read_item(item_id: UUID, session: Session, response: Response) -> ItemOut:
    """Read an item."""
    item = await session.get(Item, item_id)
    if item is None:
        raise HTTPException(404, "Item not found")
    response.headers["ETag"] = f'"{item.version}"'
    return to_body(item)


@app.post("/api/v1/items", status_code=201)
async def create_item(body: ItemIn, session: Session, response: Response) -> ItemOut:
    """Create an item."""
    now = datetime.now(UTC)
    fields = body.model_dump(exclude={"price"})
    price = body.price
    item = Item(
        **fields,
        amount=price.amount if price else None,
        currency=price.currency if price else None,
        created_at=now,
        updated_at=now,
    )
    session.add(item)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "SKU taken") from None
    response.headers["ETag"] = f'"{item.version}"'
    return to_body(item)


@app.patch("/api/v1/items/{item_id}/price")
async def reprice(
    item_id: UUID, price: Price, session: Session, response: Response, if_match: Annotated[str | None, Header()] = None
) -> ItemOut:
    """Change the price of an item."""
    item = await session.get(Item, item_id)
    if item is None:
        raise HTTPException(404, "Item not found")
    if if_match is not None and if_match != f'"{item.version}"':
        raise HTTPException(412, "Changed meanwhile")
    item.amount, item.currency, item.updated_at = price.amount, price.currency, datetime.now(UTC)
    try:
        await session.commit()
    except StaleDataError:
        raise HTTPException(412, "Changed meanwhile") from None
    response.headers["ETag"] = f'"{item.version}"'
    return to_body(item)
