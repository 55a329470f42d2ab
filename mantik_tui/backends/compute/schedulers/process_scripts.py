"""What the process scheduler says to `/bin/sh`. POSIX shell; each text is one command to the site."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mantik_tui.backends.compute.protocols import JobRef

# A process is known by its number and the time it started, so that a reused number is not taken for it. The kernel's
# start time in clock ticks is exact; where there is no /proc, `ps` gives it in seconds.
_START_TIME = r"""
start_of() { # PID: sets `start`, `state`, `session`; false if there is no such process
  start=; state=; session=
  if [ -r "$proc/self/stat" ]; then
    { read -r line <"$proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    state=$1 session=$4 start=${20}
  else
    set -- $(LC_ALL=C ps -o stat= -o lstart= -p "$1" 2>/dev/null)
    [ $# -ge 2 ] || return 1
    state=$1; shift
    start=$(IFS=_; echo "$*")
  fi
}
"""

_TABLE = r"""
# Lines `SESSION PID STATE START` of every process in one of the sessions in `wanted`, blanks around each.
processes() {
  if [ -r "$proc/self/stat" ]; then
    for file in "$proc"/[0-9]*/stat; do
      { read -r line <"$file"; } 2>/dev/null || continue
      pid=${line%% *}
      set -- ${line##*) }
      case $wanted in *" $4 "*) echo "$4 $pid $1 ${20}";; esac
    done
  else
    LC_ALL=C ps -A -o pid= -o pgid= -o stat= -o lstart= | awk -v wanted="$wanted" -v groups="$groups" '
      BEGIN { n = split(groups, pair, " "); for (i = 1; i <= n; i++) { split(pair[i], g, "="); of[g[1]] = g[2] } }
      { s = index(wanted, " " $1 " ") ? $1 : (index(wanted, " " $2 " ") ? $2 : of[$2]) }
      s != "" { t = $4; for (i = 5; i <= NF; i++) t = t "_" $i; print s, $1, $3, t }'
  fi
}
"""

_QUERY = r"""
LC_ALL=C; export LC_ALL
wanted=' '; groups=
want() { # FOLDER ID
  case $2 in ?*) wanted="$wanted${2%%:*} ";; esac
  { while read -r line; do
      case $line in id=*) line=${line#id=}; wanted="$wanted${line%%:*} "; leader=${line%%:*};; esac
    done <"$1/.mantik/owner"; } 2>/dev/null || return 0
  for file in "$1"/.mantik/attempt-*/forked; do
    [ -f "$file" ] || continue
    while read -r line; do
      case $line in group=*) groups="$groups ${line#group=}=$leader";; esac
    done <"$file"
  done
}
show() { # TAG FILE
  [ -f "$2" ] || return 0
  echo "F $1"
  count=0
  { while [ $count -lt 20 ] && { IFS= read -r line || [ -n "$line" ]; }; do
      printf '|%s\n' "$line"; count=$((count + 1))
    done <"$2"; } 2>/dev/null
}
job() { # NUMBER FOLDER
  echo "J $1"
  [ -d "$2" ] || { echo "X"; return 0; }
  show owner "$2/.mantik/owner"
  for attempt in "$2"/.mantik/attempt-*; do
    [ -d "$attempt" ] || continue
    for event in waiting started stage warned cancel ended; do
      show "${attempt##*/attempt-}/$event" "$attempt/$event"
    done
  done
}
# Processes first, records after: what is found dead has written all that it will ever write.
look() {
  echo "H $(hostname)"
  table=$(processes)
  printf '%s\n' "$table" | while read -r session pid state start; do
    [ -n "$pid" ] || continue
    echo "P $session $pid $state $start"
    [ "$session" = "$pid" ] && continue
    case "
$table" in *"
$session $session "[!ZX]*) continue;; esac
    # Without its leader a session's number proves little; the name in the environment does.
    [ -r "$proc/$pid/environ" ] || continue
    echo "E $pid $(tr '\0' '\n' <"$proc/$pid/environ" 2>/dev/null | sed -n 's/^MANTIK_JOB_NAME=//p')"
  done
}
"""

_LAUNCH = r"""
cd "$folder" || exit 3
[ -f .mantik/job.sh ] || { echo "there is no .mantik/job.sh in $folder" >&2; exit 3; }
command -v bash >/dev/null || { echo "bash is missing" >&2; exit 3; }
: >>mantik.log || exit 3
mkdir -p "$slots_dir" && echo "$slots" >"$slots_dir/.limit.$$" && mv -f "$slots_dir/.limit.$$" "$slots_dir/limit" || exit 3
clean=
# A shell makes background processes deaf to INT, and they can't undo it.
env --default-signal=INT true 2>/dev/null && clean=--default-signal=INT,QUIT
if command -v setsid >/dev/null 2>&1; then
  env $clean MANTIK_JOB_NAME="$name" setsid bash "$folder/.mantik/job.sh" </dev/null >>mantik.log 2>&1 &
else
  env MANTIK_JOB_NAME="$name" perl -MPOSIX -e '$SIG{INT} = $SIG{QUIT} = "DEFAULT"; POSIX::setsid(); exec @ARGV' \
    bash "$folder/.mantik/job.sh" </dev/null >>mantik.log 2>&1 &
fi
pid=$!
start_of "$pid" && echo "id=$pid:$start"
tries=250
while [ $tries -gt 0 ] && [ ! -f .mantik/owner ] && kill -0 "$pid" 2>/dev/null; do
  sleep 0.02 2>/dev/null || { sleep 1; tries=$((tries - 49)); }
  tries=$((tries - 1))
done
while read -r line; do case $line in id=*) echo "owner=${line#id=}";; esac; done <.mantik/owner 2>/dev/null
exit 0
"""

_FIND = r"""
if [ -r "$folder/.mantik/owner" ]; then
  while read -r line; do case $line in id=*) echo "${line#id=}"; exit 0;; esac; done <"$folder/.mantik/owner"
fi
script=$folder/.mantik/job.sh
if [ -r "$proc/self/stat" ]; then
  pids=$(grep -lzxF "MANTIK_JOB_NAME=$name" "$proc"/[0-9]*/environ 2>/dev/null | sed 's|.*/\([0-9]*\)/environ|\1|')
else
  pids=$(ps -A -o pid= -o args= | awk -v script="$script" 'index($0, "bash " script) { print $1 }')
fi
for pid in $pids; do
  start_of "$pid" || continue
  case $state in [ZX]*) continue;; esac
  # Only the leader of a session is the job; the others are its children.
  [ -z "$session" ] || [ "$session" = "$pid" ] || continue
  echo "$pid:$start"; exit 0
done
"""

_CANCEL = r"""
mantik=$folder/.mantik
[ -d "$mantik" ] || { echo "the run folder is gone"; exit 0; }
attempt=$mantik/attempt-1 number=1
for found in "$mantik"/attempt-*; do
  [ -d "$found" ] && [ "${found##*-}" -ge "$number" ] && attempt=$found number=${found##*-}
done
[ ! -f "$attempt/ended" ] || { echo "the job has ended already"; exit 0; }
mkdir -p "$attempt" && echo "host=$(hostname)" >"$attempt/.cancel.$$" && mv -f "$attempt/.cancel.$$" "$attempt/cancel"
{ while read -r line; do case $line in id=*) id=${line#id=};; esac; done <"$mantik/owner"; } 2>/dev/null
leader=${id%%:*}
[ -n "$leader" ] || { echo "the job has no process yet"; exit 0; }
if start_of "$leader" && [ "$leader:$start" = "$id" ]; then
  case $state in [ZX]*) ;; *)
    if [ -z "$force" ]; then
      # A stopped process hears TERM only once it goes on.
      kill -TERM "$leader" && kill -CONT "$leader" && echo "asked process $leader to end"; exit 0
    fi;;
  esac
elif start_of "$leader"; then
  echo "process $leader is another one by now"; exit 0
fi
wanted=" $leader " groups=
for file in "$mantik"/attempt-*/forked; do
  [ -f "$file" ] && groups="$groups $(sed -n 's/^group=//p' "$file")=$leader"
done
members=$(processes | while read -r session pid state start; do
  case $state in [ZX]*) continue;; esac
  if [ "$pid" != "$leader" ] && [ -r "$proc/$pid/environ" ]; then
    tr '\0' '\n' <"$proc/$pid/environ" | grep -qxF "MANTIK_JOB_NAME=$name" || continue
  fi
  echo "$pid:$start"
done)
[ -n "$members" ] || { echo "no process of the job is left"; exit 0; }
for member in $members; do
  if [ -n "$force" ]; then kill -KILL "${member%%:*}"; else kill -TERM "${member%%:*}"; fi
done
echo "sent a signal to" $members
[ -z "$force" ] || exit 0
# The job script is gone, so this stands in for its grace time.
(
  trap '' HUP
  sleep "$grace"
  for member in $members; do
    start_of "${member%%:*}" && [ "${member%%:*}:$start" = "$member" ] && kill -KILL "${member%%:*}"
  done
) >/dev/null 2>&1 &
exit 0
"""

IDENTITY = r"""
  if { read -r line <@PROC@/$$/stat; } 2>/dev/null; then
    set -- ${line##*) }; me=$$:${20}
  else
    set -- $(LC_ALL=C ps -o lstart= -p $$); me=$$:$(IFS=_; echo "$*")
  fi"""
"""Bash that sets `me` to what `launch` calls the job."""


def query(jobs: Sequence[JobRef], proc: str) -> str:
    wants = [f"want {shlex.quote(job.folder)} {shlex.quote(job.job_id)}" for job in jobs]
    shows = [f"job {number} {shlex.quote(job.folder)}" for number, job in enumerate(jobs)]
    return "\n".join([_set(proc=proc), _TABLE, _QUERY, *wants, "look", *shows, "echo done"])


def launch(folder: str, name: str, slots_dir: str, slots: int, proc: str) -> str:
    values = _set(proc=proc, folder=folder, name=name, slots_dir=slots_dir, slots=str(slots))
    return values + _START_TIME + _LAUNCH


def find(name: str, folder: str, proc: str) -> str:
    return _set(proc=proc, name=name, folder=folder) + _START_TIME + _FIND


def cancel(job: JobRef, grace_s: int, proc: str, *, force: bool) -> str:
    values = _set(
        proc=proc,
        folder=job.folder,
        name=job.name,
        id=job.job_id,
        grace=str(grace_s),
        force="1" if force else "",
    )
    return values + _START_TIME + _TABLE + _CANCEL


def _set(**values: str) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
