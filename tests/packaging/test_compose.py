"""docker-compose.test.yml, its mounted configuration, and the addresses tests are given."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = {
    "TTA_TEST_REDIS_URL": ("redis", 6379),
    "TTA_TEST_PROMETHEUS_URL": ("prometheus", 9090),
    "TTA_TEST_OTLP_ENDPOINT": ("otel-collector", 4318),
    "TTA_TEST_GRAFANA_URL": ("grafana", 3000),
}
# Where the variables are explained.
PAGES = ("CONTRIBUTING.md",)


def load(path: str) -> dict[str, Any]:
    """Read a YAML file of the repository. Any: the shape is what the tests look at."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of the compose file."""
    return load("docker-compose.test.yml")["services"]


@pytest.fixture
def addresses() -> dict[str, str]:
    """The variables of services.env."""
    text = (ROOT / "tests/integration/services.env").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_each_service_has_its_variable(services: dict[str, Any], addresses: dict[str, str]) -> None:
    """A service without an address would be started for no test."""
    assert addresses.keys() == VARIABLES.keys()
    assert services.keys() == {service for service, _ in VARIABLES.values()}
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert all(f"| `{variable}` |" in pages for variable in addresses)


@pytest.mark.parametrize("variable", VARIABLES)
def test_variable_points_at_the_published_port(
    variable: str, services: dict[str, Any], addresses: dict[str, str]
) -> None:
    """The address in the variable is the host side of the port that the server listens on."""
    service, inside = VARIABLES[variable]
    address = urlsplit(addresses[variable])
    assert services[service]["ports"] == [f"{address.hostname}:{address.port}:{inside}"]
    assert address.hostname == "127.0.0.1"


def test_images_are_pinned_to_a_version(services: dict[str, Any]) -> None:
    """No tag that moves by itself."""
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        assert tag.lstrip("v")[0].isdigit()
        assert tag.count(".") == 2


def test_mounted_files_exist_and_are_read_only(services: dict[str, Any]) -> None:
    """Docker would make a folder of a file that is not there."""
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
    assert len(mounts) == 6
    for mount in mounts:
        source, target, mode = mount.split(":")
        assert (ROOT / source).exists()
        assert target.startswith("/etc/")
        assert mode == "ro"


def test_start_waits_for_every_service(services: dict[str, Any]) -> None:
    """`up --wait` waits for health; the collector is waited for through Prometheus."""
    assert "healthcheck" in services["redis"]
    assert "otel-collector" in services["prometheus"]["depends_on"]
    assert "healthcheck" in services["grafana"]
    [_, check] = services["prometheus"]["healthcheck"]["test"]
    jobs = [
        job["job_name"] for job in load("tests/integration/config/prometheus.yml")["scrape_configs"]
    ]
    assert "otel-collector" in jobs
    assert "%22otel-collector%22" in check


def test_prometheus_scrapes_the_port_the_collector_serves(services: dict[str, Any]) -> None:
    """What the collector receives is what Prometheus can be asked for."""
    collector = load("tests/integration/config/otel-collector.yml")
    served = collector["exporters"]["prometheus"]["endpoint"].rpartition(":")[2]
    scraped = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in load("tests/integration/config/prometheus.yml")["scrape_configs"]
    }
    assert scraped["otel-collector"] == [f"otel-collector:{served}"]
    assert scraped["app-on-host"] == ["host.docker.internal:9464"]
    assert services["prometheus"]["extra_hosts"] == ["host.docker.internal:host-gateway"]


def mounted_at(service: dict[str, Any]) -> dict[str, Path]:
    """What a service finds at which place."""
    split = (mount.split(":") for mount in service["volumes"])
    return {target: ROOT / source for source, target, _ in split}


def test_grafana_shows_the_dashboards_of_the_package(services: dict[str, Any]) -> None:
    """The folder that Grafana reads is the one that is mounted, and the dashboards are in it."""
    mounts = mounted_at(services["grafana"])
    [provider] = load("tests/integration/config/grafana-dashboards.yml")["providers"]
    assert list(mounts[provider["options"]["path"]].glob("*.json"))
    [_, check] = services["grafana"]["healthcheck"]["test"]
    assert check.rpartition(" ")[2] in {
        json.loads(path.read_text(encoding="utf-8"))["uid"]
        for path in mounts[provider["options"]["path"]].glob("*.json")
    }


def test_grafana_asks_prometheus_where_it_listens(services: dict[str, Any]) -> None:
    """The data source is the service of the compose file, and rates fit its scrape interval."""
    [source] = load("tests/integration/config/grafana-datasources.yml")["datasources"]
    assert source["type"] in services
    assert source["url"] == f"http://prometheus:{VARIABLES['TTA_TEST_PROMETHEUS_URL'][1]}"
    scraped = load("tests/integration/config/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def test_grafana_lets_everybody_look_and_nobody_change(services: dict[str, Any]) -> None:
    """The image's first password is known to all, so there is nothing to log in to."""
    settings = services["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert settings["GF_AUTH_BASIC_ENABLED"] == "false"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"


def test_prometheus_reads_the_alert_rules_of_the_package(services: dict[str, Any]) -> None:
    """The rules that the configuration names are in the folder that is mounted beside it."""
    [pattern] = load("tests/integration/config/prometheus.yml")["rule_files"]
    folder, _, name = pattern.rpartition("/")
    assert list(mounted_at(services["prometheus"])[f"/etc/prometheus/{folder}"].glob(name))


def test_collector_pipelines_use_what_is_defined() -> None:
    """Every receiver and exporter of a pipeline has a section, and each section is used."""
    collector = load("tests/integration/config/otel-collector.yml")
    pipelines = collector["service"]["pipelines"].values()
    used_in = {name for pipeline in pipelines for name in pipeline["receivers"]}
    used_out = {name for pipeline in pipelines for name in pipeline["exporters"]}
    connectors = collector["connectors"].keys()
    assert used_in == collector["receivers"].keys() | connectors
    assert used_out == collector["exporters"].keys() | connectors
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert int(port) == VARIABLES["TTA_TEST_OTLP_ENDPOINT"][1]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: apt install prometheus"
)
def test_prometheus_accepts_its_configuration() -> None:
    """Prometheus's own checker reads the mounted file."""
    path = ROOT / "tests/integration/config/prometheus.yml"
    ran = subprocess.run(
        ["promtool", "check", "config", str(path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_workflow_serves_redis_where_the_tests_look(addresses: dict[str, str]) -> None:
    """The Redis job of the workflow and services.env agree on image and address."""
    job = load(".github/workflows/quality-check.yml")["jobs"]["redis"]
    assert job["env"]["TTA_TEST_REDIS_URL"] == addresses["TTA_TEST_REDIS_URL"]
    redis = load("docker-compose.test.yml")["services"]["redis"]
    assert job["services"]["redis"]["image"] == redis["image"]
    assert job["services"]["redis"]["ports"] == redis["ports"]
