#!/usr/bin/env python3
"""Writes statistics.json: what other people's libraries say to the questions that `compare` answers.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy scipy statsmodels
    /tmp/reference/bin/python tests/reference/statistics.py

Wilson and McNemar come from statsmodels, the points of the normal and of Student's distribution and the
binomial from scipy, the quantiles from numpy; the plans are found by trying, with statsmodels. The
capture-recapture numbers come from the textbook's formulas in exact fractions: Chapman (1951) as
"all there are minus all that were seen", Seber (1970) for the variance, Chao (1987) for the interval.
"""

import json
import math
import pathlib
import random
from fractions import Fraction

import numpy
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, norm, t
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

CONFIDENCES = (0.8, 0.9, 0.95, 0.99, 0.999)


def normal(probability):
    return {"probability": probability, "point": float(norm.ppf(probability))}


def student(freedom, confidence):
    return {"freedom": freedom, "confidence": confidence, "point": float(t.ppf((1 + confidence) / 2, freedom))}


def wilson_ends(part, whole, confidence):
    return (float(end) for end in proportion_confint(part, whole, alpha=1 - confidence, method="wilson"))


def wilson(part, whole, confidence):
    low, high = wilson_ends(part, whole, confidence)
    return {"part": part, "whole": whole, "confidence": confidence, "low": low, "high": high}


def wilson_coverage(trials, truth):
    """How often the 95 % interval of so many trials holds the truth."""
    parts = numpy.arange(trials + 1)
    low, high = proportion_confint(parts, trials, alpha=0.05, method="wilson")
    held = (low <= truth) & (truth <= high)
    return {"trials": trials, "truth": truth, "coverage": float(binom.pmf(parts, trials, truth)[held].sum())}


def no_miss(whole, confidence):
    """The rule of three, before it is rounded to 3, and the exact bound (one-sided Clopper-Pearson)."""
    high = min(1.0, -math.log(1 - confidence) / whole)
    return {"whole": whole, "confidence": confidence, "high": high, "exact": 1 - (1 - confidence) ** (1 / whole)}


def plan(part, whole, loss_max, confidence):
    """How many more events, the share of misses staying the same, until the loss is at most loss_max."""

    def shown(trials):
        if part == 0:
            return trials > 0 and -math.log(1 - confidence) / trials <= loss_max
        return list(wilson_ends(part / whole * trials, trials, confidence))[1] <= loss_max

    case = {"part": part, "whole": whole, "loss_max": loss_max, "confidence": confidence}
    if part > 0 and part / whole >= loss_max:
        return case | {"more": None}
    more = 0
    while not shown(whole + more):
        more += 1
    return case | {"more": more}


def exact_mcnemar(first, second):
    p_value = mcnemar([[0, first], [second, 0]], exact=True).pvalue
    assert math.isclose(p_value, binomtest(first, first + second, 0.5).pvalue, rel_tol=1e-9)
    return {"first": first, "second": second, "p_value": float(p_value)}


def chapman(both, only_first, only_second, confidence):
    first, second = both + only_first, both + only_second
    total = Fraction((first + 1) * (second + 1), both + 1) - 1
    unseen = total - (first + second - both)
    variance = Fraction(
        (first + 1) * (second + 1) * (first - both) * (second - both),
        (both + 1) ** 2 * (both + 2),
    )
    spread = math.exp(float(norm.ppf((1 + confidence) / 2)) * math.sqrt(math.log(1 + float(variance / unseen**2))))
    return {
        "both": both,
        "only_first": only_first,
        "only_second": only_second,
        "confidence": confidence,
        "estimate": float(unseen),
        "variance": float(variance),
        "low": float(unseen) / spread,
        "high": float(unseen) * spread,
    }


def ranks(count, p, confidence):
    """The ranks whose values hold the quantile, missing it on either side with half the rest at most."""
    tail = (1 - confidence) / 2

    def lowest(p):
        rank = int(binom.ppf(tail, count, p)) + 2
        while rank > 0 and binom.cdf(rank - 1, count, p) > tail:
            rank -= 1
        return rank

    low, from_top = lowest(p), lowest(1 - p)
    low, high = (low, count + 1 - from_top) if low > 0 and from_top > 0 else (0, 0)
    return {"count": count, "p": p, "confidence": confidence, "low": low, "high": high}


def simulated_median(heaviness):
    """Of 500 + 2·X − Y, X and Y independent and distributed as the delays of src/compare/simulation.rs."""

    def delay(z):
        return 300 * math.exp(0.5 * z + heaviness * z * abs(z))

    def below(median):
        def given(z):
            x = (median - 500 + delay(z)) / 2
            return norm.pdf(z) * (norm.cdf(brentq(lambda z: delay(z) - x, -40, 40)) if x > 0 else 0)

        return quad(given, -8, 8, limit=500, epsabs=1e-12)[0]

    median = brentq(lambda median: below(median) - 0.5, 500, 1_500, xtol=1e-9)
    return {"heaviness": heaviness, "median": round(median, 4)}


def quantiles(values):
    p5, median, p95 = (float(numpy.quantile(values, q)) for q in (0.05, 0.5, 0.95))
    return {"values": values, "p5": p5, "median": median, "p95": p95}


def main():
    draw = random.Random(20260301)
    table = {
        "normal": [
            normal(probability)
            for probability in (1e-300, 1e-12, 0.0005, 0.005, 0.025, 0.05, 0.075, 0.1, 0.4, 0.6, 0.924, 0.975, 0.9995)
        ],
        "student": [student(freedom, confidence) for freedom in (1, 2, 3, 4, 5, 10, 18, 19) for confidence in CONFIDENCES],
        "wilson": [
            wilson(part, whole, confidence)
            for part, whole in [
                (1, 1), (1, 2), (1, 10), (5, 10), (9, 10), (10, 10), (1, 1_000), (3, 2_997), (17, 12_345),
                (999, 1_000), (1, 1_000_000), (123_456, 1_000_000), (77, 10_000_000),
            ]
            for confidence in CONFIDENCES
        ],
        "wilson_coverage": [
            wilson_coverage(trials, truth)
            for trials, truth in [
                (10, 0.01), (20, 0.5), (20, 0.1), (50, 0.1), (100, 0.001), (100, 0.0018), (100, 0.01), (100, 0.03),
                (200, 0.01), (1_000, 0.0001), (1_000, 0.000176), (1_000, 0.000177), (1_000, 0.0005), (1_000, 0.001), (1_000, 0.003),
                (1_000, 0.01), (1_000, 0.1), (10_000, 0.0001), (10_000, 0.001), (10_000, 0.01),
            ]
        ],
        "no_miss": [
            no_miss(whole, confidence) for whole in (10, 100, 2_996, 3_000, 1_000_000) for confidence in CONFIDENCES
        ],
        "mcnemar": [
            exact_mcnemar(first, second)
            for first, second in [
                (0, 1), (1, 1), (0, 5), (0, 6), (2, 8), (10, 10), (3, 17), (40, 60), (63, 65), (64, 64), (60, 69),
                (450, 550), (5_000, 5_200), (5_200, 5_000), (49_500, 50_500), (0, 900), (1_000_000, 1_003_000),
            ]
        ],
        "chapman": [
            chapman(*cells, confidence)
            for cells in [
                (0, 1, 1), (1, 1, 1), (0, 40, 60), (10, 3, 4), (9_900, 50, 60), (10_000, 3, 3), (500, 400, 300),
                (1_000_000, 1, 1), (999_000, 700, 2_000), (100, 5_000, 20),
            ]
            for confidence in CONFIDENCES
        ],
        "ranks": [
            *(ranks(count, 0.5, 0.95) for count in
              [*range(1, 41), 99, 100, 127, 128, 129, 130, 1_000, 1_001, 9_999, 65_536, 200_000, 10_000_000]),
            *(ranks(count, p, confidence) for p in (0.5, 0.99) for confidence in CONFIDENCES
              for count in (5, 10, 50, 229, 230, 367, 368, 1_000, 12_345, 1_000_000)),
        ],
        "plan": [
            plan(*case)
            for case in [
                (0, 0, 0.001, 0.95), (0, 1_000, 0.001, 0.95), (0, 2_996, 0.001, 0.95), (0, 2_995, 0.001, 0.95),
                (0, 0, 0.0001, 0.99), (0, 0, 0.01, 0.8), (1, 2_001, 0.001, 0.95), (1, 2_001, 0.001, 0.999),
                (3, 10_000, 0.001, 0.95), (3, 10_000, 0.0005, 0.95), (2, 1_000, 0.001, 0.95), (5, 10_000, 0.01, 0.95),
                (7, 90_000, 0.0001, 0.9), (1, 1_000, 0.001, 0.95), (40, 1_000, 0.05, 0.8), (9, 100, 0.1, 0.99),
            ]
        ],
        "simulated_median": [simulated_median(heaviness) for heaviness in (0.0, 0.4)],
        "quantiles": [
            quantiles([round(draw.gauss(400, 150), 3) for _ in range(count)])
            for count in (1, 2, 3, 4, 10, 19, 20, 21, 41, 100)
        ],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    lines = []
    for name, cases in table.items():
        rows = ",\n".join(f"    {json.dumps(case)}" for case in cases)
        lines.append(f'  "{name}": [\n{rows}\n  ]')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
