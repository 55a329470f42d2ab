"""Five small offline runs for `wandb leet`; runs in the peers' environment. Argument: the folder."""

# mypy: ignore-errors
from __future__ import annotations

import sys

import wandb

for number in range(5):
    run = wandb.init(
        project="bench",
        mode="offline",
        dir=sys.argv[1],
        name=f"bench-{number}",
        settings=wandb.Settings(console="off", silent=True),
    )
    for step in range(100):
        run.log({"rmse": 1 / (1 + step), "loss": 2 / (1 + step)})
    run.finish()
