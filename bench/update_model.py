"""What updates cost for very many endpoints, from measured figures.

    python bench/update_model.py updates.json [--endpoints 400000000]

Every figure about one client or one server is read from what ``updates.py`` has measured; what is assumed stands in
``ASSUMED``, and can be changed there. A scenario is how often clients ask, and how many releases there are in a day.
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DAY = 86_400

ASSUMED = {
    "peak above the mean": 4.0,
    "bytes that a public chain of certificates adds to the one that was measured": 2_700,
    "usable share of a port": 0.6,
    "bits of a port in a second": 1e9,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """How clients ask: so many times a day, for so many releases a day."""

    name: str
    checks: int
    releases: int
    segment_scale: float = 1.0


SCENARIOS = (
    Scenario("1 check and 4 releases a day", 1, 4),
    Scenario("4 checks and 4 releases a day", 4, 4),
    Scenario("a check every hour, 4 releases a day", 24, 4),
    Scenario("4 checks and 1 release a day", 4, 1),
    Scenario("4 checks and 4 releases with ten times the signatures", 4, 4, 10.0),
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Model the traffic of updates.")
    parser.add_argument("figures", type=Path, metavar="FILE", help="what updates.py --output has written")
    parser.add_argument("--endpoints", type=float, default=400e6, help="default: %(default).0f")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    figures = json.loads(args.figures.read_text())
    found = [model(figures, scenario, args.endpoints) for scenario in SCENARIOS]
    first = args.endpoints * (figures["first"] + figures["head"])
    if args.json:
        print(
            json.dumps({"endpoints": args.endpoints, "assumed": ASSUMED, "scenarios": found, "first": first}, indent=2)
        )
        return 0
    print(f"{args.endpoints:,.0f} endpoints, release of {figures['signatures']:,} signatures\n")
    print(
        f"{'scenario':<56}{'per endpoint':>14}{'a day':>10}{'a month':>10}{'mean':>12}{'connections':>14}"
        f"{'nodes':>7}{'measured':>10}"
    )
    for one in found:
        print(
            f"{one['scenario']:<56}{one['bytes_per_day'] / 1e3:>11.1f} KB{one['total_per_day'] / 1e12:>7.1f} TB"
            f"{one['total_per_day'] * 30 / 1e15:>7.2f} PB{one['mean_bits_per_second'] / 1e9:>7.2f} Gb/s"
            f"{one['connections_per_second'] / 1e3:>10.1f} k/s{one['nodes']:>7}{one['nodes_as_measured']:>10}"
        )
    print(f"\nfirst installation of all: {first / 1e15:.2f} PB once")
    print(
        f"nodes: servers of {figures['cores']} cores at the peak, by the CPU time of the web server alone; 'measured': "
        "by the rate that was reached beside the program that asked and whatever else ran. Assumed:"
    )
    for what, value in ASSUMED.items():
        print(f"  {what}: {value:g}")
    return 0


def model(figures: dict[str, Any], scenario: Scenario, endpoints: float) -> dict[str, Any]:
    """Return what a scenario costs.

    A client that asks more rarely than there are releases takes one segment over several of them. One that asks more
    often finds nothing new the other times. Every check is a connection with a full handshake: clients are processes
    that end, and keep no sessions.
    """
    updates = min(scenario.checks, scenario.releases)
    lag = scenario.releases // updates
    nothing = scenario.checks - updates
    chain = ASSUMED["bytes that a public chain of certificates adds to the one that was measured"]
    wire = figures["wire"]
    with_head = wire["head"]["down"] + chain
    segment = figures["segments"][str(lag)] * scenario.segment_scale + _ANSWER_BYTES
    down = updates * (with_head + segment) + nothing * (wire["not_modified"]["down"] + chain)
    total = down * endpoints
    mean, connections = total * 8 / DAY, scenario.checks * endpoints / DAY
    peak = ASSUMED["peak above the mean"]
    by_port = mean * peak / (ASSUMED["bits of a port in a second"] * ASSUMED["usable share of a port"])
    handshake = figures["load"]["https new connection, head"]
    by_cpu = connections * peak * handshake["cpu_microseconds"] / 1e6 / figures["cores"]
    return {
        "scenario": scenario.name,
        "bytes_per_day": down,
        "total_per_day": total,
        "mean_bits_per_second": mean,
        "connections_per_second": connections,
        "nodes_by_port": by_port,
        "nodes_by_cpu": by_cpu,
        "nodes": math.ceil(max(by_port, by_cpu)),
        "nodes_as_measured": math.ceil(max(by_port, connections * peak / handshake["requests_per_second"])),
    }


_ANSWER_BYTES = 300
"""Headers and TLS records around a segment, on a connection that is there already."""


if __name__ == "__main__":
    sys.exit(main())
