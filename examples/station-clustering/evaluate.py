"""Try every number of groups and score each, to see how many the data asks for."""

import argparse
import sys
from pathlib import Path

import mlflow
from sklearn.cluster import KMeans
from sklearn.metrics import davies_bouldin_score, silhouette_score

from stations import read


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/stations.csv")
    parser.add_argument("--features", default="all")
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def as_given(args):
    """The parameters as they were written: MLflow refuses `0.0` where the submission has logged `0` already."""
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    return {name: words.get("--" + name.replace("_", "-"), value) for name, value in vars(args).items()}


def main():
    args = arguments()
    with mlflow.start_run():
        mlflow.log_params(as_given(args))
        _, x = read(args.data, args.features)
        lines = ["groups,silhouette,davies_bouldin"]
        for count in range(2, args.most + 1):
            groups = KMeans(count, random_state=args.seed, n_init=3).fit_predict(x)
            scores = {
                "silhouette": float(silhouette_score(x, groups)),
                "davies_bouldin": float(davies_bouldin_score(x, groups)),
            }
            mlflow.log_metrics(scores, step=count)
            lines.append(f"{count},{scores['silhouette']:.4f},{scores['davies_bouldin']:.4f}")
            print(f"{count:2d} groups  silhouette {scores['silhouette']:.3f}", flush=True)
        Path("groups.csv").write_text("\n".join(lines) + "\n")
        mlflow.log_artifact("groups.csv")


if __name__ == "__main__":
    main()
