"""The keys of keploy.yml that are known, upstream's and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keploy_framework.formats.narrow import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Lines of words are easier to keep in order than lists of a hundred quoted ones.
# ruff: noqa: SIM905

_TOP: Final = frozenset(
    "path appId appName name app storageFormat command templatize port dnsPort proxyPort debug"
    " disableANSI disableTele disableMapping generateGithubActions inCi inDocker configPath"
    " bypassRules cmdType enableTesting keployContainer keployNetwork containerName networkName"
    " buildDelay test record report mock normalize reRecord rerecord contract gen retryPassing"
    " serverPort proxyPort version redact deps trustedAuthorities agent unittest coverage async"
    " jsonOutput useLocalMock e2e language gitHubToken kind metadata secrets fixture"
    " incomingProxyPort mockDownload"
    " autogen autogenV2 dedup generateParallel testSuite utGen cloud".split()
)
_SECTIONS: Final = {
    "app": frozenset(("command", "port", "host")),
    "redact": frozenset(("enabled", "names", "patterns", "allow", "allowValues")),
    "record": frozenset(
        "filters recordTimer basePath metadata testCaseNaming sync globalPassthrough"
        " passThroughPorts passThroughHosts enableSampling memoryLimit mockFormat"
        " opportunisticTlsIntercept tlsPrivateKeyPath autoNoise bigPayload agent".split()
    ),
    "test": frozenset(
        "path selectedTests ignoredTests globalNoise replaceWith delay healthUrl"
        " healthPollTimeout host port grpcPort ssePort protocol apiTimeout skipCoverage"
        " coverageReportPath ignoreOrdering mongoPassword language removeUnusedMocks fallBackOnMiss"
        " jacocoAgentPath basePath mocking disableLineCoverage disableMockUpload useLocalMock"
        " updateTemplate updateTestMapping mustPass maxFailAttempts maxFlakyChecks compareAll"
        " schemaMatch disableAutoHeaderNoise schemaNoiseDetection schemaNoiseStrict strictFailure"
        " strictMockWindow keepAppAlive dedup freezeTime compat streamTiming"
        " protoFile protoDir protoInclude skipAppRestart disableReportUpload preserveFailedMocks"
        " coverage goCoverage".split()
    ),
    "mock": frozenset(("name", "onMiss", "strict", "recordTimer", "local")),
}


def unknown_keys(data: Mapping[str, object]) -> Iterator[str]:
    """Yield the keys of a configuration that nobody knows, with dots."""
    for key, value in data.items():
        if key not in _TOP:
            yield key
        elif key in _SECTIONS and is_mapping(value):
            yield from (f"{key}.{name}" for name in value if str(name) not in _SECTIONS[key])
