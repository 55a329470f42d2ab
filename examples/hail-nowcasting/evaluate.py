"""Score the rule of thumb that forecasters use: hail where the strongest echo passes a threshold."""

import argparse
import sys
from pathlib import Path

import mlflow
import numpy as np

from skill import read, skill


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/cells.csv")
    parser.add_argument("--feature", default="max_dbz")
    return parser.parse_args()


def as_given(args):
    """The parameters as they were written: MLflow refuses `0.0` where the submission has logged `0` already."""
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    return {name: words.get("--" + name.replace("_", "-"), value) for name, value in vars(args).items()}


def main():
    args = arguments()
    with mlflow.start_run():
        mlflow.log_params(as_given(args))
        names, x, y = read(args.data)
        if args.feature not in names:
            raise SystemExit(f"there is no feature '{args.feature}': choose one of {', '.join(names)}")
        values = x[:, names.index(args.feature)]
        lines = ["threshold,pod,far,csi,f1"]
        for step, threshold in enumerate(np.quantile(values, np.linspace(0.05, 0.95, 19)), start=1):
            scores = skill(values >= threshold, y)
            mlflow.log_metrics({**scores, "threshold": float(threshold)}, step=step)
            lines.append(",".join(f"{value:.4g}" for value in (threshold, *scores.values())))
            print(f"{args.feature} >= {threshold:6.2f}  csi {scores['csi']:.3f}  f1 {scores['f1']:.3f}", flush=True)
        Path("thresholds.csv").write_text("\n".join(lines) + "\n")
        mlflow.log_artifact("thresholds.csv")


if __name__ == "__main__":
    main()
