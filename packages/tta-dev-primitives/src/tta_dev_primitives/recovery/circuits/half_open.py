"""Who may try a service that was failing."""

from __future__ import annotations


class Probe:
    """The permission of one call to try a service that was failing.

    Who is done with it sets `over`. That needs no lock, so that a call which is thrown away can
    free its place from wherever the interpreter collects it.
    """

    __slots__ = ("began", "over", "trial")

    def __init__(self, trial: Trial, began: float) -> None:
        self.trial, self.began, self.over = trial, began, False


class Trial:
    """The probes of one half-open time.

    Args:
        permits: How many results decide. No more probes are under way than results are missing.
        lease_seconds: A probe that is not back after this time keeps no other from being sent.
            Its result counts when it comes all the same.
    """

    __slots__ = ("_lease", "_under_way", "failures", "permits", "results", "slow")

    def __init__(self, permits: int, lease_seconds: float) -> None:
        self.permits, self._lease = permits, lease_seconds
        self._under_way: list[Probe] = []
        self.results = self.failures = self.slow = 0

    def admit(self, now: float) -> Probe | None:
        """Return a probe, or None where enough are under way."""
        if self.under_way(now) + self.results >= self.permits:
            return None
        probe = Probe(self, now)
        self._under_way.append(probe)
        return probe

    def under_way(self, now: float) -> int:
        """Return how many probes are out, and not for too long."""
        earliest = now - self._lease
        self._under_way = [
            probe for probe in self._under_way if not probe.over and probe.began > earliest
        ]
        return len(self._under_way)
