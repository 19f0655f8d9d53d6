<?php

/*
 * Works on jobs of beanstalkd through the gateway. PHP 8.1 or later with its extension curl: a wait of PHP's own
 * http:// streams cannot be cut off. The extension pcntl lets it finish its job on SIGTERM.
 *
 *     TUBES=mail,sms php worker.php ./command argument
 *
 * A job's body is the command's standard input; exit code 0 means done. See ../README.md.
 */

declare(strict_types=1);

const WAIT = 30; // seconds that beanstalkd may let us wait for a job
const PATIENCE = 10; // seconds for an answer, beyond that
const FIRST_DELAY = 5; // seconds until a failed job is tried again, doubled each time
const LONGEST_DELAY = 600;

/**
 * Does one job, and tells whether it is done. Put your own here. Call $mayGoOn() between steps, every second or so: it
 * touches the job in time. When it is false, stop: the job is to be given back, or no longer ours.
 */
function work(string $body, callable $mayGoOn): bool
{
    $stdin = tmpfile();
    fwrite($stdin, $body);
    rewind($stdin);
    // By setsid, where there is one, Ctrl-C does not reach the command, and a kill reaches all that it started.
    $setsid = is_executable('/usr/bin/setsid') ? ['/usr/bin/setsid'] : [];
    $command = proc_open([...$setsid, ...array_slice($GLOBALS['argv'], 1)], [$stdin], $pipes);
    while (($status = proc_get_status($command))['running']) {
        if (!$mayGoOn()) {
            $setsid && function_exists('posix_kill') ? posix_kill(-$status['pid'], 9) : proc_terminate($command, 9);
        }
        usleep(20_000);
    }
    return $status['exitcode'] === 0;
}

final class Job
{
    public bool $isLost = false;
    private float $touchAt;
    private float $oursUntil;

    public function __construct(
        private readonly string $path,
        private readonly string $name,
        private readonly int $ttr,
        private readonly int $tries,
    ) {
        $this->touchAt = microtime(true) + $ttr / 3;
        $this->oursUntil = microtime(true) + $ttr;
    }

    /** Does it, and tells the gateway what became of it. */
    public function do(string $body): void
    {
        try {
            $done = work($body, fn () => $this->keep() && Signals::$count < 2);
        } catch (Throwable $error) {
            note("{$this->name}: {$error->getMessage()}");
            $done = false;
        }
        $delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** ($this->tries - 1));
        match (true) {
            $this->isLost => note("{$this->name}: no longer ours, left alone"),
            $done => $this->settle('DELETE', '', 'done'),
            Signals::$count > 1 => $this->settle('POST', '/release', 'given back'),
            $this->tries >= (int) setting('MAX_TRIES', '5') =>
                $this->settle('POST', '/bury', "tried {$this->tries} times, buried"),
            default => $this->settle('POST', "/release?delay=$delay", "failed, again in $delay s"),
        };
    }

    /** Touches it when that is due. What cannot be touched in time is lost, too. */
    private function keep(): bool
    {
        $now = microtime(true);
        if ($this->isLost || $now < $this->touchAt) {
            return !$this->isLost;
        }
        [$status] = call('POST', $this->path . '/touch', min($this->ttr / 3, PATIENCE));
        if ($status === 200) {
            $this->touchAt = $now + $this->ttr / 3;
            $this->oursUntil = $now + $this->ttr;
        } else {
            $this->touchAt = microtime(true) + min($this->ttr / 3, 1);
            $this->isLost = $status === 404 || $status === 410 || microtime(true) > $this->oursUntil;
        }
        return !$this->isLost;
    }

    /** Repeats the call while the job may be ours. The gateway never carries it out too late. */
    private function settle(string $method, string $path, string $what): void
    {
        $oursUntil = microtime(true) + $this->ttr;
        for ($attempts = 1; ; $attempts++) {
            $answer = [$status] = call($method, $this->path . $path, PATIENCE);
            if ($status === 204) {
                note("{$this->name}: $what");
                return;
            }
            if ($status === 404 || $status === 410 || microtime(true) > $oursUntil) {
                note("{$this->name}: $what, but too late: no longer ours");
                return;
            }
            usleep((int) (holdOff($answer, $attempts) * 1e6));
        }
    }
}

/** Status, headers and body of the answer. Without one, status is 0 and the body says why. A signal may cut off a wait. */
function call(string $method, string $path, float $seconds, bool $waits = false): array
{
    $headers = [];
    $key = getenv('KEY');
    $curl = curl_init(rtrim(setting('GATEWAY_URL', 'http://127.0.0.1:8080'), '/') . $path);
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => ['Accept: application/octet-stream, */*;q=0.5', ...($key ? ["Authorization: Bearer $key"] : [])],
        CURLOPT_TIMEOUT_MS => (int) ($seconds * 1000),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
            [$name, $value] = [...explode(':', $line, 2), ''];
            $headers[strtolower($name)] = trim($value);
            return strlen($line);
        },
        CURLOPT_NOPROGRESS => !$waits,
        CURLOPT_PROGRESSFUNCTION => fn () => Signals::$count,
    ]);
    $body = curl_exec($curl);
    return $body === false
        ? [0, [], curl_error($curl)]
        : [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $headers, $body];
}

/** The seconds until the next attempt. A refusal that does not heal by itself ends the worker. */
function holdOff(array $answer, int $attempts): float
{
    [$status, $headers, $body] = $answer;
    $what = ($status ?: 'no answer') . ': ' . substr(preg_replace('/\s+/', ' ', $body), 0, 300);
    if ($status >= 300 && $status < 500 && $status !== 408 && $status !== 429) {
        note("refused, $what");
        exit(1);
    }
    $retryAfter = $headers['retry-after'] ?? '';
    $growing = 2 ** min($attempts, 5) * random_int(250, 500) / 1000;
    $seconds = (float) (ctype_digit($retryAfter) ? $retryAfter : $growing);
    note(sprintf('%s; again in %.1f s', $what, $seconds));
    return $seconds;
}

function setting(string $name, string $otherwise): string
{
    return getenv($name) ?: $otherwise;
}

function note(string $line): void
{
    fwrite(STDERR, "$line\n");
}

/** The first ends a wait, or makes the job at hand the last. The second gives that job back. */
final class Signals
{
    public static int $count = 0;
}

if ($argc < 2) {
    note('usage: worker.php command [argument ...]');
    exit(1);
}
if (function_exists('pcntl_async_signals')) {
    pcntl_async_signals(true);
    pcntl_signal(SIGTERM, fn () => Signals::$count++);
    pcntl_signal(SIGINT, fn () => Signals::$count++);
}
$tubes = array_map(fn ($tube) => '&tube=' . rawurlencode($tube), explode(',', setting('TUBES', 'default')));
$path = '/v1/reservations?timeout=' . WAIT . implode($tubes);
for ($attempts = 0; Signals::$count === 0;) {
    $answer = [$status, $headers, $body] = call('POST', $path, WAIT + PATIENCE, waits: true);
    $attempts = $status === 201 || $status === 204 ? 0 : $attempts + 1;
    if ($status === 201) {
        $name = "job {$headers['job-id']} of {$headers['job-tube']}";
        $reservation = "/v1/reservations/{$headers['reservation']}";
        (new Job($reservation, $name, (int) $headers['job-ttr'], (int) $headers['job-reserves']))->do($body);
    } elseif ($attempts > 0 && Signals::$count === 0) {
        $until = microtime(true) + holdOff($answer, $attempts);
        while (microtime(true) < $until && Signals::$count === 0) {
            usleep(100_000);
        }
    }
}
