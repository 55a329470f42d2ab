"""Train a forecast of wind power, epoch by epoch, and log every step to MLflow."""

import argparse
import math
import pickle
import sys
import time
import warnings
from pathlib import Path

import mlflow
import numpy as np
from sklearn.neural_network import MLPRegressor

from dataset import features, read, split

warnings.filterwarnings("ignore")

DIVERGED = 1e6
"""An error of this many times the installed power is no forecast any more."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/wind.csv")
    parser.add_argument("--model", default="mlp")
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--hidden", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--horizon", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--pause", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def as_given(args):
    """The parameters as they were written: MLflow refuses `0.0` where the submission has logged `0` already."""
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    return {name: words.get("--" + name.replace("_", "-"), value) for name, value in vars(args).items()}


def make_model(args, samples):
    if args.model not in ("mlp", "linear"):
        raise SystemExit(f"model must be 'mlp' or 'linear', not '{args.model}'")
    if args.optimizer not in ("adam", "sgd"):
        raise SystemExit(f"optimizer must be 'adam' or 'sgd', not '{args.optimizer}'")
    linear = args.model == "linear"
    return MLPRegressor(
        hidden_layer_sizes=() if linear else (args.hidden,),
        activation="identity" if linear else "relu",
        solver=args.optimizer,
        learning_rate_init=args.learning_rate,
        momentum=0.0,
        batch_size=max(1, min(args.batch_size, samples)),
        random_state=args.seed,
    )


def scores(model, x, y):
    """Root mean square error and mean absolute error, in shares of the installed power."""
    with np.errstate(all="ignore"):
        error = model.predict(x) - y
        return math.sqrt(np.mean(error**2)), float(np.mean(np.abs(error)))


def step(model, train_x, train_y, valid_x, valid_y):
    """One pass over the data: error in training, in validation, and its mean. NaN where the weights ran away."""
    try:
        with np.errstate(all="ignore"):
            model.partial_fit(train_x, train_y)
        train_rmse, _ = scores(model, train_x, train_y)
        rmse, mae = scores(model, valid_x, valid_y)
    except ValueError:  # scikit-learn's word for weights that are no longer finite
        return math.nan, math.nan, math.nan
    return (train_rmse, rmse, mae) if rmse < DIVERGED else (math.nan, math.nan, math.nan)


def train(model, args, train_x, train_y, valid_x, valid_y):
    """All epochs; ends early when the training has diverged."""
    history = []
    for epoch in range(1, args.epochs + 1):
        train_rmse, rmse, mae = step(model, train_x, train_y, valid_x, valid_y)
        mlflow.log_metrics({"train_rmse": train_rmse, "rmse": rmse, "mae": mae}, step=epoch)
        print(f"epoch {epoch:3d}/{args.epochs}  train {train_rmse:.4g}  valid {rmse:.4g}", flush=True)
        if math.isnan(rmse):
            mlflow.set_tag("diverged", "true")
            break
        history.append((epoch, train_rmse, rmse, mae))
        time.sleep(args.pause)
    return history


def plot(path, truth, forecast):
    """The last ten days: what came and what was forecast."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed here: no plot is made")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3))
    axes.plot(truth[-240:], label="measured")
    axes.plot(forecast[-240:], label="forecast")
    axes.set_xlabel("hour")
    axes.set_ylabel("share of installed power")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def save(args, model, history, valid_x, valid_y):
    out = Path("results")
    out.mkdir(exist_ok=True)
    with (out / "history.csv").open("w") as file:
        file.write("epoch,train_rmse,rmse,mae\n")
        file.writelines(",".join(f"{value:.6g}" for value in row) + "\n" for row in history)
    forecast = model.predict(valid_x)
    with (out / "forecast.csv").open("w") as file:
        file.write("measured,forecast\n")
        file.writelines(f"{a:.3f},{b:.3f}\n" for a, b in zip(valid_y, forecast))
    best = min(history, key=lambda row: row[2])
    (out / "report.txt").write_text(
        f"Wind power, {args.horizon} hours ahead\n"
        f"model         {args.model}, {args.optimizer}, learning rate {args.learning_rate:g}\n"
        f"best epoch    {best[0]} of {len(history)}\n"
        f"rmse          {best[2]:.4f} of installed power\n"
        f"last rmse     {history[-1][2]:.4f}\n"
        f"last mae      {history[-1][3]:.4f}\n"
    )
    (out / "model.pkl").write_bytes(pickle.dumps(model))
    plot(out / "forecast.png", valid_y, forecast)
    mlflow.log_artifacts(str(out))
    mlflow.log_metric("best_rmse", best[2])


def main():
    args = arguments()
    with mlflow.start_run():
        mlflow.log_params(as_given(args))
        x, y, _ = features(read(args.data), args.horizon)
        train_x, train_y, valid_x, valid_y = split(x, y)
        print(f"{len(train_y)} hours to learn from, {len(valid_y)} to check with", flush=True)
        model = make_model(args, len(train_y))
        history = train(model, args, train_x, train_y, valid_x, valid_y)
        mlflow.set_tag("model.kind", args.model)
        if len(history) == args.epochs:
            save(args, model, history, valid_x, valid_y)
            print("done: report, forecast, model and plot are with the run", flush=True)
        else:
            print("the training diverged, no model is kept: a smaller learning rate helps", flush=True)


if __name__ == "__main__":
    main()
