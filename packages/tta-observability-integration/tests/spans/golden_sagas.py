"""What spans of sagas say: which step, which undo, and how both belong together."""

from __future__ import annotations

from typing import Any

from tta_dev_primitives import LambdaPrimitive, SagaPrimitive

from .golden_core import LAMBDA, broken, plus_one
from .golden_recovery import FAILED_APP, fresh
from .golden_spans import call, workflow
from .golden_tracers import Case, ignoring


def booking(*, undo: Any = lambda effect: None) -> Any:
    saga = SagaPrimitive(
        LambdaPrimitive(plus_one, name="book"),
        undo=LambdaPrimitive(lambda effect: None, name="cancel"),
        name="s",
    )
    return saga.then(LambdaPrimitive(broken, name="pay"), LambdaPrimitive(undo, name="refund"))


def refuses(effect: object) -> None:
    raise OSError


UNDONE = {
    "tta.saga.step": "pay",
    "tta.saga.steps": 2,
    "tta.saga.compensated": 2,
    "tta.saga.compensation.result": "ok",
}
NOT_UNDONE = {**UNDONE, "tta.saga.compensation.result": "error"}
SAGA_STEPS = [
    call(2, "lambda book", LAMBDA, "0.app/0.s/0.book", {"tta.saga.step": "book"}),
    call(
        2,
        "lambda pay",
        LAMBDA,
        "0.app/0.s/2.pay",
        {"tta.saga.step": "pay"},
        outcome="error",
        error="LookupError",
    ),
]
CANCEL = call(
    2,
    "lambda cancel",
    LAMBDA,
    "0.app/0.s/1.cancel",
    {"tta.saga.step": "book", "tta.saga.undo": True},
    links=["0.app/0.s/0.book"],
)

CASES = [
    Case(
        "saga",
        ignoring(LookupError)(fresh(booking)),
        [
            FAILED_APP,
            call(
                1,
                "saga s",
                "SagaPrimitive",
                "0.app/0.s",
                UNDONE,
                outcome="error",
                error="LookupError",
                events=[("tta.saga.compensated", UNDONE)],
            ),
            *SAGA_STEPS,
            call(
                2,
                "lambda refund",
                LAMBDA,
                "0.app/0.s/3.refund",
                {"tta.saga.step": "pay", "tta.saga.undo": True},
                links=["0.app/0.s/2.pay"],
            ),
            CANCEL,
        ],
    ),
    Case(
        "saga that could not be undone",
        ignoring(Exception)(fresh(lambda: booking(undo=refuses))),
        [
            workflow("app", "SequentialPrimitive", outcome="error", error="CompensationError"),
            call(
                1,
                "saga s",
                "SagaPrimitive",
                "0.app/0.s",
                NOT_UNDONE,
                outcome="error",
                error="CompensationError",
                events=[("tta.saga.compensated", NOT_UNDONE)],
            ),
            *SAGA_STEPS,
            call(
                2,
                "lambda refund",
                LAMBDA,
                "0.app/0.s/3.refund",
                {"tta.saga.step": "pay", "tta.saga.undo": True},
                outcome="error",
                error="OSError",
                links=["0.app/0.s/2.pay"],
            ),
            CANCEL,
        ],
    ),
]
