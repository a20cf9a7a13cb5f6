"""`tta cost` ends as its verdict says, and turns mistakes into one line."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
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
BROKEN = """\
from tta_dev_primitives import RouterPrimitive


def route(request, context):
    raise KeyError("nothing")


raises = RouterPrimitive({"gpt-4o": str}, route)
fastest = RouterPrimitive({"gpt-4o": str}, strategy="latency")
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


def row(number: int, *, small: float = 0.99, repeats: float = 0.5, **more: Any) -> dict[str, Any]:
    """A request of traffic that a cache and a router make cheaper."""
    again = drawn("repeat", number) < repeats
    text = f"easy question {number % 201}" if again else f"question {number}"
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
    return write(folder / "traffic.jsonl", [row(number) for number in range(1600)])


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


@pytest.mark.parametrize(
    ("function", "seen"),
    [
        ('"gpt-4o-mini" if x.startswith("easy") else "gpt-4o"', "the text of each request"),
        ('"gpt-4o-mini" if x.messages else "gpt-4o"', "an LLMRequest"),
    ],
    ids=["texts", "requests"],
)
def test_a_router_sees_what_it_was_written_for(
    tta: Any, traffic: Path, function: str, seen: str
) -> None:
    """A router whose function takes a text ended in a traceback."""
    traffic.with_name("router.py").write_text(
        "from tta_dev_primitives import RouterPrimitive\n"
        "routes = {'gpt-4o-mini': str, 'gpt-4o': str}\n"
        f"router = RouterPrimitive(routes, lambda x, _: {function})\n"
    )
    ended = tta("cost", "traffic.jsonl", "--router", "router.py:router", "--no-adoption")
    assert ended.code in (0, 1), ended.err
    assert f"router: it saw {seen}" in ended.out


def test_a_route_with_several_models_is_priced_as_the_first_and_told(
    tta: Any, traffic: Path
) -> None:
    """A route that asks a dear model after a cheap one is priced as the cheap one, in silence."""
    traffic.with_name("router.py").write_text(
        "from tta_dev_primitives import OpenAIPrimitive, RouterPrimitive\n"
        "small = OpenAIPrimitive('gpt-4o-mini', api_key='k')\n"
        "large = OpenAIPrimitive('gpt-4o', api_key='k')\n"
        "router = RouterPrimitive({'both': small >> large}, lambda x, _: 'both')\n"
    )
    ended = tta("cost", "traffic.jsonl", "--router", "router.py:router", "--no-adoption", "--json")
    told = "route 'both' is priced as 'gpt-4o-mini', the first of its models: gpt-4o-mini, gpt-4o"
    assert told in json.loads(ended.out)["notes"]


def test_a_log_is_read_from_standard_input(tta: Any, traffic: Path) -> None:
    """What another command writes had to be a file first."""
    ended = subprocess.run(
        [sys.executable, "-m", "tta_dev_primitives", "cost", "-", "--no-adoption"],
        input=traffic.read_bytes(),
        capture_output=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, b"verdict: PASS"), ended.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_written_to_and_stays_one(tta: Any, traffic: Path) -> None:
    """A report for a pipe or a device took its place: root had a plain file as /dev/null."""
    pipe = traffic.with_name("pipe")
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    ended = tta("cost", "traffic.jsonl", "--no-adoption", "--output", "pipe")
    assert ended.code == 0, ended.err
    assert pipe.is_fifo()
    reader.join(timeout=10)
    assert read[0].startswith("verdict: PASS")


def test_the_report_fits_the_terminal(tta: Any, traffic: Path, monkeypatch: Any) -> None:
    """Sentences were as wide as a hundred columns on a screen of forty."""
    monkeypatch.setenv("COLUMNS", "40")
    ended = tta("cost", "traffic.jsonl", "--no-adoption")
    notes = ended.out.partition("\nNotes\n")[2].splitlines()
    assert notes
    assert max(map(len, notes)) <= 40


def test_models_without_a_price_are_listed(tta: Any, folder: Path) -> None:
    write(folder / "traffic.jsonl", [row(number, model="our-own") for number in range(3)])
    ended = tta("cost", "traffic.jsonl")
    assert ended.code == 2
    assert "'our-own' (3 requests)" in ended.err


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
    write(traffic.with_name("later.jsonl"), [row(number, repeats=0) for number in range(3200)])
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
        (
            ["traffic.jsonl", "--router", "broken.py:raises"],
            "raised KeyError on request r0: 'nothing'",
        ),
        (["traffic.jsonl", "--router", "broken.py:fastest"], "strategy is 'latency'"),
        (["advise"], "takes one FILE"),
        (["diff", "-", "-"], "standard input can be read once"),
        (["diff", "traffic.jsonl"], "takes two FILEs"),
        (["advise", "traffic.jsonl", "--format", "html"], "has no HTML page"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_misuse_is_one_line(tta: Any, traffic: Path, arguments: list[str], said: str) -> None:
    traffic.with_name("plain.py").write_text(
        "from tta_dev_primitives import LambdaPrimitive\nstep = LambdaPrimitive(str)\n"
    )
    traffic.with_name("broken.py").write_text(BROKEN)
    ended = tta("cost", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("output", "said"),
    [("nowhere/report", "there is no folder nowhere"), (".", "it is a folder")],
)
@pytest.mark.parametrize("action", [[], ["advise"]], ids=["measure", "advise"])
def test_a_report_that_cannot_be_written_is_told_at_once(
    tta: Any, folder: Path, action: list[str], output: str, said: str
) -> None:
    """Minutes of a replay were lost to a misspelt folder."""
    ended = tta("cost", *action, "not-even-there.jsonl", "--output", output)
    assert ended.code == 1
    assert ended.err.startswith(f"tta: cannot write {output}: {said}")


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be sent")
def test_a_polite_stop_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    """A CI job that was cancelled left a folder as large as its traffic."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "tta_dev_primitives", "cost", "-", "--no-adoption"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as reader:
        assert reader.stdin is not None
        reader.stdin.write(json.dumps(row(1)).encode() + b"\n")
        reader.stdin.flush()
        give_up = time.monotonic() + 30
        while not any(scratch.rglob("traffic.db")):
            assert reader.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        reader.terminate()
        assert reader.wait(timeout=30) == 130
    assert not any(scratch.iterdir())


class TestTheDemo:
    """The verdict on the demo is measured: it falls where the demo gets worse."""

    async def judged(self, count: int = 150, **changes: Any) -> Any:
        tickets = generate_tickets(count, seed=2, repeat_share=changes.pop("repeat_share", 0.3))
        bills = await run_measured_arms(tickets, seed=2, latency_factor=0.01, **changes)
        return judge_bills(tickets, bills).verdict

    async def test_it_passes(self) -> None:
        verdict = await self.judged(300)  # with half of them there may be too few hits to judge
        assert verdict.status == "PASS", verdict

    async def test_cheap_models_that_err_half_the_time_fail_on_quality(self) -> None:
        verdict = await self.judged(error_rates={"small": 0.5, "medium": 0.5})
        assert verdict.status == "FAIL"
        assert any("quality" in line and "not met" in line for line in verdict.reasons)

    async def test_one_model_and_no_repeats_fail_on_saving(self) -> None:
        verdict = await self.judged(repeat_share=0, tiers=dict.fromkeys(EVERY_TIER, "large"))
        assert verdict.status == "FAIL"
        assert any("saving" in line and "not met" in line for line in verdict.reasons)
