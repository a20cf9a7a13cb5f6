"""Stand between an app, its callers and its dependencies: to record, and to answer from mocks."""

from __future__ import annotations

from .answered_calls import AnsweredCalls
from .answers import Answer, Answerer, plain_response
from .child.capture import Gap, capture_gaps
from .child.dependencies import Dependency, DependencyListeners, dependencies_of
from .child.environment import child_environment
from .child.trust import TrustFiles, trust_files
from .egress import Calls, DependencyListener, EgressProxy
from .ingress import IngressRelay
from .limits import ProxyLimits
from .passing import TELEMETRY, PassRule
from .recorded_calls import RecordedCalls
from .recording import Recording
from .tls.authority import CertificateAuthority

__all__ = [
    "TELEMETRY",
    "Answer",
    "AnsweredCalls",
    "Answerer",
    "Calls",
    "CertificateAuthority",
    "Dependency",
    "DependencyListener",
    "DependencyListeners",
    "EgressProxy",
    "Gap",
    "IngressRelay",
    "PassRule",
    "ProxyLimits",
    "RecordedCalls",
    "Recording",
    "TrustFiles",
    "capture_gaps",
    "child_environment",
    "dependencies_of",
    "plain_response",
    "trust_files",
]
