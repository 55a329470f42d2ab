"""Lengths and characters that MLflow keeps, checked before sending.

The server cuts longer run tags and params without a word (MLflow 3.17), so nothing longer may reach it.
"""

from __future__ import annotations

from collections.abc import Iterable

from mantik_tui.domain.errors import BadInput

KEY = 250
RUN_TAG = 8000
PARAM = 6000
EXPERIMENT_TAG = 5000
"""20000 from MLflow 3.17 on; 5000 is what all versions keep."""
EXPERIMENT_NAME = 256
"""What the database column holds on every backend but SQLite."""
BATCH_METRICS, BATCH_PARAMS, BATCH_TAGS, BATCH_TOTAL = 1000, 100, 100, 1000
ID_FILTER = 1000
"""Run ids in one `run_id IN` filter; the request stays below 40 kB."""


def check_key(key: str, kind: str) -> None:
    """Raises BadInput for an empty or too long key. `kind` is the word for people: tag, param, metric."""
    if not key or len(key) > KEY:
        raise BadInput(
            f"The {kind}'s name can't be used",
            f"{key[:40]!r} has {len(key)} characters",
            f"The server keeps 1 to {KEY} characters.",
        )


def check_value(key: str, value: str, limit: int, kind: str) -> None:
    """Raises BadInput for a value that the server would cut or refuse."""
    if len(value) > limit:
        raise BadInput(
            f"The {kind} {key!r} is too long",
            f"It has {len(value)} characters, the server keeps {limit}",
            "Shorten it, or store the text as an artifact.",
        )


def check_run_tags(tags: Iterable[tuple[str, str]]) -> None:
    """Raises BadInput for the first run tag that does not fit."""
    for key, value in tags:
        check_key(key, "tag")
        check_value(key, value, RUN_TAG, "tag")


def check_experiment_tags(tags: Iterable[tuple[str, str]]) -> None:
    """Raises BadInput for the first experiment tag that does not fit."""
    for key, value in tags:
        check_key(key, "tag")
        check_value(key, value, EXPERIMENT_TAG, "experiment tag")


def check_params(params: Iterable[tuple[str, str]]) -> None:
    """Raises BadInput for the first param that does not fit."""
    for key, value in params:
        check_key(key, "param")
        check_value(key, value, PARAM, "param")


def check_batch(metrics: int, params: int, tags: int) -> None:
    """Raises BadInput for more than one `log-batch` request may carry."""
    fits = metrics <= BATCH_METRICS and params <= BATCH_PARAMS and tags <= BATCH_TAGS
    if not fits or metrics + params + tags > BATCH_TOTAL:
        raise BadInput(
            "Too much for one request",
            f"{metrics} metrics, {params} params, {tags} tags",
            f"At most {BATCH_METRICS} metrics, {BATCH_PARAMS} params, {BATCH_TAGS} tags, {BATCH_TOTAL} together.",
        )
