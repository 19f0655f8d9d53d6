package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"example.org/worker/gateway"
)

// must is the answer of a call that did not fail.
func must[T any](answer T, err error) T {
	if err != nil {
		fail("failed: %v", err)
	}
	return answer
}

func equal[T comparable](what string, got, want T) {
	if got != want {
		fail("%s: got %v, want %v", what, got, want)
	}
}

// problemOf is the problem that a call failed with.
func problemOf(err error) *gateway.Problem {
	var problem *gateway.Problem
	if !errors.As(err, &problem) {
		fail("no problem, but %v", err)
	}
	return problem
}

// fail names the line of the story, two calls up.
func fail(format string, arguments ...any) {
	_, file, line, _ := runtime.Caller(2)
	fmt.Fprintf(os.Stderr, "%s:%d: %s\n", file, line, fmt.Sprintf(format, arguments...))
	os.Exit(1)
}
