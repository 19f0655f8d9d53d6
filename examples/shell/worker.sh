#!/bin/sh
# Works on jobs of beanstalkd through the gateway. A POSIX shell, curl 7.55 or later, awk and mktemp.
#
#     TUBES=mail,sms sh worker.sh ./command argument
#
# A job's body is the command's standard input; exit code 0 means done. See ../README.md.
set -u

gateway=${GATEWAY_URL:-http://127.0.0.1:8080}
gateway=${gateway%/}
tubes=$(printf '%s' "${TUBES:-default}" | sed 's/+/%2B/g; s/,/\&tube=/g')
max_tries=${MAX_TRIES:-5}
longest_wait=30                 # seconds that beanstalkd may let us wait for a job
patience=10                     # seconds for an answer, beyond that
first_delay=5 longest_delay=600 # seconds until a failed job is tried again, doubled each time

[ $# -gt 0 ] || { echo 'usage: worker.sh command [argument ...]' >&2; exit 1; }
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
# In a file, since everybody can read a command line.
printf 'Accept: application/octet-stream, */*;q=0.5\n' >"$dir/headers"
[ -z "${KEY:-}" ] || printf 'Authorization: Bearer %s\n' "$KEY" >>"$dir/headers"

# Does one job, whose body is on standard input; exit code 0 means done. Put your own here. It is killed when the job
# is to be given back, or no longer ours; setsid, where there is one, lets the kill reach all that it started.
setsid=$(command -v setsid)
work() { exec ${setsid:+"$setsid"} "$@"; }
end_work() { kill -s KILL -- "-$working" 2>/dev/null || kill -s KILL "$working"; }

log() { echo "$*" >&2; }
now() { date +%s; }
header() { awk -v name="$2:" 'tolower($1) == name { sub(/\r$/, ""); print $2 }' "$dir/$1.head"; }

# call METHOD PATH SECONDS FILE: prints the status. With exec, so that $! of a call in the background is curl itself.
call() {
  : >"$dir/$4.head"
  : >"$dir/$4.body"
  exec curl -s -X "$1" -m "$3" -H "@$dir/headers" -D "$dir/$4.head" -o "$dir/$4.body" -w '%{http_code}' "$gateway$2"
}

# The first signal ends a wait, or makes the job at hand the last; the second gives that job back.
signals=0 idling='' working=''
on_signal() {
  signals=$((signals + 1))
  [ -z "$idling" ] || kill -s KILL "$idling" 2>/dev/null
  [ -z "$working" ] || [ "$signals" -lt 2 ] || end_work
}
trap on_signal TERM INT

# wait_for PID: its exit code, also when signals interrupt the waiting.
wait_for() {
  wait "$1" 2>/dev/null
  code=$?
  while kill -0 "$1" 2>/dev/null; do wait "$1" 2>/dev/null; code=$?; done
  return "$code"
}

# Waits for what was last started in the background, until a signal: no trap runs during another command than wait.
idle() {
  idling=$!
  [ "$signals" -eq 0 ] || kill -s KILL "$idling" 2>/dev/null
  wait_for "$idling"
  code=$? idling=''
  return "$code"
}

# Touches in the background while the file $ours is there. Removes it, and ends the work, when the job is lost: what
# cannot be touched in time is lost, too.
keep() {
  # Within a ttr below three seconds sleep has to know fractions, as those of GNU, BSD and BusyBox do.
  if [ "$ttr" -ge 3 ]; then step=1 interval=$((ttr / 3)); else step=0.3 interval=0; fi
  touch_at=$(($(now) + interval)) ours_until=$(($(now) + ttr))
  while sleep "$step" && [ -e "$ours" ]; do
    asked_at=$(now)
    [ "$asked_at" -ge "$touch_at" ] || continue
    case $(call POST "$path/touch" "$((ttr < 3 * patience ? interval + 1 : patience))" touch) in
      200) touch_at=$((asked_at + interval)) ours_until=$((asked_at + ttr)) ;;
      404 | 410) break ;;
      *) [ "$(now)" -le "$ours_until" ] || break ;;
    esac
  done
  # Only one of us can remove it: when the work has ended before, its process id may be another's by now.
  rm "$ours" && end_work
}

# settle METHOD PATH WHAT: repeats it while the job may be ours. The gateway never carries it out too late.
settle() {
  ours_until=$(($(now) + ttr)) attempts=0
  while :; do
    status=$(call "$1" "$path$2" "$patience" settle) || status=000
    case $status in
      204) log "$name: $3"; return ;;
      404 | 410) break ;;
    esac
    [ "$(now)" -le "$ours_until" ] || break
    hold_off settle
    sleep "$seconds"
  done
  log "$name: $3, but too late: no longer ours"
}

# hold_off FILE: sets the seconds until the next attempt. A refusal that does not heal by itself ends the worker.
hold_off() {
  what="$status: $(tr -s '[:space:]' ' ' <"$dir/$1.body" | cut -c 1-300)"
  case $status in
    000) what='no answer' ;;
    408 | 429) ;;
    3?? | 4??) log "refused, $what"; exit 1 ;;
  esac
  attempts=$((attempts + 1))
  seconds=$(header "$1" retry-after)
  case $seconds in
    '' | *[!0-9]*) seconds=$(awk -v n="$attempts" -v seed="$(($(now) + $$))" \
      'BEGIN { srand(seed); print int(2 ^ (n < 5 ? n : 5) * (1 + rand()) / 4) + 1 }') ;;
  esac
  log "$what; again in $seconds s"
}

do_job() {
  name="job $(header job job-id) of $(header job job-tube)"
  path=/v1/reservations/$(header job reservation) ttr=$(header job job-ttr) tries=$(header job job-reserves)
  ours=$dir/${path##*/}
  : >"$ours"
  work "$@" <"$dir/job.body" &
  working=$!
  [ "$signals" -lt 2 ] || end_work
  (keep) >/dev/null 2>&1 &
  wait_for "$working"
  result=$? working=''
  if ! rm "$ours" 2>/dev/null; then
    log "$name: no longer ours, left alone"
  elif [ "$result" -eq 0 ]; then
    settle DELETE '' 'done'
  elif [ "$signals" -gt 1 ]; then
    settle POST /release 'given back'
  elif [ "$tries" -ge "$max_tries" ]; then
    settle POST /bury "tried $tries times, buried"
  else
    delay=$first_delay
    while [ "$tries" -gt 1 ] && [ "$delay" -lt "$longest_delay" ]; do delay=$((delay * 2)) tries=$((tries - 1)); done
    [ "$delay" -le "$longest_delay" ] || delay=$longest_delay
    settle POST "/release?delay=$delay" "failed, again in $delay s"
  fi
}

attempts=0
while [ "$signals" -eq 0 ]; do
  call POST "/v1/reservations?timeout=$longest_wait&tube=$tubes" $((longest_wait + patience)) job >"$dir/status" &
  if idle; then status=$(cat "$dir/status"); else status=000; fi
  case $status in
    201) attempts=0; do_job "$@" ;;
    204) attempts=0 ;;
    *)
      [ "$signals" -eq 0 ] || break
      hold_off job
      sleep "$seconds" &
      idle
      ;;
  esac
done
exit 0
