"""Sort weather stations into groups of like climate, batch by batch, and log every round to MLflow."""

import argparse
import pickle
import sys
import time
from collections import Counter
from pathlib import Path

import mlflow
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import davies_bouldin_score, silhouette_score

from stations import read


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/stations.csv")
    parser.add_argument("--features", default="all")
    parser.add_argument("--clusters", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def as_given(args):
    """The parameters as they were written: MLflow refuses `0.0` where the submission has logged `0` already."""
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    return {name: words.get("--" + name.replace("_", "-"), value) for name, value in vars(args).items()}


def round_of(model, x, batch_size, random):
    """One pass over all stations in a new order; how far the centres moved."""
    before = getattr(model, "cluster_centers_", None)
    before = None if before is None else before.copy()
    order = random.permutation(len(x))
    for start in range(0, len(x) - batch_size + 1, batch_size):
        model.partial_fit(x[order[start : start + batch_size]])
    return 0.0 if before is None else float(np.abs(model.cluster_centers_ - before).max())


def train(model, args, x):
    random = np.random.default_rng(args.seed)
    history = []
    for epoch in range(1, args.epochs + 1):
        moved = round_of(model, x, args.batch_size, random)
        groups = model.predict(x)
        if len(set(groups)) < 2:
            raise SystemExit(f"round {epoch}: all stations fell into one group; try another seed")
        scores = {
            "inertia": float(-model.score(x)),
            "silhouette": float(silhouette_score(x, groups)),
            "davies_bouldin": float(davies_bouldin_score(x, groups)),
            "moved": moved,
        }
        mlflow.log_metrics(scores, step=epoch)
        history.append({"round": epoch, **scores})
        print(
            f"round {epoch:2d}/{args.epochs}  silhouette {scores['silhouette']:.3f}"
            f"  inertia {scores['inertia']:.0f}  centres moved {moved:.3f}",
            flush=True,
        )
        time.sleep(args.pause)
    return history


def plot(path, x, groups):
    """Stations by their first two principal components."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed here: no plot is made")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from sklearn.decomposition import PCA

    flat = PCA(2).fit_transform(x)
    figure, axes = pyplot.subplots(figsize=(5, 4))
    axes.scatter(flat[:, 0], flat[:, 1], c=groups, s=14, cmap="tab10")
    axes.set_xlabel("first component")
    axes.set_ylabel("second component")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def save(args, model, ids, x, history):
    out = Path("results")
    out.mkdir(exist_ok=True)
    groups = model.predict(x)
    with (out / "groups.csv").open("w") as file:
        file.write("station,group\n")
        file.writelines(f"{station},{group}\n" for station, group in zip(ids, groups))
    last = history[-1]
    (out / "report.txt").write_text(
        f"{len(ids)} stations in {args.clusters} groups by {args.features}\n"
        + "".join(f"group {group}: {count} stations\n" for group, count in sorted(Counter(groups).items()))
        + f"silhouette {last['silhouette']:.3f}, Davies-Bouldin {last['davies_bouldin']:.3f}\n"
    )
    (out / "model.pkl").write_bytes(pickle.dumps(model))
    plot(out / "groups.png", x, groups)
    mlflow.log_artifacts(str(out))


def main():
    args = arguments()
    with mlflow.start_run():
        mlflow.log_params(as_given(args))
        ids, x = read(args.data, args.features)
        print(f"{len(ids)} stations, {x.shape[1]} features", flush=True)
        if not 2 <= args.clusters <= args.batch_size:
            raise SystemExit(
                f"clusters must be 2 to {args.batch_size} (the batch size), not {args.clusters}:"
                " a batch has to hold at least one station a group"
            )
        model = MiniBatchKMeans(args.clusters, random_state=args.seed, batch_size=args.batch_size, n_init=1)
        history = train(model, args, x)
        save(args, model, ids, x, history)
        print("done: report, groups, model and plot are with the run", flush=True)


if __name__ == "__main__":
    main()
