package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.org/worker/gateway"
)

// noText is not valid UTF-8.
var noText = []byte{0x00, 0xff, 0xfe, 0x0a, 0x80}

func bytesThatAreNoText(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-bytes"
	priority, ttr := int64(7), int64(30)
	put := must(client.PutJobWithBodyWithResponse(
		ctx, tube, &gateway.PutJobParams{Priority: &priority, Ttr: &ttr}, "application/octet-stream", bytes.NewReader(noText)))
	equal("status", put.StatusCode(), http.StatusCreated)
	equal("state", put.JSON201.State, gateway.PutAnswerStateReady)

	reserved := must(client.ReserveJobsWithResponse(ctx, tube, nil)).JSON200.Reservations[0]
	equal("id", reserved.Job.Id, put.JSON201.Id)
	equal("priority", reserved.Job.Priority, priority)
	equal("ttr", reserved.Job.Ttr, ttr)
	equal("encoding", reserved.Encoding, gateway.EncodingBase64)
	equal("body", string(must(base64.StdEncoding.DecodeString(reserved.Body))), string(noText))
	must(client.DeleteReservedJobWithResponse(ctx, reserved.Reservation))
}

func rawBytes(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-raw"
	id := put(ctx, client, tube, string(noText))

	raw := must(client.ReserveJobsWithResponse(ctx, tube, nil, func(_ context.Context, request *http.Request) error {
		request.Header.Set("Accept", "application/octet-stream")
		return nil
	}))
	equal("status", raw.StatusCode(), http.StatusCreated)
	equal("body", string(raw.Body), string(noText))
	equal("id", raw.Headers201.JobId, id)
	must(client.DeleteReservedJobWithResponse(ctx, raw.Headers201.Reservation))
}

func putOnce(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-once"
	key := fmt.Sprintf("story-%d", time.Now().UnixNano())
	for range 2 {
		must(client.PutJobWithBodyWithResponse(
			ctx, tube, &gateway.PutJobParams{IdempotencyKey: &key}, "text/plain", strings.NewReader("work")))
	}
	equal("jobs", must(client.GetTubeWithResponse(ctx, tube)).JSON200.TotalJobs, 1)
}

func batchOfJobs(ctx context.Context, client *gateway.ClientWithResponses) {
	encoding := gateway.EncodingBase64
	delay := int64(100)
	results := must(client.PutJobsWithResponse(ctx, "story-batch", nil, gateway.NewJobs{Jobs: []gateway.NewJob{
		{Body: "one"},
		{Body: "no base64", Encoding: &encoding},
		{Body: "dHdv", Encoding: &encoding, Delay: &delay},
	}})).JSON200.Results
	equal("results", len(results), 3)
	equal("status", results[0].Status, http.StatusCreated)
	equal("status", results[1].Status, http.StatusBadRequest)
	equal("type", *results[1].Type, "/problems/invalid-request")
	equal("title", *results[1].Title, "The request is not valid")
	equal("detail", strings.Contains(*results[1].Detail, "base64"), true)
	equal("outcome", *results[1].Outcome, gateway.OutcomeNone)
	equal("status", results[2].Status, http.StatusCreated)
	equal("state", *results[2].State, gateway.JobStateDelayed)
}

func touching(ctx context.Context, client *gateway.ClientWithResponses) {
	put(ctx, client, "story-touch", "work")
	reserved := reserve(ctx, client, "story-touch")
	time.Sleep(2 * time.Millisecond)
	touched := must(client.TouchReservedJobWithResponse(ctx, reserved.Reservation)).JSON200
	equal("later", touched.ExpiresAt.After(reserved.ExpiresAt), true)
	must(client.DeleteReservedJobWithResponse(ctx, reserved.Reservation))
}

func releasedWithADelay(ctx context.Context, client *gateway.ClientWithResponses) {
	id := put(ctx, client, "story-release", "work")
	delay := int64(100)
	reserved := reserve(ctx, client, "story-release")
	released := must(client.ReleaseReservedJobWithResponse(
		ctx, reserved.Reservation, &gateway.ReleaseReservedJobParams{Delay: &delay}))
	equal("status", released.StatusCode(), http.StatusNoContent)

	job := must(client.GetJobWithResponse(ctx, id, nil)).JSON200.Job
	equal("state", job.State, gateway.JobStateDelayed)
	equal("time left", job.TimeLeft > 90, true)
	equal("status", must(client.KickJobWithResponse(ctx, id)).StatusCode(), http.StatusNoContent)
	again := reserve(ctx, client, "story-release")
	equal("releases", again.Job.Releases, 1)
	must(client.DeleteReservedJobWithResponse(ctx, again.Reservation))
}

func buriedAndKicked(ctx context.Context, client *gateway.ClientWithResponses) {
	tube := "story-bury"
	id := put(ctx, client, tube, "work")
	reserved := reserve(ctx, client, tube)
	buried := must(client.BuryReservedJobWithResponse(ctx, reserved.Reservation, nil))
	equal("status", buried.StatusCode(), http.StatusNoContent)

	peeked := must(client.PeekJobWithResponse(ctx, tube, &gateway.PeekJobParams{State: gateway.UnheldStateBuried}))
	equal("id", peeked.JSON200.Job.Id, id)
	kicked := must(client.KickJobsWithResponse(ctx, tube, &gateway.KickJobsParams{Bound: 10}))
	equal("kicked", kicked.JSON200.Kicked, 1)
	must(client.DeleteReservedJobWithResponse(ctx, reserve(ctx, client, tube).Reservation))
}

func deletedTwice(ctx context.Context, client *gateway.ClientWithResponses) {
	put(ctx, client, "story-delete", "work")
	reservation := reserve(ctx, client, "story-delete").Reservation
	for range 2 {
		deleted := must(client.DeleteReservedJobWithResponse(ctx, reservation))
		equal("status", deleted.StatusCode(), http.StatusNoContent)
	}
	_, err := client.TouchReservedJobWithResponse(ctx, reservation)
	problem := problemOf(err)
	equal("status", problem.Status, http.StatusGone)
	equal("type", problem.Type, "/problems/reservation-ended")
	equal("reason", *problem.Reason, "deleted")
}

// put is the id of a new job.
func put(ctx context.Context, client *gateway.ClientWithResponses, tube, body string) string {
	answer := must(client.PutJobWithBodyWithResponse(ctx, tube, nil, "text/plain", strings.NewReader(body)))
	return answer.JSON201.Id
}

// reserve takes a job that is there.
func reserve(ctx context.Context, client *gateway.ClientWithResponses, tube string) gateway.Reservation {
	reservations := must(client.ReserveJobsWithResponse(ctx, tube, nil)).JSON200.Reservations
	equal("reservations", len(reservations), 1)
	return reservations[0]
}
