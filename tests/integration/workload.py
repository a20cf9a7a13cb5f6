"""An app as a user would write it: a traced workflow against the test server.

    python workload.py METRICS_PORT [OTLP_ENDPOINT]

Runs the workflow, says `ready`, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys

from observability_integration import initialize_observability
from observability_integration.apm_setup import shutdown_observability
from tta_dev_primitives import (
    CachePrimitive,
    LambdaPrimitive,
    LLMRequest,
    OpenAIPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
)
from tta_dev_primitives.testing.llm_server import LLMServer, Overloaded, Reply


async def run_workflow() -> None:
    """Ask three times for two things; the second request fails once."""
    async with (
        LLMServer(["desk"]) as server,
        OpenAIPrimitive("desk", base_url=server.openai_base_url, api_key="test") as model,
    ):
        server.script([Reply("one"), Overloaded(), Reply("two")])
        patient = RetryPrimitive(TimeoutPrimitive(model, 5), RetryStrategy(initial_delay=0.01))
        ask = CachePrimitive[LLMRequest, str](
            patient >> LambdaPrimitive(lambda answer: answer.text, name="text")
        )
        workflow = LambdaPrimitive(LLMRequest.of, name="request") >> ask
        said = [await workflow.execute(prompt) for prompt in ("first", "second", "first")]
    assert said == ["one", "two", "one"], said


def main() -> None:
    """Run, report, wait."""
    endpoint = sys.argv[2] if len(sys.argv) > 2 else None
    on = initialize_observability(
        service_name="workload", prometheus_port=int(sys.argv[1]), otlp_endpoint=endpoint
    )
    assert on
    asyncio.run(run_workflow())
    print("ready", flush=True)
    sys.stdin.read()
    shutdown_observability()


if __name__ == "__main__":
    main()
