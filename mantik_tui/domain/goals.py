"""Whether a metric is better when higher or when lower, guessed by its name."""

from __future__ import annotations

_HIGHER = (
    *("acc", "auc", "f1", "r2", "score", "precision", "recall", "csi", "skill", "corr"),
    *("silhouette", "dice", "iou", "bleu", "rouge", "map@", "ndcg"),
)


def guess_goal(metric: str) -> str:
    """`max` for scores and the like, else `min`; what a project says of its own metric goes first."""
    name = metric.lower()
    return "max" if any(part in name for part in _HIGHER) else "min"
