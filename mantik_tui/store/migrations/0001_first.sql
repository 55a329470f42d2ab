-- Times are milliseconds since 1970, UTC. A server's ids are text; `id` columns are local row ids.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    renewed_ms INTEGER NOT NULL
);

CREATE TABLE workspace (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    tracking_uri TEXT NOT NULL,
    username TEXT NOT NULL DEFAULT '',
    auth TEXT NOT NULL DEFAULT 'none',        -- none, basic, token
    ca_file TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'new',        -- new, pulling, live, offline, needs login, not mlflow
    reason TEXT NOT NULL DEFAULT '',
    server_version TEXT NOT NULL DEFAULT '',
    started_after_ms INTEGER NOT NULL DEFAULT 0,  -- watermark for start_time
    ended_after_ms INTEGER NOT NULL DEFAULT 0,    -- watermark for end_time
    round_ms INTEGER,                             -- when the last complete round ended
    rounds INTEGER NOT NULL DEFAULT 0,
    latency_ms INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE site (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    transport TEXT NOT NULL,
    scheduler TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    run_root TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL DEFAULT '',
    settings TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    as_of_ms INTEGER
);

CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    uid TEXT NOT NULL,                        -- tag mantik.project.id; 'unsorted' for the collecting one
    carrier TEXT NOT NULL DEFAULT '',         -- server id of the experiment that carries its tags
    name TEXT NOT NULL,
    summary TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    ownership TEXT NOT NULL DEFAULT 'unknown',
    visibility TEXT NOT NULL DEFAULT '',
    doc TEXT NOT NULL DEFAULT '{}',           -- labels, members, code, data as read from the tags
    folder TEXT NOT NULL DEFAULT '',
    best_metric TEXT NOT NULL DEFAULT '',
    best_goal TEXT NOT NULL DEFAULT 'min',
    gone INTEGER NOT NULL DEFAULT 0,
    as_of_ms INTEGER,
    UNIQUE (workspace_id, uid)
);

CREATE TABLE project_stat (
    project_id INTEGER PRIMARY KEY,
    runs INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0,
    queued INTEGER NOT NULL DEFAULT 0,
    last_run_ms INTEGER,
    latest_run_id INTEGER,
    best_run_id INTEGER,
    best_value REAL
);

CREATE TABLE experiment (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    server_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL DEFAULT 0,    -- part of the identity: SQLite servers reuse ids
    name TEXT NOT NULL,
    lifecycle TEXT NOT NULL DEFAULT 'active',
    artifact_location TEXT NOT NULL DEFAULT '',
    updated_ms INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT '{}',
    project_id INTEGER,
    access TEXT NOT NULL DEFAULT 'ok',        -- ok, lost
    pull_state TEXT NOT NULL DEFAULT 'new',   -- new, pulling, live, reconciling
    pull_offset INTEGER NOT NULL DEFAULT 0,
    pull_total INTEGER,
    audit_offset INTEGER NOT NULL DEFAULT 0,
    audited_ms INTEGER,
    as_of_ms INTEGER,
    UNIQUE (workspace_id, server_id, created_ms)
);
CREATE INDEX experiment_project ON experiment (project_id);

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    experiment_id INTEGER NOT NULL,
    project_id INTEGER,
    cid TEXT UNIQUE,                          -- ours; NULL for a run that others made
    server_id TEXT,                           -- NULL until the server has it
    name TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    user TEXT NOT NULL DEFAULT '',
    start_ms INTEGER NOT NULL DEFAULT 0,
    end_ms INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0,
    site TEXT NOT NULL DEFAULT '',
    job_state TEXT NOT NULL DEFAULT '',
    cause TEXT NOT NULL DEFAULT '',
    pending INTEGER NOT NULL DEFAULT 0,
    as_of_ms INTEGER
);
CREATE UNIQUE INDEX run_server ON run (workspace_id, server_id) WHERE server_id IS NOT NULL;
CREATE INDEX run_project ON run (project_id, start_ms DESC);
CREATE INDEX run_experiment ON run (experiment_id, start_ms DESC);
CREATE INDEX run_status ON run (status, start_ms DESC);
CREATE INDEX run_start ON run (start_ms DESC, name, status);
CREATE INDEX run_job ON run (job_state) WHERE job_state <> '';

CREATE TABLE run_doc (
    run_id INTEGER PRIMARY KEY,
    tags TEXT NOT NULL DEFAULT '{}',          -- every tag, as the server has it
    local TEXT NOT NULL DEFAULT '{}',         -- what was recorded here at submission
    artifact_uri TEXT NOT NULL DEFAULT '',
    server_status TEXT NOT NULL DEFAULT ''    -- as the server has it; differs where the job knows better
);

CREATE TABLE key (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));

-- SQLite stores NaN as NULL, so that a metric says itself that it is NaN.
CREATE TABLE metric (
    run_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    value REAL,
    is_nan INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0,
    at_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
CREATE INDEX metric_value ON metric (key_id, value, run_id);

CREATE TABLE param (
    run_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
CREATE INDEX param_value ON param (key_id, value, run_id);

-- Tags that people set; those of MLflow and Mantik themselves are in run_doc only.
CREATE TABLE tag (
    run_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
CREATE INDEX tag_value ON tag (key_id, value, run_id);

CREATE VIRTUAL TABLE run_name USING fts5 (
    name, content = 'run', content_rowid = 'id', tokenize = 'trigram', detail = 'none', columnsize = 0
);
CREATE TRIGGER run_name_insert AFTER INSERT ON run BEGIN
    INSERT INTO run_name (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER run_name_delete AFTER DELETE ON run BEGIN
    INSERT INTO run_name (run_name, rowid, name) VALUES ('delete', old.id, old.name);
END;
CREATE TRIGGER run_name_update AFTER UPDATE OF name ON run WHEN old.name <> new.name BEGIN
    INSERT INTO run_name (run_name, rowid, name) VALUES ('delete', old.id, old.name);
    INSERT INTO run_name (rowid, name) VALUES (new.id, new.name);
END;

-- Histories lie in chunks of doubles: one blob is read 300 times as fast as its rows.
CREATE TABLE series (
    run_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0,
    as_of_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
CREATE TABLE series_chunk (
    run_id INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    min REAL,
    max REAL,
    steps BLOB NOT NULL,                      -- int64, native order
    times BLOB NOT NULL,                      -- int64 ms
    vals BLOB NOT NULL,                       -- double, NaN kept
    PRIMARY KEY (run_id, key_id, seq)
);

CREATE TABLE artifact (
    run_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    is_dir INTEGER NOT NULL,
    size INTEGER,
    as_of_ms INTEGER NOT NULL,
    local_path TEXT,
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;
CREATE TABLE artifact_dir (
    run_id INTEGER NOT NULL, path TEXT NOT NULL, as_of_ms INTEGER NOT NULL, PRIMARY KEY (run_id, path)
) WITHOUT ROWID;

CREATE TABLE job (
    run_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    job_id TEXT NOT NULL DEFAULT '',
    site TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    signal INTEGER,
    node TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '',
    submitted_ms INTEGER,
    started_ms INTEGER,
    ended_ms INTEGER,
    limit_ms INTEGER,
    seen_ms INTEGER,
    cancel_asked_ms INTEGER,
    PRIMARY KEY (run_id, attempt)
) WITHOUT ROWID;
CREATE INDEX job_state ON job (state);
CREATE TABLE job_event (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT ''
);
CREATE INDEX job_event_run ON job_event (run_id, at_ms);

CREATE TABLE log (
    run_id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    size INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0,
    as_of_ms INTEGER
);
-- Files of run folders on sites, as last listed.
CREATE TABLE site_file (
    run_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    is_dir INTEGER NOT NULL,
    size INTEGER,
    changed_ms INTEGER,
    as_of_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;

CREATE TABLE run_config (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    doc TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    run_id INTEGER,
    what TEXT NOT NULL,
    payload TEXT NOT NULL,
    base TEXT NOT NULL,
    steps_done TEXT NOT NULL DEFAULT '[]',
    after TEXT NOT NULL DEFAULT '[]',
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_ms INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX outbox_target ON outbox (target, id);
CREATE INDEX outbox_open ON outbox (state, next_try_ms) WHERE state NOT IN ('done', 'cancelled');
CREATE INDEX outbox_done ON outbox (updated_ms) WHERE state = 'done';
CREATE INDEX outbox_run ON outbox (run_id) WHERE state NOT IN ('done', 'cancelled');

CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',
    aliases TEXT NOT NULL DEFAULT '[]',
    source TEXT NOT NULL DEFAULT '',
    run_server_id TEXT NOT NULL DEFAULT '',
    experiment_server_id TEXT NOT NULL DEFAULT '',
    created_ms INTEGER,
    updated_ms INTEGER,
    description TEXT NOT NULL DEFAULT '',
    as_of_ms INTEGER,
    UNIQUE (workspace_id, kind, name, version)
);
CREATE INDEX model_run ON model (run_server_id);
CREATE TABLE dataset (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    UNIQUE (workspace_id, name, digest)
);
CREATE TABLE run_dataset (
    run_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    context TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, dataset_id)
) WITHOUT ROWID;
CREATE INDEX run_dataset_dataset ON run_dataset (dataset_id);

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    run_id INTEGER,
    text TEXT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notice_unseen ON notice (id) WHERE seen = 0;

CREATE TABLE view_state (place TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
