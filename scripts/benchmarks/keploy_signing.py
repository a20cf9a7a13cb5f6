"""Sign certificates with ours and with trustme in turns; prints milliseconds of each.

    python keploy_signing.py COUNT

It runs where trustme is installed, with our source in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from typing import TYPE_CHECKING, Any

from keploy_framework.proxy import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Read the arguments, sign, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    count = parser.parse_args().count
    ours = CertificateAuthority()
    trustme: Any = importlib.import_module("trustme")  # Any: not installed where this is checked
    peer = trustme.CA()
    signers: dict[str, Callable[[str], object]] = {
        "ours": ours.certificate,
        "ours, with its TLS context": ours.context,
        "trustme issue_cert": peer.issue_cert,
    }
    taken: dict[str, list[float]] = {name: [] for name in signers}
    for number in range(count + 1):
        for name, sign in signers.items():
            host = f"host-{number}.example"
            began = time.perf_counter()
            sign(host)
            taken[name].append((time.perf_counter() - began) * 1000)
    print(json.dumps({name: milliseconds[1:] for name, milliseconds in taken.items()}))


if __name__ == "__main__":
    main()
