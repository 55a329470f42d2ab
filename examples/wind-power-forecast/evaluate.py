"""Score the two forecasts that cost nothing; a model has to beat both."""

import argparse
import math
from pathlib import Path

import mlflow
import numpy as np

from dataset import features, read


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/wind.csv")
    parser.add_argument("--max-horizon", type=int, default=24)
    return parser.parse_args()


def rmse(forecast, truth):
    return math.sqrt(np.mean((forecast - truth) ** 2))


def main():
    args = arguments()
    series = read(args.data)
    with mlflow.start_run():
        mlflow.log_params(vars(args))
        lines = ["horizon,persistence,climatology"]
        for horizon in range(1, args.max_horizon + 1):
            _, later, now = features(series, horizon)
            persistence, climatology = rmse(now, later), rmse(later.mean(), later)
            mlflow.log_metrics({"persistence_rmse": persistence, "climatology_rmse": climatology}, step=horizon)
            print(f"{horizon:2d} h  persistence {persistence:.4f}  climatology {climatology:.4f}", flush=True)
            lines.append(f"{horizon},{persistence:.4f},{climatology:.4f}")
        Path("baselines.csv").write_text("\n".join(lines) + "\n")
        mlflow.log_artifact("baselines.csv")


if __name__ == "__main__":
    main()
