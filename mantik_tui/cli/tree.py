"""All commands by name: their short help and where they are defined. Nothing else is imported to list them."""

from __future__ import annotations

from typing import TypeAlias, Union

Entry: TypeAlias = tuple[str, Union[str, "Tree"]]
"""Short help, then `module:attribute` below `mantik_tui.cli`, or the commands of a group."""
Tree: TypeAlias = dict[str, Entry]

COMMANDS: Tree = {
    "tui": ("Open the full-screen program (the same as no command at all).", "app:tui"),
    "demo": ("Try everything: a local MLflow server and real trainings.", "demo:demo"),
    "login": ("Connect a tracking server.", "servers:login"),
    "logout": ("Forget the password or token of a workspace.", "servers:logout"),
    "workspaces": (
        "Tracking servers and logins that are set up.",
        {
            "list": ("List workspaces.", "servers:list_workspaces"),
            "use": ("Make a workspace the one that opens first.", "servers:use"),
        },
    ),
    "projects": (
        "Projects: what people share.",
        {
            "list": ("List projects.", "projects:list_projects"),
            "show": ("Show one project whole.", "projects:show"),
        },
    ),
    "experiments": (
        "MLflow experiments.",
        {"list": ("List experiments.", "projects:list_experiments")},
    ),
    "runs": (
        "Submit, watch, compare and stop runs.",
        {
            "submit": ("Submit a training.", "runs_submit:submit"),
            "again": ("Submit a run again, with other parameters.", "runs_submit:again"),
            "list": ("List runs, with filter, order and columns.", "runs_list:list_runs"),
            "status": ("Status of runs and their jobs.", "runs_watch:status"),
            "wait": ("Wait until runs have ended.", "runs_watch:wait"),
            "info": ("Everything that is known of a run.", "runs_info:info"),
            "logs": ("A run's log; -f follows it.", "runs_logs:logs"),
            "cancel": ("Cancel a run's job.", "runs_edit:cancel"),
            "download": ("Download artifacts or the run folder.", "runs_download:download"),
            "tag": ("Set or delete a tag.", "runs_edit:tag"),
            "note": ("Show or set the note.", "runs_edit:note"),
            "rename": ("Give a run another name.", "runs_edit:rename"),
        },
    ),
    "configs": (
        "Saved run configurations.",
        {
            "list": ("List saved configurations.", "configs:list_configs"),
            "show": ("Show one configuration.", "configs:show"),
            "save": ("Save a configuration.", "configs:save"),
            "duplicate": ("Copy a configuration.", "configs:duplicate"),
            "delete": ("Delete a configuration.", "configs:delete"),
        },
    ),
    "sync": ("Ask the server and sites now, and wait for the answer.", "sync:sync"),
    "outbox": (
        "What waits to be sent.",
        {
            "list": ("List what waits.", "outbox:list_entries"),
            "show": ("Show one entry whole.", "outbox:show"),
            "retry": ("Try an entry again at once.", "outbox:retry"),
            "cancel": ("Take an entry back.", "outbox:cancel"),
            "resolve": ("Settle a conflict.", "outbox:resolve"),
        },
    ),
    "sites": (
        "Places that run jobs.",
        {
            "list": ("List sites.", "sites:list_sites"),
            "add": ("Add a site, or change one.", "sites:add"),
            "test": ("Try everything that a submission needs.", "sites:test"),
            "remove": ("Remove a site.", "sites:remove"),
        },
    ),
    "engine": (
        "The program in the background that talks to servers and sites.",
        {
            "start": ("Start it, if it does not run yet.", "engine:start"),
            "status": ("Say whether it runs, and what it does.", "engine:status"),
            "stop": ("Stop it; nothing is lost.", "engine:stop"),
        },
    ),
    "config": ("Check backend configs.", "config_commands:config_group"),
    "mlproject": ("Look at MLprojects.", "config_commands:mlproject_group"),
    "doctor": ("Check this installation: versions, paths, modes, connections.", "doctor:doctor"),
    "completion": ("Print the completion script of a shell.", "completion:completion"),
}
