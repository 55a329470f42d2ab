"""Train a classifier that tells which storm cells bring hail; logs its skill round by round to MLflow."""

import argparse
import pickle
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score

from skill import contingency, read, skill

MODELS = ("linear", "forest")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/cells.csv")
    parser.add_argument("--model", default="linear")
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--max-depth", type=int, default=6)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def as_given(args):
    """The parameters as they were written: MLflow refuses `0.0` where the submission has logged `0` already."""
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    return {name: words.get("--" + name.replace("_", "-"), value) for name, value in vars(args).items()}


def make_model(args):
    if args.model == "linear":
        return SGDClassifier(
            loss="log_loss", learning_rate="constant", eta0=args.learning_rate, random_state=args.seed
        )
    if args.model == "forest":
        return RandomForestClassifier(
            n_estimators=0, max_depth=args.max_depth, warm_start=True, random_state=args.seed, n_jobs=1
        )
    raise SystemExit(f"there is no model '{args.model}': choose one of {', '.join(MODELS)}")


def grow(model, x, y):
    """One more round: a pass over the cells, or four more trees."""
    if isinstance(model, SGDClassifier):
        model.partial_fit(x, y, classes=[0, 1])
    else:
        model.n_estimators += 4
        model.fit(x, y)


def bar(done, total, text):
    """A progress bar that is drawn over itself, as `tqdm` does it."""
    filled = 24 * done // total
    sys.stdout.write(f"\r{100 * done // total:3d}%|{'#' * filled}{' ' * (24 - filled)}| {done}/{total} {text}")
    sys.stdout.flush()


def train(model, args, train_x, train_y, valid_x, valid_y):
    history = []
    for epoch in range(1, args.epochs + 1):
        grow(model, train_x, train_y)
        chance = model.predict_proba(valid_x)[:, 1]
        scores = skill(chance >= args.threshold, valid_y)
        scores["auc"] = roc_auc_score(valid_y, chance)
        scores["brier"] = brier_score_loss(valid_y, chance)
        mlflow.log_metrics(scores, step=epoch)
        history.append({"epoch": epoch, **scores})
        bar(epoch, args.epochs, f"f1 {scores['f1']:.3f} auc {scores['auc']:.3f}")
        if epoch % 5 == 0:
            print(f"\nround {epoch}: detected {scores['pod']:.0%}, false alarms {scores['far']:.0%}", flush=True)
        time.sleep(args.pause)
    print(flush=True)
    return history


def plot(path, chance, truth):
    """How often it hailed where the model gave a chance of x."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed here: no plot is made")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.digitize(chance, edges) - 1, 0, 9)
    seen = [(edges[i] + 0.05, truth[bins == i].mean()) for i in range(10) if np.any(bins == i)]
    figure, axes = pyplot.subplots(figsize=(4, 4))
    axes.plot([0, 1], [0, 1], linestyle=":")
    axes.plot(*zip(*seen), marker="o")
    axes.set_xlabel("chance of hail, forecast")
    axes.set_ylabel("share of cells with hail")
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def save(args, model, history, chance, truth):
    out = Path("results")
    out.mkdir(exist_ok=True)
    hits, misses, alarms, rejections = contingency(chance >= args.threshold, truth)
    (out / "contingency.csv").write_text(
        f"forecast,hail,no hail\nyes,{hits},{alarms}\nno,{misses},{rejections}\n"
    )
    last = history[-1]
    (out / "report.txt").write_text(
        f"Hail from radar cells, {args.model} model, threshold {args.threshold:g}\n"
        + "".join(f"{name:8s} {value:.4g}\n" for name, value in last.items())
    )
    with (out / "history.csv").open("w") as file:
        file.write(",".join(last) + "\n")
        file.writelines(",".join(f"{value:.6g}" for value in row.values()) + "\n" for row in history)
    (out / "model.pkl").write_bytes(pickle.dumps(model))
    plot(out / "reliability.png", chance, truth)
    mlflow.log_artifacts(str(out))


def main():
    args = arguments()
    with mlflow.start_run():
        mlflow.log_params(as_given(args))
        names, x, y = read(args.data)
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        order = np.random.default_rng(args.seed).permutation(len(y))
        train_rows, valid_rows = order[: len(y) * 3 // 4], order[len(y) * 3 // 4 :]
        print(f"{len(y)} cells, {y.mean():.0%} with hail, {len(names)} features", flush=True)
        model = make_model(args)
        history = train(model, args, x[train_rows], y[train_rows], x[valid_rows], y[valid_rows])
        mlflow.set_tag("model.kind", args.model)
        save(args, model, history, model.predict_proba(x[valid_rows])[:, 1], y[valid_rows])
        print("done: report, contingency table, model and plot are with the run", flush=True)


if __name__ == "__main__":
    main()
