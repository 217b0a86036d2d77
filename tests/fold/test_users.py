"""Dense numbers of users: what was given in a turn that was rolled back, nobody remembers."""

from __future__ import annotations

from contextlib import suppress

from picoevent.fold.users import FIRST_GIVEN, UserNumbers

ANN, BOB = 2**40, 2**41


def test_a_number_that_was_asked_for_again_in_a_turn_that_was_rolled_back_is_given_anew(folder):
    folder.fold_all()
    numbers = UserNumbers()
    with suppress(ZeroDivisionError), folder.store.transaction() as connection:
        for first in (FIRST_GIVEN, FIRST_GIVEN + 1):
            users = [ANN]
            numbers.number_all(connection, users, first)
            assert users == [FIRST_GIVEN]
        raise ZeroDivisionError
    numbers.drop()

    with folder.store.transaction() as connection:
        users = [BOB]
        following = numbers.number_all(connection, users, FIRST_GIVEN)
        both = [ANN, BOB]
        numbers.number_all(connection, both, following)

    assert both == [FIRST_GIVEN + 1, FIRST_GIVEN]
