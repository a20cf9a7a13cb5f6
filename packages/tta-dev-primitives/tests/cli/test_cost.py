"""`tta cost` ends as its verdict says, and turns mistakes into one line."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.cli.cost_demo import judge_bills
from tta_dev_primitives.demo.measured_arms import EVERY_TIER, run_measured_arms
from tta_dev_primitives.demo.tickets import generate_tickets

SCRIPT = Path(__file__).resolve().parents[4] / "scripts/validation/validate-cost-optimization.py"
ROUTER = """\
from tta_dev_primitives import RouterPrimitive


def route(request, context):
    return "gpt-4o-mini" if "easy" in request.messages[-1]["content"] else "gpt-4o"


async def never_called(request):
    raise AssertionError("a replay calls no model")


router = RouterPrimitive({"gpt-4o-mini": never_called, "gpt-4o": never_called}, router_fn=route)
"""
PRICES = """\
[[price]]
model = "our-own"
input_per_million = 2.0
output_per_million = 8.0
"""


def drawn(*parts: object) -> float:
    """Return a number from 0 up to 1 that depends on *parts* alone."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:12], 16) / 16**12


def row(number: int, *, small: float = 0.99, repeats: float = 0.3, **more: Any) -> dict[str, Any]:
    """A request of traffic that a cache and a router make cheaper."""
    again = drawn("repeat", number) < repeats
    text = f"easy question {number % 7}" if again else f"question {number}"
    return {
        "id": f"r{number}",
        "ts": 1_790_000_000 + number,
        "model": "gpt-4o",
        "prompt": text,
        "usage": {"input": 400, "output": 100},
        "scores": {"gpt-4o": 1, "gpt-4o-mini": int(drawn("small", text) < small)},
        **more,
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


@pytest.fixture
def traffic(folder: Path) -> Path:
    return write(folder / "traffic.jsonl", [row(number) for number in range(800)])


def test_what_saves_enough_passes(tta: Any, traffic: Path) -> None:
    ended = tta("cost", "traffic.jsonl", "--no-adoption")
    assert (ended.code, ended.out.splitlines()[0]) == (0, "verdict: PASS")


def test_a_small_model_that_errs_fails_on_quality(tta: Any, folder: Path) -> None:
    rows = [row(number, small=0.5) for number in range(400)]
    (folder / "router.py").write_text(ROUTER.replace('"easy" in', '"question" in'))
    write(folder / "traffic.jsonl", rows)
    ended = tta("cost", "traffic.jsonl", "--router", "router.py:router", "--no-adoption")
    assert ended.code == 1
    assert "target 95%: not met" in ended.out


def test_one_model_without_repeats_fails_on_saving(tta: Any, folder: Path) -> None:
    rows = [row(number, repeats=0, scores={"gpt-4o": 1}) for number in range(400)]
    write(folder / "traffic.jsonl", rows)
    ended = tta("cost", "traffic.jsonl", "--no-adoption")
    assert ended.code == 1
    assert "saving 0.0%" in ended.out


@pytest.mark.parametrize(("more", "code"), [([], 3), (["--strict"], 1)], ids=["plain", "strict"])
def test_no_traffic_is_not_measured(tta: Any, folder: Path, more: list[str], code: int) -> None:
    (folder / "empty.jsonl").write_text("")
    ended = tta("cost", "empty.jsonl", "--no-adoption", *more)
    assert (ended.code, ended.out.splitlines()[0]) == (code, "verdict: NOT MEASURED")


def test_twelve_tickets_of_the_demo_are_not_measured(tta: Any) -> None:
    ended = tta("cost", "--tickets", "12", "--no-adoption", "--json")
    assert ended.code == 3
    assert json.loads(ended.out)["verdict"]["status"] == "NOT MEASURED"


def test_a_router_of_ones_own_is_asked_and_runs_nothing(tta: Any, traffic: Path) -> None:
    traffic.with_name("router.py").write_text(ROUTER)
    ended = tta("cost", "traffic.jsonl", "--router", "router.py:router", "--no-adoption", "--json")
    measured = json.loads(ended.out)
    assert measured["traffic"]["fitted_on"] == 0
    assert [arm["name"] for arm in measured["arms"]] == ["as is", "cache", "cache and router"]


def test_models_without_a_price_are_listed(tta: Any, folder: Path) -> None:
    write(folder / "traffic.jsonl", [row(number, model="our-own") for number in range(3)])
    ended = tta("cost", "traffic.jsonl")
    assert ended.code == 2
    assert "'our-own' (3)" in ended.err


def test_prices_of_ones_own_are_read(tta: Any, folder: Path) -> None:
    rows = [row(number, model="our-own", scores={"our-own": 1}) for number in range(40)]
    write(folder / "traffic.jsonl", rows)
    (folder / "prices.toml").write_text(PRICES)
    ended = tta("cost", "traffic.jsonl", "--prices", "prices.toml", "--no-adoption", "--json")
    as_is = json.loads(ended.out)["arms"][0]
    assert as_is["cost_usd"] == pytest.approx(40 * (400 * 2 + 100 * 8) / 1e6)


@pytest.mark.parametrize(
    ("chosen", "begin"),
    [
        ("text", "verdict: "),
        ("json", "{"),
        ("markdown", "#"),
        ("html", "<!doctype html>"),
    ],
)
def test_a_report_goes_into_a_file(tta: Any, traffic: Path, chosen: str, begin: str) -> None:
    ended = tta("cost", "traffic.jsonl", "--format", chosen, "--output", "report")
    assert ended.out == "PASS; the report is in report\n"
    assert traffic.with_name("report").read_text().lower().startswith(begin)


def test_advice_names_the_levers(tta: Any, traffic: Path) -> None:
    ended = tta("cost", "advise", "traffic.jsonl")
    assert ended.code == 0
    assert "1. " in ended.out
    assert "CachePrimitive(" in ended.out


def test_two_periods_are_compared(tta: Any, traffic: Path) -> None:
    write(traffic.with_name("later.jsonl"), [row(number, repeats=0) for number in range(1600)])
    ended = tta("cost", "diff", "traffic.jsonl", "later.jsonl", "--json")
    assert ended.code == 0
    total = json.loads(ended.out)["total"]
    assert total["after"] == pytest.approx(2 * total["before"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl"], "missing.jsonl"),
        (["traffic.jsonl", "traffic.jsonl"], "one FILE can be measured at a time"),
        (["traffic.jsonl", "--tickets", "20"], "--tickets is for the demo"),
        (["traffic.jsonl", "--json", "--format", "html"], "do not go together"),
        (["traffic.jsonl", "--target", "140%"], "from 0 to 1"),
        (["traffic.jsonl", "--target", "forty"], "from 0 to 1"),
        (["traffic.jsonl", "--router", "nowhere.py:router"], "no file nowhere.py"),
        (["traffic.jsonl", "--router", "plain.py:step"], "has no RouterPrimitive"),
        (["traffic.jsonl", "--prices", "no.toml"], "no.toml"),
        (["advise"], "takes one FILE"),
        (["diff", "traffic.jsonl"], "takes two FILEs"),
        (["advise", "traffic.jsonl", "--format", "html"], "has no HTML page"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_misuse_is_one_line(tta: Any, traffic: Path, arguments: list[str], said: str) -> None:
    traffic.with_name("plain.py").write_text(
        "from tta_dev_primitives import LambdaPrimitive\nstep = LambdaPrimitive(str)\n"
    )
    ended = tta("cost", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_report_that_cannot_be_written_is_told(tta: Any, traffic: Path) -> None:
    ended = tta("cost", "traffic.jsonl", "--output", "nowhere/report")
    assert ended.code == 1
    assert ended.err.startswith("tta: cannot write nowhere/report: ")


def test_the_script_is_the_command(folder: Path) -> None:
    (folder / "empty.jsonl").write_text("")
    ended = subprocess.run(
        [sys.executable, SCRIPT, "empty.jsonl", "--no-adoption", "--json"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )
    assert ended.returncode == 3
    assert json.loads(ended.stdout)["traffic"]["requests"] == 0


class TestTheDemo:
    """The verdict on the demo is measured: it falls where the demo gets worse."""

    async def judged(self, **changes: Any) -> Any:
        tickets = generate_tickets(150, seed=2, repeat_share=changes.pop("repeat_share", 0.3))
        bills = await run_measured_arms(tickets, seed=2, latency_factor=0.01, **changes)
        return judge_bills(tickets, bills).verdict

    async def test_it_passes(self) -> None:
        verdict = await self.judged()
        assert verdict.status == "PASS", verdict

    async def test_cheap_models_that_err_half_the_time_fail_on_quality(self) -> None:
        verdict = await self.judged(error_rates={"small": 0.5, "medium": 0.5})
        assert verdict.status == "FAIL"
        assert any("quality" in line and "not met" in line for line in verdict.reasons)

    async def test_one_model_and_no_repeats_fail_on_saving(self) -> None:
        verdict = await self.judged(repeat_share=0, tiers=dict.fromkeys(EVERY_TIER, "large"))
        assert verdict.status == "FAIL"
        assert any("saving" in line and "not met" in line for line in verdict.reasons)
