"""Tell objects that their process was forked off another, without keeping them alive for it."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class _ToldOfForks(Protocol):
    def after_fork(self) -> None: ...


# A plain set: adding, discarding and copying it are single steps, so it is whole after a fork
# whatever another thread was about to do.
_told: Final[set[weakref.ref[_ToldOfForks]]] = set()


def tell_of_forks(subject: _ToldOfForks) -> None:
    """Call `subject.after_fork()` in every child process, as long as *subject* lives."""
    _told.add(weakref.ref(subject, _told.discard))


def _tell() -> None:
    for reference in tuple(_told):
        subject = reference()
        if subject is not None:
            subject.after_fork()


# Once for all: what is registered here can never be taken back.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
