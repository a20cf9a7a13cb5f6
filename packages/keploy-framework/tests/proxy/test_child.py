"""What a child is told: the proxy, whom to trust, and where its dependencies are."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keploy_framework.errors import TargetError
from keploy_framework.proxy import (
    AnsweredCalls,
    CertificateAuthority,
    Dependency,
    DependencyListeners,
    TrustFiles,
    child_environment,
    dependencies_of,
    trust_files,
)
from keploy_framework.proxy.child.environment import NODE_SHIM, PYTHON_SHIM

PROXY = "http://127.0.0.1:3128"
TRUST = TrustFiles(Path("/trust/own.pem"), Path("/trust/all.pem"))
BUNDLES = (
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CARGO_HTTP_CAINFO", "DENO_CERT",
)  # fmt: skip


def test_every_client_that_reads_variables_is_led() -> None:
    """A client that reads a variable went past the proxy, or did not trust it."""
    base = {"PATH": "/bin", "NO_PROXY": "localhost", "no_proxy": "*", "HTTPS_PROXY": "http://old"}
    child = child_environment(base, proxy_url=PROXY, trust=TRUST)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        assert child[name] == child[name.lower()] == PROXY
    assert child["NO_PROXY"] == child["no_proxy"] == ""
    assert {child[name] for name in BUNDLES} == {str(TRUST.bundle)}
    assert child["NODE_EXTRA_CA_CERTS"] == str(TRUST.authority)
    assert child["PATH"] == "/bin"
    assert "PIP_CERT" not in child
    assert base["HTTPS_PROXY"] == "http://old"


def test_the_users_own_paths_and_options_stay() -> None:
    """The app no longer found its modules, or lost its options."""
    base = {"PYTHONPATH": "/mine", "NODE_OPTIONS": "--max-old-space-size=100"}
    child = child_environment(base, proxy_url=PROXY, trust=TRUST)
    assert child["PYTHONPATH"] == f"{PYTHON_SHIM}{os.pathsep}/mine"
    assert child["NODE_OPTIONS"] == f'--require "{NODE_SHIM}" --max-old-space-size=100'


def test_without_shims_nothing_is_loaded_into_the_app() -> None:
    """The shims were switched off and still loaded."""
    child = child_environment({}, proxy_url=PROXY, trust=TRUST, shims=False)
    assert not {"PYTHONPATH", "NODE_OPTIONS", "KEPLOY_PROXY_URL"} & set(child)
    assert child["NODE_USE_ENV_PROXY"] == "1"


def test_without_an_authority_the_childs_own_trust_stays() -> None:
    """A child was told to trust a file that is not there."""
    child = child_environment({"SSL_CERT_FILE": "/mine"}, proxy_url=PROXY, trust=None)
    assert child["SSL_CERT_FILE"] == "/mine"
    assert "NODE_EXTRA_CA_CERTS" not in child


def test_the_bundle_adds_to_what_the_child_trusts(
    authority: CertificateAuthority, world: CertificateAuthority, world_file: Path
) -> None:
    """A child that trusts a company's authority stopped trusting it."""
    with trust_files(authority.pem, {"SSL_CERT_FILE": str(world_file)}) as files:
        bundle = files.bundle.read_bytes()
        assert files.authority.read_bytes() == authority.pem
        context = ssl.create_default_context(cafile=str(files.bundle))
    assert world.pem in bundle
    assert authority.pem in bundle
    assert len(context.get_ca_certs()) == 2


def test_the_system_is_still_trusted(authority: CertificateAuthority) -> None:
    """A child that calls past the proxy trusted nobody any more."""
    with trust_files(authority.pem, {}) as files:
        context = ssl.create_default_context(cafile=str(files.bundle))
    assert len(context.get_ca_certs()) > 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights elsewhere")
def test_the_files_are_private_and_go(authority: CertificateAuthority) -> None:
    """Another user could change whom the app trusts, or files were left behind."""
    with trust_files(authority.pem, {}) as files:
        folder = files.bundle.parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("environment", "declared", "expected"),
    [
        ({}, {}, {}),
        (
            {"OPENAI_BASE_URL": "http://localhost:8080/v1"},
            {},
            {"openai": Dependency("http://localhost:8080/v1", "OPENAI_BASE_URL")},
        ),
        (
            {"ANTHROPIC_BASE_URL": "https://llm.example"},
            {},
            {"anthropic": Dependency("https://llm.example", "ANTHROPIC_BASE_URL")},
        ),
        (
            {"OPENAI_BASE_URL": "http://localhost:8080/v1"},
            {"llm": Dependency(OPENAI, "OPENAI_BASE_URL")},
            {"llm": Dependency(OPENAI, "OPENAI_BASE_URL")},
        ),
        ({"OPENAI_BASE_URL": "not a url"}, {}, {}),
        ({"OPENAI_BASE_URL": ""}, {}, {}),
    ],
    ids=["unset", "openai", "anthropic", "declared-wins", "no-url", "empty"],
)
def test_a_base_url_of_the_users_own_gets_a_listener(environment, declared, expected) -> None:
    """An app with a base URL of its own went past the recording."""
    assert dependencies_of(environment, declared) == expected


@pytest.mark.parametrize(
    ("dependency", "path"),
    [
        (Dependency("https://api.openai.com", "OPENAI_BASE_URL"), "/v1"),
        (Dependency("https://api.openai.com/", "OPENAI_BASE_URL"), "/v1"),
        (Dependency("https://api.openai.com"), ""),
        (Dependency(OPENAI, "OPENAI_BASE_URL"), "/v1"),
        (Dependency("https://api.anthropic.com", "ANTHROPIC_BASE_URL"), ""),
        (Dependency("http://localhost:9/deep/er", "X_URL"), "/deep/er"),
    ],
)
async def test_a_listeners_url_has_the_path_that_the_library_expects(
    mocks, call, dependency: Dependency, path: str
) -> None:
    """A library that is told a base URL called a path that its server does not have."""
    calls = AnsweredCalls(mocks, None)
    async with DependencyListeners({"it": dependency}, calls) as listeners:
        url = listeners.urls["it"]
        port = int(url.split(":")[2].partition("/")[0])
        assert url == f"http://127.0.0.1:{port}{path}"
        assert listeners.targets == ({dependency.env: url} if dependency.env else {})
        assert (await (await call(port)).ask(f"{path}/x"))[1] == b"mock"
    with pytest.raises(OSError):
        await call(port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    """A port that cannot be listened on was found out only when the run began."""
    with pytest.raises(TargetError, match="no TCP port"):
        Dependency(OPENAI, listen=port)


def run_python(code: str, *paths: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python that loads our file first, then those of *paths*."""
    child = child_environment(
        {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), **variables},
        proxy_url=PROXY,
        trust=TRUST,
    )
    return subprocess.run(
        [sys.executable, "-c", code], env=child, capture_output=True, text=True, timeout=30
    )


def test_the_users_own_start_file_still_runs(tmp_path: Path) -> None:
    """The app's own sitecustomize was hidden by ours."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.mine = __name__, __file__\n")
    done = run_python("import sys, sitecustomize as s; print(*sys.mine, s.__file__)", tmp_path)
    mine = str(tmp_path / "sitecustomize.py")
    assert done.stdout.split() == ["sitecustomize", mine, mine]
    assert done.stderr == ""


def test_a_start_file_that_finds_ours_again_does_no_harm(tmp_path: Path) -> None:
    """Two files that each run the other one ran for ever, or changed everything twice."""
    again = f"""
import sys
if not hasattr(sys, "seen"):
    sys.seen = 1
    import runpy
    runpy.run_path({str(PYTHON_SHIM / "sitecustomize.py")!r})
"""
    (tmp_path / "sitecustomize.py").write_text(again)
    code = "import sys; print(*(type(each).__name__ for each in sys.meta_path), sys.seen)"
    done = run_python(code, tmp_path)
    assert done.stdout.split().count("_AfterImport") == 1
    assert done.stdout.split()[-1] == "1"


def test_nothing_is_loaded_before_the_app_loads_it() -> None:
    """Our file made every start of Python slower."""
    names = ("socket", "ssl", "urllib3", "aiohttp", "certifi", "typing", "pathlib")
    code = f"import sys; print(*[name for name in {names} if name in sys.modules])"
    assert run_python(code).stdout.split() == baseline(code)


def baseline(code: str) -> list[str]:
    """What a Python without our file has loaded; its packages may load some themselves."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    return done.stdout.split()


def test_a_library_that_is_not_as_expected_is_left_alone(tmp_path: Path) -> None:
    """An app broke because its library had changed."""
    (tmp_path / "aiohttp").mkdir()
    (tmp_path / "aiohttp" / "__init__.py").write_text("from . import client\n")
    (tmp_path / "aiohttp" / "client.py").write_text("here = True\n")
    done = run_python("import aiohttp.client; print(aiohttp.client.here)", tmp_path)
    assert done.stdout == "True\n"
    assert done.stderr == "keploy: aiohttp.client is left as it is: AttributeError\n"
    assert done.returncode == 0
