"""What the demo shop sells, and the words, pages and places around it. Tables only: no chance, no events."""

from __future__ import annotations

from typing import NamedTuple

from picoevent.demo.chance import deck


class Product(NamedTuple):
    """One article; `price` is in EUR."""

    sku: str
    name: str
    category: str
    price: float
    path: str


class Entrance(NamedTuple):
    """Where a visit begins: the page, and the host of the link that led there (None: typed or bookmarked)."""

    path: str
    referrer: str | None


_ARTICLES = {
    "tea": (
        ("Green tea 250 g", 8.90),
        ("Earl Grey 250 g", 7.50),
        ("Peppermint 100 g", 4.20),
        ("Rooibos vanilla 250 g", 6.80),
        ("Darjeeling first flush 100 g", 14.50),
        ("Jasmine pearls 100 g", 16.90),
        ("Camomile 100 g", 3.90),
        ("Ginger and lemon 100 g", 4.60),
    ),
    "coffee": (
        ("House blend 1 kg", 21.90),
        ("Espresso dark 500 g", 12.40),
        ("Decaffeinated 500 g", 13.20),
        ("Ethiopia light roast 250 g", 11.80),
        ("Colombia 1 kg", 24.50),
        ("Cold brew bags, 10", 9.90),
    ),
    "brewing": (
        ("Glass teapot 1.2 l", 34.00),
        ("French press 1 l", 29.90),
        ("Hand filter, ceramic", 24.50),
        ("Paper filters, 100", 4.90),
        ("Electric kettle 1.7 l", 59.00),
        ("Gooseneck kettle", 74.00),
        ("Moka pot, 6 cups", 32.50),
    ),
    "grinders": (
        ("Hand grinder", 49.00),
        ("Electric grinder", 129.00),
        ("Espresso grinder", 349.00),
    ),
    "cups": (
        ("Mug, blue", 11.90),
        ("Mug, white", 11.90),
        ("Espresso cups, 4", 26.00),
        ("Tea glasses, 6", 31.00),
        ("Travel mug 350 ml", 22.90),
    ),
    "sweets": (
        ("Shortbread 200 g", 5.40),
        ("Dark chocolate 100 g", 3.80),
        ("Candied ginger 150 g", 4.70),
        ("Rock sugar 500 g", 3.60),
    ),
    "gifts": (
        ("Gift box, tea", 39.00),
        ("Gift box, coffee", 42.00),
        ("Voucher 25", 25.00),
        ("Voucher 50", 50.00),
        ("Advent calendar, tea", 29.90),
    ),
}


def _products() -> tuple[Product, ...]:
    """Return all articles, numbered within their category as in TEA-001."""
    return tuple(
        Product(f"{category[:3].upper()}-{number:03}", name, category, price, f"/{category}/{number}")
        for category, articles in _ARTICLES.items()
        for number, (name, price) in enumerate(articles, start=1)
    )


PRODUCTS = _products()

# A few articles sell most: the weight falls with the place in the catalogue, taken every seventh so that
# each category has a favourite.
SHELF = deck({product: 1 + 90 // (2 + place * 7 % len(PRODUCTS)) for place, product in enumerate(PRODUCTS)})

PAGES = deck({f"/{category}": 6 for category in _ARTICLES} | {"/sale": 5, "/blog": 4, "/shipping": 2, "/about": 1})

ENTRANCES = deck(
    {
        Entrance("/", None): 30,
        Entrance("/", "search.example"): 22,
        Entrance("/coffee", "search.example"): 9,
        Entrance("/tea", "search.example"): 9,
        Entrance("/blog", "social.example"): 8,
        Entrance("/sale", "mail.example"): 7,
        Entrance("/brewing", "reviews.example"): 5,
        Entrance("/grinders", "prices.example"): 6,
        Entrance("/gifts", "social.example"): 4,
    }
)
CAMPAIGN_ENTRANCE = Entrance("/sale", "mail.example")

# Query and how many articles it finds: nought is what the shop does not have, or what was misspelt.
QUERIES = deck(
    {
        ("green tea", 6): 14,
        ("espresso", 5): 12,
        ("coffee beans", 6): 11,
        ("grinder", 3): 9,
        ("mug", 3): 8,
        ("decaf", 1): 6,
        ("kettle", 2): 6,
        ("gift", 4): 6,
        ("chocolate", 1): 5,
        ("matcha", 0): 5,
        ("oat milk", 0): 4,
        ("expresso", 0): 3,
        ("capsules", 0): 3,
    }
)

DEVICES = deck({"phone": 56, "desktop": 38, "tablet": 6})
COUNTRIES = deck({"DE": 60, "AT": 11, "CH": 8, "NL": 6, "FR": 5, "PL": 4, "GB": 3, "DK": 2, "US": 1})

# Currencies that are not EUR, and what one EUR is in them.
CURRENCIES = {
    "CH": ("CHF", 0.96),
    "GB": ("GBP", 0.86),
    "US": ("USD", 1.08),
    "PL": ("PLN", 4.30),
    "DK": ("DKK", 7.46),
}

PLANS = deck({"basic": 78, "plus": 22})
PAYMENT_METHODS = deck({"card": 46, "wallet": 31, "invoice": 15, "bank_transfer": 8})
DECLINES = deck({"declined": 6, "insufficient_funds": 3, "limit_reached": 2, "gateway_timeout": 1})
CARRIERS = deck({"parcel": 7, "express": 2, "pick_up": 1})
REFUND_REASONS = deck({"changed_mind": 5, "damaged": 3, "late": 2})
SIGN_IN_METHODS = deck({"password": 7, "passkey": 2, "mail_link": 1})
SIGN_IN_FAILURES = deck({"wrong_password": 8, "unknown_account": 2, "expired_link": 1})
STARS = deck({5: 52, 4: 26, 3: 11, 2: 5, 1: 6})
TICKET_TOPICS = deck({"delivery": 5, "return": 3, "payment": 2, "product": 2, "account": 1})
ERRORS = deck({"timeout": 4, "template_missing": 1, "stock_service_unreachable": 3, "bad_request": 2})
