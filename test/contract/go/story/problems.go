package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"

	"example.org/worker/gateway"
)

func refusals(ctx context.Context, client *gateway.ClientWithResponses) {
	count := int32(101)
	_, err := client.ReserveJobsWithResponse(ctx, "story-refusals", &gateway.ReserveJobsParams{Count: &count})
	invalid := refused(err, http.StatusBadRequest, "invalid-request")
	equal("errors", len(*invalid.Errors), 1)
	equal("name", (*invalid.Errors)[0].Name, "count")
	equal("in", (*invalid.Errors)[0].In, gateway.InvalidPartInQuery)
	equal("outcome", *invalid.Outcome, gateway.OutcomeNone)

	_, err = client.GetJobWithResponse(ctx, "18446744073709551615", nil)
	refused(err, http.StatusNotFound, "job-not-found")
	_, err = client.GetTubeWithResponse(ctx, "story-nowhere")
	refused(err, http.StatusNotFound, "tube-not-found")
	_, err = client.DeleteReservedJobWithResponse(ctx, "made-up")
	refused(err, http.StatusNotFound, "reservation-not-found")

	id := put(ctx, client, "story-refusals", "work")
	_, err = client.KickJobWithResponse(ctx, id)
	var state gateway.JobState
	var problem *gateway.Problem
	if errors.As(err, &problem) && problem.Type == "/problems/job-state-conflict" {
		state = *problem.State
	}
	equal("state", state, gateway.JobStateReady)

	_, err = client.PutJobWithBodyWithResponse(
		ctx, "story-refusals", nil, "application/octet-stream", bytes.NewReader(make([]byte, 65_536)))
	equal("largest", *refused(err, http.StatusRequestEntityTooLarge, "job-too-big").MaxJobSize, 65_535)
}

// generatedProblems shows what the generated client alone makes of a problem.
func generatedProblems(ctx context.Context) {
	client := must(gateway.NewClientWithResponses(os.Getenv("GATEWAY_URL")))
	answer := must(client.GetJobWithResponse(ctx, "18446744073709551615", nil))
	equal("status", answer.StatusCode(), http.StatusNotFound)
	equal("type", answer.ApplicationproblemJSON404.Type, "/problems/job-not-found")
}

func keys(ctx context.Context) {
	url := os.Getenv("KEYED_URL")
	anonymous, insider := clientOf(url), clientOf(url, withKey(os.Getenv("KEY")))

	_, err := putInto(ctx, anonymous, "story-keys")
	refused(err, http.StatusUnauthorized, "unauthorized")
	_, err = putInto(ctx, insider, "elsewhere")
	refused(err, http.StatusForbidden, "forbidden")
	equal("status", must(putInto(ctx, insider, "story-keys")).StatusCode(), http.StatusCreated)
}

// everyOtherProblem is answered by a server that gives each of them in turn.
func everyOtherProblem(ctx context.Context) {
	client := clientOf(os.Getenv("MIRROR_URL"))
	names := strings.Split(os.Getenv("MIRRORED"), ",")
	equal("several", len(names) > 10, true)
	for _, name := range names {
		_, err := putInto(ctx, client, name)
		problem := problemOf(err)
		equal("type", problem.Type, "/problems/"+name)
		equal("an error", problem.Status >= http.StatusBadRequest, true)
		equal("outcome of "+name, problem.Outcome.Valid(), true)
		if problem.Status == http.StatusServiceUnavailable {
			equal("outcome of "+name, *problem.Outcome, gateway.OutcomeNone)
		}
	}
}

// refused is the problem that a call failed with, which is this one.
func refused(err error, status int32, name string) *gateway.Problem {
	problem := problemOf(err)
	equal("type", problem.Type, "/problems/"+name)
	equal("status", problem.Status, status)
	return problem
}

func putInto(ctx context.Context, client *gateway.ClientWithResponses, tube string) (*gateway.PutJobResponse, error) {
	return client.PutJobWithBodyWithResponse(ctx, tube, nil, "text/plain", strings.NewReader("work"))
}
