"""A training that is over in seconds: one metric point and one line of log a step, one artifact at the end."""

import argparse
import time

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
parser.add_argument("--pause", type=float)
parser.add_argument("--lr", type=float)
args = parser.parse_args()

with mlflow.start_run():
    mlflow.log_param("lr", args.lr)
    loss = 1.0
    for step in range(args.steps):
        loss *= 1 - args.lr
        mlflow.log_metric("loss", loss, step=step)
        print(f"step {step + 1} of {args.steps} loss {loss:.4f}", flush=True)
        time.sleep(args.pause)
    mlflow.log_text(f"loss {loss}\n", "report.txt")
