"""The job script, made from one template for every scheduler.

What it promises is design, not convenience:

- its first act is to own the run folder; a job that finds another owner ends at once with `NOT_OWNER`;
- everything that it tells is one file per event under `.mantik/attempt-<n>/`, written aside and renamed;
- the training runs in a process group of its own, in the background, so that the script hears signals at once, records
  them, passes TERM on, and sends KILL after a grace time;
- helpers that only watch a clock live in sessions of their own, so that they are no sign of life of the job.

Bash, since arrays of signals, `wait` and process groups behave alike in every bash from 3.2 on.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.backends.compute.quoting import ENV_COMPLETE, double_quoted, heredoc
from mantik_tui.domain.errors import BadInput

NOT_OWNER = 75
"""Exit code of a job that found another job's owner file."""

KILL_POINTS = (
    "born",
    "owned",
    "waiting",
    "slot",
    "started",
    "forked",
    "waited",
    "before-ended",
    "ended",
)
"""Where a script rendered with `kill_at` kills itself with -9; `waiting` only happens to a job that waits for a slot."""


@dataclass(frozen=True, slots=True)
class ScriptFlavor:
    """What differs between schedulers. All texts are bash."""

    identity: str
    """Commands that set `me` to the job id as the scheduler knows it."""
    header: tuple[str, ...] = ()
    """Lines right after `#!/bin/bash`, such as `#SBATCH` lines."""
    attempt: str = ""
    """A word that gives the attempt; empty takes the spec's."""
    slots_dir: str = ""
    """Folder of slot locks; empty: the batch system does the queueing."""
    slots: int = 1
    enforce_limit: bool = False
    """The script itself watches the time limit."""
    launcher: str = ""
    """What starts the container on the compute node, for example `srun -u`."""


def render_job_script(spec: JobSpec, flavor: ScriptFlavor, *, kill_at: str = "") -> str:
    """The complete text of `.mantik/job.sh`. Raises `BadInput` for text that no shell can take."""
    if kill_at and kill_at not in KILL_POINTS:
        raise BadInput(f"{kill_at} is no point of the job script", f"There are {KILL_POINTS}.")
    parts = [
        "\n".join(["#!/bin/bash", *flavor.header, _head(spec, flavor)]),
        _with_kill(_RECORDS, kill_at),
        _OWNER.replace("@IDENTITY@", flavor.identity.strip()).replace(
            "@NOT_OWNER@", str(NOT_OWNER)
        ),
        _SIGNALS,
        _with_kill(_SLOTS, kill_at) if flavor.slots_dir else "",
        _with_kill(_begin(flavor), kill_at),
        _payload(spec, flavor),
        _with_kill(_END, kill_at),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _with_kill(part: str, kill_at: str) -> str:
    """Fills in the points of a part of the template; never of text that came from a person."""
    for point in KILL_POINTS:
        line = f"kill -KILL $$  # asked for at this point: {point}\n" if point == kill_at else ""
        part = re.sub(rf" *@{point}@\n", line, part)
    return part


def _head(spec: JobSpec, flavor: ScriptFlavor) -> str:
    limit = spec.time_limit_s or 0
    lines = [
        f"# Run {spec.run_id}, made by mantik-tui.",
        "# The commands of the run stand near the end; what is around them keeps records in .mantik/.",
        f"folder={shlex.quote(spec.folder)}",
        f"job_name={shlex.quote(spec.job_name)}",
        f"attempt={flavor.attempt or spec.attempt}",
        f"grace_s={max(1, spec.grace_s)}",
        f"limit_s={limit if flavor.enforce_limit else 0}",
    ]
    if flavor.slots_dir:
        lines += [
            f"slots_dir={shlex.quote(flavor.slots_dir)}",
            f"slots={max(1, flavor.slots)}",
            f"ticket_key={spec.submitted_ms:015d}",
        ]
    return "\n".join(lines)


def _begin(flavor: ScriptFlavor) -> str:
    waiting = "wait_for_slot || finish_early\n" if flavor.slots_dir else ""
    return f"""
@born@
own
@owned@
{waiting}@slot@
[ -z "$asked" ] || finish_early
record started "host=$HOSTNAME" "pid=$$" "id=$me"
@started@
[ "$limit_s" -eq 0 ] || {{ start_alarm "$limit_s" USR2; limit_alarm=$!; }}
"""


def _payload(spec: JobSpec, flavor: ScriptFlavor) -> str:
    steps: list[str] = []
    if spec.modules:
        names = " ".join(double_quoted(name) for name in spec.modules)
        steps.append(_step("modules", f"{_FIND_MODULE}\nmodule load {names}"))
    for number, text in enumerate(spec.pre_commands, 1):
        steps.append(_step(f"pre command {number}", text))
    if spec.python_venv:
        steps.append(_step("virtual environment", _enter_venv(spec.python_venv)))
    steps.append(_step("command", _command(spec, flavor)))
    for number, text in enumerate(spec.post_commands, 1):
        steps.append(_step(f"post command {number}", text))
    defaults = ["export PYTHONUNBUFFERED=1"]
    if spec.tracking_uri:
        defaults.append(f"export MLFLOW_TRACKING_URI={shlex.quote(spec.tracking_uri)}")
    fixed = ['export MANTIK_WORKING_DIRECTORY="$folder"']
    if spec.mlflow_run_id:
        fixed.append(f"export MLFLOW_RUN_ID={shlex.quote(spec.mlflow_run_id)}")
    return "\n".join(
        [
            "# ---- what the run does ----",
            "set -m  # gives the training a process group of its own",
            "(",
            "set +m",
            *defaults,
            "__stage environment",
            f'. ./.mantik/env; [ -n "${ENV_COMPLETE}" ]; __check $?',
            f"unset {ENV_COMPLETE}",
            *fixed,
            *steps,
            "__stage done",
            "exit 0",
            ") 8>&- &",
            "set +m",
            "child=$!",
            "# ---- end of what the run does ----",
        ]
    )


def _step(name: str, text: str) -> str:
    return (
        f"__stage {shlex.quote(name)}; IFS= read -r -d '' __text {heredoc(text)}\n"
        'eval "$__text" </dev/null; __check $?'
    )


def _command(spec: JobSpec, flavor: ScriptFlavor) -> str:
    if spec.container is None:
        return spec.command
    words = [flavor.launcher, "apptainer run", *spec.container.options]
    words += [double_quoted(spec.container.image), spec.command]
    return " ".join(word for word in words if word)


def _enter_venv(path: str) -> str:
    activate = double_quoted(path.rstrip("/") + "/bin/activate")
    return (
        f"[ -r {activate} ] || {{ echo mantik-tui: there is no virtual environment: {activate} >&2; exit 1; }}\n"
        f". {activate}"
    )


_FIND_MODULE = """\
if ! type module >/dev/null 2>&1; then
  for __init in "${MODULESHOME:-/none}/init/bash" "${LMOD_PKG:-/none}/init/bash" \\
      /etc/profile.d/lmod.sh /etc/profile.d/modules.sh \\
      /usr/share/lmod/lmod/init/bash /usr/share/modules/init/bash; do
    if [ -r "$__init" ]; then . "$__init"; break; fi
  done
fi
type module >/dev/null 2>&1 || {
  echo "mantik-tui: this site has no command named module; take Modules out of the backend config" >&2
  exit 127
}"""

_RECORDS = r"""
cd "$folder" || { echo "mantik-tui: the run folder $folder is missing" >&2; exit 74; }
records=.mantik/attempt-$attempt
asked= child= woken= limit_alarm= grace_alarm= recorded=

now_ms() {
  local t=${EPOCHREALTIME:-}
  if [ -n "$t" ]; then t=${t/[.,]/}; echo "${t%???}"; else echo "$(date +%s)000"; fi
}

# record EVENT KEY=VALUE...: a file that is complete or absent
record() {
  local event=$1; shift
  mkdir -p "$records"
  printf '%s\n' "time_ms=$(now_ms)" "$@" >"$records/.$event.$$" &&
    mv -f "$records/.$event.$$" "$records/$event"
}

finish() { # CODE SIGNAL CAUSE STAGE
  kill $limit_alarm $grace_alarm 2>/dev/null
  @before-ended@
  record ended "code=$1" "signal=$2" "cause=$3" "stage=$4" "host=$HOSTNAME"
  @ended@
  recorded=1
  exit "$1"
}

number_of() {
  case $1 in HUP) echo 1;; INT) echo 2;; *) echo 15;; esac
}

finish_early() {
  local number; number=$(number_of "$asked")
  finish $((128 + number)) "$number" stopped waiting
}

__stage() {
  printf '%s\n' "$1" >"$records/.stage.$$" && mv -f "$records/.stage.$$" "$records/stage"
}

__check() { [ "$1" -eq 0 ] || exit "$1"; }
"""

_OWNER = r"""
own() {
  local found= line
  @IDENTITY@
  printf '%s\n' "id=$me" "name=$job_name" "host=$HOSTNAME" "time_ms=$(now_ms)" >".mantik/.owner.$$"
  if ln ".mantik/.owner.$$" .mantik/owner 2>/dev/null; then rm -f ".mantik/.owner.$$"; return; fi
  # Not every file system has hard links; creating a file exclusively works on all.
  if [ ! -e .mantik/owner ] &&
      (set -C; cat ".mantik/.owner.$$" >.mantik/owner) 2>/dev/null; then
    rm -f ".mantik/.owner.$$"; return
  fi
  rm -f ".mantik/.owner.$$"
  while read -r line; do case $line in id=*) found=${line#id=};; esac; done <.mantik/owner
  [ "$found" = "$me" ] && return
  printf '%s\n' "time_ms=$(now_ms)" "id=$me" "owner=$found" "host=$HOSTNAME" >".mantik/turned-away-$$"
  recorded=1
  exit @NOT_OWNER@
}
"""

_SIGNALS = r"""
# start_alarm SECONDS SIGNAL: signals this script later; ends with it; is no part of the job's session
alarm='
trap "kill \$nap 2>/dev/null; exit 0" TERM
while kill -0 "$1" 2>/dev/null; do
  if [ -r "/proc/$1/stat" ]; then
    read -r line <"/proc/$1/stat"; case ${line##*) } in [ZX]*) exit 0;; esac
  fi
  left=$(($2 - SECONDS))
  if [ "$left" -le 0 ]; then kill -"$3" "$1"; exit 0; fi
  [ "$left" -lt 5 ] || left=5
  sleep "$left" & nap=$!
  wait "$nap"
done'
start_alarm() {
  if command -v setsid >/dev/null 2>&1; then
    setsid bash -c "$alarm" mantik-alarm $$ "$1" "$2" </dev/null >/dev/null 2>&1 8>&- 9>&- &
  else
    perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV' bash -c "$alarm" mantik-alarm $$ "$1" "$2" \
      </dev/null >/dev/null 2>&1 8>&- 9>&- &
  fi
}

nap() { sleep "$1" 8>&- 9>&- & wait $!; }

stop_child() {
  kill -TERM -- "-$child" 2>/dev/null
  [ -n "$grace_alarm" ] || { start_alarm "$grace_s" ALRM; grace_alarm=$!; }
}

on_stop() {
  woken=1
  asked=${asked:-$1}
  [ -z "$child" ] || stop_child
}

# Whether any process of the training lives; one that ended but was not collected does not count.
training_lives() {
  local file line
  [ -r /proc/self/stat ] || { kill -0 -- "-$child" 2>/dev/null; return; }
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    set -- ${line##*) }
    case $1 in [ZX]) continue;; esac
    [ "$3" = "$child" ] && return 0
  done
  return 1
}

trap 'on_stop TERM' TERM
trap 'on_stop INT' INT
trap 'on_stop HUP' HUP
trap 'on_stop timeout' USR2
trap 'woken=1; record warned' USR1
trap 'woken=1; [ -z "$child" ] || kill -KILL -- "-$child" 2>/dev/null' ALRM
trap '[ -n "$recorded" ] || record ended "code=$?" signal= cause= "stage=job script"' EXIT
"""

_SLOTS = r"""
# Slots are file locks, which the system lets go when their last holder dies; the training inherits its slot's lock.
try_lock() { # FILE DESCRIPTOR: 0 taken, 1 somebody has it, more: locks don't work here
  if command -v flock >/dev/null 2>&1; then flock -n "$1"
  else perl -e 'use Fcntl ":flock"; open(my $f, "<&=", $ARGV[0]) or exit 2; exit(flock($f, LOCK_EX|LOCK_NB) ? 0 : 1)' "$1"
  fi
}

first_in_line() {
  local other code
  for other in "$slots_dir"/queue/[0-9]*; do
    [ "$other" = "$ticket" ] && return 0
    { exec 7<"$other"; } 2>/dev/null || continue
    try_lock 7; code=$?
    exec 7<&-
    [ "$code" -eq 1 ] && return 1
    rm -f "$other"  # its job died while it waited
  done
  return 0
}

take_slot() {
  local number=0 code limit=
  { read -r limit <"$slots_dir/limit"; } 2>/dev/null
  case $limit in '' | *[!0-9]*) ;; *) slots=$limit;; esac
  while [ "$number" -lt "$slots" ]; do
    number=$((number + 1))
    exec 9>>"$slots_dir/slot-$number"
    try_lock 9; code=$?
    [ "$code" -eq 1 ] || {
      [ "$code" -eq 0 ] || echo "mantik-tui: file locks don't work in $slots_dir; not waiting for a slot" >&2
      return 0
    }
    exec 9>&-
  done
  return 1
}

wait_for_slot() {
  local told=
  ticket=$slots_dir/queue/$ticket_key-$job_name-$$
  mkdir -p "$slots_dir/queue" && exec 8>"$slots_dir/queue/.$$.new" || return 0
  try_lock 8
  mv "$slots_dir/queue/.$$.new" "$ticket"
  while [ -z "$asked" ]; do
    if first_in_line && take_slot; then
      rm -f "$ticket"; exec 8>&-
      return 0
    fi
    [ -n "$told" ] || { record waiting "slots=$slots" "host=$HOSTNAME"; told=1; }
    @waiting@
    nap 1
  done
  rm -f "$ticket"; exec 8>&-
  return 1
}
"""

_END = r"""
[ -z "$asked" ] || stop_child
[ -r /proc/self/stat ] || record forked "group=$child"  # there are no sessions to look for
@forked@
while :; do
  woken=
  wait "$child" 2>/dev/null; code=$?
  [ -n "$woken" ] || break
done
verdict=$asked
@waited@

# What the training left behind ends with it.
if training_lives; then
  stop_child
  tries=$(((grace_s + 5) * 10))
  while [ "$tries" -gt 0 ] && training_lives; do nap 0.1; tries=$((tries - 1)); done
fi

stage=; { read -r stage <"$records/stage"; } 2>/dev/null
case $verdict in
  timeout)
    echo "mantik-tui: the time limit of $limit_s s is over" >&2
    finish 124 "" timeout "$stage";;
  ?*)
    echo "mantik-tui: asked to end by signal $verdict" >&2
    number=$(number_of "$verdict")
    finish $((128 + number)) "$number" stopped "$stage";;
esac
case $code-$stage in
  0-command | 0-done | "0-post command "*) finish 0 "" "" "$stage";;
  0-*)
    echo "mantik-tui: $stage ended the job before the command ran" >&2
    finish 70 "" "" "$stage";;
esac
if [ "$code" -gt 128 ] && [ "$code" -le 192 ]; then
  echo "mantik-tui: $stage was ended by signal $((code - 128))" >&2
  finish "$code" $((code - 128)) "" "$stage"
fi
echo "mantik-tui: $stage ended with exit code $code" >&2
finish "$code" "" "" "$stage"
"""
