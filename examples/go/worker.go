//go:build unix

// Worker works on jobs of beanstalkd through the gateway. Go 1.21 or later, its standard library alone.
//
//	go build && TUBES=mail,sms ./worker ./command argument
//
// A job's body is the command's standard input; exit code 0 means done. See ../README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	wait                     = 30 * time.Second // that beanstalkd may let us wait for a job
	patience                 = 10 * time.Second // for an answer, beyond that
	firstDelay, longestDelay = 5, 600           // seconds until a failed job is tried again, doubled each time
)

var (
	gateway     = strings.TrimRight(setting("GATEWAY_URL", "http://127.0.0.1:8080"), "/")
	tubes       = strings.Split(setting("TUBES", "default"), ",")
	maxTries, _ = strconv.Atoi(setting("MAX_TRIES", "5"))
	client      = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	errLost     = errors.New("no longer ours")
)

// work does one job; nil means done. Put your own here. When ctx ends, stop: the job is to be given back, or is
// no longer ours.
func work(ctx context.Context, body []byte) error {
	command := exec.CommandContext(ctx, os.Args[1], os.Args[2:]...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(body), os.Stdout, os.Stderr
	// In a process group of its own, Ctrl-C does not reach it, and a kill reaches all that it started.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	return command.Run()
}

type job struct {
	path, name string
	ttr        time.Duration
	tries      int
	body       []byte
}

// do does the job, or gives it back when ctx ends.
func (j job) do(ctx context.Context) {
	working, cancel := context.WithCancelCause(ctx)
	go func() { cancel(j.keep(working)) }()
	err := work(working, j.body)
	cancel(nil)
	switch delay := min(firstDelay<<min(j.tries-1, 10), longestDelay); {
	case context.Cause(working) == errLost:
		log.Printf("%s: no longer ours, left alone", j.name)
	case err == nil:
		j.settle("DELETE", "", "done")
	case ctx.Err() != nil:
		j.settle("POST", "/release", "given back")
	case j.tries >= maxTries:
		j.settle("POST", "/bury", fmt.Sprintf("tried %d times, buried (%v)", j.tries, err))
	default:
		j.settle("POST", fmt.Sprint("/release?delay=", delay), fmt.Sprintf("failed, again in %d s (%v)", delay, err))
	}
}

// keep touches until ctx ends or the job is lost. What cannot be touched in time is lost, too.
func (j job) keep(ctx context.Context) error {
	interval, oursUntil := j.ttr/3, time.Now().Add(j.ttr)
	for pause := interval; sleep(ctx, pause); {
		askedAt := time.Now()
		status := call(ctx, "POST", j.path+"/touch", min(interval, patience)).status
		switch {
		case status == 200:
			pause, oursUntil = interval, askedAt.Add(j.ttr)
		case status == 404, status == 410, time.Now().After(oursUntil):
			return errLost
		default:
			pause = min(interval, time.Second)
		}
	}
	return ctx.Err()
}

// settle repeats the call while the job may be ours. The gateway never carries it out too late.
func (j job) settle(method, path, what string) {
	oursUntil := time.Now().Add(j.ttr)
	for attempts := 1; ; attempts++ {
		a := call(context.Background(), method, j.path+path, patience)
		if a.status == 204 {
			log.Printf("%s: %s", j.name, what)
			return
		}
		if a.status == 404 || a.status == 410 || time.Now().After(oursUntil) {
			log.Printf("%s: %s, but too late: no longer ours", j.name, what)
			return
		}
		time.Sleep(a.holdOff(attempts))
	}
}

// answer has the status 0 where none came; its body then says why.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func call(ctx context.Context, method, path string, timeout time.Duration) answer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, gateway+path, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Accept", "application/octet-stream, */*;q=0.5")
	if key := os.Getenv("KEY"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{body: []byte("no answer: " + err.Error())}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: []byte("no answer: " + err.Error())}
	}
	return answer{response.StatusCode, response.Header, body}
}

func (a answer) job() job {
	ttr, _ := strconv.Atoi(a.header.Get("Job-Ttr"))
	tries, _ := strconv.Atoi(a.header.Get("Job-Reserves"))
	name := fmt.Sprintf("job %s of %s", a.header.Get("Job-Id"), a.header.Get("Job-Tube"))
	return job{"/v1/reservations/" + a.header.Get("Reservation"), name, time.Duration(ttr) * time.Second, tries, a.body}
}

// holdOff is the time until the next attempt. A refusal that does not heal by itself ends the worker.
func (a answer) holdOff(attempts int) time.Duration {
	what := fmt.Sprintf("%d: %.300s", a.status, bytes.Join(bytes.Fields(a.body), []byte(" ")))
	if a.status == 0 {
		what = string(a.body)
	}
	if a.status >= 300 && a.status < 500 && a.status != 408 && a.status != 429 {
		log.Fatal("refused, ", what)
	}
	pause := time.Duration(float64(time.Second<<min(attempts, 5)) * (1 + rand.Float64()) / 4)
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
		pause = time.Duration(seconds) * time.Second
	}
	log.Printf("%s; again in %.1f s", what, pause.Seconds())
	return pause
}

// sleep is false when ctx has ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || maxTries < 1 {
		log.Fatal("usage: [MAX_TRIES=number] worker command [argument ...]")
	}
	// The first signal ends the wait, or makes the job at hand the last. The second gives that job back.
	taking, stop := context.WithCancel(context.Background())
	working, giveBack := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		stop()
		<-signals
		giveBack()
	}()
	query := url.Values{"timeout": {fmt.Sprint(wait.Seconds())}, "tube": tubes}.Encode()
	for attempts := 0; taking.Err() == nil; {
		a := call(taking, "POST", "/v1/reservations?"+query, wait+patience)
		switch {
		case a.status == 201:
			attempts = 0
			a.job().do(working)
		case a.status == 204:
			attempts = 0
		case taking.Err() == nil:
			attempts++
			sleep(taking, a.holdOff(attempts))
		}
	}
}
