"""Cases that failed once, by what was wrong."""

from __future__ import annotations

from .cases import Begin, Cancel, Case, Move, Node, Turns
from .worlds import Leaf

GOOD, BAD, STUCK = Leaf("async"), Leaf("async", ("fail",)), Leaf("async", ("stuck",))

KEPT: dict[str, Case] = {
    "branch fails in the moment in which the caller is cancelled": Case(
        Node("parallel", (GOOD, BAD)), (Begin(), Turns(1), Cancel())
    ),
    "branch fails and the caller is cancelled before a retry": Case(
        Node("retry", (Node("parallel", (GOOD, BAD)),)), (Begin(), Turns(1), Cancel())
    ),
    "limit passes after a branch failed": Case(
        Node("timeout", (Node("retry", (Node("parallel", (GOOD, BAD)),)),)),
        (Begin(), Turns(3), Move(3.0)),
    ),
    "hedge saves a call whose branch failed": Case(
        Node("hedge_steps", (Node("parallel", (GOOD, BAD)), GOOD)), (Begin(), Turns(3))
    ),
    "undoing fails for somebody who was cancelled": Case(
        Node("saga_in_vain", (STUCK,)), (Begin(), Turns(2), Cancel())
    ),
    "somebody is cancelled while undoing fails": Case(
        Node("saga_in_vain", (BAD,)),
        (Begin(), Begin(), Move(0.1), Cancel(1)),
    ),
    "older call is refused after younger ones were": Case(
        Node(
            "rate_limit_windows",
            (Node("bulkhead_shared", (Leaf("sync"), Leaf("async", ("stuck",)))),),
        ),
        (Begin(), Begin(seconds=1.0), Begin(), Begin(), Begin(), Begin()),
    ),
    "winner of a hedge fails when its reader is cancelled": Case(
        Node("hedge_steps", (Leaf("async", ("refuse",)), Leaf("chunks", ("refuse",), part=1))),
        (
            *[Begin()] * 7,
            Move(0.1),
            Begin(how="stream"),
            Turns(4),
            Move(0.1, lively=False),
            Cancel(),
        ),
    ),
}
