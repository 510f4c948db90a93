"""Compares `coordinator federation plan` with Google's dp-accounting and with published values.

Usage: check_privacy.py COORDINATOR_BINARY

Three accountants of dp-accounting's or of SciPy's making, none of which shares code with ours:

  rdp    the Renyi curve of the composed Gaussian and its conversion; our figure must lie within RDP_TOLERANCE of it
  pld    the privacy loss distribution, exact but for its grid; our figure must not lie below it
  exact  the closed form of the Gaussian mechanism (Balle, Wang 2018), inverted here; likewise a lower bound

One label moves the histogram by sqrt(2) per vote, so Q labels at noise sigma are a Gaussian mechanism with noise
multiplier sigma / (votes * sqrt(2)), composed Q times.
"""

import json
import math
import subprocess
import sys

from dp_accounting import GaussianDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from scipy.optimize import brentq
from scipy.special import log_ndtr

SIGMAS = (20, 40, 80, 180.904)
LABELS = (1, 10, 100, 286, 1000, 5000)
DELTAS = (1e-3, 1e-5, 1e-8)
# The orders of the Renyi accountant are a grid, so its minimum lies a little above the true one, which we compute.
RDP_TOLERANCE = 1e-4
# dp-accounting rounds privacy losses up to multiples of 1e-4: its figure may exceed the true one by about that.
PLD_GRID = 1e-4
ORDERS = [1 + 1.01**i / 1e3 for i in range(1, 1800)]
# As the programs print them: rounded up at the sixth digit.
SHOWN = 1e-6

failures = []
checks = 0


def check(condition, words):
    """Counts a check, and keeps the words of one that fails."""
    global checks
    checks += 1
    if not condition:
        failures.append(words)


def plan(binary, **flags):
    """Asks our binary; the federation is that of the published points unless flags say otherwise."""
    wanted = {"participants": 250, "teachers": 1, "classes": 10, "honest": 0.7, "format": "json", **flags}
    command = [binary, "federation", "plan"]
    for name, value in wanted.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def gaussian(variance, labels, votes=1):
    """The mechanism that releases `labels` noisy histograms, for whoever moves `votes` votes of each."""
    return SelfComposedDpEvent(GaussianDpEvent(math.sqrt(variance) / (votes * math.sqrt(2))), labels)


def rdp_epsilon(events, delta):
    """Epsilon by the Renyi accountant; events is a list of mechanisms."""
    accountant = RdpAccountant(orders=ORDERS)
    for event in events:
        accountant.compose(event)
    return accountant.get_epsilon(delta)


def pld_epsilon(variance, labels, delta, votes=1):
    """Epsilon by the privacy loss distribution; Q Gaussians are one of sqrt(Q) times less noise."""
    accountant = PLDAccountant(value_discretization_interval=PLD_GRID)
    accountant.compose(GaussianDpEvent(math.sqrt(variance / labels) / (votes * math.sqrt(2))))
    return accountant.get_epsilon(delta)


def exact_epsilon(variance, labels, delta, votes=1):
    """Epsilon of the Gaussian mechanism by its closed form, up to floating point."""
    mu = votes * math.sqrt(2 * labels / variance)

    def excess(epsilon):
        first = math.exp(log_ndtr(mu / 2 - epsilon / mu))
        return first - math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu)) - delta

    return 0.0 if excess(0) <= 0 else brentq(excess, 0, mu * mu + 40 * mu + 1, xtol=1e-12)


def compare(binary):
    """Walks the grid; returns the largest relative distance from rdp and the smallest ratio to the true figure."""
    farthest, nearest = 0.0, math.inf
    for sigma in SIGMAS:
        for labels in LABELS:
            for delta in DELTAS:
                ours = plan(binary, sigma=sigma, labels=labels, delta=delta)["person"]["public"]["epsilon"]
                words = f"sigma {sigma}, {labels} labels, delta {delta}: ours {ours}"
                rdp = rdp_epsilon([gaussian(sigma**2, labels)], delta)
                distance = abs(ours - rdp) / rdp
                # What is below the last digit shown says nothing.
                check(abs(ours - rdp) <= RDP_TOLERANCE * rdp + SHOWN, f"{words}, dp-accounting's rdp {rdp}")
                exact = exact_epsilon(sigma**2, labels, delta)
                check(ours >= exact, f"{words} is below the exact gaussian's {exact}")
                pld = pld_epsilon(sigma**2, labels, delta)
                check(ours >= pld - 2 * PLD_GRID, f"{words} is below dp-accounting's pld {pld}")
                check(abs(pld - exact) <= 2 * PLD_GRID, f"{words}: pld {pld} and exact {exact} disagree")
                if ours > 0.1:
                    farthest = max(farthest, distance)
                if exact > 0.01:
                    nearest = min(nearest, ours / exact)
    return farthest, nearest


def compare_views(binary):
    """The demo's federation: each view has a variance of its own, each unit moves votes of its own."""
    found = plan(binary, participants=5, teachers=20, sigma=16, coordinator_sigma=8, labels=200, delta=1e-5)
    for unit, votes in (("person", 1), ("participant", 20)):
        for view, variance in (("public", 320), ("coordinator", 256), ("coalition", 320), ("both", 256)):
            ours = found[unit][view]["epsilon"]
            rdp = rdp_epsilon([gaussian(variance, 200, votes)], 1e-5)
            check(abs(ours - rdp) <= RDP_TOLERANCE * rdp, f"the demo's {unit}, {view}: ours {ours}, rdp {rdp}")


def compare_published(binary):
    """The reference points of docs/PRIVACY.md."""
    for labels, epsilon in ((100, 1.478), (286, 2.642), (500, 3.617), (1000, 5.378)):
        ours = plan(binary, sigma=40, labels=labels, delta=1e-5)["person"]["public"]["epsilon"]
        check(abs(ours - epsilon) < 5e-4, f"{labels} labels at sigma 40: ours {ours}, published {epsilon}")
    solved = plan(binary, epsilon=1, labels=1000, delta=1e-5)["sigma"]
    check(solved == 180.904, f"sigma for 1000 labels at epsilon 1: ours {solved}, published 180.904")
    bought = plan(binary, sigma=40, epsilon=2, delta=1e-5)["labels"]
    check(bought == 173, f"labels that epsilon 2 buys at sigma 40: ours {bought}, published 173")
    # The published MNIST run: 640 threshold checks at sigma 150, 286 answers at sigma 40, delta 1e-5.
    answers = gaussian(40**2, 286)
    # The paper's mechanism adds noise to the maximum alone, which one replaced vote moves by 1: 1/(2 V) each. Ours has
    # no such thing, so this figure of docs/PRIVACY.md is computed in Python alone.
    paper = rdp_epsilon([SelfComposedDpEvent(GaussianDpEvent(150), 640), answers], 1e-5)
    check(abs(paper - 2.76) < 5e-3, f"the published MNIST run by the paper's mechanism: {paper}, published 2.76")
    # Under encryption all counts carry the noise of the check, so it costs as much as an answer: 1/V each.
    ours = rdp_epsilon([gaussian(150**2, 640), answers], 1e-5)
    check(abs(ours - 2.87) < 5e-3, f"the published MNIST run by ours: {ours}, published 2.87")
    asked = plan(binary, sigma=40, test_sigma=150, labels=640, answered=286, delta=1e-5)["person"]["public"]["epsilon"]
    check(abs(asked - ours) <= RDP_TOLERANCE * ours, f"the published MNIST run by our binary: {asked}, rdp {ours}")
    return paper, ours


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = sys.argv[1]
    farthest, nearest = compare(binary)
    compare_views(binary)
    paper, ours = compare_published(binary)
    for words in failures:
        print(f"psephos: {words}", file=sys.stderr)
    print(
        f"privacy check: {checks} comparisons, {len(failures)} failed; at most {farthest:.1e} (relative) from "
        f"dp-accounting's Renyi accountant, at least {nearest:.3f} times the exact epsilon; "
        f"MNIST run {paper:.3f} by the paper's mechanism (in Python alone), {ours:.3f} by ours"
    )
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
