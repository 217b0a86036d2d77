"""What every page has in common: it is closed to strangers, and says what it is called when a fault is inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import BaseView

from picoevent_admin.bi import bi
from picoevent_admin.guard import is_signed_in


class Page(BaseView):
    """A page of Flask-Admin that only signed-in analysts see; the guard at the door says the same once more."""

    def is_accessible(self) -> bool:
        """Return whether whoever asks may see this page; Flask-Admin's own answer is always yes."""
        return is_signed_in()

    def inaccessible_callback(self, _name: str, **_: object) -> ResponseReturnValue:
        """Refuse."""
        abort(403)

    def render(self, template: str, **values: Any) -> str:  # noqa: ANN401  # what the template takes
        """Return the page, with how old its data is: measured behind its own questions, and never waited for long."""
        return str(super().render(template, data_age=bi().events.data_age(), **values))

    def _run_view(self, page: Callable[..., ResponseReturnValue], *args: Any, **kwargs: Any) -> ResponseReturnValue:  # noqa: ANN401
        # Flask-Admin's own calls the page a second time, differently, where it raises TypeError.
        return page(self, *args, **kwargs)
