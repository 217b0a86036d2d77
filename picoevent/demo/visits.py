"""What one visitor does, from the first page to the last; not when visits begin, nor what goes wrong."""

from __future__ import annotations

from random import Random

from picoevent.demo import catalogue
from picoevent.demo.catalogue import Entrance, Product
from picoevent.demo.chance import dwell_ms, latency_ms, pick, token
from picoevent.demo.moments import Step
from picoevent.demo.people import People, Visitor

# How likely each turn of a visit is.
BOUNCE = 0.30
GO_ON = 0.60
RECOGNISED = 0.62
SIGN_IN = 0.55
MISTYPED = 0.12
SEARCH = 0.30
VIEW_PRODUCT = 0.78
VIEW_ANOTHER = 0.40
ADD_TO_CART = {"desktop": 0.15, "phone": 0.085, "tablet": 0.12}
REMOVE_FROM_CART = 0.16
CHECK_OUT = 0.62
CREATE_ACCOUNT = 0.35
PASSING_SIGN_UP = 0.012
PAY = 0.84
DECLINED = 0.09
TRY_AGAIN = 0.65
SUBSCRIBE = 0.02
OPEN_TICKET = 0.008
PAGE_MISSING = 0.008
PAGE_BREAKS = 0.003

# What the shop's own service logs; everything else comes from its pages.
SERVICE_TYPES = frozenset(
    {"account.signed_in", "sign_in.failed", "order.paid", "payment.failed", "support.ticket_opened"}
)


class Visit:
    """One walk through the shop. `steps` is in time order, and complete after `walk`."""

    def __init__(self, rng: Random, at_ms: int, people: People, visitor: Visitor) -> None:
        """Begin at `at_ms`; a customer who is not recognised is anonymous until the sign-in."""
        self.steps: list[Step] = []
        self._rng = rng
        self._now_ms = at_ms
        self._people = people
        self._visitor = visitor
        self._user_id = visitor.user_id if rng.random() < RECOGNISED else None
        self._context: dict[str, object] = {
            "session": token(rng),
            "ip": visitor.ip,
            "device": visitor.device,
            "country": visitor.country,
        }
        self._cart: list[tuple[Product, int]] = []

    def walk(self, entrance: Entrance) -> list[Step]:
        """Go through the shop from the entrance on, and return the steps."""
        chance = self._rng.random
        self._open_page(entrance.path, entrance.referrer)
        if chance() < BOUNCE:
            return self.steps
        if self._visitor.user_id is not None and self._user_id is None and chance() < SIGN_IN:
            self._sign_in()
        self._browse()
        while chance() < GO_ON:
            self._browse()
        self._leave_word()
        if self._cart and chance() < CHECK_OUT:
            self._check_out()
        return self.steps

    def _note(self, event_type: str, data: dict[str, object]) -> None:
        """Add a step at the present moment, and let the visitor look for a while."""
        source = "shop-api" if event_type in SERVICE_TYPES else "shop"
        self.steps.append(Step(self._now_ms, event_type, {**data, **self._context}, self._user_id, source))
        self._now_ms += dwell_ms(self._rng)

    def _open_page(self, path: str, referrer: str | None = None) -> None:
        """View a page, which is seldom missing and more seldom breaks."""
        lot = self._rng.random()
        data: dict[str, object] = {"path": path, "status": 200, "latency_ms": latency_ms(self._rng)}
        if referrer:
            data["referrer"] = referrer
        if lot < PAGE_BREAKS:
            self._note("app.error", {"path": path, "status": 500, "error": pick(self._rng, catalogue.ERRORS)})
        elif lot < PAGE_MISSING:
            self._note("page.view", data | {"path": f"{path.rstrip('/')}/old", "status": 404})
        else:
            self._note("page.view", data)

    def _browse(self) -> None:
        """Look for something, by a search or by a category, and look at what is found."""
        if self._rng.random() < SEARCH:
            query, results = pick(self._rng, catalogue.QUERIES)
            self._note("search.performed", {"query": query, "results": results, "latency_ms": latency_ms(self._rng)})
            if not results:
                return
        else:
            self._open_page(pick(self._rng, catalogue.PAGES))
        odds = VIEW_PRODUCT
        while self._rng.random() < odds:
            self._view_product(pick(self._rng, catalogue.SHELF))
            odds = VIEW_ANOTHER

    def _view_product(self, product: Product) -> None:
        """Open an article's page, and perhaps want it."""
        self._open_page(product.path)
        self._note("product.viewed", self._article(product))
        if self._rng.random() < ADD_TO_CART[self._visitor.device]:
            quantity = 1 + int(2.2 * self._rng.random() ** 2)
            self._cart.append((product, quantity))
            self._note("cart.added", self._article(product) | {"quantity": quantity})
        elif self._cart and self._rng.random() < REMOVE_FROM_CART:
            product, quantity = self._cart.pop()
            self._note("cart.removed", self._article(product) | {"quantity": quantity})

    def _article(self, product: Product) -> dict[str, object]:
        """Return what the log says of an article."""
        currency, rate = self._visitor.currency
        return {
            "sku": product.sku,
            "product": product.name,
            "category": product.category,
            "price": round(product.price * rate, 2),
            "currency": currency,
        }

    def _sign_in(self) -> None:
        """Sign in, after a wrong password or two."""
        while self._rng.random() < MISTYPED:
            self._note("sign_in.failed", {"reason": pick(self._rng, catalogue.SIGN_IN_FAILURES)})
        self._user_id = self._visitor.user_id
        self._note("account.signed_in", {"method": pick(self._rng, catalogue.SIGN_IN_METHODS)})

    def _create_account(self) -> None:
        """Become a customer."""
        self._visitor = self._people.register(self._visitor)
        self._user_id = self._visitor.user_id
        self._note("account.created", {"plan": self._visitor.plan})

    def _leave_word(self) -> None:
        """Subscribe, ask for help, or open an account in passing; most people do nothing of it."""
        chance = self._rng.random
        if chance() < SUBSCRIBE:
            self._note("newsletter.subscribed", {"place": "footer"})
        if chance() < OPEN_TICKET:
            topic = pick(self._rng, catalogue.TICKET_TOPICS)
            self._note("support.ticket_opened", {"topic": topic, "channel": "form"})
        if self._visitor.user_id is None and chance() < PASSING_SIGN_UP:
            self._create_account()

    def _check_out(self) -> None:
        """Go to the till: customers sign in there, some strangers become customers, some people turn back."""
        currency, rate = self._visitor.currency
        amount = round(sum(product.price * quantity for product, quantity in self._cart) * rate, 2)
        bill: dict[str, object] = {
            "items": sum(quantity for _, quantity in self._cart),
            "amount": amount,
            "currency": currency,
        }
        self._open_page("/checkout")
        self._note("checkout.started", bill)
        if self._user_id is None and self._visitor.user_id is not None:
            self._sign_in()
        elif self._user_id is None and self._rng.random() < CREATE_ACCOUNT:
            self._create_account()
        if self._rng.random() < PAY:
            self._pay(bill)

    def _pay(self, bill: dict[str, object]) -> None:
        """Pay the bill; a card that is declined is tried again, or not."""
        order = {"order": token(self._rng), **bill, "method": pick(self._rng, catalogue.PAYMENT_METHODS)}
        if self._visitor.plan is not None and self._user_id is not None:
            order["plan"] = self._visitor.plan
        while self._rng.random() < DECLINED:
            self._note("payment.failed", order | {"reason": pick(self._rng, catalogue.DECLINES)})
            if self._rng.random() > TRY_AGAIN:
                return
        # The dearest article stands for the order where the log asks for one category.
        product = max(self._cart, key=lambda line: line[0].price * line[1])[0]
        self._note("order.paid", order | {"sku": product.sku, "category": product.category})
