#!/usr/bin/env python3
"""Writes statistics.json: what other people's libraries say to the questions that `compare` answers.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy scipy statsmodels
    /tmp/reference/bin/python tests/reference/statistics.py

Wilson and McNemar come from statsmodels, the binomial from scipy, the quantiles from numpy. The
capture-recapture numbers come from the textbook's formulas in exact fractions: Chapman (1951) as
"all there are minus all that were seen", Seber (1970) for the variance, Chao (1987) for the interval.
"""

import json
import math
import pathlib
import random
from fractions import Fraction

import numpy
from scipy.stats import binom, binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

Z = float(norm.ppf(0.975))


def wilson(part, whole):
    low, high = proportion_confint(part, whole, alpha=0.05, method="wilson")
    return {"part": part, "whole": whole, "low": float(low), "high": float(high)}


def exact_mcnemar(first, second):
    p_value = mcnemar([[0, first], [second, 0]], exact=True).pvalue
    assert math.isclose(p_value, binomtest(first, first + second, 0.5).pvalue, rel_tol=1e-9)
    return {"first": first, "second": second, "p_value": float(p_value)}


def chapman(both, only_first, only_second):
    first, second = both + only_first, both + only_second
    total = Fraction((first + 1) * (second + 1), both + 1) - 1
    unseen = total - (first + second - both)
    variance = Fraction(
        (first + 1) * (second + 1) * (first - both) * (second - both),
        (both + 1) ** 2 * (both + 2),
    )
    spread = math.exp(Z * math.sqrt(math.log(1 + float(variance / unseen**2))))
    return {
        "both": both,
        "only_first": only_first,
        "only_second": only_second,
        "estimate": float(unseen),
        "variance": float(variance),
        "low": float(unseen) / spread,
        "high": float(unseen) * spread,
    }


def median_rank(count):
    """The largest rank k for which [x_(k), x_(count-k+1)] holds the median with 95 % at least."""
    rank = int(binom.ppf(0.025, count, 0.5)) + 2
    while rank > 0 and binom.cdf(rank - 1, count, 0.5) > 0.025:
        rank -= 1
    return {"count": count, "rank": rank}


def quantiles(values):
    p5, median, p95 = (float(numpy.quantile(values, q)) for q in (0.05, 0.5, 0.95))
    return {"values": values, "p5": p5, "median": median, "p95": p95}


def main():
    draw = random.Random(20260301)
    table = {
        "wilson": [
            wilson(part, whole)
            for part, whole in [
                (1, 1), (1, 2), (1, 10), (5, 10), (9, 10), (10, 10), (1, 1_000), (3, 2_997), (17, 12_345),
                (999, 1_000), (1, 1_000_000), (123_456, 1_000_000), (77, 10_000_000),
            ]
        ],
        "mcnemar": [
            exact_mcnemar(first, second)
            for first, second in [
                (0, 1), (1, 1), (0, 5), (0, 6), (2, 8), (10, 10), (3, 17), (40, 60), (63, 65), (64, 64), (60, 69),
                (450, 550), (5_000, 5_200), (5_200, 5_000), (49_500, 50_500), (0, 900), (1_000_000, 1_003_000),
            ]
        ],
        "chapman": [
            chapman(*cells)
            for cells in [
                (0, 1, 1), (1, 1, 1), (0, 40, 60), (10, 3, 4), (9_900, 50, 60), (10_000, 3, 3), (500, 400, 300),
                (1_000_000, 1, 1), (999_000, 700, 2_000), (100, 5_000, 20),
            ]
        ],
        "median_rank": [median_rank(count) for count in
                        [*range(1, 41), 99, 100, 127, 128, 129, 130, 1_000, 1_001, 9_999, 65_536, 200_000]],
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
